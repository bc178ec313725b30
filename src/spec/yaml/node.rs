//! The tree that a file is read into.

use crate::spec::source::Span;

/// A scalar, a list or a mapping, and where it is written.
#[derive(Clone, Debug)]
pub struct Node {
    /// From its first to its last byte; quotes and brackets are part of it.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A text, number, boolean or nothing: not decided here.
    Scalar(Scalar),
    /// A list.
    Seq(Vec<Node>),
    /// A mapping, in the order in which it is written; no key occurs twice.
    Map(Vec<(Key, Node)>),
}

/// A scalar.
#[derive(Clone, Debug)]
pub struct Scalar {
    /// Its text, quotes and escapes resolved.
    pub text: String,
    /// Whether it stands there without quotes, so that it may be more than a text.
    pub plain: bool,
}

/// The key of an entry.
#[derive(Clone, Debug)]
pub struct Key {
    /// The key.
    pub text: String,
    /// Where it is written.
    pub span: Span,
}

impl Scalar {
    /// Whether this is YAML's null: nothing at all, `~` or `null`.
    pub fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}

impl Node {
    /// The scalar, where this is one that is not null.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) if !scalar.is_null() => Some(scalar),
            _ => None,
        }
    }

    /// The text of a scalar that is not null.
    pub fn text(&self) -> Option<&str> {
        self.scalar().map(|scalar| scalar.text.as_str())
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(scalar) if scalar.is_null())
    }

    /// The items of a list.
    pub fn items(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::Seq(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a mapping.
    pub fn entries(&self) -> Option<&[(Key, Node)]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()?
            .iter()
            .find(|(k, _)| k.text == key)
            .map(|(_, node)| node)
    }
}
