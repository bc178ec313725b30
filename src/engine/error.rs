//! What can go wrong while a run is driven, apart from the run's own failures.

use std::fmt;

use crate::audit::ReplayError;
use crate::journal::{EncodeError, LedgerError, StoreError, WriteError};
use crate::model::ids::StepKey;
use crate::model::text::escape_controls;
use crate::run::IllegalEvent;

/// What can go wrong while a run is driven. The run itself stays as its journal has it.
#[derive(Debug)]
pub enum EngineError {
    /// The journal could not be written. Nothing new was started.
    Journal(WriteError),
    /// The state directory or the run's journal could not be used.
    Store(StoreError),
    /// The ledger could not be written or believed.
    Ledger(LedgerError),
    /// An event could not be recorded.
    Encode(EncodeError),
    /// The engine was about to record what cannot be: a defect of this program.
    Illegal(IllegalEvent),
    /// The run's own files are not what they should be.
    Files(String),
    /// The journal cannot be made into a run again.
    Replay(ReplayError),
    /// A thread or the runtime could not be had.
    System(std::io::Error),
    /// There is nothing to do and nothing to wait for: a defect of this program.
    Stuck,
    /// Something panicked: a defect of this program. Nothing new was started.
    Defect {
        /// The steps that were under way, and have no record of what came of them.
        unrecorded: Vec<StepKey>,
    },
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(error) => write!(f, "the journal could not be written: {error}"),
            Self::Store(error) => write!(f, "{error}"),
            Self::Ledger(error) => write!(f, "the ledger could not be used: {error}"),
            Self::Encode(error) => write!(f, "an event could not be recorded: {error}"),
            Self::Illegal(error) => {
                write!(
                    f,
                    "defect in runbook: it was about to record what cannot be: {error}"
                )
            }
            Self::Files(message) => f.write_str(message),
            Self::Replay(error) => write!(
                f,
                "the run cannot be taken up again: {error}; `runbook audit verify` says more"
            ),
            Self::System(error) => write!(f, "the system refused: {error}"),
            Self::Stuck => f.write_str(
                "defect in runbook: the run has nothing to do, nothing to wait for, and no end",
            ),
            Self::Defect { unrecorded } => {
                f.write_str("the run was left by a defect in runbook; nothing new was started")?;
                if !unrecorded.is_empty() {
                    let steps: Vec<_> = unrecorded.iter().map(ToString::to_string).collect();
                    let steps = escape_controls(&steps.join(", ")).into_owned();
                    write!(
                        f,
                        ", and what was under way has ended, without a record of what came of it: \
                         {steps}"
                    )?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for EngineError {}

impl From<WriteError> for EngineError {
    fn from(error: WriteError) -> Self {
        Self::Journal(error)
    }
}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<LedgerError> for EngineError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<ReplayError> for EngineError {
    fn from(error: ReplayError) -> Self {
        match error {
            // One way to say that nothing was done, whoever finds it out.
            ReplayError::NeverBegun(run) => Self::Store(StoreError::NeverBegun(run)),
            error => Self::Replay(error),
        }
    }
}

impl From<IllegalEvent> for EngineError {
    fn from(error: IllegalEvent) -> Self {
        Self::Illegal(error)
    }
}
