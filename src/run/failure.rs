//! What a failure leads to: another attempt, the block around it, a person, or the end.

use super::command::{Command, Draft, Need, PersonNeeded};
use super::names::{At, error_value};
use super::state::{InstIx, Phase, Role, Run, State};
use crate::expr::Scope;
use crate::model::call::{Failure, FailureKind};
use crate::model::event::{FailureChoice, Happened};
use crate::model::people::Way;
use crate::model::{Duration, Status};
use crate::plan::ScopeIx;
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
                    unattended: self.unattended(ix),
                },
            }),
        }
    }

    /// What the runbook says; none where a person is to be asked.
    pub(super) fn choice_by_rule(&self, ix: InstIx) -> Option<FailureChoice> {
        let State::Failing { status, .. } = self.inst(ix).state else {
            return None;
        };
        if status == Status::Declined {
            return Some(self.after_refusal(ix));
        }
        if self.retry_delay(ix).is_some() {
            return Some(FailureChoice::RetryByRule);
        }
        let inst = self.inst(ix);
        let own = match inst.role {
            // An item's failure is the loop's to judge.
            Role::Body if self.is_absorbed(ix) => return Some(FailureChoice::Propagate),
            Role::Body => None,
            _ => self.plan.node(inst.node).how.on_failure,
        };
        match own {
            Some(OnFailure::Continue) => return Some(FailureChoice::Continue),
            Some(OnFailure::Stop) => return Some(FailureChoice::Stop),
            Some(OnFailure::Undo) => return Some(FailureChoice::Undo),
            Some(OnFailure::Ask) => return None,
            None => {}
        }
        if self.is_absorbed(ix) {
            return Some(FailureChoice::Propagate);
        }
        if self.undo_may_fail(ix) {
            return Some(FailureChoice::Continue);
        }
        match self.phase {
            // What is done at the end is done as far as it goes, each for itself.
            Phase::Finally => Some(FailureChoice::Continue),
            Phase::Undo => None,
            _ => match self.inherited(ix) {
                Some(OnFailure::Continue) => Some(FailureChoice::Continue),
                Some(OnFailure::Undo) => Some(FailureChoice::Undo),
                Some(OnFailure::Stop) => Some(self.stop_or_fail_loop(ix)),
                Some(OnFailure::Ask) | None => None,
            },
        }
    }

    /// A refusal is never retried or ignored: only taking back may be said beforehand.
    fn after_refusal(&self, ix: InstIx) -> FailureChoice {
        if self.undo_may_fail(ix) {
            return if self.inst(ix).parent.is_some() {
                FailureChoice::Propagate
            } else {
                FailureChoice::Continue
            };
        }
        let rule = |at: InstIx| self.plan.node(self.inst(at).node).how.on_failure;
        let own = std::iter::once(ix).chain(self.ancestors(ix)).find_map(rule);
        match own.or_else(|| self.inherited(ix)) {
            Some(OnFailure::Undo) if self.phase == Phase::Steps => FailureChoice::Undo,
            _ => FailureChoice::Stop,
        }
    }

    /// What the runbook says that the step belongs to, else the one that was asked for.
    fn inherited(&self, ix: InstIx) -> Option<OnFailure> {
        let node = self.plan.node(self.inst(ix).node);
        let scope = self.plan.scope(node.scope).on_failure;
        scope.or(self.plan.scope(ScopeIx(0)).on_failure)
    }

    /// What holds where nobody can be asked; none where the run must wait for somebody: nobody
    /// but a person may leave an undo half done.
    pub(super) fn unattended(&self, ix: InstIx) -> Option<FailureChoice> {
        (!self.inside_undo(ix)).then(|| self.stop_or_fail_loop(ix))
    }

    /// The run stops. In a loop the loop fails first: what is in flight in it finishes.
    fn stop_or_fail_loop(&self, ix: InstIx) -> FailureChoice {
        if self.ancestors(ix).any(|around| self.is_loop(around)) {
            FailureChoice::Propagate
        } else {
            FailureChoice::Stop
        }
    }

    /// Whether something around the step deals with its failure: a block that is tried again or
    /// says what its failure leads to, or a loop that may lose items.
    fn is_absorbed(&self, ix: InstIx) -> bool {
        self.ancestors(ix).any(|around| {
            let inst = self.inst(around);
            let how = &self.plan.node(inst.node).how;
            // The block's own rule is about the block; a step in it that has none of its own
            // falls under it.
            let has_rule = how.on_failure.is_some_and(|rule| rule != OnFailure::Ask);
            match inst.role {
                Role::Loop { .. } => {
                    let may = how.for_each.as_ref().map_or(0, |each| each.max_failures);
                    let more = inst.block.failing.is_some() || inst.block.failed < may as usize;
                    has_rule || more || self.is_final(around)
                }
                Role::Body => self.attempts_left(around),
                Role::Undo { .. } => self.undo_may_fail(around),
                Role::Plain => has_rule || self.attempts_left(around) || self.is_final(around),
            }
        })
    }

    /// Whether an instance is one of those that `finally` does each for itself.
    fn is_final(&self, ix: InstIx) -> bool {
        let parent = self.inst(ix).parent;
        parent.is_some_and(|parent| self.inst(parent).node == self.plan.finally)
    }

    fn attempts_left(&self, ix: InstIx) -> bool {
        let tries = self.inst(ix).tries;
        self.retry(ix).is_some_and(|retry| tries < retry.attempts)
    }

    pub(super) fn retry(&self, ix: InstIx) -> Option<&Retry> {
        let inst = self.inst(ix);
        match inst.role {
            Role::Loop { .. } => None,
            _ => self.plan.node(inst.node).how.retry.as_ref(),
        }
    }

    /// How long to wait before the next automatic attempt; none where there is none. Whoever asked
    /// to be left alone is, as far as the retry's own limit allows.
    pub(super) fn retry_delay(&self, ix: InstIx) -> Option<Duration> {
        let retry = self.retry(ix)?;
        let inst = self.inst(ix);
        if inst.tries == 0 || inst.tries >= retry.attempts {
            return None;
        }
        if self.was_refused_inside(ix) {
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
        let asked = inst
            .failure
            .as_ref()
            .and_then(|failure| failure.retry_after);
        let delay = retry.delay.times(factor).max(asked.unwrap_or_default());
        Some(delay.min(retry.max_delay))
    }

    /// Whether somebody said no to something in a block. That is never tried again, nor is what is
    /// around it.
    fn was_refused_inside(&self, ix: InstIx) -> bool {
        let mut inside = self.inst(ix).children.clone();
        while let Some(ix) = inside.pop() {
            let inst = self.inst(ix);
            if inst.status() == Status::Declined {
                return true;
            }
            inside.extend(&inst.children);
        }
        false
    }

    /// What the operator can choose after a failure.
    pub(super) fn choices(&self, ix: InstIx) -> Vec<FailureChoice> {
        let node = self.plan.node(self.inst(ix).node);
        let mut choices = vec![FailureChoice::Retry, FailureChoice::Skip];
        if !node.does.is_block() {
            choices.push(FailureChoice::MarkDone);
        }
        if self.phase == Phase::Steps && self.can_undo(ix) {
            choices.push(FailureChoice::Undo);
        }
        choices.push(FailureChoice::Stop);
        choices
    }
}
