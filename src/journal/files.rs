//! Whole files: read at once, and put in place at once.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::disk::{Disk, DiskError, DiskFile, How, SyncPoint};

/// How the names of unfinished files begin. A writer that opens a run removes what is left of them.
pub(super) const PART: &str = ".part-";

/// What a file holds from this offset on.
pub(super) fn read_from(file: &dyn DiskFile, offset: u64) -> Result<Vec<u8>, DiskError> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let at = offset.saturating_add(bytes.len() as u64);
        match file.read_at(at, &mut chunk)? {
            0 => return Ok(bytes),
            n => bytes.extend_from_slice(chunk.get(..n).unwrap_or_default()),
        }
    }
}

/// What a file holds.
pub(super) fn read(disk: &dyn Disk, path: &Path) -> Result<Vec<u8>, DiskError> {
    read_from(&*disk.open(path, How::Read)?, 0)
}

/// Puts a file under its name only when it is whole, and durable where a sync is named. Its name
/// is durable after a sync of the directory, which is the caller's.
pub(super) fn put(
    disk: &dyn Disk,
    dir: &Path,
    name: &str,
    bytes: &[u8],
    point: Option<SyncPoint>,
) -> Result<(), DiskError> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let part = dir.join(format!("{PART}{}-{n}", std::process::id()));
    let mut file = match disk.open(&part, How::Create) {
        // A process that had our number died half way.
        Err(error) if error.is_there() => {
            disk.remove(&part)?;
            disk.open(&part, How::Create)?
        }
        other => other?,
    };
    let written = file.append(bytes).and_then(|()| match point {
        Some(point) => file.sync(point),
        None => Ok(()),
    });
    if let Err(error) = written {
        // Nothing refers to it, and on a full disk its blocks are wanted; the error that counts
        // is the first one.
        let _ = disk.remove(&part);
        return Err(error);
    }
    disk.rename(&part, &dir.join(name))
}

/// Removes what unfinished writes left in a directory.
pub(super) fn sweep(disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
    for name in disk.list(dir)? {
        if name.starts_with(PART) {
            disk.remove(&dir.join(name))?;
        }
    }
    Ok(())
}
