//! Why a run cannot be found, begun or taken up.

use std::fmt;

use super::disk::DiskError;
use super::error::DecodeError;
use super::holder::Holder;
use super::locks::Locked;
use crate::model::ids::RunId;
use crate::model::text::escape_controls;

/// Why a run cannot be found, begun or taken up.
#[derive(Debug)]
pub enum StoreError {
    /// The disk failed, or something in the way is not ours.
    Disk(DiskError),
    /// There are no runs at all.
    NoRuns,
    /// No run is called that.
    NoRun {
        /// What was written.
        written: String,
        /// The run that may have been meant.
        nearest: Option<RunId>,
    },
    /// More than one run begins with that.
    Ambiguous {
        /// What was written.
        written: String,
        /// The runs that begin with it, the one started last first.
        candidates: Vec<RunId>,
    },
    /// There is such a run already.
    Exists(RunId),
    /// Another process writes this run.
    Held {
        /// Which run.
        run: RunId,
        /// Who left word of holding it; none in the moment before they did.
        holder: Option<Holder>,
    },
    /// Another run has the lock.
    Locked(Box<Locked>),
    /// The journal cannot be believed from some line on, or a newer version wrote that line.
    Unreadable {
        /// Whose journal.
        run: RunId,
        /// Which line, counted from 1.
        line: u64,
        /// Where it begins, in bytes.
        offset: u64,
        /// What is wrong with it.
        why: DecodeError,
    },
    /// The run was killed before its first record was on the disk: nothing happened in it.
    NeverBegun(RunId),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => error.fmt(f),
            Self::NoRuns => f.write_str("there are no runs yet"),
            Self::NoRun { written, .. } => {
                write!(f, "there is no run `{}`", escape_controls(written))
            }
            Self::Ambiguous {
                written,
                candidates,
            } => write!(
                f,
                "`{}` may be any of {} runs",
                escape_controls(written),
                candidates.len()
            ),
            Self::Exists(run) => write!(f, "there is a run {run} already"),
            Self::Held { run, holder } => match holder {
                Some(holder) => write!(f, "{run} is held by {holder}"),
                None => write!(f, "{run} is held by another process"),
            },
            Self::Locked(locked) => {
                let name = escape_controls(&locked.claim.name);
                write!(f, "{name} is held by {}", locked.claim)
            }
            Self::Unreadable { run, line, why, .. } if why.is_newer() => {
                write!(
                    f,
                    "the journal of {run} cannot be read at line {line}: {why}"
                )
            }
            Self::Unreadable { run, line, why, .. } => {
                write!(f, "the journal of {run} is corrupt at line {line}: {why}")
            }
            Self::NeverBegun(run) => write!(
                f,
                "{run} was never begun: it was killed before its first record, and nothing was done"
            ),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // The message is the disk error's own, so its source comes next.
            Self::Disk(error) => error.source(),
            Self::Unreadable { why, .. } => Some(why),
            Self::NoRuns
            | Self::NoRun { .. }
            | Self::Ambiguous { .. }
            | Self::Exists(_)
            | Self::Held { .. }
            | Self::Locked(_)
            | Self::NeverBegun(_) => None,
        }
    }
}

impl From<DiskError> for StoreError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}
