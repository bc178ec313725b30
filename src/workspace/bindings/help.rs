//! What to do where tools cannot be bound.

use super::choose::is_taken;
use super::error::{BindError, SandboxBy, Unbound, list};
use crate::model::ids::{AdapterName, EnvironmentName};
use crate::model::suggest::nearest;

impl BindError {
    /// What to do about it: one sentence each, but for a snippet, which is one text of several
    /// lines.
    pub fn help(&self) -> Vec<String> {
        match self {
            Self::Name(why) => vec![format!("write {}", why.allowed)],
            Self::UnknownEnvironment { written, known } => {
                let near = nearest(written.as_str(), known.iter().map(EnvironmentName::as_str));
                let near = near.map(|near| format!("did you mean `{near}`?"));
                let all = format!("the environments are {}", list(known));
                near.into_iter().chain([all]).collect()
            }
            Self::VariableInSandbox { tool, by } => {
                vec![format!("unset {tool}"), instead(*by)]
            }
            Self::RunStepInSandbox { by } => vec![instead(*by)],
            Self::Unbound {
                environment,
                file,
                because,
                tools,
            } => unbound(environment, file.as_deref(), because.is_some(), tools),
            Self::Conflict { tool, .. } => vec![format!(
                "unset {tool}, or remove `{tool}:` from the environment's `tools:`"
            )],
            Self::Variable { why, .. } => vec![why.hint()],
            Self::SimulatedOutside { tool, .. } => vec![format!(
                "bind it to something real, or to a person: `{tool}: manual`"
            )],
            Self::UnknownAdapter {
                tool,
                written,
                known,
                ..
            } => {
                let near = nearest(written.as_str(), known.iter().map(AdapterName::as_str));
                let near = near.map(|near| format!("did you mean `{near}`?"));
                let dir = crate::workspace::tools::directory(&tool.tool);
                let all = match known.as_slice() {
                    [] => format!("there is none yet: write adapters/{dir}/{written}.yaml"),
                    known => format!("there are {}", list(known)),
                };
                near.into_iter()
                    .chain([all, format!("a person can answer: `{tool}: manual`")])
                    .collect()
            }
            Self::MissingActions { tool, adapter, .. } => {
                let dir = crate::workspace::tools::directory(&tool.tool);
                vec![
                    format!("add them to adapters/{dir}/{adapter}.yaml"),
                    format!("or let a person answer: `{tool}: manual`"),
                ]
            }
            Self::Simulates { tool, .. } => vec![format!(
                "bind it to another adapter, or to a person: `{tool}: manual`"
            )],
            Self::NotSimulated { tool } => {
                let dir = crate::workspace::tools::directory(tool);
                vec![
                    format!(
                        "write adapters/{dir}/sandbox.yaml with the actions that the runbook uses"
                    ),
                    "or choose an environment that binds it: `-e NAME`".to_owned(),
                ]
            }
            Self::NotOnlySimulated { tool, .. } => {
                let dir = crate::workspace::tools::directory(tool);
                vec![format!(
                    "move them to an adapter of another name: adapters/{dir}/sandbox.yaml has `simulate:` only"
                )]
            }
        }
    }
}

fn instead(by: SandboxBy) -> String {
    match by {
        SandboxBy::Flag => "or drop `-e sandbox`: the run is then real, and called `local`",
        SandboxBy::Default => "or say where it shall act: `-e local`, `-e NAME`",
    }
    .to_owned()
}

/// What to write: a person for each tool, which works at once, and what else there is beside it.
fn unbound(
    environment: &EnvironmentName,
    file: Option<&str>,
    local: bool,
    tools: &[Unbound],
) -> Vec<String> {
    let mut help = Vec::new();
    // `local` is never in the file: what answers there are variables.
    let name = if local {
        "staging"
    } else {
        environment.as_str()
    };
    let mut snippet = format!("environments:\n  {name}:\n    tools:\n");
    let width = tools.iter().map(|unbound| unbound.tool.to_string().len());
    let width = width.max().unwrap_or(0) + 1;
    for Unbound { tool, adapters } in tools {
        let adapters = adapters
            .iter()
            .map(|name| format!("{{ adapter: {name} }}, "));
        let others: String = adapters.collect();
        let key = format!("{tool}:");
        snippet += &format!("      {key:width$} manual  # or {others}{{ command: [PROGRAM] }}\n");
    }
    let place = match file {
        Some(file) => format!("in {file}"),
        None => "in a file `runbook.yaml` at the root of your repository".to_owned(),
    };
    let then = if local {
        format!(", and run with `-e {name}`")
    } else {
        String::new()
    };
    help.push(format!("write {place}{then}:\n{}", snippet.trim_end()));
    let by_variable = tools
        .iter()
        .find(|unbound| unbound.tool.binding.is_none() && !is_taken(unbound.tool.tool.as_str()));
    if let Some(Unbound { tool, .. }) = by_variable {
        help.push(format!(
            "or set a variable that is named like the tool: {tool}='PROGRAM WORDS'"
        ));
    }
    help
}
