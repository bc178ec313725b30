//! Types as they are written in files, and values of them.
//!
//! A type is a word (`string`) or a mapping (`{ type: list, of: string }`). The same keys stand
//! beside others in parameters, arguments, settings and output fields, so they are read from a
//! mapping that somebody else finishes.

use super::decode::Decoder;
use super::fields::Fields;
use super::yaml::{Kind, Node, Scalar};
use crate::model::ids::Name;
use crate::model::suggest::nearest;
use crate::model::text::{clip, escape_controls};
use crate::model::{self, Field, Map, Shape, Value};

/// A type's word, as far as it goes without `of` and `choices`.
#[derive(Clone, Copy)]
enum Word {
    String,
    Integer,
    Number,
    Boolean,
    Duration,
    Size,
    Time,
    Choice,
    Object,
    List,
    Secret,
}

const WORDS: [(&str, Word); 11] = [
    ("string", Word::String),
    ("integer", Word::Integer),
    ("number", Word::Number),
    ("boolean", Word::Boolean),
    ("duration", Word::Duration),
    ("size", Word::Size),
    ("time", Word::Time),
    ("choice", Word::Choice),
    ("object", Word::Object),
    ("list", Word::List),
    ("secret", Word::Secret),
];

/// What people write who come from other formats.
const OTHER_WORDS: [(&str, &str); 10] = [
    ("str", "string"),
    ("text", "string"),
    ("int", "integer"),
    ("float", "number"),
    ("bool", "boolean"),
    ("bytes", "size"),
    ("timestamp", "time"),
    ("enum", "choice"),
    ("array", "list"),
    ("map", "object"),
];

impl Decoder {
    /// A type: a word, or a mapping with `type`, `of` and `choices`.
    pub fn shape(&self, node: &Node) -> Option<Shape> {
        match node.kind {
            Kind::Map(_) => {
                let mut fields = self.fields(node, "a type")?;
                let shape = self.typed(&mut fields);
                fields.misplaced(
                    "optional",
                    "only a field can be left out, not an item of a list",
                );
                fields.finish();
                shape
            }
            _ => self.build(node, self.type_word(node)?, None, None),
        }
    }

    /// The fields of an object, each with its type: `{ promoted: string, seconds: number }`.
    pub fn shape_fields(&self, node: &Node) -> Option<model::Fields> {
        self.mapping(node, |key, node| {
            let name: Option<Name> = self.key(key);
            let field = match node.kind {
                Kind::Map(_) => self.field(node),
                _ => self.shape(node).map(|shape| Field {
                    shape,
                    optional: false,
                }),
            };
            Some((String::from(name?), field?))
        })
    }

    fn field(&self, node: &Node) -> Option<Field> {
        let mut fields = self.fields(node, "a field's type")?;
        let shape = self.typed(&mut fields);
        let optional = fields.flag("optional");
        fields.finish();
        shape.map(|shape| Field { shape, optional })
    }

    /// The type that the keys `type`, `of` and `choices` of a mapping describe; a string where
    /// none of them is there.
    pub fn typed(&self, fields: &mut Fields<'_>) -> Option<Shape> {
        let kind = fields.node("type");
        let of = fields.node("of");
        let choices = fields.node("choices");
        let word = match (kind, choices, of) {
            (Some(node), ..) => self.type_word(node)?,
            (None, Some(_), _) => Word::Choice,
            (None, None, Some(of)) => {
                return self.reject(of, "`of` needs `type: list` or `type: object` beside it");
            }
            (None, None, None) => Word::String,
        };
        let place = kind.or(choices);
        match place {
            Some(node) => self.build(node, word, of, choices),
            None => Some(Shape::String),
        }
    }

    fn type_word(&self, node: &Node) -> Option<Word> {
        if let Some(text) = node.text()
            && let Some((_, ours)) = OTHER_WORDS.iter().find(|(other, _)| *other == text)
        {
            let error = self.error(node.span, format!("there is no type `{text}`"));
            let error = error.code("wrong-word");
            self.report(error.help(format!("write `{ours}`")));
            return None;
        }
        self.one_of(node, &WORDS)
    }

    fn build(
        &self,
        place: &Node,
        word: Word,
        of: Option<&Node>,
        choices: Option<&Node>,
    ) -> Option<Shape> {
        let takes_of = matches!(word, Word::Object | Word::List);
        let takes_choices = matches!(word, Word::Choice);
        if let Some(of) = of.filter(|_| !takes_of) {
            return self.reject(of, "only a list or an object has `of`");
        }
        if let Some(choices) = choices.filter(|_| !takes_choices) {
            return self.reject(choices, "only `type: choice` has `choices`");
        }
        Some(match word {
            Word::String => Shape::String,
            Word::Integer => Shape::Integer,
            Word::Number => Shape::Number,
            Word::Boolean => Shape::Boolean,
            Word::Duration => Shape::Duration,
            Word::Size => Shape::Size,
            Word::Time => Shape::Time,
            Word::Choice => match choices {
                Some(choices) => Shape::Choice(self.choices(choices)?),
                None => return self.reject(place, "a choice needs `choices: [ … ]`"),
            },
            Word::Object => match of {
                Some(of) => match self.shape_fields(of)? {
                    fields if fields.values().any(|field| field.shape.has_secret()) => {
                        return self.nested_secret(of);
                    }
                    fields => Shape::object(fields),
                },
                None => Shape::Object(None),
            },
            Word::List => Shape::List(Box::new(match of {
                Some(of) => match self.shape(of)? {
                    shape if shape.has_secret() => return self.nested_secret(of),
                    shape => shape,
                },
                None => Shape::Any,
            })),
            Word::Secret => Shape::Secret,
        })
    }

    fn nested_secret<T>(&self, node: &Node) -> Option<T> {
        let message = "a secret stands by itself, in no list and no object";
        self.reject(node, message)
    }

    /// The words of a choice: several, each once.
    pub fn choices(&self, node: &Node) -> Option<Vec<String>> {
        let mut seen: Vec<String> = Vec::new();
        let choices = self.list(node, |item| {
            let word = self.line(item)?;
            if seen.contains(&word) {
                let shown = escape_controls(&word).into_owned();
                return self.reject(item, format!("the choice `{shown}` is there twice"));
            }
            seen.push(word.clone());
            Some(word)
        })?;
        if choices.is_empty() {
            return self.reject(node, "there is nothing to choose from");
        }
        Some(choices)
    }

    /// A value of a type, as it is written in a file. A field that was not declared is an error:
    /// here it is a slip, unlike in what a tool answers.
    pub fn value(&self, shape: &Shape, node: &Node) -> Option<Value> {
        match (shape, &node.kind) {
            (Shape::Secret, _) => self.secret_value(node),
            (Shape::Any, _) => Some(self.untyped(node)),
            (Shape::List(of), Kind::Seq(_)) => self
                .list(node, |item| self.value(of, item))
                .map(Value::List),
            (Shape::Object(None), Kind::Map(_)) => Some(self.untyped(node)),
            (Shape::Object(Some(fields)), Kind::Map(_)) => self.object(fields, node),
            (Shape::List(_) | Shape::Object(_), _) => self.unexpected(node, articled(shape)),
            (_, Kind::Scalar(scalar)) if !scalar.is_null() => {
                self.scalar_value(shape, node, scalar)
            }
            _ => self.unexpected(node, articled(shape)),
        }
    }

    fn scalar_value(&self, shape: &Shape, node: &Node, scalar: &Scalar) -> Option<Value> {
        let needs_plain = matches!(shape, Shape::Integer | Shape::Number | Shape::Boolean);
        if needs_plain && !scalar.plain {
            return self.unexpected(node, format!("{} without quotes", articled(shape)));
        }
        match shape.read(&scalar.text) {
            Ok(value) => Some(value),
            Err(misfit) => {
                let near = match shape {
                    Shape::Choice(words) => nearest(&scalar.text, words.iter().map(String::as_str)),
                    _ => None,
                };
                let error = self.error(node.span, misfit.to_string()).code("wrong-type");
                let help = near.map(|near| format!("did you mean `{near}`?"));
                self.report(error.maybe_help(help));
                None
            }
        }
    }

    fn object(&self, declared: &model::Fields, node: &Node) -> Option<Value> {
        let mut out = Map::new();
        let mut whole = true;
        for (name, field) in declared {
            let value = match node.get(name) {
                Some(node) if field.optional && node.is_null() => Some(Value::None),
                Some(node) => self.value(&field.shape, node),
                None if field.optional => Some(Value::None),
                None => {
                    let message = format!("the field `{name}` is missing");
                    self.report(self.error(node.span, message).code("missing-key"));
                    None
                }
            };
            match value {
                Some(value) => {
                    out.insert(name.clone(), value);
                }
                None => whole = false,
            }
        }
        for (key, _) in node.entries().unwrap_or_default() {
            if !declared.contains_key(&key.text) {
                let shown = escape_controls(&clip(&key.text, 60)).into_owned();
                let near = nearest(&key.text, declared.keys().map(String::as_str));
                self.report(
                    self.error(key.span, format!("the field `{shown}` is not declared"))
                        .code("unknown-key")
                        .maybe_help(near.map(|near| format!("did you mean `{near}`?"))),
                );
                whole = false;
            }
        }
        whole.then_some(Value::Map(out))
    }

    /// A value of which no type is known, judged by its look: `true` and `false`, plain decimal
    /// numbers, nothing; all else is text. `012` and `1e3` do not look like numbers, nor does a
    /// whole number that would lose digits.
    pub fn untyped(&self, node: &Node) -> Value {
        match &node.kind {
            Kind::Seq(items) => Value::List(items.iter().map(|item| self.untyped(item)).collect()),
            Kind::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|(key, node)| (key.text.clone(), self.untyped(node)))
                    .collect(),
            ),
            Kind::Scalar(scalar) if scalar.is_null() => Value::None,
            Kind::Scalar(scalar) if scalar.plain => by_look(&scalar.text),
            Kind::Scalar(scalar) => Value::Str(scalar.text.clone()),
        }
    }

    /// A value whose type somebody else knows: every scalar is kept as the text that was written,
    /// so that nothing is lost until its type reads it.
    pub fn unread(&self, node: &Node) -> Value {
        match &node.kind {
            Kind::Seq(items) => Value::List(items.iter().map(|item| self.unread(item)).collect()),
            Kind::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|(key, node)| (key.text.clone(), self.unread(node)))
                    .collect(),
            ),
            Kind::Scalar(scalar) if scalar.is_null() => Value::None,
            Kind::Scalar(scalar) => Value::Str(scalar.text.clone()),
        }
    }
}

fn by_look(text: &str) -> Value {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let number =
        all_digits(whole) && all_digits(fraction) && (whole == "0" || !whole.starts_with('0'));
    let read = match text {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        _ if !number => None,
        _ if digits.contains('.') => text.parse().ok().map(Value::number),
        _ => text.parse().ok().map(Value::Int),
    };
    read.unwrap_or_else(|| Value::Str(text.to_owned()))
}

/// A type with its article, as it is said in a message.
pub(super) fn articled(shape: &Shape) -> String {
    match shape {
        Shape::Integer | Shape::Object(_) => format!("an {shape}"),
        Shape::Choice(_) | Shape::Any => shape.to_string(),
        _ => format!("a {shape}"),
    }
}

#[cfg(test)]
mod tests;
