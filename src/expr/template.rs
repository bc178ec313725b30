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
use super::shown::floor;
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
        let mut shape = Shape::String;
        let mut errors = Vec::new();
        for part in &self.0.parts {
            let Part::Value { inside, offset } = part else {
                continue;
            };
            match inside.check(names) {
                Ok(found) if self.lone().is_some() => shape = found,
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

    /// The text for a plan: what has no value yet shows as `‹steps.status.output.state›`.
    pub fn render_known(&self, names: &dyn Names) -> String {
        let mut text = String::new();
        for part in &self.0.parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Value { inside, .. } => {
                    let unknown = || format!("‹{}›", inside.source().trim());
                    let value = inside.eval(names).map(|value| value.to_string());
                    text.push_str(&value.unwrap_or_else(|_| unknown()));
                }
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
