//! Why a record cannot be written, and why a line is not a record.

use std::fmt;

use super::record::{MAX_RECORD, VERSION};

/// Why an event cannot become a record. Nothing was written.
#[derive(Debug)]
pub enum EncodeError {
    /// The line would be over [`MAX_RECORD`]: what makes it long belongs into a blob.
    TooLarge {
        /// Of which kind the event is.
        kind: &'static str,
        /// How long the line would be, in bytes.
        bytes: usize,
    },
    /// The event cannot be written as JSON.
    Json(serde_json::Error),
    /// The event's type does not call its parts `kind` and `data`.
    Untagged {
        /// Of which kind it is.
        kind: &'static str,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { kind, bytes } => write!(
                f,
                "a `{kind}` record of {bytes} bytes is over the limit of {MAX_RECORD}"
            ),
            Self::Json(_) => f.write_str("the event cannot be written as JSON"),
            Self::Untagged { kind } => write!(f, "a `{kind}` event has no `kind` and `data`"),
        }
    }
}

impl std::error::Error for EncodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::TooLarge { .. } | Self::Untagged { .. } => None,
        }
    }
}

/// Why a line is not the record that belongs where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// It is over [`MAX_RECORD`].
    TooLong {
        /// How long it is, in bytes.
        bytes: usize,
    },
    /// It is not UTF-8.
    NotUtf8,
    /// It does not end in a hash.
    NoHash,
    /// Its hash does not follow from its bytes and the record before it.
    Hash,
    /// It is not JSON, names a key twice, or is not a record of this version.
    Malformed(String),
    /// It counts from another record than the one before it.
    Seq {
        /// The number that belongs here.
        expected: u64,
        /// The number that stands here.
        found: u64,
    },
    /// It is another journal's.
    OtherRun {
        /// Whose journal this is.
        expected: String,
        /// Whose record it is.
        found: String,
    },
    /// A newer version wrote it. This is not corruption.
    Newer(Newer),
}

/// What this version does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Newer {
    /// The version of the format.
    Version(u64),
    /// The kind of the event.
    Kind(String),
}

impl DecodeError {
    /// Whether a newer version may read what this one cannot.
    pub fn is_newer(&self) -> bool {
        matches!(self, Self::Newer(_))
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => {
                write!(
                    f,
                    "a line of {bytes} bytes is over the limit of {MAX_RECORD}"
                )
            }
            Self::NotUtf8 => f.write_str("the line is not UTF-8"),
            Self::NoHash => f.write_str("the line does not end in a hash"),
            Self::Hash => {
                f.write_str("the hash does not follow from the record and the one before it")
            }
            Self::Malformed(why) => write!(f, "the line is not a record: {why}"),
            Self::Seq { expected, found } => {
                write!(f, "record {found} stands where record {expected} belongs")
            }
            Self::OtherRun { expected, found } => {
                write!(f, "a record of {found} stands in the journal of {expected}")
            }
            Self::Newer(Newer::Version(v)) => write!(
                f,
                "made by a newer version: the format is {v}, and this version reads {VERSION}"
            ),
            Self::Newer(Newer::Kind(kind)) => {
                let kind = crate::model::text::escape_controls(kind);
                write!(
                    f,
                    "made by a newer version: `{kind}` records are not known to this one"
                )
            }
        }
    }
}

impl std::error::Error for DecodeError {}
