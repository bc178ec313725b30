//! The run's state machine in the hands of tests: no IO, no clock, no chance but the test's own.
//!
//! A story is a runbook, what the world and the people answer, and what comes of it. After every
//! event the invariants hold; every story's events fold to the same run, and every prefix of them
//! can be taken up again and goes on to an end.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod approvals;
mod chance;
mod conditions;
mod doubts;
mod driver;
mod endings;
mod expiry;
mod failures;
mod gates;
mod generate;
mod glass;
mod legality;
mod locks;
mod loops;
mod order;
mod people;
mod polls;
mod random;
mod requested_undo;
mod retries;
mod review;
mod scale;
mod story;
mod told;
mod undos;
mod voters;
