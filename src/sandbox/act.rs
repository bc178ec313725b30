//! One act: what is asked of the world, what it answers, and what is remembered of it.

use serde::{Deserialize, Serialize};

use crate::model::ids::IdempotencyKey;
use crate::model::{Duration, Map, Timestamp, Value};

use super::operation::Outcome;

/// One thing that is asked of the world.
#[derive(Clone, Copy, Debug)]
pub struct Act<'a> {
    /// What: `database.failover`.
    pub operation: &'a str,
    /// With what, by the arguments' names in expressions (`to_replica`).
    pub args: &'a Map,
    /// What tells that two requests mean one act.
    pub key: &'a IdempotencyKey,
    /// Whether the contract promises that a repeated request acts once.
    pub idempotent: bool,
    /// Whether the caller means to act: a look that would act is refused.
    pub acts: bool,
    /// The time. It never runs backwards: an earlier one than the last counts as the last.
    pub now: Timestamp,
}

/// What the world answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, in the world's time.
    pub took: Duration,
}

/// One effect on the world, for whoever wants to count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What was asked.
    pub operation: String,
    /// With what.
    pub args: Map,
    /// Under which key.
    pub key: IdempotencyKey,
    /// What changed.
    pub effect: String,
    /// What was answered, where a repetition is to be answered the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
}
