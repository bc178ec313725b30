//! What a binding is made from, and what it becomes.

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::model::ids::{AdapterName, EnvironmentName, ToolName};
use crate::plan::Bindings;
use crate::spec::environment::{Environment, Policy};
use crate::spec::{Adapter, Diagnostics, Environments};
use crate::workspace::uses::Uses;

/// What a binding is made from.
pub struct Wanted<'a> {
    /// What the run asks for.
    pub uses: &'a Uses,
    /// `-e`.
    pub environment: Option<&'a EnvironmentName>,
    /// The team's file, where there is one.
    pub environments: Option<&'a Environments>,
    /// The environment's variables.
    pub vars: &'a BTreeMap<OsString, OsString>,
    /// Where adapters are read from.
    pub adapters: &'a dyn Adapters,
    /// Where the files are read from that a policy names.
    pub policies: &'a dyn Policies,
}

/// Where the files are read from that a policy names; only those of the environment that is used.
pub trait Policies {
    /// An environment's policy with what its files hold.
    ///
    /// # Errors
    /// All that is wrong with them.
    fn settled(
        &self,
        environments: &Environments,
        environment: &Environment,
    ) -> Result<Policy, Diagnostics>;
}

/// Where adapters are read from; only those that are bound are.
pub trait Adapters {
    /// The adapters of a tool, the simulated one included.
    fn names(&self, tool: &ToolName) -> Vec<AdapterName>;

    /// One of them; nothing where there is none, or nothing is known of the tool.
    ///
    /// # Errors
    /// All that is wrong with its file.
    fn read(&self, tool: &ToolName, name: &AdapterName) -> Result<Option<Adapter>, Diagnostics>;
}

/// What answers each tool of a run.
#[derive(Clone, Debug)]
pub struct Bound {
    /// Where the run acts.
    pub environment: EnvironmentName,
    /// Whether anything real can be touched.
    pub real: bool,
    /// Why this is `local`, where it is.
    pub local_because: Option<LocalBecause>,
    /// What stands behind each tool.
    pub bindings: Bindings,
    /// What needs a person.
    pub policy: Policy,
}

/// Why a run without an environment of its own is real.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalBecause {
    /// `-e local`.
    Asked,
    /// Variables named like tools.
    Variables(Vec<ToolName>),
    /// A `run:` step changes something.
    RunSteps,
}
