//! Decisions of others: who may give them, who gave them, and how we know.
//!
//! A gate that asks for approvals is passed once its operator said yes *and* enough others did.
//! What another says is bound to the digest of what the gate showed, like the operator's own word.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Digest;
use super::ids::{Attempt, EnvironmentName, GroupName, InvalidId, RunId, StepKey};
use super::people::Person;

/// A person as policies and signers' files name them: `ana`, `ana@example.org`.
///
/// Compared by [`Principal::is_same_person`] wherever two of them must be two people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Principal(Arc<str>);

impl Principal {
    /// The rule, in words.
    pub const ALLOWED: &'static str = "a name or an address: letters, digits and `._+-`, with at most one `@`, beginning with a letter or a digit, at most 128 of them";

    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both may be the same human: `ana` and `ana@example.org` may be, so they never count
    /// as two. To err on this side costs a second approver, never a missing one.
    pub fn is_same_person(&self, other: &Self) -> bool {
        self.local().eq_ignore_ascii_case(other.local())
    }

    /// Whether this is one of the two names that a login goes by: `user` and `user@host`.
    pub fn names(&self, person: &Person) -> bool {
        self.as_str() == person.user || self.as_str() == person.to_string()
    }

    /// Whether this may be the human behind a login, with the same care as
    /// [`Principal::is_same_person`].
    pub fn may_be(&self, person: &Person) -> bool {
        self.local().eq_ignore_ascii_case(local(&person.user))
    }

    fn local(&self) -> &str {
        local(&self.0)
    }
}

fn local(name: &str) -> &str {
    name.split('@').next().unwrap_or_default()
}

impl FromStr for Principal {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let word = |c: char| c.is_ascii_alphanumeric() || "._+-@".contains(c);
        let fits = text.len() <= 128
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(word)
            && text.matches('@').count() <= 1
            && !text.ends_with('@');
        if fits {
            Ok(Self(Arc::from(text)))
        } else {
            Err(InvalidId {
                what: "a person",
                text: text.to_owned(),
                allowed: Self::ALLOWED,
            })
        }
    }
}

impl TryFrom<String> for Principal {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<Principal> for String {
    fn from(principal: Principal) -> Self {
        principal.0.as_ref().to_owned()
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What another person says about a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Vote {
    /// Yes.
    Approve,
    /// No. Final, whoever says it.
    Decline,
}

impl Vote {
    /// The word in ballots and on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Decline => "decline",
        }
    }
}

/// Somebody who said something about another's run, and how we know that it was them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Voter {
    /// Who.
    pub principal: Principal,
    /// How we know.
    pub proof: Proof,
}

impl Voter {
    /// Whether both may be the same human: by their names, by the accounts that they logged in
    /// to, or by the key that they signed with.
    pub fn is_same_person(&self, other: &Self) -> bool {
        let by_proof = match (&self.proof, &other.proof) {
            (Proof::Login(one), Proof::Login(two)) => one.is_same_human(two),
            (Proof::Signature(one), Proof::Signature(two)) => one.key == two.key,
            _ => false,
        };
        by_proof || self.principal.is_same_person(&other.principal)
    }

    /// Whether this may be the human behind a login.
    pub fn may_be(&self, person: &Person) -> bool {
        let by_login = match &self.proof {
            Proof::Login(login) => login.is_same_human(person),
            Proof::Signature(_) => false,
        };
        by_login || self.principal.may_be(person)
    }
}

/// How we know who somebody is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// The operating system says so: a login on this machine.
    Login(Person),
    /// An SSH signature over a ballot.
    Signature(Box<SignedBallot>),
}

/// The environment's approvals that a gate waits for, resolved to people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalsAsked {
    /// How many different people, the operator not counted; at least 1.
    pub count: u32,
    /// The groups that may; anybody else than the operator where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<GroupName>,
    /// Who is in those groups. With groups and nobody in them, nobody can approve.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<Principal>,
    /// People who may not, beside the operator.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Principal>,
    /// Whether the gate lets the step act before they are there: they are owed within 24 hours.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub afterwards: bool,
    /// Whether `count` is one more than was demanded: somebody who operates the run is root without
    /// a login, and may be any of those who approve. So all the others of them are others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub one_more: bool,
}

impl ApprovalsAsked {
    /// Whether this person may be one of them, as far as the gate says. That they are not the
    /// operator is the run's to say.
    pub fn may(&self, principal: &Principal) -> bool {
        let named = self.from.is_empty() || self.people.contains(principal);
        named && !self.excludes(principal)
    }

    /// The people who may, by name; none where anybody else than the operator may.
    pub fn invited(&self) -> impl Iterator<Item = &Principal> {
        self.people.iter().filter(|person| !self.excludes(person))
    }

    /// Whether the gate names this person as one who may not.
    pub fn excludes(&self, principal: &Principal) -> bool {
        let mut excluded = self.exclude.iter();
        excluded.any(|other| other.is_same_person(principal))
    }
}

/// A place in a run's journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadRef {
    /// The record's place.
    pub seq: u64,
    /// The record's hash.
    pub h: Digest,
}

/// What an approver signs: one decision about one gate of one attempt of one run.
///
/// The head is that of the record that opened the gate: no other gate has it, so a ballot cannot be
/// used twice, and whoever rewrites what came before it needs the approver's key too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ballot {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepKey,
    /// Which try of it.
    pub attempt: Attempt,
    /// Where it acts.
    pub environment: EnvironmentName,
    /// The digest of what the gate shows.
    pub gate: Digest,
    /// The record that opened the gate.
    pub head: HeadRef,
    /// Until when the ballot may be cast.
    pub expires: jiff::Timestamp,
    /// What is said.
    pub vote: Vote,
    /// Why, in the approver's own words: one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Ballot {
    /// The namespace of the signature: a signature made for anything else is none.
    pub const NAMESPACE: &'static str = "approve@runbook";

    /// The exact bytes that are signed. Each field is one line, so no value can pass for another:
    /// control characters are shown as escapes.
    pub fn text(&self) -> String {
        let line = super::text::escape_controls;
        let mut out = format!(
            "runbook ballot v1\nvote: {}\nrun: {}\nstep: {}\nattempt: {}\nenvironment: {}\ngate: {}\nhead: {} {}\nexpires: {}\n",
            self.vote.word(),
            self.run,
            line(self.step.as_str()),
            self.attempt,
            self.environment,
            self.gate,
            self.head.seq,
            self.head.h,
            self.expires,
        );
        if let Some(reason) = &self.reason {
            out.push_str(&format!("reason: {}\n", line(reason)));
        }
        out
    }
}

/// A ballot and its signature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignedBallot {
    /// What was signed.
    pub ballot: Ballot,
    /// The signature, armored (`-----BEGIN SSH SIGNATURE-----`): see OpenSSH's PROTOCOL.sshsig.
    pub signature: String,
    /// The key's fingerprint as `ssh-keygen -l` shows it (`SHA256:…`), for people.
    pub key: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(text: &str) -> Principal {
        text.parse().unwrap()
    }

    #[test]
    fn one_human_under_two_names_never_counts_twice() {
        let ana = principal("ana");
        assert!(ana.is_same_person(&principal("ana@example.org")));
        assert!(ana.is_same_person(&principal("Ana@db1")));
        assert!(!ana.is_same_person(&principal("anabel")));
    }

    #[test]
    fn a_login_goes_by_two_names_and_may_be_more_people_than_those() {
        let login = Person {
            user: "ana".to_owned(),
            uid: 1000,
            login_uid: None,
            host: "ops-1".to_owned(),
            terminal: None,
        };
        assert!(principal("ana").names(&login) && principal("ana@ops-1").names(&login));
        assert!(!principal("ana@example.org").names(&login));
        assert!(!principal("Ana").names(&login));
        assert!(principal("Ana@example.org").may_be(&login));
        assert!(!principal("anabel").may_be(&login));
    }

    #[test]
    fn a_key_and_a_login_are_one_human_under_any_name() {
        let signed = |name: &str, key: &str| Voter {
            principal: principal(name),
            proof: Proof::Signature(Box::new(SignedBallot {
                ballot: Ballot {
                    run: "a-20261120T195359Z-7k3f".parse().unwrap(),
                    step: StepKey::from_text("a"),
                    attempt: Attempt::FIRST,
                    environment: "sandbox".parse().unwrap(),
                    gate: Digest::ZERO,
                    head: HeadRef {
                        seq: 1,
                        h: Digest::ZERO,
                    },
                    expires: jiff::Timestamp::UNIX_EPOCH,
                    vote: Vote::Approve,
                    reason: None,
                },
                signature: String::new(),
                key: key.to_owned(),
            })),
        };
        let ana = signed("ana", "SHA256:a");
        assert!(ana.is_same_person(&signed("li", "SHA256:a")));
        assert!(ana.is_same_person(&signed("ana@example.org", "SHA256:b")));
        assert!(!ana.is_same_person(&signed("li", "SHA256:b")));
    }

    #[test]
    fn what_could_be_taken_for_an_option_or_a_pattern_is_nobody() {
        for text in [
            "", "-f", "a b", "a,b", "*", "a@b@c", "a@", "a\"b", "ä", "a\n",
        ] {
            assert!(text.parse::<Principal>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn groups_and_exclusions_hold() {
        let asked = ApprovalsAsked {
            count: 1,
            from: vec!["dba".parse().unwrap()],
            people: vec![principal("li@example.org"), principal("ana")],
            exclude: vec![principal("ana")],
            afterwards: false,
            one_more: false,
        };
        assert!(asked.may(&principal("li@example.org")));
        assert!(!asked.may(&principal("li")));
        assert!(!asked.may(&principal("ana")));
    }
}
