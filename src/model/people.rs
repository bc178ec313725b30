//! Who did something, and by which way it reached us.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A person as the operating system knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The account's name.
    pub user: String,
    /// The effective user id.
    pub uid: u32,
    /// The user who logged in, where the kernel knows it: it survives `sudo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<u32>,
    /// The machine.
    pub host: String,
    /// The terminal's device, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<String>,
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.host)
    }
}

/// Who caused an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Actor {
    /// The engine, by the rules of the runbook.
    Engine,
    /// A person.
    Person(Person),
}

/// By which way a decision or an answer reached the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Typed at the controlling terminal.
    Terminal,
    /// `--yes`.
    Yes,
    /// `--answer` or `--answers`.
    Answers,
    /// `runbook approve` and its kin, from another login on this machine.
    Login,
    /// An SSH signature, made anywhere.
    Signature,
    /// The runbook or the policy decides without a person.
    Rule,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terminal => "at the terminal",
            Self::Yes => "by --yes",
            Self::Answers => "by a prepared answer",
            Self::Login => "from another login",
            Self::Signature => "by signature",
            Self::Rule => "by rule",
        })
    }
}
