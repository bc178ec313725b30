//! The one way in: a plan and a format.

use super::{dot, flow, mermaid, svg, text};
use crate::model::text::{clip, escape_controls};
use crate::plan::Plan;

/// How a graph is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A tree, for a terminal.
    Text,
    /// For Markdown pages that draw Mermaid.
    Mermaid,
    /// For Graphviz.
    Dot,
    /// A picture that needs nothing else.
    Svg,
}

impl Format {
    /// The words used on the command line.
    pub const ALL: [(&'static str, Self); 4] = [
        ("text", Self::Text),
        ("mermaid", Self::Mermaid),
        ("dot", Self::Dot),
        ("svg", Self::Svg),
    ];
}

/// The plan as a graph: blocks as frames, parallel branches side by side, gates as diamonds,
/// conditions on the way to what they guard. Ends with a line end.
pub fn graph(plan: &Plan, format: Format) -> String {
    match format {
        Format::Text => text::text(plan),
        Format::Mermaid => mermaid::mermaid(plan, &flow::flow(plan)),
        Format::Dot => dot::dot(plan, &flow::flow(plan)),
        Format::Svg => svg::svg(plan),
    }
}

/// A text in a picture: escaped, and not longer than a reader takes in.
pub(super) fn label(text: &str, chars: usize) -> String {
    clip(&escape_controls(text), chars).into_owned()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
