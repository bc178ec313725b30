//! Blobs: bytes beside the journal, each in a file that is named by its digest.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::disk::{Disk, DiskError, SyncPoint};
use super::files;
use super::poison::{Poison, WriteError};
use super::record::Record;
use crate::model::{Digest, Happened};

/// Writes a run's blobs. Clones write for the same run, from any thread.
#[derive(Clone, Debug)]
pub struct Blobs {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// Whether a name in `dir` may not be durable yet.
    unsynced: Arc<AtomicBool>,
    poison: Poison,
}

impl Blobs {
    pub(super) fn new(disk: Arc<dyn Disk>, dir: PathBuf, poison: Poison) -> Self {
        Self {
            disk,
            dir,
            unsynced: Arc::default(),
            poison,
        }
    }

    /// Keeps some bytes. They are durable now, and their name is before any record that is
    /// committed from now on.
    ///
    /// # Errors
    /// The disk failed, now or earlier: from then on the run's journal takes nothing more either.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, WriteError> {
        self.poison.check()?;
        let digest = Digest::of(bytes);
        match read(&*self.disk, &self.dir, &digest) {
            Ok(_) => {}
            Err(BlobError::Missing | BlobError::Changed) => {
                let name = digest.to_string();
                files::put(&*self.disk, &self.dir, &name, bytes, Some(SyncPoint::Blob))
                    .map_err(|error| self.poison.taint(error))?;
            }
            Err(BlobError::Disk(error)) => return Err(self.poison.taint(error)),
        }
        // Also where it was there already: whoever put it may have died before the sync.
        self.unsynced.store(true, Ordering::SeqCst);
        Ok(digest)
    }

    /// Makes the names durable of all blobs that were put before.
    pub(super) fn sync(&self) -> Result<(), DiskError> {
        if self.unsynced.swap(false, Ordering::SeqCst) {
            self.disk.sync_dir(&self.dir, SyncPoint::Blobs)?;
        }
        Ok(())
    }
}

/// Why a blob cannot be read.
#[derive(Debug)]
pub enum BlobError {
    /// It is not there.
    Missing,
    /// Its bytes are not those that its name says.
    Changed,
    /// The disk failed, or what has the name is not a file of ours.
    Disk(DiskError),
}

impl fmt::Display for BlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the blob is missing"),
            Self::Changed => f.write_str("the blob was changed"),
            Self::Disk(_) => f.write_str("the blob cannot be read"),
        }
    }
}

impl std::error::Error for BlobError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Disk(error) => Some(error),
            Self::Missing | Self::Changed => None,
        }
    }
}

/// The bytes of a blob, checked against its name.
pub(super) fn read(disk: &dyn Disk, dir: &Path, digest: &Digest) -> Result<Vec<u8>, BlobError> {
    match files::read(disk, &dir.join(digest.to_string())) {
        Ok(bytes) if Digest::of(&bytes) == *digest => Ok(bytes),
        Ok(_) => Err(BlobError::Changed),
        Err(error) if error.is_missing() => Err(BlobError::Missing),
        Err(error) => Err(BlobError::Disk(error)),
    }
}

/// How a blob that a record names was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobState {
    /// It is there, with the right bytes.
    Whole,
    /// It is not there.
    Missing,
    /// Its bytes are others.
    Changed,
    /// It could not be read, for this reason.
    Unreadable(String),
}

/// The state of every blob that some records name.
pub(super) fn examine(
    disk: &dyn Disk,
    dir: &Path,
    records: &[Record],
) -> BTreeMap<Digest, BlobState> {
    let mut states = BTreeMap::new();
    for digest in records.iter().flat_map(|r| named_by(&r.event.what)) {
        states
            .entry(digest)
            .or_insert_with(|| match read(disk, dir, &digest) {
                Ok(_) => BlobState::Whole,
                Err(BlobError::Missing) => BlobState::Missing,
                Err(BlobError::Changed) => BlobState::Changed,
                Err(BlobError::Disk(error)) => BlobState::Unreadable(said(&error)),
            });
    }
    states
}

fn said(error: &DiskError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// The blobs that an event names: without them it is not whole.
pub fn named_by(what: &Happened) -> Vec<Digest> {
    match what {
        Happened::RunOpened(opened) => vec![
            opened.runbook_blob,
            opened.plan_blob,
            opened.bindings_blob,
            opened.policy_blob,
        ],
        Happened::StepFinished(finished) => {
            let output = finished.output.as_ref().and_then(|output| output.blob());
            let streams = finished.streams.blobs();
            output
                .into_iter()
                .chain(streams)
                .map(|b| b.sha256)
                .collect()
        }
        Happened::StepUnknown { streams, .. } => streams.blobs().map(|b| b.sha256).collect(),
        // Written out, so that a new event is asked whether it names blobs.
        Happened::RunResumed { .. }
        | Happened::RunParked { .. }
        | Happened::RunClosed(_)
        | Happened::VarsSet { .. }
        | Happened::BlockEntered { .. }
        | Happened::LoopOpened { .. }
        | Happened::StepSkipped { .. }
        | Happened::StepRefused { .. }
        | Happened::GateOpened(_)
        | Happened::GateDecided { .. }
        | Happened::ApprovalGiven { .. }
        | Happened::GateEscalated { .. }
        | Happened::UndoRequested { .. }
        | Happened::LockTaken { .. }
        | Happened::GlassBroken { .. }
        | Happened::ReviewSigned { .. }
        | Happened::BeforeSeen { .. }
        | Happened::StepStarted(_)
        | Happened::PollSeen { .. }
        | Happened::StepResolved { .. }
        | Happened::FailureDecided { .. }
        | Happened::AnswerGiven { .. }
        | Happened::ManualReported { .. }
        | Happened::PauseBegun { .. }
        | Happened::PauseEnded { .. }
        | Happened::UndoBegun { .. }
        | Happened::NoteAdded { .. }
        | Happened::CancelRequested { .. }
        | Happened::Recovered { .. } => Vec::new(),
    }
}
