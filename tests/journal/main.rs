//! The journal's floor, on a simulated disk and on a real one. Numbers are rows of the threat list.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what must hold by failing"
)]

mod attacks;
mod crash;
mod events;
mod faults;
mod finding_runs;
mod locks;
mod people;
mod records;
mod specimen;
mod story;
mod syncs;
