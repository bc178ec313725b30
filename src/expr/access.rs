//! Names, their fields and items; and how values are named and shown in messages.

use std::borrow::Cow;

use super::ast::{Kind, Node, show_path};
use super::error::{ExprError, ExprErrorKind};
use super::eval::{Evaluator, Val};
use super::names::{Lookup, NameError};
use super::shown;
use crate::model::Value;
use crate::model::text::{clip, escape_controls};

impl<'a> Evaluator<'a> {
    /// What a path stands for: a name's value, and fields of it.
    pub(super) fn path(&self, path: &'a [String]) -> Result<Val<'a>, ExprError> {
        let segments: Vec<&str> = path.iter().map(String::as_str).collect();
        match self.names.get(&segments) {
            Lookup::Found { mut value, used } => {
                for at in used.max(1)..path.len() {
                    value = self.field(value, &path[at], &show_path(&path[..at]))?;
                }
                Ok(value)
            }
            Lookup::NotYet => Err(ExprError::new(
                ExprErrorKind::NotYet,
                format!("`{}` is not known yet", show_path(path)),
            )),
            Lookup::Unavailable { message, hint } => {
                let error = ExprError::new(ExprErrorKind::Unavailable, message);
                Err(match hint {
                    Some(hint) => error.hint(hint),
                    None => error,
                })
            }
            Lookup::Missing(error) => Err(ExprError::name(error)),
        }
    }

    /// A field of a value; `of` is what the value is called in messages.
    pub(super) fn field(&self, value: Val<'a>, name: &str, of: &str) -> Result<Val<'a>, ExprError> {
        let found = match value {
            Cow::Borrowed(Value::Map(map)) => map.get(name).map(Cow::Borrowed).ok_or(map.keys()),
            Cow::Owned(Value::Map(ref map)) if !map.contains_key(name) => Err(map.keys()),
            Cow::Owned(Value::Map(mut map)) => {
                return Ok(Cow::Owned(map.swap_remove(name).unwrap_or_default()));
            }
            Cow::Borrowed(Value::None) | Cow::Owned(Value::None) => {
                return Err(ExprError::new(
                    ExprErrorKind::Name,
                    format!(
                        "`{of}` is none, so it has no field `{}`",
                        escape_controls(name)
                    ),
                ));
            }
            ref other => return Err(no_fields(of, name, other.as_ref())),
        };
        found.map_err(|known| {
            let known = known.map(String::as_str);
            ExprError::name(NameError::field(&format!("`{of}`"), name, known))
        })
    }

    /// An item by its position, counted from the end where it is negative, or a field by a
    /// computed name.
    pub(super) fn index(&self, of: &'a Node, index: &'a Node) -> Result<Val<'a>, ExprError> {
        let value = self.eval(of)?;
        let at = self.eval(index)?;
        let label = self.label(of);
        match (value.as_ref(), at.as_ref()) {
            (Value::Map(_), Value::Str(name)) => self.field(value, name, &label),
            (Value::List(items), Value::Int(at)) => {
                let len = i64::try_from(items.len()).unwrap_or(i64::MAX);
                let place = if *at < 0 { at.saturating_add(len) } else { *at };
                match usize::try_from(place) {
                    Ok(place) if place < items.len() => Ok(item(value, place)),
                    _ => Err(ExprError::new(
                        ExprErrorKind::Name,
                        match len {
                            0 => format!("`{label}` is empty: it has no [{at}]"),
                            1 => format!("`{label}` has one item, [0]: it has no [{at}]"),
                            _ => format!(
                                "`{label}` has {len} items, [0] to [{}]: it has no [{at}]",
                                len - 1
                            ),
                        },
                    )),
                }
            }
            (found, at) => Err(ExprError::ty(format!(
                "cannot look up {} in {}",
                self.show(index, at),
                self.show(of, found)
            ))),
        }
    }

    /// Each name that is mentioned below a node, with its value where it has one.
    pub(super) fn explain(&self, node: &'a Node) -> Vec<(String, Value)> {
        let mut known: Vec<(String, Value)> = Vec::new();
        self.explain_into(node, &mut known);
        known
    }

    fn explain_into(&self, node: &'a Node, known: &mut Vec<(String, Value)>) {
        if !node.is_access() {
            for child in node.children() {
                self.explain_into(child, known);
            }
            return;
        }
        let label = match &node.kind {
            Kind::Path(path) => show_path(path),
            _ => self.label(node),
        };
        if known.iter().any(|(other, _)| *other == label) || self.is_secret(node) {
            return;
        }
        if let Ok(value) = self.owned(node) {
            known.push((label, value));
        }
    }

    /// What a node is called in messages: its source.
    pub(super) fn label(&self, node: &Node) -> String {
        let source = self.source.get(node.span.clone()).unwrap_or("…");
        escape_controls(&clip(source, 60)).into_owned()
    }

    /// A value with its type, for messages; a secret's is not shown.
    pub(super) fn show(&self, node: &Node, value: &Value) -> String {
        if self.is_secret(node) {
            return format!("{} ‹secret›", value.kind());
        }
        shown::value(value)
    }

    /// Whether a value may tell something about a secret.
    pub(super) fn is_secret(&self, node: &Node) -> bool {
        let mut secret = false;
        node.walk(&mut |node| {
            if let Kind::Path(path) = &node.kind {
                let segments: Vec<&str> = path.iter().map(String::as_str).collect();
                secret |= self.names.is_secret(&segments);
            }
        });
        secret
    }
}

/// An item of a list that is known to be there.
pub(super) fn item(list: Val<'_>, place: usize) -> Val<'_> {
    match list {
        Cow::Borrowed(Value::List(items)) => items
            .get(place)
            .map_or(Cow::Owned(Value::None), Cow::Borrowed),
        Cow::Owned(Value::List(mut items)) if place < items.len() => {
            Cow::Owned(items.swap_remove(place))
        }
        _ => Cow::Owned(Value::None),
    }
}

fn no_fields(of: &str, name: &str, value: &Value) -> ExprError {
    let name = escape_controls(name);
    let error = ExprError::ty(format!(
        "`{of}` is {}, so it has no field `{name}`",
        shown::with_article(value.kind())
    ));
    match value {
        Value::List(_) => error.hint(format!(
            "take one item ({of}[0].{name}) or the field of all: {of} | map(attribute='{name}')"
        )),
        _ => error,
    }
}
