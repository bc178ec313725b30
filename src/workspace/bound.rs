//! A loaded runbook, bound by what this workspace has.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::bindings::{Adapters, BindErrors, Bound, Policies, Wanted, bind};
use super::load::{Loaded, Workspace};
use super::uses::Uses;
use crate::model::ids::{ActionName, AdapterName, EnvironmentName, ToolName, ToolRef};
use crate::plan::{Announcement, Answers, Binding};
use crate::spec::check::{Library, check};
use crate::spec::environment::{Environment, Policy};
use crate::spec::{Adapter, Contract, Diagnostics, Environments};

/// The adapters and policies of a workspace, held against the contracts that a run uses.
struct Shelf<'a> {
    workspace: &'a Workspace,
    contracts: &'a IndexMap<ToolName, Contract>,
}

impl Adapters for Shelf<'_> {
    fn names(&self, tool: &ToolName) -> Vec<AdapterName> {
        let names = self.workspace.adapter_names(tool).into_iter();
        names.map(|(name, _)| name).collect()
    }

    fn read(&self, tool: &ToolName, name: &AdapterName) -> Result<Option<Adapter>, Diagnostics> {
        match self.contracts.get(tool) {
            Some(contract) => self.workspace.adapter(contract, name),
            None => Ok(None),
        }
    }
}

impl Policies for Shelf<'_> {
    fn settled(
        &self,
        environments: &Environments,
        environment: &Environment,
    ) -> Result<Policy, Diagnostics> {
        self.workspace.settled_policy(environments, environment)
    }
}

impl Workspace {
    /// Binds the tools of a run, by `-e`, the team's environments and the variables around us.
    ///
    /// # Errors
    /// All that is wrong at once, errors of `runbook.yaml` included.
    pub fn bind(
        &self,
        loaded: &Loaded,
        environment: Option<&EnvironmentName>,
    ) -> Result<Bound, BindErrors> {
        self.bind_uses(&loaded.uses(), &loaded.contracts, environment)
    }

    /// Binds the tools of a run that begins by telling a channel that the glass is broken; nothing
    /// where no program here could tell it. Nobody is kept from an incident by that.
    pub fn bind_with_announcement(
        &self,
        loaded: &Loaded,
        environment: Option<&EnvironmentName>,
    ) -> Option<Announcing> {
        let (source, runbook) = Announcement::runbook().ok()?;
        let name = runbook.name.value.clone();
        let told = (source, runbook.clone());
        let mut found = Diagnostics::new();
        let alone = IndexMap::from([(name.clone(), told.clone())]);
        let own = self.contracts_used(&alone, &mut found);
        found.merge(check(
            &name,
            &Library::new(&IndexMap::from([(name.clone(), runbook)]), &own),
        ));
        if found.has_errors() {
            return None;
        }
        let mut contracts = loaded.contracts.clone();
        let tools: Vec<ToolName> = own.keys().cloned().collect();
        contracts.extend(own);
        let uses = Uses::of(loaded.runbooks.values().chain([&told]), &contracts);
        let bound = self.bind_uses(&uses, &contracts, environment).ok()?;
        let person = |(tool, binding): (&ToolRef, &Binding)| {
            tools.contains(&tool.tool) && matches!(binding.answers, Answers::Person)
        };
        // Whoever is asked to tell it is held up by that: they are reminded at the end instead.
        let by_person = bound.bindings.iter().any(person);
        (!by_person).then_some(Announcing { bound, contracts })
    }

    fn bind_uses(
        &self,
        uses: &Uses,
        contracts: &IndexMap<ToolName, Contract>,
        environment: Option<&EnvironmentName>,
    ) -> Result<Bound, BindErrors> {
        let (environments, diagnostics) = self.environments();
        if diagnostics.has_errors() {
            return Err(BindErrors {
                diagnostics,
                ..BindErrors::default()
            });
        }
        let shelf = self.shelf(contracts);
        bind(&Wanted {
            uses,
            environment,
            environments: environments.as_ref(),
            vars: &self.surroundings().vars,
            adapters: &shelf,
            policies: &shelf,
        })
    }

    /// Binds one tool by itself, as a run that uses these actions of it would have it.
    ///
    /// # Errors
    /// As [`Workspace::bind`].
    pub fn bind_tool(
        &self,
        tool: &ToolRef,
        actions: &[ActionName],
        contract: &Contract,
        environment: Option<&EnvironmentName>,
    ) -> Result<Bound, BindErrors> {
        let contracts = IndexMap::from([(tool.tool.clone(), contract.clone())]);
        let uses = Uses {
            tools: vec![(tool.clone(), actions.to_vec())],
            changing_run_steps: false,
        };
        self.bind_uses(&uses, &contracts, environment)
    }

    /// An environment by itself, without its tools: where a run that calls none would act.
    ///
    /// # Errors
    /// There is no such environment, or its policy's files are not right.
    pub fn bind_environment(
        &self,
        environment: Option<&EnvironmentName>,
    ) -> Result<Bound, BindErrors> {
        self.bind_uses(&Uses::default(), &IndexMap::new(), environment)
    }

    /// Binds the tools of a drill: all of them to the simulated production, whatever is around us.
    /// `run:` steps make nothing real there, because a drill never spawns them.
    ///
    /// # Errors
    /// The simulated production does not know what the runbook uses.
    pub fn bind_for_drill(&self, loaded: &Loaded) -> Result<Bound, BindErrors> {
        let uses = Uses {
            changing_run_steps: false,
            ..loaded.uses()
        };
        let shelf = self.shelf(&loaded.contracts);
        bind(&Wanted {
            uses: &uses,
            environment: None,
            environments: None,
            vars: &BTreeMap::new(),
            adapters: &shelf,
            policies: &shelf,
        })
    }

    fn shelf<'a>(&'a self, contracts: &'a IndexMap<ToolName, Contract>) -> Shelf<'a> {
        Shelf {
            workspace: self,
            contracts,
        }
    }
}

/// What answers each tool of a run that tells a channel first that the glass is broken.
#[derive(Clone, Debug)]
pub struct Announcing {
    /// What answers each tool.
    pub bound: Bound,
    /// The contracts of the tools, that of the chat among them.
    pub contracts: IndexMap<ToolName, Contract>,
}
