//! A gate as it is shown, and what can be decided at it.

use serde::{Deserialize, Serialize};

use super::approval::ApprovalsAsked;
use super::call::Work;
use super::ids::{Attempt, EnvironmentName, GroupName, RunId, StepKey};
use super::{Digest, Duration, Effect, Value};

/// A gate, as it was shown: what was rendered, and the digest that a decision is bound to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateOpened {
    /// The question.
    pub confirm: String,
    /// What must be typed, where a key is not enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<String>,
    /// The evidence, by its expression.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub show: Vec<(String, Value)>,
    /// What would be done: nothing for a block's gate, one thing for a step's, and one for each
    /// item where a loop asks once for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub works: Vec<Work>,
    /// How much it can do to the world.
    pub effect: Effect,
    /// What others must say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals: Option<ApprovalsAsked>,
    /// Why the approvals that it would ask for are not asked for: the glass was broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<String>,
    /// How long it waits, and how long a decision holds.
    #[serde(default, skip_serializing_if = "Expires::is_never")]
    pub expires: Expires,
    /// How often its step's turn had come before: what was decided then says nothing now.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub turn: u32,
    /// The digest of all of the above with run, environment, step and attempt.
    pub digest: Digest,
}

fn is_zero(turn: &u32) -> bool {
    *turn == 0
}

impl GateOpened {
    /// The digest that a decision about this gate is bound to. Anybody who has the gate can find
    /// it: an approver need not believe what they are shown.
    ///
    /// # Errors
    /// The gate cannot be written as JSON.
    pub fn bound(
        &self,
        run: &RunId,
        environment: &EnvironmentName,
        step: &StepKey,
        attempt: Attempt,
    ) -> Result<Digest, serde_json::Error> {
        let shown = Self {
            digest: Digest::ZERO,
            ..self.clone()
        };
        Digest::of_json(&(run, environment, step, attempt, &shown))
    }
}

/// How long a gate waits, and how long a decision holds. Time alone never says yes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expires {
    /// From its opening, or from its last escalation, to its being declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approve: Option<Duration>,
    /// From the last decision that it needed to the step's start; later it asks again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execute: Option<Duration>,
    /// Who may approve too, one group more each time that nobody did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalate: Vec<GroupName>,
}

impl Expires {
    /// Whether it waits for ever and a decision holds for ever.
    pub fn is_never(&self) -> bool {
        *self == Self::default()
    }
}

/// What was decided at a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Go on.
    Approve,
    /// No. Final for this step.
    Decline,
    /// Leave this step out.
    Skip,
    /// Nobody decided in time: no.
    Expire,
}
