//! Environments: `runbook.yaml` at the root of a team's repository.

mod read;
#[cfg(test)]
mod tests;
mod types;

pub use read::read;
pub use types::{Environment, Environments, GateRule, Gates, Policy, ToolBinding, Unattended};
