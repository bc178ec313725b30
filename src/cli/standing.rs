//! What stands behind each tool here, whichever runbook would use it.

use super::context::Context;
use super::exit::CliError;
use super::prepare::unbound;
use crate::model::ids::{EnvironmentName, ToolName, ToolRef};
use crate::model::suggest::nearest;
use crate::model::text::escape_controls;
use crate::plan::{Binding, BoundBy};
use crate::spec::{Contract, Environments};
use crate::workspace::{BindError, BindErrors, Bound};

/// An environment, with what is written of it.
pub struct Here {
    /// Where a run would act.
    pub bound: Bound,
    /// The team's file, where there is one.
    pub file: Option<Environments>,
    /// What `-e` says.
    asked: Option<EnvironmentName>,
}

/// A tool, and what stands behind it.
pub struct Standing {
    /// The tool, and which binding of it.
    pub tool: ToolRef,
    /// What it can be asked for.
    pub contract: Contract,
    /// What answers.
    pub answers: Answering,
}

/// What answers for a tool.
pub enum Answering {
    /// This.
    Bound {
        /// What a run that uses the tool would be bound to.
        bound: Box<Bound>,
        /// By what, in words: a file's line, a variable, the sandbox.
        by: String,
    },
    /// Nothing binds it.
    Nothing(Vec<String>),
    /// Its binding is wrong.
    Wrong {
        /// What is wrong.
        message: String,
        /// What to do.
        help: Vec<String>,
    },
}

impl Here {
    /// Where `-e` leads.
    ///
    /// # Errors
    /// There is no such environment, or `runbook.yaml` is not right.
    pub fn of(context: &Context, asked: Option<&EnvironmentName>) -> Result<Self, CliError> {
        let bound = context.workspace.bind_environment(asked);
        let bound = bound.map_err(|errors| unbound(context, &errors))?;
        Ok(Self {
            bound,
            file: context.workspace.environments().0,
            asked: asked.cloned(),
        })
    }

    /// The tool and its second bindings (`TOOL@old`), in the order of the file.
    pub fn standings(&self, context: &Context, contract: &Contract) -> Vec<Standing> {
        let plain = ToolRef {
            tool: contract.tool.clone(),
            binding: None,
        };
        let environment = self
            .file
            .as_ref()
            .and_then(|file| file.environments.get(&self.bound.environment));
        let named = environment
            .into_iter()
            .flat_map(|environment| environment.tools.keys())
            .filter(|tool| tool.tool == contract.tool && tool.binding.is_some());
        let tools: Vec<ToolRef> = [&plain].into_iter().chain(named).cloned().collect();
        let stand = |tool| self.standing(context, contract, tool);
        tools.into_iter().map(stand).collect()
    }

    fn standing(&self, context: &Context, contract: &Contract, tool: ToolRef) -> Standing {
        let asked = self.asked.as_ref();
        let answers = match context.workspace.bind_tool(&tool, &[], contract, asked) {
            Ok(bound) => match bound.bindings.get(&tool) {
                Some(binding) => Answering::Bound {
                    by: self.by(&tool, binding),
                    bound: Box::new(bound),
                },
                None => Answering::Nothing(Vec::new()),
            },
            Err(errors) => not_bound(&errors),
        };
        Standing {
            tool,
            contract: contract.clone(),
            answers,
        }
    }

    /// What bound it, and where that is written.
    fn by(&self, tool: &ToolRef, binding: &Binding) -> String {
        match &binding.by {
            BoundBy::Sandbox => "the built-in sandbox".to_owned(),
            BoundBy::Variable => format!("the variable {}", tool.tool),
            BoundBy::Environment(name) => {
                let place = self.file.as_ref().and_then(|file| {
                    let binding = file.environments.get(name)?.tools.get(tool)?;
                    let at = file.source.position(binding.span.start);
                    Some(format!("{}:{}", file.source.name, at.line))
                });
                place.unwrap_or_else(|| binding.by.to_string())
            }
        }
    }
}

impl Standing {
    /// What the tool is bound to.
    pub fn binding(&self) -> Option<&Binding> {
        match &self.answers {
            Answering::Bound { bound, .. } => bound.bindings.get(&self.tool),
            Answering::Nothing(_) | Answering::Wrong { .. } => None,
        }
    }
}

fn not_bound(errors: &BindErrors) -> Answering {
    let unbound = |error: &BindError| matches!(error, BindError::Unbound { .. });
    let help = errors.errors.iter().flat_map(BindError::help).collect();
    if errors.errors.iter().all(unbound) && !errors.diagnostics.has_errors() {
        return Answering::Nothing(help);
    }
    let mut said: Vec<String> = errors.errors.iter().map(ToString::to_string).collect();
    // One line: it stands in a list, beside what is said of other tools.
    for wrong in errors.diagnostics.sorted() {
        let name = &wrong.source.name;
        said.push(match wrong.span() {
            Some(span) => {
                let place = wrong.source.position(span.start);
                format!("{name}:{}:{}: {}", place.line, place.column, wrong.message)
            }
            None => format!("{name}: {}", wrong.message),
        });
    }
    Answering::Wrong {
        message: said.join("; "),
        help,
    }
}

/// A tool as somebody types it: `$DATABASE_TOOL`, `database-tool`.
///
/// # Errors
/// There is no such tool; the nearest is named.
pub fn contract(context: &Context, written: &str) -> Result<Contract, CliError> {
    let plain = written.trim_start_matches('$');
    let name = plain.to_ascii_uppercase().replace('-', "_");
    let known = context.workspace.tool_names();
    let unknown = || {
        let near = nearest(&name, known.iter().map(ToolName::as_str));
        let near = near.map(|near| format!("did you mean {near}?"));
        CliError::Usage {
            message: format!("there is no tool `{}`", escape_controls(written)),
            help: near
                .into_iter()
                .chain(["runbook tools".to_owned()])
                .collect(),
        }
    };
    let tool = name.parse().map_err(|_| unknown())?;
    let (contract, found) = context.workspace.contract_of(&tool);
    super::prepare::refuse_errors(context, &found)?;
    contract.ok_or_else(unknown)
}
