//! What verifying a journal can find, and the exit code of each finding. Pure.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::error::DecodeError;
use crate::model::Digest;
use crate::model::ids::RunId;

/// The exit codes of `audit verify`, the gravest first: of several findings the first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// 20: corrupt.
    Corrupt,
    /// 24: a blob is missing or was changed.
    Blob,
    /// 23: a signature is not good.
    Signature,
    /// 22: another history than the anchor's.
    Forked,
    /// 21: shorter than the anchor says.
    Behind,
    /// 25: a run in the ledger is gone.
    Gone,
    /// 30: could not be verified.
    NotVerified,
    /// 11: a torn tail.
    Torn,
    /// 12: open, or in doubt.
    Open,
    /// 0: proven as asked.
    Proven,
}

impl Code {
    /// The exit code.
    pub fn number(self) -> u8 {
        match self {
            Self::Corrupt => 20,
            Self::Blob => 24,
            Self::Signature => 23,
            Self::Forked => 22,
            Self::Behind => 21,
            Self::Gone => 25,
            Self::NotVerified => 30,
            Self::Torn => 11,
            Self::Open => 12,
            Self::Proven => 0,
        }
    }
}

/// One thing that verifying found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// In which run; none where it is the ledger's own.
    pub run: Option<RunId>,
    /// At which record, where it is about one.
    pub seq: Option<u64>,
    /// What.
    pub flaw: Flaw,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Flaw {
    /// A line is not the record that belongs there.
    Line {
        /// Which line, counted from 1.
        line: u64,
        /// Where it begins, in bytes.
        offset: u64,
        /// What is wrong with it.
        why: DecodeError,
    },
    /// The records may not follow each other so. Found by a higher floor, which knows the rules.
    Illegal(String),
    /// A blob that the record names is not there.
    BlobMissing(Digest),
    /// A blob that the record names has other bytes.
    BlobChanged(Digest),
    /// A blob that the record names cannot be read.
    BlobUnreadable(Digest, String),
    /// A signature is not that of who is said to have signed, or not of what. Found by a higher
    /// floor.
    Signature(String),
    /// A signature could not be looked at. Found by a higher floor.
    SignatureUnchecked(String),
    /// The ledger knows another record at this place.
    Forked {
        /// The hash in the ledger.
        ledger: Digest,
        /// The hash in the journal.
        journal: Digest,
    },
    /// The run was opened on a ledger whose head is no longer in the ledger.
    LedgerForked {
        /// The head that the run saw.
        seen: Digest,
    },
    /// The ledger knows of more records than there are.
    Behind {
        /// The place of the last record that the ledger knows.
        ledger: u64,
        /// How many records there are.
        records: u64,
    },
    /// The ledger knows the run, and its directory is not there.
    Gone,
    /// The run is not in the ledger.
    NotInLedger,
    /// The run is closed, and the ledger does not know it yet.
    NotClosedInLedger,
    /// The file could not be read.
    Unreadable(String),
    /// The file ends in an unterminated line or in zeros.
    Torn {
        /// Where they begin, in bytes.
        offset: u64,
        /// How long they are, in bytes.
        length: u64,
        /// The place of the last record that the ledger knows, where it is missing here.
        ledger: Option<u64>,
    },
    /// There is no record: the run was killed before it began.
    NeverBegun,
    /// The run is not closed.
    Open,
    /// A step was started and nobody knows what it did. Found by a higher floor.
    InDoubt(String),
}

impl Flaw {
    /// Its exit code.
    pub fn code(&self) -> Code {
        match self {
            Self::Line { why, .. } if why.is_newer() => Code::NotVerified,
            Self::Line { .. } | Self::Illegal(_) => Code::Corrupt,
            Self::BlobMissing(_) | Self::BlobChanged(_) => Code::Blob,
            Self::Signature(_) => Code::Signature,
            Self::Forked { .. } | Self::LedgerForked { .. } => Code::Forked,
            Self::Behind { .. } => Code::Behind,
            Self::Gone => Code::Gone,
            Self::NotInLedger
            | Self::Unreadable(_)
            | Self::BlobUnreadable(..)
            | Self::SignatureUnchecked(_) => Code::NotVerified,
            Self::Torn { .. } => Code::Torn,
            Self::NotClosedInLedger | Self::NeverBegun | Self::Open | Self::InDoubt(_) => {
                Code::Open
            }
        }
    }

    /// One word for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Line { why, .. } if why.is_newer() => "newer",
            Self::Line { .. } => "line",
            Self::Illegal(_) => "illegal",
            Self::BlobMissing(_) => "blob_missing",
            Self::BlobChanged(_) => "blob_changed",
            Self::BlobUnreadable(..) => "blob_unreadable",
            Self::Signature(_) => "signature",
            Self::SignatureUnchecked(_) => "signature_unchecked",
            Self::Forked { .. } => "forked",
            Self::LedgerForked { .. } => "ledger_forked",
            Self::Behind { .. } => "behind",
            Self::Gone => "gone",
            Self::NotInLedger => "not_in_ledger",
            Self::NotClosedInLedger => "not_closed_in_ledger",
            Self::Unreadable(_) => "unreadable",
            Self::Torn { .. } => "torn",
            Self::NeverBegun => "never_begun",
            Self::Open => "open",
            Self::InDoubt(_) => "in_doubt",
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { line, offset, why } => write!(f, "line {line}, at byte {offset}: {why}"),
            Self::Illegal(why)
            | Self::InDoubt(why)
            | Self::Signature(why)
            | Self::SignatureUnchecked(why) => f.write_str(why),
            Self::BlobMissing(blob) => write!(f, "the blob {} is missing", blob.short()),
            Self::BlobChanged(blob) => write!(f, "the blob {} was changed", blob.short()),
            Self::BlobUnreadable(blob, why) => {
                write!(f, "the blob {} cannot be read: {why}", blob.short())
            }
            Self::Forked { ledger, journal } => write!(
                f,
                "the record's hash is {}, and the ledger has {}: this is another history",
                journal.short(),
                ledger.short()
            ),
            Self::LedgerForked { seen } => write!(
                f,
                "the run was opened on the ledger's head {}, which is not in the ledger now",
                seen.short()
            ),
            Self::Behind { ledger, records } => write!(
                f,
                "there are {records} records, and the ledger knows of record {ledger}: the end was cut off"
            ),
            Self::Gone => f.write_str("the ledger knows this run, and its directory is gone"),
            Self::NotInLedger => f.write_str("the ledger does not know this run"),
            Self::NotClosedInLedger => {
                f.write_str("the run is closed, and the ledger does not say so yet")
            }
            Self::Unreadable(why) => f.write_str(why),
            Self::Torn {
                offset,
                length,
                ledger,
            } => {
                write!(
                    f,
                    "torn tail: {length} bytes at byte {offset} are no whole line"
                )?;
                match ledger {
                    Some(seq) => write!(f, ", and the ledger knows of record {seq}"),
                    None => Ok(()),
                }
            }
            Self::NeverBegun => f.write_str("the run was never begun: its journal has no record"),
            Self::Open => f.write_str("the run is not closed"),
        }
    }
}

impl Finding {
    /// Its exit code.
    pub fn code(&self) -> Code {
        self.flaw.code()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.run, self.seq) {
            (Some(run), Some(seq)) => write!(f, "{run}, record {seq}: ")?,
            (Some(run), None) => write!(f, "{run}: ")?,
            (None, Some(seq)) => write!(f, "ledger, record {seq}: ")?,
            (None, None) => f.write_str("ledger: ")?,
        }
        self.flaw.fmt(f)
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = serializer.serialize_struct("Finding", 5)?;
        json.serialize_field("code", &self.code().number())?;
        json.serialize_field("run", &self.run)?;
        json.serialize_field("seq", &self.seq)?;
        json.serialize_field("flaw", self.flaw.word())?;
        json.serialize_field("message", &self.flaw.to_string())?;
        json.end()
    }
}
