//! Who belongs to a started process: `/proc` tells by session, by parent and by environment.
//!
//! A process that was started here leads a session of its own, and its children stay in it unless
//! they leave on purpose (`setsid`). Those that left are known by a living parent, or by the mark
//! that each child carries in its environment; one that also cleared that is not found.

use std::collections::HashSet;
use std::fmt;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::find::shown;

/// A process as `/proc/PID/stat` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub pid: Pid,
    parent: i32,
    group: i32,
    session: i32,
    alive: bool,
    name: Vec<u8>,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = shown(std::ffi::OsStr::from_bytes(&self.name));
        write!(f, "pid {} ({name})", self.pid.as_raw_nonzero())
    }
}

impl Process {
    pub(super) fn read(pid: Pid) -> Option<Self> {
        let stat = std::fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
        Self::parse(pid, &stat)
    }

    /// `12 (a) b) S 1 12 12 …`: the name may hold anything, so it ends at the *last* bracket.
    fn parse(pid: Pid, stat: &[u8]) -> Option<Self> {
        let open = stat.iter().position(|b| *b == b'(')?;
        let close = stat.iter().rposition(|b| *b == b')')?;
        let rest = std::str::from_utf8(stat.get(close + 1..)?).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?;
        let mut number = || fields.next()?.parse::<i32>().ok();
        Some(Self {
            pid,
            parent: number()?,
            group: number()?,
            session: number()?,
            alive: !matches!(state, "Z" | "X" | "x"),
            name: stat.get(open + 1..close)?.to_vec(),
        })
    }

    /// A descriptor that stays this very process, whoever gets its id later. It is looked at once
    /// more after opening, since the id may have changed hands just before.
    pub(super) fn hold(&self) -> Option<OwnedFd> {
        let fd = pidfd_open(self.pid, PidfdFlags::empty()).ok()?;
        let again = Self::read(self.pid)?;
        (again.alive && again.session == self.session).then_some(fd)
    }

    /// Sends a signal, never to another process that took over the id.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(fd) = self.hold() {
            // A refusal (it became another user's) shows later: it is then named as a survivor.
            let _ = pidfd_send_signal(fd, signal);
        }
    }

    /// Whether it leads or is in the process group of that id.
    pub(super) fn in_group(&self, group: Pid) -> bool {
        self.group == group.as_raw_nonzero().get()
    }
}

fn all() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(Pid::from_raw)
        .filter_map(Process::read)
        .collect()
}

/// The living processes of a session, its leader left out.
pub(super) fn members(leader: Pid) -> Vec<Process> {
    let session = leader.as_raw_nonzero().get();
    let mut all = all();
    all.retain(|p| p.alive && p.session == session && p.pid != leader);
    all
}

/// The living processes that come from this leader but left its session: they have a parent chain
/// up to it, or carry every variable of its mark.
pub(super) fn strays(leader: Pid, mark: &[Vec<u8>]) -> Vec<Process> {
    let session = leader.as_raw_nonzero().get();
    let all = all();
    let mut family: HashSet<i32> = HashSet::from([session]);
    loop {
        let before = family.len();
        for p in &all {
            if p.session == session || family.contains(&p.parent) {
                family.insert(p.pid.as_raw_nonzero().get());
            }
        }
        if family.len() == before {
            break;
        }
    }
    let mut strays = all;
    strays.retain(|p| {
        let ours = family.contains(&p.pid.as_raw_nonzero().get()) || marked(p.pid, mark);
        p.alive && p.session != session && ours
    });
    strays
}

/// Whether a process was started with all of these `NAME=value`s. Those of other users cannot be
/// read, and count as unmarked.
fn marked(pid: Pid, mark: &[Vec<u8>]) -> bool {
    if mark.is_empty() {
        return false;
    }
    let path = format!("/proc/{}/environ", pid.as_raw_nonzero());
    let Ok(environ) = std::fs::read(path) else {
        return false;
    };
    let entries: HashSet<&[u8]> = environ.split(|b| *b == 0).collect();
    mark.iter().all(|entry| entries.contains(entry.as_slice()))
}

/// `pid 12 (sleep), pid 13 (cat)`; after ten, how many more.
pub(super) fn list(processes: &[Process]) -> String {
    const NAMED: usize = 10;
    let mut text = processes
        .iter()
        .take(NAMED)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    if let Some(more) = processes.len().checked_sub(NAMED).filter(|n| *n > 0) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_brackets_and_spaces() {
        let pid = Pid::from_raw(12).unwrap();
        let p = Process::parse(pid, b"12 (a) R 1 (b) S 7 8 9 0 -1 4194304").unwrap();
        assert_eq!((p.parent, p.group, p.session, p.alive), (7, 8, 9, true));
        assert_eq!(p.to_string(), "pid 12 (a) R 1 (b)");
        let zombie = Process::parse(pid, b"12 (x) Z 7 8 9 0").unwrap();
        assert!(!zombie.alive);
        assert!(Process::parse(pid, b"12 x").is_none());
    }

    #[test]
    fn threat_28_a_name_cannot_write_to_the_terminal() {
        let p = Process::parse(Pid::INIT, b"1 (\x1b]52;c) S 0 1 1").unwrap();
        assert_eq!(p.to_string(), "pid 1 (\\u{1b}]52;c)");
    }
}
