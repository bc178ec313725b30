//! A gate as it is sent to an approver: as a file, or as a code of one line. Pure.
//!
//! The approver's machine knows nothing of the run. What decides is in the gate, whose digest it
//! computes itself: what is shown is what is signed. The title and who asks are the sender's words.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::subject::Subject;
use crate::model::approval::{Ballot, HeadRef, Vote};
use crate::model::gate::GateOpened;
use crate::model::ids::{Attempt, EnvironmentName, RunId, StepKey};
use crate::model::people::Person;
use crate::model::text::{clip, escape_controls};
use crate::model::{Digest, Timestamp};

/// The most that a request may be, in bytes, in either form. A gate is a record of a journal, which
/// is at most 64 KiB, and a code takes a third more.
pub const MAX_REQUEST: usize = 96 * 1024;

/// The version of the form.
const VERSION: u32 = 1;

/// What a code begins with.
const CODE: &str = "rb1.";

/// A gate that waits for others, with all that an approver must know to decide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRequest {
    /// The run.
    pub run: RunId,
    /// The step's title.
    pub title: String,
    /// The step.
    pub step: StepKey,
    /// Which try of it.
    pub attempt: Attempt,
    /// Where it acts.
    pub environment: EnvironmentName,
    /// Who asks.
    pub requester: Person,
    /// What is asked.
    pub gate: GateOpened,
    /// The record that opened the gate.
    pub head: HeadRef,
    /// Until when an answer may be given.
    pub expires: Timestamp,
}

/// The request with the version of its form.
#[derive(Serialize)]
struct Versioned<'a> {
    version: u32,
    request: &'a ApprovalRequest,
}

/// The same, read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Received {
    #[serde(rename = "version")]
    _version: u32,
    request: ApprovalRequest,
}

/// What is looked at first: the rest of another version may have another form altogether.
#[derive(Deserialize)]
struct OnlyVersion {
    version: u32,
}

/// Why a text is not a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotARequest {
    /// It is neither a code nor JSON.
    Form(String),
    /// It is larger than a request can be.
    TooLong(usize),
    /// The code was cut or changed on its way.
    Code,
    /// Its version is not known.
    Version(String),
    /// The JSON is not a request's.
    Json(String),
    /// What it shows is not what an answer would be bound to.
    Digest {
        /// The digest that it names.
        said: Digest,
        /// The digest of what it shows.
        shown: Digest,
    },
}

impl fmt::Display for NotARequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(text) => write!(
                f,
                "`{}` is no request: it is a file that `runbook` wrote, or a code that begins with \
                 `{CODE}`",
                escape_controls(&clip(text, 40))
            ),
            Self::TooLong(length) => write!(
                f,
                "the request is {length} bytes long, and {MAX_REQUEST} are the most"
            ),
            Self::Code => f.write_str(
                "the code is not whole: a part was cut off, or something was added on its way; \
                 copy it again, or let them send the file",
            ),
            Self::Version(found) => write!(
                f,
                "the request has version {}, and this `runbook` reads version {VERSION}: a newer \
                 `runbook` made it",
                escape_controls(found)
            ),
            Self::Json(why) => write!(f, "the request cannot be read: {}", escape_controls(why)),
            Self::Digest { said, shown } => write!(
                f,
                "what the request shows is not what an answer would be bound to ({}, not {}): it \
                 was changed, or another version made it; do not sign it",
                shown.short(),
                said.short()
            ),
        }
    }
}

impl std::error::Error for NotARequest {}

impl ApprovalRequest {
    /// Whether anything real can be touched. Not the sender's word: the environment is part of what
    /// is signed, and only the sandbox touches nothing.
    pub fn is_real(&self) -> bool {
        self.environment.as_str() != "sandbox"
    }

    /// The request as a file's text.
    ///
    /// # Errors
    /// It is too long, or cannot be written as JSON.
    pub fn json(&self) -> Result<String, NotARequest> {
        let json = serde_json::to_string(&Versioned {
            version: VERSION,
            request: self,
        });
        sized(json.map_err(|error| NotARequest::Json(error.to_string()))? + "\n")
    }

    /// The request as one word, for a chat.
    ///
    /// # Errors
    /// It is too long, or cannot be written as JSON.
    pub fn code(&self) -> Result<String, NotARequest> {
        let json = self.json()?;
        sized(format!("{CODE}{}", URL_SAFE_NO_PAD.encode(json.trim_end())))
    }

    /// Reads a request in either form. What it shows is proven to be what it is about.
    ///
    /// # Errors
    /// It is not whole, of another version, or shows something else than an answer would be bound
    /// to.
    pub fn read(text: &str) -> Result<Self, NotARequest> {
        let text = text.trim();
        if text.len() > MAX_REQUEST {
            return Err(NotARequest::TooLong(text.len()));
        }
        let request = match text.strip_prefix(CODE) {
            Some(code) => {
                let json = URL_SAFE_NO_PAD.decode(code);
                of_json(&json.map_err(|_| NotARequest::Code)?)?
            }
            None if text.starts_with('{') => of_json(text.as_bytes())?,
            None => return Err(not_a_code(text)),
        };
        let shown = request
            .gate
            .bound(
                &request.run,
                &request.environment,
                &request.step,
                request.attempt,
            )
            .map_err(|error| NotARequest::Json(error.to_string()))?;
        if shown == request.gate.digest {
            Ok(request)
        } else {
            Err(NotARequest::Digest {
                said: request.gate.digest,
                shown,
            })
        }
    }

    /// What an answer must be about.
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            run: &self.run,
            step: &self.step,
            attempt: self.attempt,
            environment: &self.environment,
            gate: self.gate.digest,
            head: self.head,
        }
    }

    /// What an approver signs. A reason of several lines becomes one.
    pub fn ballot(&self, vote: Vote, reason: Option<&str>) -> Ballot {
        let one_line = |reason: &str| {
            let words: Vec<&str> = reason.split_whitespace().collect();
            escape_controls(&words.join(" ")).into_owned()
        };
        Ballot {
            run: self.run.clone(),
            step: self.step.clone(),
            attempt: self.attempt,
            environment: self.environment.clone(),
            gate: self.gate.digest,
            head: self.head,
            expires: self.expires,
            vote,
            reason: reason.map(one_line).filter(|reason| !reason.is_empty()),
        }
    }
}

fn sized(text: String) -> Result<String, NotARequest> {
    if text.len() > MAX_REQUEST {
        Err(NotARequest::TooLong(text.len()))
    } else {
        Ok(text)
    }
}

fn of_json(json: &[u8]) -> Result<ApprovalRequest, NotARequest> {
    let broken = |error: serde_json::Error| NotARequest::Json(error.to_string());
    let OnlyVersion { version } = serde_json::from_slice(json).map_err(broken)?;
    if version != VERSION {
        return Err(NotARequest::Version(version.to_string()));
    }
    let received: Received = serde_json::from_slice(json).map_err(broken)?;
    Ok(received.request)
}

/// A code of another version is said as such.
fn not_a_code(text: &str) -> NotARequest {
    match text
        .strip_prefix("rb")
        .and_then(|rest| rest.split_once('.'))
    {
        Some((version, _))
            if !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit()) =>
        {
            NotARequest::Version(version.to_owned())
        }
        _ => NotARequest::Form(text.to_owned()),
    }
}
