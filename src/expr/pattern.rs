//! Regular expressions: what `captures` looks for in a text.
//!
//! Matching takes time in proportion to the text times the pattern, whatever either is: there is
//! no backtracking.

use regex_lite::{Regex, RegexBuilder};

use super::error::ExprError;
use super::limits::{Budget, ITEM_BYTES};
use crate::model::{Field, Fields, Map, Shape, Value};

/// How large a compiled pattern may be, in bytes: a repetition of repetitions grows fast, and each
/// byte of a text costs at most a step for each of its parts.
const MAX_COMPILED: usize = 16 << 10;

/// A regular expression whose named groups are what is wanted.
#[derive(Debug)]
pub(super) struct Pattern(Regex);

impl Pattern {
    /// Reads a pattern.
    pub(super) fn parse(source: &str) -> Result<Self, ExprError> {
        let regex = RegexBuilder::new(source)
            .size_limit(MAX_COMPILED)
            .build()
            .map_err(|e| ExprError::syntax(format!("the regular expression: {e}")))?;
        if regex.capture_names().flatten().next().is_none() {
            let error = ExprError::syntax("the regular expression has no named group");
            return Err(error.hint("name what you want of it: `(?<version>[0-9.]+)`"));
        }
        Ok(Self(regex))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.capture_names().flatten()
    }

    /// What one match is: an object with a text for each group.
    pub(super) fn shape(&self) -> Shape {
        let field = |name: &str| {
            let field = Field {
                shape: Shape::String,
                optional: false,
            };
            (name.to_owned(), field)
        };
        Shape::object(self.names().map(field).collect::<Fields>())
    }

    /// All matches in a text, from its beginning. A group that took no part in one is empty.
    pub(super) fn matches(&self, text: &str, budget: &Budget) -> Result<Value, ExprError> {
        budget.spend(text.len())?;
        let mut found = Vec::new();
        for captures in self.0.captures_iter(text) {
            let mut groups = Map::new();
            for name in self.names() {
                let group = captures.name(name).map_or("", |group| group.as_str());
                budget.produce(group.len() + name.len() + ITEM_BYTES)?;
                groups.insert(name.to_owned(), group.into());
            }
            budget.spend(1)?;
            budget.produce(ITEM_BYTES)?;
            found.push(Value::Map(groups));
        }
        Ok(Value::List(found))
    }
}
