//! What answers each tool of a run, decided before anything starts.
//!
//! The rule that everything here serves: in the sandbox nothing real is touched, and outside it
//! the simulated production never answers.

mod bind;
mod choose;
mod error;
mod help;
mod split;
#[cfg(test)]
mod tests;
mod types;

pub use bind::bind;
pub use error::{BindError, BindErrors, SandboxBy, Unbound};
pub use split::{SplitError, split};
pub use types::{Adapters, Bound, LocalBecause, Policies, Wanted};
