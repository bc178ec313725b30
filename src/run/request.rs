//! Taking back on a person's request: what can be taken back, what cannot and why, and a run that
//! had ended and is opened again for it.

use std::collections::HashSet;

use super::apply::Legal;
use super::state::{InstIx, Phase, Run, State, UndoScope};
use crate::model::call::{FailureKind, Work};
use crate::model::event::RunOutcome;
use crate::model::ids::StepKey;
use crate::model::people::Actor;
use crate::model::{Status, Timestamp};
use crate::plan::{NodeDoes, NodeIx, PlannedUndo};
use crate::spec::step::UndoWhen;

/// What taking everything back would come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UndoPlan {
    /// What would be taken back, in this order: the last done first.
    pub back: Vec<CanUndo>,
    /// What was done and would stay, the last done first.
    pub not: Vec<CannotUndo>,
}

/// A step that would be taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct CanUndo {
    /// Which.
    pub step: StepKey,
    /// Its node in the plan.
    pub node: NodeIx,
    /// The node that takes it back.
    pub undo: NodeIx,
    /// When it is taken back without a request.
    pub when: UndoWhen,
    /// Whether that was tried before, and failed.
    pub failed: bool,
}

/// A step that was done and cannot be taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct CannotUndo {
    /// Which.
    pub step: StepKey,
    /// Its node in the plan.
    pub node: NodeIx,
    /// Why.
    pub why: WhyNot,
}

/// Why something stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyNot {
    /// The contract says that there is no way back.
    Irreversible,
    /// Nobody said how.
    NoUndo,
    /// It is itself a point of no return.
    Barrier,
    /// It was done before this point of no return.
    Behind(StepKey),
    /// Nobody knows whether it happened, or it still acts.
    InDoubt,
}

impl WhyNot {
    /// Why, in words.
    pub fn words(&self) -> String {
        match self {
            Self::Irreversible => "it is irreversible".to_owned(),
            Self::NoUndo => "it has no undo".to_owned(),
            Self::Barrier => "it is a point of no return".to_owned(),
            Self::Behind(step) => format!("it was done before the point of no return {step}"),
            Self::InDoubt => "nobody knows what it did".to_owned(),
        }
    }
}

/// Something that a run left in place and that somebody should take back, or may have to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingUndo {
    /// Which step.
    pub step: StepKey,
    /// Its node in the plan.
    pub node: NodeIx,
    /// Why it is open.
    pub why: WhyPending,
}

/// Why something is still to be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyPending {
    /// Its undo failed.
    Failed,
    /// Its turn did not come before the undoing was stopped, or it was meant for an end that the
    /// run did not come to.
    NotDone,
    /// The run ended early, and nothing was taken back.
    InPlace,
    /// Its undo says `when: later`.
    Later,
}

impl Run {
    /// What would be taken back if a person asked for it now, and what would stay.
    pub fn undo_plan(&self) -> UndoPlan {
        let mut would = self.clone();
        if would.phase == Phase::Steps {
            would.stop_everything();
        }
        let back = would.asked_back();
        let listed: HashSet<InstIx> = back.iter().copied().collect();
        UndoPlan {
            back: back
                .iter()
                .filter_map(|ix| would.can_undo_at(*ix))
                .collect(),
            not: would.stays(&listed),
        }
    }

    /// As if the steps had come to an end at this moment: what acts is in doubt.
    fn stop_everything(&mut self) {
        let at = self.latest.unwrap_or_default();
        let active: Vec<InstIx> = self.lanes.active().collect();
        for ix in active {
            if self.inst(ix).state.is_acting() {
                self.set(ix, State::Settled(Status::Unknown));
            } else {
                self.abandon(ix, at);
            }
        }
        if let Some(root) = self.root() {
            self.close_inside(root, at);
        }
    }

    fn can_undo_at(&self, ix: InstIx) -> Option<CanUndo> {
        let inst = self.inst(ix);
        let PlannedUndo::Node { node, when, .. } = self.plan.node(inst.node).undo else {
            return None;
        };
        Some(CanUndo {
            step: inst.key.clone(),
            node: inst.node,
            undo: node,
            when,
            failed: inst.status() == Status::UndoFailed,
        })
    }

    /// What was done and is not among those that would be taken back.
    fn stays(&self, back: &HashSet<InstIx>) -> Vec<CannotUndo> {
        let taken_back =
            |at: InstIx| back.contains(&at) || self.inst(at).status() == Status::Undone;
        let all = (0u32..).map(InstIx).take(self.insts.len());
        let stays = all.filter(|ix| {
            self.was_done(*ix) && !taken_back(*ix) && !self.ancestors(*ix).any(taken_back)
        });
        let mut stays: Vec<CannotUndo> = stays
            .filter_map(|ix| {
                let inst = self.inst(ix);
                Some(CannotUndo {
                    step: inst.key.clone(),
                    node: inst.node,
                    why: self.why_not(ix)?,
                })
            })
            .collect();
        stays.reverse();
        stays
    }

    /// Whether a step of the runbook did something, or may have.
    fn was_done(&self, ix: InstIx) -> bool {
        let inst = self.inst(ix);
        let node = self.plan.node(inst.node);
        if !self.in_steps(ix) || self.is_loop(ix) {
            return false;
        }
        if node.does.is_block() {
            return inst.acted.is_some();
        }
        let acts = node.effect.acts() || matches!(node.does, NodeDoes::Manual(_));
        let failure = inst.failure.as_ref().map(|failure| failure.kind);
        let nothing_done = failure == Some(FailureKind::NotStarted) && inst.done.is_none();
        acts && inst.first_started.is_some() && !nothing_done
    }

    fn why_not(&self, ix: InstIx) -> Option<WhyNot> {
        let inst = self.inst(ix);
        if inst.status() == Status::Unknown || inst.left_in_doubt {
            return Some(WhyNot::InDoubt);
        }
        match &self.plan.node(inst.node).undo {
            PlannedUndo::Barrier => Some(WhyNot::Barrier),
            PlannedUndo::None => {
                let action = match inst.work.as_deref() {
                    Some(Work::Call(call)) => self.plan.action(&call.tool.tool, &call.action),
                    _ => None,
                };
                Some(match action {
                    Some(action) if action.irreversible => WhyNot::Irreversible,
                    _ => WhyNot::NoUndo,
                })
            }
            PlannedUndo::Node { .. } => {
                let barrier = self.last_done_first().find(|at| {
                    let after = self.inst(*at).acted > inst.acted || self.is_inside(*at, ix);
                    after && self.is_barrier(*at)
                })?;
                Some(WhyNot::Behind(self.inst(barrier).key.clone()))
            }
        }
    }

    /// Everything that can be taken back and is not, `when: later` included, for the person asks
    /// for it. What nobody knows to have happened is left to them.
    pub(super) fn asked_back(&self) -> Vec<InstIx> {
        let barred = self.barred();
        let open = |ix: &InstIx| {
            let inst = self.inst(*ix);
            let known = !matches!(inst.state, State::Settled(Status::Undone | Status::Unknown));
            known && !inst.left_in_doubt
        };
        self.last_done_first()
            .take_while(|ix| !self.is_barrier(*ix))
            .filter(|ix| !barred.contains(ix))
            .filter(open)
            .filter(|ix| !self.covered(*ix, |_| true))
            .collect()
    }

    /// Whether a person asked for what is taken back.
    pub(super) fn is_asked_back(&self) -> bool {
        let ending = self.ending.as_ref();
        self.reopened.is_some() || ending.is_some_and(|e| e.undo == Some(UndoScope::Asked))
    }

    pub(super) fn on_undo_requested(
        &mut self,
        (at, actor): (Timestamp, &Actor),
        reason: &str,
    ) -> Legal {
        let Actor::Person(person) = actor else {
            return Err("nobody but a person asks for this".to_owned());
        };
        match self.phase {
            Phase::Closed => {
                if self.asked_back().is_empty() {
                    return Err(self.nothing_to_undo());
                }
                self.reopened = self.closed.take().map(|closed| closed.outcome);
                self.undoing = None;
                self.phase = Phase::Undo;
                self.taken_up(at, person);
            }
            Phase::Steps if self.is_asked_back() => {
                return Err("what was done is to be taken back already".to_owned());
            }
            Phase::Steps => {
                let acting = self
                    .lanes
                    .active()
                    .any(|ix| self.inst(ix).state.is_acting());
                if !acting && self.undo_plan().back.is_empty() {
                    return Err(self.nothing_to_undo());
                }
                let undo = Some(UndoScope::Asked);
                match &mut self.ending {
                    Some(ending) => ending.undo = undo,
                    None => self.end(RunOutcome::Cancelled, reason.to_owned(), undo),
                }
            }
            Phase::Undo => {
                return Err("what was done is being taken back already".to_owned());
            }
            Phase::New | Phase::Finally | Phase::Closing => {
                return Err("the run is about to end: ask again once it has".to_owned());
            }
        }
        Ok(())
    }

    fn nothing_to_undo(&self) -> String {
        let not = self.undo_plan().not;
        if not.is_empty() {
            return "there is nothing to take back".to_owned();
        }
        let not: Vec<String> = not
            .iter()
            .map(|not| format!("{} ({})", not.step, not.why.words()))
            .collect();
        format!(
            "nothing of what was done can be taken back: {}",
            not.join(", ")
        )
    }

    /// What the run left in place and somebody should take back, in the order in which it was done.
    /// Nothing before the run has come to its end.
    pub fn pending_undos(&self) -> Vec<PendingUndo> {
        let pending = self.left_in_place().map(|(ix, why)| PendingUndo {
            step: self.inst(ix).key.clone(),
            node: self.inst(ix).node,
            why,
        });
        pending.collect()
    }

    /// What an undo would take back and no later step has: of what was done before a point of no
    /// return nobody is told to take it back.
    fn in_place(&self) -> HashSet<InstIx> {
        let reversed = self.reversed();
        let back = self.asked_back().into_iter();
        back.filter(|ix| !reversed.contains(ix)).collect()
    }

    /// Of what the run left in place, that which an undo would take back: where there is nothing,
    /// nobody is sent to it.
    pub fn to_take_back(&self) -> Vec<StepKey> {
        let back: HashSet<InstIx> = self.asked_back().into_iter().collect();
        let pending = self.left_in_place().map(|(ix, _)| ix);
        pending
            .filter(|ix| back.contains(ix))
            .map(|ix| self.inst(ix).key.clone())
            .collect()
    }

    pub(super) fn left_in_place(&self) -> impl Iterator<Item = (InstIx, WhyPending)> + '_ {
        let over = matches!(self.phase, Phase::Closing | Phase::Closed);
        let stopped = self.ending.is_some();
        let undoing = self.undoing.iter().flat_map(|undoing| &undoing.queue);
        let queued: HashSet<InstIx> = undoing.map(|(of, _)| *of).collect();
        let in_place = match over {
            true => self.in_place(),
            false => HashSet::new(),
        };
        let acted = self.acted.values().copied().filter(move |_| over);
        acted.filter_map(move |ix| {
            let still_there = match self.inst(ix).state {
                State::Settled(Status::UndoFailed) => return Some((ix, WhyPending::Failed)),
                State::Settled(Status::Succeeded | Status::Failed | Status::TimedOut) => true,
                _ => false,
            };
            let why = match self.undo_when(ix) {
                _ if !still_there => return None,
                // What was done before the run ended early stays, and somebody must know of it.
                Some(UndoWhen::Failure) if stopped && !queued.contains(&ix) => {
                    match in_place.contains(&ix) {
                        true => WhyPending::InPlace,
                        false => return None,
                    }
                }
                Some(UndoWhen::Later) => WhyPending::Later,
                // The run was stopped before it came to its turn.
                Some(UndoWhen::End) => WhyPending::NotDone,
                _ if queued.contains(&ix) => WhyPending::NotDone,
                _ => return None,
            };
            Some((ix, why))
        })
    }
}
