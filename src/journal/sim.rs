//! The simulated disk's inside: what is in the page cache, and what would survive a loss of power.
//!
//! Pure.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::disk::{Kind, Stat};

/// How much of what was not synced survives a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Nothing: names and bytes are as they were at their last sync.
    Lost,
    /// All, but it is no more durable than before: the process was killed, and the page cache
    /// lives on.
    Killed,
    /// Names survive, and of each file's unsynced bytes at most the first so many.
    Torn(usize),
    /// The same, but the lost bytes are there as zeros: the length survived, the data did not.
    Zeros(usize),
}

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The device fails.
    Eio,
    /// The disk is full.
    Enospc,
    /// The file system became read-only.
    Erofs,
    /// A write stops after so many bytes, and then fails.
    Short(usize),
    /// The power is gone: this operation is half done, none after it is.
    PowerOff,
}

impl Fault {
    pub(super) fn error(self) -> io::Error {
        match self {
            Self::Eio | Self::Short(_) => io::Error::other("input/output error (simulated)"),
            Self::Enospc => io::ErrorKind::StorageFull.into(),
            Self::Erofs => io::ErrorKind::ReadOnlyFilesystem.into(),
            Self::PowerOff => io::Error::other("the power is gone (simulated)"),
        }
    }
}

/// What happened to a file's bytes since they were last synced.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Append(Vec<u8>),
    Cut(usize),
}

/// A file or directory, whatever its names.
#[derive(Clone, Debug)]
pub(super) struct Inode {
    pub(super) stat: Stat,
    /// What a reader sees.
    pub(super) data: Vec<u8>,
    /// What is on the platter.
    pub(super) durable: Vec<u8>,
    /// What leads from the second to the first.
    pub(super) changes: Vec<Change>,
    /// Which open file has the lock.
    pub(super) locked_by: Option<u64>,
}

impl Inode {
    pub(super) fn new(kind: Kind, mode: u32, uid: u32) -> Self {
        Self {
            stat: Stat {
                kind,
                uid,
                gid: uid,
                mode,
                links: 1,
            },
            data: Vec::new(),
            durable: Vec::new(),
            changes: Vec::new(),
            locked_by: None,
        }
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.data.extend_from_slice(bytes);
        self.changes.push(Change::Append(bytes.to_vec()));
    }

    pub(super) fn cut(&mut self, length: usize) {
        self.data.truncate(length);
        self.changes.push(Change::Cut(length));
    }

    pub(super) fn sync(&mut self) {
        self.durable.clone_from(&self.data);
        self.changes.clear();
    }

    /// Becomes what is found after a crash.
    pub(super) fn crash(&mut self, crash: Crash) {
        self.locked_by = None;
        let mut left = match crash {
            Crash::Killed => return,
            Crash::Lost => 0,
            Crash::Torn(n) | Crash::Zeros(n) => n,
        };
        let mut data = std::mem::take(&mut self.durable);
        for change in self.changes.drain(..) {
            match change {
                Change::Cut(length) if crash != Crash::Lost => data.truncate(length),
                Change::Cut(_) => {}
                Change::Append(bytes) => {
                    let (kept, lost) = bytes.split_at(left.min(bytes.len()));
                    data.extend_from_slice(kept);
                    left -= kept.len();
                    if matches!(crash, Crash::Zeros(_)) {
                        data.resize(data.len() + lost.len(), 0);
                    }
                }
            }
        }
        self.data = data;
        self.sync();
    }
}

/// Everything on a simulated disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Medium {
    pub(super) inodes: Vec<Inode>,
    /// The names that a reader sees.
    pub(super) names: BTreeMap<PathBuf, usize>,
    /// The names on the platter.
    pub(super) durable_names: BTreeMap<PathBuf, usize>,
}

impl Medium {
    pub(super) fn inode(&mut self, path: &Path) -> io::Result<(usize, &mut Inode)> {
        let id = self.names.get(path).copied();
        let found = id.and_then(|id| Some((id, self.inodes.get_mut(id)?)));
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn add(&mut self, path: &Path, inode: Inode) -> io::Result<usize> {
        if self.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
        if let Some(parent) = parent
            && self.inode(parent)?.1.stat.kind != Kind::Directory
        {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        self.inodes.push(inode);
        let id = self.inodes.len() - 1;
        self.names.insert(path.to_owned(), id);
        Ok(id)
    }

    pub(super) fn sync_dir(&mut self, dir: &Path) {
        let inside = |path: &Path| path.parent() == Some(dir);
        self.durable_names.retain(|path, _| !inside(path));
        let now = self.names.iter().filter(|(path, _)| inside(path));
        self.durable_names
            .extend(now.map(|(path, id)| (path.clone(), *id)));
    }

    /// How many bytes of a file were written since its last sync.
    pub(super) fn unsynced(&mut self, path: &Path) -> usize {
        let changes = self.inode(path).map(|(_, inode)| inode.changes.iter());
        let appended = changes.into_iter().flatten().map(|change| match change {
            Change::Append(bytes) => bytes.len(),
            Change::Cut(_) => 0,
        });
        appended.sum()
    }

    /// How many bytes all files that have a name take.
    pub(super) fn used(&self) -> usize {
        let inodes = self.names.values().filter_map(|id| self.inodes.get(*id));
        inodes.map(|inode| inode.data.len()).sum()
    }

    pub(super) fn crash(&mut self, crash: Crash) {
        if crash == Crash::Lost {
            self.names.clone_from(&self.durable_names);
            // What lies in a directory that is gone is gone too.
            let names = self.names.clone();
            self.names.retain(|path, _| {
                let mut above = path.ancestors().skip(1);
                above.all(|p| p.as_os_str().is_empty() || names.contains_key(p))
            });
        }
        if crash != Crash::Killed {
            self.durable_names.clone_from(&self.names);
        }
        for inode in &mut self.inodes {
            inode.crash(crash);
        }
    }
}
