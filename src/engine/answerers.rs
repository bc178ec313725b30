//! Who answers each call of a run: the plan's bindings, made ready to be called.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use super::adapter_file::AdapterFile;
use crate::call::{
    BareCommand, Brought, CommandAdapter, CommandSpec, Environment, HttpAdapter, HttpSpec, Output,
    OwnProcess, PluginAdapter, Processes, Promise, Reading, Redactor, Secrets, Simulation, Word,
};
use crate::expr::Template;
use crate::model::call::{
    Adapter, Cancel, Captured, Ended, Failure, FailureKind, Reply, Request, Sink, Work,
};
use crate::model::ids::{ActionName, StepKey, ToolRef};
use crate::model::{Map, SecretRef, Value};
use crate::plan::{Answers, NodeDoes, Plan};
use crate::run::Run;
use crate::spec::adapter::{AdapterAction, OutputSpec as AdapterOutput, named};
use crate::spec::step::OutputSpec;

/// Who answers the calls of a run.
#[derive(Clone)]
pub struct Answerers {
    tools: HashMap<ToolRef, Answerer>,
    /// Those of them that have a process of their own as long as the run is driven.
    plugins: Vec<Arc<PluginAdapter>>,
    processes: Arc<Processes>,
    plan: Arc<Plan>,
}

/// Who answers one tool.
#[derive(Clone)]
pub enum Answerer {
    /// The simulated production: answers at once, in simulated time.
    Simulated(Arc<Simulated>),
    /// Something real, which blocks.
    Blocking(Arc<dyn Adapter>),
    /// A person does it.
    Person,
}

/// The simulated production with the operations of one tool.
pub struct Simulated {
    simulation: Arc<Simulation>,
    operations: IndexMap<ActionName, String>,
    plan: Arc<Plan>,
}

impl Adapter for Simulated {
    fn call(&self, request: &Request, _sink: &dyn Sink, _cancel: &dyn Cancel) -> Reply {
        let Work::Call(call) = &request.work else {
            return not_available("a command of the runbook is never simulated".to_owned());
        };
        let action = self.plan.action(&call.tool.tool, &call.action);
        match (self.operations.get(&call.action), action) {
            (Some(operation), Some(action)) => {
                let reply = self
                    .simulation
                    .answer(operation, action.idempotent, request);
                fit(reply, &action.answer_shape())
            }
            _ => not_available(format!(
                "the sandbox has no answer for {} {}",
                call.tool, call.action
            )),
        }
    }
}

/// A simulated answer keeps the contract's promise like any other.
fn fit(reply: Reply, shape: &crate::model::Shape) -> Reply {
    let Ended::Succeeded(output) = &reply.ended else {
        return reply;
    };
    let ended = match shape.fit(&output.to_plain()) {
        Ok(output) => Ended::Succeeded(output),
        Err(misfit) => Ended::Failed(
            Failure::new(
                FailureKind::Output,
                format!("the sandbox's answer does not fit the contract: {misfit}"),
            ),
            None,
        ),
    };
    Reply { ended, ..reply }
}

fn not_available(message: String) -> Reply {
    Reply {
        ended: Ended::Failed(Failure::new(FailureKind::NotStarted, message), None),
        stdout: Captured::default(),
        stderr: Captured::default(),
        took: None,
        notes: Vec::new(),
    }
}

impl Answerers {
    /// Makes ready who answers, from the plan's bindings.
    pub fn new(plan: &Arc<Plan>, processes: Processes, simulation: Option<Simulation>) -> Self {
        processes.learn(&mentioned(plan));
        processes.learn_issued();
        let processes = Arc::new(processes);
        let network = super::http::network(plan, &processes);
        let simulation = simulation.map(Arc::new);
        let mut plugins = Vec::new();
        let tools = plan
            .bindings
            .iter()
            .filter_map(|(tool, binding)| {
                let answerer = match &binding.answers {
                    Answers::Sandbox { operations } => Answerer::Simulated(Arc::new(Simulated {
                        simulation: Arc::clone(simulation.as_ref()?),
                        operations: operations.clone(),
                        plan: Arc::clone(plan),
                    })),
                    Answers::Command { argv } => Answerer::Blocking(Arc::new(BareCommand {
                        processes: Arc::clone(&processes),
                        command: argv.clone(),
                        promises: promises(plan, tool),
                    })),
                    Answers::Adapter { adapter, settings } => {
                        let actions = adapter
                            .actions
                            .iter()
                            .filter_map(|(name, action)| {
                                let spec = command_spec(plan, tool, name, action)?;
                                Some((name.clone(), spec))
                            })
                            .collect();
                        let files = Arc::new(Brought::new(adapter.files.clone()));
                        let plugin = super::adapter_file::plugin(
                            plan,
                            tool,
                            (adapter, settings),
                            &files,
                            &processes,
                        );
                        plugins.extend(plugin.clone());
                        let command = CommandAdapter {
                            processes: Arc::clone(&processes),
                            settings: settings.clone(),
                            names: Map::new(),
                            files,
                            actions,
                        };
                        let http = HttpAdapter {
                            network: Arc::clone(&network),
                            processes: Arc::clone(&processes),
                            settings: settings.clone(),
                            names: Map::new(),
                            actions: http_specs(plan, tool, &adapter.actions),
                        };
                        Answerer::Blocking(Arc::new(AdapterFile {
                            command,
                            http,
                            plugin,
                        }))
                    }
                    Answers::Person => Answerer::Person,
                };
                Some((tool.clone(), answerer))
            })
            .collect();
        Self {
            tools,
            plugins,
            processes,
            plan: Arc::clone(plan),
        }
    }

    /// Ends all that still runs for nobody any more; what a person should know about that.
    pub fn end(&self) -> Vec<String> {
        let plugins = self.plugins.iter();
        plugins.flat_map(|plugin| plugin.end()).collect()
    }

    /// The secrets that the run knows by now.
    pub fn secrets(&self) -> Arc<Secrets> {
        Arc::clone(&self.processes.secrets)
    }

    /// The secrets that the bindings name, each with what came of looking it up now. What a secret
    /// is nobody is told.
    pub(super) fn look_up(
        &self,
        request: &Request,
        cancel: &dyn Cancel,
        wanted: impl Fn(&SecretRef) -> bool,
    ) -> Vec<(SecretRef, Result<(), Failure>)> {
        let named = mentioned(&self.plan).into_iter().filter(wanted);
        named
            .map(|place| {
                let found = self.processes.secret(&place, request, cancel).map(drop);
                (place, found)
            })
            .collect()
    }

    /// What takes them out of all that is recorded and shown.
    pub fn redactor(&self) -> Arc<Redactor> {
        self.processes.secrets.redactor()
    }

    /// What the run's processes are started with.
    pub(super) fn processes(&self) -> Arc<Processes> {
        Arc::clone(&self.processes)
    }

    /// Which fields of the answer to this work are secrets.
    pub(super) fn issued(&self, work: &Work) -> Vec<String> {
        let Work::Call(call) = work else {
            return Vec::new();
        };
        let action = self.plan.action(&call.tool.tool, &call.action);
        action.map_or_else(Vec::new, |action| {
            action.issued().map(str::to_owned).collect()
        })
    }

    /// Who answers a tool's calls.
    pub fn tool(&self, tool: &ToolRef) -> Option<&Answerer> {
        self.tools.get(tool)
    }

    /// Who answers this work of this step.
    pub fn of(&self, run: &Run, step: &StepKey, work: &Work) -> Option<Answerer> {
        match work {
            Work::Call(call) => self.tool(&call.tool).cloned(),
            Work::Process(_) => {
                let node = run.step(step)?.node_ix();
                let NodeDoes::Run(spec) = &self.plan.node(node).does else {
                    return None;
                };
                Some(Answerer::Blocking(Arc::new(OwnProcess {
                    processes: Arc::clone(&self.processes),
                    reading: Reading {
                        ok: spec.ok.as_ref().map(|ok| ok.value.clone()),
                        output: output(&spec.output),
                        sensitive: spec.sensitive,
                    },
                    names: Map::new(),
                })))
            }
        }
    }
}

/// What takes a plan's secrets out of a text, as far as they can be looked up without starting
/// anything.
pub(super) fn at_hand(plan: &Plan, env: Environment) -> Arc<Redactor> {
    let processes = Processes::new(env, PathBuf::new());
    processes.learn(&mentioned(plan));
    processes.secrets.redactor()
}

/// Every secret that a plan names: in settings, in parameters, as a default.
fn mentioned(plan: &Plan) -> BTreeSet<SecretRef> {
    let scopes: Vec<_> = plan
        .scopes
        .iter()
        .map(|scope| (&scope.params, &scope.accepts))
        .collect();
    // What cannot be written as JSON could not be frozen into the run either.
    serde_json::to_value((&plan.bindings, &plan.contracts, scopes))
        .map(|json| SecretRef::mentioned(&json))
        .unwrap_or_default()
}

fn output(spec: &OutputSpec) -> Output {
    match spec {
        OutputSpec::Text => Output::Plain,
        OutputSpec::Json => Output::Json,
        OutputSpec::Lines => Output::Lines,
        OutputSpec::Mapping(fields) => Output::Fields(
            fields
                .iter()
                .map(|(name, field)| (name.clone(), field.value.clone()))
                .collect(),
        ),
    }
}

pub(super) fn promises(plan: &Plan, tool: &ToolRef) -> IndexMap<ActionName, Promise> {
    let Some(contract) = plan.contracts.get(&tool.tool) else {
        return IndexMap::new();
    };
    contract
        .actions
        .iter()
        .map(|(name, action)| {
            let promise = Promise {
                shape: (!action.output.is_empty()).then(|| action.answer_shape()),
                example: action.example.clone(),
            };
            (name.clone(), promise)
        })
        .collect()
}

fn command_spec(
    plan: &Plan,
    tool: &ToolRef,
    name: &ActionName,
    action: &AdapterAction,
) -> Option<CommandSpec> {
    let AdapterAction::Command(command) = action else {
        return None;
    };
    let contract = plan.action(&tool.tool, name)?;
    let mut promises = promises(plan, tool);
    Some(CommandSpec {
        command: command
            .argv
            .iter()
            .map(|word| self::word(&word.value))
            .collect(),
        env: command
            .env
            .iter()
            .map(|(name, value)| (name.clone(), value.value.clone()))
            .collect(),
        pass: command.pass.clone(),
        dir: command.dir.as_ref().map(|dir| dir.value.clone()),
        reading: Reading {
            ok: command.ok.as_ref().map(|ok| ok.value.clone()),
            output: match &command.output {
                AdapterOutput::Default => Output::Plain,
                AdapterOutput::Json => Output::Json,
                AdapterOutput::Lines => Output::Lines,
                AdapterOutput::Mapping(fields) => Output::Fields(
                    fields
                        .iter()
                        .map(|(name, field)| (name.clone(), field.value.clone()))
                        .collect(),
                ),
            },
            sensitive: false,
        },
        promise: promises.swap_remove(name).unwrap_or_default(),
        arguments: contract.args.keys().cloned().collect(),
    })
}

pub(super) fn word(word: &Template) -> Word {
    match named(word) {
        Some(file) => Word::File(file.to_owned()),
        None => Word::Template(word.clone()),
    }
}

fn http_specs(
    plan: &Plan,
    tool: &ToolRef,
    actions: &IndexMap<ActionName, AdapterAction>,
) -> IndexMap<ActionName, HttpSpec> {
    let mut promises = promises(plan, tool);
    let spec = |(name, action): (&ActionName, &AdapterAction)| {
        let AdapterAction::Http(http) = action else {
            return None;
        };
        let promise = promises.swap_remove(name).unwrap_or_default();
        let contract = plan.action(&tool.tool, name)?;
        let arguments = contract.args.keys().cloned().collect();
        Some((name.clone(), super::http::spec(http, promise, arguments)))
    };
    actions.iter().filter_map(spec).collect()
}

/// What a person types in as the output of a call that they carried out, as JSON.
pub fn typed_output(shape: &crate::model::Shape, json: &str) -> Result<Value, String> {
    let json: serde_json::Value =
        serde_json::from_str(json).map_err(|e| format!("this is no JSON: {e}"))?;
    shape.fit(&json).map_err(|misfit| misfit.to_string())
}
