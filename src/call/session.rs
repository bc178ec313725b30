//! Processes as `/proc` shows them: who they are, where they come from, and how to reach exactly
//! one of them.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, getpid, getppid, pidfd_open, pidfd_send_signal};

use super::find::shown;

/// What no other process is, whoever gets its id later: its id, and when it started in clock ticks
/// since the machine did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    pid: i32,
    born: u64,
}

/// A process as `/proc/PID/stat` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub pid: Pid,
    pub parent: i32,
    pub group: i32,
    pub session: i32,
    /// When it started, in clock ticks since the machine did.
    pub born: u64,
    pub alive: bool,
    name: Vec<u8>,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = shown(std::ffi::OsStr::from_bytes(&self.name));
        write!(f, "pid {} ({name})", self.raw())
    }
}

impl Process {
    pub(super) fn read(pid: Pid) -> Option<Self> {
        Self::look_up(pid).ok().flatten()
    }

    /// One that has ended is nobody; not to be able to look is an error.
    fn look_up(pid: Pid) -> io::Result<Option<Self>> {
        match std::fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())) {
            Ok(stat) => Ok(Self::parse(pid, &stat)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            // It ended after its file was opened.
            Err(e) if e.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// `12 (a) b) S 1 12 12 …`, see proc_pid_stat(5): the name may hold anything, so it ends at
    /// the *last* bracket.
    fn parse(pid: Pid, stat: &[u8]) -> Option<Self> {
        let open = stat.iter().position(|b| *b == b'(')?;
        let close = stat.iter().rposition(|b| *b == b')')?;
        let rest = std::str::from_utf8(stat.get(close + 1..)?).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?;
        let mut number = || fields.next()?.parse::<i32>().ok();
        let (parent, group, session) = (number()?, number()?, number()?);
        let threads: u64 = fields.nth(13)?.parse().ok()?;
        let born = fields.nth(1)?.parse().ok()?;
        // One whose first thread has ended shows as a zombie, and its other threads go on.
        let ended = matches!(state, "Z" | "X" | "x") && threads <= 1;
        Some(Self {
            pid,
            parent,
            group,
            session,
            born,
            alive: !ended,
            name: stat.get(open + 1..close)?.to_vec(),
        })
    }

    /// Its id as a number.
    pub(super) fn raw(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Which process it is.
    pub(super) fn identity(&self) -> Identity {
        Identity {
            pid: self.raw(),
            born: self.born,
        }
    }

    /// A descriptor that stays this very process, whoever gets its id later. It is looked at once
    /// more after opening, since the id may have changed hands just before.
    pub(super) fn hold(&self) -> Option<OwnedFd> {
        let fd = pidfd_open(self.pid, PidfdFlags::empty()).ok()?;
        let again = Self::read(self.pid)?;
        (again.alive && again.born == self.born).then_some(fd)
    }

    /// Sends signals, never to another process that took over the id.
    pub(super) fn signal(&self, signals: &[Signal]) {
        if let Some(fd) = self.hold() {
            for signal in signals {
                // A refusal (it became another user's) shows later: it is then named as a
                // survivor.
                let _ = pidfd_send_signal(&fd, *signal);
            }
        }
    }

    /// A file below its directory in `/proc`; nothing where it ended or is another user's.
    pub(super) fn file(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(format!("/proc/{}/{name}", self.raw())).ok()
    }
}

/// All processes that can be seen. Out of descriptors, nobody is seen: that is an error, and not an
/// empty machine.
pub(super) fn all() -> io::Result<Vec<Process>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let pid = name.to_str().and_then(|name| name.parse().ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            found.extend(Process::look_up(pid)?);
        }
    }
    Ok(found)
}

/// Whether a shell can bring this process back once it stops: its parent is of the same session,
/// and leads another group (POSIX calls a group without such a parent orphaned).
pub fn has_shell() -> bool {
    let parent = getppid().and_then(Process::read);
    match (Process::read(getpid()), parent) {
        (Some(own), Some(parent)) => own.session == parent.session && own.group != parent.group,
        _ => false,
    }
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

    const REST: &str = "0 -1 4194304 0 0 0 0 0 0 0 0 20 0";

    fn parsed(name: &str, state: &str, threads: u32) -> Process {
        let stat = format!("12 ({name}) {state} 7 8 9 {REST} {threads} 0 4711 10 20");
        Process::parse(Pid::from_raw(12).unwrap(), stat.as_bytes()).unwrap()
    }

    #[test]
    fn a_name_may_hold_brackets_and_spaces() {
        let p = parsed("a) R 1 (b", "S", 1);
        assert_eq!((p.parent, p.group, p.session, p.born), (7, 8, 9, 4711));
        assert!(p.alive);
        assert_eq!(p.to_string(), "pid 12 (a) R 1 (b)");
        assert!(Process::parse(p.pid, b"12 x").is_none());
    }

    #[test]
    fn threat_36_one_whose_first_thread_ended_lives_as_long_as_its_others() {
        assert!(!parsed("x", "Z", 1).alive);
        assert!(parsed("x", "Z", 2).alive);
    }

    #[test]
    fn this_process_is_read_as_it_is() {
        let me = Process::read(getpid()).unwrap();
        let parent = getppid().unwrap();
        assert_eq!(me.parent, parent.as_raw_nonzero().get());
        assert!(me.alive && me.hold().is_some());
        let other = Process {
            born: me.born + 1,
            ..me
        };
        assert!(other.hold().is_none());
    }

    #[test]
    fn threat_28_a_name_cannot_write_to_the_terminal() {
        let p = parsed("\x1b]52;c", "S", 1);
        assert_eq!(p.to_string(), "pid 12 (\\u{1b}]52;c)");
    }
}
