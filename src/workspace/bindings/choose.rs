//! Where a run acts: what was asked for, and what its tools and steps make of it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use super::error::{BindError, SandboxBy};
use super::split::{SplitError, split};
use super::types::{LocalBecause, Wanted};
use crate::model::ids::{EnvironmentName, ToolName};
use crate::spec::environment::Environment;

/// Variables that are named like a tool could be and mean something else to every program:
/// `PAGER=less` must not make a rehearsal real.
const TAKEN: [&str; 8] = [
    "PAGER", "EDITOR", "VISUAL", "BROWSER", "SHELL", "TERM", "PATH", "HOME",
];

/// Whether a variable of this name never binds a tool.
pub(super) fn is_taken(name: &str) -> bool {
    TAKEN.contains(&name)
}

/// Where a run acts.
pub(super) enum Chosen<'a> {
    /// In the simulated production.
    Sandbox,
    /// Without an environment of its own, for real.
    Local(LocalBecause),
    /// In an environment of the team's file.
    Named(EnvironmentName, &'a Environment),
}

/// The commands that variables name, for the tools that are used.
pub(super) type Variables = BTreeMap<ToolName, Result<Vec<String>, SplitError>>;

/// The variables that are named like a tool that is used.
pub(super) fn variables(wanted: &Wanted<'_>) -> Variables {
    let tools = wanted.uses.tools.iter();
    // `$TOOL@name` is a second binding, which no variable can name.
    let tools = tools.filter(|(tool, _)| tool.binding.is_none());
    tools
        .filter(|(tool, _)| !is_taken(tool.tool.as_str()))
        .filter_map(|(tool, _)| {
            let value = command(wanted.vars, tool.tool.as_str())?;
            Some((tool.tool.clone(), value))
        })
        .collect()
}

fn command(
    vars: &BTreeMap<OsString, OsString>,
    name: &str,
) -> Option<Result<Vec<String>, SplitError>> {
    let value = vars.get(OsStr::new(name))?;
    match value.to_str() {
        None => Some(Err(SplitError::NotText)),
        Some(text) if text.trim().is_empty() => None,
        Some(text) => Some(split(text)),
    }
}

/// Decides where the run acts.
///
/// # Errors
/// All that keeps it from acting there.
pub(super) fn choose<'a>(
    wanted: &Wanted<'a>,
    variables: &Variables,
) -> Result<Chosen<'a>, Vec<BindError>> {
    let default = wanted
        .environments
        .and_then(|file| file.default_environment.as_ref());
    let (name, by) = match (wanted.environment, default) {
        (Some(flag), _) => (flag, SandboxBy::Flag),
        (None, Some(default)) => (default, SandboxBy::Default),
        (None, None) => return Ok(unasked(wanted, variables)),
    };
    match name.as_str() {
        "sandbox" => sandbox(wanted, variables, by),
        "local" => Ok(Chosen::Local(LocalBecause::Asked)),
        _ => {
            let file = wanted.environments;
            match file.and_then(|file| file.environments.get(name)) {
                Some(environment) => Ok(Chosen::Named(name.clone(), environment)),
                None => Err(vec![unknown(wanted, name)]),
            }
        }
    }
}

fn unasked<'a>(wanted: &Wanted<'a>, variables: &Variables) -> Chosen<'a> {
    if !variables.is_empty() {
        Chosen::Local(LocalBecause::Variables(variables.keys().cloned().collect()))
    } else if wanted.uses.changing_run_steps {
        Chosen::Local(LocalBecause::RunSteps)
    } else {
        Chosen::Sandbox
    }
}

/// The sandbox was asked for: what would be real there is an error, never silently real.
fn sandbox<'a>(
    wanted: &Wanted<'a>,
    variables: &Variables,
    by: SandboxBy,
) -> Result<Chosen<'a>, Vec<BindError>> {
    let mut errors: Vec<BindError> = variables
        .keys()
        .map(|tool| BindError::VariableInSandbox {
            tool: tool.clone(),
            by,
        })
        .collect();
    if wanted.uses.changing_run_steps {
        errors.push(BindError::RunStepInSandbox { by });
    }
    if errors.is_empty() {
        Ok(Chosen::Sandbox)
    } else {
        Err(errors)
    }
}

fn unknown(wanted: &Wanted<'_>, written: &EnvironmentName) -> BindError {
    let named = wanted
        .environments
        .into_iter()
        .flat_map(|file| file.environments.keys().cloned());
    BindError::UnknownEnvironment {
        written: written.clone(),
        known: named.chain("sandbox".parse().ok()).collect(),
    }
}
