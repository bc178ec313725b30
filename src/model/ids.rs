//! A newtype for each id, so that a step cannot be passed where a tool is meant.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An id that does not have the form its kind asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidId {
    /// What was being named, with its article: `a step's id`.
    pub what: &'static str,
    /// What was written.
    pub text: String,
    /// The form that is allowed, in words.
    pub allowed: &'static str,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = super::text::escape_controls(&self.text);
        write!(f, "`{text}` is not {}: {}", self.what, self.allowed)
    }
}

impl std::error::Error for InvalidId {}

/// The longest id that is accepted, in bytes.
pub const MAX_ID: usize = 100;

fn word(text: &str, first: fn(char) -> bool, rest: fn(char) -> bool) -> bool {
    let mut chars = text.chars();
    text.len() <= MAX_ID && chars.next().is_some_and(first) && chars.all(rest)
}

fn lower(c: char) -> bool {
    c.is_ascii_lowercase()
}

fn kebab(text: &str) -> bool {
    word(text, lower, |c| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
    })
}

fn kebab_or_snake(text: &str) -> bool {
    word(text, lower, |c| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_'
    })
}

fn snake(text: &str) -> bool {
    word(text, lower, |c| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
    })
}

fn account_group(text: &str) -> bool {
    word(
        text,
        |c| c.is_ascii_alphanumeric() || c == '_',
        |c| c.is_ascii_alphanumeric() || "_-.".contains(c),
    )
}

fn file_name(text: &str) -> bool {
    word(
        text,
        |c| c.is_ascii_alphanumeric(),
        |c| c.is_ascii_alphanumeric() || "_-.".contains(c),
    )
}

fn screaming(text: &str) -> bool {
    word(
        text,
        |c| c.is_ascii_uppercase(),
        |c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_',
    )
}

fn run_id(text: &str) -> bool {
    // <runbook>-YYYYMMDDTHHMMSSZ-xxxx
    let Some((rest, tail)) = text.rsplit_once('-') else {
        return false;
    };
    let Some((runbook, stamp)) = rest.rsplit_once('-') else {
        return false;
    };
    let stamp_ok = stamp.len() == 16
        && stamp.char_indices().all(|(i, c)| match i {
            8 => c == 'T',
            15 => c == 'Z',
            _ => c.is_ascii_digit(),
        });
    kebab(runbook)
        && stamp_ok
        && tail.len() == 4
        && tail
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $allowed:literal, $valid:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The rule that this kind of id keeps, in words.
            pub const ALLOWED: &'static str = $allowed;
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if $valid(text) {
                    Ok(Self(Arc::from(text)))
                } else {
                    Err(InvalidId { what: $what, text: text.to_owned(), allowed: $allowed })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), &*self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

id!(
    /// A runbook, the stem of its file.
    RunbookName,
    "a runbook's name",
    "lower-case letters, digits and `-`, a letter first",
    kebab
);
id!(
    /// A step's id as written in the runbook.
    StepId,
    "a step's id",
    "lower-case letters, digits and `_`, a letter first",
    snake
);
id!(
    /// A parameter, a variable, or the name of a loop's item.
    Name,
    "a name",
    "lower-case letters, digits and `_`, a letter first",
    snake
);
id!(
    /// A tool: the placeholder without its `$`.
    ToolName,
    "a tool",
    "capital letters, digits and `_`, a letter first",
    screaming
);
id!(
    /// An action of a tool's contract.
    ActionName,
    "an action",
    "lower-case letters, digits and `-`, a letter first",
    kebab
);
id!(
    /// An argument of an action; its name in expressions has `_` for `-`.
    ArgName,
    "an argument",
    "lower-case letters, digits and `-`, a letter first",
    kebab
);
id!(
    /// One implementation of a tool's contract.
    AdapterName,
    "an adapter",
    "lower-case letters, digits and `-`, a letter first",
    kebab
);
id!(
    /// A file that an adapter brings along: `postgres.py`.
    FileName,
    "a file's name",
    "letters, digits, `_`, `-` and `.`, a letter or digit first",
    file_name
);
id!(
    /// A second binding of the same tool: `old` in `$DATABASE_TOOL@old`.
    BindingName,
    "a binding",
    "lower-case letters, digits, `-` and `_`, a letter first",
    kebab_or_snake
);
id!(
    /// A group of people that a policy names: `dba`.
    GroupName,
    "a group",
    "lower-case letters, digits and `-`, a letter first",
    kebab
);
id!(
    /// A group of accounts on a machine, by its name or its number, e.g. `oncall`.
    AccountGroup,
    "a group of accounts",
    "a name of letters, digits, `_`, `-` and `.`, or a number",
    account_group
);
id!(
    /// An environment of `runbook.yaml`, or `sandbox`, or `local`.
    EnvironmentName,
    "an environment",
    "lower-case letters, digits, `-` and `_`, a letter first",
    kebab_or_snake
);
id!(
    /// A starting state of the simulated production.
    ScenarioName,
    "a scenario",
    "lower-case letters, digits and `-`, a letter first",
    kebab
);
id!(
    /// One execution of a runbook: `db-failover-20261120T195359Z-7k3f`.
    RunId,
    "a run",
    "a runbook's name, the UTC time of its start, and four letters or digits, joined by `-`",
    run_id
);

impl ArgName {
    /// The argument's name in expressions: `to-replica` is `to_replica`.
    pub fn variable(&self) -> String {
        self.0.replace('-', "_")
    }
}

impl RunId {
    /// The id of a run that starts `at`, told apart from others of that second by `suffix`.
    pub fn new(runbook: &RunbookName, at: jiff::Timestamp, suffix: [u8; 4]) -> Self {
        const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let tail: String = suffix
            .iter()
            .map(|b| char::from(LETTERS[usize::from(*b) % LETTERS.len()]))
            .collect();
        let stamp = at.strftime("%Y%m%dT%H%M%SZ");
        Self(format!("{runbook}-{stamp}-{tail}").into())
    }
}

/// A tool, or one of several bindings of it: `$DATABASE_TOOL`, `$DATABASE_TOOL@old`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ToolRef {
    /// Which contract.
    pub tool: ToolName,
    /// Which binding of it, where there is more than one.
    pub binding: Option<BindingName>,
}

impl fmt::Display for ToolRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.binding {
            None => write!(f, "{}", self.tool),
            Some(binding) => write!(f, "{}@{binding}", self.tool),
        }
    }
}

impl FromStr for ToolRef {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (tool, binding) = match text.split_once('@') {
            None => (text, None),
            Some((tool, binding)) => (tool, Some(binding.parse()?)),
        };
        Ok(Self {
            tool: tool.parse()?,
            binding,
        })
    }
}

impl TryFrom<String> for ToolRef {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<ToolRef> for String {
    fn from(tool: ToolRef) -> String {
        tool.to_string()
    }
}

/// One step instance of a run: ids joined by `/`, a loop's item in brackets.
///
/// `failover`, `verify/connect`, `wave[0]/app[checkout]`; an undo is `undo/failover`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepKey(Arc<str>);

impl StepKey {
    /// A step of the runbook itself.
    pub fn root(id: &StepId) -> Self {
        Self(Arc::from(id.as_str()))
    }

    /// A key from its text; the journal's reader and the command line use it.
    pub fn from_text(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// A step inside this one: `verify` → `verify/connect`.
    pub fn child(&self, id: &StepId) -> Self {
        Self(format!("{}/{id}", self.0).into())
    }

    /// An item of this loop: `wave` → `wave[2]`.
    pub fn item(&self, key: &str) -> Self {
        Self(format!("{}[{key}]", self.0).into())
    }

    /// The undo of this step: `failover` → `undo/failover`.
    pub fn undo(&self) -> Self {
        Self(format!("undo/{}", self.0).into())
    }

    /// The key as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key without the items of the loops around it: `wave[2]/drain` → `wave/drain`.
    pub fn without_items(&self) -> String {
        let mut out = String::with_capacity(self.0.len());
        let mut depth = 0_u32;
        for c in self.0.chars() {
            match c {
                '[' => depth += 1,
                ']' => depth = depth.saturating_sub(1),
                c if depth == 0 => out.push(c),
                _ => {}
            }
        }
        out
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StepKey({:?})", &*self.0)
    }
}

/// Which try of a step: the first is 1. No `(step, attempt)` ever starts twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attempt(pub u32);

impl Attempt {
    /// The first try.
    pub const FIRST: Self = Self(1);

    /// The try after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What tells a target that two requests mean one act.
///
/// Made from run, step instance, pass and the operator's last decision to retry, never from the
/// attempt: an automatic second try carries the same key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdempotencyKey(pub String);

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_id_keeps_its_own_form() {
        assert!("db-failover".parse::<RunbookName>().is_ok());
        assert!("db_failover".parse::<RunbookName>().is_err());
        assert!("db_failover".parse::<StepId>().is_ok());
        assert!("step-1".parse::<StepId>().is_err());
        assert!("DATABASE_TOOL".parse::<ToolName>().is_ok());
        assert!("$DATABASE_TOOL".parse::<ToolName>().is_err());
        assert!("x".repeat(MAX_ID + 1).parse::<StepId>().is_err());
    }

    #[test]
    fn a_run_id_names_runbook_and_start() {
        let at: jiff::Timestamp = "2026-11-20T19:53:59Z".parse().unwrap();
        let id = RunId::new(&"db-failover".parse().unwrap(), at, [0, 1, 2, 255]);
        assert_eq!(id.as_str(), "db-failover-20261120T195359Z-abc9");
        assert!(id.as_str().parse::<RunId>().is_ok());
        assert!("../../etc/passwd".parse::<RunId>().is_err());
    }

    #[test]
    fn a_tool_may_have_a_second_binding() {
        let tool: ToolRef = "DATABASE_TOOL@old".parse().unwrap();
        assert_eq!(tool.binding.unwrap().as_str(), "old");
        assert!("DATABASE_TOOL@".parse::<ToolRef>().is_err());
    }
}
