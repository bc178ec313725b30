//! What a failure leads to: another attempt, the block around it, a person, or the end.

use super::command::{Command, Draft, Need, PersonNeeded};
use super::names::{At, error_value};
use super::state::{InstIx, Phase, Role, Run, State};
use crate::expr::Scope;
use crate::model::call::{Failure, FailureKind};
use crate::model::event::{FailureChoice, Happened};
use crate::model::people::Way;
use crate::model::{Duration, Status};
use crate::plan::{PlannedUndo, ScopeIx};
use crate::spec::step::{OnFailure, Retry};

impl Run {
    /// What is to be done about a step that has failed.
    pub(super) fn after_failure(&self, ix: InstIx) -> Command {
        let inst = self.inst(ix);
        match self.choice_by_rule(ix) {
            Some(choice) => Command::Record(Draft {
                step: Some(inst.key.clone()),
                attempt: Some(inst.attempt),
                what: Happened::FailureDecided {
                    choice,
                    way: Way::Rule,
                    reason: None,
                },
            }),
            None => Command::Person(PersonNeeded {
                step: inst.key.clone(),
                attempt: inst.attempt,
                need: Need::Failure {
                    failure: inst
                        .failure
                        .clone()
                        .unwrap_or_else(|| Failure::new(FailureKind::Exit, "it failed")),
                    choices: self.choices(ix),
                    // A failed undo parks the run: nobody but a person may leave it at that.
                    unattended: (!self.inside_undo(ix)).then_some(FailureChoice::Stop),
                },
            }),
        }
    }

    /// What the runbook says; none where a person is to be asked.
    fn choice_by_rule(&self, ix: InstIx) -> Option<FailureChoice> {
        let State::Failing { status, .. } = self.inst(ix).state else {
            return None;
        };
        if status == Status::Declined {
            // A refusal is never retried or ignored: only taking back may be said beforehand.
            return Some(match self.on_failure(ix) {
                Some(OnFailure::Undo) => FailureChoice::Undo,
                _ if self.phase == Phase::Finally => FailureChoice::Stop,
                _ => FailureChoice::Stop,
            });
        }
        if self.retry_delay(ix).is_some() {
            return Some(FailureChoice::RetryByRule);
        }
        let explicit = self.plan.node(self.inst(ix).node).how.on_failure;
        let explicit = match self.inst(ix).role {
            // An item's failure is the loop's to judge.
            Role::Body { .. } if self.is_absorbed(ix) => return Some(FailureChoice::Propagate),
            Role::Body { .. } => explicit.filter(|rule| *rule != OnFailure::Continue),
            _ => explicit,
        };
        match explicit {
            Some(OnFailure::Continue) => Some(FailureChoice::Continue),
            Some(OnFailure::Stop) => Some(FailureChoice::Stop),
            Some(OnFailure::Undo) => Some(FailureChoice::Undo),
            Some(OnFailure::Ask) => None,
            None if self.undo_may_fail(ix) => Some(FailureChoice::Continue),
            None if self.is_absorbed(ix) => Some(FailureChoice::Propagate),
            None => match (self.phase, self.on_failure(ix)) {
                // What is done at the end is done as far as it goes, each for itself.
                (Phase::Finally, _) => Some(FailureChoice::Continue),
                (Phase::Undo, _) => None,
                (_, Some(OnFailure::Continue)) => Some(FailureChoice::Continue),
                (_, Some(OnFailure::Stop)) => Some(FailureChoice::Stop),
                (_, Some(OnFailure::Undo)) => Some(FailureChoice::Undo),
                (_, Some(OnFailure::Ask) | None) => None,
            },
        }
    }

    /// The step's own rule, else its runbook's.
    fn on_failure(&self, ix: InstIx) -> Option<OnFailure> {
        let node = self.plan.node(self.inst(ix).node);
        let scope = self.plan.scope(node.scope).on_failure;
        let root = self.plan.scope(ScopeIx(0)).on_failure;
        node.how.on_failure.or(scope).or(root)
    }

    /// Whether an undo says that it may fail.
    fn undo_may_fail(&self, ix: InstIx) -> bool {
        let Role::Undo { of } = self.inst(ix).role else {
            return false;
        };
        matches!(
            self.plan.node(self.inst(of).node).undo,
            PlannedUndo::Node {
                on_failure: Some(OnFailure::Continue),
                ..
            }
        )
    }

    /// Whether something around the step deals with its failure: a block that is tried again or
    /// says what its failure leads to, or a loop that may lose items.
    fn is_absorbed(&self, ix: InstIx) -> bool {
        let mut child = ix;
        for around in self.ancestors(ix) {
            let inst = self.inst(around);
            let how = &self.plan.node(inst.node).how;
            match inst.role {
                Role::Loop { .. } => {
                    let may = how.for_each.as_ref().map_or(0, |each| each.max_failures);
                    if inst.block.failed < may as usize {
                        return true;
                    }
                    if how.on_failure.is_some_and(|rule| rule != OnFailure::Ask) {
                        return true;
                    }
                }
                Role::Body { .. } => {
                    if self.attempts_left(around) {
                        return true;
                    }
                }
                Role::Plain | Role::Undo { .. } => {
                    if self.attempts_left(around) {
                        return true;
                    }
                    // The block's own rule is about the block; a step in it that has none of
                    // its own falls under it.
                    if how.on_failure.is_some_and(|rule| rule != OnFailure::Ask) {
                        return true;
                    }
                    if self.undo_may_fail(around) {
                        return true;
                    }
                }
            }
            child = around;
        }
        let _ = child;
        false
    }

    fn attempts_left(&self, ix: InstIx) -> bool {
        let inst = self.inst(ix);
        let retry = self.retry(ix);
        retry.is_some_and(|retry| inst.tries < retry.attempts)
    }

    fn retry(&self, ix: InstIx) -> Option<&Retry> {
        let inst = self.inst(ix);
        match inst.role {
            Role::Loop { .. } => None,
            _ => self.plan.node(inst.node).how.retry.as_ref(),
        }
    }

    /// How long to wait before the next automatic attempt; none where there is none.
    pub(super) fn retry_delay(&self, ix: InstIx) -> Option<Duration> {
        let retry = self.retry(ix)?;
        let inst = self.inst(ix);
        if inst.tries == 0 || inst.tries >= retry.attempts {
            return None;
        }
        if let Some(condition) = &retry.condition {
            let at = At {
                run: self,
                inst: ix,
            };
            let error = inst.failure.as_ref().map(error_value).unwrap_or_default();
            let names = Scope::over(&at).with("error", &error);
            if !matches!(condition.value.eval_bool(&names), Ok(true)) {
                return None;
            }
        }
        let factor = retry
            .backoff
            .powi(i32::try_from(inst.tries - 1).unwrap_or(i32::MAX));
        Some(retry.delay.times(factor).min(retry.max_delay))
    }

    /// What the operator can choose after a failure.
    fn choices(&self, ix: InstIx) -> Vec<FailureChoice> {
        let node = self.plan.node(self.inst(ix).node);
        let mut choices = vec![FailureChoice::Retry, FailureChoice::Skip];
        if !node.does.is_block() {
            choices.push(FailureChoice::MarkDone);
        }
        choices.push(FailureChoice::Stop);
        choices
    }
}
