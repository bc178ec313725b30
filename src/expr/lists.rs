//! The filters on lists.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashSet;

use super::access::item;
use super::ast::{Comparison, Filtered, show_path};
use super::compare;
use super::error::{ExprError, ExprErrorKind};
use super::eval::{Evaluator, Val, made};
use super::limits::ITEM_BYTES;
use super::names::NameError;
use super::secrets::{self, Misuse};
use super::vocabulary::{Filter, Test};
use crate::model::Value;

impl<'a> Evaluator<'a> {
    pub(super) fn list_filter(
        &self,
        filtered: &'a Filtered,
        value: Val<'a>,
    ) -> Result<Val<'a>, ExprError> {
        let items = match value.as_ref() {
            Value::List(items) => items.as_slice(),
            Value::Str(text) if filtered.filter == Filter::Reverse => {
                self.budget.text(text.len())?;
                return Ok(made(text.chars().rev().collect::<String>()));
            }
            other => return Err(self.refuse(filtered, other, "a list")),
        };
        self.budget.spend(items.len())?;
        match filtered.filter {
            Filter::List => Ok(value),
            Filter::First if !items.is_empty() => Ok(item(value, 0)),
            Filter::Last if !items.is_empty() => {
                let last = items.len() - 1;
                Ok(item(value, last))
            }
            Filter::Min | Filter::Max if !items.is_empty() => {
                let place = self.extreme(filtered, items)?;
                Ok(item(value, place))
            }
            Filter::First | Filter::Last | Filter::Min | Filter::Max => Err(ExprError::new(
                ExprErrorKind::Name,
                format!(
                    "`{}` is empty: it has no {}",
                    self.label(&filtered.input),
                    filtered.filter.name()
                ),
            )
            .hint("say what counts then: `… | default(…)`")),
            Filter::Join => self.join(filtered, items),
            Filter::Sum => self.sum(filtered, items),
            Filter::Map => self.map(filtered, items),
            Filter::Select | Filter::Reject => self.select(filtered, items),
            Filter::Sort => self.sort(filtered, items),
            Filter::Unique => self.unique(filtered, items),
            Filter::Reverse => {
                self.budget.copy(&value)?;
                Ok(made(items.iter().rev().cloned().collect::<Vec<_>>()))
            }
            _ => Err(self.refuse(filtered, &value, "something else")),
        }
    }

    /// The attribute that a filter looks at, or the item itself.
    fn attribute<'v>(
        &self,
        filtered: &Filtered,
        place: usize,
        item: &'v Value,
    ) -> Result<&'v Value, ExprError> {
        let mut value = item;
        let path = filtered.attribute.as_deref().unwrap_or_default();
        for (at, name) in path.iter().enumerate() {
            let list = self.label(&filtered.input);
            let of = match show_path(&path[..at]) {
                behind if behind.is_empty() => format!("item {place} of `{list}`"),
                behind => format!("`{behind}` of item {place} of `{list}`"),
            };
            let Value::Map(map) = value else {
                let kind = super::shown::with_article(value.kind());
                return Err(ExprError::ty(format!(
                    "{of} is {kind}, so it has no field `{name}`"
                )));
            };
            let known = map.keys().map(String::as_str);
            value = map
                .get(name)
                .ok_or_else(|| ExprError::name(NameError::field(&of, name, known)))?;
        }
        Ok(value)
    }

    fn keys<'v>(
        &self,
        filtered: &Filtered,
        items: &'v [Value],
    ) -> Result<Vec<&'v Value>, ExprError> {
        items
            .iter()
            .enumerate()
            .map(|(place, item)| self.attribute(filtered, place, item))
            .collect()
    }

    fn join(&self, filtered: &'a Filtered, items: &[Value]) -> Result<Val<'a>, ExprError> {
        let separator = match filtered.args.first().and_then(Option::as_ref) {
            Some(node) => self.text(node)?,
            None => String::new(),
        };
        let mut text = String::new();
        for (place, item) in items.iter().enumerate() {
            let item = self.attribute(filtered, place, item)?;
            if item.is_none() {
                let list = self.label(&filtered.input);
                return Err(ExprError::ty(format!("item {place} of `{list}` is none")));
            }
            if place > 0 {
                text.push_str(&separator);
            }
            secrets::refuse(item, Misuse::Text)?;
            let piece = item.to_string();
            self.budget.text(piece.len() + separator.len())?;
            text.push_str(&piece);
        }
        self.budget.text(text.len())?;
        Ok(made(text))
    }

    fn sum(&self, filtered: &'a Filtered, items: &[Value]) -> Result<Val<'a>, ExprError> {
        let secret = self.is_secret(&filtered.input);
        let mut total: Option<Value> = None;
        for key in self.keys(filtered, items)? {
            total = Some(match (total, key) {
                (None, Value::Int(_) | Value::Float(_) | Value::Duration(_) | Value::Size(_)) => {
                    key.clone()
                }
                (None, other) => {
                    return Err(self.refuse(filtered, other, "numbers, durations or sizes"));
                }
                (Some(total), _) => self.plus(&total, key, secret)?,
            });
        }
        Ok(Cow::Owned(total.unwrap_or(Value::Int(0))))
    }

    fn map(&self, filtered: &'a Filtered, items: &[Value]) -> Result<Val<'a>, ExprError> {
        // The parameters are `attribute` and `default`; the first was taken out by parsing.
        let default = match filtered.args.get(1).and_then(Option::as_ref) {
            Some(node) => Some(self.eval(node)?),
            None => None,
        };
        let mut out = Vec::with_capacity(items.len().min(1024));
        for (place, item) in items.iter().enumerate() {
            let value = match (self.attribute(filtered, place, item), &default) {
                (Ok(Value::None), Some(default)) => default.as_ref(),
                (Err(error), Some(default)) if error.kind == ExprErrorKind::Name => {
                    default.as_ref()
                }
                (found, _) => found?,
            };
            self.budget.copy(value)?;
            out.push(value.clone());
        }
        Ok(made(out))
    }

    fn select(&self, filtered: &'a Filtered, items: &[Value]) -> Result<Val<'a>, ExprError> {
        let node = filtered.args.last().and_then(Option::as_ref);
        let arg = node.map(|node| self.eval(node)).transpose()?;
        let arg = node.zip(arg.as_deref());
        let wanted = filtered.filter == Filter::Select;
        let mut out = Vec::new();
        for (place, item) in items.iter().enumerate() {
            let found = self.attribute(filtered, place, item);
            let holds = match (filtered.test, found) {
                (Some(Test::Defined), found) => present(found)?,
                (Some(Test::Undefined), found) => !present(found)?,
                (Some(test), found) => self.holds(test, &filtered.input, found?, arg)?,
                (None, found) => match found? {
                    Value::Bool(b) => *b,
                    other => return Err(self.refuse(filtered, other, "a true or false attribute")),
                },
            };
            if holds == wanted {
                self.budget.copy(item)?;
                out.push(item.clone());
            }
        }
        Ok(made(out))
    }

    /// All keys must have an order among one another: a comparator that fails midway has none.
    fn ordered<'v>(
        &self,
        filtered: &'a Filtered,
        items: &'v [Value],
    ) -> Result<Vec<&'v Value>, ExprError> {
        let keys = self.keys(filtered, items)?;
        let log = usize::try_from(keys.len().checked_ilog2().unwrap_or(0)).unwrap_or(64);
        self.budget.spend(keys.len().saturating_mul(log + 1))?;
        if let Some(first) = keys.first()
            && let Some(other) = keys.iter().find(|key| !compare::sortable(first, key))
        {
            let trouble = match first.kind() == other.kind() {
                true => compare::Trouble::Unordered,
                false => compare::Trouble::Types,
            };
            let secret = [first, other].into_iter().find_map(|key| key.secret());
            let trouble = secret.map_or(trouble, |secret| compare::Trouble::Secret(secret.clone()));
            let node = &filtered.input;
            return Err(self.incomparable(trouble, Comparison::Lt, (node, first), (node, other)));
        }
        Ok(keys)
    }

    fn extreme(&self, filtered: &'a Filtered, items: &[Value]) -> Result<usize, ExprError> {
        let keys = self.ordered(filtered, items)?;
        let wanted = match filtered.filter {
            Filter::Min => Ordering::Less,
            _ => Ordering::Greater,
        };
        let mut best = 0;
        for (place, key) in keys.iter().enumerate() {
            // Of several equal ones the first counts.
            if compare::order(key, keys[best]).is_ok_and(|order| order == wanted) {
                best = place;
            }
        }
        Ok(best)
    }

    fn sort(&self, filtered: &'a Filtered, items: &[Value]) -> Result<Val<'a>, ExprError> {
        let reverse = match filtered.args.last().and_then(Option::as_ref) {
            Some(node) => self.boolean(node)?,
            None => false,
        };
        let keys = self.ordered(filtered, items)?;
        let mut pairs: Vec<(&Value, &Value)> = keys.into_iter().zip(items).collect();
        pairs.sort_by(|(a, _), (b, _)| {
            let order = compare::order(a, b).unwrap_or(Ordering::Equal);
            if reverse { order.reverse() } else { order }
        });
        for item in items {
            self.budget.copy(item)?;
        }
        let sorted: Vec<Value> = pairs.into_iter().map(|(_, item)| item.clone()).collect();
        Ok(made(sorted))
    }

    fn unique(&self, filtered: &'a Filtered, items: &[Value]) -> Result<Val<'a>, ExprError> {
        let keys = self.keys(filtered, items)?;
        let mut seen = HashSet::new();
        let mut out = Vec::new();
        for (key, item) in keys.into_iter().zip(items) {
            secrets::refuse(key, Misuse::Compared)?;
            self.budget.copy(key)?;
            let key = match key {
                // 1 and 1.0 are equal, and read alike.
                Value::Int(_) | Value::Float(_) => format!("number {key}"),
                other => format!("{} {other}", other.kind()),
            };
            self.budget.produce(ITEM_BYTES)?;
            if seen.insert(key) {
                self.budget.copy(item)?;
                out.push(item.clone());
            }
        }
        Ok(made(out))
    }
}

/// Whether an attribute is there and not none.
fn present(found: Result<&Value, ExprError>) -> Result<bool, ExprError> {
    match found {
        Ok(value) => Ok(!value.is_none()),
        Err(error) if error.kind == ExprErrorKind::Name => Ok(false),
        Err(error) => Err(error),
    }
}
