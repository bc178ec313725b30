//! One run's directory: where its journal and what belongs to it lie, and reading them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::blobs::{self, BlobError, BlobState};
use super::disk::{Disk, DiskError, How, SyncPoint};
use super::follow::Follower;
use super::holder::Holder;
use super::read::{self, ReadReport};
use crate::model::Digest;
use crate::model::ids::RunId;

/// One run's directory. Reading needs no lock.
#[derive(Clone, Debug)]
pub struct RunDir {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    id: RunId,
}

impl RunDir {
    pub(super) fn new(disk: Arc<dyn Disk>, runs: &Path, id: &RunId) -> Self {
        Self {
            disk,
            path: runs.join(id.as_str()),
            id: id.clone(),
        }
    }

    pub(super) fn disk(&self) -> Arc<dyn Disk> {
        Arc::clone(&self.disk)
    }

    /// Whose directory it is.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The journal's file.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal.jsonl")
    }

    /// The directory of the run's blobs.
    pub fn blobs(&self) -> PathBuf {
        self.path.join("blobs")
    }

    /// The directory in which the run's processes work.
    pub fn work(&self) -> PathBuf {
        self.path.join("work")
    }

    /// The directory of what tools gave out and nobody else may see. It is there only while the run
    /// is not closed, and only where there is something.
    pub fn secrets(&self) -> PathBuf {
        self.path.join("secrets")
    }

    pub(super) fn reserve(&self) -> PathBuf {
        self.path.join("reserve")
    }

    pub(super) fn check(&self) -> Result<(), DiskError> {
        self.disk.check_dir(&self.path)?;
        self.disk.check_dir(&self.blobs())
    }

    /// Makes the directories durable that lead to the journal.
    pub(super) fn sync_entries(&self) -> Result<(), DiskError> {
        self.disk.sync_dir(&self.path, SyncPoint::Run)?;
        match self.path.parent() {
            Some(runs) => self.disk.sync_dir(runs, SyncPoint::Runs),
            None => Ok(()),
        }
    }

    /// Reads the journal as far as it verifies. A run that is being written may show a torn tail
    /// for a moment.
    ///
    /// # Errors
    /// The disk failed, or something in the way is not ours.
    pub fn read(&self) -> Result<ReadReport, DiskError> {
        self.check()?;
        match self.disk.open(&self.journal(), How::Read) {
            Ok(file) => read::read_records(&*file, self.id.clone()),
            // Its process was killed between making the directory and the file.
            Err(error) if error.is_missing() => Ok(ReadReport::empty(self.id.clone())),
            Err(error) => Err(error),
        }
    }

    /// Who left word last of holding the run; none where nobody did.
    pub fn holder(&self) -> Option<Holder> {
        Holder::last(&*self.disk, &self.path)
    }

    /// Reads the journal from its beginning, and on while it grows.
    pub fn follow(&self) -> Follower {
        Follower::new(self.clone())
    }

    /// The same as [`RunDir::read`], and all that was read is durable, also where its writer was killed before the
    /// sync.
    pub(super) fn read_durably(&self) -> Result<ReadReport, DiskError> {
        self.check()?;
        let mut file = self.disk.open(&self.journal(), How::Append)?;
        let report = read::read_records(&*file, self.id.clone())?;
        file.sync(SyncPoint::Mend)?;
        Ok(report)
    }

    /// The bytes of a blob, checked against its digest.
    ///
    /// # Errors
    /// See [`BlobError`].
    pub fn blob(&self, digest: &Digest) -> Result<Vec<u8>, BlobError> {
        blobs::read(&*self.disk, &self.blobs(), digest)
    }

    /// How every blob is found that the records of a report name.
    pub fn examine_blobs(&self, report: &ReadReport) -> BTreeMap<Digest, BlobState> {
        blobs::examine(&*self.disk, &self.blobs(), &report.records)
    }
}
