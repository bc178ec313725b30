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

impl Person {
    /// Whether the kernel can say who this is: not where somebody is root without having logged
    /// in, as a daemon is, and as anybody may be who changed to it.
    pub fn is_identified(&self) -> bool {
        self.uid != 0 || self.login_uid.is_some()
    }

    /// Whether both may be the same human: by their accounts' names, or, on one machine, by the
    /// account that they logged in to, which survives `sudo`. To err on this side costs a second
    /// person, never a missing one.
    pub fn is_same_human(&self, other: &Self) -> bool {
        let account = |person: &Self| person.login_uid.unwrap_or(person.uid);
        let local = |person: &Self| {
            let name = person.user.split('@').next().unwrap_or_default();
            name.to_ascii_lowercase()
        };
        let one_account = self.host == other.host && account(self) == account(other);
        one_account || local(self) == local(other)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn person(user: &str, uid: u32, login_uid: Option<u32>, host: &str) -> Person {
        Person {
            user: user.to_owned(),
            uid,
            login_uid,
            host: host.to_owned(),
            terminal: None,
        }
    }

    #[test]
    fn sudo_makes_nobody_another_human() {
        let ana = person("ana", 1000, Some(1000), "ops-1");
        assert!(ana.is_same_human(&person("root", 0, Some(1000), "ops-1")));
        assert!(ana.is_same_human(&person("Ana", 4, None, "ops-2")));
        assert!(!ana.is_same_human(&person("root", 0, Some(1000), "ops-2")));
        assert!(!ana.is_same_human(&person("li", 1001, Some(1001), "ops-1")));
    }

    #[test]
    fn root_without_a_login_is_nobody_in_particular() {
        assert!(!person("root", 0, None, "ops-1").is_identified());
        assert!(person("root", 0, Some(1000), "ops-1").is_identified());
        assert!(person("ana", 1000, None, "ops-1").is_identified());
    }
}
