//! What drives a run where the engine would: commands become events, a script stands for the
//! world and for people, and time is the test's.

use std::collections::HashSet;
use std::sync::Arc;

use runbook::model::call::{Ended, Failure, FailureKind};
use runbook::model::event::{Happened, ParkReason, RunOpened};
use runbook::model::ids::{Attempt, RunId, StepKey};
use runbook::model::output::Streams;
use runbook::model::people::{Actor, Person};
use runbook::model::{Digest, Duration, Event, Timestamp, Value};
use runbook::plan::Plan;
use runbook::run::{
    Act, Asked, Command, Draft, Fact, Input, Look, PersonNeeded, Poller, Replied, Run, Then, fold,
    invariants,
};

/// What stands for the world and for people.
pub trait Script {
    /// How an act ends.
    fn act(&mut self, act: &Act) -> Ended;
    /// What the look before acting sees.
    fn look(&mut self, asked: &Asked) -> Ended;
    /// What `verify` sees.
    fn verify(&mut self, asked: &Asked) -> Ended;
    /// What a person says; none where nobody is there.
    fn person(&mut self, needed: &PersonNeeded) -> Option<Fact>;
    /// Which of so many things that could come next comes next; the last is a person's answer,
    /// where somebody is asked.
    fn pick(&mut self, of: usize, asked: bool) -> usize;
    /// What happens to the run as a whole after this event.
    fn after(&mut self, event: &Event, nth: usize) -> Option<Stroke>;
    /// Whether the process waits for the clock where nobody answers, rather than let go.
    fn waits(&self) -> bool {
        false
    }
}

/// Something that happens to the run as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stroke {
    /// The process dies, and the run is taken up again.
    Crash,
    /// Somebody cancels the run.
    Cancel,
    /// Somebody asks for what was done to be taken back, if there is anything.
    Undo,
    /// The operator goes on without approvals, if they may.
    Glass,
    /// Nothing happens for so long.
    Wait(Duration),
}

/// Why the driving ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Left {
    /// The run is closed.
    Closed,
    /// Nobody is there who could say this.
    Needs(Box<PersonNeeded>),
}

/// A start, as it was recorded.
#[derive(Clone, Debug)]
pub struct Started {
    pub step: String,
    pub attempt: Attempt,
    pub key: String,
    pub words: String,
}

enum What {
    Act(Act),
    Look(Asked),
    Verify(Asked),
}

struct Flying {
    what: What,
    asked: Timestamp,
    due: Timestamp,
    poller: Option<Box<Poller>>,
}

/// Drives one run.
pub struct Driver<S> {
    pub run: Run,
    pub script: S,
    pub now: Timestamp,
    pub events: Vec<Event>,
    pub rounds: usize,
    /// Somebody cuts every pause short.
    pub cut_pauses: bool,
    flight: Vec<Flying>,
    reading: HashSet<(StepKey, Attempt, &'static str)>,
    strokes: Vec<Stroke>,
}

pub fn start_of_time() -> Timestamp {
    "2026-11-20T19:53:59Z".parse().unwrap()
}

pub fn ada() -> Person {
    Person {
        user: "ada".to_owned(),
        uid: 1000,
        login_uid: Some(1000),
        host: "ops-1".to_owned(),
        terminal: None,
    }
}

pub fn run_id() -> RunId {
    "story-20261120T195359Z-7k3f".parse().unwrap()
}

pub fn opened(plan: &Plan) -> Happened {
    Happened::RunOpened(Box::new(RunOpened {
        runbook: plan.runbook.clone(),
        runbook_blob: Digest::of(b"runbook"),
        plan_blob: Digest::of(b"plan"),
        bindings_blob: Digest::of(b"bindings"),
        policy_blob: Digest::of(b"policy"),
        params: plan.scopes[0].params.clone(),
        environment: plan.environment.clone(),
        real: plan.real,
        severity: None,
        simulation: None,
        operator: ada(),
        yes: false,
        version: "0.1.0".to_owned(),
        ledger: None,
    }))
}

pub fn resumed() -> Happened {
    Happened::RunResumed {
        operator: ada(),
        version: "0.1.0".to_owned(),
    }
}

pub fn of_run(what: Happened) -> Draft {
    Draft {
        step: None,
        attempt: None,
        what,
    }
}

/// The events as a trace that a person can read.
pub fn trace(events: &[Event]) -> String {
    let mut text = String::new();
    for (i, event) in events.iter().enumerate() {
        let what = serde_json::to_string(&event.what).unwrap();
        let what: String = what.chars().take(260).collect();
        let step = event.step.as_ref().map_or("-", StepKey::as_str);
        let attempt = event.attempt.map_or(0, |attempt| attempt.0);
        text.push_str(&format!("{i:4} {} {step}#{attempt} {what}\n", event.at));
    }
    text
}

impl<S: Script> Driver<S> {
    /// A run that has just been opened.
    pub fn open(plan: Arc<Plan>, script: S) -> Self {
        let what = opened(&plan);
        let mut driver = Self {
            run: Run::new(run_id(), plan),
            script,
            now: start_of_time(),
            events: Vec::new(),
            rounds: 0,
            cut_pauses: false,
            flight: Vec::new(),
            reading: HashSet::new(),
            strokes: Vec::new(),
        };
        driver.happen(of_run(what), true);
        driver.take_lock();
        driver
    }

    /// A run that is taken up again from its journal.
    pub fn resume(plan: Arc<Plan>, events: &[Event], script: S) -> Self {
        let run = fold(run_id(), plan, events)
            .unwrap_or_else(|e| panic!("the events do not fold: {e}\n{}", trace(events)));
        let last = events.last().map_or_else(start_of_time, |event| event.at);
        let mut driver = Self {
            run,
            script,
            now: Duration::from_secs(60).after(last),
            events: events.to_vec(),
            rounds: 0,
            cut_pauses: false,
            flight: Vec::new(),
            reading: HashSet::new(),
            strokes: Vec::new(),
        };
        if driver.run.closing().is_none() {
            driver.happen(of_run(resumed()), true);
            driver.take_lock();
        }
        driver
    }

    fn take_lock(&mut self) {
        if let Some(name) = self.run.lock_due().map(str::to_owned) {
            self.happen(of_run(Happened::LockTaken { name, from: None }), true);
        }
    }

    /// Something that may be refused.
    fn try_to(&mut self, what: Happened) {
        let event = Event {
            at: self.now,
            step: None,
            attempt: None,
            actor: Actor::Person(ada()),
            what: what.clone(),
        };
        if self.run.clone().apply(&event).is_ok() {
            self.happen(of_run(what), true);
            self.take_lock();
        }
    }

    fn happen(&mut self, draft: Draft, by_person: bool) {
        let event = Event {
            at: self.now,
            step: draft.step,
            attempt: draft.attempt,
            actor: if by_person {
                Actor::Person(ada())
            } else {
                Actor::Engine
            },
            what: draft.what,
        };
        self.events.push(event.clone());
        if let Err(illegal) = self.run.apply(&event) {
            panic!("illegal: {illegal}\n{}", trace(&self.events));
        }
        if let Err(violation) = invariants::check(&self.run) {
            panic!("{violation}\n{}", trace(&self.events));
        }
        let nth = self.events.len();
        self.strokes.extend(self.script.after(&event, nth));
    }

    fn strike(&mut self, stroke: Stroke) {
        if self.run.closing().is_some() && stroke != Stroke::Undo {
            return;
        }
        match stroke {
            Stroke::Crash => {
                let plan = Arc::clone(self.run.plan());
                let run = fold(run_id(), plan, &self.events)
                    .unwrap_or_else(|e| panic!("{e}\n{}", trace(&self.events)));
                assert!(run == self.run, "{}", trace(&self.events));
                self.run = run;
                self.flight.clear();
                self.reading.clear();
                self.now = Duration::from_secs(60).after(self.now);
                self.happen(of_run(resumed()), true);
                self.take_lock();
            }
            Stroke::Wait(time) => self.now = time.after(self.now),
            Stroke::Undo => {
                let reason = "it made things worse".to_owned();
                self.try_to(Happened::UndoRequested { reason });
            }
            Stroke::Glass => {
                let reason = "nobody can be reached".to_owned();
                let group = "lead".parse().unwrap();
                self.try_to(Happened::GlassBroken { reason, group });
            }
            Stroke::Cancel => {
                let reason = "enough".to_owned();
                self.happen(of_run(Happened::CancelRequested { reason }), true);
            }
        }
    }

    /// Records all that follows from the state, in batches as the engine does. Says what a person
    /// is needed for, and until when there is nothing to do.
    fn derive(&mut self) -> (Vec<PersonNeeded>, Option<Timestamp>) {
        loop {
            let (mut changed, mut wait) = (false, None);
            let mut needs = Vec::new();
            self.rounds += 1;
            assert!(self.rounds < 2_000_000, "the run goes round in circles");
            for command in self.run.commands(self.now) {
                match command {
                    Command::Record(draft) if self.run.stands(&draft, self.now) => {
                        self.happen(draft, false);
                        changed = true;
                    }
                    Command::Record(_) => {}
                    Command::Act(act) => {
                        let draft = Draft {
                            step: Some(act.step.clone()),
                            attempt: Some(act.attempt),
                            what: Happened::StepStarted(Box::new(act.started.clone())),
                        };
                        if self.run.stands(&draft, self.now) {
                            self.happen(draft, false);
                            self.launch(*act);
                            changed = true;
                        }
                    }
                    Command::Look(asked) => self.read(asked, "look"),
                    Command::Verify(asked) => self.read(asked, "verify"),
                    Command::Person(needed) => needs.push(needed),
                    Command::WaitUntil(moment) => wait = Some(moment),
                }
                // A dead process does not carry out the rest of its batch.
                if let Some(stroke) = self.strokes.pop() {
                    self.strike(stroke);
                    changed = true;
                    break;
                }
            }
            if !changed {
                return (needs, wait);
            }
        }
    }

    fn launch(&mut self, act: Act) {
        let poller = act.polled.then(|| {
            let step = self.run.step(&act.step).unwrap();
            let spec = step.node().how.poll.clone().unwrap();
            Box::new(Poller::begin(spec, self.now))
        });
        self.flight.push(Flying {
            what: What::Act(act),
            asked: self.now,
            due: self.now,
            poller,
        });
    }

    fn read(&mut self, asked: Asked, kind: &'static str) {
        if self
            .reading
            .insert((asked.step.clone(), asked.attempt, kind))
        {
            let what = if kind == "look" {
                What::Look(asked)
            } else {
                What::Verify(asked)
            };
            self.flight.push(Flying {
                what,
                asked: self.now,
                due: self.now,
                poller: None,
            });
        }
    }

    fn admit(&mut self, step: &StepKey, attempt: Attempt, fact: Fact, by_person: bool) -> bool {
        let input = Input {
            step: step.clone(),
            attempt,
            fact,
        };
        match self.run.admit(input, self.now) {
            Ok(draft) => {
                self.happen(draft, by_person);
                true
            }
            Err(_) => false,
        }
    }

    /// Something that was under way has ended.
    fn land(&mut self, flying: Flying) {
        let Flying {
            what,
            asked,
            mut poller,
            ..
        } = flying;
        self.now = Duration::from_secs(1).after(self.now);
        let took = Duration::between(asked, self.now);
        let act = match what {
            What::Look(read) => {
                self.reading
                    .remove(&(read.step.clone(), read.attempt, "look"));
                let ended = self.script.look(&read);
                self.admit(&read.step, read.attempt, Fact::Looked(ended), false);
                return;
            }
            What::Verify(read) => {
                self.reading
                    .remove(&(read.step.clone(), read.attempt, "verify"));
                let ended = self.script.verify(&read);
                self.admit(&read.step, read.attempt, Fact::Verified(ended), false);
                return;
            }
            What::Act(act) => act,
        };
        let ended = self.script.act(&act);
        let replied = |ended| {
            Fact::Replied(Replied {
                ended,
                streams: Streams::default(),
                notes: Vec::new(),
                took,
            })
        };
        let Some(polling) = &mut poller else {
            self.admit(&act.step, act.attempt, replied(ended), false);
            return;
        };
        let (met, output) = match &ended {
            Ended::Succeeded(output) => {
                (self.run.poll_met(&act.step, output), Some(output.clone()))
            }
            Ended::Failed(failure, output) => (Err(failure.clone()), output.clone()),
            other => {
                let message = format!("{other:?}");
                (Err(Failure::new(FailureKind::Answer, message)), None)
            }
        };
        let failure = met.clone().err();
        let look = Look { met, output };
        let next = polling.seen(asked, self.now, &look);
        if next.note {
            let draft = Draft {
                step: Some(act.step.clone()),
                attempt: Some(act.attempt),
                what: Happened::PollSeen {
                    met: matches!(look.met, Ok(true)),
                    output: look.output.clone(),
                    failure,
                },
            };
            if self.run.stands(&draft, self.now) {
                self.happen(draft, false);
            }
        }
        match next.then {
            Then::Again(due) => self.flight.push(Flying {
                what: What::Act(act),
                asked: due,
                due,
                poller,
            }),
            Then::Met => {
                self.admit(&act.step, act.attempt, replied(ended), false);
            }
            Then::TimedOut(failure) => {
                let fact = Fact::GaveUp {
                    failure,
                    output: look.output,
                    streams: Streams::default(),
                    notes: Vec::new(),
                    took,
                };
                self.admit(&act.step, act.attempt, fact, false);
            }
        }
    }

    /// Nobody waits for what a poll might still see once nothing new starts around it.
    fn end_polls(&mut self) -> bool {
        let idle = self.flight.iter().position(|flying| {
            let What::Act(act) = &flying.what else {
                return false;
            };
            let stopping = self.run.step(&act.step).unwrap().is_stopping();
            flying.poller.is_some() && flying.due > self.now && stopping
        });
        let Some(idle) = idle else {
            return false;
        };
        let Flying { what, .. } = self.flight.remove(idle);
        if let What::Act(act) = what {
            let fact = Fact::Replied(Replied {
                ended: Ended::Cancelled,
                streams: Streams::default(),
                notes: Vec::new(),
                took: Duration::ZERO,
            });
            self.admit(&act.step, act.attempt, fact, false);
        }
        true
    }

    /// Drives the run until it is closed or somebody is needed who is not there.
    pub fn go(&mut self) -> Left {
        loop {
            while let Some(stroke) = self.strokes.pop() {
                self.strike(stroke);
            }
            let (needs, wait) = self.derive();
            if self.run.closing().is_some() {
                return Left::Closed;
            }
            if self.end_polls() {
                continue;
            }
            let due: Vec<usize> = (0..self.flight.len())
                .filter(|i| self.flight[*i].due <= self.now)
                .collect();
            let choices = due.len() + usize::from(!needs.is_empty());
            if choices > 0 {
                let picked = self.script.pick(choices, !needs.is_empty());
                match due.get(picked) {
                    Some(index) => {
                        let flying = self.flight.remove(*index);
                        self.land(flying);
                    }
                    None => {
                        let nth = self.script.pick(needs.len(), false);
                        let needed = &needs[nth];
                        let Some(fact) = self.script.person(needed) else {
                            let waits = wait.is_some() && self.script.waits();
                            if due.is_empty() && self.flight.is_empty() && !waits {
                                return self.park(needed.clone());
                            }
                            let Some(index) = due.first() else {
                                self.skip_time(wait);
                                continue;
                            };
                            let flying = self.flight.remove(*index);
                            self.land(flying);
                            continue;
                        };
                        self.now = Duration::from_secs(5).after(self.now);
                        let (step, attempt) = (needed.step.clone(), needed.attempt);
                        let admitted = self.admit(&step, attempt, fact.clone(), true);
                        // What others say may be refused: that is theirs to find out.
                        let anything = matches!(fact, Fact::Vote { .. });
                        assert!(
                            admitted || anything,
                            "stale: {fact:?}\n{}",
                            trace(&self.events)
                        );
                    }
                }
                continue;
            }
            if self.cut_pauses && self.cut_a_pause() {
                continue;
            }
            self.skip_time(wait);
        }
    }

    fn cut_a_pause(&mut self) -> bool {
        let pausing = self.run.steps().find(|step| step.pauses_until().is_some());
        let Some((step, attempt)) = pausing.map(|step| (step.key().clone(), step.attempt())) else {
            return false;
        };
        let reason = "it is quiet".to_owned();
        self.admit(&step, attempt, Fact::Cut { reason }, true)
    }

    fn skip_time(&mut self, wait: Option<Timestamp>) {
        let next = self.flight.iter().map(|flying| flying.due).chain(wait);
        let Some(next) = next.min() else {
            panic!(
                "nothing is to be done, and the run is not closed\n{}\n{:#?}",
                trace(&self.events),
                self.run.steps().collect::<Vec<_>>().len()
            );
        };
        self.now = self.now.max(next);
    }

    fn park(&mut self, needed: PersonNeeded) -> Left {
        let reason = ParkReason::NeedsPerson;
        self.happen(of_run(Happened::RunParked { reason }), false);
        Left::Needs(Box::new(needed))
    }
}

/// What was started, in order.
pub fn starts(events: &[Event]) -> Vec<Started> {
    events
        .iter()
        .filter_map(|event| match &event.what {
            Happened::StepStarted(started) => Some(Started {
                step: event.step.as_ref().unwrap().to_string(),
                attempt: event.attempt.unwrap(),
                key: started.key.to_string(),
                words: match &started.work {
                    runbook::model::call::Work::Call(call) => call.words.join(" "),
                    runbook::model::call::Work::Process(process) => format!("{process:?}"),
                },
            }),
            _ => None,
        })
        .collect()
}

/// A value from JSON.
pub fn json(text: &str) -> Value {
    let plain: serde_json::Value = serde_json::from_str(text).unwrap();
    Value::from_plain(&plain)
}
