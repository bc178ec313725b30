//! Where a run's socket is. The address of a socket has room for 108 bytes, and a state directory
//! may lie deeper: so the directory is opened, and the socket named through it.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

/// The socket's name in the run's directory.
const NAME: &str = "control";

/// An open directory, and the socket's path through it.
#[derive(Debug)]
pub(super) struct Address {
    dir: OwnedFd,
}

impl Address {
    /// Of a run's directory.
    pub(super) fn of(dir: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = rustix::fs::open(dir, flags, Mode::empty())?;
        Ok(Self { dir })
    }

    /// A short path, good in this process as long as the address lives.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{NAME}", self.dir.as_raw_fd()))
    }
}
