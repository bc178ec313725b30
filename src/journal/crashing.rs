//! A disk on which the process dies, or that fails: for tests of what that leaves behind. Debug
//! builds only.
//!
//! Before its n-th change (a write, a sync, a rename, …) the process kills itself with SIGKILL, or
//! the disk says EIO or that it is full, from then on. A write is torn: its first half is on the
//! file by then, so that every odd kind of tail is met.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::disk::{Disk, DiskError, DiskFile, Doing, How, SyncPoint};

/// How the n-th change of a disk ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// The process is killed.
    Kill,
    /// The disk is broken from then on.
    Broken,
    /// The disk is full from then on, until something is removed.
    Full,
}

/// A disk on which the process dies, or that fails.
#[derive(Debug)]
pub struct CrashingDisk<D> {
    inner: D,
    fuse: Arc<Fuse>,
}

#[derive(Debug)]
struct Fuse {
    left: AtomicI64,
    blow: Blow,
    /// Something was removed from the full disk: there is room again.
    room: AtomicBool,
}

impl Fuse {
    /// Whether this change is not survived, or not made.
    fn burns(&self) -> bool {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        match self.blow {
            Blow::Kill => left == 1,
            Blow::Broken => left <= 1,
            Blow::Full => left <= 1 && !self.room.load(Ordering::SeqCst),
        }
    }

    fn strike(&self, doing: Doing, path: &Path) -> DiskError {
        let error = match self.blow {
            Blow::Kill => {
                // Nothing is flushed, nothing is dropped, no handler runs: as with `kill -9`.
                let me = rustix::process::getpid();
                let _ = rustix::process::kill_process(me, rustix::process::Signal::KILL);
                io::Error::other("killed")
            }
            Blow::Broken => io::Error::from(rustix::io::Errno::IO),
            Blow::Full => io::Error::from(rustix::io::Errno::NOSPC),
        };
        DiskError::io(doing, path, error)
    }

    fn change(&self, doing: Doing, path: &Path) -> Result<(), DiskError> {
        if self.burns() {
            return Err(self.strike(doing, path));
        }
        Ok(())
    }
}

impl<D: Disk> CrashingDisk<D> {
    /// The n-th change, counted from 1, is struck.
    pub fn new(inner: D, n: i64, blow: Blow) -> Self {
        Self {
            inner,
            fuse: Arc::new(Fuse {
                left: AtomicI64::new(n),
                blow,
                room: AtomicBool::new(false),
            }),
        }
    }
}

impl<D: Disk> Disk for CrashingDisk<D> {
    fn create_dir(&self, path: &Path) -> Result<(), DiskError> {
        self.fuse.change(Doing::CreateDir, path)?;
        self.inner.create_dir(path)
    }

    fn check_dir(&self, path: &Path) -> Result<(), DiskError> {
        self.inner.check_dir(path)
    }

    fn open(&self, path: &Path, how: How) -> Result<Box<dyn DiskFile>, DiskError> {
        if how == How::Create {
            self.fuse.change(Doing::Create, path)?;
        }
        let file = self.inner.open(path, how)?;
        Ok(Box::new(CrashingFile {
            inner: file,
            path: path.to_owned(),
            fuse: Arc::clone(&self.fuse),
        }))
    }

    fn sync_dir(&self, path: &Path, point: SyncPoint) -> Result<(), DiskError> {
        self.fuse.change(Doing::SyncDir, path)?;
        self.inner.sync_dir(path, point)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        self.fuse.change(Doing::Rename, from)?;
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        if self.fuse.blow == Blow::Full {
            // A small file that is removed gives no room worth the name; the reserve does.
            let reserve = path.ends_with("reserve");
            self.fuse.room.fetch_or(reserve, Ordering::SeqCst);
        } else {
            self.fuse.change(Doing::Remove, path)?;
        }
        self.inner.remove(path)
    }

    fn list(&self, path: &Path) -> Result<Vec<String>, DiskError> {
        self.inner.list(path)
    }
}

struct CrashingFile {
    inner: Box<dyn DiskFile>,
    path: PathBuf,
    fuse: Arc<Fuse>,
}

impl fmt::Debug for CrashingFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl DiskFile for CrashingFile {
    fn append(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        if self.fuse.burns() {
            let half = &bytes[..bytes.len() / 2];
            self.inner.append(half)?;
            return Err(self.fuse.strike(Doing::Append, &self.path));
        }
        self.inner.append(bytes)
    }

    fn sync(&mut self, point: SyncPoint) -> Result<(), DiskError> {
        self.fuse.change(Doing::Sync, &self.path)?;
        self.inner.sync(point)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, DiskError> {
        self.inner.read_at(offset, buffer)
    }

    fn length(&self) -> Result<u64, DiskError> {
        self.inner.length()
    }

    fn cut(&mut self, length: u64) -> Result<(), DiskError> {
        self.fuse.change(Doing::Cut, &self.path)?;
        self.inner.cut(length)
    }

    fn lock(&self) -> Result<(), DiskError> {
        self.inner.lock()
    }

    fn try_lock(&self) -> Result<bool, DiskError> {
        self.inner.try_lock()
    }
}
