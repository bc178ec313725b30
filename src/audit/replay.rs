//! A run made of its journal again: what resume, `audit show` and `audit verify` share.

use std::fmt;
use std::sync::Arc;

use crate::journal::{BlobError, ReadReport, RunDir};
use crate::model::event::{Happened, RunOpened};
use crate::model::ids::RunId;
use crate::model::output::Stored;
use crate::model::{Digest, Event, Value};
use crate::plan::{FORMAT, Plan};
use crate::run::{IllegalEvent, Run};

/// Why a journal cannot be made into a run again.
#[derive(Debug)]
pub enum ReplayError {
    /// There is no first record: the run was never begun.
    NeverBegun(RunId),
    /// A file that a record names is missing, changed or unreadable.
    Blob {
        /// Which.
        digest: Digest,
        /// Why.
        error: BlobError,
    },
    /// A file that a record names does not hold what it should.
    Form {
        /// Which.
        digest: Digest,
        /// What is wrong with it.
        message: String,
    },
    /// The plan has another version's form.
    Format {
        /// Its version.
        found: u32,
    },
    /// A record cannot follow what came before it.
    Illegal {
        /// Which record.
        seq: u64,
        /// Why.
        error: IllegalEvent,
    },
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverBegun(run) => write!(f, "{run} was never begun: its journal has no record"),
            Self::Blob { digest, error } => {
                write!(f, "the file {} cannot be believed: {error}", digest.short())
            }
            Self::Form { digest, message } => {
                write!(f, "the file {} cannot be read: {message}", digest.short())
            }
            Self::Format { found } => write!(
                f,
                "the plan has format {found}, and this version reads format {FORMAT}"
            ),
            Self::Illegal { seq, error } => write!(f, "record {seq}: {error}"),
        }
    }
}

impl std::error::Error for ReplayError {}

/// The plan that a run was opened with.
///
/// # Errors
/// It is missing, changed, or another version's.
pub fn load_plan(dir: &RunDir, report: &ReadReport) -> Result<Plan, ReplayError> {
    let first = report.records.first().map(|record| &record.event.what);
    let Some(Happened::RunOpened(opened)) = first else {
        return Err(ReplayError::NeverBegun(dir.id().clone()));
    };
    plan_of(dir, opened)
}

/// The plan that record 0 names.
pub(super) fn plan_of(dir: &RunDir, opened: &RunOpened) -> Result<Plan, ReplayError> {
    let digest = opened.plan_blob;
    let bytes = blob(dir, digest)?;
    let form = |message: String| ReplayError::Form { digest, message };
    // The version is looked at first: another version's plan may have another form altogether.
    #[derive(serde::Deserialize)]
    struct Versioned {
        format: u32,
    }
    let versioned: Versioned = serde_json::from_slice(&bytes).map_err(|e| form(e.to_string()))?;
    if versioned.format != FORMAT {
        return Err(ReplayError::Format {
            found: versioned.format,
        });
    }
    serde_json::from_slice(&bytes).map_err(|e| form(e.to_string()))
}

/// A run's events, the outputs that lie beside the journal filled in.
///
/// # Errors
/// A blob is missing or changed.
pub fn run_events(dir: &RunDir, report: &ReadReport) -> Result<Vec<Event>, ReplayError> {
    let mut events: Vec<Event> = report.events().cloned().collect();
    for event in &mut events {
        fill(dir, event)?;
    }
    Ok(events)
}

/// Fills in the output that lies beside the journal.
pub(super) fn fill(dir: &RunDir, event: &mut Event) -> Result<(), ReplayError> {
    if let Happened::StepFinished(finished) = &mut event.what
        && let Some(Stored::Blob { blob: named, value }) = &mut finished.output
    {
        let bytes = blob(dir, named.sha256)?;
        let loaded: Value = serde_json::from_slice(&bytes).map_err(|e| ReplayError::Form {
            digest: named.sha256,
            message: e.to_string(),
        })?;
        *value = Some(loaded);
    }
    Ok(())
}

/// The run that a journal tells of.
///
/// # Errors
/// Its files cannot be believed, or a record cannot follow what came before it.
pub fn replay(dir: &RunDir, report: &ReadReport) -> Result<Run, ReplayError> {
    let plan = load_plan(dir, report)?;
    let mut run = Run::new(dir.id().clone(), Arc::new(plan));
    for (event, record) in run_events(dir, report)?.iter().zip(&report.records) {
        run.apply(event).map_err(|error| ReplayError::Illegal {
            seq: record.seq,
            error,
        })?;
    }
    Ok(run)
}

fn blob(dir: &RunDir, digest: Digest) -> Result<Vec<u8>, ReplayError> {
    dir.blob(&digest)
        .map_err(|error| ReplayError::Blob { digest, error })
}
