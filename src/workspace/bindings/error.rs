//! Why a run's tools cannot be bound. All of it is said at once.

use std::fmt;

use super::split::SplitError;
use super::types::LocalBecause;
use crate::model::ids::{ActionName, AdapterName, EnvironmentName, InvalidId, ToolName, ToolRef};
use crate::spec::Diagnostics;

/// All that keeps a run from being bound; wrong usage, exit code 2.
#[derive(Clone, Debug, Default)]
pub struct BindErrors {
    /// What is wrong.
    pub errors: Vec<BindError>,
    /// What is wrong in files: settings in `runbook.yaml`, adapters.
    pub diagnostics: Diagnostics,
}

/// One thing that keeps a run from being bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindError {
    /// A name does not have the form of its kind.
    Name(InvalidId),
    /// There is no environment of that name.
    UnknownEnvironment {
        /// How it was written.
        written: EnvironmentName,
        /// Those that there are, `sandbox` included.
        known: Vec<EnvironmentName>,
    },
    /// The sandbox was asked for, and a variable would bind a tool to something real.
    VariableInSandbox {
        /// Which tool.
        tool: ToolName,
        /// Who asked.
        by: SandboxBy,
    },
    /// The sandbox was asked for, and a `run:` step changes something real.
    RunStepInSandbox {
        /// Who asked.
        by: SandboxBy,
    },
    /// Nothing binds these tools.
    Unbound {
        /// Where.
        environment: EnvironmentName,
        /// The file that should bind them, where there is one.
        file: Option<String>,
        /// Why this is `local`, where it is.
        because: Option<LocalBecause>,
        /// Which.
        tools: Vec<Unbound>,
    },
    /// A variable and the file both bind a tool.
    Conflict {
        /// Which tool.
        tool: ToolName,
        /// Where.
        environment: EnvironmentName,
    },
    /// A variable's value is no command.
    Variable {
        /// Which tool it is named like.
        tool: ToolName,
        /// What is wrong with it.
        why: SplitError,
    },
    /// The file binds a tool to the simulated production.
    SimulatedOutside {
        /// Which tool.
        tool: ToolRef,
        /// Where.
        environment: EnvironmentName,
    },
    /// There is no adapter of that name.
    UnknownAdapter {
        /// Of which tool.
        tool: ToolRef,
        /// Where.
        environment: EnvironmentName,
        /// How it was written.
        written: AdapterName,
        /// Those that there are, but for the simulated one.
        known: Vec<AdapterName>,
    },
    /// An adapter does not do what the runbook uses.
    MissingActions {
        /// Of which tool.
        tool: ToolRef,
        /// Which adapter.
        adapter: AdapterName,
        /// What it does not do.
        missing: Vec<ActionName>,
    },
    /// A real adapter answers from the simulated production.
    Simulates {
        /// Of which tool.
        tool: ToolRef,
        /// Which adapter.
        adapter: AdapterName,
        /// For which actions.
        actions: Vec<ActionName>,
    },
    /// The simulated production has nothing for a tool.
    NotSimulated {
        /// Which tool.
        tool: ToolName,
    },
    /// A simulated adapter starts programs.
    NotOnlySimulated {
        /// Of which tool.
        tool: ToolName,
        /// For which actions.
        actions: Vec<ActionName>,
    },
}

/// Who asked for the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SandboxBy {
    /// `-e sandbox`.
    Flag,
    /// `default_environment: sandbox`.
    Default,
}

/// A tool that nothing binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbound {
    /// Which.
    pub tool: ToolRef,
    /// The adapters that there are, but for the simulated one.
    pub adapters: Vec<AdapterName>,
}

impl fmt::Display for SandboxBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "`-e sandbox`",
            Self::Default => "`default_environment: sandbox`",
        })
    }
}

impl fmt::Display for LocalBecause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("`-e local` says so"),
            Self::Variables(tools) => match tools.as_slice() {
                [one] => write!(f, "the variable {one} binds a tool to a command"),
                tools => write!(f, "the variables {} bind tools to commands", list(tools)),
            },
            Self::RunSteps => f.write_str("a `run:` step of the runbook changes something"),
        }
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(why) => why.fmt(f),
            Self::UnknownEnvironment { written, .. } => {
                write!(f, "there is no environment `{written}`")
            }
            Self::VariableInSandbox { tool, by } => write!(
                f,
                "the variable {tool} would bind ${tool} to a real command, but {by} says that nothing real is touched"
            ),
            Self::RunStepInSandbox { by } => write!(
                f,
                "a `run:` step of the runbook changes something real, but {by} says that nothing real is touched"
            ),
            Self::Unbound {
                environment,
                because,
                tools,
                ..
            } => {
                let names: Vec<&ToolRef> = tools.iter().map(|unbound| &unbound.tool).collect();
                write!(f, "in {environment} nothing answers for {}", list(&names))?;
                match because {
                    Some(because) => write!(f, "; this run is real because {because}"),
                    None => Ok(()),
                }
            }
            Self::Conflict { tool, environment } => write!(
                f,
                "both the variable {tool} and runbook.yaml, environment {environment}, bind ${tool}"
            ),
            Self::Variable { tool, why } => write!(f, "the variable {tool} is no command: {why}"),
            Self::SimulatedOutside { tool, environment } => write!(
                f,
                "environment {environment} binds {tool} to `sandbox`, but the simulated production never answers outside the sandbox"
            ),
            Self::UnknownAdapter { tool, written, .. } => {
                write!(f, "{tool} has no adapter `{written}`")
            }
            Self::MissingActions {
                tool,
                adapter,
                missing,
            } => write!(
                f,
                "the adapter `{adapter}` of {tool} does not do what the runbook uses: {}",
                list(missing)
            ),
            Self::Simulates {
                tool,
                adapter,
                actions,
            } => write!(
                f,
                "the adapter `{adapter}` of {tool} only simulates {}, and the simulated production never answers outside the sandbox",
                list(actions)
            ),
            Self::NotSimulated { tool } => {
                write!(f, "the simulated production knows nothing of {tool}")
            }
            Self::NotOnlySimulated { tool, actions } => write!(
                f,
                "the adapter `sandbox` of {tool} starts programs for {}, but in the sandbox nothing real is touched",
                list(actions)
            ),
        }
    }
}

impl std::error::Error for BindError {}

impl fmt::Display for BindErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the tools of this run cannot be bound")
    }
}

impl std::error::Error for BindErrors {}

impl BindErrors {
    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty() && !self.diagnostics.has_errors()
    }
}

pub(super) fn list<T: fmt::Display>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    items.join(", ")
}
