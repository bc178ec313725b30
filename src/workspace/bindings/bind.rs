//! Binding every tool that a run uses, or saying all that is missing.

use indexmap::IndexMap;

use super::choose::{Chosen, Variables, choose, variables};
use super::error::{BindError, BindErrors, Unbound};
use super::types::{Bound, LocalBecause, Wanted};
use crate::model::ids::{ActionName, AdapterName, EnvironmentName, InvalidId, ToolName, ToolRef};
use crate::plan::{Answers, Binding, Bindings, BoundBy};
use crate::spec::adapter::AdapterAction;
use crate::spec::environment::{Environment, GateRule, Gates, Policy, ToolBinding, Unattended};
use crate::spec::source::Spanned;

/// The adapters' name that stands for the simulated production.
const SANDBOX: &str = "sandbox";

/// Binds every tool that is used.
///
/// # Errors
/// All that is wrong at once: an unknown environment, tools that nothing binds, bindings that
/// contradict each other, adapters or settings that do not fit.
pub fn bind(wanted: &Wanted<'_>) -> Result<Bound, BindErrors> {
    let variables = variables(wanted);
    let chosen = choose(wanted, &variables).map_err(|errors| BindErrors {
        errors,
        ..BindErrors::default()
    })?;
    let binder = Binder {
        wanted,
        variables,
        failed: BindErrors::default(),
        bindings: Bindings::new(),
        unbound: Vec::new(),
    };
    let bound = match chosen {
        Chosen::Sandbox => binder.sandbox(),
        Chosen::Local(because) => binder.local(because),
        Chosen::Named(name, environment) => binder.named(name, environment),
    };
    bound.map_err(|failed| *failed)
}

struct Binder<'a> {
    wanted: &'a Wanted<'a>,
    variables: Variables,
    failed: BindErrors,
    bindings: Bindings,
    unbound: Vec<Unbound>,
}

impl Binder<'_> {
    fn sandbox(mut self) -> Result<Bound, Box<BindErrors>> {
        for (tool, actions) in &self.wanted.uses.tools {
            if let Some(operations) = self.operations(tool, actions) {
                let answers = Answers::Sandbox { operations };
                self.bound(tool, answers, BoundBy::Sandbox);
            }
        }
        let policy = Policy {
            unattended: Unattended::Allow,
            gates: Gates {
                change: GateRule::None.into(),
                destructive: GateRule::None.into(),
            },
            ..Policy::default()
        };
        self.finish(SANDBOX.parse(), None, policy)
    }

    /// What the simulated production does for a tool.
    fn operations(
        &mut self,
        tool: &ToolRef,
        used: &[ActionName],
    ) -> Option<IndexMap<ActionName, String>> {
        let name: AdapterName = match SANDBOX.parse() {
            Ok(name) => name,
            Err(why) => {
                self.fail(BindError::Name(why));
                return None;
            }
        };
        let adapter = match self.wanted.adapters.read(&tool.tool, &name) {
            Ok(Some(adapter)) => adapter,
            Ok(None) => {
                let error = BindError::NotSimulated {
                    tool: tool.tool.clone(),
                };
                self.fail(error);
                return None;
            }
            Err(found) => {
                self.failed.diagnostics.merge(found);
                return None;
            }
        };
        let mut real = Vec::new();
        let mut operations = IndexMap::new();
        for (action, does) in adapter.actions {
            match does {
                AdapterAction::Simulate { operation } => {
                    operations.insert(action, operation);
                }
                AdapterAction::Command(_) | AdapterAction::Http(_) | AdapterAction::Plugin(_) => {
                    real.push(action)
                }
            }
        }
        if !real.is_empty() {
            self.fail(BindError::NotOnlySimulated {
                tool: tool.tool.clone(),
                actions: real,
            });
            return None;
        }
        self.has_all(tool, &name, used, |action| operations.contains_key(action))
            .then_some(operations)
    }

    fn local(mut self, because: LocalBecause) -> Result<Bound, Box<BindErrors>> {
        for (tool, _) in &self.wanted.uses.tools {
            if !self.by_variable(tool) {
                self.nothing_binds(tool);
            }
        }
        self.finish("local".parse(), Some(because), Policy::default())
    }

    fn named(
        mut self,
        name: EnvironmentName,
        environment: &Environment,
    ) -> Result<Bound, Box<BindErrors>> {
        for (tool, actions) in &self.wanted.uses.tools {
            match environment.tools.get(tool) {
                Some(binding) => {
                    self.contradicts(tool, binding, &name);
                    self.by_file(tool, actions, binding, &name);
                }
                None if self.by_variable(tool) => {}
                None => self.nothing_binds(tool),
            }
        }
        let policy = self.policy(environment);
        self.finish(Ok(name), None, policy)
    }

    /// The environment's policy, frozen with the files that it names; what is wrong with them is
    /// said beside what is wrong with the tools.
    fn policy(&mut self, environment: &Environment) -> Policy {
        let settled = self
            .wanted
            .environments
            .map(|environments| self.wanted.policies.settled(environments, environment));
        match settled {
            Some(Ok(policy)) => policy,
            Some(Err(found)) => {
                self.failed.diagnostics.merge(found);
                environment.policy.clone()
            }
            None => environment.policy.clone(),
        }
    }

    /// Whether a variable is named like the tool; it binds it, or what is wrong with it is said.
    fn by_variable(&mut self, tool: &ToolRef) -> bool {
        let variable = self.variables.get(&tool.tool);
        let Some(variable) = variable.filter(|_| tool.binding.is_none()) else {
            return false;
        };
        match variable.clone() {
            // As in runbook.yaml, `manual` is a person, not a program of that name.
            Ok(argv) if argv == ["manual"] => {
                self.bound(tool, Answers::Person, BoundBy::Variable);
            }
            Ok(argv) => self.bound(tool, Answers::Command { argv }, BoundBy::Variable),
            Err(why) => self.fail(BindError::Variable {
                tool: tool.tool.clone(),
                why,
            }),
        }
        true
    }

    fn contradicts(&mut self, tool: &ToolRef, binding: &ToolBinding, name: &EnvironmentName) {
        let variable = self.variables.get(&tool.tool);
        let Some(variable) = variable.filter(|_| tool.binding.is_none()) else {
            return;
        };
        let same = match (variable, binding) {
            (Ok(words), ToolBinding::Command { argv }) => words == argv,
            _ => false,
        };
        if !same {
            self.fail(BindError::Conflict {
                tool: tool.tool.clone(),
                environment: name.clone(),
            });
        }
    }

    fn by_file(
        &mut self,
        tool: &ToolRef,
        actions: &[ActionName],
        binding: &Spanned<ToolBinding>,
        name: &EnvironmentName,
    ) {
        let answers = match &binding.value {
            ToolBinding::Manual => Some(Answers::Person),
            ToolBinding::Command { argv } => Some(Answers::Command { argv: argv.clone() }),
            ToolBinding::Adapter { adapter, .. } if adapter.as_str() == SANDBOX => {
                self.fail(BindError::SimulatedOutside {
                    tool: tool.clone(),
                    environment: name.clone(),
                });
                None
            }
            ToolBinding::Adapter { .. } => self.adapter(tool, actions, binding, name),
        };
        if let Some(answers) = answers {
            self.bound(tool, answers, BoundBy::Environment(name.clone()));
        }
    }

    fn adapter(
        &mut self,
        tool: &ToolRef,
        used: &[ActionName],
        binding: &Spanned<ToolBinding>,
        environment: &EnvironmentName,
    ) -> Option<Answers> {
        let ToolBinding::Adapter {
            adapter: name,
            with,
        } = &binding.value
        else {
            return None;
        };
        let adapter = match self.wanted.adapters.read(&tool.tool, &name.value) {
            Ok(Some(adapter)) => adapter,
            Ok(None) => {
                self.fail(BindError::UnknownAdapter {
                    tool: tool.clone(),
                    environment: environment.clone(),
                    written: name.value.clone(),
                    known: self.real_adapters(&tool.tool),
                });
                return None;
            }
            Err(found) => {
                self.failed.diagnostics.merge(found);
                return None;
            }
        };
        let has = |action: &ActionName| adapter.actions.contains_key(action);
        let whole = self.has_all(tool, &name.value, used, has);
        let simulates = |does: &AdapterAction| matches!(does, AdapterAction::Simulate { .. });
        let simulated = adapter.actions.iter().filter(|(_, does)| simulates(does));
        let simulated: Vec<ActionName> = simulated.map(|(action, _)| action.clone()).collect();
        let real = simulated.is_empty();
        if !real {
            self.fail(BindError::Simulates {
                tool: tool.clone(),
                adapter: name.value.clone(),
                actions: simulated,
            });
        }
        let source = &self.wanted.environments?.source;
        let found = &mut self.failed.diagnostics;
        let settings = adapter.settle(with, source, binding.span, found)?;
        (whole && real).then(|| Answers::Adapter {
            adapter: Box::new(adapter),
            settings,
        })
    }

    /// Whether an adapter does all that the runbook uses; says what it does not.
    fn has_all(
        &mut self,
        tool: &ToolRef,
        adapter: &AdapterName,
        used: &[ActionName],
        has: impl Fn(&ActionName) -> bool,
    ) -> bool {
        let missing: Vec<ActionName> = used.iter().filter(|name| !has(name)).cloned().collect();
        let whole = missing.is_empty();
        if !whole {
            self.fail(BindError::MissingActions {
                tool: tool.clone(),
                adapter: adapter.clone(),
                missing,
            });
        }
        whole
    }

    fn real_adapters(&self, tool: &ToolName) -> Vec<AdapterName> {
        let names = self.wanted.adapters.names(tool).into_iter();
        names.filter(|name| name.as_str() != SANDBOX).collect()
    }

    fn nothing_binds(&mut self, tool: &ToolRef) {
        self.unbound.push(Unbound {
            tool: tool.clone(),
            adapters: self.real_adapters(&tool.tool),
        });
    }

    fn bound(&mut self, tool: &ToolRef, answers: Answers, by: BoundBy) {
        self.bindings.insert(tool.clone(), Binding { answers, by });
    }

    fn fail(&mut self, error: BindError) {
        // Two bindings of one tool can have the same fault.
        if !self.failed.errors.contains(&error) {
            self.failed.errors.push(error);
        }
    }

    fn finish(
        mut self,
        environment: Result<EnvironmentName, InvalidId>,
        because: Option<LocalBecause>,
        policy: Policy,
    ) -> Result<Bound, Box<BindErrors>> {
        let environment = match environment {
            Ok(environment) => environment,
            Err(why) => {
                self.fail(BindError::Name(why));
                return Err(Box::new(self.failed));
            }
        };
        if !self.unbound.is_empty() {
            let file = self
                .wanted
                .environments
                .map(|file| file.source.name.clone());
            let error = BindError::Unbound {
                environment: environment.clone(),
                file: file.filter(|name| !name.is_empty()),
                because: because.clone(),
                tools: std::mem::take(&mut self.unbound),
            };
            self.fail(error);
        }
        if !self.failed.is_empty() {
            return Err(Box::new(self.failed));
        }
        Ok(Bound {
            real: environment.as_str() != SANDBOX,
            environment,
            local_because: because,
            bindings: self.bindings,
            policy,
        })
    }
}
