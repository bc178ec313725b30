//! How one thing leads to the next: blocks are entered, loops are opened, what follows a settled
//! step has its turn. Nothing here is recursive over the graph, and what follows a block waits
//! for one counter, not for a list of edges.

use std::collections::{BTreeSet, HashMap};

use super::state::{BlockState, Frame, InstIx, Role, Run, State};
use crate::model::call::{Failure, FailureKind};
use crate::model::ids::StepKey;
use crate::model::{Map, Status, Timestamp, Value};
use crate::plan::{NodeDoes, NodeIx, Order, Plan, PlannedUndo};

impl Run {
    /// Enters a block: its children get instances, and the first of them have their turn.
    pub(super) fn enter(&mut self, ix: InstIx, at: Timestamp, params: &Map, vars: &Map) {
        self.set(ix, State::Entered);
        let inst = self.inst_mut(ix);
        inst.attempt_used = true;
        inst.tries += 1;
        inst.first_started.get_or_insert(at);
        inst.failure = None;
        inst.acted_inside = false;
        let (node_ix, key, mut frame) = (inst.node, inst.key.clone(), inst.frame);
        let plan = self.plan.clone();
        let node = plan.node(node_ix);
        if let NodeDoes::Include { .. } = node.does {
            frame = self.new_frame(Frame {
                parent: Some(frame),
                prefix: Some(key.clone()),
                include: Some((params.clone(), vars.clone())),
                ..Frame::default()
            });
        } else if matches!(self.inst(ix).role, Role::Undo { .. }) {
            // The ids of an undo's steps are its own: they hide nothing and are hidden by nothing.
            frame = self.new_frame(Frame {
                parent: Some(frame),
                prefix: Some(key),
                ..Frame::default()
            });
        }
        let prefix = self.frame(frame).prefix.clone();
        let mut children = Vec::with_capacity(node.does.children().len());
        for (position, child) in node.does.children().iter().enumerate() {
            let child_node = plan.node(*child);
            let key = match &prefix {
                None => StepKey::root(&child_node.id),
                Some(prefix) => prefix.child(&child_node.id),
            };
            let role = match child_node.how.for_each {
                Some(_) => Role::Loop {
                    once: BTreeSet::new(),
                    until: None,
                },
                None => Role::Plain,
            };
            children.push(self.instance(*child, key, Some(ix), position, frame, role));
        }
        let (unmet, dependents) = needs(&plan, &node.does);
        let inst = self.inst_mut(ix);
        inst.children = children;
        inst.block = BlockState {
            unmet,
            dependents,
            ..BlockState::default()
        };
        self.begin_children(ix, at);
    }

    /// Opens a loop: its items are frozen, and the first of them have their turn.
    pub(super) fn open_items(
        &mut self,
        ix: InstIx,
        at: Timestamp,
        items: &[Value],
        keys: &[String],
    ) {
        self.set(ix, State::Entered);
        let inst = self.inst_mut(ix);
        inst.attempt_used = true;
        inst.first_started.get_or_insert(at);
        inst.failure = None;
        inst.acted_inside = false;
        let (node, key, frame) = (inst.node, inst.key.clone(), inst.frame);
        let name = match &self.plan.node(node).how.for_each {
            Some(each) => each.name.clone(),
            None => return,
        };
        let mut children = Vec::with_capacity(items.len());
        for (position, (item, item_key)) in items.iter().zip(keys).enumerate() {
            let key = key.item(item_key);
            let frame = self.new_frame(Frame {
                parent: Some(frame),
                prefix: Some(key.clone()),
                item: Some((name.clone(), item.clone())),
                ..Frame::default()
            });
            children.push(self.instance(node, key, Some(ix), position, frame, Role::Body));
        }
        let inst = self.inst_mut(ix);
        inst.children = children;
        inst.block = BlockState {
            items: items.to_vec(),
            ..BlockState::default()
        };
        self.begin_children(ix, at);
    }

    /// In which order the children of a block begin.
    pub(super) fn order(&self, ix: InstIx) -> Order {
        let inst = self.inst(ix);
        match (&inst.role, &self.plan.node(inst.node).does) {
            (Role::Loop { .. }, _) => Order::Listed,
            (_, NodeDoes::Block { order, .. }) => *order,
            _ => Order::Listed,
        }
    }

    /// How many items of a loop may be open at once.
    pub(super) fn width(&self, ix: InstIx) -> usize {
        let inst = self.inst(ix);
        match (&inst.role, &self.plan.node(inst.node).how.for_each) {
            (Role::Loop { .. }, Some(each)) => each.max_parallel.max(1) as usize,
            _ => 1,
        }
    }

    /// Lets the first children of a block begin; an empty block is done at once.
    fn begin_children(&mut self, ix: InstIx, at: Timestamp) {
        if self.order(ix) == Order::Parallel {
            let inst = self.inst(ix);
            let ready: Vec<InstIx> = inst
                .children
                .iter()
                .zip(&inst.block.unmet)
                .filter(|(_, unmet)| **unmet == 0)
                .map(|(child, _)| *child)
                .collect();
            self.inst_mut(ix).block.open += ready.len();
            for child in ready {
                self.set(child, State::READY);
            }
        }
        self.advance(ix, at);
    }

    /// Lets the next children of a block begin, or ends it.
    fn advance(&mut self, ix: InstIx, at: Timestamp) {
        if self.inst(ix).block.failing.is_some() || self.halted(ix) {
            return;
        }
        if self.order(ix) != Order::Parallel {
            let width = self.width(ix);
            loop {
                let inst = self.inst_mut(ix);
                if inst.block.open >= width {
                    break;
                }
                let Some(child) = inst.children.get(inst.block.next).copied() else {
                    break;
                };
                inst.block.next += 1;
                inst.block.open += 1;
                self.set(child, State::READY);
            }
        }
        let inst = self.inst(ix);
        if inst.block.settled == inst.children.len() {
            self.register_block_undo(ix);
            self.settle(ix, at, Status::Succeeded);
        }
    }

    /// The end of an instance, and what follows from it.
    pub(super) fn settle(&mut self, ix: InstIx, at: Timestamp, status: Status) {
        self.set(ix, State::Settled(status));
        let inst = self.inst_mut(ix);
        inst.ended = Some(at);
        inst.tries = 0;
        if let Role::Undo { of } = inst.role {
            self.undo_settled(of, status);
        }
        if let Some(parent) = self.inst(ix).parent {
            self.child_settled(parent, ix, at);
        }
    }

    fn child_settled(&mut self, parent: InstIx, child: InstIx, at: Timestamp) {
        let order = self.order(parent);
        let child = self.inst(child);
        let failed = child.status().is_bad() && !child.accepted;
        let position = child.position;
        let inside = failed.then(|| {
            let said = child.failure.as_ref();
            let said = said.map_or_else(String::new, |failure| format!(": {}", failure.message));
            let message = format!("step {} failed{said}", child.key);
            let asked = child.failure.as_ref().and_then(|said| said.retry_after);
            Failure {
                retry_after: asked,
                ..Failure::new(FailureKind::Inside, message)
            }
        });
        let inst = self.inst_mut(parent);
        if inst.state != State::Entered {
            return;
        }
        inst.block.open = inst.block.open.saturating_sub(1);
        inst.block.settled += 1;
        if failed {
            inst.block.failed += 1;
            let failures = inst.block.failed;
            let failing = match &inst.role {
                Role::Loop { .. } => self.too_many(parent, failures),
                _ if order == Order::Independent => None,
                _ => inside,
            };
            let inst = self.inst_mut(parent);
            if inst.block.failing.is_none() && failing.is_some() {
                inst.block.failing = failing;
                self.failing.insert(parent);
            }
        } else if order == Order::Parallel {
            self.meet_needs(parent, position);
        }
        self.advance(parent, at);
    }

    fn too_many(&self, ix: InstIx, failures: usize) -> Option<Failure> {
        let each = self.plan.node(self.inst(ix).node).how.for_each.as_ref()?;
        (failures > each.max_failures as usize).then(|| {
            Failure::new(
                FailureKind::Loop,
                format!(
                    "{failures} of its items failed, and {} may",
                    each.max_failures
                ),
            )
        })
    }

    /// A need is met: what waited for it in a parallel block may begin.
    fn meet_needs(&mut self, parent: InstIx, met: usize) {
        if self.inst(parent).block.failing.is_some() || self.halted(parent) {
            return;
        }
        let inst = self.inst_mut(parent);
        let mut ready = Vec::new();
        for dependent in inst.block.dependents.get(met).into_iter().flatten() {
            let Some(unmet) = inst.block.unmet.get_mut(*dependent) else {
                continue;
            };
            *unmet = unmet.saturating_sub(1);
            if *unmet == 0 {
                ready.push(inst.children[*dependent]);
            }
        }
        inst.block.open += ready.len();
        for child in ready {
            self.set(child, State::READY);
        }
    }

    /// Blocks in which something failed have failed themselves once nothing acts in them.
    pub(super) fn fail_blocks(&mut self, at: Timestamp) {
        if self.failing.is_empty() {
            return;
        }
        // From the inside out: a block that fails may be all that one around it waited for.
        let failing: Vec<InstIx> = self.failing.iter().rev().copied().collect();
        for ix in failing {
            self.fail_block(ix, at);
        }
    }

    /// Nothing new starts in a block that fails; what acts in it is waited for.
    fn fail_block(&mut self, ix: InstIx, at: Timestamp) {
        let Some(failure) = self.inst(ix).block.failing.clone() else {
            return;
        };
        let is_loop = self.is_loop(ix);
        let inside: Vec<InstIx> = self
            .lanes
            .active()
            .filter(|active| self.is_inside(*active, ix))
            .collect();
        let mut waits = false;
        for active in inside {
            let inst = self.inst(active);
            // Of a loop, what is in flight finishes: an item that has begun is not left half done.
            let begun = is_loop && (inst.parent != Some(ix) || inst.first_started.is_some());
            if inst.state.is_acting() || begun {
                waits = true;
            } else {
                self.abandon(active, at);
            }
        }
        if waits {
            return;
        }
        self.failing.remove(&ix);
        self.register_block_undo(ix);
        self.close_inside(ix, at);
        self.fail(ix, at, Status::Failed, failure);
    }

    /// A block's own undo is registered once something in it was started. A loop has none: its
    /// items have.
    pub(super) fn register_block_undo(&mut self, ix: InstIx) {
        let inst = self.inst(ix);
        let planned = !matches!(self.plan.node(inst.node).undo, PlannedUndo::None);
        if planned && inst.acted_inside && !self.is_loop(ix) {
            self.register_undo(ix);
        }
    }

    pub(super) fn is_loop(&self, ix: InstIx) -> bool {
        matches!(self.inst(ix).role, Role::Loop { .. })
    }
}

/// For each child of a parallel block, how many others it needs, and which need it.
fn needs(plan: &Plan, does: &NodeDoes) -> (Vec<usize>, Vec<Vec<usize>>) {
    let NodeDoes::Block {
        order: Order::Parallel,
        children,
    } = does
    else {
        return Default::default();
    };
    let unmet: Vec<usize> = children
        .iter()
        .map(|child| plan.node(*child).needs.len())
        .collect();
    if unmet.iter().all(|unmet| *unmet == 0) {
        return (unmet, Vec::new());
    }
    let places: HashMap<NodeIx, usize> = children.iter().copied().zip(0..).collect();
    let mut dependents = vec![Vec::new(); children.len()];
    for (place, child) in children.iter().enumerate() {
        for need in &plan.node(*child).needs {
            if let Some(need) = places.get(need) {
                dependents[*need].push(place);
            }
        }
    }
    (unmet, dependents)
}
