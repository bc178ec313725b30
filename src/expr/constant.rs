//! Durations, sizes and times from text.

use super::error::ExprError;
use super::vocabulary::Function;
use crate::model::{Shape, Value};

/// What `duration(…)`, `size(…)` and `time(…)` make of a value: text is read, and what is of the
/// type already stays.
pub(super) fn read(function: Function, value: &Value) -> Result<Value, ExprError> {
    let (shape, name, example) = match function {
        Function::Duration => (Shape::Duration, "duration", "'30s'"),
        Function::Size => (Shape::Size, "size", "'1 GiB'"),
        Function::Time => (Shape::Time, "time", "'2026-11-20T19:53:59Z'"),
        Function::Range => return Err(ExprError::ty("a range is no value of its own")),
    };
    match (&shape, value) {
        (_, Value::Str(text)) => shape.read(text).map_err(|e| ExprError::value(e.message)),
        (Shape::Duration, Value::Duration(_))
        | (Shape::Size, Value::Size(_))
        | (Shape::Time, Value::Time(_)) => Ok(value.clone()),
        _ => Err(
            ExprError::ty(format!("`{name}` takes a text, not {}", value.kind()))
                .hint(format!("write {name}({example})")),
        ),
    }
}
