//! Random runbooks against a random world, with crashes anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use runbook::model::approval::{Principal, Vote};
use runbook::model::call::{Ended, Failure, FailureKind};
use runbook::model::event::{
    Decision, FailureChoice, GateOpened, Happened, ManualOutcome, Outcome, Resolution, ResolvedBy,
};
use runbook::model::ids::Attempt;
use runbook::model::people::{Actor, Way};
use runbook::model::{Digest, Duration, Event, Value};
use runbook::plan::Plan;
use runbook::run::{Act, Asked, Fact, Need, PersonNeeded, Run, fold};
use runbook::spec::environment::{GateRule, Gates, Policy, Unattended};

use super::chance::Chance;
use super::driver::{Driver, Left, Script, Stroke, run_id, trace};
use super::generate::{others, runbooks};
use super::story::{gives, login, plan_of, usual};

/// How many runs are made; `SIMULATED_RUNS` asks for more.
fn runs() -> u64 {
    let asked = std::env::var("SIMULATED_RUNS");
    asked.map_or(2_500, |runs| runs.parse().unwrap())
}

/// The world and the people, by chance.
#[derive(Clone, Debug)]
struct Weather {
    chance: Chance,
    /// How often something goes wrong, in percent.
    bad: usize,
    crashes: usize,
    cancels: usize,
    patience: usize,
    /// Whether there are times at which nobody is there.
    absent: bool,
    /// Whether the process waits for the clock then.
    waits: bool,
    /// How often somebody still does something unforeseen: takes all back, breaks the glass, or
    /// does nothing for a while.
    turns: usize,
}

impl Weather {
    fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed ^ 0xabcd);
        let bad = [0, 10, 30, 60][chance.below(4)];
        let crashes = [0, 1, 4][chance.below(3)];
        let cancels = usize::from(chance.percent(15));
        let absent = chance.percent(20);
        let waits = chance.percent(50);
        let turns = [0, 0, 1, 3][chance.below(4)];
        Self {
            chance,
            bad,
            crashes,
            cancels,
            patience: 30,
            absent,
            waits,
            turns,
        }
    }

    /// Somebody who says something about a gate, whether or not they may.
    fn somebody(&mut self, digest: Digest) -> Fact {
        let name = self
            .chance
            .one(&["li", "mo", "bo", "kim", "ada", "eve", "li@db1"]);
        Fact::Vote {
            digest,
            vote: match self.chance.percent(15) {
                true => Vote::Decline,
                false => Vote::Approve,
            },
            voter: Box::new(login(name)),
            reason: None,
        }
    }

    fn ended(&mut self) -> Ended {
        let output = |chance: &mut Chance| {
            let state = chance.one(&["poured", "full", "odd"]);
            let (n, ok) = (chance.below(3), chance.percent(70));
            gives(&format!(
                r#"{{"n": {n}, "ok": {ok}, "state": "{state}", "names": ["a", "b"]}}"#
            ))
        };
        if !self.chance.percent(self.bad) {
            return output(&mut self.chance);
        }
        match self.chance.below(10) {
            0 => Ended::TimedOut,
            1 => Ended::Unknown("it went away".to_owned()),
            2 => Ended::Failed(Failure::new(FailureKind::NotStarted, "not there"), None),
            3 => match output(&mut self.chance) {
                Ended::Succeeded(value) => {
                    Ended::Failed(Failure::new(FailureKind::Answer, "no"), Some(value))
                }
                other => other,
            },
            4 => Ended::Cancelled,
            _ => Ended::Failed(Failure::new(FailureKind::Exit, "boom"), None),
        }
    }
}

impl Script for Weather {
    fn act(&mut self, _: &Act) -> Ended {
        self.ended()
    }

    fn look(&mut self, _: &Asked) -> Ended {
        self.ended()
    }

    fn verify(&mut self, _: &Asked) -> Ended {
        self.ended()
    }

    fn person(&mut self, needed: &PersonNeeded) -> Option<Fact> {
        if self.absent && self.chance.percent(15) {
            return None;
        }
        self.patience = self.patience.saturating_sub(1);
        let tired = self.patience == 0;
        let way = Way::Terminal;
        let reason = Some("because".to_owned());
        Some(match &needed.need {
            Need::Gate(gate) if !tired && self.chance.percent(10) => self.somebody(gate.digest),
            Need::Gate(gate) => Fact::Gate {
                digest: gate.digest,
                decision: match self.chance.below(20) {
                    0 => Decision::Decline,
                    1 | 2 => Decision::Skip,
                    _ => Decision::Approve,
                },
                way,
                reason,
            },
            Need::Approvals { gate, .. } => match self.chance.below(20) {
                0..4 if !tired => self.somebody(gate.digest),
                4 => Fact::Gate {
                    digest: gate.digest,
                    decision: Decision::Approve,
                    way: Way::Yes,
                    reason,
                },
                5 => Fact::Gate {
                    digest: gate.digest,
                    decision: Decision::Decline,
                    way,
                    reason,
                },
                _ => usual(&needed.need),
            },
            Need::Ask { choices, .. } => Fact::Answer {
                answer: choices[self.chance.below(choices.len())].0.as_str().into(),
                suggested: None,
                way,
            },
            Need::Manual { .. } => Fact::Reported {
                outcome: match self.chance.below(8) {
                    0 => ManualOutcome::Failed,
                    1 => ManualOutcome::Skipped,
                    _ => ManualOutcome::Done,
                },
                output: Value::None,
                way,
                note: None,
            },
            Need::Failure {
                choices,
                unattended,
                ..
            } => match unattended {
                Some(choice) if self.chance.percent(20) => Fact::Chosen {
                    choice: *choice,
                    way: Way::Rule,
                    reason: None,
                },
                _ => Fact::Chosen {
                    choice: if tired {
                        FailureChoice::Stop
                    } else {
                        choices[self.chance.below(choices.len())]
                    },
                    way,
                    reason,
                },
            },
            Need::Doubt { .. } => Fact::Settled {
                resolution: match self.chance.below(8) {
                    0 if !tired => Resolution::Again,
                    1 if !tired => Resolution::DidNotHappen,
                    2 => Resolution::Skip,
                    3 => Resolution::Stop,
                    _ => Resolution::Happened,
                },
                reason: "because".to_owned(),
            },
        })
    }

    fn pick(&mut self, of: usize, _: bool) -> usize {
        self.chance.below(of)
    }

    fn waits(&self) -> bool {
        self.waits
    }

    fn after(&mut self, event: &Event, _: usize) -> Option<Stroke> {
        let closed = matches!(event.what, Happened::RunClosed(_));
        if self.turns > 0 && self.chance.percent(if closed { 40 } else { 5 }) {
            self.turns -= 1;
            return Some(match self.chance.below(4) {
                _ if closed => Stroke::Undo,
                0 => Stroke::Undo,
                1 => Stroke::Glass,
                _ => Stroke::Wait(Duration::from_secs(70)),
            });
        }
        if self.crashes > 0 && self.chance.percent(6) {
            self.crashes -= 1;
            return Some(Stroke::Crash);
        }
        if self.cancels > 0 && self.chance.percent(4) {
            self.cancels -= 1;
            return Some(Stroke::Cancel);
        }
        None
    }
}

/// The plan of a seed, under a policy of the seed's.
pub fn random_plan(seed: u64) -> (String, Arc<Plan>) {
    let (text, other) = runbooks(seed);
    let mut chance = Chance::new(seed ^ 0x1234);
    let rules = [GateRule::None, GateRule::Confirm, GateRule::Challenge];
    let change = rules[chance.below(2)];
    let policy = Policy {
        unattended: Unattended::Allow,
        gates: Gates {
            change: change.into(),
            destructive: rules[chance.below(3)].max(change).into(),
        },
        ..Policy::default()
    };
    let mut plan = plan_of(&text, &[("other", &other)], policy);
    others(&mut plan, &mut chance);
    (format!("{text}\n# other:\n{other}"), Arc::new(plan))
}

/// A run of a seed, to its end.
pub fn random_run(seed: u64) -> (String, Run, Vec<Event>) {
    let (text, plan) = random_plan(seed);
    let mut driver = Driver::open(Arc::clone(&plan), Weather::new(seed));
    let mut absences = 0;
    while let Left::Needs(_) = driver.go() {
        absences += 1;
        assert!(absences < 1_000, "nobody comes");
        driver = Driver::resume(Arc::clone(&plan), &driver.events, driver.script);
    }
    reviewed(&mut driver.run, &mut driver.events);
    (text, driver.run, driver.events)
}

/// Others look at what was done without their approval.
fn reviewed(run: &mut Run, events: &mut Vec<Event>) {
    for open in run.reviews_open() {
        for name in ["ada", "li", "mo", "eve", "bo", "kim"] {
            let event = Event {
                at: events.last().unwrap().at,
                step: None,
                attempt: None,
                actor: Actor::Engine,
                what: Happened::ReviewSigned {
                    of: open.of.clone(),
                    voter: login(name),
                    reason: "looked".to_owned(),
                },
            };
            if run.apply(&event).is_ok() {
                assert_ne!(name, "ada");
                events.push(event);
            }
        }
    }
}

#[test]
fn whatever_happens_the_run_comes_to_an_end_and_keeps_its_promises() {
    let mut events_seen = 0;
    let mut kinds: BTreeMap<&'static str, usize> = BTreeMap::new();
    let runs = runs();
    for seed in 0..runs {
        let told = Telling(seed);
        let (_, run, events) = random_run(seed);
        events_seen += events.len();
        for event in &events {
            *kinds.entry(event.what.kind()).or_default() += 1;
        }
        assert!(run.closing().is_some());
        let again = fold(run_id(), Arc::clone(run.plan()), &events).unwrap();
        assert!(again == run, "folded again, it is another run");
        no_attempt_starts_twice(&events);
        nothing_that_is_gated_starts_without_its_decision(&run, &events);
        nothing_starts_without_enough_others(&events);
        keys_are_one_act(&events);
        finally_is_done(&run);
        every_undo_is_done_once(&events);
        std::mem::forget(told);
    }
    println!("{runs} runs, {events_seen} events, {kinds:?}");
    // Chance must reach everything that can happen, or it proves nothing.
    let unseen: Vec<_> = Happened::KINDS
        .iter()
        .filter(|kind| !kinds.contains_key(**kind) && !["note_added", "recovered"].contains(kind))
        .collect();
    assert!(unseen.is_empty(), "{unseen:?}");
}

/// Says which seed it was when a test fails.
struct Telling(u64);

impl Drop for Telling {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (text, _) = random_plan(self.0);
            println!("seed {}\n{text}", self.0);
        }
    }
}

fn key(event: &Event) -> &str {
    event.step.as_ref().map_or("", |step| step.as_str())
}

fn no_attempt_starts_twice(events: &[Event]) {
    let mut seen: BTreeSet<(&str, Option<Attempt>)> = BTreeSet::new();
    for event in events {
        if matches!(event.what, Happened::StepStarted(_)) {
            let new = seen.insert((key(event), event.attempt));
            assert!(new, "{} started twice\n{}", key(event), trace(events));
        }
    }
}

/// A step whose gate has no condition starts right after a decision about exactly this.
fn nothing_that_is_gated_starts_without_its_decision(run: &Run, events: &[Event]) {
    let mut gates: BTreeMap<&str, (&GateOpened, Option<Attempt>, bool)> = BTreeMap::new();
    for event in events {
        match &event.what {
            Happened::GateOpened(gate) => {
                gates.insert(key(event), (&**gate, event.attempt, false));
            }
            Happened::GateDecided { decision, .. } => {
                let gate = gates.get_mut(key(event)).unwrap();
                gate.2 = *decision == Decision::Approve;
            }
            Happened::StepStarted(started) => {
                let view = run.step(event.step.as_ref().unwrap()).unwrap();
                let gate = view.node().gate.as_ref();
                if gate.is_none_or(|gate| gate.condition.is_some() || gate.once) {
                    continue;
                }
                let (gate, attempt, approved) = gates
                    .remove(key(event))
                    .unwrap_or_else(|| panic!("{} has no gate\n{}", key(event), trace(events)));
                let shown = |digest: &Digest| {
                    let works = gate.works.iter();
                    works
                        .map(|work| work.digest().unwrap())
                        .any(|d| d == *digest)
                };
                assert!(
                    approved && attempt == event.attempt && shown(&started.digest),
                    "{}",
                    trace(events)
                );
            }
            _ => {}
        }
    }
}

/// A key stands for one act: the same over automatic attempts, another one after the act was done
/// or after a person decided to try it again.
fn keys_are_one_act(events: &[Event]) {
    let mut last: BTreeMap<&str, (&str, bool, bool)> = BTreeMap::new();
    let mut decided = 0;
    let mut decided_at: BTreeMap<&str, usize> = BTreeMap::new();
    for event in events {
        match &event.what {
            Happened::StepStarted(started) => {
                let step = key(event);
                let id = started.key.0.as_str();
                if let Some((before, done, retried)) = last.get(step) {
                    if *done || *retried {
                        assert_ne!(*before, id, "{step}\n{}", trace(events));
                    } else if decided_at[step] == decided {
                        assert_eq!(*before, id, "{step}\n{}", trace(events));
                    }
                }
                last.insert(step, (id, false, false));
                decided_at.insert(step, decided);
            }
            Happened::StepFinished(finished) if finished.outcome == Outcome::Succeeded => {
                last.get_mut(key(event)).unwrap().1 = true;
            }
            Happened::StepResolved { resolution, by, .. } => {
                assert!(*by != ResolvedBy::Read || *resolution == Resolution::Again);
                if *resolution == Resolution::Happened {
                    last.get_mut(key(event)).unwrap().1 = true;
                }
            }
            Happened::UndoRequested { .. } => decided += 1,
            Happened::FailureDecided {
                choice: FailureChoice::Retry | FailureChoice::MarkDone,
                ..
            } => {
                decided += 1;
                if let Some(last) = last.get_mut(key(event)) {
                    last.2 = true;
                }
            }
            _ => {}
        }
    }
}

/// Whatever happened before, every step of `finally` had its turn.
fn finally_is_done(run: &Run) {
    let plan = run.plan();
    for child in plan.node(plan.finally).does.children() {
        let step = run.steps().find(|step| step.node_ix() == *child).unwrap();
        let status = step.status();
        let ended = status.is_settled() || status == runbook::model::Status::Unknown;
        assert!(ended, "{} is {status}", step.key());
    }
}

/// What is taken back is listed once, and once more for each time that a closed run was opened
/// again for it.
fn every_undo_is_done_once(events: &[Event]) {
    let (mut begun, mut closed) = (0, false);
    for event in events {
        match event.what {
            Happened::RunClosed(_) => closed = true,
            Happened::UndoRequested { .. } if closed => begun = 0,
            Happened::UndoBegun { .. } => begun += 1,
            _ => {}
        }
        assert!(begun <= 1, "{}", trace(events));
    }
}

/// Behind a gate that asks for approvals nothing starts before enough others said yes to what this
/// opening of it showed; counted here from the events alone.
fn nothing_starts_without_enough_others(events: &[Event]) {
    struct Seen<'a> {
        gate: &'a GateOpened,
        may: Vec<&'a Principal>,
        voted: BTreeSet<&'a str>,
        stood_in: bool,
    }
    let mut gates: BTreeMap<&str, Seen<'_>> = BTreeMap::new();
    for event in events {
        match &event.what {
            Happened::GateOpened(gate) => {
                let seen = Seen {
                    gate,
                    may: gate
                        .approvals
                        .iter()
                        .flat_map(|asked| &asked.people)
                        .collect(),
                    voted: BTreeSet::new(),
                    stood_in: false,
                };
                gates.insert(key(event), seen);
            }
            Happened::GateEscalated { people, .. } => {
                gates.get_mut(key(event)).unwrap().may.extend(people);
            }
            Happened::GateDecided { way, .. } => {
                gates.get_mut(key(event)).unwrap().stood_in = *way == Way::Yes;
            }
            Happened::ApprovalGiven {
                digest,
                vote: Vote::Approve,
                voter,
                ..
            } => {
                let seen = gates.get_mut(key(event)).unwrap();
                let asked = seen.gate.approvals.as_ref().unwrap();
                let who = voter.principal.as_str();
                assert!(
                    *digest == seen.gate.digest && who != "ada",
                    "{}",
                    trace(events)
                );
                let may = asked.from.is_empty() || seen.may.contains(&&voter.principal);
                assert!(
                    may && !asked.excludes(&voter.principal),
                    "{}",
                    trace(events)
                );
                let new = seen.voted.insert(who.split('@').next().unwrap());
                assert!(new, "{who} counts twice\n{}", trace(events));
            }
            Happened::StepStarted(_) => {
                let Some(seen) = gates.remove(key(event)) else {
                    continue;
                };
                let Some(asked) = &seen.gate.approvals else {
                    continue;
                };
                let enough = seen.voted.len() >= asked.count as usize;
                assert!(
                    enough || asked.afterwards || seen.stood_in,
                    "{}",
                    trace(events)
                );
            }
            _ => {}
        }
    }
}
