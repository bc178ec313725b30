//! Taking back what was done: which steps, in which order.

use std::collections::HashSet;

use super::apply::Legal;
use super::state::{Frame, InstIx, Phase, Role, Run, State, UndoScope, Undoing};
use crate::model::event::{Happened, RunOutcome, UndoReason};
use crate::model::ids::StepKey;
use crate::model::{Status, Timestamp};
use crate::plan::PlannedUndo;
use crate::spec::step::{OnFailure, UndoWhen};

impl Run {
    /// What is taken back where a step says `undo`: the innermost block around it that has an
    /// undo of its own, else the run.
    pub(super) fn undo_scope(&self, ix: InstIx) -> UndoScope {
        std::iter::once(ix)
            .chain(self.ancestors(ix))
            .find(|at| {
                let node = self.plan.node(self.inst(*at).node);
                node.does.is_block() && matches!(node.undo, PlannedUndo::Node { .. })
            })
            .map_or(UndoScope::Run, UndoScope::Block)
    }

    /// Whether there is anything that an undo could take back.
    pub(super) fn can_undo(&self, ix: InstIx) -> bool {
        let mut around = std::iter::once(ix).chain(self.ancestors(ix));
        !self.acted.is_empty()
            || around.any(|at| {
                let inst = self.inst(at);
                let planned = &self.plan.node(inst.node).undo;
                inst.acted_inside && matches!(planned, PlannedUndo::Node { .. })
            })
    }

    /// What is to be taken back, last done first.
    pub(super) fn undo_list(&self) -> Vec<InstIx> {
        if self.reopened.is_some() {
            return self.asked_back();
        }
        let scope = match &self.ending {
            Some(ending) => ending.undo,
            None => return self.at_end(),
        };
        let barred = self.barred();
        match scope {
            Some(UndoScope::Asked) => self.asked_back(),
            None => Vec::new(),
            Some(UndoScope::Block(ix)) if !self.is_loop(ix) => {
                let due = self.inst(ix).acted.is_some() && !barred.contains(&ix);
                due.then_some(ix).into_iter().collect()
            }
            // A loop's items are taken back one by one.
            Some(UndoScope::Block(ix)) => self.to_undo(&barred, |at| self.is_inside(at, ix)),
            Some(UndoScope::Run) => self.to_undo(&barred, |_| true),
        }
    }

    fn to_undo(&self, barred: &HashSet<InstIx>, within: impl Fn(InstIx) -> bool) -> Vec<InstIx> {
        self.last_done_first()
            .filter(|ix| within(*ix))
            .take_while(|ix| !self.is_barrier(*ix))
            .filter(|ix| !barred.contains(ix))
            .filter(|ix| self.undo_when(*ix) != Some(UndoWhen::Later))
            .filter(|ix| !self.inst(*ix).left_in_doubt)
            .filter(|ix| !self.covered(*ix, |_| true))
            .collect()
    }

    /// What is taken back although the run succeeded, because its undo says `when: end`.
    fn at_end(&self) -> Vec<InstIx> {
        let due = |ix: InstIx| self.undo_when(ix) == Some(UndoWhen::End);
        self.last_done_first()
            .filter(|ix| due(*ix) && !self.inst(*ix).left_in_doubt)
            .filter(|ix| !self.covered(*ix, due))
            .collect()
    }

    pub(super) fn last_done_first(&self) -> impl Iterator<Item = InstIx> + '_ {
        self.acted.values().rev().copied()
    }

    pub(super) fn is_barrier(&self, ix: InstIx) -> bool {
        let node = self.plan.node(self.inst(ix).node);
        matches!(node.undo, PlannedUndo::Barrier)
    }

    /// Blocks in which a point of no return was passed: their own undo would go behind it.
    pub(super) fn barred(&self) -> HashSet<InstIx> {
        let barriers = self.acted.values().filter(|ix| self.is_barrier(**ix));
        barriers.flat_map(|ix| self.ancestors(*ix)).collect()
    }

    pub(super) fn undo_when(&self, ix: InstIx) -> Option<UndoWhen> {
        match self.plan.node(self.inst(ix).node).undo {
            PlannedUndo::Node { when, .. } => Some(when),
            PlannedUndo::None | PlannedUndo::Barrier => None,
        }
    }

    /// A block's own undo stands for those of the steps in it.
    pub(super) fn covered(&self, ix: InstIx, counts: impl Fn(InstIx) -> bool) -> bool {
        self.ancestors(ix)
            .any(|at| self.inst(at).acted.is_some() && counts(at))
    }

    /// Whether an instance takes something back, itself or as a part of a block that does.
    pub(super) fn inside_undo(&self, ix: InstIx) -> bool {
        self.undo_around(ix).is_some()
    }

    /// The step that is taken back by what an instance is a part of.
    pub(super) fn undo_around(&self, ix: InstIx) -> Option<InstIx> {
        let outermost = self.ancestors(ix).last().unwrap_or(ix);
        match self.inst(outermost).role {
            Role::Undo { of } => Some(of),
            _ => None,
        }
    }

    /// Whether what an instance is a part of takes something back, and may fail to.
    pub(super) fn undo_may_fail(&self, ix: InstIx) -> bool {
        self.undo_around(ix).is_some_and(|of| {
            matches!(
                self.plan.node(self.inst(of).node).undo,
                PlannedUndo::Node {
                    on_failure: Some(OnFailure::Continue),
                    ..
                }
            )
        })
    }

    pub(super) fn undo_begun(&self) -> Happened {
        let why = match &self.ending {
            _ if self.is_asked_back() => UndoReason::Request,
            None => UndoReason::End,
            Some(ending) if ending.outcome == RunOutcome::Cancelled => UndoReason::Cancel,
            Some(_) => UndoReason::Failure,
        };
        let scope = self.ending.as_ref().and_then(|ending| match ending.undo {
            Some(UndoScope::Block(ix)) => Some(self.inst(ix).key.clone()),
            _ => None,
        });
        let steps = self.undo_list();
        Happened::UndoBegun {
            scope,
            steps: steps.iter().map(|ix| self.inst(*ix).key.clone()).collect(),
            why,
        }
    }

    pub(super) fn on_undo_begun(&mut self, steps: &[StepKey]) -> Legal {
        if self.phase != Phase::Undo || self.undoing.is_some() {
            return Err("nothing is to be taken back now".to_owned());
        }
        let due = self.undo_list();
        let keys = due.iter().map(|ix| &self.inst(*ix).key);
        if !keys.eq(steps.iter()) {
            return Err("it lists other steps than those that are to be taken back".to_owned());
        }
        let mut queue = Vec::with_capacity(due.len());
        for of in due {
            let inst = self.inst(of);
            let (key, outer) = (inst.key.undo(), inst.frame);
            let PlannedUndo::Node { node, .. } = self.plan.node(inst.node).undo else {
                continue;
            };
            // A frame of its own, so that the undo's node is found in no other instance's place.
            let frame = self.new_frame(Frame {
                parent: Some(outer),
                ..Frame::default()
            });
            let tried = self.by_key.contains_key(&key);
            let ix = self.instance(node, key, None, 0, frame, Role::Undo { of });
            if tried {
                // A person asked for it once more: it is another act than the one that failed.
                self.inst_mut(ix).retries_decided += 1;
            }
            queue.push((of, ix));
        }
        self.undoing = Some(Undoing { queue, done: 0 });
        self.next_undo();
        Ok(())
    }

    fn next_undo(&mut self) {
        let next = self
            .undoing
            .as_ref()
            .and_then(|undoing| undoing.queue.get(undoing.done))
            .map(|(_, ix)| *ix);
        if let Some(ix) = next {
            self.set(ix, State::READY);
        }
    }

    pub(super) fn undo_settled(&mut self, of: InstIx, status: Status) {
        let status = match status {
            Status::Succeeded => Status::Undone,
            _ => Status::UndoFailed,
        };
        self.set(of, State::Settled(status));
        if let Some(undoing) = &mut self.undoing {
            undoing.done += 1;
        }
        self.next_undo();
    }

    /// The operator stops the undoing: what is left stays as it is.
    pub(super) fn stop_undoing(&mut self, at: Timestamp) {
        let active: Vec<InstIx> = self.lanes.active().collect();
        for ix in active {
            self.abandon(ix, at);
        }
        let Some(undoing) = &mut self.undoing else {
            return;
        };
        let begun = undoing.queue.get(undoing.done).copied();
        undoing.done = undoing.queue.len();
        if let Some((of, ix)) = begun
            && !matches!(self.inst(ix).state, State::Pending)
        {
            self.close_inside(ix, at);
            self.failing.remove(&ix);
            self.set(ix, State::Settled(Status::Failed));
            self.set(of, State::Settled(Status::UndoFailed));
        }
    }
}
