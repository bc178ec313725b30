//! What stands behind each tool, frozen into the plan.

use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::model::ids::{ActionName, EnvironmentName, ToolRef};
use crate::model::{Digest, Map, Shape};
use crate::spec::adapter::Adapter;
use crate::spec::contract::Action;
use crate::spec::step::ResolvedCall;

/// What stands behind a tool.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Binding {
    /// Who answers.
    pub answers: Answers,
    /// What bound it.
    pub by: BoundBy,
}

/// Who answers a tool's calls.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answers {
    /// The simulated production: an operation for each action.
    Sandbox {
        /// Operations of the simulated world, such as `database.failover`.
        operations: IndexMap<ActionName, String>,
    },
    /// A bare command, which takes the words as they stand.
    Command {
        /// The program and the words before ours.
        argv: Vec<String>,
    },
    /// An adapter's file.
    Adapter {
        /// What it says.
        adapter: Box<Adapter>,
        /// Its settings.
        settings: Map,
    },
    /// A person, who does what the call says.
    Person,
}

/// What bound a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BoundBy {
    /// The built-in sandbox.
    Sandbox,
    /// An environment of `runbook.yaml`.
    Environment(EnvironmentName),
    /// An environment variable named like the tool.
    Variable,
}

impl fmt::Display for BoundBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sandbox => f.write_str("the built-in sandbox"),
            Self::Environment(name) => write!(f, "runbook.yaml, environment {name}"),
            Self::Variable => f.write_str("an environment variable"),
        }
    }
}

impl Answers {
    /// The answerer's name, for the plan and the journal.
    pub fn name(&self) -> String {
        match self {
            Self::Sandbox { .. } => "sandbox".to_owned(),
            Self::Command { argv } => argv.join(" "),
            Self::Adapter { adapter, .. } => adapter.adapter.to_string(),
            Self::Person => "person".to_owned(),
        }
    }

    /// Why this cannot answer a call, where it would show a secret: a bare command gets all
    /// arguments as words, which others on the machine can see.
    pub fn unfit(&self, call: &ResolvedCall, action: &Action) -> Option<String> {
        let Self::Command { .. } = self else {
            return None;
        };
        let (name, _) = action.args.iter().find(|(name, arg)| {
            let given = call.args.contains_key(*name) || arg.default.is_some();
            arg.shape == Shape::Secret && given
        })?;
        Some(format!(
            "the argument `{name}` of {} is a secret, and a bare command would get it as a word \
             that others can see; write an adapter for the tool, which gives it to the command by \
             `env:`",
            call.tool
        ))
    }

    /// Whether something real can be touched.
    pub fn is_real(&self) -> bool {
        !matches!(self, Self::Sandbox { .. })
    }
}

impl Binding {
    /// The digest that a rendered call carries: a changed binding is another call.
    pub fn digest(&self) -> Result<Digest, serde_json::Error> {
        Digest::of_json(self)
    }
}

/// The bindings of a run, by tool.
pub type Bindings = IndexMap<ToolRef, Binding>;
