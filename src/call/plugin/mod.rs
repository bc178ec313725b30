//! The `plugin` actions of an adapter's file: a program that lives as long as its run, and answers
//! call after call with one JSON object a line.
//!
//! `message` is what both sides say, `lines` parts what the program prints. `living` is the process,
//! which `start` begins. `given` and `question` make a call of a request, `exchange` has it
//! answered, and `heard` keeps what is said meanwhile. `seat` lets one call at a time have the
//! process: so one that ends leaves one step in doubt, never several. `answer` says what an answer
//! means, and [`PluginAdapter`] is all of that for one tool.
//!
//! A call counts as sent when the last byte of its line was written, for half a line is no JSON. Up
//! to then nothing was done; from then on only an answer says what was.

mod adapter;
mod answer;
mod exchange;
mod given;
mod heard;
mod lines;
mod living;
mod message;
mod question;
mod seat;
mod start;

pub use adapter::{PluginAdapter, PluginSpec};
pub use answer::PluginReading;
pub use start::PluginProgram;
