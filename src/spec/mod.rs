//! YAML in, checked definitions out, with spans and diagnostics. Pure: bytes in.

pub mod adapter;
pub mod check;
pub mod contract;
pub mod decode;
pub mod diagnostic;
pub mod environment;
pub mod expressions;
mod fields;
pub mod limits;
mod render;
pub mod resolve;
pub mod runbook;
mod secrets;
pub mod shape;
pub mod source;
pub mod step;
pub mod words;
pub mod yaml;

pub use adapter::Adapter;
pub use contract::Contract;
pub use decode::Decoder;
pub use diagnostic::{Diagnostic, Diagnostics, Label, Severity};
pub use environment::Environments;
pub use fields::Fields;
pub use source::{Position, Source, Span, Spanned};
pub use yaml::Node;
