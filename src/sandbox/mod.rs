//! The simulated production: a pure world and its laws.
//!
//! A [`World`] is a value. It is begun from a [`Scenario`], is told the time with each [`Act`],
//! evolves by its laws from its last moment to that one, and answers. There are no files, no clock
//! and no randomness but a seeded generator that is part of the state: the same scenario, seed and
//! acts always give the same world.
//!
//! What metrics, logs, the health check and users report is derived from one state, so that
//! whatever mends the state mends all of them. Looking changes nothing: see [`World::act`].

mod act;
mod area;
mod args;
mod fault;
mod history;
mod law;
mod operation;
mod random;
mod scenario;
#[cfg(test)]
mod tests;
mod topology;
mod units;
mod world;

pub use act::{Act, Answer, Entry};
pub use fault::Fault;
pub use law::{Hazard, Trigger};
pub use operation::{Outcome, acts, operations};
pub use scenario::{Cause, Event, Moment, Scenario, ScenarioError, Setup};
pub use world::World;
