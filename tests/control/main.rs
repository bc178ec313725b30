//! A run that other people reach: the socket of its process, the verbs that use it, and what is
//! refused there. Real processes, and other users where the tests may be other users.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod glass;
mod peers;
mod reviews;
mod signed;
#[path = "../support/mod.rs"]
mod support;
mod team;
mod votes;
mod watching;
