//! What was found out before a decision, laid out to be read: one fact a line, one item of a list
//! a line.

use super::prompt::{line, wrapped};
use crate::model::Value;
use crate::model::text::{clip, escape_controls};
use crate::report::value_facts;

/// How many items of a list are shown; of more it is said how many.
const SHOWN: usize = 12;

/// The longest text of one item, in characters.
const LONGEST: usize = 400;

/// What a gate shows, each under the name that the runbook has for it.
pub(super) fn show_evidence(out: &mut String, show: &[(String, Value)], width: usize) {
    for (name, value) in show {
        // `a if c else b` is known by its first part.
        let name = name.split(" if ").next().unwrap_or(name);
        wrapped(out, "Known:  ", &escape_controls(name), width);
        show_value(out, value, 10, width);
    }
}

fn show_value(out: &mut String, value: &Value, indent: usize, width: usize) {
    let pad = " ".repeat(indent);
    match value {
        Value::Map(map) => {
            for (name, field) in map {
                let name = escape_controls(name);
                match field {
                    Value::Map(_) => {
                        line(out, &format!("{pad}{name}:"));
                        show_value(out, field, indent + 2, width);
                    }
                    Value::List(items) if items.iter().any(|i| matches!(i, Value::Map(_))) => {
                        line(out, &format!("{pad}{name}:"));
                        show_items(out, items, indent + 2, width);
                    }
                    field => wrapped(out, &format!("{pad}{name}: "), &short(field), width),
                }
            }
        }
        Value::List(items) => show_items(out, items, indent, width),
        value => wrapped(out, &pad, &short(value), width),
    }
}

fn show_items(out: &mut String, items: &[Value], indent: usize, width: usize) {
    let label = format!("{}- ", " ".repeat(indent));
    for item in items.iter().take(SHOWN) {
        wrapped(out, &label, &short(item), width);
    }
    if let Some(more) = items.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        line(
            out,
            &format!("{label}and {more} more, {} in all", items.len()),
        );
    }
}

fn short(value: &Value) -> String {
    let text = match value {
        // A list of words stands in a line as it is written.
        Value::List(items) if items.is_empty() => "none".to_owned(),
        value => value_facts(value),
    };
    escape_controls(&clip(&text, LONGEST)).into_owned()
}
