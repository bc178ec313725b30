//! What ought to be done now, derived from the state alone, so that resuming *is* running.

use super::command::{Command, Draft, Need, PersonNeeded};
use super::open_gate::OpenGate;
use super::state::{Inst, InstIx, Phase, Run, State};
use crate::model::call::Failure;
use crate::model::event::{Happened, RunClosed};
use crate::model::{Duration, Timestamp};

/// The most calls that are under way at once, whatever a runbook asks for: each holds a process
/// and four descriptors.
pub const MAX_ACTING: usize = 32;

/// The time that an attempt has where neither step nor contract says.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

impl Run {
    /// What ought to be done now.
    ///
    /// A command stands until the state changes: who carries them out knows by step, attempt and
    /// kind which ones are under way.
    pub fn commands(&self, now: Timestamp) -> Vec<Command> {
        match self.phase {
            Phase::New | Phase::Closed => return Vec::new(),
            Phase::Closing => return vec![record(None, Happened::RunClosed(self.closing_facts()))],
            // Nothing is done before who drives the run has its lock.
            _ if self.lock_due().is_some() => return Vec::new(),
            Phase::Undo if self.undoing.is_none() => return vec![record(None, self.undo_begun())],
            Phase::Steps | Phase::Undo | Phase::Finally => {}
        }
        let deadline = self.deadline();
        if deadline.is_some_and(|deadline| deadline <= now) {
            let timeout = self.plan.timeout.unwrap_or_default();
            let reason = format!("the run's timeout of {timeout} is over");
            return vec![record(None, Happened::CancelRequested { reason })];
        }
        let mut out: Vec<Command> = self
            .lanes
            .others()
            .map(|ix| self.consider(ix, now))
            .collect();
        let gates_end = self.lanes.others().filter_map(|ix| self.gate_ends(ix));
        let gates_end = gates_end.filter(|moment| *moment > now).min();
        let mut timed = self.lanes.timed().peekable();
        let mut due = Vec::new();
        while let Some((_, ix)) = timed.next_if(|(moment, _)| *moment <= now) {
            match self.inst(ix).state {
                State::Pausing { .. } => out.push(self.consider(ix, now)),
                _ => due.push(ix),
            }
        }
        let mut room = MAX_ACTING.saturating_sub(self.acting());
        for ix in due.into_iter().chain(self.lanes.callers()) {
            if room == 0 {
                break;
            }
            let command = self.consider(ix, now);
            // A look before acting is a call too.
            if matches!(command, Command::Act(_) | Command::Look(_)) {
                room -= 1;
            }
            out.push(command);
        }
        let next = timed.peek().map(|(moment, _)| *moment);
        out.extend(
            next.into_iter()
                .chain(deadline)
                .chain(gates_end)
                .min()
                .map(Command::WaitUntil),
        );
        out
    }

    /// When the run's own timeout is over, while that still means anything.
    fn deadline(&self) -> Option<Timestamp> {
        let opened = self.opened.as_ref()?;
        let running = self.phase == Phase::Steps && self.ending.is_none();
        let timeout = self.plan.timeout.filter(|_| running)?;
        Some(timeout.after(opened.taken_up))
    }

    /// What is to be done about an active instance that neither acts nor waits for the clock.
    fn consider(&self, ix: InstIx, now: Timestamp) -> Command {
        let inst = self.inst(ix);
        match &inst.state {
            State::Gated(open) => self.at_gate(inst, open, now),
            State::Pausing { .. } => record(Some(inst), Happened::PauseEnded { cut: None }),
            State::Failing { .. } => self.after_failure(ix),
            State::Doubt {
                reason,
                live,
                verified,
            } => self.settle_doubt(ix, reason, *live, *verified),
            _ => or_refuse(inst, self.due(ix, now)),
        }
    }

    /// What is to be done about an open gate: the operator is asked first, then others.
    fn at_gate(&self, inst: &Inst, open: &OpenGate, now: Timestamp) -> Command {
        if let Some(what) = self.overdue(open, now) {
            return record(Some(inst), what);
        }
        let gate = Box::new(open.gate.clone());
        if open.yes.is_none() {
            return person(inst, Need::Gate(gate));
        }
        let given = self.counted(open);
        let need = Need::Approvals {
            gate,
            given: given.map(|given| given.voter.principal.clone()).collect(),
            people: self.may_still(open).cloned().collect(),
            missing: self.missing(open),
            until: open.deadline(),
        };
        person(inst, need)
    }

    /// When time leads to something at an open gate.
    fn gate_ends(&self, ix: InstIx) -> Option<Timestamp> {
        match &self.inst(ix).state {
            State::Gated(open) => open.deadline(),
            _ => None,
        }
    }

    /// Whether a draft still says something about the present: its step is at that attempt, and
    /// what it says can happen at this moment.
    pub fn stands(&self, draft: &Draft, at: Timestamp) -> bool {
        let Some(key) = &draft.step else {
            return true;
        };
        self.by_key.get(key).is_some_and(|ix| {
            let inst = self.inst(*ix);
            inst.state.is_active()
                && Some(inst.attempt) == draft.attempt
                && self.legal(*ix, &draft.what, at).is_ok()
        })
    }

    fn closing_facts(&self) -> RunClosed {
        RunClosed {
            outcome: self.outcome(),
            follow_ups: super::summary::follow_ups(self),
        }
    }
}

/// What cannot even be tried has failed, with nothing done.
fn or_refuse(inst: &Inst, result: Result<Command, Failure>) -> Command {
    result.unwrap_or_else(|failure| record(Some(inst), Happened::StepRefused { failure }))
}

/// A step's record, or one of the run as a whole.
pub(super) fn record(inst: Option<&Inst>, what: Happened) -> Command {
    Command::Record(Draft {
        step: inst.map(|inst| inst.key.clone()),
        attempt: inst.map(|inst| inst.attempt),
        what,
    })
}

pub(super) fn person(inst: &Inst, need: Need) -> Command {
    Command::Person(PersonNeeded {
        step: inst.key.clone(),
        attempt: inst.attempt,
        need,
    })
}
