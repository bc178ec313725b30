//! A template's source cut into text and `{{ }}`.

use minijinja::machinery::{Token, tokenize};

use super::error::ExprError;
use super::expression::Expression;
use super::limits::{MAX_EXPRESSION, MAX_TEMPLATE};
use super::shown::floor;

/// A piece of a template.
#[derive(Debug)]
pub(super) enum Part {
    /// Text as it stands.
    Text(String),
    /// What is inside a `{{ }}`.
    Value {
        /// The expression.
        inside: Expression,
        /// Where its source begins in the template's, in bytes.
        offset: usize,
    },
}

/// Cuts a source into its parts. Two texts never follow each other, and none is empty.
pub(super) fn scan(source: &str) -> Result<Vec<Part>, ExprError> {
    if source.len() > MAX_TEMPLATE {
        return Err(ExprError::limit(format!(
            "the template is {} bytes long; at most {MAX_TEMPLATE} are allowed",
            source.len()
        )));
    }
    let mut parts = Vec::new();
    let mut done = 0;
    while let Some(start) = opening(source, done) {
        match source.as_bytes().get(start + 1) {
            Some(b'%') => {
                return Err(ExprError::syntax("a template has no statements ({% %})")
                    .at(&(start..start + 2))
                    .hint(
                        "write conditions as `{{ a if condition else b }}`, `{%` as `{{ '{%' }}`",
                    ));
            }
            Some(b'#') => {
                return Err(ExprError::syntax("a template has no comments ({# #})")
                    .at(&(start..start + 2))
                    .hint("write `{#` as `{{ '{#' }}`, and comments in YAML"));
            }
            _ => {}
        }
        if start > done {
            parts.push(Part::Text(source[done..start].to_owned()));
        }
        let inside = start + 2;
        let (end, after) = closing(source, start)?;
        let expression = Expression::inside(&source[inside..end])
            .map_err(|e| e.shifted(inside).at(&(start..after)))?;
        parts.push(Part::Value {
            inside: expression,
            offset: inside,
        });
        done = after;
    }
    if done < source.len() {
        parts.push(Part::Text(source[done..].to_owned()));
    }
    Ok(parts)
}

/// The next `{{`, `{%` or `{#`.
fn opening(source: &str, from: usize) -> Option<usize> {
    source.as_bytes()[from..]
        .windows(2)
        .position(|pair| matches!(pair, b"{{" | b"{%" | b"{#"))
        .map(|place| place + from)
}

/// Where the inside of the `{{` at `start` ends, and where its `}}` does. minijinja's lexer finds
/// it, since braces may stand in texts and objects.
fn closing(source: &str, start: usize) -> Result<(usize, usize), ExprError> {
    // One byte over the limit is enough to see that the limit is passed.
    let window = &source[start..floor(source, start + MAX_EXPRESSION + 5)];
    let place = start..start + 2;
    if matches!(window.as_bytes().get(2), Some(b'-' | b'+')) {
        return Err(ExprError::syntax(
            "`{{-` and `{{+`, which trim space, are not part of this language",
        )
        .at(&(start..start + 3))
        .hint("put a space before a sign: `{{ -1 }}`"));
    }
    for token in tokenize(window, false, Default::default()) {
        match token {
            Ok((Token::VariableEnd, span)) => {
                let (end, after) = (span.start_offset as usize, span.end_offset as usize);
                if after - end != 2 {
                    return Err(ExprError::syntax(
                        "`-}}` and `+}}`, which trim space, are not part of this language",
                    )
                    .at(&(start + end..start + after)));
                }
                return Ok((start + end, start + after));
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    Err(match Expression::inside(unclosed(window)) {
        _ if window.len() > MAX_EXPRESSION + 4 => ExprError::limit(format!(
            "the inside of `{{{{ }}}}` is longer than {MAX_EXPRESSION} bytes, or not closed"
        ))
        .at(&place),
        Err(error) if window.contains("}}") => error.shifted(start + 2),
        _ => ExprError::syntax("`{{` is not closed")
            .at(&place)
            .hint("add `}}`, or write a plain `{{` as `{{ '{{' }}`"),
    })
}

/// The inside up to the first `}}`, to find out what is wrong with it.
fn unclosed(window: &str) -> &str {
    let inside = window.get(2..).unwrap_or_default();
    inside.find("}}").map_or(inside, |end| &inside[..end])
}
