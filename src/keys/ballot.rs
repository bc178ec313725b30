//! The answer that an approver sends back: a ballot, and its signature behind it. Pure.
//!
//! It travels through chats and mails, so its reader takes it out of what stands around it, and
//! is strict beyond that: what it takes is exactly what was signed, and what a program or a person
//! changed on the way is said in plain words.

use std::fmt;

use super::sshsig::{NotASignature, Signature};
use crate::model::approval::{Ballot, HeadRef, SignedBallot, Vote};
use crate::model::ids::{Attempt, StepKey};
use crate::model::text::{clip, escape_controls};

/// The most that an answer may be, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// The first line of every ballot.
const FIRST: &str = "runbook ballot v1";

/// How the first line of a ballot of whatever version begins.
const ANY_FIRST: &str = "runbook ballot v";

/// The last line of every answer.
const END: &str = "-----END SSH SIGNATURE-----";

/// Why a text is not an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAnAnswer {
    /// It is far longer than an answer.
    TooLong,
    /// Its lines end as on Windows.
    LineEnds,
    /// Its lines are marked as those of somebody else.
    Quoted,
    /// It is a ballot of a version that is not known.
    Version(String),
    /// A line is not the one that belongs there.
    Line {
        /// Which, counted from 1.
        line: usize,
        /// What belongs there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A line is written in another way than any ballot is, or is one too many.
    Changed {
        /// Which, counted from 1.
        line: usize,
        /// What stands there.
        found: String,
    },
    /// There is a ballot without a signature.
    NoSignature,
    /// The signature is not whole.
    Signature(NotASignature),
    /// There is more than one.
    Several,
}

impl NotAnAnswer {
    /// The same about a text that so many lines stand before.
    fn below(self, before: usize) -> Self {
        match self {
            Self::Line {
                line,
                expected,
                found,
            } => Self::Line {
                line: line + before,
                expected,
                found,
            },
            Self::Changed { line, found } => Self::Changed {
                line: line + before,
                found,
            },
            other => other,
        }
    }
}

impl fmt::Display for NotAnAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &str| escape_controls(&clip(text, 60)).into_owned();
        match self {
            Self::TooLong => f.write_str("this is far too long for a ballot"),
            Self::LineEnds => f.write_str(
                "the lines end as on Windows, which is not what was signed: send the answer as a \
                 file, or paste it from a program that leaves line ends alone",
            ),
            Self::Quoted => f.write_str(
                "the lines begin with `>`, as a quotation: copy the answer itself, without the \
                 marks",
            ),
            Self::Version(found) => write!(
                f,
                "`{}` is a ballot that this version cannot read: it reads `{FIRST}`",
                shown(found)
            ),
            Self::Line {
                line,
                expected,
                found,
            } if found.is_empty() => {
                write!(f, "line {line}: `{expected}` is missing there")
            }
            Self::Line {
                line,
                expected,
                found,
            } => write!(
                f,
                "line {line}: expected `{expected}`, found `{}`",
                shown(found)
            ),
            Self::Changed { line, found } => {
                write!(f, "line {line} is not as it was signed: `{}`", shown(found))
            }
            Self::NoSignature => f.write_str(
                "the ballot has no signature behind it: copy the answer to its last line, \
                 `-----END SSH SIGNATURE-----`",
            ),
            Self::Signature(error) => error.fmt(f),
            Self::Several => {
                f.write_str("there is more than one answer here: hand in one after another")
            }
        }
    }
}

impl std::error::Error for NotAnAnswer {}

/// What an approver sends back: the text that was signed, and the signature.
pub fn answer_text(ballot: &Ballot, signature: &str) -> String {
    format!("{}{}\n", ballot.text(), signature.trim_end())
}

/// Reads an answer. What stands before and behind it is left out, and so is what all of its lines are
/// indented by: nothing of that is signed. Anything in it that is not exactly an answer is refused.
///
/// Who signed it is not in it: that is for [`super::Keygen::verify`] to find out.
///
/// # Errors
/// It is anything else than what [`answer_text`] makes, or there is more than one.
pub fn read_answer(text: &str) -> Result<SignedBallot, NotAnAnswer> {
    if text.len() > MAX_ANSWER {
        return Err(NotAnAnswer::TooLong);
    }
    if text.contains('\r') {
        return Err(NotAnAnswer::LineEnds);
    }
    let (before, text) = pasted(text)?;
    read_alone(&text).map_err(|error| error.below(before))
}

/// The answer in what somebody pasted, without what its lines are indented by, and how many lines
/// stand before it.
fn pasted(text: &str) -> Result<(usize, String), NotAnAnswer> {
    let begins = |line: &str| line.trim_start().starts_with(ANY_FIRST);
    let Some(before) = text.lines().position(begins) else {
        let quoted = |line: &str| line.trim_start_matches(['>', ' ']).starts_with(ANY_FIRST);
        return match text.lines().any(quoted) {
            true => Err(NotAnAnswer::Quoted),
            // What stands there in place of an answer is said by its first line.
            false => Ok((0, text.trim_start_matches('\n').to_owned())),
        };
    };
    let mut lines = text.lines().skip(before).peekable();
    let first = lines.peek().copied().unwrap_or_default();
    let indent = &first[..first.len() - first.trim_start().len()];
    let mut out = String::with_capacity(text.len());
    while let Some(line) = lines.next() {
        let line = line.strip_prefix(indent).unwrap_or(line);
        out.push_str(line);
        out.push('\n');
        if line.trim_end() == END {
            return match lines.any(begins) {
                true => Err(NotAnAnswer::Several),
                false => Ok((before, out)),
            };
        }
    }
    Ok((before, out))
}

/// Reads what should be an answer and nothing else.
fn read_alone(text: &str) -> Result<SignedBallot, NotAnAnswer> {
    let armor = "-----BEGIN SSH SIGNATURE-----\n";
    let (before, behind) = text.split_at(text.find(armor).unwrap_or(text.len()));
    if behind.is_empty() && before.starts_with(FIRST) {
        return Err(NotAnAnswer::NoSignature);
    }
    let ballot = read_ballot(before)?;
    let signature = format!("{}\n", behind.trim_end());
    let key = Signature::read(&signature)
        .map_err(NotAnAnswer::Signature)?
        .fingerprint();
    Ok(SignedBallot {
        ballot,
        signature,
        key,
    })
}

/// The lines of a ballot, one after another.
struct Lines<'a> {
    lines: std::str::Split<'a, char>,
    number: usize,
}

impl<'a> Lines<'a> {
    /// The value of the line that belongs here.
    fn value<T>(
        &mut self,
        label: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, NotAnAnswer> {
        self.number += 1;
        let line = self.lines.next().unwrap_or_default();
        line.strip_prefix(label)
            .and_then(read)
            .ok_or_else(|| NotAnAnswer::Line {
                line: self.number,
                expected: label.trim_end(),
                found: line.to_owned(),
            })
    }
}

fn read_ballot(text: &str) -> Result<Ballot, NotAnAnswer> {
    let first = text.lines().next().unwrap_or_default();
    if first != FIRST && first.starts_with(ANY_FIRST) {
        return Err(NotAnAnswer::Version(first.to_owned()));
    }
    let mut lines = Lines {
        lines: text.split('\n'),
        number: 0,
    };
    lines.value(FIRST, |rest| rest.is_empty().then_some(()))?;
    let ballot = Ballot {
        vote: lines.value("vote: ", |word| {
            [Vote::Approve, Vote::Decline]
                .into_iter()
                .find(|vote| vote.word() == word)
        })?,
        run: lines.value("run: ", |run| run.parse().ok())?,
        step: lines.value("step: ", |step| Some(StepKey::from_text(step)))?,
        attempt: lines.value("attempt: ", |number| number.parse().ok().map(Attempt))?,
        environment: lines.value("environment: ", |name| name.parse().ok())?,
        gate: lines.value("gate: ", |digest| digest.parse().ok())?,
        head: lines.value("head: ", |head| {
            let (seq, h) = head.split_once(' ')?;
            Some(HeadRef {
                seq: seq.parse().ok()?,
                h: h.parse().ok()?,
            })
        })?,
        expires: lines.value("expires: ", |time| time.parse().ok())?,
        reason: match lines.lines.clone().next() {
            Some(line) if line.starts_with("reason: ") => {
                Some(lines.value("reason: ", |reason| Some(reason.to_owned()))?)
            }
            _ => None,
        },
    };
    // What was signed are bytes: a line more, or a value that would be written in another way, was
    // not signed so.
    let written = ballot.text();
    if written == text {
        Ok(ballot)
    } else {
        Err(first_difference(&written, text))
    }
}

fn first_difference(written: &str, text: &str) -> NotAnAnswer {
    let mut pairs = (1..).zip(text.split('\n').zip(written.split('\n')));
    let (line, found) = pairs
        .find(|(_, (found, right))| found != right)
        // The one has more lines than the other.
        .map_or((written.lines().count() + 1, ""), |(line, (found, _))| {
            (line, found)
        });
    NotAnAnswer::Changed {
        line,
        found: found.to_owned(),
    }
}
