//! The only way a run changes: one exhaustive match over what can happen.

use std::fmt;
use std::sync::Arc;

use super::render;
use super::state::{
    Ending, Frame, FrameIx, Inst, InstIx, Opened, Phase, Role, Run, State, UndoScope,
};
use crate::model::call::{Failure, FailureKind};
use crate::model::event::{
    Decision, Event, FailureChoice, GateOpened, Happened, ManualOutcome, Outcome, Resolution,
    RunOpened, RunOutcome, SkipReason, StepFinished, StepStarted,
};
use crate::model::ids::{Attempt, StepKey};
use crate::model::people::Way;
use crate::model::{Digest, Map, Status, Timestamp, Value};
use crate::spec::step::OnCancel;

/// An event that cannot follow what happened before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IllegalEvent {
    /// The event's kind.
    pub kind: &'static str,
    /// Its step.
    pub step: Option<StepKey>,
    /// Why it cannot be.
    pub reason: String,
}

impl fmt::Display for IllegalEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.step {
            Some(step) => write!(f, "`{}` of step {step}: {}", self.kind, self.reason),
            None => write!(f, "`{}`: {}", self.kind, self.reason),
        }
    }
}

impl std::error::Error for IllegalEvent {}

type Applied = Result<(), String>;

impl Run {
    /// Lets an event happen. An illegal one changes nothing that matters: the run is then to be
    /// discarded, for its journal does not tell one story.
    pub fn apply(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        self.apply_inner(event).map_err(|reason| IllegalEvent {
            kind: event.what.kind(),
            step: event.step.clone(),
            reason,
        })?;
        self.turn();
        Ok(())
    }

    fn apply_inner(&mut self, event: &Event) -> Applied {
        if self.closed.is_some() && !matches!(event.what, Happened::NoteAdded { .. }) {
            return Err("the run is closed".to_owned());
        }
        if self.opened.is_none() != matches!(event.what, Happened::RunOpened(_)) {
            return Err("a run is opened once, before anything else".to_owned());
        }
        match &event.what {
            Happened::RunOpened(facts) => self.on_opened(event.at, facts),
            Happened::RunResumed { operator, .. } => {
                self.on_resumed(event.at);
                if let Some(opened) = &mut self.opened {
                    opened.operator = operator.clone();
                }
                Ok(())
            }
            Happened::RunParked { .. } => self.on_parked(),
            Happened::RunClosed(closed) => {
                if self.phase != Phase::Closing {
                    return Err("the run is not at its end".to_owned());
                }
                if closed.outcome != self.outcome() {
                    return Err(format!(
                        "the outcome is {}, not {}",
                        self.outcome().word(),
                        closed.outcome.word()
                    ));
                }
                self.closed = Some(closed.clone());
                self.phase = Phase::Closed;
                Ok(())
            }
            Happened::VarsSet { vars } => {
                if !self.vars.is_empty() || self.phase != Phase::Steps {
                    return Err("variables are set once, at the start".to_owned());
                }
                self.vars = vars.clone();
                Ok(())
            }
            Happened::UndoBegun { steps, .. } => self.on_undo_begun(steps),
            Happened::CancelRequested { reason } => {
                self.cancel(reason);
                Ok(())
            }
            Happened::NoteAdded { .. } | Happened::Recovered { .. } => Ok(()),
            _ => self.on_step(event),
        }
    }

    fn on_step(&mut self, event: &Event) -> Applied {
        let key = event.step.as_ref().ok_or("it names no step")?;
        let ix = *self
            .by_key
            .get(key)
            .ok_or("this step was not reached, or is not in the plan")?;
        let attempt = event.attempt.ok_or("it names no attempt")?;
        if self.inst(ix).attempt != attempt {
            return Err(format!(
                "it is of attempt {attempt}, and the step is at attempt {}",
                self.inst(ix).attempt
            ));
        }
        if !self.active.contains(&ix) {
            return Err(format!("the step is {}", self.inst(ix).status()));
        }
        let at = event.at;
        match &event.what {
            Happened::BlockEntered { params, vars } => self.on_entered(ix, at, params, vars),
            Happened::LoopOpened { items, keys } => self.on_loop(ix, at, items, keys),
            Happened::StepSkipped { why } => {
                self.must_be_ready(ix)?;
                self.skip(ix, at, why.clone());
                Ok(())
            }
            Happened::StepRefused { failure } => {
                self.must_be_ready(ix)?;
                self.fail(ix, at, Status::Failed, failure.clone());
                Ok(())
            }
            Happened::GateOpened(gate) => self.on_gate_opened(ix, gate),
            Happened::GateDecided {
                digest,
                decision,
                way,
                reason,
            } => self.on_gate_decided(ix, at, *digest, *decision, *way, reason.as_deref()),
            Happened::BeforeSeen { output, .. } => {
                self.must_be_ready(ix)?;
                self.inst_mut(ix).before = Some(output.clone().map(Arc::new));
                Ok(())
            }
            Happened::StepStarted(started) => self.on_started(ix, at, started),
            Happened::PollSeen { .. } => match self.inst(ix).state {
                State::Started { .. } => Ok(()),
                _ => Err("the step does not act".to_owned()),
            },
            Happened::StepFinished(finished) => self.on_finished(ix, at, finished),
            Happened::StepUnknown { reason, .. } => self.on_unknown(ix, reason),
            Happened::StepResolved {
                resolution,
                reason,
                output,
                ..
            } => self.on_resolved(ix, at, *resolution, reason, output.as_ref()),
            Happened::FailureDecided {
                choice,
                way,
                reason,
            } => self.on_failure_decided(ix, at, *choice, *way, reason.as_deref()),
            Happened::AnswerGiven { answer, .. } => {
                self.must_be_ready(ix)?;
                let inst = self.inst_mut(ix);
                inst.answer = Some(answer.clone());
                inst.attempt_used = true;
                self.settle(ix, at, Status::Succeeded);
                Ok(())
            }
            Happened::ManualReported {
                outcome,
                output,
                way,
                note,
            } => self.on_manual(ix, at, *outcome, output, *way, note.as_deref()),
            Happened::PauseBegun { until } => {
                self.must_be_ready(ix)?;
                let inst = self.inst_mut(ix);
                inst.state = State::Pausing { until: *until };
                inst.attempt_used = true;
                inst.first_started.get_or_insert(at);
                Ok(())
            }
            Happened::PauseEnded { .. } => match self.inst(ix).state {
                State::Pausing { .. } => {
                    self.settle(ix, at, Status::Succeeded);
                    Ok(())
                }
                _ => Err("the step does not pause".to_owned()),
            },
            Happened::RunOpened(_)
            | Happened::RunResumed { .. }
            | Happened::RunParked { .. }
            | Happened::RunClosed(_)
            | Happened::VarsSet { .. }
            | Happened::UndoBegun { .. }
            | Happened::CancelRequested { .. }
            | Happened::NoteAdded { .. }
            | Happened::Recovered { .. } => Err("it belongs to no step".to_owned()),
        }
    }

    fn on_opened(&mut self, at: Timestamp, facts: &RunOpened) -> Applied {
        if facts.runbook != self.plan.runbook || facts.environment != self.plan.environment {
            return Err("it names another runbook or environment than the plan".to_owned());
        }
        self.opened = Some(Opened {
            facts: facts.clone(),
            at,
            operator: facts.operator.clone(),
            taken_up: at,
            parked: false,
        });
        self.phase = Phase::Steps;
        let frame = self.new_frame(Frame {
            parent: None,
            prefix: None,
            insts: std::collections::HashMap::new(),
            item: None,
            include: None,
        });
        self.begin_root(self.plan.steps, "(steps)", frame);
        Ok(())
    }

    pub(super) fn begin_root(&mut self, node: crate::plan::NodeIx, key: &str, frame: FrameIx) {
        let ix = self.instance(node, StepKey::from_text(key), None, frame, Role::Plain);
        self.make_ready(ix);
    }

    fn on_resumed(&mut self, at: Timestamp) {
        if let Some(opened) = &mut self.opened {
            opened.taken_up = at;
            opened.parked = false;
        }
        let started: Vec<InstIx> = self
            .active
            .iter()
            .copied()
            .filter(|ix| matches!(self.inst(*ix).state, State::Started { .. }))
            .collect();
        for ix in started {
            self.doubt(
                ix,
                "the process that ran it ended before its result was known",
                false,
            );
        }
        // What was seen before acting is stale by now: it is looked at again.
        for ix in self.active.clone() {
            let inst = self.inst_mut(ix);
            if matches!(inst.state, State::Ready { .. } | State::Approved { .. }) {
                inst.before = None;
            }
        }
    }

    fn on_parked(&mut self) -> Applied {
        // What only looks may be left: it is done again.
        let acts = self.active.iter().map(|ix| self.inst(*ix)).any(|inst| {
            matches!(inst.state, State::Started { .. }) && self.plan.node(inst.node).effect.acts()
        });
        if acts {
            return Err("a step still acts".to_owned());
        }
        match &mut self.opened {
            Some(opened) => opened.parked = true,
            None => return Err("the run is not open".to_owned()),
        }
        Ok(())
    }

    fn must_be_ready(&self, ix: InstIx) -> Applied {
        match &self.inst(ix).state {
            State::Ready { .. } | State::Approved { .. } => Ok(()),
            _ => Err(format!("the step is {}", self.inst(ix).status())),
        }
    }

    /// Nothing starts without its gate's decision: the gate is derived again here.
    fn must_be_allowed(&self, ix: InstIx) -> Applied {
        match &self.inst(ix).state {
            State::Approved { .. } => Ok(()),
            State::Ready { .. } => {
                let works = self
                    .work(ix)
                    .map_err(|failure| failure.message)?
                    .into_iter()
                    .collect();
                match self.barrier(ix, works).map_err(|failure| failure.message)? {
                    None => Ok(()),
                    Some(_) => Err("its gate has no decision".to_owned()),
                }
            }
            _ => Err(format!("the step is {}", self.inst(ix).status())),
        }
    }

    fn on_entered(&mut self, ix: InstIx, at: Timestamp, params: &Map, vars: &Map) -> Applied {
        self.must_be_allowed(ix)?;
        let node = self.plan.node(self.inst(ix).node);
        if !node.does.is_block() {
            return Err("the step is no block".to_owned());
        }
        self.enter(ix, at, params, vars);
        Ok(())
    }

    fn on_loop(&mut self, ix: InstIx, at: Timestamp, items: &[Value], keys: &[String]) -> Applied {
        self.must_be_ready(ix)?;
        let Role::Loop { .. } = self.inst(ix).role else {
            return Err("the step is no loop".to_owned());
        };
        if items.len() != keys.len() || items.is_empty() {
            return Err("its items and keys do not belong together".to_owned());
        }
        if let State::Approved { works, .. } = &self.inst(ix).state {
            let once = works.clone();
            self.inst_mut(ix).role = Role::Loop { once };
        }
        self.open_items(ix, at, items, keys);
        Ok(())
    }

    fn on_gate_opened(&mut self, ix: InstIx, gate: &GateOpened) -> Applied {
        self.must_be_ready(ix)?;
        self.inst_mut(ix).state = State::Gated(Box::new(gate.clone()));
        Ok(())
    }

    fn on_gate_decided(
        &mut self,
        ix: InstIx,
        at: Timestamp,
        digest: Digest,
        decision: Decision,
        way: Way,
        reason: Option<&str>,
    ) -> Applied {
        let State::Gated(gate) = &self.inst(ix).state else {
            return Err("no gate is open".to_owned());
        };
        if gate.digest != digest {
            return Err("the decision is bound to something else than what was shown".to_owned());
        }
        match decision {
            Decision::Approve => {
                let works = render::digests(&gate.works);
                self.inst_mut(ix).state = State::Approved {
                    gate: digest,
                    works,
                };
            }
            Decision::Skip => {
                self.leave_out(ix, at, way, reason);
            }
            Decision::Decline => {
                let said = reason.map_or_else(String::new, |reason| format!(": {reason}"));
                let message = format!("declined{said}");
                self.fail(
                    ix,
                    at,
                    Status::Declined,
                    Failure::new(FailureKind::Declined, message),
                );
            }
        }
        Ok(())
    }

    fn on_started(&mut self, ix: InstIx, at: Timestamp, started: &StepStarted) -> Applied {
        if self.halted(ix) {
            return Err("nothing new starts: the run is ending".to_owned());
        }
        self.must_be_allowed(ix)?;
        let digest = started.work.digest().map_err(|e| e.to_string())?;
        if digest != started.digest {
            return Err("its digest is not that of its work".to_owned());
        }
        if let State::Approved { works, .. } = &self.inst(ix).state
            && !works.contains(&digest)
        {
            return Err("what starts is not what was approved".to_owned());
        }
        let inst = self.inst_mut(ix);
        if inst.attempt_used {
            return Err("this attempt was started before".to_owned());
        }
        inst.attempt_used = true;
        inst.tries += 1;
        inst.first_started.get_or_insert(at);
        inst.work = Some(Arc::new(started.work.clone()));
        inst.failure = None;
        inst.state = State::Started {
            key: started.key.clone(),
            at,
        };
        self.acting += 1;
        Ok(())
    }

    fn on_finished(&mut self, ix: InstIx, at: Timestamp, finished: &StepFinished) -> Applied {
        let State::Started { .. } = self.inst(ix).state else {
            return Err("there is no start without a result".to_owned());
        };
        self.acting -= 1;
        if let Some(stored) = &finished.output {
            self.inst_mut(ix).output = stored.value().cloned().map(Arc::new);
        }
        self.register_undo(ix, finished.failure.as_ref());
        match finished.outcome {
            Outcome::Succeeded => self.succeeded(ix, at),
            outcome => {
                let failure = finished.failure.clone().unwrap_or_else(|| {
                    Failure::new(FailureKind::Exit, outcome.status().word().replace('_', " "))
                });
                self.fail(ix, at, outcome.status(), failure);
            }
        }
        Ok(())
    }

    fn on_unknown(&mut self, ix: InstIx, reason: &str) -> Applied {
        match &mut self.inst_mut(ix).state {
            State::Started { .. } => {
                self.acting -= 1;
                self.doubt_inner(ix, reason, true);
                Ok(())
            }
            // The contract's `verify` could not tell.
            State::Doubt {
                verified,
                reason: why,
                ..
            } if !*verified => {
                *verified = true;
                reason.clone_into(why);
                Ok(())
            }
            _ => Err("the step does not act".to_owned()),
        }
    }

    fn on_resolved(
        &mut self,
        ix: InstIx,
        at: Timestamp,
        resolution: Resolution,
        reason: &str,
        output: Option<&Value>,
    ) -> Applied {
        let State::Doubt { live, .. } = self.inst(ix).state else {
            return Err("there is no doubt about the step".to_owned());
        };
        match resolution {
            Resolution::Happened => {
                self.inst_mut(ix).output = output.cloned().map(Arc::new);
                self.register_undo(ix, None);
                self.succeeded(ix, at);
            }
            Resolution::DidNotHappen if live => {
                let failure =
                    Failure::new(FailureKind::Answer, format!("it did not happen: {reason}"));
                self.fail(ix, at, Status::Failed, failure);
            }
            Resolution::DidNotHappen | Resolution::Again => self.again(ix, None),
            Resolution::Skip => self.leave_out(ix, at, Way::Terminal, Some(reason)),
            Resolution::Stop => {
                let because = format!("nobody knows what became of step {}", self.inst(ix).key);
                self.register_undo(ix, None);
                self.settle(ix, at, Status::Unknown);
                self.end(RunOutcome::Failed, because, None);
            }
        }
        Ok(())
    }

    fn on_failure_decided(
        &mut self,
        ix: InstIx,
        at: Timestamp,
        choice: FailureChoice,
        way: Way,
        reason: Option<&str>,
    ) -> Applied {
        let State::Failing {
            at: failed_at,
            status,
        } = self.inst(ix).state
        else {
            return Err("the step has not failed".to_owned());
        };
        if status == Status::Declined
            && !matches!(choice, FailureChoice::Stop | FailureChoice::Undo)
        {
            return Err("a refusal is final".to_owned());
        }
        match choice {
            FailureChoice::RetryByRule => {
                let delay = self.retry_delay(ix).ok_or("no attempt is left")?;
                self.again(ix, Some(delay.after(failed_at)));
            }
            FailureChoice::Retry => {
                let inst = self.inst_mut(ix);
                inst.retries_decided += 1;
                inst.tries = 0;
                self.again(ix, None);
            }
            FailureChoice::Skip => self.leave_out(ix, at, way, reason),
            FailureChoice::MarkDone => {
                self.settle(ix, at, Status::Succeeded);
            }
            FailureChoice::Continue => {
                self.inst_mut(ix).accepted = true;
                self.settle(ix, at, status);
            }
            FailureChoice::Propagate => self.settle(ix, at, status),
            FailureChoice::Undo | FailureChoice::Stop => {
                self.stop(ix, at, status, choice);
            }
        }
        Ok(())
    }

    fn on_manual(
        &mut self,
        ix: InstIx,
        at: Timestamp,
        outcome: ManualOutcome,
        output: &Value,
        way: Way,
        note: Option<&str>,
    ) -> Applied {
        self.must_be_ready(ix)?;
        let inst = self.inst_mut(ix);
        inst.attempt_used = true;
        inst.first_started.get_or_insert(at);
        match outcome {
            ManualOutcome::Done => {
                inst.output = (!output.is_none()).then(|| Arc::new(output.clone()));
                self.register_undo(ix, None);
                self.succeeded(ix, at);
            }
            ManualOutcome::Skipped => self.leave_out(ix, at, way, note),
            ManualOutcome::Failed => {
                let message = note.unwrap_or("the person said that it failed").to_owned();
                self.fail(
                    ix,
                    at,
                    Status::Failed,
                    Failure::new(FailureKind::Person, message),
                );
            }
        }
        Ok(())
    }

    // ── What the events above are made of ──

    /// A success, unless the step repeats and is not done.
    fn succeeded(&mut self, ix: InstIx, at: Timestamp) {
        let node = self.inst(ix).node;
        let Some(repeat) = self.plan.node(node).how.repeat.clone() else {
            return self.settle(ix, at, Status::Succeeded);
        };
        match self.holds(ix, &repeat.until.value, "its `repeat`") {
            Ok(true) => self.settle(ix, at, Status::Succeeded),
            Ok(false) => {
                let inst = self.inst_mut(ix);
                inst.passes += 1;
                inst.tries = 0;
                if inst.passes >= repeat.at_most {
                    let message = format!(
                        "`{}` still does not hold after {} passes",
                        repeat.until.value.source(),
                        repeat.at_most
                    );
                    self.fail(
                        ix,
                        at,
                        Status::Failed,
                        Failure::new(FailureKind::Loop, message),
                    );
                } else {
                    self.again(ix, None);
                }
            }
            Err(failure) => self.fail(ix, at, Status::Failed, failure),
        }
    }

    pub(super) fn fail(&mut self, ix: InstIx, at: Timestamp, status: Status, failure: Failure) {
        let inst = self.inst_mut(ix);
        inst.failure = Some(failure);
        inst.state = State::Failing { at, status };
        self.active.insert(ix);
    }

    /// The next attempt, which takes a new decision if there is a gate.
    pub(super) fn again(&mut self, ix: InstIx, not_before: Option<Timestamp>) {
        let inst = self.inst_mut(ix);
        if inst.attempt_used {
            inst.attempt = inst.attempt.next();
            inst.attempt_used = false;
        }
        inst.before = None;
        inst.state = State::Ready { not_before };
        self.active.insert(ix);
    }

    fn doubt(&mut self, ix: InstIx, reason: &str, live: bool) {
        if let State::Started { .. } = self.inst(ix).state {
            self.acting -= 1;
        }
        self.doubt_inner(ix, reason, live);
    }

    fn doubt_inner(&mut self, ix: InstIx, reason: &str, live: bool) {
        self.inst_mut(ix).state = State::Doubt {
            reason: reason.to_owned(),
            live,
            verified: false,
        };
    }

    fn skip(&mut self, ix: InstIx, at: Timestamp, why: SkipReason) {
        self.inst_mut(ix).skip = Some(why);
        self.settle(ix, at, Status::Skipped);
    }

    /// The operator leaves a step out: what was meant to follow it asks again.
    fn leave_out(&mut self, ix: InstIx, at: Timestamp, way: Way, reason: Option<&str>) {
        let key = self.inst(ix).key.clone();
        if !self.inside_undo(ix) {
            self.left_out.push(key);
        }
        let reason = reason.map(str::to_owned);
        self.skip(ix, at, SkipReason::Operator { way, reason });
    }

    fn stop(&mut self, ix: InstIx, at: Timestamp, status: Status, choice: FailureChoice) {
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
        self.settle(ix, at, status);
        if self.inside_undo(ix) {
            self.stop_undoing();
        } else {
            self.end(outcome, because, undo);
        }
    }

    fn cancel(&mut self, reason: &str) {
        let undo = (self.plan.on_cancel == OnCancel::Undo).then_some(UndoScope::Run);
        self.end(RunOutcome::Cancelled, reason.to_owned(), undo);
    }

    /// Nothing new starts in the steps; what acts is waited for. The first reason counts.
    pub(super) fn end(&mut self, outcome: RunOutcome, because: String, undo: Option<UndoScope>) {
        if self.ending.is_some() || self.phase != Phase::Steps {
            return;
        }
        self.ending = Some(Ending {
            outcome,
            because,
            undo,
        });
        let idle: Vec<InstIx> = self
            .active
            .iter()
            .copied()
            .filter(|ix| !self.inst(*ix).state.is_acting())
            .collect();
        for ix in idle {
            self.abandon(ix);
        }
    }

    /// A step that will not be reached any more stands as it did before its turn.
    pub(super) fn abandon(&mut self, ix: InstIx) {
        self.active.remove(&ix);
        let inst = self.inst_mut(ix);
        if !matches!(inst.state, State::Failing { .. }) {
            inst.state = State::Pending;
        } else if let State::Failing { status, at } = inst.state {
            inst.state = State::Settled(status);
            inst.ended = Some(at);
        }
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

/// Folds a journal's events into the run that they tell of.
pub fn fold<'a>(
    id: crate::model::ids::RunId,
    plan: Arc<crate::plan::Plan>,
    events: impl IntoIterator<Item = &'a Event>,
) -> Result<Run, IllegalEvent> {
    let mut run = Run::new(id, plan);
    for event in events {
        run.apply(event)?;
    }
    Ok(run)
}

impl Inst {
    /// The attempt that the next start has.
    pub(super) fn next_attempt(&self) -> Attempt {
        if self.attempt_used {
            self.attempt.next()
        } else {
            self.attempt
        }
    }
}
