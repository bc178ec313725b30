//! Values and types in messages, escaped and cut to a readable length.

use crate::model::text::{clip, escape_controls};
use crate::model::{Duration, Size, Timestamp, Value};

/// How many characters of a value a message shows.
const SHOWN: usize = 60;

/// A value with its type: `duration 4s`, `string '30s'`.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::None => "none".to_owned(),
        Value::Str(text) => format!("string '{}'", cut(text)),
        Value::List(items) if items.len() > 20 => format!("list of {} items", items.len()),
        Value::Map(map) if map.len() > 20 => format!("object of {} fields", map.len()),
        Value::Secret(_) => format!("the {}", cut(&value.to_string())),
        other => format!("{} {}", other.kind(), cut(&other.to_string())),
    }
}

fn cut(text: &str) -> String {
    escape_controls(&clip(text, SHOWN)).into_owned()
}

/// A type's name with its article: `an object`.
pub(super) fn with_article(kind: &str) -> String {
    match kind.as_bytes().first() {
        _ if kind == "none" => "none".to_owned(),
        Some(b'a' | b'e' | b'i' | b'o' | b'u') => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

/// How to write a text so that it has the other's type, where it can be read as one.
pub(super) fn conversion(a: &Value, b: &Value) -> Option<String> {
    let (typed, text) = match (a, b) {
        (Value::Str(_), Value::Str(_)) => return None,
        (typed, Value::Str(text)) | (Value::Str(text), typed) => (typed, text),
        _ => return None,
    };
    let shown = cut(text);
    match typed {
        Value::Duration(_) if text.parse::<Duration>().is_ok() => {
            Some(format!("write duration('{shown}')"))
        }
        Value::Size(_) if text.parse::<Size>().is_ok() => Some(format!("write size('{shown}')")),
        Value::Time(_) if text.parse::<Timestamp>().is_ok() => {
            Some(format!("write time('{shown}')"))
        }
        Value::Int(_) if text.parse::<i64>().is_ok() => {
            Some("write the number without quotes, or convert the text with `| int`".to_owned())
        }
        Value::Float(_) if text.parse::<f64>().is_ok() => {
            Some("write the number without quotes, or convert the text with `| float`".to_owned())
        }
        Value::Bool(_) if matches!(text.as_str(), "true" | "false") => {
            Some("write true and false without quotes".to_owned())
        }
        _ => None,
    }
}

/// The nearest place at or before an index where a character begins.
pub(super) fn floor(text: &str, mut index: usize) -> usize {
    index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}
