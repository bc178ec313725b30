//! Tools: contracts, the adapters beside them, and the team's environments.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use indexmap::IndexMap;

use super::find::Places;
use super::load::{Defined, Workspace};
use super::root::{Origin, Text};
use super::uses::each_step;
use crate::model::ids::{AdapterName, RunbookName, ToolName};
use crate::model::suggest::nearest;
use crate::spec::adapter::{FilePath, Files};
use crate::spec::environment::SharedState;
use crate::spec::step::Does;
use crate::spec::{
    Adapter, Contract, Diagnostic, Diagnostics, Environments, Source, Span, adapter, contract,
    environment,
};

const CONTRACT: &str = "contract.yaml";

/// The team's environments.
const ENVIRONMENTS: &str = "runbook.yaml";

impl Workspace {
    /// The contracts of the tools that these runbooks use.
    pub(super) fn contracts_used(
        &self,
        runbooks: &IndexMap<RunbookName, Defined>,
        found: &mut Diagnostics,
    ) -> IndexMap<ToolName, Contract> {
        let mut contracts = IndexMap::new();
        let mut tried: HashSet<&ToolName> = HashSet::new();
        for (source, runbook) in runbooks.values() {
            each_step(runbook, &mut |step| {
                let Does::Call(call) = &step.does else {
                    return;
                };
                let tool = &call.tool.value.tool;
                if found.left_out() > 0 || !tried.insert(tool) {
                    return;
                }
                match self.contract(tool, found) {
                    Some(Some(contract)) => {
                        contracts.insert(tool.clone(), contract);
                    }
                    // It is there and has errors, which are said.
                    None => {}
                    Some(None) => found.push(self.unknown_tool(tool, source, call.tool.span)),
                }
            });
        }
        contracts
    }

    fn unknown_tool(&self, tool: &ToolName, source: &Arc<Source>, place: Span) -> Diagnostic {
        let names = self.tool_names();
        let near = nearest(tool.as_str(), names.iter().map(ToolName::as_str));
        Diagnostic::error(source, place, format!("there is no tool `{tool}`"))
            .code("unknown-tool")
            .maybe_help(near.map(|near| format!("did you mean `{near}`?")))
            .help(format!(
                "a tool of your own has its contract in adapters/{}/contract.yaml",
                directory(tool)
            ))
    }

    /// The tools that have a directory below `adapters/`, sorted. Nothing is parsed.
    pub fn tool_names(&self) -> Vec<ToolName> {
        let (names, _) = self.places().names("adapters");
        let tool = |(name, _): (String, _)| tool_of(&name).filter(|tool| self.has_contract(tool));
        names.into_iter().filter_map(tool).collect()
    }

    fn has_contract(&self, tool: &ToolName) -> bool {
        let (names, failed) = self
            .places()
            .names(&format!("adapters/{}", directory(tool)));
        // What cannot be looked into may hold one; reading it says what is wrong.
        failed.is_some() || names.iter().any(|(name, _)| name == CONTRACT)
    }

    /// A tool's contract: `None` where it has errors, `Some(None)` where there is none.
    fn contract(&self, tool: &ToolName, found: &mut Diagnostics) -> Option<Option<Contract>> {
        let path = format!("adapters/{}/{CONTRACT}", directory(tool));
        let Some(text) = self.file(&path, found)? else {
            return Some(None);
        };
        let contract = contract::read(&text.shown, &text.bytes, found)?;
        if contract.tool != *tool {
            let message = format!("this contract is of `{}`", contract.tool);
            let other = directory(&contract.tool);
            let error = Diagnostic::of_file(&contract.source, message).code("wrong-directory");
            found.push(error.help(format!("move it to adapters/{other}/, or name it `{tool}`")));
            return None;
        }
        Some(Some(contract))
    }

    /// One tool's contract, and all that is wrong with it. Nothing where there is none, or it has
    /// errors.
    pub fn contract_of(&self, tool: &ToolName) -> (Option<Contract>, Diagnostics) {
        let mut found = Diagnostics::new();
        let contract = self.contract(tool, &mut found).flatten();
        (contract, found)
    }

    /// All contracts, and all that is wrong with them.
    pub fn contracts(&self) -> (IndexMap<ToolName, Contract>, Diagnostics) {
        let mut found = Diagnostics::new();
        let mut contracts = IndexMap::new();
        for tool in self.tool_names() {
            if let Some(Some(contract)) = self.contract(&tool, &mut found) {
                contracts.insert(tool, contract);
            }
        }
        (contracts, found)
    }

    /// The adapters of a tool by name, sorted, with the place that each is read from. Nothing is
    /// parsed.
    pub fn adapter_names(&self, tool: &ToolName) -> Vec<(AdapterName, Origin)> {
        let (stems, _) = self
            .places()
            .stems(&format!("adapters/{}", directory(tool)));
        let named = |(stem, origin): (String, Origin)| {
            let adapter = (stem != "contract").then(|| stem.parse().ok())??;
            Some((adapter, origin))
        };
        stems.into_iter().filter_map(named).collect()
    }

    /// One adapter of a contract's tool; nothing where there is none.
    ///
    /// # Errors
    /// All that is wrong with its file.
    pub fn adapter(
        &self,
        contract: &Contract,
        name: &AdapterName,
    ) -> Result<Option<Adapter>, Diagnostics> {
        let mut found = Diagnostics::new();
        let path = format!("adapters/{}/{name}.yaml", directory(&contract.tool));
        let text = match self.file(&path, &mut found) {
            Some(Some(text)) => text,
            Some(None) => return Ok(None),
            None => return Err(found),
        };
        let beside = Beside {
            places: self.places(),
            directory: directory(&contract.tool),
        };
        let read = adapter::read(&text.shown, &text.bytes, contract, &beside, &mut found);
        let Some(adapter) = read else {
            return Err(found);
        };
        if adapter.adapter != *name {
            let message = format!("this adapter is called `{}`", adapter.adapter);
            let error = Diagnostic::of_file(&adapter.source, message).code("wrong-name");
            found.push(error.help(format!("write `adapter: {name}`, or rename the file")));
            return Err(found);
        }
        Ok(Some(adapter))
    }

    /// All adapters of a contract's tool, and all that is wrong with their files.
    pub fn adapters(&self, contract: &Contract) -> (Vec<(Origin, Adapter)>, Diagnostics) {
        let mut found = Diagnostics::new();
        let mut adapters = Vec::new();
        for (name, origin) in self.adapter_names(&contract.tool) {
            match self.adapter(contract, &name) {
                Ok(adapter) => adapters.extend(adapter.map(|adapter| (origin, adapter))),
                Err(errors) => found.merge(errors),
            }
        }
        (adapters, found)
    }

    /// The environments of the nearest `runbook.yaml`, and all that is wrong with it. Nothing where
    /// there is none, or it has errors.
    pub fn environments(&self) -> (Option<Environments>, Diagnostics) {
        let mut found = Diagnostics::new();
        let text = self.file(ENVIRONMENTS, &mut found).flatten();
        let read = text.and_then(|text| environment::read(&text.shown, &text.bytes, &mut found));
        (read, found)
    }

    /// The state directory that the nearest `runbook.yaml` names, and what is wrong with that.
    pub fn shared_state(&self) -> (Option<SharedState>, Diagnostics) {
        let mut found = Diagnostics::new();
        let text = self.file(ENVIRONMENTS, &mut found).flatten();
        let read =
            text.and_then(|text| environment::read_state(&text.shown, &text.bytes, &mut found));
        (read, found)
    }

    /// A file: `None` where it is there and cannot be read, `Some(None)` where it is not there.
    fn file(&self, path: &str, found: &mut Diagnostics) -> Option<Option<Text>> {
        match self.places().read(path) {
            Ok(text) => Some(text),
            Err(error) => {
                found.push(error.diagnostic());
                None
            }
        }
    }
}

/// The files beside the adapters of one tool, each in the nearest place that has it.
struct Beside<'a> {
    places: &'a Places,
    directory: String,
}

impl Files for Beside<'_> {
    fn read(&self, file: &FilePath) -> Result<Option<Cow<'static, [u8]>>, String> {
        let path = format!("adapters/{}", file.below(&self.directory));
        let text = self.places.read(&path).map_err(|error| error.to_string())?;
        Ok(text.map(|text| text.bytes))
    }
}

/// A tool's directory: `DATABASE_TOOL` is `database-tool`.
pub(super) fn directory(tool: &ToolName) -> String {
    tool.as_str().to_ascii_lowercase().replace('_', "-")
}

fn tool_of(directory: &str) -> Option<ToolName> {
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let name = directory.to_ascii_uppercase().replace('-', "_");
    directory.chars().all(lower).then(|| name.parse().ok())?
}
