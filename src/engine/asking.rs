//! Answers from people: prepared ones at once, a person's when it comes, one question at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::answerers::Answerer;
use super::driver::{Driver, Flight, Incoming};
use super::error::EngineError;
use super::people::{Question, Said, unattended};
use crate::model::call::Work;
use crate::model::event::ParkReason;
use crate::model::ids::{Attempt, StepKey};
use crate::model::people::{Actor, Way};
use crate::run::{Act, Fact, Input, Need, PersonNeeded};

impl Driver<'_> {
    /// Answers a need at once where that is possible; else a person will be asked.
    pub(super) fn person(
        &mut self,
        needed: PersonNeeded,
        flight: &mut Flight,
    ) -> Result<bool, EngineError> {
        match self.prepared.answer(&needed) {
            Ok(Some(fact)) => return self.take(&needed.step, needed.attempt, fact),
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
            Some(fact) => self.take(&needed.step, needed.attempt, fact),
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
        let fact = self.redacted(fact);
        let by_person = match &fact {
            Fact::Gate { way, .. }
            | Fact::Answer { way, .. }
            | Fact::Reported { way, .. }
            | Fact::Chosen { way, .. } => *way != Way::Rule,
            Fact::Settled { .. } | Fact::Cut { .. } | Fact::Vote { .. } => true,
            Fact::Replied(_) | Fact::GaveUp { .. } | Fact::Looked(_) | Fact::Verified(_) => false,
        };
        let actor = if by_person {
            Actor::Person(self.operator.clone())
        } else {
            Actor::Engine
        };
        let input = Input {
            step: step.clone(),
            attempt,
            fact,
        };
        match self.run.admit(input) {
            Ok(draft) => {
                self.record(draft, actor)?;
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
        if flight.asking.is_some() || flight.leave.is_some() {
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
        tokio::task::spawn_blocking(move || {
            let ask = AssertUnwindSafe(|| people.ask(&question));
            let said = catch_unwind(ask).unwrap_or(Said::Gone);
            let _ = out.send(Incoming::Said(Box::new(needed), Box::new(said)));
        });
    }

    pub(super) fn question(&self, needed: &PersonNeeded, flight: &Flight) -> Question {
        let view = self.run.step(&needed.step);
        let plan = self.run.plan();
        let work = match &needed.need {
            Need::Gate(gate) => gate.works.first(),
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
        Question {
            needed: needed.clone(),
            title: view.as_ref().map_or_else(String::new, |view| view.title()),
            why: view.as_ref().and_then(|view| view.why()),
            environment: plan.environment.to_string(),
            real: plan.real,
            undo: view.as_ref().map_or_else(String::new, |view| {
                crate::report::undo_words(plan, view.node_ix(), args)
            }),
            answered_by,
            last_lines: flight
                .last_lines
                .get(&needed.step)
                .map(|lines| lines.iter().cloned().collect())
                .unwrap_or_default(),
        }
    }
}
