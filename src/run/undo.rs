//! Taking back what was done: which steps, in which order.

use super::state::{Frame, InstIx, Phase, Role, Run, State, UndoScope, Undoing};
use crate::model::Status;
use crate::model::call::{Failure, FailureKind};
use crate::model::event::{Happened, RunOutcome, UndoReason};
use crate::model::ids::StepKey;
use crate::plan::PlannedUndo;
use crate::spec::step::UndoWhen;

impl Run {
    /// A step that acted may have to be undone: kept in the order of completion.
    pub(super) fn register_undo(&mut self, ix: InstIx, failure: Option<&Failure>) {
        // What never started left nothing behind.
        let nothing_done = failure.is_some_and(|failure| failure.kind == FailureKind::NotStarted);
        let node = self.plan.node(self.inst(ix).node);
        if nothing_done || matches!(node.undo, PlannedUndo::None) || self.inside_undo(ix) {
            return;
        }
        self.acted.retain(|other| *other != ix);
        self.acted.push(ix);
    }

    /// The innermost block around a step that has an undo of its own, else the run.
    pub(super) fn undo_scope(&self, ix: InstIx) -> UndoScope {
        std::iter::once(ix)
            .chain(self.ancestors(ix))
            .find(|at| {
                let node = self.plan.node(self.inst(*at).node);
                node.does.is_block() && matches!(node.undo, PlannedUndo::Node { .. })
            })
            .map_or(UndoScope::Run, UndoScope::Block)
    }

    /// Whether anything is to be taken back at the end of the steps.
    pub(super) fn wants_undo(&self) -> bool {
        !self.undo_list().is_empty()
    }

    /// What is to be taken back, last done first.
    pub(super) fn undo_list(&self) -> Vec<InstIx> {
        let scope = match &self.ending {
            Some(ending) => ending.undo,
            None => return self.at_end(),
        };
        match scope {
            None => Vec::new(),
            Some(UndoScope::Block(ix)) => vec![ix],
            Some(UndoScope::Run) => self
                .acted
                .iter()
                .rev()
                .copied()
                .take_while(|ix| {
                    let node = self.plan.node(self.inst(*ix).node);
                    !matches!(node.undo, PlannedUndo::Barrier)
                })
                .filter(|ix| self.undo_when(*ix) != Some(UndoWhen::Later))
                .filter(|ix| !self.covered_by_block(*ix))
                .collect(),
        }
    }

    /// What is taken back after a success, because its undo says `when: end`.
    fn at_end(&self) -> Vec<InstIx> {
        let due = |ix: &InstIx| self.undo_when(*ix) == Some(UndoWhen::End);
        self.acted
            .iter()
            .rev()
            .copied()
            .filter(due)
            .filter(|ix| matches!(self.inst(*ix).state, State::Settled(Status::Succeeded)))
            .collect()
    }

    pub(super) fn undo_when(&self, ix: InstIx) -> Option<UndoWhen> {
        match self.plan.node(self.inst(ix).node).undo {
            PlannedUndo::Node { when, .. } => Some(when),
            PlannedUndo::None | PlannedUndo::Barrier => None,
        }
    }

    /// A block's own undo stands for those of the steps in it.
    fn covered_by_block(&self, ix: InstIx) -> bool {
        self.ancestors(ix).any(|at| self.acted.contains(&at))
    }

    pub(super) fn undo_begun(&self) -> Happened {
        let why = match &self.ending {
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

    pub(super) fn on_undo_begun(&mut self, steps: &[StepKey]) -> Result<(), String> {
        if self.phase != Phase::Undo || self.undoing.is_some() {
            return Err("nothing is to be taken back now".to_owned());
        }
        let due = self.undo_list();
        let keys: Vec<&StepKey> = due.iter().map(|ix| &self.inst(*ix).key).collect();
        if keys.len() != steps.len() || keys.iter().zip(steps).any(|(a, b)| *a != b) {
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
                prefix: None,
                insts: std::collections::HashMap::new(),
                item: None,
                include: None,
            });
            let ix = self.instance(node, key, None, frame, Role::Undo { of });
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
            self.make_ready(ix);
        }
    }

    pub(super) fn undo_settled(&mut self, of: InstIx, status: Status) {
        let inst = self.inst_mut(of);
        inst.state = State::Settled(match status {
            Status::Succeeded => Status::Undone,
            _ => Status::UndoFailed,
        });
        if let Some(undoing) = &mut self.undoing {
            undoing.done += 1;
        }
        self.next_undo();
    }

    /// The operator stops the undoing: what is left stays as it is.
    pub(super) fn stop_undoing(&mut self) {
        if let Some(undoing) = &mut self.undoing {
            undoing.done = undoing.queue.len();
        }
        for ix in self.active.clone() {
            self.abandon(ix);
        }
    }
}
