//! Locks: what one run at a time has, whichever runbook it is.
//!
//! A lock is a file of claims, a JSON object a line; the last whole line says whose it is. A run
//! that is parked has no process, and keeps its lock by that line alone. A process that drives a
//! run has the file's lock as well, which dies with it.
//!
//! A claim is appended and synced before its run does anything. A line that a crash has torn counts
//! for nothing, and neither does a claim whose run never began, so that the claim before it stands:
//! at no moment does a lock belong to two. A claim whose run is closed holds nobody up. The file is emptied when it is let
//! go, and never removed: whoever opened it before would lock a file that has no name any more.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::disk::{Disk, DiskError, DiskFile, Doing, How, SyncPoint};
use super::files;
use super::holder::Holder;
use super::read::Tail;
use super::store::Store;
use super::store_error::StoreError;
use crate::model::event::LockTakeover;
use crate::model::ids::RunId;
use crate::model::text::escape_controls;
use crate::model::{Digest, Happened};

/// The file whose lock is held while somebody looks at a lock and takes it.
const TURN: &str = "turn";

/// Whose a lock is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The lock's name.
    pub name: String,
    /// The run that has it.
    pub run: RunId,
    /// Who operates that run.
    pub user: String,
    /// The process that took it for the run.
    pub holder: Holder,
    /// From whom it was taken, and why: kept here too, because the process may end before the run's
    /// journal has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<LockTakeover>,
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (user, host) = (escape_controls(&self.user), &self.holder.host);
        let (host, pid) = (escape_controls(host), self.holder.pid);
        write!(f, "{} ({user}@{host}, process {pid})", self.run)
    }
}

/// What there is to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grip {
    /// A process lives that drives the run.
    Living,
    /// The run is parked.
    Parked,
    /// The process ended without letting go of the run.
    Died,
    /// The run's journal cannot be believed, so that nobody knows.
    Unreadable,
}

/// A lock that somebody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// Whose it is.
    pub claim: Claim,
    /// What there is to that.
    pub grip: Grip,
}

impl From<Locked> for StoreError {
    fn from(locked: Locked) -> Self {
        Self::Locked(Box::new(locked))
    }
}

/// A lock that this process has for its run. Dropped, it stays the run's: only the process lets go.
#[derive(Debug)]
pub struct HeldLock {
    file: Box<dyn DiskFile>,
    locks: Locks,
}

impl HeldLock {
    /// Gives it back: its run is closed. Not synced, for the claim of a closed run is void.
    ///
    /// # Errors
    /// The disk failed; the claim is void all the same.
    pub fn release(mut self) -> Result<(), DiskError> {
        let _turn = self.locks.turn()?;
        self.file.cut(0)
    }
}

/// A lock that was taken, and from whom.
#[derive(Debug)]
pub struct Taken {
    /// The lock.
    pub lock: HeldLock,
    /// Who had it and had not given it back, and why it is taken from them; what the run's own
    /// earlier claim says of that, where it has one.
    pub from: Option<LockTakeover>,
}

/// What a run that no process drives has of its lock.
enum Left {
    /// There is nothing of the run.
    NeverBegan,
    /// It needs it no more.
    Closed,
    /// It has it still.
    Has(Grip),
}

/// All locks of a state directory.
#[derive(Clone, Debug)]
pub struct Locks {
    store: Store,
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

/// What a lock's file holds.
struct Claims {
    /// Those that are whole.
    all: Vec<Claim>,
    /// Where its line ends; what follows was torn.
    whole: u64,
}

impl Locks {
    pub(super) fn new(store: Store, disk: Arc<dyn Disk>, dir: PathBuf) -> Self {
        Self { store, disk, dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(Digest::of(name.as_bytes()).to_string())
    }

    /// Takes a lock for a run, durably. With a reason it is taken from a parked run too, or from one
    /// of which nobody knows where it stands; never from a process that lives.
    ///
    /// # Errors
    /// Somebody else has it, or the disk failed.
    pub fn take(&self, claim: Claim, reason: Option<&str>) -> Result<Taken, StoreError> {
        let _turn = self.turn()?;
        let path = self.path(&claim.name);
        let mut file = self.open_to_write(&path)?;
        let living = !file.try_lock()?;
        let claims = claims(&path, &*file)?;
        let held = self.judged(claims.all, living)?;
        // The claim before stands until this one is whole.
        let keep = if held.is_some() { claims.whole } else { 0 };
        let from = match held {
            None => None,
            Some(held) if held.grip == Grip::Living => return Err(held.into()),
            Some(held) if held.claim.run == claim.run => held.claim.from,
            Some(held) => match (held.grip, reason) {
                (Grip::Died, _) => Some(after_death(&held.claim)),
                (_, Some(reason)) => Some(LockTakeover {
                    run: held.claim.run,
                    reason: reason.to_owned(),
                }),
                (_, None) => return Err(held.into()),
            },
        };
        let claim = Claim {
            from: from.clone(),
            ..claim
        };
        if file.length()? > keep {
            file.cut(keep)?;
        }
        // A struct of texts and a number is always JSON.
        let mut line = serde_json::to_vec(&claim).unwrap_or_default();
        line.push(b'\n');
        file.append(&line)?;
        file.sync(SyncPoint::Lock)?;
        self.disk.sync_dir(&self.dir, SyncPoint::Locks)?;
        let lock = HeldLock {
            file,
            locks: self.clone(),
        };
        Ok(Taken { lock, from })
    }

    /// Who has a lock now; none where it is free.
    ///
    /// # Errors
    /// The disk failed.
    pub fn held(&self, name: &str) -> Result<Option<Locked>, StoreError> {
        let _turn = self.turn()?;
        self.look(&self.path(name))
    }

    /// All locks that somebody has now, in the order of their names.
    ///
    /// # Errors
    /// The disk failed.
    pub fn all(&self) -> Result<Vec<Locked>, StoreError> {
        let _turn = self.turn()?;
        let mut all = Vec::new();
        for name in self.disk.list(&self.dir)? {
            if name.parse::<Digest>().is_ok() {
                all.extend(self.look(&self.dir.join(name))?);
            }
        }
        all.sort_by(|a, b| a.claim.name.cmp(&b.claim.name));
        Ok(all)
    }

    fn look(&self, path: &Path) -> Result<Option<Locked>, StoreError> {
        let file = match self.disk.open(path, How::Read) {
            Err(error) if error.is_missing() => return Ok(None),
            other => other?,
        };
        let living = !file.try_lock()?;
        let claims = claims(path, &*file)?;
        self.judged(claims.all, living)
    }

    /// Whose a lock is by its claims: by the last of them whose run began.
    fn judged(&self, claims: Vec<Claim>, living: bool) -> Result<Option<Locked>, StoreError> {
        let mut claims = claims.into_iter().rev();
        if living && let Some(claim) = claims.next() {
            let grip = Grip::Living;
            return Ok(Some(Locked { claim, grip }));
        }
        for claim in claims {
            match self.left(&claim.run)? {
                Left::NeverBegan => {}
                Left::Closed => return Ok(None),
                Left::Has(grip) => return Ok(Some(Locked { claim, grip })),
            }
        }
        Ok(None)
    }

    /// What a run without a process has of its lock.
    fn left(&self, run: &RunId) -> Result<Left, StoreError> {
        let report = match self.store.run(run) {
            // It was never begun, or somebody removed it.
            Err(StoreError::NoRun { .. }) => return Ok(Left::NeverBegan),
            other => other?.read()?,
        };
        if matches!(report.tail, Tail::Broken { .. }) {
            return Ok(Left::Has(Grip::Unreadable));
        }
        let mut left = Left::NeverBegan;
        for event in report.events() {
            match event.what {
                Happened::RunOpened(_)
                | Happened::RunResumed { .. }
                | Happened::UndoRequested { .. } => left = Left::Has(Grip::Died),
                Happened::RunParked { .. } => left = Left::Has(Grip::Parked),
                Happened::RunClosed(_) => left = Left::Closed,
                _ => {}
            }
        }
        Ok(left)
    }

    /// Whoever looks at a lock or takes it does so alone: so a lock that cannot be had is one that
    /// a run has, and not one that somebody just looks at.
    pub(super) fn turn(&self) -> Result<Box<dyn DiskFile>, DiskError> {
        let file = self.open_to_write(&self.dir.join(TURN))?;
        file.lock()?;
        Ok(file)
    }

    fn open_to_write(&self, path: &Path) -> Result<Box<dyn DiskFile>, DiskError> {
        match self.disk.open(path, How::Append) {
            Err(error) if error.is_missing() => {}
            other => return other,
        }
        match self.disk.open(path, How::Create) {
            // Another process was faster.
            Err(error) if error.is_there() => self.disk.open(path, How::Append),
            other => other,
        }
    }
}

/// The claims in a lock's file, as far as they are whole.
fn claims(path: &Path, file: &dyn DiskFile) -> Result<Claims, DiskError> {
    let bytes = files::read_from(file, 0)?;
    let end = bytes.iter().rposition(|byte| *byte == b'\n');
    let whole = bytes
        .get(..end.map_or(0, |end| end + 1))
        .unwrap_or_default();
    let read = |line: &[u8]| {
        // What is whole and means nothing is not to be mistaken for a free lock.
        serde_json::from_slice(line).map_err(|error| {
            let error = io::Error::new(io::ErrorKind::InvalidData, error);
            DiskError::io(Doing::Read, path, error)
        })
    };
    let lines = whole.split_inclusive(|byte| *byte == b'\n');
    Ok(Claims {
        all: lines.map(read).collect::<Result<_, _>>()?,
        whole: whole.len() as u64,
    })
}

/// Why a lock is taken from a run whose process is gone.
fn after_death(claim: &Claim) -> LockTakeover {
    let holder = &claim.holder;
    LockTakeover {
        run: claim.run.clone(),
        reason: format!(
            "its process died without letting go of it ({} on {}, since {}), and may have left a \
             step in doubt",
            holder.pid, holder.host, holder.since
        ),
    }
}
