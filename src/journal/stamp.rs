//! Where a record's `boot` and `mono` come from.

use std::fmt;
use std::sync::Arc;

/// A moment of one boot of one machine: what durations are computed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Which boot: the kernel's random id of it.
    pub boot: Arc<str>,
    /// Milliseconds since that boot. Never goes back, and counts while the machine sleeps.
    pub mono: u64,
}

/// Gives each record its stamp. Tests own theirs.
pub trait Stamps: Send + Sync + fmt::Debug {
    /// The stamp of now.
    fn stamp(&self) -> Stamp;
}

/// The kernel's boot id and its clock since boot.
#[derive(Clone, Debug)]
pub struct KernelStamps {
    boot: Arc<str>,
}

/// Where Linux tells the id of this boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

impl KernelStamps {
    /// Asks the kernel which boot this is.
    ///
    /// # Errors
    /// `/proc` is not there or cannot be read.
    pub fn new() -> Result<Self, NoBootId> {
        let boot = std::fs::read_to_string(BOOT_ID).map_err(NoBootId)?;
        Ok(Self {
            boot: Arc::from(boot.trim()),
        })
    }
}

impl Stamps for KernelStamps {
    fn stamp(&self) -> Stamp {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        let millis = u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000;
        Stamp {
            boot: Arc::clone(&self.boot),
            mono: seconds * 1_000 + millis,
        }
    }
}

/// The kernel does not tell which boot this is.
#[derive(Debug)]
pub struct NoBootId(std::io::Error);

impl fmt::Display for NoBootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read {BOOT_ID}")
    }
}

impl std::error::Error for NoBootId {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_stamps_one_boot_and_never_goes_back() {
        let stamps = KernelStamps::new().unwrap();
        let (first, second) = (stamps.stamp(), stamps.stamp());
        assert_eq!(first.boot, second.boot);
        assert_eq!(first.boot.len(), 36);
        assert!(first.mono <= second.mono);
    }
}
