//! Orphans of steps come to us, and are reaped here when they end.
//!
//! We are a *child subreaper* (prctl(2)): a process whose parent ended becomes our child, not
//! init's. So whatever a step ever started stays below us as long as we live. Two kinds of
//! children must not be mixed up: the leaders, which are started here and reaped by who watches
//! them, and the adopted. A `waitpid(-1)` would steal the end of a leader; here exactly those
//! adopted are reaped that were seen to have ended.
//!
//! What a process adopts, and what children it has, is the whole process's. That is why this room
//! keeps a list for all of it.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, OnceLock, PoisonError, RwLock, TryLockError};

use rustix::process::{Pid, WaitId, WaitIdOptions, getpid, set_child_subreaper, waitid};

use super::session::{Process, all};

/// The ids of all leaders that nobody has reaped.
static LEADERS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Held for reading while a leader is started or reaped, for writing while adopted ones are reaped.
/// Between its fork and its entry in the list a leader looks as if it were adopted, and until its
/// exec it even has all that we hold open.
static STARTS: RwLock<()> = RwLock::new(());

/// Whether orphans come to us. From the first call on they do, unless the system refuses.
pub(super) fn adopting() -> bool {
    static ADOPTING: OnceLock<bool> = OnceLock::new();
    *ADOPTING.get_or_init(|| match set_child_subreaper(Some(getpid())) {
        Ok(()) => true,
        Err(e) => {
            tracing::info!("what a step leaves behind goes to init, the system refuses it us: {e}");
            false
        }
    })
}

/// Starts a leader, and enters it in the list of those that others reap.
pub(super) fn start<T>(
    start: impl FnOnce() -> io::Result<T>,
    pid: impl FnOnce(&T) -> Option<Pid>,
) -> io::Result<T> {
    adopting();
    let _not_now = STARTS.read().unwrap_or_else(PoisonError::into_inner);
    let started = start()?;
    if let Some(pid) = pid(&started) {
        leaders(|leaders| leaders.insert(raw(pid)));
    }
    Ok(started)
}

/// Reaps a leader that has ended. One that is never reaped stays in the list: its id is still
/// somebody's business.
pub(super) fn reap<T>(leader: Pid, reap: impl FnOnce() -> T) -> T {
    let _not_now = STARTS.read().unwrap_or_else(PoisonError::into_inner);
    // First, for the id may be another leader's as soon as it is reaped.
    leaders(|leaders| leaders.remove(&raw(leader)));
    reap()
}

/// Does something while no leader is being started or reaped.
pub(super) fn between_starts<T>(act: impl FnOnce() -> T) -> T {
    let _alone = STARTS.write().unwrap_or_else(PoisonError::into_inner);
    act()
}

/// Whose children are whose, as it was at one moment.
pub(super) struct Household {
    us: i32,
    session: i32,
    leaders: BTreeSet<i32>,
}

impl Household {
    /// Waits for the starts under way: every leader that was seen before this is in the list, or
    /// has ended.
    pub(super) fn settled() -> Self {
        between_starts(|| ());
        Self::now()
    }

    pub(super) fn now() -> Self {
        Self {
            us: raw(getpid()),
            session: own_session(),
            leaders: leaders(|leaders| leaders.clone()),
        }
    }

    /// Whether its parent ended and it came to us. Who has our session was not started here as a
    /// step's, and is somebody else's business.
    pub(super) fn adopted(&self, process: &Process) -> bool {
        process.parent == self.us
            && process.session != self.session
            && !self.leaders.contains(&process.raw())
    }

    /// Whether a process with this id leads a step.
    pub(super) fn leads(&self, id: i32) -> bool {
        self.leaders.contains(&id)
    }
}

/// As `/proc` shows it, which is 0 where the session's leader is in another PID namespace, as in a
/// container that somebody entered. `getsid` answers the same, which is no id for its callers.
fn own_session() -> i32 {
    static OWN: OnceLock<i32> = OnceLock::new();
    *OWN.get_or_init(|| Process::read(getpid()).map_or(0, |own| own.session))
}

/// Everyone who came to us, those that ended too, and perhaps a leader that is just being started.
/// Cheap: `/proc` has a list of our children. The kernel may leave one out while another ends at
/// that very moment.
pub(super) fn adopted() -> Vec<Process> {
    let us = raw(getpid());
    // Orphans become children of the first thread.
    let children = std::fs::read_to_string(format!("/proc/self/task/{us}/children"));
    let mut found: Vec<Process> = match children {
        Ok(ids) => ids
            .split_ascii_whitespace()
            .filter_map(|id| Pid::from_raw(id.parse().ok()?))
            .filter_map(Process::read)
            .collect(),
        // A kernel without CONFIG_PROC_CHILDREN.
        Err(_) => all().unwrap_or_default(),
    };
    let household = Household::now();
    found.retain(|process| household.adopted(process));
    found
}

/// Reaps those that came to us and have ended, so that they do not pile up while a run goes on.
pub fn reap_adopted() {
    // Where a leader is just being started, the next one that ends brings us here again.
    let _alone = match STARTS.try_write() {
        Ok(alone) => alone,
        Err(TryLockError::Poisoned(alone)) => alone.into_inner(),
        Err(TryLockError::WouldBlock) => return,
    };
    for process in adopted().iter().filter(|process| !process.alive) {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        let _ = waitid(WaitId::Pid(process.pid), options);
    }
}

fn raw(pid: Pid) -> i32 {
    pid.as_raw_nonzero().get()
}

fn leaders<T>(with: impl FnOnce(&mut BTreeSet<i32>) -> T) -> T {
    with(&mut LEADERS.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn threat_36_a_leader_is_reaped_by_who_watches_it_and_nobody_else() {
        // The thread that started it ends: its child is then among those of the first thread, where
        // the adopted are.
        let started = std::thread::spawn(|| {
            let spawn = || Command::new("setsid").args(["sh", "-c", "exit 7"]).spawn();
            start(spawn, |child| Pid::from_raw(child.id().cast_signed())).unwrap()
        });
        let mut leader = started.join().unwrap();
        let pid = Pid::from_raw(leader.id().cast_signed()).unwrap();
        while Process::read(pid).unwrap().alive {
            std::thread::yield_now();
        }
        for _ in 0..500 {
            reap_adopted();
        }
        let status = reap(pid, || leader.wait()).unwrap();
        assert_eq!(status.code(), Some(7));
    }
}
