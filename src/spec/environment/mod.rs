//! Environments: `runbook.yaml` at the root of a team's repository.

mod groups;
mod hosts;
mod policy;
#[cfg(test)]
mod policy_tests;
mod read;
#[cfg(test)]
mod tests;
mod types;

pub use groups::hold_against;
pub use read::read;
pub use types::{
    BreakGlass, Environment, Environments, GateNeeds, GateRule, Gates, Hosts, Policy,
    PolicyApprovals, PolicyPlaces, Signers, ToolBinding, Unattended, humans,
};
