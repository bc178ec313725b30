//! The disk of the machine.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::disk::{
    DIR_MODE, Disk, DiskError, DiskFile, Doing, FILE_MODE, How, Kind, Refused, Stat, SyncPoint,
};
use super::keeper::Keeper;

/// The disk of the machine.
#[derive(Clone, Copy, Debug)]
pub struct RealDisk {
    keeper: Keeper,
}

impl RealDisk {
    /// What is on it is this user's alone.
    pub fn ours() -> Self {
        Self {
            keeper: Keeper::User(rustix::process::geteuid().as_raw()),
        }
    }

    /// What is on it is shared by the members of this group.
    pub fn shared(gid: u32) -> Self {
        Self {
            keeper: Keeper::Group(gid),
        }
    }

    fn judge(&self, file: &File, wanted: Kind, doing: Doing, path: &Path) -> Result<(), DiskError> {
        let metadata = file.metadata().map_err(|e| DiskError::io(doing, path, e))?;
        stat(&metadata)
            .judge(wanted, self.keeper)
            .map_err(|refused| DiskError::refused(doing, path, refused))
    }

    /// Gives what was just made to the group that shares it. Until then it was the maker's alone,
    /// whatever the process's mask is.
    fn share(&self, made: &File, kind: Kind, doing: Doing, path: &Path) -> Result<(), DiskError> {
        let Keeper::Group(gid) = self.keeper else {
            return Ok(());
        };
        let failed = |errno: rustix::io::Errno| DiskError::io(doing, path, errno.into());
        let metadata = made.metadata().map_err(|e| DiskError::io(doing, path, e))?;
        if metadata.gid() != gid {
            rustix::fs::fchown(made, None, Some(rustix::fs::Gid::from_raw(gid))).map_err(failed)?;
        }
        rustix::fs::fchmod(made, Mode::from_raw_mode(self.keeper.mode(kind))).map_err(failed)
    }
}

fn stat(metadata: &std::fs::Metadata) -> Stat {
    let kind = if metadata.is_file() {
        Kind::File
    } else if metadata.is_dir() {
        Kind::Directory
    } else if metadata.is_symlink() {
        Kind::Link
    } else {
        Kind::Special
    };
    Stat {
        kind,
        uid: metadata.uid(),
        gid: metadata.gid(),
        mode: metadata.mode() & 0o7777,
        links: metadata.nlink(),
    }
}

#[derive(Debug)]
struct RealFile {
    file: File,
    path: PathBuf,
}

fn open(path: &Path, flags: OFlags, mode: u32, doing: Doing) -> Result<File, DiskError> {
    // O_NONBLOCK: opening a FIFO that somebody planted must not wait for its other end.
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    match rustix::fs::open(path, flags, Mode::from_raw_mode(mode)) {
        Ok(fd) => Ok(File::from(fd)),
        Err(rustix::io::Errno::LOOP) => Err(DiskError::refused(doing, path, Refused::Link)),
        // ENXIO: a FIFO without a reader, or a socket.
        Err(rustix::io::Errno::NXIO | rustix::io::Errno::ISDIR) => {
            Err(DiskError::refused(doing, path, Refused::NotAFile))
        }
        Err(errno) => Err(DiskError::io(doing, path, errno.into())),
    }
}

fn open_dir(path: &Path, doing: Doing) -> Result<File, DiskError> {
    match open(path, OFlags::RDONLY | OFlags::DIRECTORY, 0, doing) {
        // With O_DIRECTORY a link is ENOTDIR too: look again to say which it is.
        Err(error) if is_not_a_directory(&error) => {
            let link = std::fs::symlink_metadata(path).is_ok_and(|m| m.is_symlink());
            let refused = if link {
                Refused::Link
            } else {
                Refused::NotADirectory
            };
            Err(DiskError::refused(doing, path, refused))
        }
        other => other,
    }
}

fn is_not_a_directory(error: &DiskError) -> bool {
    matches!(&error.why, super::disk::Why::Io(e) if e.kind() == io::ErrorKind::NotADirectory)
}

impl Disk for RealDisk {
    fn create_dir(&self, path: &Path) -> Result<(), DiskError> {
        rustix::fs::mkdir(path, Mode::from_raw_mode(DIR_MODE))
            .map_err(|e| DiskError::io(Doing::CreateDir, path, e.into()))?;
        match self.keeper {
            Keeper::User(_) => Ok(()),
            Keeper::Group(_) => {
                let made = open_dir(path, Doing::CreateDir)?;
                self.share(&made, Kind::Directory, Doing::CreateDir, path)
            }
        }
    }

    fn check_dir(&self, path: &Path) -> Result<(), DiskError> {
        let dir = open_dir(path, Doing::Open)?;
        self.judge(&dir, Kind::Directory, Doing::Open, path)
    }

    fn open(&self, path: &Path, how: How) -> Result<Box<dyn DiskFile>, DiskError> {
        let (flags, doing) = match how {
            How::Read => (OFlags::RDONLY, Doing::Open),
            How::Append => (OFlags::RDWR | OFlags::APPEND, Doing::Open),
            How::Create => (
                OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL,
                Doing::Create,
            ),
        };
        let file = open(path, flags, FILE_MODE, doing)?;
        if how == How::Create {
            self.share(&file, Kind::File, doing, path)?;
        }
        self.judge(&file, Kind::File, doing, path)?;
        Ok(Box::new(RealFile {
            file,
            path: path.to_owned(),
        }))
    }

    fn sync_dir(&self, path: &Path, _: SyncPoint) -> Result<(), DiskError> {
        open_dir(path, Doing::SyncDir)?
            .sync_all()
            .map_err(|e| DiskError::io(Doing::SyncDir, path, e))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        std::fs::rename(from, to).map_err(|e| DiskError::io(Doing::Rename, from, e))
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        std::fs::remove_file(path).map_err(|e| DiskError::io(Doing::Remove, path, e))
    }

    fn list(&self, path: &Path) -> Result<Vec<String>, DiskError> {
        let failed = |e| DiskError::io(Doing::List, path, e);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            if let Ok(name) = entry.map_err(failed)?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }
}

impl RealFile {
    fn failed(&self, doing: Doing) -> impl FnOnce(io::Error) -> DiskError + use<> {
        let path = self.path.clone();
        move |error| DiskError::io(doing, &path, error)
    }
}

impl DiskFile for RealFile {
    fn append(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        let failed = self.failed(Doing::Append);
        self.file.write_all(bytes).map_err(failed)
    }

    fn sync(&mut self, _: SyncPoint) -> Result<(), DiskError> {
        self.file.sync_data().map_err(self.failed(Doing::Sync))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, DiskError> {
        loop {
            match self.file.read_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other.map_err(self.failed(Doing::Read)),
            }
        }
    }

    fn length(&self) -> Result<u64, DiskError> {
        let metadata = self.file.metadata().map_err(self.failed(Doing::Read))?;
        Ok(metadata.len())
    }

    fn cut(&mut self, length: u64) -> Result<(), DiskError> {
        self.file.set_len(length).map_err(self.failed(Doing::Cut))
    }

    fn lock(&self) -> Result<(), DiskError> {
        self.file.lock().map_err(self.failed(Doing::Lock))
    }

    fn try_lock(&self) -> Result<bool, DiskError> {
        match self.file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(self.failed(Doing::Lock)(error)),
        }
    }
}
