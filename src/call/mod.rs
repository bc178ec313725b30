//! What answers a call: a command, a bare command, the simulation.
//!
//! From the ground up: `find` and `spawn` start a process, `capture` takes what it prints,
//! `session` reads what processes there are, `adopt` takes in those that lost their parents,
//! `cgroup` keeps a step's together where the system lets us, and `family` knows whose they are.
//! `group` watches a process to its end and `ending` ends all of it, `environ` says what it may
//! see, and [`Processes`] is all of that for one request. `judge` and `reading` turn the end of a
//! process into a reply. Above stand the adapters: [`OwnProcess`]
//! for `run:` steps, [`BareCommand`] for a tool that is bound to a command line, and
//! [`CommandAdapter`], [`HttpAdapter`] and [`PluginAdapter`] for the actions of an adapter's file, with
//! what it has [`Brought`] along.
//!
//! `secrets` looks up what a process gets in its environment only, and `redact` takes it out of all
//! that processes and people say, in the forms that `encodings` knows. `issued` puts away what a tool
//! gives out itself.
//!
//! A process has its own session, hence its own group and no terminal; its stdin is at its end; its
//! environment is an allow-list. One that never started is `not_started`; one that was started and
//! ended by us has an outcome that nobody knows.

mod adopt;
mod bare;
mod brought;
mod capture;
mod cgroup;
mod command;
mod encodings;
mod ending;
mod environ;
mod family;
mod find;
mod group;
mod http;
mod in_adapter;
mod issued;
mod job;
mod judge;
mod lookup;
#[cfg(debug_assertions)]
mod panicking;
mod plugin;
mod process;
mod reading;
mod redact;
mod redacted;
mod secrets;
mod session;
mod signal;
mod simulate;
mod spawn;

pub use adopt::reap_adopted;
pub use bare::BareCommand;
pub use brought::Brought;
pub use capture::{DEFAULT_CAP, MAX_LINE};
pub use command::{CommandAdapter, CommandSpec, Word};
pub use environ::Environment;
pub use find::program_path;
pub use group::{End, Finished};
pub use http::{
    ANSWER_NAMES, HostRule, HttpAdapter, HttpOutput, HttpReading, HttpSpec, Json, Network,
    RequestBody, RequestSpec, Resolver,
};
pub use issued::wipe_issued;
pub use job::{Containment, Job, Processes};
pub use judge::{OUTPUT_NAMES, Output, Reading};
pub use plugin::{PluginAdapter, PluginProgram, PluginReading, PluginSpec};
pub use process::OwnProcess;
pub use reading::{Promise, TEXT_CAP};
pub use redact::{Redacting, Redactor};
pub use secrets::{Secret, Secrets};
pub use session::has_shell;
pub use simulate::Simulation;

#[cfg(test)]
mod tests;
