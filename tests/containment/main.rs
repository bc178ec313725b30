//! What keeps a step's processes together: nobody outlives a step unnamed, and nobody else's is
//! touched. Real processes, which the tests end themselves.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "the helpers of tests panic where a test must fail, and say what was left out"
)]

mod neighbours;
mod shapes;
mod step;
