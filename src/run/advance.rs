//! How one thing leads to the next: blocks are entered, loops are opened, what follows a settled
//! step has its turn. Nothing here is recursive over the graph, and what follows a block waits
//! for one counter, not for a list of edges.

use std::collections::HashMap;

use super::state::{BlockState, Frame, FrameIx, Inst, InstIx, Phase, Role, Run, State};
use crate::model::call::{Failure, FailureKind};
use crate::model::ids::{Attempt, StepKey};
use crate::model::{Map, Status, Timestamp, Value};
use crate::plan::{NodeDoes, NodeIx, Order, PlannedUndo};

impl Run {
    pub(super) fn new_frame(&mut self, frame: Frame) -> FrameIx {
        let ix = FrameIx(u32::try_from(self.frames.len()).unwrap_or(u32::MAX));
        self.frames.push(frame);
        ix
    }

    /// The instance of a node in a frame: made anew, or, when a block is tried again, the one
    /// that was there, with its attempts counted on.
    pub(super) fn instance(
        &mut self,
        node: NodeIx,
        key: StepKey,
        parent: Option<InstIx>,
        frame: FrameIx,
        role: Role,
    ) -> InstIx {
        let fresh = Inst {
            node,
            key: key.clone(),
            parent,
            frame,
            role,
            state: State::Pending,
            attempt: Attempt::FIRST,
            attempt_used: false,
            tries: 0,
            passes: 0,
            retries_decided: 0,
            first_started: None,
            ended: None,
            output: None,
            answer: None,
            failure: None,
            before: None,
            work: None,
            skip: None,
            children: Vec::new(),
            block: BlockState::default(),
            accepted: false,
        };
        let ix = match self.by_key.get(&key) {
            Some(ix) => {
                let ix = *ix;
                let old = self.inst(ix);
                let fresh = Inst {
                    attempt: old.next_attempt(),
                    retries_decided: old.retries_decided + 1,
                    ..fresh
                };
                *self.inst_mut(ix) = fresh;
                ix
            }
            None => {
                let ix = InstIx(u32::try_from(self.insts.len()).unwrap_or(u32::MAX));
                self.insts.push(fresh);
                self.by_key.insert(key, ix);
                ix
            }
        };
        if !matches!(self.inst(ix).role, Role::Body { .. }) {
            self.frames[frame.0 as usize].insts.insert(node, ix);
        }
        ix
    }

    pub(super) fn make_ready(&mut self, ix: InstIx) {
        self.inst_mut(ix).state = State::READY;
        self.active.insert(ix);
    }

    /// Enters a block: its children get instances, and the first of them have their turn.
    pub(super) fn enter(&mut self, ix: InstIx, at: Timestamp, params: &Map, vars: &Map) {
        self.active.remove(&ix);
        let inst = self.inst_mut(ix);
        inst.state = State::Entered;
        inst.attempt_used = true;
        inst.tries += 1;
        inst.first_started.get_or_insert(at);
        inst.failure = None;
        let (node_ix, key, mut frame) = (inst.node, inst.key.clone(), inst.frame);
        let plan = self.plan.clone();
        let node = plan.node(node_ix);
        if let NodeDoes::Include { .. } = node.does {
            frame = self.new_frame(Frame {
                parent: Some(frame),
                prefix: Some(key.clone()),
                insts: HashMap::new(),
                item: None,
                include: Some((params.clone(), vars.clone())),
            });
        } else if matches!(self.inst(ix).role, Role::Undo { .. }) {
            // The ids of an undo's steps are its own: they hide nothing and are hidden by nothing.
            frame = self.new_frame(Frame {
                parent: Some(frame),
                prefix: Some(key.clone()),
                insts: HashMap::new(),
                item: None,
                include: None,
            });
        }
        let prefix = self.frame(frame).prefix.clone();
        let mut children = Vec::with_capacity(node.does.children().len());
        for child in node.does.children() {
            let child_node = plan.node(*child);
            let key = match &prefix {
                None => StepKey::root(&child_node.id),
                Some(prefix) => prefix.child(&child_node.id),
            };
            let role = match child_node.how.for_each {
                Some(_) => Role::Loop {
                    once: std::collections::BTreeSet::new(),
                },
                None => Role::Plain,
            };
            children.push(self.instance(*child, key, Some(ix), frame, role));
        }
        let unmet = match node.does {
            NodeDoes::Block {
                order: Order::Parallel,
                ..
            } => node
                .does
                .children()
                .iter()
                .map(|child| plan.node(*child).needs.len())
                .collect(),
            _ => Vec::new(),
        };
        let inst = self.inst_mut(ix);
        inst.children = children;
        inst.block = BlockState {
            unmet,
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
        self.active.remove(&ix);
        let inst = self.inst_mut(ix);
        inst.state = State::Entered;
        inst.attempt_used = true;
        inst.first_started.get_or_insert(at);
        let (node, key, frame) = (inst.node, inst.key.clone(), inst.frame);
        let name = match &self.plan.node(node).how.for_each {
            Some(each) => each.name.clone(),
            None => return,
        };
        let mut children = Vec::with_capacity(items.len());
        for (index, (item, item_key)) in items.iter().zip(keys).enumerate() {
            let key = key.item(item_key);
            let frame = self.new_frame(Frame {
                parent: Some(frame),
                prefix: Some(key.clone()),
                insts: HashMap::new(),
                item: Some((name.clone(), item.clone())),
                include: None,
            });
            children.push(self.instance(node, key, Some(ix), frame, Role::Body { index }));
        }
        let inst = self.inst_mut(ix);
        inst.children = children;
        inst.block = BlockState {
            items: items.to_vec(),
            ..BlockState::default()
        };
        self.begin_children(ix, at);
    }

    /// How many children may be open at once, and in which order they begin.
    fn order(&self, ix: InstIx) -> Order {
        let inst = self.inst(ix);
        match (&inst.role, &self.plan.node(inst.node).does) {
            (Role::Loop { .. }, _) => Order::Listed,
            (_, NodeDoes::Block { order, .. }) => *order,
            _ => Order::Listed,
        }
    }

    fn width(&self, ix: InstIx) -> usize {
        let inst = self.inst(ix);
        match (&inst.role, &self.plan.node(inst.node).how.for_each) {
            (Role::Loop { .. }, Some(each)) => each.max_parallel.max(1) as usize,
            _ => 1,
        }
    }

    /// Lets the first children of a block begin; an empty block is done at once.
    fn begin_children(&mut self, ix: InstIx, at: Timestamp) {
        if self.order(ix) == Order::Parallel {
            let ready: Vec<InstIx> = {
                let inst = self.inst(ix);
                inst.children
                    .iter()
                    .zip(&inst.block.unmet)
                    .filter(|(_, unmet)| **unmet == 0)
                    .map(|(child, _)| *child)
                    .collect()
            };
            self.inst_mut(ix).block.open += ready.len();
            for child in ready {
                self.make_ready(child);
            }
        }
        self.advance(ix, at);
    }

    /// Lets the next children of a block begin, or ends it.
    fn advance(&mut self, ix: InstIx, at: Timestamp) {
        if self.halted(ix) {
            return;
        }
        if self.inst(ix).block.failing.is_some() {
            return self.fail_block(ix, at);
        }
        if self.order(ix) != Order::Parallel {
            let width = self.width(ix);
            loop {
                let inst = self.inst(ix);
                let Some(child) = inst.children.get(inst.block.next).copied() else {
                    break;
                };
                if inst.block.open >= width {
                    break;
                }
                let inst = self.inst_mut(ix);
                inst.block.next += 1;
                inst.block.open += 1;
                self.make_ready(child);
            }
        }
        let inst = self.inst(ix);
        if inst.block.settled == inst.children.len() {
            if self.acted_inside(ix) {
                self.register_block_undo(ix);
            }
            self.settle(ix, at, Status::Succeeded);
        }
    }

    /// The end of an instance, and what follows from it.
    pub(super) fn settle(&mut self, ix: InstIx, at: Timestamp, status: Status) {
        self.active.remove(&ix);
        let inst = self.inst_mut(ix);
        inst.state = State::Settled(status);
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
        let child_inst = self.inst(child);
        let failed = child_inst.status().is_bad() && !child_inst.accepted;
        let child_node = child_inst.node;
        let inside = Failure::new(
            FailureKind::Inside,
            format!(
                "step {} {}",
                child_inst.key,
                child_inst
                    .failure
                    .as_ref()
                    .map_or_else(|| "failed".to_owned(), |f| format!("failed: {}", f.message)),
            ),
        );
        let inst = self.inst_mut(parent);
        inst.block.open = inst.block.open.saturating_sub(1);
        inst.block.settled += 1;
        if failed {
            inst.block.failed += 1;
            let failures = inst.block.failed;
            let failing = match &inst.role {
                Role::Loop { .. } => self.too_many(parent, failures),
                _ if order == Order::Independent => None,
                _ => Some(inside),
            };
            let inst = self.inst_mut(parent);
            if inst.block.failing.is_none() {
                inst.block.failing = failing;
            }
        } else if order == Order::Parallel {
            self.meet_needs(parent, child_node);
        }
        if matches!(self.inst(parent).state, State::Entered) {
            self.advance(parent, at);
        }
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
    fn meet_needs(&mut self, parent: InstIx, met: NodeIx) {
        if self.inst(parent).block.failing.is_some() || self.halted(parent) {
            return;
        }
        let plan = self.plan.clone();
        let children = plan.node(self.inst(parent).node).does.children();
        for (i, child) in children.iter().enumerate() {
            if !plan.node(*child).needs.contains(&met) {
                continue;
            }
            let inst = self.inst_mut(parent);
            let Some(unmet) = inst.block.unmet.get_mut(i) else {
                continue;
            };
            *unmet = unmet.saturating_sub(1);
            if *unmet == 0 {
                inst.block.open += 1;
                let child = inst.children[i];
                self.make_ready(child);
            }
        }
    }

    /// A block in which something failed: nothing new starts in it, what acts is waited for, and
    /// then the block itself has failed.
    fn fail_block(&mut self, ix: InstIx, at: Timestamp) {
        let inside: Vec<InstIx> = self
            .active
            .iter()
            .copied()
            .filter(|active| self.ancestors(*active).any(|ancestor| ancestor == ix))
            .collect();
        let is_loop = matches!(self.inst(ix).role, Role::Loop { .. });
        if inside.iter().any(|at| {
            let state = &self.inst(*at).state;
            // Of a loop, what is in flight finishes: an item that has begun is not left half done.
            state.is_acting() || (is_loop && self.inst(*at).parent != Some(ix))
        }) {
            return;
        }
        for idle in inside {
            self.abandon(idle);
        }
        if self.acted_inside(ix) {
            self.register_block_undo(ix);
        }
        if let Some(failure) = self.inst(ix).block.failing.clone() {
            self.fail(ix, at, Status::Failed, failure);
        }
    }

    fn register_block_undo(&mut self, ix: InstIx) {
        let node = self.plan.node(self.inst(ix).node);
        if !matches!(node.undo, PlannedUndo::None) && !self.acted.contains(&ix) {
            self.acted.push(ix);
        }
    }

    fn acted_inside(&self, ix: InstIx) -> bool {
        let node = self.plan.node(self.inst(ix).node);
        !matches!(node.undo, PlannedUndo::None)
            && self
                .insts
                .iter()
                .filter(|inst| inst.first_started.is_some() && inst.work.is_some())
                .any(|inst| {
                    std::iter::successors(inst.parent, |at| self.inst(*at).parent)
                        .any(|ancestor| ancestor == ix)
                })
    }

    /// Whether nothing new starts around here.
    pub(super) fn halted(&self, _ix: InstIx) -> bool {
        self.ending.is_some() && self.phase == Phase::Steps
    }

    /// Whether the phase is over, and which is next.
    pub(super) fn turn(&mut self) {
        if self.phase == Phase::Steps && self.steps_are_over() {
            self.phase = if self.wants_undo() {
                Phase::Undo
            } else {
                self.begin_finally()
            };
        }
        if self.phase == Phase::Undo
            && self
                .undoing
                .as_ref()
                .is_some_and(|undoing| undoing.done >= undoing.queue.len())
        {
            self.phase = self.begin_finally();
        }
        if self.phase == Phase::Finally && self.is_settled(self.plan.finally) {
            self.phase = Phase::Closing;
        }
    }

    fn steps_are_over(&self) -> bool {
        let settled = self.is_settled(self.plan.steps);
        let nothing_acts = !self
            .active
            .iter()
            .any(|ix| self.inst(*ix).state.is_acting());
        settled || (self.ending.is_some() && nothing_acts)
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
        // What was left at the steps' end stays as it is.
        for ix in self.active.clone() {
            self.abandon(ix);
        }
        if self.plan.node(self.plan.finally).does.children().is_empty() {
            return Phase::Closing;
        }
        self.begin_root(self.plan.finally, "(finally)", FrameIx(0));
        Phase::Finally
    }
}
