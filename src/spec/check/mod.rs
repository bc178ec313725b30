//! Whether a runbook means something: its names, types, calls, gates and includes, held against
//! the contracts and the other runbooks. Which adapter answers is not looked at.
//!
//! # Architecture invariants
//!
//! - Linear: what a step can see is worked out from where it stands, not kept in a list.
//! - One mistake is one finding: of what is wrong nothing further is concluded.

mod calls;
mod expressions;
mod file;
mod graph;
mod includes;
mod library;
mod messages;
mod names;
mod shapes;
mod steps;
#[cfg(test)]
mod tests;

pub use library::{Library, check, check_alone};
