//! Legality: a journal replayed through the run; verification.
//!
//! The journal's floor proves that the bytes are those that were written. Here it is proven that
//! they tell a story which the rules allow: no result without a start, no start without its gate's
//! decision, no step twice. And that who approved by a signature really signed exactly that.

mod replay;
mod signatures;
mod verify;

pub use replay::{ReplayError, load_plan, replay, run_events};
pub use verify::verify_one;
