//! Which events about a step can follow the present state.
//!
//! What the engine writes down by itself is legal only if it is what the state asks for: it is
//! derived again, and compared in all that matters. Words for people (a failure's message, the
//! values behind an `if`) may differ, so that a newer version still reads an older journal.

use std::mem::discriminant;

use super::apply::Legal;
use super::command::{Act, Command, Need};
use super::open_gate::stands_in;
use super::state::{InstIx, Run, State};
use crate::model::event::{
    FailureChoice, Happened, ManualOutcome, Resolution, ResolvedBy, SkipReason, StepStarted,
};
use crate::model::people::Way;
use crate::model::{Effect, Timestamp};
use crate::plan::NodeDoes;

impl Run {
    /// Whether an event about a step can happen now. Its turn has come, and its attempt is right.
    pub(super) fn legal(&self, ix: InstIx, what: &Happened, at: Timestamp) -> Legal {
        let inst = self.inst(ix);
        // Others may say what they think of a gate whoever holds what.
        if !matches!(what, Happened::ApprovalGiven { .. }) {
            self.legal_with_lock()?;
        }
        match what {
            Happened::StepSkipped { .. }
            | Happened::StepRefused { .. }
            | Happened::GateOpened(_)
            | Happened::BeforeSeen { .. }
            | Happened::StepStarted(_)
            | Happened::BlockEntered { .. }
            | Happened::LoopOpened { .. }
            | Happened::VarsSet { .. }
            | Happened::AnswerGiven { .. }
            | Happened::ManualReported { .. }
            | Happened::PauseBegun { .. } => match inst.state {
                State::Ready { .. } | State::Approved(_) => self.legal_now(ix, what, at),
                _ => Err(format!("the step is {}", inst.status())),
            },
            Happened::GateDecided { .. } => self.legal_to_decide(ix, what, at),
            Happened::ApprovalGiven { .. } => self.legal_to_vote(ix, what, at),
            Happened::GateEscalated { .. } => self.legal_to_escalate(ix, what, at),
            Happened::PollSeen { .. } | Happened::StepFinished(_) => match inst.state {
                State::Started { .. } => Ok(()),
                _ => Err("there is no result without a start".to_owned()),
            },
            Happened::StepUnknown { .. } => match inst.state {
                State::Started { .. } => Ok(()),
                // The contract's `verify` was asked, and could not tell.
                State::Doubt {
                    verified: false, ..
                } if self.asks_verify(ix) => Ok(()),
                _ => Err("the step does not act".to_owned()),
            },
            Happened::StepResolved { resolution, by, .. } => {
                self.legal_to_resolve(ix, *resolution, *by)
            }
            Happened::FailureDecided { choice, way, .. } => self.legal_to_choose(ix, *choice, *way),
            Happened::PauseEnded { .. } => match inst.state {
                State::Pausing { .. } => Ok(()),
                _ => Err("the step does not pause".to_owned()),
            },
            Happened::RunOpened(_)
            | Happened::UndoRequested { .. }
            | Happened::LockTaken { .. }
            | Happened::GlassBroken { .. }
            | Happened::ReviewSigned { .. }
            | Happened::RunResumed { .. }
            | Happened::RunParked { .. }
            | Happened::RunClosed(_)
            | Happened::UndoBegun { .. }
            | Happened::CancelRequested { .. }
            | Happened::NoteAdded { .. }
            | Happened::Recovered { .. } => Err("it belongs to no step".to_owned()),
        }
    }

    /// Holds what is said to happen against what ought to happen.
    fn legal_now(&self, ix: InstIx, what: &Happened, at: Timestamp) -> Legal {
        // Delays are left to the clock of who drives: a clock that was set back is no crime. How
        // long a decision holds is not.
        let due = match self.due(ix, at) {
            Ok(due) => due,
            Err(failure) => {
                return match what {
                    Happened::StepRefused { .. } => Ok(()),
                    _ => Err(failure.message),
                };
            }
        };
        match (&due, what) {
            (Command::Act(act), Happened::StepStarted(started)) => {
                self.legal_to_start(act, started)
            }
            (Command::Look(_), Happened::BeforeSeen { .. }) => Ok(()),
            (Command::Look(_), Happened::StepStarted(_)) => {
                Err("it was not looked at before".to_owned())
            }
            (Command::Person(person), _) => match (&person.need, what) {
                (Need::Ask { shape, .. }, Happened::AnswerGiven { answer, way, .. }) => {
                    self.legal_way(*way)?;
                    match shape.accept(answer) {
                        Ok(_) => Ok(()),
                        Err(misfit) => Err(format!("this is no answer: {misfit}")),
                    }
                }
                (
                    Need::Manual {
                        reveal: Some(_), ..
                    },
                    Happened::ManualReported {
                        outcome: ManualOutcome::Done,
                        way,
                        ..
                    },
                ) if stands_in(*way) => Err(
                    "what is revealed is for a person, and nobody stands in for them".to_owned(),
                ),
                (Need::Manual { .. }, Happened::ManualReported { way, .. }) => self.legal_way(*way),
                _ => Err("a person is to be asked".to_owned()),
            },
            (Command::Record(draft), what) => same(&draft.what, what),
            _ => Err("this is not what is to be done".to_owned()),
        }
    }

    /// Whether the run has what it keeps other runs out of, where it names such a thing.
    pub(super) fn legal_with_lock(&self) -> Legal {
        match self.lock_due() {
            None => Ok(()),
            Some(name) => Err(format!("the run does not hold its lock {name}")),
        }
    }

    fn legal_to_start(&self, act: &Act, started: &StepStarted) -> Legal {
        if self.is_parked() {
            return Err("the run is parked".to_owned());
        }
        let digest = started.work.digest().map_err(|e| e.to_string())?;
        if digest != started.digest {
            return Err("its digest is not that of its work".to_owned());
        }
        if act.started.digest != digest || act.started.effect != started.effect {
            return Err("what starts is not what is to be done".to_owned());
        }
        if act.started.key != started.key {
            return Err("its idempotency key is another act's".to_owned());
        }
        Ok(())
    }

    fn legal_to_resolve(&self, ix: InstIx, resolution: Resolution, by: ResolvedBy) -> Legal {
        let inst = self.inst(ix);
        let State::Doubt { verified, .. } = inst.state else {
            return Err("there is no doubt about the step".to_owned());
        };
        let again = resolution == Resolution::Again;
        let may = match by {
            ResolvedBy::Read => again && self.plan.node(inst.node).effect == Effect::Read,
            ResolvedBy::Verify => {
                matches!(resolution, Resolution::Happened | Resolution::DidNotHappen)
                    && !verified
                    && self.asks_verify(ix)
            }
            ResolvedBy::Idempotent if self.is_announcement(ix) => {
                matches!(resolution, Resolution::Again | Resolution::DidNotHappen)
            }
            ResolvedBy::Idempotent => again && self.is_idempotent(ix),
            ResolvedBy::Person => true,
        };
        if may {
            Ok(())
        } else {
            Err("the doubt about the step cannot be settled like this".to_owned())
        }
    }

    fn legal_to_choose(&self, ix: InstIx, choice: FailureChoice, way: Way) -> Legal {
        if !matches!(self.inst(ix).state, State::Failing { .. }) {
            return Err("the step has not failed".to_owned());
        }
        let may = match self.choice_by_rule(ix) {
            Some(rule) => way == Way::Rule && choice == rule,
            None if way == Way::Rule => self.unattended(ix) == Some(choice),
            // Nothing that was said beforehand is about this failure.
            None if stands_in(way) => false,
            None => self.choices(ix).contains(&choice),
        };
        if may {
            Ok(())
        } else {
            Err("this cannot be chosen after this failure".to_owned())
        }
    }

    /// Whether the doubt about a step may be settled by doing it again.
    pub(super) fn is_idempotent(&self, ix: InstIx) -> bool {
        match &self.plan.node(self.inst(ix).node).does {
            NodeDoes::Run(run) => run.idempotent,
            _ => self
                .action_of(ix)
                .is_some_and(|(_, action)| action.idempotent),
        }
    }
}

/// Whether two records say the same, but for words for people.
fn same(due: &Happened, what: &Happened) -> Legal {
    let same = match (due, what) {
        (Happened::StepSkipped { why }, Happened::StepSkipped { why: said }) => {
            discriminant::<SkipReason>(why) == discriminant(said)
        }
        (Happened::StepRefused { .. }, Happened::StepRefused { .. })
        | (Happened::PauseBegun { .. }, Happened::PauseBegun { .. }) => true,
        (due, said) => due == said,
    };
    if same {
        return Ok(());
    }
    Err(match due {
        Happened::GateOpened(_) => "its gate has no decision".to_owned(),
        due => format!("what is to happen is `{}`", due.kind()),
    })
}
