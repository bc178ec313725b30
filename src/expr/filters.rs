//! The filters on single values: numbers, texts, objects. Those on lists live next door.

use std::borrow::Cow;

use super::arithmetic;
use super::ast::{Filtered, Kind, Node};
use super::error::{ExprError, ExprErrorKind};
use super::eval::{Evaluator, Val, made};
use super::limits::ITEM_BYTES;
use super::secrets::{self, Misuse};
use super::shown;
use super::vocabulary::Filter;
use crate::model::Value;

impl<'a> Evaluator<'a> {
    /// `input | filter(…)`
    pub(super) fn filter(&self, filtered: &'a Filtered) -> Result<Val<'a>, ExprError> {
        let input = &filtered.input;
        if filtered.filter == Filter::Default {
            return self.or_default(input, filtered.args.first());
        }
        let value = self.eval(input)?;
        match filtered.filter {
            Filter::Abs => match value.as_ref() {
                Value::Int(n) => n
                    .checked_abs()
                    .map(made)
                    .ok_or_else(|| ExprError::value(format!("abs({n}) is too large"))),
                Value::Float(n) => Ok(Cow::Owned(Value::Float(n.abs()))),
                _ => Err(self.refuse(filtered, &value, "a number")),
            },
            Filter::Int => self.int(filtered, &value),
            Filter::Float => self.float(filtered, &value),
            Filter::Round => self.round(filtered, value),
            Filter::Lower => self.recase(filtered, &value, str::to_lowercase),
            Filter::Upper => self.recase(filtered, &value, str::to_uppercase),
            Filter::Trim => self.recase(filtered, &value, |text| text.trim().to_owned()),
            Filter::Replace => self.replace(filtered, &value),
            Filter::Split => self.split(filtered, &value),
            Filter::String => match value {
                Cow::Borrowed(Value::Str(_)) | Cow::Owned(Value::Str(_)) => Ok(value),
                _ if value.is_none() => Err(self.refuse(filtered, &value, "a value")),
                _ => self.text_of(&value).map(made),
            },
            Filter::ToJson => {
                secrets::refuse(&value, Misuse::Text)?;
                self.budget.copy(&value)?;
                let text = value.to_plain().to_string();
                self.budget.text(text.len())?;
                Ok(made(text))
            }
            Filter::Length => match value.as_ref() {
                Value::List(items) => count(items.len()),
                Value::Map(map) => count(map.len()),
                Value::Str(text) => {
                    self.budget.spend(text.len() / 64)?;
                    count(text.chars().count())
                }
                _ => Err(self.refuse(filtered, &value, "a list, an object or a text")),
            },
            Filter::Captures => match (value.as_ref(), &filtered.pattern) {
                (Value::Str(text), Some(pattern)) => {
                    pattern.matches(text, self.budget).map(Cow::Owned)
                }
                _ => Err(self.refuse(filtered, &value, "a text")),
            },
            Filter::Keys | Filter::Values | Filter::Items => self.entries(filtered, &value),
            _ => self.list_filter(filtered, value),
        }
    }

    /// `a | default(b)`: `b` where `a` is none, or a field or item that is not there, or of a step
    /// that has no output. Not where its value is merely not known yet.
    fn or_default(
        &self,
        input: &'a Node,
        default: Option<&'a Option<Node>>,
    ) -> Result<Val<'a>, ExprError> {
        let value = match self.eval(input) {
            Ok(value) if !value.is_none() => return Ok(value),
            Err(error) if !is_absence(&error, input) => return Err(error),
            other => other,
        };
        match default.and_then(Option::as_ref) {
            Some(default) => self.eval(default),
            None => value,
        }
    }

    fn int(&self, filtered: &'a Filtered, value: &Value) -> Result<Val<'a>, ExprError> {
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        match value {
            Value::Int(n) => Ok(made(*n)),
            Value::Float(n) if (-LIMIT..LIMIT).contains(&n.trunc()) => Ok(made(n.trunc() as i64)),
            Value::Float(_) => {
                let shown = self.show(&filtered.input, value);
                Err(ExprError::value(format!(
                    "{shown} is too large for an integer"
                )))
            }
            Value::Str(text) => text
                .trim()
                .parse()
                .map(|n: i64| made(n))
                .map_err(|_| self.unreadable(filtered, value, "a whole number")),
            _ => Err(self.refuse(filtered, value, "a number or a text")),
        }
    }

    fn float(&self, filtered: &'a Filtered, value: &Value) -> Result<Val<'a>, ExprError> {
        match value {
            Value::Int(n) => Ok(Cow::Owned(Value::Float(*n as f64))),
            Value::Float(n) => Ok(Cow::Owned(Value::Float(*n))),
            Value::Str(text) => match text.trim().parse::<f64>() {
                Ok(n) if n.is_finite() => Ok(Cow::Owned(Value::Float(n))),
                _ => Err(self.unreadable(filtered, value, "a number")),
            },
            _ => Err(self.refuse(filtered, value, "a number or a text")),
        }
    }

    /// Without a precision the result is a whole number.
    fn round(&self, filtered: &'a Filtered, value: Val<'a>) -> Result<Val<'a>, ExprError> {
        let slot = |n: usize| filtered.args.get(n).and_then(Option::as_ref);
        let precision = slot(0).map(|node| self.integer(node)).transpose()?;
        let method = slot(1).map(|node| self.text(node)).transpose()?;
        let by: fn(f64) -> f64 = match method.as_deref() {
            None | Some("common") => f64::round,
            Some("ceil") => f64::ceil,
            Some("floor") => f64::floor,
            Some(_) => {
                return Err(ExprError::value(
                    "`round` knows the methods 'common', 'ceil' and 'floor'",
                ));
            }
        };
        match (value.as_ref(), precision) {
            (Value::Int(_), _) => Ok(value),
            (Value::Float(n), None) => self.int(filtered, &Value::Float(by(*n))),
            (Value::Float(n), Some(digits @ 0..=15)) => {
                let scale = 10f64.powi(i32::try_from(digits).unwrap_or(0));
                let scaled = n * scale;
                // A number too large to scale has no digits behind its point.
                let rounded = if scaled.is_finite() {
                    by(scaled) / scale
                } else {
                    *n
                };
                Ok(Cow::Owned(Value::Float(rounded)))
            }
            (Value::Float(_), Some(_)) => {
                Err(ExprError::value("`round` takes a precision from 0 to 15"))
            }
            _ => Err(self.refuse(filtered, &value, "a number")),
        }
    }

    fn recase(
        &self,
        filtered: &'a Filtered,
        value: &Value,
        change: impl Fn(&str) -> String,
    ) -> Result<Val<'a>, ExprError> {
        match value {
            Value::Str(text) => {
                self.budget.text(text.len())?;
                Ok(made(change(text)))
            }
            _ => Err(self.refuse(filtered, value, "a text")),
        }
    }

    fn replace(&self, filtered: &'a Filtered, value: &Value) -> Result<Val<'a>, ExprError> {
        let (Value::Str(text), [Some(old), Some(new)]) = (value, filtered.args.as_slice()) else {
            return Err(self.refuse(filtered, value, "a text"));
        };
        let (old, new) = (self.text(old)?, self.text(new)?);
        if old.is_empty() {
            return Err(ExprError::value("`replace` has nothing to look for"));
        }
        let times = text.matches(old.as_str()).count();
        let grown = times.saturating_mul(new.len());
        self.budget.text(text.len().saturating_add(grown))?;
        Ok(made(text.replace(old.as_str(), &new)))
    }

    fn split(&self, filtered: &'a Filtered, value: &Value) -> Result<Val<'a>, ExprError> {
        let (Value::Str(text), [Some(separator)]) = (value, filtered.args.as_slice()) else {
            return Err(self.refuse(filtered, value, "a text"));
        };
        let separator = self.text(separator)?;
        if separator.is_empty() {
            return Err(ExprError::value("`split` has nothing to split at"));
        }
        let pieces = text.matches(separator.as_str()).count() + 1;
        self.budget.spend(pieces)?;
        self.budget.produce(text.len() + pieces * ITEM_BYTES)?;
        let pieces: Vec<Value> = text.split(separator.as_str()).map(Value::from).collect();
        Ok(made(pieces))
    }

    fn entries(&self, filtered: &'a Filtered, value: &Value) -> Result<Val<'a>, ExprError> {
        let Value::Map(map) = value else {
            return Err(self.refuse(filtered, value, "an object"));
        };
        self.budget.copy(value)?;
        self.budget.produce(map.len() * ITEM_BYTES)?;
        let entry = |(name, value): (&String, &Value)| match filtered.filter {
            Filter::Keys => Value::from(name.as_str()),
            Filter::Values => value.clone(),
            _ => Value::List(vec![Value::from(name.as_str()), value.clone()]),
        };
        Ok(made(map.iter().map(entry).collect::<Vec<_>>()))
    }

    /// The value of an argument that must be a text.
    pub(super) fn text(&self, node: &'a Node) -> Result<String, ExprError> {
        let value = self.eval(node)?;
        match value.as_ref() {
            Value::Str(text) => {
                self.budget.text(text.len())?;
                Ok(text.clone())
            }
            other => Err(ExprError::ty(format!(
                "expected a text, found {}",
                self.show(node, other)
            ))
            .at(&node.span)),
        }
    }

    /// A value of a type that a filter does not take.
    pub(super) fn refuse(&self, filtered: &Filtered, value: &Value, takes: &str) -> ExprError {
        let error = ExprError::ty(format!(
            "`{}` takes {takes}, not {}",
            filtered.filter.name(),
            self.show(&filtered.input, value)
        ));
        match (value, filtered.filter) {
            (Value::None, _) => error.hint("say what counts then: `… | default(…)`"),
            (Value::Duration(_), Filter::Int | Filter::Float | Filter::Round) => {
                error.hint("divide it to count seconds: `… / duration('1s')`")
            }
            (Value::Size(_), Filter::Int | Filter::Float | Filter::Round) => {
                error.hint("divide it to count: `… / size('1 MiB')`")
            }
            _ => error,
        }
    }

    fn unreadable(&self, filtered: &Filtered, value: &Value, as_what: &str) -> ExprError {
        let shown = self.show(&filtered.input, value);
        ExprError::value(format!("{shown} is not {as_what}"))
    }

    /// The sum of two values of a list.
    pub(super) fn plus(&self, a: &Value, b: &Value, secret: bool) -> Result<Value, ExprError> {
        arithmetic::apply(super::ast::Binary::Add, a, b).map_err(|trouble| {
            let (a, b) = match secret {
                true => (a.kind().to_owned(), b.kind().to_owned()),
                false => (shown::value(a), shown::value(b)),
            };
            match trouble {
                arithmetic::Trouble::Types(_) => ExprError::ty(format!("cannot add {a} and {b}")),
                arithmetic::Trouble::Value(why) => ExprError::value(format!("{a} + {b} {why}")),
            }
        })
    }
}

fn count<'a>(n: usize) -> Result<Val<'a>, ExprError> {
    i64::try_from(n)
        .map(made)
        .map_err(|_| ExprError::value("there are too many to count"))
}

/// Whether an error says that this very thing is not there, and not something that it works with:
/// the misspelt name in `(a < b.typo) | default(true)` stays an error.
pub(super) fn is_absence(error: &ExprError, of: &Node) -> bool {
    let of_that_kind = matches!(error.kind, ExprErrorKind::Name | ExprErrorKind::Unavailable);
    let mut next = Some(of).filter(|_| of_that_kind);
    while let Some(node) = next {
        let (can_lack, inner) = match &node.kind {
            Kind::Path(_) => (true, None),
            Kind::Field(of, _) | Kind::Index(of, _) => (true, Some(&**of)),
            Kind::Filter(filtered) => (
                matches!(
                    filtered.filter,
                    Filter::First | Filter::Last | Filter::Min | Filter::Max
                ),
                Some(&filtered.input),
            ),
            _ => (false, None),
        };
        if can_lack && error.span.as_ref() == Some(&node.span) {
            return true;
        }
        next = inner;
    }
    false
}
