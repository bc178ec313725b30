//! What the ledger records. Pure.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::{Entry, Record};
use super::repair::Torn;
use crate::model::event::RunOutcome;
use crate::model::ids::{Attempt, RunId, StepKey};
use crate::model::people::Actor;
use crate::model::{Digest, Event, Happened};

/// Whose journal the ledger is: nobody's run, so every record's `run` is `ledger`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerId;

impl fmt::Display for LedgerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ledger")
    }
}

/// A text that is not `ledger`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotTheLedger;

impl FromStr for LedgerId {
    type Err = NotTheLedger;

    fn from_str(text: &str) -> Result<Self, NotTheLedger> {
        if text == "ledger" {
            Ok(Self)
        } else {
            Err(NotTheLedger)
        }
    }
}

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerEvent {
    /// When: the run's own time of it.
    pub at: Timestamp,
    /// By whom.
    pub actor: Actor,
    /// What.
    pub what: LedgerEntry,
}

/// What the ledger records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum LedgerEntry {
    /// A run's first record is on the disk.
    RunOpened {
        /// Which run.
        run: RunId,
        /// The hash of its first record.
        head: Digest,
    },
    /// A run's last record is on the disk.
    RunClosed {
        /// Which run.
        run: RunId,
        /// The place of its last record.
        seq: u64,
        /// The hash of its last record.
        head: Digest,
        /// How it ended.
        outcome: RunOutcome,
    },
    /// A run was asked to take back what it did: whatever end it had come to, it is open from here.
    UndoRequested {
        /// Which run.
        run: RunId,
        /// The place of the record that says so.
        seq: u64,
        /// Its hash.
        head: Digest,
    },
    /// A torn last line of the ledger was set aside and cut off.
    Recovered {
        /// Where in the file it began, in bytes.
        offset: u64,
        /// How long it was, in bytes.
        length: u64,
        /// What it was.
        sha256: Digest,
    },
}

impl LedgerEvent {
    /// What a run's record means to the ledger: nothing, unless it opens the run, closes it, or
    /// opens it again.
    pub fn from_record(record: &Record<Event>) -> Option<Self> {
        let run = record.run.clone();
        let what = match &record.event.what {
            Happened::RunOpened(_) => LedgerEntry::RunOpened {
                run,
                head: record.h,
            },
            Happened::RunClosed(closed) => LedgerEntry::RunClosed {
                run,
                seq: record.seq,
                head: record.h,
                outcome: closed.outcome,
            },
            Happened::UndoRequested { .. } => LedgerEntry::UndoRequested {
                run,
                seq: record.seq,
                head: record.h,
            },
            _ => return None,
        };
        Some(Self {
            at: record.event.at,
            actor: record.event.actor.clone(),
            what,
        })
    }
}

impl From<Torn> for LedgerEntry {
    fn from(torn: Torn) -> Self {
        Self::Recovered {
            offset: torn.offset,
            length: torn.length,
            sha256: torn.sha256,
        }
    }
}

impl Entry for LedgerEvent {
    type Id = LedgerId;
    type What = LedgerEntry;
    const KINDS: &'static [&'static str] =
        &["run_opened", "run_closed", "undo_requested", "recovered"];

    fn kind(&self) -> &'static str {
        match self.what {
            LedgerEntry::RunOpened { .. } => "run_opened",
            LedgerEntry::RunClosed { .. } => "run_closed",
            LedgerEntry::UndoRequested { .. } => "undo_requested",
            LedgerEntry::Recovered { .. } => "recovered",
        }
    }

    fn what(&self) -> &LedgerEntry {
        &self.what
    }

    fn at(&self) -> Timestamp {
        self.at
    }

    fn actor(&self) -> &Actor {
        &self.actor
    }

    fn step(&self) -> Option<&StepKey> {
        None
    }

    fn attempt(&self) -> Option<Attempt> {
        None
    }

    fn recovered(&self) -> Option<Torn> {
        match self.what {
            LedgerEntry::Recovered {
                offset,
                length,
                sha256,
            } => Some(Torn {
                offset,
                length,
                sha256,
            }),
            LedgerEntry::RunOpened { .. }
            | LedgerEntry::RunClosed { .. }
            | LedgerEntry::UndoRequested { .. } => None,
        }
    }

    fn build(
        at: Timestamp,
        _: Option<StepKey>,
        _: Option<Attempt>,
        actor: Actor,
        what: LedgerEntry,
    ) -> Self {
        Self { at, actor, what }
    }
}
