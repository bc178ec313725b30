//! An expression: `steps.status.output.lag < duration('10s')`.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::ast::{Kind, Node};
use super::check::Checker;
use super::error::ExprError;
use super::eval::Evaluator;
use super::limits::Budget;
use super::names::{Names, TypeNames};
use super::parse;
use crate::model::{Shape, Value};

/// A name that an expression mentions, with its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Its segments: `["steps", "status", "output", "state"]`.
    pub path: Vec<String>,
    /// Where, in bytes of the source.
    pub span: Range<usize>,
}

/// A parsed expression. Cheap to clone; equal where the source is equal.
#[derive(Clone)]
pub struct Expression(Arc<Inner>);

struct Inner {
    source: String,
    node: Node,
    references: Vec<Reference>,
}

impl Expression {
    /// Reads an expression as it stands in `if`, `until`, `expect`: without `{{ }}`.
    ///
    /// # Errors
    ///
    /// Whatever the grammar, the vocabulary of filters and functions, or [`super::limits`] refuse.
    pub fn parse(source: &str) -> Result<Self, ExprError> {
        if let Some(place) = source.find("{{").or_else(|| source.find("{%")) {
            let error =
                ExprError::syntax("an expression is written without {{ }}").at(&(place..place + 2));
            let inside = source.trim();
            let lone = inside
                .strip_prefix("{{")
                .and_then(|rest| rest.strip_suffix("}}"));
            return Err(match lone {
                Some(lone) => error.hint(format!(
                    "write `{}`",
                    crate::model::text::escape_controls(lone.trim())
                )),
                None => error.hint("texts are put together with `~`: 'db-' ~ params.cluster"),
            });
        }
        Self::inside(source)
    }

    /// Reads the inside of a `{{ }}`, where a text may hold braces.
    pub(super) fn inside(source: &str) -> Result<Self, ExprError> {
        let node = parse::parse(source)?;
        let mut references = Vec::new();
        node.walk(&mut |node| {
            if let Kind::Path(path) = &node.kind {
                references.push(Reference {
                    path: path.clone(),
                    span: node.span.clone(),
                });
            }
        });
        Ok(Self(Arc::new(Inner {
            source: source.to_owned(),
            node,
            references,
        })))
    }

    /// The source, as it was written.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Every name that is mentioned, in the order of the source, as often as it is.
    pub fn references(&self) -> &[Reference] {
        &self.0.references
    }

    /// The value, where the expression is nothing but one that is written out.
    pub fn as_constant(&self) -> Option<&Value> {
        match &self.node().kind {
            Kind::Const(value) => Some(value),
            _ => None,
        }
    }

    /// The type of the result, or everything that is wrong.
    ///
    /// A text that is written out is a [`Shape::Choice`] of one, and a conditional of texts a
    /// choice of several, so that they can be held against the choices of an answer.
    ///
    /// # Errors
    ///
    /// Names that are not there, types that do not go together, choices that do not exist.
    pub fn check(&self, names: &dyn TypeNames) -> Result<Shape, Vec<ExprError>> {
        let mut checker = Checker::new(names, self.source());
        let shape = checker.shape(self.node());
        checker.finish(shape)
    }

    /// The same, for an expression that decides: its result must be a boolean.
    ///
    /// # Errors
    ///
    /// As [`Expression::check`]; also where the result is known to be no boolean.
    pub fn check_bool(&self, names: &dyn TypeNames) -> Result<(), Vec<ExprError>> {
        let mut checker = Checker::new(names, self.source());
        checker.boolean(self.node());
        checker.finish(Shape::Boolean).map(|_| ())
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// One error, with its place: a name without a value, a type or a value that does not belong,
    /// or a bound of [`super::limits`].
    pub fn eval(&self, names: &dyn Names) -> Result<Value, ExprError> {
        let budget = Budget::new();
        let evaluator = Evaluator::new(names, self.source(), &budget);
        evaluator.owned(self.node())
    }

    /// The value of an expression that decides.
    ///
    /// # Errors
    ///
    /// As [`Expression::eval`]; also where the value is no boolean.
    pub fn eval_bool(&self, names: &dyn Names) -> Result<bool, ExprError> {
        let budget = Budget::new();
        Evaluator::new(names, self.source(), &budget).boolean(self.node())
    }

    /// Each name that is mentioned, with its value where it has one: for a failed expectation.
    /// Labels are the source's own words (`output.replicas[0].lag`); secrets are left out.
    pub fn explain(&self, names: &dyn Names) -> Vec<(String, Value)> {
        let budget = Budget::new();
        Evaluator::new(names, self.source(), &budget).explain(self.node())
    }

    /// The value, where there is one and it may be shown.
    pub(super) fn show(&self, names: &dyn Names) -> Option<Value> {
        let budget = Budget::new();
        let evaluator = Evaluator::new(names, self.source(), &budget);
        if evaluator.is_secret(self.node()) {
            return None;
        }
        evaluator.owned(self.node()).ok()
    }

    pub(super) fn node(&self) -> &Node {
        &self.0.node
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

impl Eq for Expression {}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({:?})", self.source())
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source())
    }
}

impl std::str::FromStr for Expression {
    type Err = ExprError;

    fn from_str(source: &str) -> Result<Self, ExprError> {
        Self::parse(source)
    }
}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.source())
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Self::parse(&source).map_err(de::Error::custom)
    }
}
