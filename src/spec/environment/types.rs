//! What `runbook.yaml` says.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::model::ids::{AdapterName, EnvironmentName, Name, ToolRef};
use crate::model::{Effect, Value};
use crate::spec::source::{Source, Span, Spanned};

/// The environments of a team.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Environments {
    /// Where a run acts that does not say where. It is defined, or it is `sandbox`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_environment: Option<EnvironmentName>,
    /// The environments, in the order of the file.
    #[serde(default)]
    pub environments: IndexMap<EnvironmentName, Environment>,
    /// The file; empty where this was read back from a plan, or where there is none.
    #[serde(skip)]
    pub source: Arc<Source>,
}

/// What stands behind each tool, and who may decide what.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Environment {
    /// What answers for each tool; the place is that of the whole binding.
    #[serde(default)]
    pub tools: IndexMap<ToolRef, Spanned<ToolBinding>>,
    /// What needs a person.
    #[serde(default)]
    pub policy: Policy,
    /// Where it is written.
    #[serde(skip)]
    pub span: Span,
}

/// What answers for a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolBinding {
    /// An adapter; `sandbox` is the simulated production.
    Adapter {
        /// Which one.
        adapter: Spanned<AdapterName>,
        /// Its settings. Scalars are texts as they are written until the adapter's types read them:
        /// see [`crate::spec::Adapter::settle`].
        #[serde(default)]
        with: IndexMap<Name, Spanned<Value>>,
    },
    /// The team's own command, which takes the call's words as they stand.
    Command {
        /// The program and the words before those of the call.
        argv: Vec<String>,
    },
    /// A person.
    Manual,
}

/// What needs a person. The default is strict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Whether `--yes` and `--answers` may stand in for a person.
    #[serde(default)]
    pub unattended: Unattended,
    /// What each effect needs before it acts.
    #[serde(default)]
    pub gates: Gates,
}

/// Whether a run may go on without a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unattended {
    /// It may not.
    #[default]
    Deny,
    /// It may.
    Allow,
}

/// What a step needs before it acts, by its effect. A runbook can ask for more, never for less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gates {
    /// For what can be undone or repeated.
    pub change: GateRule,
    /// For what can lose data or service.
    pub destructive: GateRule,
}

/// What a person must do before a step may act, from nothing to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GateRule {
    /// Nothing.
    None,
    /// Say yes.
    Confirm,
    /// Type the target's name.
    Challenge,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            change: GateRule::Confirm,
            destructive: GateRule::Challenge,
        }
    }
}

impl Gates {
    /// What a step of this effect needs. What only reads needs nothing.
    pub fn of(self, effect: Effect) -> GateRule {
        match effect {
            Effect::Read => GateRule::None,
            Effect::Change => self.change,
            Effect::Destructive => self.destructive,
        }
    }
}
