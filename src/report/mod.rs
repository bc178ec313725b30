//! What people see: live view, plain lines, JSON lines, summaries, plans, graphs.
//!
//! Architecture invariant: text from outside reaches a screen only with its control characters
//! shown as escapes, and colour is never the only carrier of a meaning. Nothing here is state: a
//! reporter that fails to write changes nothing about the run.

mod audit_view;
mod back;
mod clock;
mod describe;
mod face;
mod graph;
mod json;
mod known;
mod line;
mod live;
mod others;
#[cfg(debug_assertions)]
mod panicking;
mod plain;
mod plan_json;
mod plan_view;
mod progress;
mod quiet;
mod reporter;
mod request;
mod scroll;
mod style;
mod summary;
mod tell;
mod waits;
mod words;

#[cfg(test)]
mod testing;

pub use audit_view::record_line;
pub use back::{TakenBack, taken_back};
pub use clock::moment;
pub use describe::{inside_words, undo_words};
pub use graph::{Format, graph};
pub use json::JsonLines;
pub use line::Line;
pub use live::Live;
#[cfg(debug_assertions)]
pub use panicking::Panicking;
pub use plain::Plain;
pub use plan_json::plan_json;
pub use plan_view::{brief, plan};
pub use quiet::Quiet;
pub use reporter::{Leaving, Notice, Reporter};
pub use request::{approvals_words, request, whole_work};
pub use style::{Look, Mark, Tone};
pub use summary::summary;
pub use waits::{Waits, WaitsFor, waits_for};
pub use words::{typed_words, value_facts, work_words};
