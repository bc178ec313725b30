//! YAML in, checked definitions out, with spans and diagnostics. Pure: bytes in.

pub mod diagnostic;
mod render;
pub mod source;
pub mod yaml;

pub use diagnostic::{Diagnostic, Diagnostics};
pub use source::{Source, Span, Spanned};
pub use yaml::Node;
