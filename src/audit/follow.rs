//! A run that is looked at while another process drives it.

use std::fmt;
use std::sync::Arc;

use super::replay::{ReplayError, fill, plan_of};
use crate::journal::{Durable, Follower, NotFollowed, RunDir};
use crate::model::Event;
use crate::model::event::Happened;
use crate::run::Run;

/// A run that is followed.
#[derive(Debug)]
pub struct Followed {
    dir: RunDir,
    journal: Follower,
    run: Option<Run>,
}

/// Why a run cannot be followed any further.
#[derive(Debug)]
pub enum Lost {
    /// Its journal cannot be read on.
    Journal(NotFollowed),
    /// Its journal tells no story that may be.
    Replay(ReplayError),
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(error) => error.fmt(f),
            Self::Replay(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Lost {}

impl From<ReplayError> for Lost {
    fn from(error: ReplayError) -> Self {
        Self::Replay(error)
    }
}

impl Followed {
    /// From the run's beginning on.
    pub fn new(dir: RunDir) -> Self {
        Self {
            journal: dir.follow(),
            dir,
            run: None,
        }
    }

    /// The run, as far as it was read; none before its first record.
    pub fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    /// Reads on, and tells each event that has come since: with its record's line, without the
    /// line's end, and the run after it. Says how many there were.
    ///
    /// # Errors
    /// See [`Lost`].
    pub fn more(&mut self, mut each: impl FnMut(&Event, &[u8], &Run)) -> Result<usize, Lost> {
        let found = self.journal.more().map_err(Lost::Journal)?;
        for Durable { record, line } in &found {
            let mut event = record.event.clone();
            if let Happened::RunOpened(opened) = &event.what
                && self.run.is_none()
            {
                let plan = plan_of(&self.dir, opened)?;
                self.run = Some(Run::new(self.dir.id().clone(), Arc::new(plan)));
            }
            fill(&self.dir, &mut event)?;
            let Some(run) = &mut self.run else {
                return Err(ReplayError::NeverBegun(self.dir.id().clone()).into());
            };
            run.apply(&event).map_err(|error| ReplayError::Illegal {
                seq: record.seq,
                error,
            })?;
            each(&event, line.strip_suffix(b"\n").unwrap_or(line), run);
        }
        Ok(found.len())
    }
}
