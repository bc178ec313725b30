//! What answers a call: a command, a bare command, the simulation.

pub mod simulate;
