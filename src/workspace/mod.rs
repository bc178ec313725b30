//! Finding and loading runbooks, adapters and environments; who we are, and where runs are kept.
//!
//! Thin: what a file means is said in [`crate::spec`]. Everything is looked up from injected
//! [`Surroundings`], the nearest first: `runbooks/`, `adapters/` and `runbook.yaml` upward from the
//! working directory, the person's configuration directory, the binary. A file that is found in a
//! nearer place hides the one of the same name further out.

pub mod bindings;
mod bound;
mod embedded;
mod error;
mod find;
mod list;
mod load;
mod person;
mod root;
mod signers;
mod state;
mod surroundings;
#[cfg(test)]
mod tests;
mod tools;
mod uses;

pub use bindings::{BindError, BindErrors, Bound, LocalBecause};
pub use bound::Announcing;
pub use embedded::files as embedded_files;
pub use error::{FileError, FileProblem, WorkspaceError};
pub use list::Entry;
pub use load::{Defined, Loaded, Workspace};
pub use person::{account, login_of, person_of, this_person};
pub use root::{Origin, Text};
pub use state::{NamedBy, STATE_DIR, Sharers, StatePlace, group_name, state_dir};
pub use surroundings::Surroundings;
pub use uses::Uses;
