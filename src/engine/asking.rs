//! Answers from people: prepared ones at once, a person's when it comes, one question at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::answerers::Answerer;
use super::driver::{Driver, Flight, Incoming, LAST_LINES};
use super::error::EngineError;
use super::pager::{Part, Printed};
use super::people::{Question, Said, unattended};
use crate::model::approval::Proof;
use crate::model::call::Work;
use crate::model::event::{FailureChoice, Happened, ParkReason};
use crate::model::ids::{Attempt, StepKey};
use crate::model::output::BlobRef;
use crate::model::people::{Actor, Way};
use crate::model::text::escape_keeping_newlines;
use crate::model::{Event, Timestamp};
use crate::plan::{Node, NodeDoes};
use crate::report::{TakenBack, taken_back};
use crate::run::{Act, Fact, Input, Need, PersonNeeded, Run};
use crate::spec::environment::Unattended;

impl Driver<'_> {
    /// Answers a need at once where that is possible; else a person will be asked.
    pub(super) fn person(
        &mut self,
        needed: PersonNeeded,
        flight: &mut Flight,
        now: Timestamp,
    ) -> Result<bool, EngineError> {
        match self.prepared.answer(&needed) {
            Ok(Some(fact)) => return self.take_at(&needed.step, needed.attempt, fact, now),
            Ok(None) => {}
            Err(unanswered) => {
                if flight.unfit.insert(needed.step.clone()) {
                    tracing::warn!(step = %needed.step, "{}", unanswered.0);
                }
            }
        }
        if self.people.is_some() {
            if !flight.needs.contains(&needed) {
                flight.needs.push_back(needed);
            }
            return Ok(false);
        }
        match unattended(&needed.need) {
            Some(fact) => self.take_at(&needed.step, needed.attempt, fact, now),
            None => {
                let reason = match needed.need {
                    Need::Doubt { .. } => ParkReason::InDoubt,
                    _ => ParkReason::NeedsPerson,
                };
                flight.leave.get_or_insert(reason);
                Ok(false)
            }
        }
    }

    /// Lets an outside fact become an event. A stale one is dropped.
    pub(super) fn take(
        &mut self,
        step: &StepKey,
        attempt: Attempt,
        fact: Fact,
    ) -> Result<bool, EngineError> {
        let now = self.clock.now();
        self.take_at(step, attempt, fact, now)
    }

    fn take_at(
        &mut self,
        step: &StepKey,
        attempt: Attempt,
        fact: Fact,
        at: Timestamp,
    ) -> Result<bool, EngineError> {
        let fact = self.redacted(fact);
        let by_operator = match &fact {
            Fact::Gate { way, .. }
            | Fact::Answer { way, .. }
            | Fact::Reported { way, .. }
            | Fact::Chosen { way, .. } => *way != Way::Rule,
            Fact::Settled { .. } | Fact::Cut { .. } => true,
            Fact::Vote { .. }
            | Fact::Replied(_)
            | Fact::GaveUp { .. }
            | Fact::Looked(_)
            | Fact::Verified(_) => false,
        };
        let actor = match &fact {
            Fact::Vote { voter, .. } => match &voter.proof {
                Proof::Login(person) => Actor::Person(person.clone()),
                // A ballot says itself who speaks, whoever brought it.
                Proof::Signature(_) => Actor::Engine,
            },
            _ if by_operator => Actor::Person(self.operator.clone()),
            _ => Actor::Engine,
        };
        let input = Input {
            step: step.clone(),
            attempt,
            fact,
        };
        match self.run.admit(input, at) {
            Ok(draft) => {
                self.record_at(draft, actor, at)?;
                Ok(true)
            }
            Err(stale) => {
                tracing::debug!("stale: {stale}");
                Ok(false)
            }
        }
    }

    /// Whether a call is a person's to carry out, and nobody can be asked: it is not begun.
    pub(super) fn nobody_carries(&self, act: &Act) -> bool {
        self.people.is_none()
            && matches!(
                self.answerers.of(&self.run, &act.step, &act.started.work),
                Some(Answerer::Person)
            )
    }

    /// Drops the questions that do not stand any more: the state has moved on.
    pub(super) fn keep_standing(&self, standing: &[PersonNeeded], flight: &mut Flight) {
        let carried = &flight.carried;
        let stands = |needed: &PersonNeeded| {
            standing.contains(needed)
                || carried.contains_key(&(needed.step.clone(), needed.attempt))
        };
        flight.needs.retain(stands);
        if flight.asking.as_ref().is_some_and(|asked| !stands(asked)) {
            self.withdraw_question();
        }
    }

    /// Whoever is being asked need not answer any more.
    pub(super) fn withdraw_question(&self) {
        if let Some(people) = &self.people {
            people.withdraw();
        }
    }

    /// Asks about the first need, if nobody is being asked.
    pub(super) fn ask_next(&mut self, flight: &mut Flight) {
        if flight.asking.is_some() || flight.holds() {
            return;
        }
        let (Some(people), Some(needed)) = (&self.people, flight.needs.front().cloned()) else {
            return;
        };
        let people = Arc::clone(people);
        let question = self.question(&needed, flight);
        let out = flight.out.clone();
        flight.asking = Some(needed.clone());
        self.reporter.suspend();
        people.make_ready();
        tokio::task::spawn_blocking(move || {
            let ask = AssertUnwindSafe(|| people.ask(&question));
            let said = catch_unwind(ask).unwrap_or(Said::Gone);
            let _ = out.send(Incoming::Said(Box::new(needed), Box::new(said)));
        });
    }

    /// A need with what the screen shows around it, and with what its step has printed.
    pub(super) fn question(&self, needed: &PersonNeeded, flight: &Flight) -> Question {
        let printed = match &needed.need {
            Need::Failure { .. } | Need::Doubt { .. } => self.printed(needed),
            _ => None,
        };
        let last_lines = match (flight.last_lines.get(&needed.step), &printed) {
            (Some(lines), _) => lines.iter().cloned().collect(),
            // It was printed to a process that is no more.
            (None, Some(printed)) => printed.last_lines(LAST_LINES),
            (None, None) => Vec::new(),
        };
        Question {
            last_lines,
            printed: printed.map(Arc::new),
            revealed: match &needed.need {
                Need::Manual {
                    reveal: Some(secret),
                    ..
                } => self.answerers.processes().issued_secret(secret),
                _ => None,
            },
            back: match &needed.need {
                Need::Failure { choices, .. } if choices.contains(&FailureChoice::Undo) => {
                    taken_back(&self.run)
                }
                _ => TakenBack::default(),
            },
            earlier: match &needed.need {
                Need::Gate(_) | Need::Approvals { .. } => self.said_before(needed),
                _ => None,
            },
            ..question(&self.run, needed)
        }
    }

    /// What the attempt before this one failed with; none where there was none.
    fn said_before(&self, needed: &PersonNeeded) -> Option<String> {
        if needed.attempt == Attempt::FIRST {
            return None;
        }
        let report = self.writer.run().read().ok()?;
        let earlier = report.events().filter(|event| {
            event.step.as_ref() == Some(&needed.step)
                && event
                    .attempt
                    .is_some_and(|attempt| attempt < needed.attempt)
        });
        let failures = earlier.filter_map(|event| match &event.what {
            Happened::StepFinished(finished) => finished.failure.as_ref(),
            _ => None,
        });
        let failure = failures.last()?;
        Some(escape_keeping_newlines(&failure.message).replace('\n', " / "))
    }

    /// What was kept of what a step printed at its last attempt; none where that is nothing.
    fn printed(&self, needed: &PersonNeeded) -> Option<Printed> {
        let dir = self.writer.run();
        let report = dir.read().ok()?;
        let of_this = |event: &&Event| {
            event.step.as_ref() == Some(&needed.step) && event.attempt == Some(needed.attempt)
        };
        let streams = report
            .events()
            .filter(of_this)
            .filter_map(|event| match &event.what {
                Happened::StepFinished(finished) => Some(&finished.streams),
                Happened::StepUnknown { streams, .. } => Some(streams),
                _ => None,
            });
        let streams = streams.last()?;
        let part = |name, blob: &Option<BlobRef>| {
            let blob = blob.as_ref()?;
            Some(Part {
                name,
                bytes: dir.blob(&blob.sha256).map_err(|error| error.to_string()),
                cut: blob.cut,
            })
        };
        let parts = [
            part("standard output", &streams.stdout),
            part("standard error", &streams.stderr),
        ];
        let parts: Vec<Part> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then_some(Printed {
            attempt: needed.attempt,
            parts,
        })
    }
}

/// A need with what the screen shows around it, as far as the run knows.
pub(super) fn question(run: &Run, needed: &PersonNeeded) -> Question {
    let view = run.step(&needed.step);
    let plan = run.plan();
    let work = match &needed.need {
        Need::Gate(gate) | Need::Approvals { gate, .. } => gate.works.first(),
        Need::Doubt { work, .. } => work.as_ref(),
        _ => view.as_ref().and_then(|view| view.work()),
    };
    let answered_by = work.and_then(|work| match work {
        Work::Call(call) => plan
            .binding(&call.tool)
            .map(|binding| format!("{} by {}", call.tool, binding.answers.name())),
        Work::Process(_) => Some("this machine, for real".to_owned()),
    });
    let args = work.and_then(|work| match work {
        Work::Call(call) => Some(&call.args),
        Work::Process(_) => None,
    });
    let waiting = run.waiting();
    let gate = waiting.iter().find(|gate| *gate.step == needed.step);
    let until = gate.and_then(|gate| gate.until);
    let until = until.map(|until| crate::report::moment(until, &TimeZone::system()));
    let next_group = gate.and_then(|gate| gate.next_group.cloned());
    Question {
        run: run.id().clone(),
        needed: needed.clone(),
        title: view.as_ref().map_or_else(String::new, |view| view.title()),
        why: view.as_ref().and_then(|view| view.why()),
        environment: plan.environment.to_string(),
        real: plan.real,
        unattended: plan.policy.unattended == Unattended::Allow,
        until,
        next_group,
        undo: view.as_ref().map_or_else(String::new, |view| {
            crate::report::undo_words(plan, view.node_ix(), args)
        }),
        answered_by,
        last_lines: Vec::new(),
        printed: None,
        revealed: None,
        back: TakenBack::default(),
        // What failed before it began has not used its number.
        next_attempt: match view.as_ref().and_then(|view| view.started()) {
            Some(_) => needed.attempt.next(),
            None => needed.attempt,
        },
        gated: view.as_ref().is_some_and(|view| view.node().gate.is_some()),
        earlier: None,
        inside: view.as_ref().map_or_else(Vec::new, |view| {
            crate::report::inside_words(plan, view.node_ix())
        }),
        measured: view.as_ref().is_some_and(|view| is_measured(view.node())),
        others: gate.map_or_else(Vec::new, |gate| {
            gate.people.iter().copied().cloned().collect()
        }),
        glass: plan.policy.break_glass.is_some(),
        acted: run
            .steps()
            .any(|step| !step.is_group() && step.effect().acts() && step.started().is_some()),
    }
}

/// Whether what is suggested at a question follows from what was found out or answered before.
fn is_measured(node: &Node) -> bool {
    let NodeDoes::Ask(ask) = &node.does else {
        return false;
    };
    ask.suggest.as_ref().is_some_and(|suggest| {
        let mut references = suggest.value.references().iter();
        references.any(|reference| {
            let mut behind = reference.path.iter().skip(1);
            behind.any(|segment| segment == "output" || segment == "answer")
        })
    })
}
