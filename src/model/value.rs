//! A typed value: what parameters, answers and outputs hold, and what expressions compare.
//!
//! In the journal a value is JSON. What JSON has no type for is a map with one key that begins
//! with `$`: `{"$duration":"4s"}`, `{"$size":"16 KiB"}`, `{"$time":"2026-11-20T19:53:59Z"}`, `{"$secret":"env:NAME"}`. A
//! map from outside whose keys begin with `$` gets one more `$`, so nothing is mistaken.

use std::fmt;

use indexmap::IndexMap;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::secret::{self, SecretRef};
use super::{Duration, Size};

/// Named values in the order in which they came.
pub type Map = IndexMap<String, Value>;

/// A typed value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Nothing: an optional field or argument that is not there.
    #[default]
    None,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a point. Never NaN or infinite: see [`Value::number`].
    Float(f64),
    /// A text.
    Str(String),
    /// A length of time.
    Duration(Duration),
    /// An amount of data.
    Size(Size),
    /// A moment.
    Time(jiff::Timestamp),
    /// Where a secret is found. It goes from place to place as it is, and is never looked into.
    Secret(SecretRef),
    /// Several values.
    List(Vec<Value>),
    /// Named values.
    Map(Map),
}

impl Value {
    /// A number, or none where it is NaN or infinite: those must never count as good.
    pub fn number(number: f64) -> Self {
        if number.is_finite() {
            Self::Float(number)
        } else {
            Self::None
        }
    }

    /// The type's name as people know it, with its article left out.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bool(_) => "boolean",
            Self::Int(_) => "integer",
            Self::Float(_) => "number",
            Self::Str(_) => "string",
            Self::Duration(_) => "duration",
            Self::Size(_) => "size",
            Self::Time(_) => "time",
            Self::Secret(_) => "secret",
            Self::List(_) => "list",
            Self::Map(_) => "object",
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// A field of an object.
    pub fn get(&self, field: &str) -> Option<&Self> {
        match self {
            Self::Map(map) => map.get(field),
            _ => None,
        }
    }

    /// A secret that this is, or that is somewhere in it.
    pub fn secret(&self) -> Option<&SecretRef> {
        match self {
            Self::Secret(secret) => Some(secret),
            Self::List(items) => items.iter().find_map(Self::secret),
            Self::Map(map) => map.values().find_map(Self::secret),
            _ => None,
        }
    }

    /// Whether this is [`Value::None`].
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// As JSON for people and other programs: a duration is `"4s"`, a size `"16 KiB"`.
    pub fn to_plain(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Self::None => Json::Null,
            Self::Bool(b) => Json::Bool(*b),
            Self::Int(n) => Json::from(*n),
            Self::Float(n) => Json::from(*n),
            Self::Str(text) => Json::String(text.clone()),
            Self::Duration(duration) => Json::String(duration.to_string()),
            Self::Size(size) => Json::String(size.to_string()),
            Self::Time(time) => Json::String(time.to_string()),
            Self::Secret(secret) => Json::String(secret::shown(secret)),
            Self::List(items) => Json::Array(items.iter().map(Self::to_plain).collect()),
            Self::Map(map) => Json::Object(
                map.iter()
                    .map(|(name, value)| (name.clone(), value.to_plain()))
                    .collect(),
            ),
        }
    }

    /// From JSON of which no type is known: text stays text, and no `$` is special.
    pub fn from_plain(json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::None,
            Json::Bool(b) => Self::Bool(*b),
            Json::Number(n) => match (n.as_i64(), n.as_f64()) {
                (Some(whole), _) => Self::Int(whole),
                (None, Some(number)) => Self::number(number),
                (None, None) => Self::None,
            },
            Json::String(text) => Self::Str(text.clone()),
            Json::Array(items) => Self::List(items.iter().map(Self::from_plain).collect()),
            Json::Object(map) => Self::Map(
                map.iter()
                    .map(|(name, value)| (name.clone(), Self::from_plain(value)))
                    .collect(),
            ),
        }
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::List(items)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl fmt::Display for Value {
    /// A value as it reads in a sentence or a command's word: text without quotes, the rest as
    /// compact JSON. Not escaped: who shows it on a terminal does that.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Int(n) => write!(f, "{n}"),
            Self::Float(n) => write!(f, "{n}"),
            Self::Str(text) => f.write_str(text),
            Self::Duration(duration) => write!(f, "{duration}"),
            Self::Size(size) => write!(f, "{size}"),
            Self::Time(time) => write!(f, "{time}"),
            Self::Secret(secret) => f.write_str(&secret::shown(secret)),
            Self::List(_) | Self::Map(_) => write!(f, "{}", self.to_plain()),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn tagged<S: Serializer>(serializer: S, tag: &str, text: &str) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry(tag, text)?;
            map.end()
        }
        match self {
            Self::None => serializer.serialize_unit(),
            Self::Bool(b) => serializer.serialize_bool(*b),
            Self::Int(n) => serializer.serialize_i64(*n),
            Self::Float(n) => serializer.serialize_f64(*n),
            Self::Str(text) => serializer.serialize_str(text),
            Self::Duration(duration) => tagged(serializer, "$duration", &duration.to_string()),
            Self::Size(size) => tagged(serializer, "$size", &size.to_string()),
            Self::Time(time) => tagged(serializer, "$time", &time.to_string()),
            Self::Secret(secret) => tagged(serializer, secret::TAG, &secret.to_string()),
            Self::List(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            Self::Map(map) => {
                let mut out = serializer.serialize_map(Some(map.len()))?;
                for (name, value) in map {
                    if name.starts_with('$') {
                        out.serialize_entry(&format!("${name}"), value)?;
                    } else {
                        out.serialize_entry(name, value)?;
                    }
                }
                out.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueVisitor;

        impl<'de> Visitor<'de> for ValueVisitor {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::None)
            }

            fn visit_bool<E>(self, b: bool) -> Result<Value, E> {
                Ok(Value::Bool(b))
            }

            fn visit_i64<E>(self, n: i64) -> Result<Value, E> {
                Ok(Value::Int(n))
            }

            fn visit_u64<E>(self, n: u64) -> Result<Value, E> {
                Ok(i64::try_from(n).map_or_else(|_| Value::number(n as f64), Value::Int))
            }

            fn visit_f64<E>(self, n: f64) -> Result<Value, E> {
                Ok(Value::number(n))
            }

            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Str(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Value::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
                let mut map = Map::new();
                while let Some((name, value)) = access.next_entry::<String, Value>()? {
                    match name.strip_prefix('$') {
                        Some(rest) if rest.starts_with('$') => {
                            map.insert(rest.to_owned(), value);
                        }
                        Some(_) => {
                            if access.next_key::<String>()?.is_some() || !map.is_empty() {
                                return Err(de::Error::custom("a tagged value has one key"));
                            }
                            return untag(&name, &value).map_err(de::Error::custom);
                        }
                        None => {
                            map.insert(name, value);
                        }
                    }
                }
                Ok(Value::Map(map))
            }
        }

        deserializer.deserialize_any(ValueVisitor)
    }
}

fn untag(tag: &str, value: &Value) -> Result<Value, String> {
    let text = value
        .as_str()
        .ok_or_else(|| format!("`{tag}` holds no text"))?;
    match tag {
        "$duration" => text
            .parse()
            .map(Value::Duration)
            .map_err(|e| format!("{e}")),
        "$size" => text.parse().map(Value::Size).map_err(|e| format!("{e}")),
        "$time" => text.parse().map(Value::Time).map_err(|e| format!("{e}")),
        secret::TAG => text.parse().map(Value::Secret).map_err(|e| format!("{e}")),
        _ => Err(format!("`{tag}` is no type of this version")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::None),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            (-1e9..1e9f64).prop_map(Value::Float),
            ".*".prop_map(Value::Str),
            (0u64..10_000_000_000).prop_map(|ms| Value::Duration(Duration::from_millis(ms))),
            any::<u64>().prop_map(|bytes| Value::Size(Size::from_bytes(bytes))),
            "[A-Z_]{1,8}".prop_map(|name| Value::Secret(SecretRef::Env(name))),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                proptest::collection::vec(("\\$?\\$?[a-z]{1,8}", inner), 0..4)
                    .prop_map(|entries| Value::Map(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_comes_back_from_the_journal_as_it_was(value in any_value()) {
            let json = serde_json::to_string(&value).unwrap();
            let back: Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(back, value);
        }
    }

    #[test]
    fn a_map_from_outside_cannot_pose_as_a_duration() {
        let outside = Value::from_plain(&serde_json::json!({"$duration": "4s"}));
        assert_eq!(outside.kind(), "object");
        let json = serde_json::to_string(&outside).unwrap();
        assert_eq!(json, r#"{"$$duration":"4s"}"#);
        assert!(serde_json::from_str::<Value>(r#"{"$duration":"soon"}"#).is_err());
        assert!(serde_json::from_str::<Value>(r#"{"$duration":"4s","b":1}"#).is_err());
    }
}
