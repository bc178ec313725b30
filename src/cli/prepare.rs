//! From what was typed to a plan: load, check, parameters, bind, build.

use indexmap::IndexMap;

use super::args::Which;
use super::context::Context;
use super::exit::CliError;
use super::files;
use super::glass::announcement;
use super::reach::ourselves;
use crate::engine::Terminal;
use crate::model::ids::{Name, RunbookName, ScenarioName};
use crate::model::{Map, Shape, Value};
use crate::plan::params::{ParamError, settle, typed};
use crate::plan::{Ingredients, Plan, build};
use crate::sandbox::Scenario;
use crate::spec::Diagnostics;
use crate::spec::check::{Library, check};
use crate::spec::step::Runbook;
use crate::workspace::{BindError, BindErrors, Loaded};

/// What is to be prepared.
pub struct Prepare<'a> {
    /// Where we are.
    pub context: &'a Context,
    /// Which runbook, with what, where.
    pub which: &'a Which,
    /// Whether missing parameters may be asked for.
    pub may_ask: bool,
    /// Why somebody goes on without approvals, where they do.
    pub break_glass: Option<&'a str>,
}

/// All that a run needs.
pub struct Ready {
    /// The plan.
    pub plan: Plan,
    /// The runbook's file, as it was read.
    pub runbook_bytes: Vec<u8>,
    /// What the sandbox starts in; none where the run is real.
    pub scenario: Option<(ScenarioName, Scenario)>,
}

/// The scenario where neither runbook nor person names one.
const CALM: &str = "calm";

/// Loads, checks and plans. Nothing is created, nothing is called.
pub fn prepare(prepare: &Prepare<'_>) -> Result<Ready, CliError> {
    let Prepare { context, which, .. } = prepare;
    let workspace = &context.workspace;
    let loaded = workspace.load_with_includes(&which.name)?;
    refuse_errors(context, &loaded.diagnostics)?;
    refuse_errors(context, &checked(&loaded))?;
    let Some((source, runbook)) = loaded.runbooks.get(&loaded.name) else {
        return Err(CliError::usage(format!("{} cannot be read", loaded.name)));
    };
    let params = params(prepare, runbook)?;
    let bound = workspace
        .bind(&loaded, which.environment.as_ref())
        .map_err(|errors| unbound(context, &errors))?;
    let scenario = scenario(context, which, &loaded, runbook, bound.real)?;
    let announcement = prepare
        .break_glass
        .and_then(|reason| announcement(&bound.policy, &ourselves(), reason));
    let announcing = announcement
        .as_ref()
        .and_then(|_| workspace.bind_with_announcement(&loaded, which.environment.as_ref()));
    let announcement = announcement.filter(|_| announcing.is_some());
    let (bound, contracts) = match announcing {
        Some(announcing) => (announcing.bound, announcing.contracts),
        None => (bound, loaded.contracts),
    };
    let plan = build(Ingredients {
        runbook: &loaded.name,
        runbooks: &loaded.runbooks,
        contracts: &contracts,
        params,
        environment: bound.environment,
        real: bound.real,
        bindings: bound.bindings,
        policy: bound.policy,
        announcement,
    })
    .map_err(|e| CliError::usage(e.to_string()))?;
    Ok(Ready {
        plan,
        runbook_bytes: source.text.as_bytes().to_vec(),
        scenario,
    })
}

/// What is wrong with a runbook and those that it includes.
pub fn checked(loaded: &Loaded) -> Diagnostics {
    let runbooks: IndexMap<RunbookName, Runbook> = loaded
        .runbooks
        .iter()
        .map(|(name, (_, runbook))| (name.clone(), runbook.clone()))
        .collect();
    check(&loaded.name, &Library::new(&runbooks, &loaded.contracts))
}

/// Nothing answers a tool, or two things would.
pub fn unbound(context: &Context, errors: &BindErrors) -> CliError {
    if errors.errors.is_empty() {
        let look = &context.screen.err;
        return CliError::Invalid(errors.diagnostics.render(look.color, look.width));
    }
    let messages: Vec<String> = errors.errors.iter().map(ToString::to_string).collect();
    CliError::Usage {
        message: messages.join("\n       "),
        help: errors.errors.iter().flat_map(BindError::help).collect(),
    }
}

/// Errors end it; warnings are `check`'s to tell.
pub fn refuse_errors(context: &Context, found: &Diagnostics) -> Result<(), CliError> {
    if !found.has_errors() {
        return Ok(());
    }
    let look = &context.screen.err;
    Err(CliError::Invalid(found.render(look.color, look.width)))
}

fn scenario(
    context: &Context,
    which: &Which,
    loaded: &Loaded,
    runbook: &Runbook,
    real: bool,
) -> Result<Option<(ScenarioName, Scenario)>, CliError> {
    if real {
        return match &which.scenario {
            None => Ok(None),
            Some(_) => Err(CliError::usage_help(
                "a scenario belongs to the sandbox, and this run is real",
                "leave --scenario out, or run it with -e sandbox",
            )),
        };
    }
    let own = runbook
        .scenario
        .as_ref()
        .map(|scenario| scenario.value.clone());
    let name = match which.scenario.clone().or(own) {
        Some(name) => name,
        None => CALM
            .parse()
            .map_err(|e| CliError::usage(format!("{}: {e}", loaded.name)))?,
    };
    let text = context.workspace.scenario_text(&name)?;
    let scenario = Scenario::read(&String::from_utf8_lossy(&text.bytes))
        .map_err(|e| CliError::usage(format!("the scenario `{name}`: {e}")))?;
    Ok(Some((name, scenario)))
}

/// Parameters from defaults, a file, and the command line; what is missing is asked for.
fn params(prepare: &Prepare<'_>, runbook: &Runbook) -> Result<Map, CliError> {
    let which = prepare.which;
    let mut given: IndexMap<String, Value> = match &which.params_file {
        Some(path) => files::mapping(path)?,
        None => IndexMap::new(),
    };
    for (name, value) in &which.params {
        given.insert(name.clone(), Value::Str(value.clone()));
    }
    let settled = settle(&runbook.params, &given).map_err(wrong_params)?;
    if settled.missing.is_empty() {
        return Ok(settled.values);
    }
    if prepare.may_ask
        && let Some(terminal) = Terminal::open()
    {
        ask_params(&terminal, runbook, &settled.missing, &mut given)?;
        return Ok(settle(&runbook.params, &given)
            .map_err(wrong_params)?
            .values);
    }
    let missing: Vec<&str> = settled.missing.iter().map(Name::as_str).collect();
    let example = missing.first().copied().unwrap_or_default();
    let help = runbook
        .params
        .get(example)
        .and_then(|param| param.help.clone())
        .map_or_else(String::new, |help| format!(" ({help})"));
    Err(CliError::usage_help(
        format!("these parameters have no value: {}", missing.join(", ")),
        format!("add {example}=…{help}"),
    ))
}

fn wrong_params(errors: Vec<ParamError>) -> CliError {
    let message: Vec<String> = errors.iter().map(|error| error.message.clone()).collect();
    CliError::Usage {
        message: message.join("\n       "),
        help: errors.into_iter().filter_map(|error| error.help).collect(),
    }
}

fn ask_params(
    terminal: &Terminal,
    runbook: &Runbook,
    missing: &[Name],
    given: &mut IndexMap<String, Value>,
) -> Result<(), CliError> {
    for name in missing {
        let Some(param) = runbook.params.get(name) else {
            continue;
        };
        let mut help = param
            .help
            .clone()
            .unwrap_or_else(|| param.shape.to_string());
        if param.shape == Shape::Secret {
            help.push_str(
                " (say where it is found, never the secret itself: env:NAME or file:/PATH)",
            );
        }
        let mut text = format!("{name} — {help}\n{name}: ");
        loop {
            let Some(line) = terminal.line(&text) else {
                return Err(CliError::usage(format!(
                    "the parameter `{name}` has no value"
                )));
            };
            let value = Value::Str(line.trim_end_matches(['\r', '\n']).to_owned());
            match typed(name, param, &value) {
                Ok(_) => {
                    given.insert(name.to_string(), value);
                    break;
                }
                Err(error) => text = format!("{error}\n{name}: "),
            }
        }
    }
    Ok(())
}
