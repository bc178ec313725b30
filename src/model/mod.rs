//! Words that everyone shares: ids, time, duration, size, effect, status, value, event, call, secret.
//!
//! Pure: no files, no environment, no clock, no randomness. Every other floor stands on this one.

pub mod approval;
pub mod call;
pub mod digest;
pub mod effect;
pub mod event;
pub mod gate;
pub mod http;
pub mod ids;
pub mod issued;
pub mod measure;
pub mod output;
pub mod people;
pub mod secret;
pub mod shape;
pub mod status;
pub mod suggest;
pub mod text;
pub mod typed;
pub mod url;
pub mod value;

pub use digest::Digest;
pub use effect::{Effect, Severity};
pub use event::{Event, Happened};
pub use jiff::Timestamp;
pub use measure::{Duration, Size};
pub use secret::SecretRef;
pub use shape::{Field, Fields, Shape};
pub use status::Status;
pub use value::{Map, Value};
