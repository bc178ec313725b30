//! What an adapter's file says.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::http::Http;
use super::plugin::{Plugin, PluginAction};
use crate::expr::{Expression, Template};
use crate::model::ids::{ActionName, AdapterName, FileName, Name, ToolName};
use crate::model::{Field, Shape, Value};
use crate::spec::source::{Source, Span, Spanned};

/// One implementation of a tool's contract.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Adapter {
    /// Its name; the file's stem.
    pub adapter: AdapterName,
    /// Which contract.
    pub implements: ToolName,
    /// What it is, for people.
    pub title: String,
    /// What an environment can set.
    #[serde(default)]
    pub settings: IndexMap<Name, Setting>,
    /// The files that it brings along, each with its text. A command's word `./NAME` is one of
    /// them.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub files: IndexMap<FileName, String>,
    /// What must be there for it to work.
    #[serde(default)]
    pub requires: Requires,
    /// The program that answers its `plugin` actions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<Spanned<Plugin>>,
    /// What it does for each action. One of the contract that is not here is not available with it.
    pub actions: IndexMap<ActionName, AdapterAction>,
    /// The file; empty where the adapter was read back from a plan.
    #[serde(skip)]
    pub source: Arc<Source>,
}

/// Something that an environment can set.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setting {
    /// Its type.
    pub shape: Shape,
    /// Whether it may be left out; it then is `none`.
    #[serde(default)]
    pub optional: bool,
    /// What it is where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// What it is, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// What must be there for an adapter to work.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Requires {
    /// Programs.
    #[serde(default)]
    pub commands: Vec<String>,
}

/// What an adapter does for an action.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdapterAction {
    /// The simulated production acts.
    Simulate {
        /// Which law of it: `database.failover`.
        operation: String,
    },
    /// A program is started.
    Command(Box<Command>),
    /// A request is sent.
    Http(Box<Http>),
    /// The adapter's plugin is asked.
    Plugin(Box<PluginAction>),
}

/// A program that an adapter starts, and how its end is read.
///
/// Templates see `args`, `settings` and `run`; expressions also see `exit`, `stdout`, `stderr`,
/// `json` and `lines`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Command {
    /// The program and its words, never a shell.
    pub argv: Vec<Spanned<Template>>,
    /// Added to its cleared environment.
    #[serde(default)]
    pub env: IndexMap<String, Spanned<Template>>,
    /// Variables that it gets from ours, beside those that every child gets: `KUBECONFIG`, `AWS_*`.
    #[serde(default)]
    pub pass: Vec<String>,
    /// Its working directory, where that is not the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<Spanned<Template>>,
    /// What success is; exit status 0 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok: Option<Spanned<Expression>>,
    /// What its output is.
    #[serde(default)]
    pub output: OutputSpec,
    /// Its own harmless preview, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
}

/// What becomes of what a program printed, or a server answered.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputSpec {
    /// JSON where the contract declares fields, else `{exit, stdout, stderr}` or `{status, body}`.
    #[default]
    Default,
    /// Its stdout, or its body, is one JSON value.
    Json,
    /// The list of its stdout's lines.
    Lines,
    /// An expression for each field.
    Mapping(IndexMap<String, Spanned<Expression>>),
}

/// A harmless preview of a command (`kubectl --dry-run=server`).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The program and its words.
    pub argv: Vec<Spanned<Template>>,
}

impl Adapter {
    /// The type of `settings` in expressions.
    pub fn settings_shape(&self) -> Shape {
        settings_shape(&self.settings)
    }
}

/// The type of `settings` in expressions.
pub(super) fn settings_shape(settings: &IndexMap<Name, Setting>) -> Shape {
    let field = |(name, setting): (&Name, &Setting)| {
        let field = Field {
            shape: setting.shape.clone(),
            optional: setting.optional && setting.default.is_none(),
        };
        (String::from(name.clone()), field)
    };
    Shape::object(settings.iter().map(field).collect())
}

impl AdapterAction {
    /// Of which kind it is, as its key in the file says.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Simulate { .. } => "simulate",
            Self::Command(_) => "command",
            Self::Http(_) => "http",
            Self::Plugin(_) => "plugin",
        }
    }

    /// Whether it can show beforehand what it would do.
    pub fn has_preview(&self) -> bool {
        matches!(self, Self::Command(command) if command.plan.is_some())
    }
}

impl Setting {
    /// Whether an environment must set it.
    pub fn is_required(&self) -> bool {
        !self.optional && self.default.is_none()
    }
}

/// Where an action of an adapter is written; only needed while its file is read.
pub(super) struct Placed {
    pub(super) name: Spanned<ActionName>,
    pub(super) action: Option<AdapterAction>,
    pub(super) output: Vec<(String, Span)>,
}
