//! The parsed form of an expression: our own, small, and made to be kept.

use std::ops::Range;

use super::pattern::Pattern;
use super::vocabulary::{Filter, Function, Test};
use crate::model::Value;

/// A node and its place in the source.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// What a node is.
#[derive(Debug)]
pub(super) enum Kind {
    /// A value that is written out.
    Const(Value),
    /// A name and the fields behind it: `steps.status.output`.
    Path(Vec<String>),
    /// A field of something that is not just a name: `rows[0].id`.
    Field(Box<Node>, String),
    /// An item by its position, or a field by a computed name.
    Index(Box<Node>, Box<Node>),
    /// Part of a list or a text.
    Slice(Box<Slice>),
    /// `not a`
    Not(Box<Node>),
    /// `-a`
    Neg(Box<Node>),
    /// `a and b`
    And(Box<Node>, Box<Node>),
    /// `a or b`
    Or(Box<Node>, Box<Node>),
    /// Arithmetic, and `~`.
    Binary(Binary, Box<Node>, Box<Node>),
    /// `a < b`, `a in b`, and chains of them: `1 < x <= 5`.
    Compare(Box<Node>, Vec<(Comparison, Node)>),
    /// `a if c else b`
    If(Box<Choice>),
    /// `a | filter(…)`
    Filter(Box<Filtered>),
    /// `a is test(…)`
    Test(Box<Node>, Test, Option<Box<Node>>),
    /// `duration('10m')`
    Call(Function, Vec<Node>),
    /// `[a, b]`
    List(Vec<Node>),
    /// `{'name': a}`
    Map(Vec<(String, Node)>),
}

/// Part of a list or a text.
#[derive(Debug)]
pub(super) struct Slice {
    pub(super) of: Node,
    pub(super) start: Option<Node>,
    pub(super) stop: Option<Node>,
}

/// One of two, by a condition.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) condition: Node,
    pub(super) yes: Node,
    pub(super) no: Node,
}

/// A filter with what it is applied to.
#[derive(Debug)]
pub(super) struct Filtered {
    pub(super) filter: Filter,
    pub(super) input: Node,
    /// One slot for each parameter of the filter's signature.
    pub(super) args: Vec<Option<Node>>,
    /// The `attribute` parameter, always written out: `lag` or `output.lag`.
    pub(super) attribute: Option<Vec<String>>,
    /// The `test` parameter of the selecting filters, always written out.
    pub(super) test: Option<Test>,
    /// The `pattern` parameter, always written out.
    pub(super) pattern: Option<Pattern>,
}

/// The operators that make a new value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Rem,
    Pow,
    Concat,
}

impl Binary {
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::FloorDiv => "//",
            Self::Rem => "%",
            Self::Pow => "**",
            Self::Concat => "~",
        }
    }
}

/// The operators that give a boolean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
}

impl Node {
    /// The nodes directly below this one, in the order of the source.
    pub(super) fn children(&self) -> Vec<&Node> {
        match &self.kind {
            Kind::Const(_) | Kind::Path(_) => Vec::new(),
            Kind::Field(of, _) => vec![of],
            Kind::Not(of) | Kind::Neg(of) => vec![of],
            Kind::Index(a, b) | Kind::And(a, b) | Kind::Or(a, b) => vec![a, b],
            Kind::Binary(_, a, b) => vec![a, b],
            Kind::Slice(slice) => [Some(&slice.of), slice.start.as_ref(), slice.stop.as_ref()]
                .into_iter()
                .flatten()
                .collect(),
            Kind::Compare(first, rest) => std::iter::once(&**first)
                .chain(rest.iter().map(|(_, node)| node))
                .collect(),
            Kind::If(choice) => vec![&choice.yes, &choice.condition, &choice.no],
            Kind::Filter(filtered) => std::iter::once(&filtered.input)
                .chain(filtered.args.iter().flatten())
                .collect(),
            Kind::Test(of, _, arg) => std::iter::once(&**of).chain(arg.as_deref()).collect(),
            Kind::Call(_, args) | Kind::List(args) => args.iter().collect(),
            Kind::Map(entries) => entries.iter().map(|(_, node)| node).collect(),
        }
    }

    /// This node and all below it, in the order of the source.
    pub(super) fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Node)) {
        visit(self);
        for child in self.children() {
            child.walk(visit);
        }
    }

    /// Whether this is a name with nothing but fields and written-out positions behind it.
    pub(super) fn is_access(&self) -> bool {
        match &self.kind {
            Kind::Path(_) => true,
            Kind::Field(of, _) => of.is_access(),
            Kind::Index(of, index) => of.is_access() && matches!(index.kind, Kind::Const(_)),
            _ => false,
        }
    }
}

/// A path as a person writes it.
pub(super) fn show_path(path: &[impl AsRef<str>]) -> String {
    let mut text = String::new();
    for segment in path {
        let segment = segment.as_ref();
        let plain = segment
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_');
        match (plain, text.is_empty()) {
            (true, true) => text.push_str(segment),
            (true, false) => {
                text.push('.');
                text.push_str(segment);
            }
            (false, _) => {
                let shown = crate::model::text::escape_controls(segment);
                text.push_str(&format!("['{shown}']"));
            }
        }
    }
    text
}
