//! A step that was started and of which nobody knows what it did.

use super::command::{Command, Need};
use super::commands::{person, record};
use super::state::{InstIx, Run};
use crate::model::Effect;
use crate::model::call::{ToolCall, Work};
use crate::model::event::{Happened, Resolution, ResolvedBy};
use crate::plan::Answers;
use crate::spec::contract::{Action, Verify};

/// How often an act that does no harm when repeated is repeated by itself, where its result stays
/// unknown although the process lived: then a person is asked.
const MAX_REPEATS: u32 = 3;

impl Run {
    /// It is done again if it only looks, else verified, else repeated if that does no harm, else
    /// a person says.
    pub(super) fn settle_doubt(
        &self,
        ix: InstIx,
        reason: &str,
        live: bool,
        verified: bool,
    ) -> Command {
        let inst = self.inst(ix);
        let again = |by: ResolvedBy, reason: &str| {
            record(
                Some(inst),
                Happened::StepResolved {
                    resolution: Resolution::Again,
                    by,
                    reason: reason.to_owned(),
                    output: None,
                },
            )
        };
        if self.plan.node(inst.node).effect == Effect::Read {
            return again(ResolvedBy::Read, "it only looks");
        }
        if self.is_announcement(ix) {
            // Whether it was told is not worth a question while something is broken.
            return match live {
                false => again(ResolvedBy::Idempotent, "to be told twice does no harm"),
                true => record(
                    Some(inst),
                    Happened::StepResolved {
                        resolution: Resolution::DidNotHappen,
                        by: ResolvedBy::Idempotent,
                        reason: "nobody can say whether it was told, and it counts as untold"
                            .to_owned(),
                        output: None,
                    },
                ),
            };
        }
        if !verified
            && let Some((call, verify)) = self.verify_of(ix)
            && let Ok(asked) = self.read_for(inst, call, &verify.call)
        {
            return Command::Verify(asked);
        }
        let attempts = self.retry(ix).map_or(0, |retry| retry.attempts);
        let may_repeat = !live || inst.tries < attempts.max(MAX_REPEATS);
        if may_repeat && self.is_idempotent(ix) {
            return again(ResolvedBy::Idempotent, "repeating it does no harm");
        }
        person(
            inst,
            Need::Doubt {
                reason: reason.to_owned(),
                work: inst.work.as_deref().cloned(),
                tool: self.action_of(ix).map(|(call, _)| call.tool.clone()),
            },
        )
    }

    /// The call that an instance last made, with what its contract says about it; none where a
    /// person carried it out, for a person knows more than a contract.
    pub(super) fn action_of(&self, ix: InstIx) -> Option<(&ToolCall, &Action)> {
        let Some(Work::Call(call)) = self.inst(ix).work.as_deref() else {
            return None;
        };
        if self.answered_by_person(call) {
            return None;
        }
        let action = self.plan.action(&call.tool.tool, &call.action)?;
        Some((call, action))
    }

    /// How the contract finds out whether it happened.
    pub(super) fn verify_of(&self, ix: InstIx) -> Option<(&ToolCall, &Verify)> {
        let (call, action) = self.action_of(ix)?;
        Some((call, action.verify.as_ref()?))
    }

    /// Whether a doubt about what it did is first put to the contract.
    pub(super) fn asks_verify(&self, ix: InstIx) -> bool {
        self.plan.node(self.inst(ix).node).effect.acts() && self.verify_of(ix).is_some()
    }

    pub(super) fn answered_by_person(&self, call: &ToolCall) -> bool {
        let binding = self.plan.binding(&call.tool);
        binding.is_some_and(|binding| matches!(binding.answers, Answers::Person))
    }
}
