//! Why nothing more is written: the first failure of the disk ends all writing.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::disk::DiskError;
use super::error::EncodeError;

/// Why something did not get into the journal.
#[derive(Debug)]
pub enum WriteError {
    /// The event cannot become a record. Nothing was written, and the writer goes on.
    Encode(EncodeError),
    /// The disk failed. Nothing is tried again: after a failed sync nobody knows what is on it.
    /// What had not been acknowledged counts as not written.
    Failed(Arc<DiskError>),
    /// The disk failed before, so nothing more is written.
    Poisoned(Arc<DiskError>),
    /// [`final_append`](super::Writer::final_append) is for a full disk, after the failure, once.
    NotFinal,
}

impl WriteError {
    /// What the disk said, where it is the disk's fault.
    pub fn disk(&self) -> Option<&DiskError> {
        match self {
            Self::Failed(error) | Self::Poisoned(error) => Some(error),
            Self::Encode(_) | Self::NotFinal => None,
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode(_) => f.write_str("the event cannot be recorded"),
            Self::Failed(_) => f.write_str("the journal could not be written"),
            Self::Poisoned(_) => {
                f.write_str("nothing more is written: the disk failed earlier in this run")
            }
            Self::NotFinal => {
                f.write_str("the reserve is for closing a run once, after the disk became full")
            }
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Encode(error) => Some(error),
            Self::Failed(error) | Self::Poisoned(error) => Some(&**error),
            Self::NotFinal => None,
        }
    }
}

impl From<EncodeError> for WriteError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

/// The first failure, shared by all that write for one run.
#[derive(Clone, Debug, Default)]
pub(super) struct Poison(Arc<OnceLock<Arc<DiskError>>>);

impl Poison {
    /// The failure, where there was one.
    pub(super) fn cause(&self) -> Option<&Arc<DiskError>> {
        self.0.get()
    }

    /// Goes on only where nothing has failed.
    pub(super) fn check(&self) -> Result<(), WriteError> {
        match self.cause() {
            None => Ok(()),
            Some(cause) => Err(WriteError::Poisoned(Arc::clone(cause))),
        }
    }

    /// Takes a failure in: from now on nothing is written.
    pub(super) fn taint(&self, error: DiskError) -> WriteError {
        let error = Arc::new(error);
        // Only the first is the cause; what came after it may be a consequence.
        let _ = self.0.set(Arc::clone(&error));
        WriteError::Failed(error)
    }
}
