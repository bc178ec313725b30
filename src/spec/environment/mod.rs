//! Environments: `runbook.yaml` at the root of a team's repository.

mod read;
#[cfg(test)]
mod tests;
mod types;

pub use read::read;
pub use types::{
    BreakGlass, Environment, Environments, GateNeeds, GateRule, Gates, Hosts, Policy,
    PolicyApprovals, Signers, ToolBinding, Unattended,
};
