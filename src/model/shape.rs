//! Types of parameters, arguments, answers and outputs, and how text and JSON become values of them.

use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::secret::{HOW_TO_WRITE, SecretRef};
use super::text::escape_controls;
use super::{Map, Value};

/// The fields of an object, in the order of their declaration.
pub type Fields = IndexMap<String, Field>;

/// One field of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// What the field holds.
    pub shape: Shape,
    /// Whether it may be left out; it then reads as `none`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

impl Field {
    /// What a tool answers in this field: of a secret, its text.
    pub fn answered(&self) -> Self {
        let shape = match &self.shape {
            Shape::Secret => Shape::String,
            shape => shape.clone(),
        };
        let optional = self.optional;
        Self { shape, optional }
    }
}

/// The type of a value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// A text.
    #[default]
    String,
    /// A whole number.
    Integer,
    /// A number, whole or not.
    Number,
    /// True or false.
    Boolean,
    /// A length of time: `30s`. JSON may also give seconds as a number.
    Duration,
    /// An amount of data: `16 KiB`. JSON may also give bytes as a whole number.
    Size,
    /// A moment, RFC 3339: `2026-11-20T19:53:59Z`.
    Time,
    /// One of several words.
    Choice(Vec<String>),
    /// An object with declared fields; `None` takes any.
    Object(Option<Fields>),
    /// A list of one type.
    List(Box<Shape>),
    /// Anything: what a command printed as JSON, of which nothing was declared.
    Any,
    /// A secret, known by where it is found.
    Secret,
}

/// A value that is not of its type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misfit {
    /// Where in the value: `freshest.lag`, `replicas[2].name`; empty for the value itself.
    pub path: String,
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

impl std::error::Error for Misfit {}

impl Misfit {
    fn here(message: String) -> Self {
        Self {
            path: String::new(),
            message,
        }
    }

    fn under(mut self, outer: &str) -> Self {
        if !self.path.is_empty() && !self.path.starts_with('[') {
            self.path.insert(0, '.');
        }
        self.path.insert_str(0, outer);
        self
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => f.write_str("string"),
            Self::Integer => f.write_str("integer"),
            Self::Number => f.write_str("number"),
            Self::Boolean => f.write_str("boolean"),
            Self::Duration => f.write_str("duration"),
            Self::Size => f.write_str("size"),
            Self::Time => f.write_str("time"),
            Self::Choice(choices) => write!(f, "one of {}", choices.join(", ")),
            Self::Object(_) => f.write_str("object"),
            Self::List(of) => write!(f, "list of {of}"),
            Self::Any => f.write_str("any value"),
            Self::Secret => f.write_str("secret"),
        }
    }
}

impl Shape {
    /// Whether a value of this type is a secret, or has one somewhere in it.
    pub fn has_secret(&self) -> bool {
        match self {
            Self::Secret => true,
            Self::List(of) => of.has_secret(),
            Self::Object(Some(fields)) => fields.values().any(|field| field.shape.has_secret()),
            _ => false,
        }
    }

    /// An object with these fields.
    pub fn object(fields: Fields) -> Self {
        Self::Object(Some(fields))
    }

    /// A value of this type from what a person typed or a file holds as plain text.
    pub fn read(&self, text: &str) -> Result<Value, Misfit> {
        let shown = escape_controls(text);
        let bad = || Misfit::here(format!("`{shown}` is no {self}"));
        match self {
            Self::String | Self::Any => Ok(Value::Str(text.to_owned())),
            Self::Integer => text.parse().map(Value::Int).map_err(|_| bad()),
            Self::Number => match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(whole), _) => Ok(Value::Int(whole)),
                (Err(_), Ok(number)) if number.is_finite() => Ok(Value::Float(number)),
                _ => Err(bad()),
            },
            Self::Boolean => match text {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => Err(Misfit::here(format!("`{shown}` is neither true nor false"))),
            },
            Self::Duration => text
                .parse()
                .map(Value::Duration)
                .map_err(|e| Misfit::here(format!("{e}"))),
            Self::Size => text
                .parse()
                .map(Value::Size)
                .map_err(|e| Misfit::here(format!("{e}"))),
            Self::Time => text.parse().map(Value::Time).map_err(|_| {
                Misfit::here(format!(
                    "`{shown}` is no time; write for example 2026-11-20T19:53:59Z"
                ))
            }),
            Self::Choice(choices) => {
                if choices.iter().any(|choice| choice == text) {
                    Ok(Value::Str(text.to_owned()))
                } else {
                    Err(Misfit::here(format!(
                        "`{shown}` is not one of {}",
                        choices.join(", ")
                    )))
                }
            }
            Self::Secret => SecretRef::given(text)
                .map(Value::Secret)
                .map_err(|e| Misfit::here(format!("{e}; {HOW_TO_WRITE}"))),
            Self::Object(_) | Self::List(_) => {
                let json: serde_json::Value = serde_json::from_str(text).map_err(|_| {
                    Misfit::here(format!("`{shown}` is no {self}: write it as JSON"))
                })?;
                self.fit(&json)
            }
        }
    }

    /// A value of this type from JSON, as a tool answers it.
    ///
    /// Fields that were not declared are kept, as untyped values. An optional field that is
    /// missing or null is `none`.
    pub fn fit(&self, json: &serde_json::Value) -> Result<Value, Misfit> {
        use serde_json::Value as Json;
        let bad = || {
            Misfit::here(format!(
                "expected {}{self}, found {}",
                article(self),
                describe(json)
            ))
        };
        match (self, json) {
            (Self::Any, _) => Ok(Value::from_plain(json)),
            // What a tool answers is the secret itself: whoever calls puts it away before.
            (Self::Secret, _) => Err(Misfit::here(
                "a secret cannot be taken from here".to_owned(),
            )),
            (Self::String | Self::Choice(_), Json::String(text)) => self.read(text),
            (Self::Duration | Self::Size | Self::Time, Json::String(text)) => self.read(text),
            (Self::Boolean, Json::Bool(b)) => Ok(Value::Bool(*b)),
            (Self::Integer, Json::Number(n)) => n.as_i64().map(Value::Int).ok_or_else(bad),
            (Self::Number, Json::Number(_)) => match Value::from_plain(json) {
                Value::None => Err(bad()),
                number => Ok(number),
            },
            (Self::Duration, Json::Number(n)) => n
                .as_f64()
                .and_then(super::Duration::from_secs_f64)
                .map(Value::Duration)
                .ok_or_else(bad),
            (Self::Size, Json::Number(n)) => n
                .as_u64()
                .map(|bytes| Value::Size(super::Size::from_bytes(bytes)))
                .ok_or_else(bad),
            (Self::List(of), Json::Array(items)) => items
                .iter()
                .enumerate()
                .map(|(i, item)| of.fit(item).map_err(|e| e.under(&format!("[{i}]"))))
                .collect::<Result<_, _>>()
                .map(Value::List),
            (Self::Object(None), Json::Object(_)) => Ok(Value::from_plain(json)),
            (Self::Object(Some(fields)), Json::Object(map)) => {
                let mut out = Map::new();
                for (name, field) in fields {
                    let value = match map.get(name) {
                        None | Some(Json::Null) if field.optional => Value::None,
                        None => {
                            return Err(Misfit::here(format!("the field `{name}` is missing")));
                        }
                        Some(value) => field.shape.fit(value).map_err(|e| e.under(name))?,
                    };
                    out.insert(name.clone(), value);
                }
                for (name, value) in map {
                    if !fields.contains_key(name) {
                        out.insert(name.clone(), Value::from_plain(value));
                    }
                }
                Ok(Value::Map(out))
            }
            _ => Err(bad()),
        }
    }

    /// Whether a value is of this type already; text is read where the type has a text form.
    pub fn accept(&self, value: &Value) -> Result<Value, Misfit> {
        match (self, value) {
            (Self::Any, _)
            | (Self::Duration, Value::Duration(_))
            | (Self::Size, Value::Size(_))
            | (Self::Time, Value::Time(_))
            | (Self::Integer, Value::Int(_))
            | (Self::Number, Value::Int(_) | Value::Float(_))
            | (Self::Boolean, Value::Bool(_))
            | (Self::Secret, Value::Secret(_)) => Ok(value.clone()),
            // Neither shown nor read: whoever wrote it may have written the secret itself.
            (Self::Secret, _) => Err(Misfit::here(format!(
                "a secret is expected, and this is {} that is written out",
                articled_kind(value)
            ))),
            (Self::String, Value::Int(_) | Value::Float(_) | Value::Duration(_))
            | (Self::String, Value::Size(_) | Value::Time(_) | Value::Bool(_)) => {
                Ok(Value::Str(value.to_string()))
            }
            (_, Value::Str(text)) if !matches!(self, Self::List(_) | Self::Object(_)) => {
                self.read(text)
            }
            (Self::List(of), Value::List(items)) => items
                .iter()
                .enumerate()
                .map(|(i, item)| of.accept(item).map_err(|e| e.under(&format!("[{i}]"))))
                .collect::<Result<_, _>>()
                .map(Value::List),
            (Self::Object(None), Value::Map(_)) => Ok(value.clone()),
            (Self::Object(Some(_)), Value::Map(_)) => self.fit(&value.to_plain()),
            _ => Err(Misfit::here(format!(
                "expected {}{self}, found {} {}",
                article(self),
                value.kind(),
                escape_controls(&value.to_string())
            ))),
        }
    }
}

fn articled_kind(value: &Value) -> String {
    match value.kind() {
        kind @ ("integer" | "object") => format!("an {kind}"),
        "none" => "none".to_owned(),
        kind => format!("a {kind}"),
    }
}

fn article(shape: &Shape) -> &'static str {
    match shape {
        Shape::Integer | Shape::Object(_) => "an ",
        Shape::Choice(_) | Shape::Any => "",
        _ => "a ",
    }
}

fn describe(json: &serde_json::Value) -> String {
    use serde_json::Value as Json;
    match json {
        Json::Null => "null".to_owned(),
        Json::Bool(b) => format!("{b}"),
        Json::Number(n) => format!("the number {n}"),
        Json::String(text) => {
            format!(
                "the text `{}`",
                escape_controls(&super::text::clip(text, 60))
            )
        }
        Json::Array(_) => "a list".to_owned(),
        Json::Object(_) => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn replica() -> Shape {
        let field = |shape| Field {
            shape,
            optional: false,
        };
        let mut fields = Fields::new();
        fields.insert("name".into(), field(Shape::String));
        fields.insert("lag".into(), field(Shape::Duration));
        fields.insert(
            "note".into(),
            Field {
                shape: Shape::String,
                optional: true,
            },
        );
        Shape::object(fields)
    }

    #[test]
    fn output_is_fitted_to_its_contract() {
        let value = replica()
            .fit(&json!({"name": "r1", "lag": "4s", "extra": 1}))
            .unwrap();
        assert_eq!(value.get("lag").unwrap().kind(), "duration");
        assert_eq!(value.get("note"), Some(&Value::None));
        assert_eq!(value.get("extra"), Some(&Value::Int(1)));
        let seconds = replica().fit(&json!({"name": "r1", "lag": 4})).unwrap();
        assert_eq!(seconds.get("lag"), value.get("lag"));
    }

    #[test]
    fn a_misfit_says_where_and_what() {
        let list = Shape::List(Box::new(replica()));
        let error = list.fit(&json!([{"name": "r1", "lag": "4s"}, {"name": "r2", "lag": true}]));
        assert_eq!(
            error.unwrap_err().to_string(),
            "[1].lag: expected a duration, found true"
        );
        let error = replica().fit(&json!({"name": "r1"})).unwrap_err();
        assert_eq!(error.to_string(), "the field `lag` is missing");
    }

    #[test]
    fn typed_text_is_read_strictly() {
        assert_eq!(Shape::Integer.read("12"), Ok(Value::Int(12)));
        assert!(Shape::Integer.read("12.5").is_err());
        assert!(Shape::Boolean.read("yes").is_err());
        assert!(Shape::Number.read("NaN").is_err());
        let choice = Shape::Choice(vec!["yes".into(), "no".into()]);
        assert!(choice.read("maybe").is_err());
    }
}
