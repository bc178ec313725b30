//! A journal that is read while it grows, from another process than its writer's.
//!
//! What is read here verified, as everywhere. It need not be durable yet: who acts on it waits for
//! the writer's word.

use super::disk::{DiskError, DiskFile, How};
use super::error::DecodeError;
use super::lines::{Line, Lines};
use super::record::{self, Place};
use super::run_dir::RunDir;
use super::write::Durable;
use crate::model::Event;
use crate::model::ids::RunId;

/// Reads a journal on and on.
#[derive(Debug)]
pub struct Follower {
    run: RunDir,
    file: Option<Box<dyn DiskFile>>,
    next: Place<RunId>,
    offset: u64,
}

/// Why a journal cannot be read on.
#[derive(Debug)]
pub enum NotFollowed {
    /// The disk failed, or something in the way is not ours.
    Disk(DiskError),
    /// A line cannot be believed: it is corrupt, a newer version wrote it, or what stood there
    /// before was taken back by its writer when the disk was full.
    Broken {
        /// Which line, counted from 1.
        line: u64,
        /// What is wrong with it.
        why: DecodeError,
    },
}

impl std::fmt::Display for NotFollowed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Disk(error) => error.fmt(f),
            Self::Broken { line, why } => {
                write!(f, "the journal cannot be read on at line {line}: {why}")
            }
        }
    }
}

impl std::error::Error for NotFollowed {}

impl From<DiskError> for NotFollowed {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

impl Follower {
    /// From the journal's first record on.
    pub(super) fn new(run: RunDir) -> Self {
        Self {
            next: Place::first(run.id().clone()),
            run,
            file: None,
            offset: 0,
        }
    }

    /// The whole records that have come since; none where nothing has. What is not a whole line
    /// yet is left for the next time.
    ///
    /// # Errors
    /// See [`NotFollowed`].
    pub fn more(&mut self) -> Result<Vec<Durable>, NotFollowed> {
        if self.file.is_none() {
            self.run.check()?;
            self.file = match self.run.disk().open(&self.run.journal(), How::Read) {
                Ok(file) => Some(file),
                // Its writer has made the directory and not the file yet.
                Err(error) if error.is_missing() => None,
                Err(error) => return Err(error.into()),
            };
        }
        let Some(file) = &self.file else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        let mut lines = Lines::after(&**file, self.offset);
        while let Some((offset, line)) = lines.next()? {
            let line = match line {
                Line::Tail { .. } => break,
                Line::TooLong { bytes } => return Err(self.broken(DecodeError::TooLong { bytes })),
                Line::Whole(line) => line,
            };
            let record =
                record::decode::<Event>(line, &self.next).map_err(|why| self.broken(why))?;
            self.next.advance(record.h);
            self.offset = offset + line.len() as u64 + 1;
            let mut line = line.to_vec();
            line.push(b'\n');
            found.push(Durable { record, line });
        }
        Ok(found)
    }

    fn broken(&self, why: DecodeError) -> NotFollowed {
        NotFollowed::Broken {
            line: self.next.seq + 1,
            why,
        }
    }
}
