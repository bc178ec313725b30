//! A torn tail is set aside and cut off; all else is refused. After etcd's `wal/repair.go`.
//!
//! The order is: the tail into a file of its own, durable; its name durable; only then the cut.
//! The cut itself needs no sync: it becomes durable with the `recovered` record that follows. A
//! crash in between leaves the file and no record of it, so what is to be said is derived from the
//! files that are there, not from what this process did.

use std::path::Path;

use super::disk::{Disk, DiskError, DiskFile, SyncPoint};
use super::files;
use super::read::{ReadReport, Tail};
use super::record::Entry;
use crate::model::{Digest, Happened};

/// A tail that was set aside and that no record mentions yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// Where it began, in bytes.
    pub offset: u64,
    /// How long it was, in bytes.
    pub length: u64,
    /// What it was.
    pub sha256: Digest,
}

impl From<Torn> for Happened {
    fn from(torn: Torn) -> Self {
        Self::Recovered {
            offset: torn.offset,
            length: torn.length,
            sha256: torn.sha256,
        }
    }
}

/// Cuts a torn tail off, once it is safe elsewhere. Returns all tails that still must be said, in
/// the order in which they were set aside.
pub(super) fn set_aside<E: Entry>(
    disk: &dyn Disk,
    dir: &Path,
    prefix: &str,
    file: &mut dyn DiskFile,
    report: &mut ReadReport<E>,
) -> Result<Vec<Torn>, DiskError> {
    let mut unsaid = unsaid(disk, dir, prefix, report)?;
    if let Tail::Torn { offset, .. } = report.tail {
        let bytes = files::read_from(file, offset)?;
        let torn = Torn {
            offset,
            length: bytes.len() as u64,
            sha256: Digest::of(&bytes),
        };
        if !unsaid.contains(&torn) {
            let name = free_name(disk, dir, prefix, report.next.seq)?;
            files::put(disk, dir, &name, &bytes, Some(SyncPoint::Torn))?;
            unsaid.push(torn);
        }
    }
    if !unsaid.is_empty() {
        disk.sync_dir(dir, SyncPoint::TornName)?;
    }
    if matches!(report.tail, Tail::Torn { .. }) {
        file.cut(report.length())?;
        report.tail = Tail::Clean;
    }
    Ok(unsaid)
}

/// The tails in a directory that no record mentions.
fn unsaid<E: Entry>(
    disk: &dyn Disk,
    dir: &Path,
    prefix: &str,
    report: &ReadReport<E>,
) -> Result<Vec<Torn>, DiskError> {
    let mut found = Vec::new();
    for name in disk.list(dir)? {
        let Some(number) = number(&name, prefix) else {
            continue;
        };
        // A tail of before record n began where record n-1 ends.
        let offset = match usize::try_from(number.0) {
            Ok(0) => Some(0),
            Ok(n) => report.ends.get(n - 1).copied(),
            Err(_) => None,
        };
        let Some(offset) = offset else {
            continue;
        };
        let bytes = files::read(disk, &dir.join(&name))?;
        let torn = Torn {
            offset,
            length: bytes.len() as u64,
            sha256: Digest::of(&bytes),
        };
        if !report.events().any(|event| event.recovered() == Some(torn)) {
            found.push((number, torn));
        }
    }
    found.sort_by_key(|(number, _)| *number);
    Ok(found.into_iter().map(|(_, torn)| torn).collect())
}

/// `torn-7` is (7, 0) and `torn-7.2` is (7, 2).
fn number(name: &str, prefix: &str) -> Option<(u64, u64)> {
    let rest = name.strip_prefix(prefix)?;
    match rest.split_once('.') {
        None => Some((rest.parse().ok()?, 0)),
        Some((seq, again)) => Some((seq.parse().ok()?, again.parse().ok()?)),
    }
}

/// A name that no tail has yet: the record that says it can be torn itself.
fn free_name(disk: &dyn Disk, dir: &Path, prefix: &str, seq: u64) -> Result<String, DiskError> {
    let again = disk
        .list(dir)?
        .iter()
        .filter_map(|name| number(name, prefix))
        .filter(|(of, _)| *of == seq)
        .map(|(_, again)| again + 1)
        .max();
    Ok(match again {
        None => format!("{prefix}{seq}"),
        Some(again) => format!("{prefix}{seq}.{again}"),
    })
}
