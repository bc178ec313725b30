//! Calls held against the contract of their tool: which action, which arguments.
//!
//! Words are read as command lines are: `--name value`, `--name=value`, `-x value` for an argument
//! of one letter, `--` ends the flags. A value that a template gives is always a value, whatever
//! it begins with; a flag's name is always written out.

mod action;
mod args;
#[cfg(test)]
mod tests;
mod usage;

pub use action::resolve;
pub(super) use action::{Resolution, placed, which};
pub(super) use args::Given;
