//! How instances of the plan's nodes come to be, and what is forgotten when a block is tried again.

use super::state::{BlockState, Frame, FrameIx, Inst, InstIx, Role, Run, State};
use crate::model::ids::{Attempt, StepKey};
use crate::plan::NodeIx;

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
        position: usize,
        frame: FrameIx,
        role: Role,
    ) -> InstIx {
        let known = self.by_key.get(&key).copied();
        let fresh = Inst {
            node,
            key,
            parent,
            position,
            frame,
            role,
            state: State::Pending,
            attempt: Attempt::FIRST,
            attempt_used: false,
            turns: 0,
            tries: 0,
            passes: 0,
            retries_decided: 0,
            times_done: 0,
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
            acted: None,
            acted_inside: false,
            left_in_doubt: false,
            marked: None,
            done: None,
        };
        let ix = match known {
            Some(ix) => {
                self.forget(ix);
                let old = self.inst(ix);
                let fresh = Inst {
                    attempt: old.next_attempt(),
                    turns: old.turns,
                    retries_decided: old.retries_decided,
                    times_done: old.times_done,
                    acted: old.acted,
                    done: old.done.clone(),
                    ..fresh
                };
                *self.inst_mut(ix) = fresh;
                ix
            }
            None => {
                let ix = InstIx(u32::try_from(self.insts.len()).unwrap_or(u32::MAX));
                self.by_key.insert(fresh.key.clone(), ix);
                self.insts.push(fresh);
                ix
            }
        };
        if self.inst(ix).role != Role::Body {
            self.frames[frame.0 as usize].insts.insert(node, ix);
        }
        ix
    }

    /// A block is tried again: what an earlier try left in it is no longer seen. What was done
    /// stays registered to be undone, and no attempt is ever started twice.
    fn forget(&mut self, ix: InstIx) {
        let mut old = vec![ix];
        while let Some(ix) = old.pop() {
            let inst = self.inst_mut(ix);
            old.append(&mut inst.children);
            inst.attempt = inst.next_attempt();
            inst.attempt_used = false;
            inst.turns += 1;
            inst.block = BlockState::default();
            (inst.first_started, inst.ended) = (None, None);
            (inst.output, inst.answer, inst.failure) = (None, None, None);
            (inst.skip, inst.accepted) = (None, false);
            let (frame, node) = (inst.frame, inst.node);
            self.set(ix, State::Pending);
            let seen = &mut self.frames[frame.0 as usize].insts;
            if seen.get(&node) == Some(&ix) {
                seen.remove(&node);
            }
        }
    }
}

impl Inst {
    /// The attempt that the next start has.
    fn next_attempt(&self) -> Attempt {
        if self.attempt_used {
            self.attempt.next()
        } else {
            self.attempt
        }
    }
}
