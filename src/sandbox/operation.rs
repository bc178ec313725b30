//! What can be asked of the world: looks, which cannot change it, and deeds, which can.

use serde_json::Value as Json;

use crate::model::{Duration, Value};

use super::area;
use super::args::Args;
use super::world::World;

/// How an act ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It did what it should. Durations, sizes and times are text: the contract knows their types.
    Output(Value),
    /// It was tried and did not succeed, and that is known.
    Failed(String),
    /// The target said no before doing anything.
    Refused(String),
}

/// What was seen.
pub(super) struct Seen {
    pub(super) output: Json,
    pub(super) took: Duration,
}

impl Seen {
    pub(super) fn after(output: Json, took: Duration) -> Self {
        Self { output, took }
    }
}

impl From<Json> for Seen {
    fn from(output: Json) -> Self {
        Self::after(output, Duration::from_millis(120))
    }
}

/// What was done.
pub(super) struct Deed {
    pub(super) output: Json,
    /// What changed, in plain words, for the log of actions.
    pub(super) effect: String,
    /// Whether the answer is the last word: only then is the same key answered from memory.
    pub(super) settled: bool,
}

impl Deed {
    pub(super) fn new(effect: impl Into<String>, output: Json) -> Self {
        Self {
            output,
            effect: effect.into(),
            settled: true,
        }
    }
}

/// Why there is no answer of the promised form.
pub(super) enum No {
    Refused(String),
    Failed {
        message: String,
        /// What changed all the same.
        effect: Option<String>,
    },
}

impl No {
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }

    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            effect: None,
        }
    }

    pub(super) fn tried(message: impl Into<String>, effect: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            effect: Some(effect.into()),
        }
    }
}

impl No {
    /// What is answered, and what changed all the same.
    pub(super) fn into_outcome(self) -> (Outcome, Option<String>) {
        match self {
            Self::Refused(message) => (Outcome::Refused(message), None),
            Self::Failed { message, effect } => (Outcome::Failed(message), effect),
        }
    }
}

/// One thing that can be asked of the world. That a look is given no way to change it is the point.
#[derive(Clone, Copy)]
pub(super) enum Operation {
    Look(fn(&World, &Args<'_>) -> Result<Seen, No>),
    Deed(fn(&mut World, &Args<'_>) -> Result<Deed, No>),
}

/// Operations of one area by their full name.
pub(super) type Operations = &'static [(&'static str, Operation)];

pub(super) fn find(name: &str) -> Option<Operation> {
    area::ALL
        .iter()
        .flat_map(|area| area.iter())
        .find(|(known, _)| *known == name)
        .map(|(_, operation)| *operation)
}

/// The names of all operations: what `simulate:` in an adapter may say.
pub fn operations() -> impl Iterator<Item = &'static str> {
    area::ALL
        .iter()
        .flat_map(|area| area.iter())
        .map(|(name, _)| *name)
}

/// Whether an operation can change the world; `None` where there is no such operation.
pub fn acts(operation: &str) -> Option<bool> {
    find(operation).map(|found| matches!(found, Operation::Deed(_)))
}
