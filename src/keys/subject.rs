//! What a ballot must be about, to count at a gate. Pure.

use std::fmt;

use crate::model::approval::{Ballot, HeadRef};
use crate::model::ids::{Attempt, EnvironmentName, RunId, StepKey};
use crate::model::text::escape_controls;
use crate::model::{Digest, Timestamp};

/// A gate that waits for what others say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The run.
    pub run: &'a RunId,
    /// The step.
    pub step: &'a StepKey,
    /// Which try of it.
    pub attempt: Attempt,
    /// Where it acts.
    pub environment: &'a EnvironmentName,
    /// The digest of what the gate shows.
    pub gate: Digest,
    /// The record that opened the gate.
    pub head: HeadRef,
}

/// Why a ballot says nothing about a gate, however well it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtherSubject {
    /// It is about something else.
    Other {
        /// What differs: `run`.
        what: &'static str,
        /// What the ballot says.
        ballot: String,
        /// What is asked.
        asked: String,
    },
    /// It came too late.
    Expired(Timestamp),
}

impl fmt::Display for OtherSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other {
                what,
                ballot,
                asked,
            } => write!(
                f,
                "the ballot is about another {what}: {}, and what is asked is {}",
                escape_controls(ballot),
                escape_controls(asked)
            ),
            Self::Expired(at) => {
                write!(f, "the ballot could be cast until {at}: ask for a new one")
            }
        }
    }
}

impl std::error::Error for OtherSubject {}

impl Subject<'_> {
    /// Whether a ballot that is cast at some time is about exactly this gate.
    ///
    /// # Errors
    /// It is about something else, or it is too late.
    pub fn admits(&self, ballot: &Ballot, at: Timestamp) -> Result<(), OtherSubject> {
        let head = |head: &HeadRef| format!("{} {}", head.seq, head.h);
        let pairs = [
            ("run", ballot.run.to_string(), self.run.to_string()),
            // A ballot is text, in which control characters are shown as escapes.
            (
                "step",
                escape_controls(ballot.step.as_str()).into_owned(),
                escape_controls(self.step.as_str()).into_owned(),
            ),
            (
                "attempt",
                ballot.attempt.to_string(),
                self.attempt.to_string(),
            ),
            (
                "environment",
                ballot.environment.to_string(),
                self.environment.to_string(),
            ),
            ("gate", ballot.gate.to_string(), self.gate.to_string()),
            ("opening of the gate", head(&ballot.head), head(&self.head)),
        ];
        for (what, ballot, asked) in pairs {
            if ballot != asked {
                return Err(OtherSubject::Other {
                    what,
                    ballot,
                    asked,
                });
            }
        }
        if at > ballot.expires {
            return Err(OtherSubject::Expired(ballot.expires));
        }
        Ok(())
    }
}
