//! What people see: live view, plain lines, JSON lines, summaries, plans, graphs.

mod reporter;

pub use reporter::{Notice, Reporter};
