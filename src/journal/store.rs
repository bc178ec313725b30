//! The state directory: where every run, the ledger and the simulated worlds lie.
//!
//! `runs/<run>/{journal.jsonl, blobs/<sha256>, work/, torn-<seq>, reserve, holder}`, `ledger.jsonl`,
//! `worlds/`, `locks/<sha256 of the name>`. Directories are 0700 and files 0600.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, DiskError, DiskFile, How, SyncPoint};
use super::files;
use super::holder::Holder;
use super::ledger::Ledger;
use super::locks::Locks;
use super::read::{self, ReadReport, Tail};
use super::real::RealDisk;
use super::record::Place;
use super::repair;
use super::run_dir::RunDir;
use super::stamp::Stamps;
use super::store_error::StoreError;
use super::write::{self, Writer};
use crate::model::Happened;
use crate::model::ids::RunId;
use crate::model::suggest;

/// How the files are called that hold a run's torn tails.
const TORN: &str = "torn-";

/// A state directory.
#[derive(Clone, Debug)]
pub struct Store {
    disk: Arc<dyn Disk>,
    path: PathBuf,
}

/// A run that was taken up again.
#[derive(Debug)]
pub struct Resumed {
    /// Writes on where the journal ends.
    pub writer: Writer,
    /// What the journal holds. All of it is durable.
    pub report: ReadReport,
    /// What must be appended before anything else: which torn tails were set aside.
    pub recovered: Vec<Happened>,
}

impl Store {
    /// Opens a state directory on this machine's disk; makes it where it is missing.
    ///
    /// # Errors
    /// The disk failed, or something in the way is not ours.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_on(Arc::new(RealDisk), path)
    }

    /// Opens a state directory on some disk; makes it where it is missing.
    ///
    /// # Errors
    /// The disk failed, or something in the way is not ours.
    pub fn open_on(disk: Arc<dyn Disk>, path: &Path) -> Result<Self, StoreError> {
        let store = Self {
            disk,
            path: path.to_owned(),
        };
        let disk = &*store.disk;
        let mut made = make_path(disk, path)?;
        disk.check_dir(path)?;
        for dir in [store.runs(), store.worlds(), store.locks_dir()] {
            made |= make_dir(disk, &dir)?;
            disk.check_dir(&dir)?;
        }
        // Until a first run stands in the ledger, whoever made the directories may have been
        // killed before the sync.
        if made || !disk.list(path)?.iter().any(|name| name == Ledger::FILE) {
            disk.sync_dir(parent(path), SyncPoint::Parent)?;
            disk.sync_dir(path, SyncPoint::State)?;
        }
        Ok(store)
    }

    /// The state directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn runs(&self) -> PathBuf {
        self.path.join("runs")
    }

    /// Where the simulated productions lie.
    pub fn worlds(&self) -> PathBuf {
        self.path.join("worlds")
    }

    fn locks_dir(&self) -> PathBuf {
        self.path.join("locks")
    }

    /// What one run at a time has.
    pub fn locks(&self) -> Locks {
        Locks::new(self.clone(), Arc::clone(&self.disk), self.locks_dir())
    }

    /// The ledger of all runs.
    pub fn ledger(&self) -> Ledger {
        Ledger::new(Arc::clone(&self.disk), &self.path)
    }

    /// Makes a run's directory and takes its lock. Nothing of it is durable before the first
    /// commit, which must begin with `run_opened`.
    ///
    /// # Errors
    /// There is such a run already, or the disk failed.
    pub fn create_run(
        &self,
        id: &RunId,
        stamps: Arc<dyn Stamps>,
        holder: &Holder,
    ) -> Result<Writer, StoreError> {
        let run = RunDir::new(Arc::clone(&self.disk), &self.runs(), id);
        match self.disk.create_dir(run.path()) {
            Err(error) if error.is_there() => return Err(StoreError::Exists(id.clone())),
            other => other?,
        }
        self.disk.create_dir(&run.blobs())?;
        self.disk.create_dir(&run.work())?;
        let file = self.disk.open(&run.journal(), How::Create)?;
        self.take(&run, &*file, holder)?;
        write::keep_reserve(&run)?;
        let next = Place::first(id.clone());
        Ok(Writer::new(run, file, stamps, next, 0))
    }

    /// Takes a run's lock and its journal up again: verifies it, makes durable what was read, and
    /// sets a torn tail aside.
    ///
    /// # Errors
    /// Somebody else holds the run; its journal is corrupt, a newer version's, or was never begun;
    /// or the disk failed.
    pub fn resume_run(
        &self,
        id: &RunId,
        stamps: Arc<dyn Stamps>,
        holder: &Holder,
    ) -> Result<Resumed, StoreError> {
        let run = self.run(id)?;
        let mut file = match self.disk.open(&run.journal(), How::Append) {
            Err(error) if error.is_missing() => return Err(StoreError::NeverBegun(id.clone())),
            other => other?,
        };
        self.take(&run, &*file, holder)?;
        let mut report = read::read_records(&*file, id.clone())?;
        if let Tail::Broken { line, offset, why } = report.tail {
            return Err(StoreError::Unreadable {
                run: id.clone(),
                line,
                offset,
                why,
            });
        }
        if report.records.is_empty() {
            return Err(StoreError::NeverBegun(id.clone()));
        }
        // A process that was killed between write and sync left records that only the page cache
        // holds. Nobody acknowledged them, but from here on they are believed.
        file.sync(SyncPoint::Reopen)?;
        files::sweep(&*self.disk, run.path())?;
        files::sweep(&*self.disk, &run.blobs())?;
        let torn = repair::set_aside(&*self.disk, run.path(), TORN, &mut *file, &mut report)?;
        write::keep_reserve(&run)?;
        let (next, length) = (report.next.clone(), report.length());
        Ok(Resumed {
            writer: Writer::new(run, file, stamps, next, length),
            report,
            recovered: torn.into_iter().map(Happened::from).collect(),
        })
    }

    fn take(&self, run: &RunDir, file: &dyn DiskFile, holder: &Holder) -> Result<(), StoreError> {
        // Whoever only looks whether it is held does not stand in the way.
        let _turn = self.locks().turn()?;
        self.locked(run, file)?;
        // Only for the message to others: a full disk must not keep anybody from a run for it.
        let _ = holder.announce(&*self.disk, run.path());
        Ok(())
    }

    /// Whether no process writes a run now.
    ///
    /// # Errors
    /// Somebody holds it, there is none of that id, or the disk failed.
    pub fn check_free(&self, id: &RunId) -> Result<(), StoreError> {
        let run = self.run(id)?;
        let _turn = self.locks().turn()?;
        let file = match self.disk.open(&run.journal(), How::Read) {
            Err(error) if error.is_missing() => return Ok(()),
            other => other?,
        };
        self.locked(&run, &*file)
    }

    fn locked(&self, run: &RunDir, file: &dyn DiskFile) -> Result<(), StoreError> {
        match file.try_lock()? {
            true => Ok(()),
            false => Err(StoreError::Held {
                run: run.id().clone(),
                holder: Holder::last(&*self.disk, run.path()),
            }),
        }
    }

    /// A run that exists.
    ///
    /// # Errors
    /// There is none of that id, or its directory is not ours.
    pub fn run(&self, id: &RunId) -> Result<RunDir, StoreError> {
        let run = RunDir::new(Arc::clone(&self.disk), &self.runs(), id);
        match run.check() {
            Ok(()) => Ok(run),
            Err(error) if error.is_missing() => Err(self.no_run(id.as_str())?),
            Err(error) => Err(error.into()),
        }
    }

    /// All runs, the one that was started last first.
    ///
    /// # Errors
    /// The disk failed.
    pub fn list_runs(&self) -> Result<Vec<RunId>, StoreError> {
        let names = self.disk.list(&self.runs())?;
        let mut runs: Vec<RunId> = names.iter().filter_map(|name| name.parse().ok()).collect();
        runs.sort_by(|a, b| (started(b), b).cmp(&(started(a), a)));
        Ok(runs)
    }

    /// The run that is meant by `last`, by its id, or by what only one id begins with.
    ///
    /// # Errors
    /// None is meant, or several may be.
    pub fn resolve(&self, written: &str) -> Result<RunId, StoreError> {
        let runs = self.list_runs()?;
        if written == "last" {
            return runs.into_iter().next().ok_or(StoreError::NoRuns);
        }
        if let Some(exact) = runs.iter().find(|run| run.as_str() == written) {
            return Ok(exact.clone());
        }
        let mut matching = runs
            .into_iter()
            .filter(|run| !written.is_empty() && run.as_str().starts_with(written));
        match (matching.next(), matching.next()) {
            (Some(run), None) => Ok(run),
            (None, _) => Err(self.no_run(written)?),
            (Some(first), Some(second)) => Err(StoreError::Ambiguous {
                written: written.to_owned(),
                candidates: [first, second].into_iter().chain(matching).collect(),
            }),
        }
    }

    fn no_run(&self, written: &str) -> Result<StoreError, StoreError> {
        let runs = self.list_runs()?;
        let nearest = suggest::nearest(written, runs.iter().map(RunId::as_str));
        Ok(StoreError::NoRun {
            written: written.to_owned(),
            nearest: runs
                .iter()
                .find(|run| Some(run.as_str()) == nearest)
                .cloned(),
        })
    }
}

/// The time in a run's id, which sorts as text.
fn started(run: &RunId) -> &str {
    run.as_str().rsplit('-').nth(1).unwrap_or_default()
}

/// The directory that holds a path's last name.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes a directory; false where it is there already.
fn make_dir(disk: &dyn Disk, path: &Path) -> Result<bool, DiskError> {
    match disk.create_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if error.is_there() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes a directory and those above it that are missing; false where it is there already.
fn make_path(disk: &dyn Disk, path: &Path) -> Result<bool, DiskError> {
    let mut missing = Vec::new();
    let mut at = path;
    loop {
        match make_dir(disk, at) {
            Ok(made) => {
                let made = made || !missing.is_empty();
                // Each but the last is entered in its parent here; the last by the caller.
                if made && at != path {
                    disk.sync_dir(parent(at), SyncPoint::Parent)?;
                }
                while let Some(next) = missing.pop() {
                    make_dir(disk, next)?;
                    if next != path {
                        disk.sync_dir(parent(next), SyncPoint::Parent)?;
                    }
                }
                return Ok(made);
            }
            Err(error) if error.is_missing() && parent(at) != Path::new(".") => {
                missing.push(at);
                at = parent(at);
            }
            Err(error) => return Err(error),
        }
    }
}
