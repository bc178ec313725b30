//! Runbooks: `runbooks/<name>.yaml` into [`Runbook`].
//!
//! Decoding says all that is wrong with the file by itself: keys, forms, ids, what may stand
//! beside what. Whether its names and calls mean something is what [`super::check`] says.
//!
//! [`Runbook`]: super::step::Runbook

mod approvals;
mod call;
mod command;
mod does;
mod gate;
mod how;
mod ids;
mod kinds;
mod literal;
mod lock;
mod needs;
mod params;
mod read;
mod steps;
#[cfg(test)]
mod tests;
mod undo;

#[cfg(test)]
pub(super) use kinds::all_keys as step_keys;
pub use read::{read, runbook};
