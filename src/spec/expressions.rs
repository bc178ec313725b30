//! Expressions and templates in files: read, checked, and their errors brought to their place.

use std::ops::Range;
use std::sync::Arc;

use super::decode::Decoder;
use super::diagnostic::Diagnostic;
use super::secrets;
use super::source::{Source, Span, Spanned};
use super::yaml::Node;
use crate::expr::{ExprError, Expression, Template, TypeNames};
use crate::model::Shape;

impl Decoder {
    /// An expression: what `if`, `until`, `expect` hold.
    pub fn expression(&self, node: &Node) -> Option<Spanned<Expression>> {
        let text = self.text(node, "an expression")?;
        match Expression::parse(text) {
            Ok(expression) => Some(Spanned::new(expression, node.span)),
            Err(error) => {
                self.report(expr_diagnostic(self.source(), node.span, text, &error));
                None
            }
        }
    }

    /// A text that may have `{{ }}` in it.
    pub fn template(&self, node: &Node) -> Option<Spanned<Template>> {
        let text = self.text(node, "a text")?;
        match Template::parse(text) {
            Ok(template) => Some(Spanned::new(template, node.span)),
            Err(error) => {
                self.report(expr_diagnostic(self.source(), node.span, text, &error));
                None
            }
        }
    }

    /// The type of an expression, where nothing is wrong with it.
    pub fn check(&self, expression: &Spanned<Expression>, names: &dyn TypeNames) -> Option<Shape> {
        let checked = expression.check(names);
        self.checked(expression.span, expression.source(), checked)
    }

    /// Whether an expression decides; says what is wrong, where it does not.
    pub fn check_bool(&self, expression: &Spanned<Expression>, names: &dyn TypeNames) -> bool {
        let checked = expression.check_bool(names);
        self.checked(expression.span, expression.source(), checked)
            .is_some()
    }

    /// The type of a template, where nothing is wrong with it.
    pub fn check_template(
        &self,
        template: &Spanned<Template>,
        names: &dyn TypeNames,
    ) -> Option<Shape> {
        let checked = template.check(names);
        self.checked(template.span, template.source(), checked)
    }

    /// The type of a template whose text is sent and never shown, where nothing is wrong with it.
    pub fn check_sent(&self, template: &Spanned<Template>, names: &dyn TypeNames) -> Option<Shape> {
        let checked = template.check_sent(names);
        let shape = self.checked(template.span, template.source(), checked)?;
        match secrets::misplaced_in_env(&shape) {
            None => Some(shape),
            Some(why) => {
                self.misplaced_secret(template.span, why);
                None
            }
        }
    }

    fn checked<T>(&self, span: Span, text: &str, checked: Result<T, Vec<ExprError>>) -> Option<T> {
        match checked {
            Ok(value) => Some(value),
            Err(errors) => {
                for error in &errors {
                    self.report(expr_diagnostic(self.source(), span, text, error));
                }
                None
            }
        }
    }
}

/// What is wrong with an expression or a template: `span` is its scalar, `text` what was parsed.
pub fn expr_diagnostic(
    source: &Arc<Source>,
    span: Span,
    text: &str,
    error: &ExprError,
) -> Diagnostic {
    let place = match &error.span {
        Some(range) => place_in(source, span, text, range),
        None => span,
    };
    Diagnostic::error(source, place, &error.message)
        .code("expression")
        .maybe_help(error.hint.as_ref())
}

/// Where a part of a scalar's text stands in the file: the whole scalar, where it stands there
/// otherwise than it reads (escapes, folded lines).
pub fn place_in(source: &Source, span: Span, text: &str, range: &Range<usize>) -> Span {
    inside(source.slice(span), text, range).map_or(span, |found| {
        let start = span.start as usize;
        Span::new(start + found.start, start + found.end)
    })
}

fn inside(written: &str, text: &str, range: &Range<usize>) -> Option<Range<usize>> {
    let shifted = |by: usize| Some(range.start + by..range.end + by);
    if written == text {
        return shifted(0);
    }
    let unquoted = written
        .strip_prefix(['"', '\''])
        .and_then(|rest| rest.strip_suffix(['"', '\'']));
    if unquoted == Some(text) {
        return shifted(1);
    }
    in_block(written, text, range).or_else(|| the_only(written, text, range))
}

/// In a literal block each line stands as it reads, behind its indentation.
fn in_block(written: &str, text: &str, range: &Range<usize>) -> Option<Range<usize>> {
    let line_start = text.get(..range.start)?.rfind('\n').map_or(0, |i| i + 1);
    let line = text.get(line_start..)?.lines().next()?;
    let number = text.get(..line_start)?.matches('\n').count();
    let ends = written.match_indices('\n').map(|(end, _)| end + 1);
    let start = std::iter::once(0).chain(ends).nth(number)?;
    let indent = written.get(start..)?.lines().next()?.strip_suffix(line)?;
    if !indent.trim_start().is_empty() || range.end > line_start + line.len() {
        return None;
    }
    let first = start + indent.len() + (range.start - line_start);
    Some(first..first + range.len())
}

/// In folded lines and between escapes: what reads so once and is written so once.
fn the_only(written: &str, text: &str, range: &Range<usize>) -> Option<Range<usize>> {
    let part = text.get(range.clone()).filter(|part| !part.is_empty())?;
    let once = |text: &str| text.find(part).filter(|at| text.rfind(part) == Some(*at));
    once(text)?;
    let start = once(written)?;
    Some(start..start + part.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::yaml::read;

    /// What is underlined in a file with one key, and the message.
    fn underlined(text: &str, template: bool) -> (String, String) {
        let (source, root) = read("t.yaml", text.as_bytes()).unwrap();
        let decoder = Decoder::new(&source);
        let node = root.get("x").unwrap();
        if template {
            assert!(decoder.template(node).is_none());
        } else {
            assert!(decoder.expression(node).is_none());
        }
        let found = decoder.finish();
        let first = found.iter().next().unwrap();
        let place = source.slice(first.span().unwrap()).to_owned();
        (place, first.message.clone())
    }

    #[test]
    fn an_error_is_shown_where_it_is_written() {
        for text in [
            "x: a | nope\n",
            "x: 'a | nope'\n",
            "x: \"a | nope\"\n",
            "x: |\n  a\n  | nope\n",
        ] {
            assert!(underlined(text, false).0.contains("nope"), "{text}");
            assert!(underlined(text, false).0.len() < 8, "{text}");
        }
        let (place, _) = underlined("x: Promote {{ a | nope }} now\n", true);
        assert!(
            place.contains("nope") && !place.contains("Promote"),
            "{place}"
        );
        let (place, _) = underlined("x: |\n    One\n    ü {{ a | nope }} now\n", true);
        assert!(place.contains("nope") && !place.contains("ü"), "{place}");
    }

    #[test]
    fn folded_and_escaped_texts_are_searched() {
        for text in [
            "x: 'a == ''b'' | nope'\n",
            "x: a |\n  nope\n",
            "x: >-\n  a ==\n  b | nope\n",
        ] {
            assert_eq!(underlined(text, false).0, "nope", "{text}");
        }
    }

    #[test]
    fn the_whole_scalar_is_underlined_where_that_finds_nothing() {
        let text = "x: 'nope == ''b'' | nope'\n";
        assert_eq!(underlined(text, false).0, text[3..].trim_end());
    }
}
