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

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = crate::model::text::escape_controls(&self.host);
        write!(f, "process {} on {host} since {}", self.pid, self.since)
    }
}
