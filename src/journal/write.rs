//! The one writer of a run's journal.
//!
//! Promises: what [`Writer::commit`] returned survives a loss of power; records reach the disk in
//! their order, and a record never before the blobs that were put before it. After the first failure of the disk
//! nothing more is written.
//!
//! Not promised: that an event which was appended but not committed is lost. After a crash it may
//! be there, and is then as good as any other.

use std::sync::Arc;

use super::blobs::Blobs;
use super::disk::{DiskFile, How, SyncPoint};
use super::poison::{Poison, WriteError};
use super::record::{self, Head, Place, Record};
use super::run_dir::RunDir;
use super::stamp::Stamps;
use crate::model::Event;
use crate::model::ids::RunId;

/// How many bytes are kept back for closing a run on a full disk.
pub const RESERVE: usize = 64 * 1024;

/// A record that is on the disk, and its line as it stands there, newline included.
#[derive(Clone, Debug, PartialEq)]
pub struct Durable {
    /// The record.
    pub record: Record,
    /// Its bytes.
    pub line: Vec<u8>,
}

/// Writes a run's journal, and holds its lock as long as it lives.
#[derive(Debug)]
pub struct Writer {
    run: RunDir,
    file: Box<dyn DiskFile>,
    stamps: Arc<dyn Stamps>,
    blobs: Blobs,
    poison: Poison,
    /// Whether the directories that lead to the journal may not be durable yet.
    fresh: bool,
    /// Where the next event goes, and how long the file is, counting what is durable only.
    durable: (Place<RunId>, u64),
    /// Where the next event goes, counting what is appended too.
    next: Place<RunId>,
    pending: Vec<Durable>,
    reserve_used: bool,
}

impl Writer {
    /// `file` is locked, and ends at `length`, before `next`.
    pub(super) fn new(
        run: RunDir,
        file: Box<dyn DiskFile>,
        stamps: Arc<dyn Stamps>,
        next: Place<RunId>,
        length: u64,
    ) -> Self {
        let poison = Poison::default();
        Self {
            blobs: Blobs::new(run.disk(), run.blobs(), poison.clone()),
            run,
            file,
            stamps,
            poison,
            fresh: next.seq == 0,
            durable: (next.clone(), length),
            next,
            pending: Vec::new(),
            reserve_used: false,
        }
    }

    /// The run's directory.
    pub fn run(&self) -> &RunDir {
        &self.run
    }

    /// Where the run's blobs are put, from any thread.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// The last durable record; none before the first commit.
    pub fn head(&self) -> Option<Head> {
        self.durable.0.head()
    }

    /// Whether the disk has failed, so that nothing more is written.
    pub fn is_poisoned(&self) -> bool {
        self.poison.cause().is_some()
    }

    /// Puts an event into the batch and returns its `seq`. It is not on the disk yet, and nothing outside
    /// may depend on it.
    ///
    /// # Errors
    /// [`WriteError::Encode`]: the event is too large for a record; the batch is as it was.
    /// [`WriteError::Poisoned`]: the disk failed earlier.
    pub fn append(&mut self, event: Event) -> Result<u64, WriteError> {
        self.poison.check()?;
        self.stage(event)
    }

    fn stage(&mut self, event: Event) -> Result<u64, WriteError> {
        let stamp = self.stamps.stamp();
        let (line, h) = record::encode(&self.next, &stamp, &event)?;
        let seq = self.next.seq;
        self.pending.push(Durable {
            record: Record {
                run: self.next.run.clone(),
                seq,
                stamp,
                event,
                h,
            },
            line,
        });
        self.next.advance(h);
        Ok(seq)
    }

    /// Makes the batch durable with one write and one sync, and returns its records. An empty
    /// batch costs nothing.
    ///
    /// # Errors
    /// [`WriteError::Failed`]: the disk failed; none of the batch counts as written, though any of
    /// it may be found later. [`WriteError::Poisoned`]: the disk failed earlier.
    pub fn commit(&mut self) -> Result<Vec<Durable>, WriteError> {
        self.poison.check()?;
        self.write_out()
    }

    fn write_out(&mut self) -> Result<Vec<Durable>, WriteError> {
        if self.pending.is_empty() {
            return Ok(Vec::new());
        }
        let bytes: Vec<u8> = self
            .pending
            .iter()
            .flat_map(|d| d.line.iter().copied())
            .collect();
        let poison = self.poison.clone();
        let taint = |error| poison.taint(error);
        // What leads to a record is durable before the record: blobs, and for the first one the
        // directories.
        self.blobs.sync().map_err(taint)?;
        if self.fresh {
            self.run.sync_entries().map_err(taint)?;
            self.fresh = false;
        }
        self.file.append(&bytes).map_err(taint)?;
        self.file.sync(SyncPoint::Batch).map_err(taint)?;
        self.durable = (self.next.clone(), self.durable.1 + bytes.len() as u64);
        Ok(std::mem::take(&mut self.pending))
    }

    /// After the disk became full: gives the reserve back, cuts off what the failed batch left,
    /// and makes these events durable in its place. Once; the writer stays poisoned.
    ///
    /// This is no second try. The failed batch is given up (its events never happened, for nothing
    /// had acted on them); what is written are the results of what was already running and the end
    /// of the run. Their `seq` goes on from the last *durable* record.
    ///
    /// # Errors
    /// [`WriteError::NotFinal`]: the disk is not full but broken, no record was ever durable, or
    /// the reserve is spent. [`WriteError::Failed`]: it was still not enough.
    pub fn final_append(&mut self, events: Vec<Event>) -> Result<Vec<Durable>, WriteError> {
        let full = self.poison.cause().is_some_and(|cause| cause.is_full());
        if !full || self.reserve_used || self.head().is_none() {
            return Err(WriteError::NotFinal);
        }
        self.pending.clear();
        self.next = self.durable.0.clone();
        for event in events {
            self.stage(event)?;
        }
        self.reserve_used = true;
        let failed = |error| WriteError::Failed(Arc::new(error));
        self.run
            .disk()
            .remove(&self.run.reserve())
            .map_err(failed)?;
        self.file.cut(self.durable.1).map_err(failed)?;
        self.write_out()
    }
}

/// Keeps blocks back for the end of a run. Its zeros are written, not only promised.
pub(super) fn keep_reserve(run: &RunDir) -> Result<(), super::disk::DiskError> {
    let disk = run.disk();
    match disk.open(&run.reserve(), How::Create) {
        Ok(mut file) => file.append(&vec![0; RESERVE]),
        Err(error) if error.is_there() => Ok(()),
        Err(error) => Err(error),
    }
}
