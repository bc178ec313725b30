//! A disk on which the process dies: for tests of what a kill leaves behind. Debug builds only.
//!
//! Before its n-th change (a write, a sync, a rename, …) the process kills itself with SIGKILL. A
//! write is torn: its first half is on the file by then, so that every odd kind of tail is met.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::disk::{Disk, DiskError, DiskFile, How, SyncPoint};

/// A disk on which the process dies.
#[derive(Debug)]
pub struct CrashingDisk<D> {
    inner: D,
    fuse: Arc<Fuse>,
}

#[derive(Debug)]
struct Fuse {
    left: AtomicU64,
}

impl Fuse {
    /// Whether this is the change that is not survived.
    fn burns(&self) -> bool {
        self.left.fetch_sub(1, Ordering::SeqCst) == 1
    }

    fn die(&self) {
        // Nothing is flushed, nothing is dropped, no handler runs: as with `kill -9`.
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }

    fn change(&self) {
        if self.burns() {
            self.die();
        }
    }
}

impl<D: Disk> CrashingDisk<D> {
    /// Dies before the n-th change, counted from 1.
    pub fn new(inner: D, n: u64) -> Self {
        Self {
            inner,
            fuse: Arc::new(Fuse {
                left: AtomicU64::new(n),
            }),
        }
    }
}

impl<D: Disk> Disk for CrashingDisk<D> {
    fn create_dir(&self, path: &Path) -> Result<(), DiskError> {
        self.fuse.change();
        self.inner.create_dir(path)
    }

    fn check_dir(&self, path: &Path) -> Result<(), DiskError> {
        self.inner.check_dir(path)
    }

    fn open(&self, path: &Path, how: How) -> Result<Box<dyn DiskFile>, DiskError> {
        if how == How::Create {
            self.fuse.change();
        }
        let file = self.inner.open(path, how)?;
        Ok(Box::new(CrashingFile {
            inner: file,
            fuse: Arc::clone(&self.fuse),
        }))
    }

    fn sync_dir(&self, path: &Path, point: SyncPoint) -> Result<(), DiskError> {
        self.fuse.change();
        self.inner.sync_dir(path, point)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        self.fuse.change();
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        self.fuse.change();
        self.inner.remove(path)
    }

    fn list(&self, path: &Path) -> Result<Vec<String>, DiskError> {
        self.inner.list(path)
    }
}

struct CrashingFile {
    inner: Box<dyn DiskFile>,
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
            let torn = self.inner.append(half);
            self.fuse.die();
            return torn;
        }
        self.inner.append(bytes)
    }

    fn sync(&mut self, point: SyncPoint) -> Result<(), DiskError> {
        self.fuse.change();
        self.inner.sync(point)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, DiskError> {
        self.inner.read_at(offset, buffer)
    }

    fn length(&self) -> Result<u64, DiskError> {
        self.inner.length()
    }

    fn cut(&mut self, length: u64) -> Result<(), DiskError> {
        self.fuse.change();
        self.inner.cut(length)
    }

    fn lock(&self) -> Result<(), DiskError> {
        self.inner.lock()
    }

    fn try_lock(&self) -> Result<bool, DiskError> {
        self.inner.try_lock()
    }
}
