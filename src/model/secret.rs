//! Where a secret is found. What is found there never becomes a value: plan, journal and
//! expressions know the place only.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Value;
use super::issued::IssuedName;
use super::text::{clip, escape_controls};

/// Where a secret is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecretRef {
    /// A variable of the environment of the process that drives the run.
    Env(String),
    /// A file, by its whole path or from the home directory on: `~/.token`.
    File(String),
    /// What a program prints: never empty, never a shell's line.
    Command(Vec<String>),
    /// A file of the run's own, in which a tool's answer was put away. No person can name one.
    Run(IssuedName),
}

/// How a person writes where a secret is found.
pub const HOW_TO_WRITE: &str = "write env:NAME for a variable, or file:/PATH for a file";

/// A text that does not say where a secret is found. It is not shown: it may be the secret itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoReference {
    what: &'static str,
}

impl NoReference {
    const fn new(what: &'static str) -> Self {
        Self { what }
    }
}

impl fmt::Display for NoReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }
}

impl std::error::Error for NoReference {}

impl SecretRef {
    /// A variable.
    ///
    /// # Errors
    /// Its name is none that a shell could set.
    pub fn env(name: &str) -> Result<Self, NoReference> {
        let mut bytes = name.bytes();
        let first = bytes
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        if first && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            Ok(Self::Env(name.to_owned()))
        } else {
            Err(NoReference::new(
                "after `env:` stands the name of a variable: letters, digits and _",
            ))
        }
    }

    /// A file.
    ///
    /// # Errors
    /// Where the path would begin is not known: the run may be resumed from elsewhere.
    pub fn file(path: &str) -> Result<Self, NoReference> {
        let whole = path.starts_with('/') || path.starts_with("~/");
        if whole && !path.contains('\0') {
            Ok(Self::File(path.to_owned()))
        } else {
            Err(NoReference::new(
                "after `file:` stands a whole path, from / or ~/ on: a run can be resumed from elsewhere",
            ))
        }
    }

    /// What a program prints.
    ///
    /// # Errors
    /// There is no program.
    pub fn command(argv: Vec<String>) -> Result<Self, NoReference> {
        if argv.first().is_some_and(|program| !program.is_empty()) {
            Ok(Self::Command(argv))
        } else {
            Err(NoReference::new(
                "a `command` is a list of words: [program, word, …]",
            ))
        }
    }

    /// What a person may give as a parameter: a variable or a file.
    ///
    /// # Errors
    /// It is something else; the text is not shown.
    pub fn given(text: &str) -> Result<Self, NoReference> {
        match text.split_once(':') {
            Some(("env", name)) => Self::env(name),
            Some(("file", path)) => Self::file(path),
            _ => Err(NoReference::new(
                "a secret is never given itself, only where it is found",
            )),
        }
    }

    /// Every secret that is mentioned anywhere in what the journal or a plan holds.
    pub fn mentioned(json: &serde_json::Value) -> BTreeSet<Self> {
        let mut found = BTreeSet::new();
        let mut open = vec![json];
        while let Some(json) = open.pop() {
            match json {
                serde_json::Value::Array(items) => open.extend(items),
                serde_json::Value::Object(map) => {
                    let tagged = map.get(TAG).and_then(serde_json::Value::as_str);
                    found.extend(tagged.and_then(|text| text.parse::<Self>().ok()));
                    open.extend(map.values());
                }
                _ => {}
            }
        }
        found
    }
}

/// How a reference is marked in the journal.
pub(super) const TAG: &str = "$secret";

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
            Self::Command(argv) => write!(f, "command:{}", serde_json::json!(argv)),
            Self::Run(name) => write!(f, "run:{name}"),
        }
    }
}

impl FromStr for SecretRef {
    type Err = NoReference;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("command", argv)) => {
                Self::command(serde_json::from_str(argv).unwrap_or_default())
            }
            Some(("run", name)) => name.parse().map(Self::Run).map_err(|_| {
                NoReference::new("after `run:` stands the name of what a tool of the run gave out")
            }),
            _ => Self::given(text),
        }
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A variable of a process: a text, or a secret that is looked up when the process is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvValue {
    /// A text.
    Text(String),
    /// Where the secret is found.
    Secret(SecretRef),
}

impl EnvValue {
    /// What a variable may become of: a secret as it is, all else as its text.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Secret(secret) => Self::Secret(secret.clone()),
            other => Self::Text(other.to_string()),
        }
    }
}

impl From<&str> for EnvValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for EnvValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl fmt::Display for EnvValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Secret(secret) => write!(f, "{}", shown(secret)),
        }
    }
}

// In the journal as a value is: a text as a text, a secret tagged.
impl Serialize for EnvValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Secret(secret) => Value::Secret(secret.clone()).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for EnvValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Str(text) => Ok(Self::Text(text)),
            Value::Secret(secret) => Ok(Self::Secret(secret)),
            other => Err(de::Error::custom(format!(
                "a variable is a text, not {}",
                other.kind()
            ))),
        }
    }
}

/// How a secret reads for people: `‹secret env:NAME›`.
pub fn shown(secret: &SecretRef) -> String {
    let text = secret.to_string();
    format!("‹secret {}›", escape_controls(&clip(&text, 120)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_as_it_is_written() {
        for text in [
            "env:UNLEASH_TOKEN",
            "file:/run/secrets/token",
            "file:~/.token",
            r#"command:["pass","show","a b"]"#,
            "run:password-3f9ac1d2e4b5a697",
        ] {
            assert_eq!(text.parse::<SecretRef>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_reference_is_refused_and_not_shown() {
        for text in [
            "hunter2hunter2",
            "env:",
            "env:9X",
            "env:A B",
            "file:token",
            "file:",
            "command:[]",
            "command:pass",
            "command:[\"\"]",
            "run:",
            "run:../../hunter2",
        ] {
            let error = text.parse::<SecretRef>().unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(SecretRef::given(r#"command:["id"]"#).is_err());
        assert!(SecretRef::given("run:password-3f9ac1d2e4b5a697").is_err());
    }

    #[test]
    fn every_reference_in_a_plan_is_found() {
        let json = serde_json::json!({
            "a": [{"$secret": "env:A"}, {"b": {"$secret": "file:/x"}}],
            "c": {"$$secret": "env:NOT"}, "d": {"$secret": "plain"},
        });
        let found: Vec<String> = SecretRef::mentioned(&json)
            .iter()
            .map(SecretRef::to_string)
            .collect();
        assert_eq!(found, ["env:A", "file:/x"]);
    }

    #[test]
    fn a_variable_stands_in_the_journal_as_before_where_it_is_a_text() {
        let text = EnvValue::from("x");
        assert_eq!(serde_json::to_string(&text).unwrap(), r#""x""#);
        let secret = EnvValue::Secret(SecretRef::Env("A".into()));
        let json = serde_json::to_string(&secret).unwrap();
        assert_eq!(json, r#"{"$secret":"env:A"}"#);
        assert_eq!(serde_json::from_str::<EnvValue>(&json).unwrap(), secret);
        assert!(serde_json::from_str::<EnvValue>("1").is_err());
    }
}
