//! One line of a journal: its envelope, its exact bytes, and the strict way back.
//!
//! Pure. The keys have one order, `v, run, seq, boot, mono, at, kind, step, attempt, actor, data,
//! h`; `step` and `attempt` are left out where there is none. The hash is over the bytes, not over
//! what they mean, so no canonical form is needed and `jq` still reads the file.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::chain;
use super::envelope::{self, Envelope};
use super::error::{DecodeError, EncodeError, Newer};
use super::repair::Torn;
use super::stamp::Stamp;
use super::strict;
use crate::model::ids::{Attempt, RunId, StepKey};
use crate::model::people::Actor;
use crate::model::{Digest, Event, Happened};

/// The version of the format that is written.
pub const VERSION: u64 = 1;

/// The longest line, its newline left out, in bytes.
pub const MAX_RECORD: usize = 64 * 1024;

/// The tail of a line, from `,"h":"` to the closing brace, in bytes.
const SEAL: usize = r#","h":""#.len() + 64 + r#""}"#.len();

/// What a journal's records hold: a run's events, or those of the ledger.
pub trait Entry: Clone + Debug + PartialEq + Sized {
    /// Whose journal it is; stands in every record's `run`.
    type Id: Clone + Debug + PartialEq + Display + FromStr;
    /// What happened, tagged by serde with `kind` and `data`.
    type What: Serialize + DeserializeOwned;
    /// Every `kind` that this version knows.
    const KINDS: &'static [&'static str];

    /// The entry's `kind`.
    fn kind(&self) -> &'static str;
    /// What happened.
    fn what(&self) -> &Self::What;
    /// When.
    fn at(&self) -> Timestamp;
    /// By whom.
    fn actor(&self) -> &Actor;
    /// To which step.
    fn step(&self) -> Option<&StepKey>;
    /// To which try of it.
    fn attempt(&self) -> Option<Attempt>;
    /// The torn tail that it says was set aside.
    fn recovered(&self) -> Option<Torn>;
    /// The entry again, from what stood in a record.
    fn build(
        at: Timestamp,
        step: Option<StepKey>,
        attempt: Option<Attempt>,
        actor: Actor,
        what: Self::What,
    ) -> Self;
}

impl Entry for Event {
    type Id = RunId;
    type What = Happened;
    const KINDS: &'static [&'static str] = &Happened::KINDS;

    fn kind(&self) -> &'static str {
        self.what.kind()
    }

    fn what(&self) -> &Happened {
        &self.what
    }

    fn at(&self) -> Timestamp {
        self.at
    }

    fn actor(&self) -> &Actor {
        &self.actor
    }

    fn step(&self) -> Option<&StepKey> {
        self.step.as_ref()
    }

    fn attempt(&self) -> Option<Attempt> {
        self.attempt
    }

    fn recovered(&self) -> Option<Torn> {
        match self.what {
            Happened::Recovered {
                offset,
                length,
                sha256,
            } => Some(Torn {
                offset,
                length,
                sha256,
            }),
            _ => None,
        }
    }

    fn build(
        at: Timestamp,
        step: Option<StepKey>,
        attempt: Option<Attempt>,
        actor: Actor,
        what: Happened,
    ) -> Self {
        Self {
            at,
            step,
            attempt,
            actor,
            what,
        }
    }
}

/// One record whose hash was computed or checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<E: Entry = Event> {
    /// Whose journal it stands in.
    pub run: E::Id,
    /// Its place, counted from 0 without gaps.
    pub seq: u64,
    /// When, by the machine's clock since boot.
    pub stamp: Stamp,
    /// What happened.
    pub event: E,
    /// Its hash, which covers all records before it too.
    pub h: Digest,
}

/// The end of a chain: the last record's place and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last record's `seq`.
    pub seq: u64,
    /// Its hash.
    pub h: Digest,
}

/// Where the next record goes: what it must follow.
#[derive(Clone, Debug, PartialEq)]
pub struct Place<I> {
    /// Whose journal it is.
    pub run: I,
    /// The next record's `seq`.
    pub seq: u64,
    /// The hash before it.
    pub previous: Digest,
}

impl<I> Place<I> {
    /// The place of a journal's first record.
    pub fn first(run: I) -> Self {
        Self {
            run,
            seq: 0,
            previous: Digest::ZERO,
        }
    }

    /// The last record before this place, where there is one.
    pub fn head(&self) -> Option<Head> {
        self.seq.checked_sub(1).map(|seq| Head {
            seq,
            h: self.previous,
        })
    }

    /// Goes on to the place after a record with this hash.
    pub fn advance(&mut self, h: Digest) {
        self.seq = self.seq.saturating_add(1);
        self.previous = h;
    }
}

/// A record's line, newline included, and its hash.
///
/// # Errors
/// The line would be longer than [`MAX_RECORD`] (what makes it long belongs into a blob), or
/// the event cannot be written as JSON.
pub fn encode<E: Entry>(
    place: &Place<E::Id>,
    stamp: &Stamp,
    entry: &E,
) -> Result<(Vec<u8>, Digest), EncodeError> {
    let mut line = envelope::body(place, stamp, entry)?;
    let h = chain::link(&place.previous, &line);
    line.extend_from_slice(br#","h":""#);
    line.extend_from_slice(h.to_string().as_bytes());
    line.extend_from_slice(br#""}"#);
    if line.len() > MAX_RECORD {
        return Err(EncodeError::TooLarge {
            kind: entry.kind(),
            bytes: line.len(),
        });
    }
    line.push(b'\n');
    Ok((line, h))
}

/// The record that stands in a line, its newline left out, at this place of a journal.
///
/// The hash is checked before anything else is believed: what fails it is corrupt, whatever it says.
///
/// # Errors
/// Anything but a record that belongs exactly here; see [`DecodeError`].
pub fn decode<E: Entry>(line: &[u8], place: &Place<E::Id>) -> Result<Record<E>, DecodeError> {
    if line.len() > MAX_RECORD {
        return Err(DecodeError::TooLong { bytes: line.len() });
    }
    let text = std::str::from_utf8(line).map_err(|_| DecodeError::NotUtf8)?;
    let (body, h) = unseal(line).ok_or(DecodeError::NoHash)?;
    if chain::link(&place.previous, body) != h {
        return Err(DecodeError::Hash);
    }
    strict::check(text).map_err(|error| DecodeError::Malformed(error.to_string()))?;
    let read: Envelope<E> = serde_json::from_str(text).map_err(|error| newer::<E>(text, &error))?;
    if read.run != place.run {
        return Err(DecodeError::OtherRun {
            expected: place.run.to_string(),
            found: read.run.to_string(),
        });
    }
    if read.seq != place.seq {
        return Err(DecodeError::Seq {
            expected: place.seq,
            found: read.seq,
        });
    }
    Ok(Record {
        run: read.run,
        seq: read.seq,
        stamp: read.stamp,
        event: read.entry,
        h,
    })
}

/// A line's bytes before `,"h":"`, and the hash after it.
fn unseal(line: &[u8]) -> Option<(&[u8], Digest)> {
    let (body, seal) = line.split_at(line.len().checked_sub(SEAL)?);
    let hex = seal.strip_prefix(br#","h":""#)?.strip_suffix(br#""}"#)?;
    let h = std::str::from_utf8(hex).ok()?.parse().ok()?;
    Some((body, h))
}

/// Why a line with a good hash could not be read: a newer version wrote it, or it is malformed.
fn newer<E: Entry>(text: &str, error: &serde_json::Error) -> DecodeError {
    #[derive(serde::Deserialize)]
    struct Peek {
        v: u64,
        kind: Option<String>,
    }
    match serde_json::from_str::<Peek>(text) {
        Ok(peek) if peek.v > VERSION => DecodeError::Newer(Newer::Version(peek.v)),
        Ok(Peek {
            v: VERSION,
            kind: Some(kind),
        }) if !E::KINDS.contains(&kind.as_str()) => DecodeError::Newer(Newer::Kind(kind)),
        _ => DecodeError::Malformed(error.to_string()),
    }
}
