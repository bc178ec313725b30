//! What is said at a run's socket: one line of JSON in, one line of JSON out.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::Digest;
use crate::model::approval::Vote;
use crate::model::event::Reviewed;
use crate::model::ids::{Attempt, RunId, StepKey};
use crate::model::people::Person;

/// The version of what is said.
const VERSION: u32 = 1;

/// The longest line in either direction, in bytes. A signed answer holds a ballot and a signature,
/// and is far shorter.
pub const MAX_LINE: usize = 256 * 1024;

/// What somebody wants of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// To know who drives it.
    Status,
    /// To say yes or no at a gate.
    Vote {
        /// The gate's step.
        step: StepKey,
        /// Which try of it.
        attempt: Attempt,
        /// What they saw.
        digest: Digest,
        /// What they say.
        vote: Vote,
        /// Why.
        reason: Option<String>,
    },
    /// To hand in a signed answer, whoever signed it.
    Ballot {
        /// The answer's text.
        answer: String,
    },
    /// To end the run.
    Cancel {
        /// Why.
        reason: String,
    },
    /// To say that they have looked at what was done without an approval.
    Review {
        /// What they looked at.
        of: Reviewed,
        /// What they found.
        reason: String,
    },
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Reply {
    /// How the run stands.
    Standing(Standing),
    /// It is on the disk; and what follows from it, in words.
    Done(String),
    /// It changed nothing; and why, in words.
    Refused(String),
}

/// Who drives a run, and what it waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// The run.
    pub run: RunId,
    /// Who operates it.
    pub operator: Person,
    /// The process that drives it.
    pub pid: u32,
    /// The steps whose gates wait for somebody.
    pub gates: Vec<StepKey>,
}

/// A line with its version.
#[derive(Serialize)]
struct Sent<'a, T> {
    v: u32,
    body: &'a T,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Received<T> {
    #[serde(rename = "v")]
    _version: u32,
    body: T,
}

/// What is looked at first: another version's lines may have another form altogether.
#[derive(Deserialize)]
struct OnlyVersion {
    v: u32,
}

/// The line that says this, its end included.
pub fn write<T: Serialize>(said: &T) -> Vec<u8> {
    let sent = Sent {
        v: VERSION,
        body: said,
    };
    // Texts, numbers and lists of them are always JSON.
    let mut line = serde_json::to_vec(&sent).unwrap_or_default();
    line.push(b'\n');
    line
}

/// What a line says.
///
/// # Errors
/// Why it is not understood, in words.
pub fn read<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    let version: OnlyVersion =
        serde_json::from_slice(line).map_err(|_| "this is no line of this program's".to_owned())?;
    if version.v != VERSION {
        return Err(format!(
            "it speaks version {}, and this program version {VERSION}: use the same `runbook` on both sides",
            version.v
        ));
    }
    serde_json::from_slice::<Received<T>>(line)
        .map(|received| received.body)
        .map_err(|error| format!("it is not understood: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood_again() {
        let all = [
            Request::Status,
            Request::Vote {
                step: StepKey::from_text("a/b[x]"),
                attempt: Attempt::FIRST,
                digest: Digest::ZERO,
                vote: Vote::Decline,
                reason: Some("two\nlines".to_owned()),
            },
            Request::Cancel {
                reason: "enough".to_owned(),
            },
            Request::Review {
                of: Reviewed::BreakGlass,
                reason: "fine".to_owned(),
            },
        ];
        for request in all {
            let line = write(&request);
            assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            assert_eq!(read::<Request>(&line), Ok(request));
        }
    }

    #[test]
    fn anything_else_is_refused_in_words() {
        let said = |line: &str| read::<Request>(line.as_bytes()).unwrap_err();
        assert!(said("GET / HTTP/1.1").contains("no line of this program"));
        assert!(said("{\"v\":2,\"body\":{\"other\":1}}").contains("version 2"));
        assert!(said("{\"v\":1,\"body\":\"approve_all\"}").contains("approve_all"));
        assert!(
            said("{\"v\":1,\"body\":{\"cancel\":{\"reason\":\"x\",\"as\":\"ana\"}}}")
                .contains("as")
        );
    }
}
