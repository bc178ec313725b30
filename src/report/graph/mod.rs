//! A plan as a graph: as text, for Mermaid, for Graphviz, or drawn as SVG. No other program is
//! needed, and the same plan gives the same bytes.

mod dot;
mod flow;
mod mermaid;
mod svg;
mod svg_layout;
mod text;
mod writer;

pub use writer::{Format, graph};
