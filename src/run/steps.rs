//! What the events about a step do to it. Whether they may happen was asked before.

use std::sync::Arc;

use super::open_gate::declined;
use super::state::{Done, InstIx, MarkedDone, Role, Run, State};
use crate::model::approval::Vote;
use crate::model::call::{Failure, FailureKind};
use crate::model::event::{
    FailureChoice, Happened, ManualOutcome, Outcome, Resolution, ResolvedBy, RunOutcome,
    SkipReason, StepFinished, StepStarted,
};
use crate::model::people::{Actor, Way};
use crate::model::{Event, Status, Timestamp, Value};
use crate::plan::PlannedUndo;

impl Run {
    pub(super) fn on_step(&mut self, ix: InstIx, event: &Event) {
        let at = event.at;
        let what = &event.what;
        if goes_through(what) {
            self.note_what_is_owed(ix, at);
        }
        match what {
            Happened::BlockEntered { params, vars } => self.enter(ix, at, params, vars),
            Happened::LoopOpened { items, keys } => {
                if let State::Approved(passed) = &self.inst(ix).state {
                    let (once, until) = (passed.works.clone(), passed.until);
                    self.inst_mut(ix).role = Role::Loop { once, until };
                }
                self.open_items(ix, at, items, keys);
            }
            Happened::StepSkipped { why } => self.skip(ix, at, why.clone()),
            Happened::StepRefused { failure } => {
                self.fail(ix, at, Status::Failed, failure.clone());
            }
            Happened::GateOpened(gate) => self.on_gate_opened(ix, at, gate),
            Happened::GateDecided {
                decision,
                way,
                reason,
                ..
            } => {
                let when = (at, &event.actor);
                self.on_gate_decided(ix, when, *decision, *way, reason.as_deref());
            }
            Happened::ApprovalGiven {
                vote: Vote::Approve,
                voter,
                ..
            } => self.on_approval_given(ix, at, voter),
            Happened::ApprovalGiven {
                vote: Vote::Decline,
                voter,
                reason,
                ..
            } => {
                let by = format!("declined by {}", voter.principal);
                let failure = declined(&by, reason.as_deref());
                self.fail(ix, at, Status::Declined, failure);
            }
            Happened::GateEscalated { to, people, .. } => self.on_escalated(ix, at, to, people),
            Happened::BeforeSeen { output, .. } => {
                self.inst_mut(ix).before = Some(output.clone().map(Arc::new));
            }
            Happened::StepStarted(started) => self.on_started(ix, at, started),
            Happened::StepFinished(finished) => self.on_finished(ix, at, finished),
            Happened::StepUnknown { reason, .. } => self.on_unknown(ix, reason),
            Happened::StepResolved {
                resolution,
                by,
                reason,
                output,
            } => {
                if (*resolution, *by) == (Resolution::Happened, ResolvedBy::Person) {
                    self.mark_done(ix, &event.actor, Some(reason), true);
                }
                self.on_resolved(ix, at, (*resolution, *by), reason, output.as_ref());
            }
            Happened::FailureDecided {
                choice,
                way,
                reason,
            } => {
                if *choice == FailureChoice::MarkDone {
                    self.mark_done(ix, &event.actor, reason.as_deref(), false);
                }
                self.on_failure_decided(ix, at, *choice, *way, reason.as_deref());
            }
            Happened::AnswerGiven { answer, .. } => {
                let inst = self.inst_mut(ix);
                inst.answer = Some(answer.clone());
                inst.attempt_used = true;
                inst.failure = None;
                self.settle(ix, at, Status::Succeeded);
            }
            Happened::ManualReported {
                outcome,
                output,
                way,
                note,
            } => self.on_manual(ix, at, *outcome, output, *way, note.as_deref()),
            Happened::PauseBegun { until } => {
                let inst = self.inst_mut(ix);
                inst.attempt_used = true;
                inst.failure = None;
                inst.first_started.get_or_insert(at);
                self.set(ix, State::Pausing { until: *until });
            }
            Happened::PauseEnded { .. } => self.settle(ix, at, Status::Succeeded),
            // A look of a poll changes nothing; the rest is about the run as a whole.
            Happened::PollSeen { .. }
            | Happened::UndoRequested { .. }
            | Happened::LockTaken { .. }
            | Happened::GlassBroken { .. }
            | Happened::ReviewSigned { .. }
            | Happened::RunOpened(_)
            | Happened::RunResumed { .. }
            | Happened::RunParked { .. }
            | Happened::RunClosed(_)
            | Happened::VarsSet { .. }
            | Happened::UndoBegun { .. }
            | Happened::CancelRequested { .. }
            | Happened::NoteAdded { .. }
            | Happened::Recovered { .. } => {}
        }
    }

    fn on_started(&mut self, ix: InstIx, at: Timestamp, started: &StepStarted) {
        let inst = self.inst_mut(ix);
        inst.attempt_used = true;
        inst.tries += 1;
        inst.first_started.get_or_insert(at);
        inst.work = Some(Arc::new(started.work.clone()));
        inst.failure = None;
        inst.marked = None;
        // What an earlier attempt put out says nothing about this one.
        inst.output = None;
        let key = started.key.clone();
        self.set(ix, State::Started { key, at });
        self.mark_around(ix);
    }

    fn mark_done(&mut self, ix: InstIx, by: &Actor, reason: Option<&str>, happened: bool) {
        self.inst_mut(ix).marked = Some(MarkedDone {
            by: by.clone(),
            reason: reason.map(str::to_owned),
            happened,
        });
    }

    /// The blocks around a step that acted have something to be taken back.
    fn mark_around(&mut self, ix: InstIx) {
        let mut around = self.inst(ix).parent;
        while let Some(at) = around {
            let inst = self.inst_mut(at);
            if std::mem::replace(&mut inst.acted_inside, true) {
                return;
            }
            around = inst.parent;
        }
    }

    fn on_finished(&mut self, ix: InstIx, at: Timestamp, finished: &StepFinished) {
        if let Some(stored) = &finished.output {
            self.inst_mut(ix).output = stored.value().cloned().map(Arc::new);
        }
        // What never started left nothing behind.
        let not_started = finished
            .failure
            .as_ref()
            .is_some_and(|failure| failure.kind == FailureKind::NotStarted);
        if !not_started {
            self.register_undo(ix);
        }
        match finished.outcome {
            Outcome::Succeeded => self.succeeded(ix, at),
            outcome => {
                let failure = finished.failure.clone().unwrap_or_else(|| {
                    Failure::new(FailureKind::Exit, outcome.status().word().replace('_', " "))
                });
                self.fail(ix, at, outcome.status(), failure);
            }
        }
    }

    fn on_unknown(&mut self, ix: InstIx, reason: &str) {
        match &self.inst(ix).state {
            State::Started { .. } => self.doubt(ix, reason, true),
            // The contract's `verify` could not tell.
            State::Doubt { live, .. } => {
                let doubt = State::Doubt {
                    reason: reason.to_owned(),
                    live: *live,
                    verified: true,
                };
                self.set(ix, doubt);
            }
            _ => {}
        }
    }

    fn on_resolved(
        &mut self,
        ix: InstIx,
        at: Timestamp,
        (resolution, by): (Resolution, ResolvedBy),
        reason: &str,
        output: Option<&Value>,
    ) {
        let State::Doubt { live, .. } = self.inst(ix).state else {
            return;
        };
        match resolution {
            Resolution::Happened => {
                self.inst_mut(ix).output = output.cloned().map(Arc::new);
                self.register_undo(ix);
                self.succeeded(ix, at);
            }
            Resolution::DidNotHappen if live => {
                let failure =
                    Failure::new(FailureKind::Answer, format!("it did not happen: {reason}"));
                self.fail(ix, at, Status::Failed, failure);
            }
            Resolution::DidNotHappen | Resolution::Again => {
                let inst = self.inst_mut(ix);
                if by == ResolvedBy::Person {
                    inst.tries = 0;
                } else if !live || by == ResolvedBy::Read {
                    // An attempt that we cut short ourselves is none of those that may fail.
                    inst.tries = inst.tries.saturating_sub(1);
                }
                self.again(ix, None);
            }
            Resolution::Skip => {
                self.register_undo(ix);
                // An undo that deletes what a step made deletes somebody else's if it made nothing.
                self.inst_mut(ix).left_in_doubt = true;
                self.leave_out(ix, at, Way::Terminal, Some(reason));
            }
            Resolution::Stop => {
                let because = format!("nobody knows what became of step {}", self.inst(ix).key);
                self.register_undo(ix);
                self.settle(ix, at, Status::Unknown);
                if self.inside_undo(ix) {
                    self.stop_undoing(at);
                } else {
                    self.end(RunOutcome::Failed, because, None);
                }
            }
        }
    }

    fn on_failure_decided(
        &mut self,
        ix: InstIx,
        at: Timestamp,
        choice: FailureChoice,
        way: Way,
        reason: Option<&str>,
    ) {
        let State::Failing {
            at: failed_at,
            status,
        } = self.inst(ix).state
        else {
            return;
        };
        match choice {
            FailureChoice::RetryByRule => {
                let delay = self.retry_delay(ix).unwrap_or_default();
                self.again(ix, Some(delay.after(failed_at)));
            }
            FailureChoice::Retry => {
                let inst = self.inst_mut(ix);
                inst.retries_decided += 1;
                inst.tries = 0;
                inst.passes = 0;
                self.again(ix, None);
            }
            FailureChoice::Skip => self.leave_out(ix, at, way, reason),
            FailureChoice::MarkDone => {
                self.inst_mut(ix).times_done += 1;
                self.settle(ix, at, Status::Succeeded);
            }
            FailureChoice::Continue => {
                self.inst_mut(ix).accepted = true;
                self.settle(ix, at, status);
            }
            FailureChoice::Propagate => self.settle(ix, at, status),
            FailureChoice::Undo | FailureChoice::Stop => self.stop(ix, at, status, choice),
        }
    }

    fn on_manual(
        &mut self,
        ix: InstIx,
        at: Timestamp,
        outcome: ManualOutcome,
        output: &Value,
        way: Way,
        note: Option<&str>,
    ) {
        let inst = self.inst_mut(ix);
        inst.attempt_used = true;
        inst.first_started.get_or_insert(at);
        inst.failure = None;
        match outcome {
            ManualOutcome::Done => {
                inst.output = (!output.is_none()).then(|| Arc::new(output.clone()));
                self.mark_around(ix);
                self.register_undo(ix);
                self.succeeded(ix, at);
            }
            ManualOutcome::Skipped => self.leave_out(ix, at, way, note),
            ManualOutcome::Failed => {
                inst.tries += 1;
                // Somebody tried, so something may have been done.
                self.mark_around(ix);
                self.register_undo(ix);
                let message = note.unwrap_or("the person said that it failed").to_owned();
                let failure = Failure::new(FailureKind::Person, message);
                self.fail(ix, at, Status::Failed, failure);
            }
        }
    }

    /// A success, unless the step repeats and is not done.
    fn succeeded(&mut self, ix: InstIx, at: Timestamp) {
        self.inst_mut(ix).times_done += 1;
        let plan = Arc::clone(&self.plan);
        let Some(repeat) = &plan.node(self.inst(ix).node).how.repeat else {
            return self.settle(ix, at, Status::Succeeded);
        };
        match self.holds(ix, &repeat.until.value, "its `repeat`") {
            Ok(true) => self.settle(ix, at, Status::Succeeded),
            Ok(false) => {
                let inst = self.inst_mut(ix);
                inst.passes += 1;
                inst.tries = 0;
                if inst.passes < repeat.at_most {
                    return self.again(ix, None);
                }
                let message = format!(
                    "`{}` still does not hold after {} passes",
                    repeat.until.value.source(),
                    repeat.at_most
                );
                let failure = Failure::new(FailureKind::Loop, message);
                self.fail(ix, at, Status::Failed, failure);
            }
            Err(failure) => {
                // The pass was done: nobody but a person may do it again.
                self.inst_mut(ix).tries = 0;
                self.fail(ix, at, Status::Failed, failure);
            }
        }
    }

    pub(super) fn fail(&mut self, ix: InstIx, at: Timestamp, status: Status, failure: Failure) {
        self.inst_mut(ix).failure = Some(failure);
        self.set(ix, State::Failing { at, status });
    }

    /// The next attempt, which takes a new decision if there is a gate.
    pub(super) fn again(&mut self, ix: InstIx, not_before: Option<Timestamp>) {
        let inst = self.inst_mut(ix);
        if inst.attempt_used {
            inst.attempt = inst.attempt.next();
            inst.attempt_used = false;
        }
        inst.turns += 1;
        inst.before = None;
        self.set(ix, State::Ready { not_before });
    }

    pub(super) fn doubt(&mut self, ix: InstIx, reason: &str, live: bool) {
        let doubt = State::Doubt {
            reason: reason.to_owned(),
            live,
            verified: false,
        };
        self.set(ix, doubt);
    }

    fn skip(&mut self, ix: InstIx, at: Timestamp, why: SkipReason) {
        self.inst_mut(ix).skip = Some(why);
        self.settle(ix, at, Status::Skipped);
    }

    /// The operator leaves a step out: what was meant to follow it asks again.
    pub(super) fn leave_out(&mut self, ix: InstIx, at: Timestamp, way: Way, reason: Option<&str>) {
        if self.in_steps(ix) {
            let key = self.inst(ix).key.clone();
            self.left_out.get_or_insert(key);
        }
        let reason = reason.map(str::to_owned);
        self.skip(ix, at, SkipReason::Operator { way, reason });
    }

    /// A step that acted may have to be undone: kept in the order of completion, with what its
    /// undo is rendered over.
    pub(super) fn register_undo(&mut self, ix: InstIx) {
        let node = self.plan.node(self.inst(ix).node);
        if matches!(node.undo, PlannedUndo::None) || !self.in_steps(ix) {
            return;
        }
        let number = self.next_acted;
        self.next_acted += 1;
        let inst = self.inst_mut(ix);
        inst.done = Some(Arc::new(Done {
            work: inst.work.clone(),
            output: inst.output.clone(),
            before: inst.before.clone(),
        }));
        if let Some(earlier) = inst.acted.replace(number) {
            self.acted.remove(&earlier);
        }
        self.acted.insert(number, ix);
    }
}

/// Whether an event says that something begins that a gate may have stood before.
fn goes_through(what: &Happened) -> bool {
    matches!(
        what,
        Happened::BlockEntered { .. }
            | Happened::LoopOpened { .. }
            | Happened::StepStarted(_)
            | Happened::AnswerGiven { .. }
            | Happened::ManualReported { .. }
            | Happened::PauseBegun { .. }
    )
}
