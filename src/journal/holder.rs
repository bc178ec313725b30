//! Who writes a run's journal now: told to those who must wait.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::disk::{Disk, DiskError};
use super::files;

/// The side file's name. The lock itself is on the journal and dies with its process; this only
/// says whose it is.
const HOLDER: &str = "holder";

/// The process that holds a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// Its machine.
    pub host: String,
    /// Since when.
    pub since: jiff::Timestamp,
}

impl Holder {
    /// This process, from now on.
    pub fn this_process(now: jiff::Timestamp) -> Self {
        let name = rustix::system::uname();
        Self {
            pid: std::process::id(),
            host: name.nodename().to_string_lossy().into_owned(),
            since: now,
        }
    }

    /// Whether it may be alive: on another machine nobody can say, and it counts as alive. A number
    /// that another process has got since counts too.
    pub fn is_alive(&self) -> bool {
        let here = rustix::system::uname();
        if here.nodename().to_string_lossy() != self.host {
            return true;
        }
        let pid = i32::try_from(self.pid)
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        // Another user's process may not be signalled, and is there.
        let there = pid.is_some_and(|pid| {
            rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
        });
        there && !is_zombie(self.pid)
    }

    /// Leaves word in the run's directory. Not durable: nothing depends on it after a crash.
    pub(super) fn announce(&self, disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
        // A struct of two texts and a number is always JSON.
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        files::put(disk, dir, HOLDER, &bytes, None)
    }

    /// Who left word last; none where nobody did or it cannot be read.
    pub(super) fn last(disk: &dyn Disk, dir: &Path) -> Option<Self> {
        let bytes = files::read(disk, &dir.join(HOLDER)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}

/// Whether a process has ended, and only its parent has not taken note (proc(5)).
fn is_zombie(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The program's name stands in parentheses and may hold anything.
    let state = stat.rsplit(')').next().unwrap_or_default();
    state.trim_start().starts_with(['Z', 'X'])
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = crate::model::text::escape_controls(&self.host);
        write!(f, "process {} on {host} since {}", self.pid, self.since)
    }
}
