//! A template: text with `{{ }}` in it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::error::ExprError;
use super::eval::Evaluator;
use super::expression::{Expression, Reference};
use super::limits::{Budget, MAX_TEXT};
use super::names::{Names, TypeNames};
use super::scan::{Part, scan};
use super::secrets::{Misuse, misused_type};
use super::shown::floor;
use crate::model::text::{clip, escape_controls};
use crate::model::{Shape, Value};

/// A parsed template. Cheap to clone; equal where the source is equal.
///
/// What a name stands for is put into the text as it is and never read as a template again.
/// Texts stay as they are, booleans are `true` and `false`, durations, sizes and times have their
/// written form, lists and objects are compact JSON.
#[derive(Clone)]
pub struct Template(Arc<Inner>);

struct Inner {
    source: String,
    parts: Vec<Part>,
    references: Vec<Reference>,
}

/// What becomes of `none` inside a text.
#[derive(Clone, Copy)]
enum Nothing {
    /// It is an error: a word `--note=none` would be a lie.
    Refused,
    /// It reads `none`: for people.
    Shown,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// Statements, comments, and whatever an expression inside `{{ }}` may not be.
    pub fn parse(source: &str) -> Result<Self, ExprError> {
        let parts = scan(source)?;
        let references = parts
            .iter()
            .filter_map(|part| match part {
                Part::Text(_) => None,
                Part::Value { inside, offset } => Some((inside, *offset)),
            })
            .flat_map(|(inside, offset)| {
                inside.references().iter().map(move |reference| Reference {
                    path: reference.path.clone(),
                    span: reference.span.start + offset..reference.span.end + offset,
                })
            })
            .collect();
        Ok(Self(Arc::new(Inner {
            source: source.to_owned(),
            parts,
            references,
        })))
    }

    /// The source, as it was written.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Every name that is mentioned, in the order of the source, as often as it is.
    pub fn references(&self) -> &[Reference] {
        &self.0.references
    }

    /// Its parts, for who writes values otherwise than as they are.
    pub(super) fn parts(&self) -> &[Part] {
        &self.0.parts
    }

    /// The text, where there is no `{{ }}` in it.
    pub fn is_constant(&self) -> Option<&str> {
        match self.0.parts.as_slice() {
            [] | [Part::Text(_)] => Some(self.source()),
            _ => None,
        }
    }

    /// The expression, where the template is one `{{ }}` and nothing else. Such a template keeps
    /// the type of its value: see [`Template::eval`].
    pub fn lone(&self) -> Option<&Expression> {
        match self.0.parts.as_slice() {
            [Part::Value { inside, .. }] => Some(inside),
            _ => None,
        }
    }

    /// The type of the result, or everything that is wrong. It is a string, unless the template
    /// is one lone `{{ }}`.
    ///
    /// # Errors
    ///
    /// As [`Expression::check`], with places in the template's source.
    pub fn check(&self, names: &dyn TypeNames) -> Result<Shape, Vec<ExprError>> {
        self.checked(names, Shape::has_secret)
    }

    /// The same for what is sent and never shown: a secret may stand in it, as it is.
    ///
    /// # Errors
    ///
    /// As [`Template::check`].
    pub fn check_sent(&self, names: &dyn TypeNames) -> Result<Shape, Vec<ExprError>> {
        self.checked(names, |shape| *shape != Shape::Secret && shape.has_secret())
    }

    fn checked(
        &self,
        names: &dyn TypeNames,
        misplaced: impl Fn(&Shape) -> bool,
    ) -> Result<Shape, Vec<ExprError>> {
        let mut shape = Shape::String;
        let mut errors = Vec::new();
        for part in &self.0.parts {
            let Part::Value { inside, offset } = part else {
                continue;
            };
            match inside.check(names) {
                Ok(found) if self.lone().is_some() => shape = found,
                Ok(found) if misplaced(&found) => {
                    let source = inside.source();
                    let start = source.len() - source.trim_start().len();
                    let described = format!("`{}`", escape_controls(&clip(source.trim(), 60)));
                    let span = start..start + source.trim().len();
                    let error = misused_type(&described, Misuse::Text).at(&span);
                    errors.push(error.shifted(*offset));
                }
                Ok(_) => {}
                Err(found) => errors.extend(found.into_iter().map(|e| e.shifted(*offset))),
            }
        }
        if errors.is_empty() {
            Ok(shape)
        } else {
            Err(errors)
        }
    }

    /// The text with every value filled in, for a machine: `none` in it is an error.
    ///
    /// # Errors
    ///
    /// As [`Expression::eval`], with places in the template's source.
    pub fn render(&self, names: &dyn Names) -> Result<String, ExprError> {
        self.text(names, Nothing::Refused)
    }

    /// The text with every value filled in, for people: what is `none` reads `none`.
    ///
    /// # Errors
    ///
    /// As [`Template::render`].
    pub fn render_for_people(&self, names: &dyn Names) -> Result<String, ExprError> {
        self.text(names, Nothing::Shown)
    }

    /// The value of a lone `{{ }}` in its own type, `none` included; else the text.
    ///
    /// # Errors
    ///
    /// As [`Template::render`].
    pub fn eval(&self, names: &dyn Names) -> Result<Value, ExprError> {
        match self.0.parts.as_slice() {
            [Part::Value { inside, offset }] => inside.eval(names).map_err(|e| e.shifted(*offset)),
            _ => self.render(names).map(Value::Str),
        }
    }

    /// The text for a plan: what has no value yet, and what would show a secret, shows as its own
    /// source: `‹steps.status.output.state›`.
    pub fn render_known(&self, names: &dyn Names) -> String {
        let mut text = String::new();
        for part in &self.0.parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Value { inside, .. } => match inside.show(names) {
                    Some(value) => text.push_str(&value.to_string()),
                    None => text.push_str(&format!("‹{}›", inside.source().trim())),
                },
            }
            if text.len() > MAX_TEXT {
                text.truncate(floor(&text, MAX_TEXT));
                text.push('…');
                break;
            }
        }
        text
    }

    fn text(&self, names: &dyn Names, nothing: Nothing) -> Result<String, ExprError> {
        let budget = Budget::new();
        let mut text = String::new();
        for part in &self.0.parts {
            let piece = match part {
                Part::Text(plain) => Cow::Borrowed(plain.as_str()),
                Part::Value { inside, offset } => {
                    let evaluator = Evaluator::new(names, inside.source(), &budget);
                    let piece = match nothing {
                        Nothing::Refused => evaluator.word(inside.node()),
                        Nothing::Shown => evaluator.reading(inside.node()),
                    };
                    Cow::Owned(piece.map_err(|e| e.shifted(*offset))?)
                }
            };
            if text.len() + piece.len() > MAX_TEXT {
                return Err(ExprError::limit(format!(
                    "it makes a text of more than {} KiB",
                    MAX_TEXT / 1024
                )));
            }
            text.push_str(&piece);
        }
        Ok(text)
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

impl Eq for Template {}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({:?})", self.source())
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source())
    }
}

impl std::str::FromStr for Template {
    type Err = ExprError;

    fn from_str(source: &str) -> Result<Self, ExprError> {
        Self::parse(source)
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.source())
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Self::parse(&source).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Run, with_hint};
    use super::*;

    fn template(source: &str) -> Template {
        Template::parse(source).unwrap()
    }

    #[test]
    fn values_are_filled_in_and_never_read_again() {
        let run = Run::new();
        for (source, expected) in [
            ("plain", "plain"),
            ("", ""),
            ("restart {{ params.cluster }}?\n", "restart main?\n"),
            (
                "{{params.max_lag}}/{{ steps.status.output.corruption }}",
                "30s/false",
            ),
            (
                "{{ steps.replicas.output.extra.text }}",
                "{{ params.cluster }}",
            ),
            (
                "{{ '{{' }}{{ {'a': {'b': 1}} }}{{ \"}}\" }}",
                "{{{\"a\":{\"b\":1}}}}",
            ),
            ("50% {a} ü {{ 'ß' }}", "50% {a} ü ß"),
        ] {
            assert_eq!(
                template(source).render(&run).as_deref(),
                Ok(expected),
                "{source}"
            );
        }
    }

    #[test]
    fn a_lone_value_keeps_its_type() {
        let run = Run::new();
        assert_eq!(template("{{ params.none }}").eval(&run), Ok(Value::None));
        assert_eq!(template("{{ 1 }}").eval(&run), Ok(Value::Int(1)));
        assert_eq!(template(" {{ 1 }}").eval(&run), Ok(Value::from(" 1")));
        assert_eq!(
            template("{{ params.max_lag }}").check(&run),
            Ok(Shape::Duration)
        );
        assert_eq!(
            template("x{{ params.max_lag }}").check(&run),
            Ok(Shape::String)
        );
        assert_eq!(
            template("{{ 1 }}").lone().map(Expression::source),
            Some(" 1 ")
        );
        assert_eq!(template("x").is_constant(), Some("x"));
        assert_eq!(template("").is_constant(), Some(""));
        assert_eq!(template("{{ 1 }}").is_constant(), None);
    }

    #[test]
    fn none_is_refused_in_words_and_read_by_people() {
        let note = template("--note={{ params.none }}");
        let error = note.render(&Run::new()).unwrap_err();
        assert_eq!(
            with_hint(&error),
            "`params.none` is none, and stands in a text (say what to write then: `… | default('-')`)"
        );
        assert_eq!(error.span, Some(10..21));
        assert_eq!(
            note.render_for_people(&Run::new()).as_deref(),
            Ok("--note=none")
        );
    }

    #[test]
    fn a_plan_shows_what_is_not_known_by_its_name() {
        let text = "promote {{ steps.failover.output.name }} of {{ params.cluster }} {{ params.password ~ '' }}";
        assert_eq!(
            template(text).render_known(&Run::new()),
            "promote ‹steps.failover.output.name› of main ‹params.password ~ ''›"
        );
    }

    #[test]
    fn places_are_those_of_the_template() {
        let source = "aü {{ params.x }} {{ y }}";
        let found: Vec<&str> = template(source)
            .references()
            .iter()
            .map(|reference| &source[reference.span.clone()])
            .collect();
        assert_eq!(found, ["params.x", "y"]);
    }

    #[test]
    fn what_is_more_than_a_value_is_refused() {
        for (source, message) in [
            ("{% if x %}", "a template has no statements ({% %})"),
            ("a {# b #}", "a template has no comments ({# #})"),
            ("{{- x }}", "trim space"),
            ("{{ x -}}", "trim space"),
            ("{{ x", "`{{` is not closed (add `}}`"),
            ("{{ }}", "the expression is empty"),
            ("{{ a & b }}", "unexpected character"),
            ("{{ 'a }}", "unexpected end of string"),
            ("{{ (a }}", ""),
            ("{{ a b }}", "unexpected input"),
        ] {
            let error = Template::parse(source).expect_err(source);
            assert!(with_hint(&error).contains(message), "{source}: {error}");
            assert!(error.span.is_some(), "{source}");
        }
    }
}
