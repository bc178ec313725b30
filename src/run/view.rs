//! What people see of a run: a view of each step, without a way to change it.

use super::names::At;
use super::state::{Inst, InstIx, MarkedDone, Role, Run, State};
use crate::model::call::{Failure, Work};
use crate::model::event::{GateOpened, SkipReason};
use crate::model::ids::{Attempt, StepKey};
use crate::model::text::escape_controls;
use crate::model::{Duration, Effect, Status, Timestamp, Value};
use crate::plan::{Node, NodeIx};

/// One step instance, as it stands.
#[derive(Clone, Copy, Debug)]
pub struct StepView<'a> {
    run: &'a Run,
    inst: &'a Inst,
}

impl Run {
    /// All instances, in the order in which they were first reached.
    pub fn steps(&self) -> impl Iterator<Item = StepView<'_>> {
        self.insts.iter().map(|inst| StepView { run: self, inst })
    }

    /// One instance.
    pub fn step(&self, key: &StepKey) -> Option<StepView<'_>> {
        let ix = self.by_key.get(key)?;
        let inst = self.inst(*ix);
        Some(StepView { run: self, inst })
    }

    /// The channel that has to be told of the broken glass by hand, where this step was to do it
    /// and could not.
    pub fn untold_by(&self, key: &StepKey) -> Option<&str> {
        let ix = self.by_key.get(key)?;
        self.untold().filter(|_| self.is_announcement(*ix))
    }

    /// The last moment that the run knows of.
    pub fn last_moment(&self) -> Option<Timestamp> {
        self.latest
    }

    /// A step's title, its templates filled as far as they are known, escaped for the screen.
    pub(super) fn title_of(&self, inst: &Inst) -> String {
        let node = self.plan.node(inst.node);
        let Some(title) = &node.how.title else {
            return inst.key.to_string();
        };
        let ix = self.by_key.get(&inst.key).copied().unwrap_or(InstIx(0));
        let at = At {
            run: self,
            inst: ix,
        };
        let text = title.value.render_known(&at);
        let text = escape_controls(&text).into_owned();
        match (&inst.role, self.item_key(inst)) {
            (Role::Body, Some(key)) => format!("{text} [{key}]"),
            (Role::Undo { .. }, _) => format!("Undo: {text}"),
            _ => text,
        }
    }

    fn item_key(&self, inst: &Inst) -> Option<String> {
        let key = inst.key.as_str();
        let open = key.rfind('[')?;
        Some(key[open + 1..].trim_end_matches(']').to_owned())
    }
}

impl<'a> StepView<'a> {
    /// Its key.
    pub fn key(&self) -> &'a StepKey {
        &self.inst.key
    }

    /// Its node in the plan.
    pub fn node(&self) -> &'a Node {
        self.run.plan.node(self.inst.node)
    }

    /// Its node's index.
    pub fn node_ix(&self) -> NodeIx {
        self.inst.node
    }

    /// Where it stands.
    pub fn status(&self) -> Status {
        self.inst.status()
    }

    /// The attempt that is under way, or the next one.
    pub fn attempt(&self) -> Attempt {
        self.inst.attempt
    }

    /// Its title, escaped for the screen.
    pub fn title(&self) -> String {
        self.run.title_of(self.inst)
    }

    /// Why it is done, for the operator; escaped for the screen.
    pub fn why(&self) -> Option<String> {
        let why = self.node().how.why.as_ref()?;
        let ix = self.run.by_key.get(&self.inst.key).copied()?;
        let at = At {
            run: self.run,
            inst: ix,
        };
        let text = why.value.render_known(&at);
        Some(escape_controls(&text).into_owned())
    }

    /// Whether it is a block or a loop as a whole.
    pub fn is_group(&self) -> bool {
        self.node().does.is_block() || matches!(self.inst.role, Role::Loop { .. })
    }

    /// Whether it takes another step back.
    pub fn is_undo(&self) -> bool {
        matches!(self.inst.role, Role::Undo { .. })
    }

    /// How many blocks are around it.
    pub fn depth(&self) -> usize {
        std::iter::successors(self.inst.parent, |at| self.run.inst(*at).parent).count()
    }

    /// How much it can do to the world.
    pub fn effect(&self) -> Effect {
        self.node().effect
    }

    /// When it first started.
    pub fn started(&self) -> Option<Timestamp> {
        self.inst.first_started
    }

    /// When it ended.
    pub fn ended(&self) -> Option<Timestamp> {
        self.inst.ended
    }

    /// How long it took, from its first start to its end.
    pub fn took(&self) -> Option<Duration> {
        Some(Duration::between(
            self.inst.first_started?,
            self.inst.ended?,
        ))
    }

    /// Its output.
    pub fn output(&self) -> Option<&'a Value> {
        self.inst.output.as_deref()
    }

    /// The answer to its question.
    pub fn answer(&self) -> Option<&'a Value> {
        self.inst.answer.as_ref()
    }

    /// Why it failed.
    pub fn failure(&self) -> Option<&'a Failure> {
        self.inst.failure.as_ref()
    }

    /// Who counts it as done although its command did not say so; nothing where it is not done.
    pub fn marked_done(&self) -> Option<&'a MarkedDone> {
        let done = self.status() == Status::Succeeded;
        self.inst.marked.as_ref().filter(|_| done)
    }

    /// Why it was left out.
    pub fn skip(&self) -> Option<&'a SkipReason> {
        self.inst.skip.as_ref()
    }

    /// What it does, or did last.
    pub fn work(&self) -> Option<&'a Work> {
        self.inst.work.as_deref()
    }

    /// The gate that waits for a decision.
    pub fn gate(&self) -> Option<&'a GateOpened> {
        match &self.inst.state {
            State::Gated(open) => Some(&open.gate),
            _ => None,
        }
    }

    /// Until when it pauses.
    pub fn pauses_until(&self) -> Option<Timestamp> {
        match self.inst.state {
            State::Pausing { until } => Some(until),
            _ => None,
        }
    }

    /// Whether nothing new starts around it, so that nobody waits for what a poll might still see:
    /// the run is ending, or a block around it has failed.
    pub fn is_stopping(&self) -> bool {
        self.run
            .by_key
            .get(&self.inst.key)
            .is_some_and(|ix| self.run.halted(*ix))
    }

    /// Whether its turn has come and a person or the engine is at it.
    pub fn is_active(&self) -> bool {
        self.inst.state.is_active()
    }
}
