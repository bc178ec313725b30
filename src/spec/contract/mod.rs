//! Contracts of tools: `adapters/<tool>/contract.yaml`.

mod check;
mod read;
#[cfg(test)]
mod tests;
mod types;

pub use check::assignable;
pub use read::read;
pub use types::{Action, Arg, Call, Contract, Verify};
