//! What would take a step back, with the values that are known; and what is not in place any more
//! because a later step of the run reversed it.

use std::collections::{HashMap, HashSet};

use super::names::At;
use super::state::{InstIx, Run, State};
use crate::model::call::{ToolCall, Work};
use crate::model::ids::StepKey;
use crate::model::{Digest, Status};
use crate::plan::{NodeDoes, NodeIx, PlannedUndo};

impl Run {
    /// What would take a step back, word for word; none where some of it is not known yet, or is
    /// no call. An undo that would do nothing is an empty list.
    pub fn way_back(&self, key: &StepKey) -> Option<Vec<Work>> {
        self.undo_works(*self.by_key.get(key)?)
    }

    pub(super) fn undo_works(&self, ix: InstIx) -> Option<Vec<Work>> {
        let PlannedUndo::Node { node, .. } = self.plan.node(self.inst(ix).node).undo else {
            return None;
        };
        let mut works = Vec::new();
        self.undo_works_of(node, ix, &mut works)?;
        Some(works)
    }

    fn undo_works_of(&self, node: NodeIx, ix: InstIx, works: &mut Vec<Work>) -> Option<()> {
        let at = At {
            run: self,
            inst: ix,
        };
        let node = self.plan.node(node);
        let how = &node.how;
        // How often these do something is found out only when they do it.
        if how.for_each.is_some() || how.repeat.is_some() || how.poll.is_some() {
            return None;
        }
        if let Some(condition) = &how.condition
            && !condition.value.eval_bool(&at).ok()?
        {
            return Some(());
        }
        match &node.does {
            NodeDoes::Block { children, .. } => {
                for child in children {
                    self.undo_works_of(*child, ix, works)?;
                }
                Some(())
            }
            // Whose steps these are has other parameters.
            NodeDoes::Include { .. } => None,
            _ => {
                works.push(self.work_of(node, ix, &at).ok()??);
                Some(())
            }
        }
    }

    /// Steps whose effect a later step of the run took away again, and those later steps: what
    /// takes the one back is, value for value, what the other did.
    pub(super) fn reversed(&self) -> HashSet<InstIx> {
        let all = (0u32..).map(InstIx).take(self.insts.len());
        let mut done: Vec<InstIx> = all.filter(|ix| self.is_done_call(*ix)).collect();
        done.sort_by_key(|ix| self.inst(*ix).ended);
        let mut gone = HashSet::new();
        // What would take each of the earlier ones back; looked up, for a run can be long.
        let mut back: HashMap<Digest, Vec<InstIx>> = HashMap::new();
        for ix in done {
            let reverses = self.call_of(ix).and_then(does);
            let earlier = reverses.and_then(|call| back.get_mut(&call)?.pop());
            if let Some(earlier) = earlier {
                gone.extend([earlier, ix]);
            }
            if let Some([Work::Call(undo)]) = self.undo_works(ix).as_deref()
                && let Some(undo) = does(undo)
            {
                back.entry(undo).or_default().push(ix);
            }
        }
        gone
    }

    fn is_done_call(&self, ix: InstIx) -> bool {
        let inst = self.inst(ix);
        inst.state == State::Settled(Status::Succeeded)
            && inst.children.is_empty()
            && self.in_steps(ix)
            && self.plan.node(inst.node).effect.acts()
            && self.call_of(ix).is_some()
    }

    fn call_of(&self, ix: InstIx) -> Option<&ToolCall> {
        match self.inst(ix).work.as_deref() {
            Some(Work::Call(call)) => Some(call),
            _ => None,
        }
    }
}

/// What a call does, whoever answers it: two that do the same have one digest.
fn does(call: &ToolCall) -> Option<Digest> {
    Digest::of_json(&(&call.tool, &call.action, &call.args)).ok()
}
