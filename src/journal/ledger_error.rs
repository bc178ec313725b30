//! Why the ledger takes nothing.

use std::fmt;

use super::disk::DiskError;
use super::error::{DecodeError, EncodeError};
use super::store_error::StoreError;

/// Why the ledger takes nothing.
#[derive(Debug)]
pub enum LedgerError {
    /// The disk failed, or what has the ledger's name is not a file of ours.
    Disk(DiskError),
    /// The ledger cannot be believed from some line on, or a newer version wrote that line.
    Unreadable {
        /// Which line, counted from 1.
        line: u64,
        /// Where it begins, in bytes.
        offset: u64,
        /// What is wrong with it.
        why: DecodeError,
    },
    /// The entry cannot become a record.
    Encode(EncodeError),
    /// The runs cannot be listed.
    Store(Box<StoreError>),
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => error.fmt(f),
            Self::Unreadable { line, why, .. } if why.is_newer() => {
                write!(f, "the ledger cannot be read at line {line}: {why}")
            }
            Self::Unreadable { line, why, .. } => {
                write!(f, "the ledger is corrupt at line {line}: {why}")
            }
            Self::Encode(_) => f.write_str("the ledger's entry cannot be recorded"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LedgerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // The message is the inner error's own, so its source comes next.
            Self::Disk(error) => error.source(),
            Self::Store(error) => error.source(),
            Self::Unreadable { why, .. } => Some(why),
            Self::Encode(error) => Some(error),
        }
    }
}

impl From<DiskError> for LedgerError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

impl From<EncodeError> for LedgerError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl From<StoreError> for LedgerError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}
