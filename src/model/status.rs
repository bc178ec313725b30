//! Where a step stands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a step stands. The words are those of expressions: `steps.restart.status == 'failed'`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not reached yet.
    Pending,
    /// Waits for a gate, a person or the clock.
    Waiting,
    /// Acts now.
    Running,
    /// Did what it should.
    Succeeded,
    /// Did not, and it is known that it did not.
    Failed,
    /// Left out, by its `if` or by the operator.
    Skipped,
    /// A person, or the expiry of a gate, said no.
    Declined,
    /// A wait came to the end of its `within`, or a read took longer than its `timeout`.
    TimedOut,
    /// Stopped on request before its end.
    Cancelled,
    /// Was started, and nobody can say what it did.
    Unknown,
    /// Did what it should, and that was taken back.
    Undone,
    /// Could not be taken back.
    UndoFailed,
}

impl Status {
    /// All statuses, with their words.
    pub const ALL: [Self; 12] = [
        Self::Pending,
        Self::Waiting,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Skipped,
        Self::Declined,
        Self::TimedOut,
        Self::Cancelled,
        Self::Unknown,
        Self::Undone,
        Self::UndoFailed,
    ];

    /// The word used in expressions, journal and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Declined => "declined",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
            Self::Undone => "undone",
            Self::UndoFailed => "undo_failed",
        }
    }

    /// Whether nothing more happens to the step by itself. `unknown` is not an end: it is settled by a `verify` or a person.
    pub fn is_settled(self) -> bool {
        !matches!(
            self,
            Self::Pending | Self::Waiting | Self::Running | Self::Unknown
        )
    }

    /// Whether the step ended otherwise than it should have.
    pub fn is_bad(self) -> bool {
        matches!(
            self,
            Self::Failed
                | Self::Declined
                | Self::TimedOut
                | Self::Cancelled
                | Self::Unknown
                | Self::UndoFailed
        )
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
