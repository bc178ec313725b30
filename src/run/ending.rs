//! How a run comes to its end: what stops, what is still waited for, and which phase is next.

use super::state::{Ending, InstIx, Phase, Run, State, UndoScope};
use crate::model::event::{FailureChoice, RunOutcome};
use crate::model::{Status, Timestamp};
use crate::plan::NodeIx;
use crate::spec::step::OnCancel;

impl Run {
    /// Whether nothing new starts around here: the run is ending, or a block around failed.
    pub(super) fn halted(&self, ix: InstIx) -> bool {
        if self.ending.is_some() && self.phase == Phase::Steps {
            return true;
        }
        if self.failing.is_empty() {
            return false;
        }
        // Of a loop that fails, the items that have begun are finished.
        let stops = |at: InstIx| self.failing.contains(&at) && !self.is_loop(at);
        stops(ix) || self.ancestors(ix).any(stops)
    }

    /// The run is stopped because of a step.
    pub(super) fn stop(
        &mut self,
        ix: InstIx,
        at: Timestamp,
        status: Status,
        choice: FailureChoice,
    ) {
        let inst = self.inst(ix);
        let why = inst
            .failure
            .as_ref()
            .map_or_else(String::new, |failure| format!(": {}", failure.message));
        let because = format!("step {} {}{why}", inst.key, past(status));
        let outcome = match status {
            Status::Declined => RunOutcome::Declined,
            _ => RunOutcome::Failed,
        };
        let undo = (choice == FailureChoice::Undo).then(|| self.undo_scope(ix));
        let undoing = self.inside_undo(ix);
        self.settle(ix, at, status);
        if undoing {
            self.stop_undoing(at);
        } else {
            self.end(outcome, because, undo);
        }
    }

    pub(super) fn cancel(&mut self, reason: &str) {
        let undo = (self.plan.on_cancel == OnCancel::Undo).then_some(UndoScope::Run);
        self.end(RunOutcome::Cancelled, reason.to_owned(), undo);
    }

    /// Nothing new starts in the steps; what acts is waited for. The first reason counts, and
    /// what is done after the steps is not stopped.
    pub(super) fn end(&mut self, outcome: RunOutcome, because: String, undo: Option<UndoScope>) {
        if self.ending.is_none() && self.phase == Phase::Steps {
            self.ending = Some(Ending {
                outcome,
                because,
                undo,
            });
        }
    }

    /// What follows from an event for the run as a whole: blocks in which nothing acts any more
    /// have failed, and the next phase begins where one is over.
    pub(super) fn turn(&mut self, at: Timestamp) {
        if self.phase == Phase::Steps && self.ending.is_some() {
            // Blocks are closed together, once nothing acts any more.
            self.abandon_idle(at);
        } else {
            self.fail_blocks(at);
        }
        if self.phase == Phase::Steps && self.steps_are_over() {
            if let (Some(root), Some(_)) = (self.root(), &self.ending) {
                self.close_inside(root, at);
                if self.inst(root).state == State::Entered {
                    self.close_block(root, at);
                }
            }
            self.phase = if self.undo_list().is_empty() {
                self.begin_finally()
            } else {
                Phase::Undo
            };
        }
        if self.phase == Phase::Undo
            && self
                .undoing
                .as_ref()
                .is_some_and(|undoing| undoing.done >= undoing.queue.len())
        {
            // What is done at the end was done when the run ended for the first time.
            self.phase = match self.reopened {
                Some(_) => Phase::Closing,
                None => self.begin_finally(),
            };
        }
        if self.phase == Phase::Finally && self.is_settled(self.plan.finally) {
            self.phase = Phase::Closing;
        }
    }

    /// Nothing waits for its turn any more; what acts, or may have acted, is waited for.
    fn abandon_idle(&mut self, at: Timestamp) {
        let idle: Vec<InstIx> = self
            .lanes
            .active()
            .filter(|ix| !self.inst(*ix).state.is_acting())
            .collect();
        for ix in idle {
            self.abandon(ix, at);
        }
    }

    /// A step that will not be reached any more: as if its turn had not come, unless it was tried.
    pub(super) fn abandon(&mut self, ix: InstIx, at: Timestamp) {
        let inst = self.inst(ix);
        let state = match &inst.state {
            State::Failing { status, .. } => State::Settled(*status),
            _ if inst.failure.is_some() => State::Settled(Status::Failed),
            _ if inst.first_started.is_some() => State::Settled(Status::Cancelled),
            _ => State::Pending,
        };
        if matches!(state, State::Settled(_)) {
            self.inst_mut(ix).ended = Some(at);
        }
        self.set(ix, state);
    }

    /// Ends the blocks inside this one that were entered and will not be finished. What was done
    /// in them can still be taken back.
    pub(super) fn close_inside(&mut self, ix: InstIx, at: Timestamp) {
        let open = |run: &Self, ix: InstIx| -> Vec<InstIx> {
            let children = run.inst(ix).children.iter().copied();
            children
                .filter(|ix| run.inst(*ix).state == State::Entered)
                .collect()
        };
        let mut entered = open(self, ix);
        let mut next = 0;
        while let Some(ix) = entered.get(next).copied() {
            next += 1;
            entered.extend(open(self, ix));
        }
        // From the inside out: an outer block's undo comes after those in it.
        for ix in entered.into_iter().rev() {
            self.close_block(ix, at);
        }
    }

    fn close_block(&mut self, ix: InstIx, at: Timestamp) {
        let inst = self.inst(ix);
        let failed = inst.block.failing.is_some()
            || inst.children.iter().any(|child| {
                let child = self.inst(*child);
                let status = child.status();
                status.is_bad() && status != Status::Cancelled && !child.accepted
            });
        let status = if failed {
            Status::Failed
        } else {
            Status::Cancelled
        };
        self.register_block_undo(ix);
        self.failing.remove(&ix);
        self.inst_mut(ix).ended = Some(at);
        self.set(ix, State::Settled(status));
    }

    fn steps_are_over(&self) -> bool {
        match self.ending {
            None => self.is_settled(self.plan.steps),
            Some(_) => self.lanes.is_empty(),
        }
    }

    fn is_settled(&self, root: NodeIx) -> bool {
        let Some(frame) = self.frames.first() else {
            return false;
        };
        frame
            .insts
            .get(&root)
            .is_some_and(|ix| matches!(self.inst(*ix).state, State::Settled(_)))
    }

    fn begin_finally(&mut self) -> Phase {
        if self.plan.node(self.plan.finally).does.children().is_empty() {
            return Phase::Closing;
        }
        self.begin_root(self.plan.finally, "(finally)");
        Phase::Finally
    }

    /// Whether an instance is one of the runbook's steps, rather than of an undo or of `finally`.
    pub(super) fn in_steps(&self, ix: InstIx) -> bool {
        self.root() == self.ancestors(ix).last().or(Some(ix))
    }
}

/// A status as a verb: `step x failed`.
fn past(status: Status) -> &'static str {
    match status {
        Status::Declined => "was declined",
        Status::TimedOut => "ran out of time",
        Status::Cancelled => "was cancelled",
        _ => "failed",
    }
}
