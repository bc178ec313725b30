//! Runbooks on a small production: real programs, in a directory and a network of their own.
//!
//! `lab.py` starts and stops it, `docs/lab.md` is its page. Where something that a test needs is not
//! installed, the test says so and is skipped, except in CI.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod calls;
mod harness;
#[allow(
    dead_code,
    reason = "a lab ends with its namespaces and needs no janitor"
)]
#[path = "../postgres/processes.rs"]
mod processes;
mod scenarios;
mod stands;
