//! What the journal asks of a disk, and what it refuses to touch.
//!
//! The real one is [`RealDisk`](super::RealDisk). The simulated one, [`SimDisk`](super::SimDisk),
//! loses, tears and refuses writes: kill -9 alone never shows a missing sync, because the page
//! cache survives it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::keeper::Keeper;

/// Directories are made with this mode, where they are not shared.
pub const DIR_MODE: u32 = 0o700;

/// Files are made with this mode, where they are not shared.
pub const FILE_MODE: u32 = 0o600;

/// A disk: files and directories that are ours, or our group's.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Makes a directory with its keeper's mode. Its entry is durable after a sync of its parent.
    fn create_dir(&self, path: &Path) -> Result<(), DiskError>;
    /// Refuses what is not a directory of ours; see [`Refused`].
    fn check_dir(&self, path: &Path) -> Result<(), DiskError>;
    /// Opens a file without following links, and refuses what is not ours; see [`Refused`].
    fn open(&self, path: &Path, how: How) -> Result<Box<dyn DiskFile>, DiskError>;
    /// Makes a directory's entries durable.
    fn sync_dir(&self, path: &Path, point: SyncPoint) -> Result<(), DiskError>;
    /// Gives a file another name, in one act; what had that name before is gone.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> Result<(), DiskError>;
    /// The names in a directory, in no order. Those that are not UTF-8 are left out: none is ours.
    fn list(&self, path: &Path) -> Result<Vec<String>, DiskError>;
}

/// An open file. Its lock and itself go when it is dropped or its process ends.
pub trait DiskFile: Send + fmt::Debug {
    /// Writes all bytes at the end. After an error any part of them may have been written.
    fn append(&mut self, bytes: &[u8]) -> Result<(), DiskError>;
    /// Makes all that was written durable (`fdatasync`).
    fn sync(&mut self, point: SyncPoint) -> Result<(), DiskError>;
    /// Reads some bytes from an offset; 0 is the end of the file.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, DiskError>;
    /// The length in bytes.
    fn length(&self) -> Result<u64, DiskError>;
    /// Cuts the file to this length in bytes.
    fn cut(&mut self, length: u64) -> Result<(), DiskError>;
    /// Takes the file's lock, and waits for it.
    fn lock(&self) -> Result<(), DiskError>;
    /// Takes the file's lock, or says no where somebody else has it.
    fn try_lock(&self) -> Result<bool, DiskError>;
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It exists and is read.
    Read,
    /// It exists and is read and written at its end.
    Append,
    /// It does not exist, is made with its keeper's mode, and is read and written at its end.
    Create,
}

/// Every place where the journal waits for the disk. A test leaves out each in turn, and loses
/// something each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SyncPoint {
    /// The directory in which the state directory was made.
    Parent,
    /// The state directory's own entries.
    State,
    /// The directory of all runs, before a run's first record.
    Runs,
    /// A run's directory, before its first record.
    Run,
    /// A blob's bytes, before it gets its name.
    Blob,
    /// The blobs' names, before a record that may mention them.
    Blobs,
    /// A batch of records.
    Batch,
    /// What a killed process wrote and did not sync, before a resume believes it.
    Reopen,
    /// The bytes of a torn tail, before they are cut off.
    Torn,
    /// The name of the file that holds a torn tail, before the tail is cut off.
    TornName,
    /// The ledger's records.
    Ledger,
    /// The ledger's name, before its first record.
    LedgerName,
    /// What a killed process wrote into the ledger, before a run's first record builds on it.
    LedgerHead,
    /// What a killed process wrote into a run, before the ledger says it.
    Mend,
    /// A claim to a lock, before its run begins or goes on.
    Lock,
    /// The name of a lock's file, before its run begins or goes on.
    Locks,
}

impl SyncPoint {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Parent,
        Self::State,
        Self::Runs,
        Self::Run,
        Self::Blob,
        Self::Blobs,
        Self::Batch,
        Self::Reopen,
        Self::Torn,
        Self::TornName,
        Self::Ledger,
        Self::LedgerName,
        Self::LedgerHead,
        Self::Mend,
        Self::Lock,
        Self::Locks,
    ];
}

/// What a file or directory is, as far as trusting it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Of which kind.
    pub kind: Kind,
    /// Who owns it.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its permission bits.
    pub mode: u32,
    /// How many names it has.
    pub links: u64,
}

/// The kinds of things that have a name on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A FIFO, a socket or a device.
    Special,
}

impl Stat {
    /// Whether it is a file (or directory) that only its keeper can have written.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn judge(&self, wanted: Kind, keeper: Keeper) -> Result<(), Refused> {
        match self.kind {
            Kind::Link => return Err(Refused::Link),
            kind if kind != wanted && wanted == Kind::Directory => {
                return Err(Refused::NotADirectory);
            }
            kind if kind != wanted => return Err(Refused::NotAFile),
            _ => {}
        }
        keeper.judge(self)?;
        if self.kind == Kind::File && self.links != 1 {
            return Err(Refused::Links { links: self.links });
        }
        Ok(())
    }
}

/// Why a file or directory is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is a symbolic link.
    Link,
    /// A file was expected, and it is a directory, a FIFO, a socket or a device.
    NotAFile,
    /// A directory was expected, and it is something else.
    NotADirectory,
    /// Somebody else owns it.
    Owner {
        /// Who.
        owner: u32,
        /// Who we are.
        us: u32,
    },
    /// Its group or others may write it.
    Mode {
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to another group than the one that shares the directory.
    Group {
        /// Its group.
        group: u32,
        /// The group that shares the directory.
        shared: u32,
    },
    /// It is shared, and its mode is not exactly what that means.
    SharedMode {
        /// Its permission bits.
        mode: u32,
        /// What they should be.
        wanted: u32,
    },
    /// It has a second name, by which it can be reached from elsewhere.
    Links {
        /// How many names it has.
        links: u64,
    },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link => f.write_str("it is a symbolic link, and links are not followed here"),
            Self::NotAFile => f.write_str("it is not a regular file"),
            Self::NotADirectory => f.write_str("it is not a directory"),
            Self::Owner { owner, us } => {
                write!(f, "it belongs to user {owner}, and this is user {us}")
            }
            Self::Mode { mode } => {
                write!(f, "its mode is {mode:o}: its group or others may write it")
            }
            Self::Group { group, shared } => write!(
                f,
                "it belongs to group {group}, and group {shared} shares this directory"
            ),
            Self::SharedMode { mode, wanted } => write!(
                f,
                "its mode is {mode:o}, and what a group shares here has exactly {wanted:o}"
            ),
            Self::Links { links } => {
                write!(
                    f,
                    "it has {links} names (hard links), and only one is right"
                )
            }
        }
    }
}

/// What was being done when the disk failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Making a directory.
    CreateDir,
    /// Opening a file or a directory.
    Open,
    /// Making a file.
    Create,
    /// Writing at the end.
    Append,
    /// Making written bytes durable.
    Sync,
    /// Making a directory's entries durable.
    SyncDir,
    /// Reading.
    Read,
    /// Renaming.
    Rename,
    /// Removing.
    Remove,
    /// Cutting a file.
    Cut,
    /// Locking.
    Lock,
    /// Listing a directory.
    List,
}

impl Doing {
    fn words(self) -> &'static str {
        match self {
            Self::CreateDir => "make the directory",
            Self::Open => "open",
            Self::Create => "make the file",
            Self::Append => "write to",
            Self::Sync => "make durable",
            Self::SyncDir => "make durable the directory",
            Self::Read => "read",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::Cut => "cut",
            Self::Lock => "lock",
            Self::List => "list",
        }
    }
}

/// The disk could not, or the journal would not.
#[derive(Debug)]
pub struct DiskError {
    /// What was being done.
    pub doing: Doing,
    /// To what.
    pub path: PathBuf,
    /// Why it failed.
    pub why: Why,
}

/// Why something on the disk failed.
#[derive(Debug)]
pub enum Why {
    /// The system said so.
    Io(io::Error),
    /// It is not ours.
    Refused(Refused),
}

impl DiskError {
    /// The system said no.
    pub fn io(doing: Doing, path: &Path, error: io::Error) -> Self {
        Self {
            doing,
            path: path.to_owned(),
            why: Why::Io(error),
        }
    }

    /// What is there is not ours.
    pub fn refused(doing: Doing, path: &Path, refused: Refused) -> Self {
        Self {
            doing,
            path: path.to_owned(),
            why: Why::Refused(refused),
        }
    }

    fn kind(&self) -> Option<io::ErrorKind> {
        match &self.why {
            Why::Io(error) => Some(error.kind()),
            Why::Refused(_) => None,
        }
    }

    /// Whether there is nothing of that name.
    pub fn is_missing(&self) -> bool {
        self.kind() == Some(io::ErrorKind::NotFound)
    }

    /// Whether there is something of that name already.
    pub fn is_there(&self) -> bool {
        self.kind() == Some(io::ErrorKind::AlreadyExists)
    }

    /// Whether we may not do that there.
    pub fn is_denied(&self) -> bool {
        self.kind() == Some(io::ErrorKind::PermissionDenied)
    }

    /// Whether the disk is full, or the quota.
    pub fn is_full(&self) -> bool {
        matches!(
            self.kind(),
            Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        )
    }

    /// Why it was not trusted, where that is the reason.
    pub fn refusal(&self) -> Option<Refused> {
        match &self.why {
            Why::Io(_) => None,
            Why::Refused(refused) => Some(*refused),
        }
    }
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.to_string_lossy();
        let path = crate::model::text::escape_controls(&path);
        match &self.why {
            Why::Io(_) => write!(f, "cannot {} {path}", self.doing.words()),
            Why::Refused(refused) => write!(f, "will not use {path}: {refused}"),
        }
    }
}

impl std::error::Error for DiskError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.why {
            Why::Io(error) => Some(error),
            Why::Refused(_) => None,
        }
    }
}
