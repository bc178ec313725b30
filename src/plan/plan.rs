//! The plan: what a run will do, whole and frozen.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::bind::{Binding, Bindings};
use super::node::{Node, NodeDoes, NodeIx, Scope, ScopeIx};
use crate::model::ids::{ActionName, EnvironmentName, RunbookName, ToolName, ToolRef};
use crate::model::{Duration, Severity};
use crate::spec::contract::{Action, Contract};
use crate::spec::environment::Policy;
use crate::spec::step::OnCancel;

/// The version of the plan's form. Another one is refused, never guessed at.
pub const FORMAT: u32 = 1;

/// What a run will do. It is written beside the journal when the run opens, and read back by
/// resume, which never reads a runbook that may have been edited.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this form.
    pub format: u32,
    /// The runbook that was asked for.
    pub runbook: RunbookName,
    /// Its title.
    pub title: String,
    /// Its description.
    pub description: Option<String>,
    /// What an incident opened from this run starts with.
    pub severity: Option<Severity>,
    /// Where the run acts.
    pub environment: EnvironmentName,
    /// Whether anything real can be touched.
    pub real: bool,
    /// Of the whole run, counted from when it was last taken up.
    pub timeout: Option<Duration>,
    /// What cancelling leads to.
    pub on_cancel: OnCancel,
    /// The steps, blocks and what is in them alike.
    pub nodes: Vec<Node>,
    /// The block of the runbook's steps.
    pub steps: NodeIx,
    /// The block of what is done however the run ends.
    pub finally: NodeIx,
    /// The runbooks: the one that was asked for, then the inlined ones.
    pub scopes: Vec<Scope>,
    /// The contracts of the tools that are used.
    pub contracts: IndexMap<ToolName, Contract>,
    /// What stands behind each tool.
    pub bindings: Bindings,
    /// The environment's policy.
    pub policy: Policy,
    /// What one run at a time has, whichever runbook it is: the environment, `/`, and the name that
    /// the runbook gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// The step that tells a channel of the broken glass, where the run begins with that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcement: Option<NodeIx>,
}

impl Plan {
    /// A node. Indices come from this plan only.
    pub fn node(&self, ix: NodeIx) -> &Node {
        &self.nodes[ix.0 as usize]
    }

    /// A scope. Indices come from this plan only.
    pub fn scope(&self, ix: ScopeIx) -> &Scope {
        &self.scopes[ix.0 as usize]
    }

    /// The contract's action.
    pub fn action(&self, tool: &ToolName, action: &ActionName) -> Option<&Action> {
        self.contracts.get(tool)?.actions.get(action)
    }

    /// What stands behind a tool.
    pub fn binding(&self, tool: &ToolRef) -> Option<&Binding> {
        self.bindings.get(tool)
    }

    /// All nodes with their indices, in the order in which they were planned.
    pub fn indexed(&self) -> impl Iterator<Item = (NodeIx, &Node)> {
        (0u32..).map(NodeIx).zip(&self.nodes)
    }

    /// The tools that the plan uses, in the order of their first use.
    pub fn tools(&self) -> Vec<&ToolRef> {
        let mut seen = BTreeSet::new();
        self.nodes
            .iter()
            .filter_map(|node| match &node.does {
                NodeDoes::Call(call) => Some(&call.tool),
                _ => None,
            })
            .filter(|tool| seen.insert(*tool))
            .collect()
    }
}
