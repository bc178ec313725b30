//! What a runbook is held against.

use std::collections::{HashSet, VecDeque};

use indexmap::IndexMap;

use super::file::File;
use super::includes;
use crate::model::ids::{RunbookName, ToolName};
use crate::spec::contract::Contract;
use crate::spec::diagnostic::Diagnostics;
use crate::spec::step::Runbook;

/// All runbooks and contracts there are.
#[derive(Clone, Copy, Debug)]
pub struct Library<'a> {
    /// The runbooks that could be read.
    pub runbooks: &'a IndexMap<RunbookName, Runbook>,
    /// The contracts that could be read.
    pub contracts: &'a IndexMap<ToolName, Contract>,
    broken_runbooks: &'a [RunbookName],
    broken_tools: &'a [ToolName],
}

impl<'a> Library<'a> {
    /// A library of files that could all be read.
    pub fn new(
        runbooks: &'a IndexMap<RunbookName, Runbook>,
        contracts: &'a IndexMap<ToolName, Contract>,
    ) -> Self {
        Self {
            runbooks,
            contracts,
            broken_runbooks: &[],
            broken_tools: &[],
        }
    }

    /// The same with files that are there but could not be read, so that nobody is told that
    /// there are none. What is wrong with them is said where they are read.
    #[must_use]
    pub fn with_broken(self, runbooks: &'a [RunbookName], tools: &'a [ToolName]) -> Self {
        Self {
            broken_runbooks: runbooks,
            broken_tools: tools,
            ..self
        }
    }

    pub(super) fn is_broken_runbook(&self, name: &RunbookName) -> bool {
        self.broken_runbooks.contains(name)
    }

    pub(super) fn is_broken_tool(&self, name: &ToolName) -> bool {
        self.broken_tools.contains(name)
    }
}

/// Everything that is wrong with a runbook and with what it includes, however far down. A name
/// that the library does not have gives nothing: who looked it up says so.
pub fn check(name: &RunbookName, library: &Library<'_>) -> Diagnostics {
    let mut found = Diagnostics::new();
    let mut seen = HashSet::from([name]);
    let mut queue = VecDeque::from([name]);
    while let Some(name) = queue.pop_front() {
        let Some(runbook) = library.runbooks.get(name) else {
            continue;
        };
        found.merge(check_alone(runbook, library));
        for include in includes::of(runbook) {
            if seen.insert(&include.runbook.value) {
                queue.push_back(&include.runbook.value);
            }
        }
    }
    found
}

/// Everything that is wrong with one runbook's file; what it includes is only held against how it
/// is included.
pub fn check_alone(runbook: &Runbook, library: &Library<'_>) -> Diagnostics {
    File::new(runbook, library).check()
}
