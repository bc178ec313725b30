//! The only way a run changes: one exhaustive match over what can happen.

use std::fmt;
use std::sync::Arc;

use super::state::{Frame, InstIx, Opened, Phase, Role, Run, State};
use crate::model::Timestamp;
use crate::model::event::{Event, Happened, RunClosed, RunOpened};
use crate::model::ids::StepKey;
use crate::model::people::{Actor, Person, Way};
use crate::plan::NodeIx;

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

/// Done, or why it cannot be.
pub(super) type Legal = Result<(), String>;

impl Run {
    /// Lets an event happen.
    ///
    /// # Errors
    /// The event cannot follow what happened before; the run is as it was.
    pub fn apply(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        let illegal = |reason: String| IllegalEvent {
            kind: event.what.kind(),
            step: event.step.clone(),
            reason,
        };
        if self.closed.is_some() && !may_follow_the_end(&event.what) {
            return Err(illegal("the run is closed".to_owned()));
        }
        if self.opened.is_none() != matches!(event.what, Happened::RunOpened(_)) {
            return Err(illegal(
                "a run is opened once, before anything else".to_owned(),
            ));
        }
        self.happen(event).map_err(illegal)?;
        // What is said about a run that is closed is none of its moments.
        if self.closed.is_none() || matches!(event.what, Happened::RunClosed(_)) {
            let latest = self.latest.unwrap_or(event.at);
            self.latest = Some(latest.max(event.at));
        }
        self.turn(event.at);
        Ok(())
    }

    fn happen(&mut self, event: &Event) -> Legal {
        let at = event.at;
        match &event.what {
            Happened::RunOpened(facts) => self.on_opened(at, facts),
            Happened::RunResumed { operator, .. } => {
                self.on_resumed(at, operator);
                Ok(())
            }
            Happened::RunParked { .. } => self.on_parked(),
            Happened::RunClosed(closed) => self.on_closed(closed),
            Happened::VarsSet { vars } => {
                let root = self.root().ok_or("the run has no steps")?;
                self.legal(root, &event.what, at)?;
                self.vars = vars.clone();
                Ok(())
            }
            Happened::UndoBegun { steps, .. } => {
                self.legal_with_lock()?;
                self.on_undo_begun(steps)
            }
            Happened::UndoRequested { reason } => {
                self.on_undo_requested((at, &event.actor), reason)
            }
            Happened::LockTaken { name, .. } => self.on_lock_taken(name),
            Happened::GlassBroken { reason, group } => {
                self.on_glass_broken((at, &event.actor), reason, group)
            }
            Happened::ReviewSigned { of, voter, reason } => {
                self.on_review_signed(of, voter, reason, at)
            }
            Happened::CancelRequested { reason } => {
                self.cancel(reason);
                Ok(())
            }
            Happened::NoteAdded { .. } | Happened::Recovered { .. } => Ok(()),
            _ => {
                let ix = self.step_of(event)?;
                self.legal(ix, &event.what, at)?;
                said_by_somebody(event)?;
                self.on_step(ix, event);
                Ok(())
            }
        }
    }

    /// The instance that an event is about: at the event's attempt, and with its turn come.
    fn step_of(&self, event: &Event) -> Result<InstIx, String> {
        let key = event.step.as_ref().ok_or("it names no step")?;
        let ix = *self
            .by_key
            .get(key)
            .ok_or("this step was not reached, or is not in the plan")?;
        let attempt = event.attempt.ok_or("it names no attempt")?;
        let inst = self.inst(ix);
        if inst.attempt != attempt {
            return Err(format!(
                "it is of attempt {attempt}, and the step is at attempt {}",
                inst.attempt
            ));
        }
        if !inst.state.is_active() {
            return Err(format!("the step is {}", inst.status()));
        }
        Ok(ix)
    }

    fn on_opened(&mut self, at: Timestamp, facts: &RunOpened) -> Legal {
        if facts.runbook != self.plan.runbook || facts.environment != self.plan.environment {
            return Err("it names another runbook or environment than the plan".to_owned());
        }
        self.opened = Some(Opened {
            facts: facts.clone(),
            at,
            operator: facts.operator.clone(),
            before: None,
            taken_up: at,
            parked: false,
        });
        self.operators.push(facts.operator.clone());
        self.phase = Phase::Steps;
        self.new_frame(Frame::default());
        self.begin_root(self.plan.steps, "(steps)");
        Ok(())
    }

    /// Lets one of the plan's two roots have its turn.
    pub(super) fn begin_root(&mut self, node: NodeIx, key: &str) {
        let frame = super::state::FrameIx(0);
        let ix = self.instance(node, StepKey::from_text(key), None, 0, frame, Role::Plain);
        self.set(ix, State::READY);
    }

    /// The block of the runbook's steps.
    pub(super) fn root(&self) -> Option<InstIx> {
        self.frames.first()?.insts.get(&self.plan.steps).copied()
    }

    /// Somebody drives the run from now on, in a process of their own.
    pub(super) fn taken_up(&mut self, at: Timestamp, operator: &Person) {
        if let Some(opened) = &mut self.opened {
            opened.taken_up = at;
            opened.parked = false;
            let before = std::mem::replace(&mut opened.operator, operator.clone());
            opened.before = (!before.is_same_human(operator)).then_some(before);
        }
        self.locked = false;
        if !self.operators.contains(operator) {
            self.operators.push(operator.clone());
        }
    }

    fn on_resumed(&mut self, at: Timestamp, operator: &Person) {
        self.taken_up(at, operator);
        let unknown = self.has_unknown_operator();
        let active: Vec<InstIx> = self.lanes.active().collect();
        for ix in active {
            if unknown && let State::Gated(open) = &mut self.inst_mut(ix).state {
                open.ask_one_more();
            }
            match &self.inst(ix).state {
                State::Started { .. } => self.doubt(
                    ix,
                    "the process that ran it ended before its result was known",
                    false,
                ),
                // What could not be told then may be told now: the tool is asked again.
                State::Doubt {
                    reason,
                    live,
                    verified: true,
                } => {
                    let doubt = State::Doubt {
                        reason: reason.clone(),
                        live: *live,
                        verified: false,
                    };
                    self.set(ix, doubt);
                }
                // Nobody has begun with it, so what was decided too long ago is decided anew.
                State::Approved(passed) if passed.has_lapsed(at) => self.again(ix, None),
                // What was seen before acting is stale by now: it is looked at again.
                State::Ready { .. } | State::Approved(_) => self.inst_mut(ix).before = None,
                _ => {}
            }
        }
    }

    fn on_parked(&mut self) -> Legal {
        // What only looks may be left: it is done again.
        let acts = self.lanes.active().map(|ix| self.inst(ix)).any(|inst| {
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

    /// What this run still has to take before anything goes on: the name of its lock. A process
    /// that takes a run up takes it anew.
    pub fn lock_due(&self) -> Option<&str> {
        let name = self.plan.lock.as_deref()?;
        let open = !matches!(self.phase, Phase::New | Phase::Closed);
        (open && !self.locked).then_some(name)
    }

    fn on_lock_taken(&mut self, name: &str) -> Legal {
        match &self.plan.lock {
            None => Err("the run has no lock".to_owned()),
            Some(lock) if lock != name => Err(format!("the run's lock is {lock}, not {name}")),
            Some(_) if self.locked => Err("the run holds its lock already".to_owned()),
            Some(_) => {
                self.locked = true;
                Ok(())
            }
        }
    }

    fn on_closed(&mut self, closed: &RunClosed) -> Legal {
        if self.phase != Phase::Closing {
            return Err("the run is not at its end".to_owned());
        }
        let outcome = self.outcome();
        if closed.outcome != outcome {
            return Err(format!(
                "the outcome is {}, not {}",
                outcome.word(),
                closed.outcome.word()
            ));
        }
        self.closed = Some(closed.clone());
        self.phase = Phase::Closed;
        self.locked = false;
        Ok(())
    }
}

/// What may be said about a run that is closed. A request to take back what was done opens it
/// again; a torn line after its end is set aside by whoever does that.
fn may_follow_the_end(what: &Happened) -> bool {
    matches!(
        what,
        Happened::NoteAdded { .. }
            | Happened::Recovered { .. }
            | Happened::ReviewSigned { .. }
            | Happened::UndoRequested { .. }
    )
}

/// A decision at a gate has somebody who answers for it, unless time alone led to it.
fn said_by_somebody(event: &Event) -> Legal {
    match (&event.what, &event.actor) {
        (Happened::GateDecided { way, .. }, Actor::Engine) if *way != Way::Rule => {
            Err("it names nobody who decided".to_owned())
        }
        _ => Ok(()),
    }
}

/// Folds a journal's events into the run that they tell of.
///
/// # Errors
/// One of the events cannot follow those before it.
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
