//! The arguments of one act, read as what they are.

use crate::model::{Duration, Map, Value};

use super::operation::No;

/// The arguments of one act, by their name in expressions (`to_replica`).
pub(super) struct Args<'a>(pub(super) &'a Map);

impl Args<'_> {
    /// A text; an empty one counts as not given.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::None => None,
            value => Some(value.to_string()).filter(|text| !text.is_empty()),
        }
    }

    /// A text that has to be there.
    pub(super) fn needed(&self, name: &str) -> Result<String, No> {
        self.text(name)
            .ok_or_else(|| No::refused(format!("`{name}` is missing")))
    }

    /// A number, or the given one.
    pub(super) fn number(&self, name: &str, default: f64) -> f64 {
        match self.0.get(name) {
            Some(Value::Int(n)) => *n as f64,
            Some(Value::Float(n)) => *n,
            Some(Value::Str(text)) => text.parse().unwrap_or(default),
            _ => default,
        }
    }

    /// A count that has to be there.
    pub(super) fn count(&self, name: &str) -> Result<u32, No> {
        let count = self.number(name, -1.0);
        if count.fract() == 0.0 && (0.0..=1_000_000.0).contains(&count) {
            Ok(count as u32)
        } else {
            Err(No::refused(format!("`{name}` has to be a whole number")))
        }
    }

    /// True, false, or the given one.
    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        match self.0.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::Str(text)) => text == "true",
            _ => default,
        }
    }

    /// A length of time, or so many minutes.
    pub(super) fn time(&self, name: &str, minutes: u64) -> Duration {
        match self.0.get(name) {
            Some(Value::Duration(duration)) => Some(*duration),
            Some(Value::Str(text)) => text.parse().ok(),
            _ => None,
        }
        .unwrap_or(Duration::from_secs(minutes * 60))
    }

    /// Several texts; one alone is a list of one.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        match self.0.get(name) {
            None | Some(Value::None) => Vec::new(),
            Some(Value::List(items)) => items.iter().map(Value::to_string).collect(),
            Some(value) => vec![value.to_string()],
        }
    }

    /// Several texts, or none where nothing was given: an empty list is something.
    pub(super) fn asked(&self, name: &str) -> Option<Vec<String>> {
        let given = self.0.get(name).is_some_and(|value| !value.is_none());
        given.then(|| self.list(name))
    }

    /// A field of an object.
    pub(super) fn field(&self, name: &str, field: &str) -> Option<String> {
        self.0.get(name)?.get(field).map(Value::to_string)
    }
}
