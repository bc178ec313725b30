//! Exit codes, and what went wrong in words. An error becomes a code here and nowhere else.

use std::fmt;

use crate::engine::EngineError;
use crate::journal::{Code, StoreError};
use crate::model::event::RunOutcome;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: the run failed.
    Failed,
    /// 2: usage, or an invalid runbook, adapter or parameter.
    Usage,
    /// 70: a defect of this program (`EX_SOFTWARE` of sysexits.h).
    Defect,
    /// 73: locked or owned by another process.
    Held,
    /// 74: the journal could not be written or read.
    Journal,
    /// 75: needs a person: in doubt, parked.
    Parked,
    /// 77: refused: declined, nobody to ask, not permitted.
    Refused,
    /// 130: interrupted.
    Interrupted,
    /// 10–30: what `audit verify` found.
    Audit(Code),
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Defect => 70,
            Self::Held => 73,
            Self::Journal => 74,
            Self::Parked => 75,
            Self::Refused => 77,
            Self::Interrupted => 130,
            Self::Audit(code) => code.number(),
        }
    }

    /// How a closed run ends the program.
    pub fn of_outcome(outcome: RunOutcome) -> Self {
        match outcome {
            RunOutcome::Succeeded | RunOutcome::SucceededWithFailures => Self::Done,
            RunOutcome::Failed => Self::Failed,
            RunOutcome::Declined => Self::Refused,
            RunOutcome::Cancelled => Self::Interrupted,
        }
    }
}

/// Why a verb could not do what it was asked for.
#[derive(Debug)]
pub enum CliError {
    /// Something that was typed, or a file, is not right.
    Usage {
        /// What, and where.
        message: String,
        /// What to do.
        help: Vec<String>,
    },
    /// Files are not right; all that is wrong with them was rendered already.
    Invalid(String),
    /// The answer is no.
    Refused {
        /// Why.
        message: String,
        /// What to do.
        help: Vec<String>,
    },
    /// Another run or process has what is needed.
    Held {
        /// Who.
        message: String,
        /// What to do.
        help: Vec<String>,
    },
    /// What was asked for is not in the state directory.
    Nothing(String),
    /// The state directory.
    Store(StoreError),
    /// The engine.
    Engine(EngineError),
    /// The system.
    System(String),
}

impl CliError {
    /// A usage error without advice.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            help: Vec::new(),
        }
    }

    /// A usage error with advice.
    pub fn usage_help(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            help: vec![help.into()],
        }
    }

    /// The exit that it leads to.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. } | Self::Invalid(_) | Self::Nothing(_) => Exit::Usage,
            Self::Refused { .. } => Exit::Refused,
            Self::Held { .. } => Exit::Held,
            Self::Store(error) | Self::Engine(EngineError::Store(error)) => match error {
                StoreError::Held { .. } | StoreError::Locked(_) => Exit::Held,
                StoreError::NoRun { .. }
                | StoreError::NoRuns
                | StoreError::Ambiguous { .. }
                | StoreError::NeverBegun(_)
                | StoreError::Exists(_) => Exit::Usage,
                _ => Exit::Journal,
            },
            Self::Engine(
                EngineError::Defect { .. } | EngineError::Stuck | EngineError::Illegal(_),
            ) => Exit::Defect,
            Self::Engine(_) | Self::System(_) => Exit::Journal,
        }
    }

    /// What to do, where that is known.
    pub fn help(&self) -> &[String] {
        match self {
            Self::Usage { help, .. } | Self::Refused { help, .. } | Self::Held { help, .. } => help,
            _ => &[],
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { message, .. }
            | Self::Refused { message, .. }
            | Self::Held { message, .. } => f.write_str(message),
            Self::Invalid(rendered) => f.write_str(rendered),
            Self::Store(error) => write!(f, "{error}"),
            Self::Engine(error) => write!(f, "{error}"),
            Self::Nothing(message) | Self::System(message) => f.write_str(message),
        }
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<EngineError> for CliError {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}
