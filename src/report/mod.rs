//! What people see: live view, plain lines, JSON lines, summaries, plans, graphs.

mod reporter;

pub use reporter::{Notice, Reporter};

use crate::plan::{NodeIx, Plan};

/// stub
pub fn undo_words(_plan: &Plan, _node: NodeIx) -> String {
    String::new()
}
