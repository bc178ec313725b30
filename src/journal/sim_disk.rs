//! A disk in memory that loses, tears and refuses writes, for tests of this floor and of those above.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::disk::{
    DIR_MODE, Disk, DiskError, DiskFile, Doing, FILE_MODE, How, Kind, Stat, SyncPoint,
};
use super::keeper::Keeper;
use super::sim::{Crash, Fault, Inode, Medium};

/// Who we are on a simulated disk.
const US: u32 = 1000;

/// Whose everything on it is.
const KEEPER: Keeper = Keeper::User(US);

/// A disk in memory. Clones are the same disk.
///
/// A write is seen at once, and durable after a sync of its file; a name is durable after a sync of
/// its directory. What changes the disk is counted, so that a test can fail or crash at each.
#[derive(Clone, Debug, Default)]
pub struct SimDisk(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    unlocked: Condvar,
}

#[derive(Clone, Debug, Default)]
struct State {
    medium: Medium,
    operations: u64,
    next_handle: u64,
    fault: Option<(u64, Fault)>,
    omitted: Option<SyncPoint>,
    capacity: Option<usize>,
    off: bool,
}

impl State {
    /// Counts an operation that changes the disk, and says how it fails, where it does.
    fn count(&mut self) -> Option<Fault> {
        if self.off {
            return Some(Fault::Eio);
        }
        let n = self.operations;
        self.operations += 1;
        let (at, fault) = self.fault?;
        if at != n {
            return None;
        }
        self.off = fault == Fault::PowerOff;
        Some(fault)
    }
}

impl SimDisk {
    /// An empty disk with a root directory.
    pub fn new() -> Self {
        let disk = Self::default();
        let root = Inode::new(Kind::Directory, DIR_MODE, US);
        let mut state = disk.state();
        state.medium.inodes.push(root);
        state.medium.names.insert(PathBuf::from("/"), 0);
        state.medium.durable_names.insert(PathBuf::from("/"), 0);
        drop(state);
        disk
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many operations have changed it, or tried to.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Lets the operation of this number fail, counted from 0.
    pub fn fail_at(&self, operation: u64, fault: Fault) {
        self.state().fault = Some((operation, fault));
    }

    /// Acknowledges syncs of this name without doing them.
    pub fn omit(&self, point: SyncPoint) {
        self.state().omitted = Some(point);
    }

    /// Lets the disk be full at so many bytes of files; none is without end.
    pub fn set_capacity(&self, bytes: Option<usize>) {
        self.state().capacity = bytes;
    }

    /// How many bytes its files take.
    pub fn used(&self) -> usize {
        self.state().medium.used()
    }

    /// How many bytes of a file were written since its last sync.
    pub fn unsynced(&self, path: &Path) -> usize {
        self.state().medium.unsynced(path)
    }

    /// Another disk: this one as it is found after a crash now. Locks are gone and faults are
    /// too; a sync that is left out stays left out.
    #[must_use]
    pub fn crash(&self, crash: Crash) -> Self {
        let before = self.state();
        let mut medium = before.medium.clone();
        medium.crash(crash);
        let state = State {
            medium,
            omitted: before.omitted,
            ..State::default()
        };
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            unlocked: Condvar::new(),
        }))
    }

    /// Changes what a file or directory is, as somebody else might.
    pub fn tamper(&self, path: &Path, change: impl FnOnce(&mut Stat)) {
        if let Ok((_, inode)) = self.state().medium.inode(path) {
            change(&mut inode.stat);
        }
    }

    /// Puts other bytes into a file, durably, as somebody else might; makes it where it is missing.
    pub fn plant(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.state();
        let file = Inode::new(Kind::File, FILE_MODE, US);
        if let Ok(id) = state.medium.add(path, file) {
            state.medium.durable_names.insert(path.to_owned(), id);
        }
        if let Ok((_, inode)) = state.medium.inode(path) {
            inode.data = bytes.to_vec();
            inode.sync();
        }
    }

    /// Removes a file or a whole directory, durably, as somebody else might.
    pub fn wipe(&self, path: &Path) {
        let mut state = self.state();
        state.medium.names.retain(|name, _| !name.starts_with(path));
        state
            .medium
            .durable_names
            .retain(|name, _| !name.starts_with(path));
    }

    /// One operation on the names: counted, failed, or done.
    fn change<T>(
        &self,
        doing: Doing,
        path: &Path,
        act: impl FnOnce(&mut State) -> std::io::Result<T>,
    ) -> Result<T, DiskError> {
        let mut state = self.state();
        match state.count() {
            Some(fault) => Err(fault.error()),
            None => act(&mut state),
        }
        .map_err(|error| DiskError::io(doing, path, error))
    }
}

impl Disk for SimDisk {
    fn create_dir(&self, path: &Path) -> Result<(), DiskError> {
        let dir = Inode::new(Kind::Directory, DIR_MODE, US);
        self.change(Doing::CreateDir, path, |state| {
            state.medium.add(path, dir).map(|_| ())
        })
    }

    fn check_dir(&self, path: &Path) -> Result<(), DiskError> {
        let stat = self.state().medium.inode(path).map(|(_, inode)| inode.stat);
        stat.map_err(|error| DiskError::io(Doing::Open, path, error))?
            .judge(Kind::Directory, KEEPER)
            .map_err(|refused| DiskError::refused(Doing::Open, path, refused))
    }

    fn open(&self, path: &Path, how: How) -> Result<Box<dyn DiskFile>, DiskError> {
        if how == How::Create {
            let file = Inode::new(Kind::File, FILE_MODE, US);
            self.change(Doing::Create, path, |state| state.medium.add(path, file))?;
        }
        let mut state = self.state();
        let (inode, stat) = match state.medium.inode(path) {
            Ok((id, inode)) => (id, inode.stat),
            Err(error) => return Err(DiskError::io(Doing::Open, path, error)),
        };
        stat.judge(Kind::File, KEEPER)
            .map_err(|refused| DiskError::refused(Doing::Open, path, refused))?;
        state.next_handle += 1;
        Ok(Box::new(SimFile {
            disk: self.clone(),
            path: path.to_owned(),
            inode,
            handle: state.next_handle,
        }))
    }

    fn sync_dir(&self, path: &Path, point: SyncPoint) -> Result<(), DiskError> {
        self.change(Doing::SyncDir, path, |state| {
            if state.omitted != Some(point) {
                state.medium.sync_dir(path);
            }
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        self.change(Doing::Rename, from, |state| {
            let (id, _) = state.medium.inode(from)?;
            state.medium.names.remove(from);
            state.medium.names.insert(to.to_owned(), id);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        self.change(Doing::Remove, path, |state| {
            let gone = state.medium.names.remove(path);
            gone.map(|_| ())
                .ok_or_else(|| std::io::ErrorKind::NotFound.into())
        })
    }

    fn list(&self, path: &Path) -> Result<Vec<String>, DiskError> {
        let mut state = self.state();
        state
            .medium
            .inode(path)
            .map_err(|error| DiskError::io(Doing::List, path, error))?;
        let names = state.medium.names.keys();
        let inside = names.filter(|name| name.parent() == Some(path));
        Ok(inside
            .filter_map(|name| Some(name.file_name()?.to_str()?.to_owned()))
            .collect())
    }
}

/// An open file of a simulated disk. Lives on when its name is gone.
#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    path: PathBuf,
    inode: usize,
    handle: u64,
}

impl SimFile {
    fn failed(&self, doing: Doing, error: std::io::Error) -> DiskError {
        DiskError::io(doing, &self.path, error)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inode) -> T) -> Option<T> {
        self.disk.state().medium.inodes.get_mut(self.inode).map(act)
    }
}

impl DiskFile for SimFile {
    fn append(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        let mut state = self.disk.state();
        let fault = state.count();
        let room = match state.capacity {
            Some(capacity) => capacity.saturating_sub(state.medium.used()),
            None => usize::MAX,
        };
        let (wanted, error) = match fault {
            None if bytes.len() > room => (room, Some(Fault::Enospc)),
            None => (bytes.len(), None),
            Some(Fault::Short(n)) => (n, fault),
            // The power goes while the bytes are on their way.
            Some(Fault::PowerOff) => (bytes.len(), fault),
            Some(_) => (0, fault),
        };
        if let Some(inode) = state.medium.inodes.get_mut(self.inode) {
            inode.append(bytes.get(..wanted).unwrap_or(bytes));
        }
        drop(state);
        match error {
            None => Ok(()),
            Some(fault) => Err(self.failed(Doing::Append, fault.error())),
        }
    }

    fn sync(&mut self, point: SyncPoint) -> Result<(), DiskError> {
        let mut state = self.disk.state();
        let fault = state.count();
        let omitted = state.omitted == Some(point);
        if let Some(inode) = state.medium.inodes.get_mut(self.inode)
            && fault.is_none()
            && !omitted
        {
            inode.sync();
        }
        drop(state);
        match fault {
            None => Ok(()),
            Some(fault) => Err(self.failed(Doing::Sync, fault.error())),
        }
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, DiskError> {
        let read = self.with(|inode| {
            let rest = usize::try_from(offset)
                .ok()
                .and_then(|n| inode.data.get(n..));
            let rest = rest.unwrap_or_default();
            let length = rest.len().min(buffer.len());
            let (into, from) = (buffer.get_mut(..length), rest.get(..length));
            if let (Some(into), Some(from)) = (into, from) {
                into.copy_from_slice(from);
            }
            length
        });
        Ok(read.unwrap_or(0))
    }

    fn length(&self) -> Result<u64, DiskError> {
        Ok(self.with(|inode| inode.data.len() as u64).unwrap_or(0))
    }

    fn cut(&mut self, length: u64) -> Result<(), DiskError> {
        let mut state = self.disk.state();
        let fault = state.count();
        if let Some(inode) = state.medium.inodes.get_mut(self.inode)
            && fault.is_none()
        {
            inode.cut(usize::try_from(length).unwrap_or(usize::MAX));
        }
        drop(state);
        match fault {
            None => Ok(()),
            Some(fault) => Err(self.failed(Doing::Cut, fault.error())),
        }
    }

    fn lock(&self) -> Result<(), DiskError> {
        let mut state = self.disk.state();
        loop {
            match state.medium.inodes.get_mut(self.inode) {
                Some(inode) if inode.locked_by.is_some_and(|by| by != self.handle) => {}
                Some(inode) => {
                    inode.locked_by = Some(self.handle);
                    return Ok(());
                }
                None => return Ok(()),
            }
            let waited = self.disk.0.unlocked.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn try_lock(&self) -> Result<bool, DiskError> {
        let taken = self.with(|inode| {
            let free = inode.locked_by.is_none_or(|by| by == self.handle);
            if free {
                inode.locked_by = Some(self.handle);
            }
            free
        });
        Ok(taken.unwrap_or(false))
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        let handle = self.handle;
        self.with(|inode| {
            if inode.locked_by == Some(handle) {
                inode.locked_by = None;
            }
        });
        self.disk.0.unlocked.notify_all();
    }
}
