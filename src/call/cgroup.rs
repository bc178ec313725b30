//! A cgroup of its own for each step, where the system lets us: nobody leaves it by `setsid`, by a
//! cleared environment or by losing its parents, and it is killed as one (cgroups(7), version 2).
//!
//! Everything here may fail at any time, and then changes nothing: a step is started and ended as
//! well without, its processes are only known by less. A process of ours that is root can leave its
//! cgroup on purpose; it is then still known by what [`Family`](super::family::Family) knows.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::getxattr;
use rustix::process::geteuid;

/// How often those who stay are counted again before their cgroup is given up.
const ROUNDS: usize = 3;

/// The cgroup of one step. Dropped, it is removed; who still lives in it goes back to ours.
pub(super) struct Cgroup {
    dir: PathBuf,
    home: &'static Path,
}

impl Cgroup {
    /// A new one; none where that cannot be had.
    pub(super) fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let home = home()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = home.join(format!("{}{number}", prefix()));
        std::fs::create_dir(&dir)
            .inspect_err(|e| tracing::debug!("no cgroup for a step: {}: {e}", dir.display()))
            .ok()?;
        Some(Self { dir, home })
    }

    /// Who writes `0` to it is in the cgroup, and so are all that it starts from then on.
    pub(super) fn entry(&self) -> Option<File> {
        writable(&self.dir.join("cgroup.procs"))
            .inspect_err(|e| tracing::debug!("no entry to {}: {e}", self.dir.display()))
            .ok()
    }

    /// Everyone in it, and in those that its processes made below it.
    pub(super) fn pids(&self) -> HashSet<i32> {
        let mut pids = HashSet::new();
        for dir in tree(&self.dir) {
            pids.extend(listed(&dir));
        }
        pids
    }

    /// Kills all of it at once, where the kernel can (since 5.14).
    pub(super) fn kill(&self) {
        let _ = write(&self.dir.join("cgroup.kill"), "1");
    }

    /// Whether `/proc/PID/cgroup` tells of a step of ours that is another one.
    pub(super) fn is_another(own: Option<&Self>, line: &[u8]) -> bool {
        let line = String::from_utf8_lossy(line);
        let mark = format!("/{}", prefix());
        let Some((_, rest)) = line.lines().find_map(|line| line.split_once(&mark)) else {
            return false;
        };
        let number = rest.split('/').next().unwrap_or_default();
        own.and_then(|own| own.dir.file_name()?.to_str()?.strip_prefix(&*prefix()))
            .is_none_or(|own| own != number)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let below = tree(&self.dir);
        if below.len() > 1 {
            // Somebody manages cgroups in there: only what is empty goes.
            below.iter().for_each(|dir| drop(std::fs::remove_dir(dir)));
            return;
        }
        for _ in 0..ROUNDS {
            if std::fs::remove_dir(&self.dir).is_ok() {
                return;
            }
            for pid in listed(&self.dir) {
                let _ = write(&self.home.join("cgroup.procs"), &pid.to_string());
            }
        }
        tracing::debug!("a step's cgroup stays: {}", self.dir.display());
    }
}

/// What the cgroups of this process's steps begin with.
fn prefix() -> String {
    format!("runbook-{}-", std::process::id())
}

fn write(file: &Path, text: &str) -> std::io::Result<()> {
    writable(file)?.write_all(text.as_bytes())
}

/// No file is made where there is none.
fn writable(file: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).open(file)
}

fn listed(dir: &Path) -> Vec<i32> {
    let text = std::fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// A cgroup and all below it, the deepest first.
fn tree(dir: &Path) -> Vec<PathBuf> {
    let mut found = vec![dir.to_owned()];
    let mut next = 0;
    while let Some(dir) = found.get(next) {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        let dirs = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let dirs: Vec<_> = dirs.map(|entry| entry.path()).collect();
        found.extend(dirs);
        next += 1;
    }
    found.reverse();
    found
}

/// The cgroup that we are in, where it is ours to divide.
fn home() -> Option<&'static Path> {
    static HOME: OnceLock<Option<PathBuf>> = OnceLock::new();
    HOME.get_or_init(|| match find() {
        Ok(dir) => {
            tracing::info!("each step gets a cgroup below {}", dir.display());
            sweep(&dir);
            Some(dir)
        }
        Err(why) => {
            tracing::info!(
                "steps get no cgroups, {why}: what they start is known by its parents, its \
                 session, its environment and its pipes"
            );
            None
        }
    })
    .as_deref()
}

fn find() -> Result<PathBuf, &'static str> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let place = place(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo"))
        .ok_or("the system has no cgroups of version 2 here")?;
    let us = std::process::id().cast_signed();
    if !listed(&place.dir).contains(&us) {
        return Err("our own cannot be seen");
    }
    if writable(&place.dir.join("cgroup.procs")).is_err() {
        return Err("our own is not ours to divide");
    }
    if !delegated(&place) {
        return Err("our own is the service manager's (`Delegate=yes` would give it to us)");
    }
    Ok(place.dir)
}

/// Where our own cgroup is.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    mount: PathBuf,
    dir: PathBuf,
}

/// Puts together what `/proc/self/cgroup` and `/proc/self/mountinfo` say.
fn place(cgroup: &str, mounts: &str) -> Option<Place> {
    let path = cgroup.lines().find_map(|line| line.strip_prefix("0::"))?;
    mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, mount) = (fields.next()?, fields.next()?);
        if kind.split(' ').next() != Some("cgroup2") || mount.contains('\\') {
            return None;
        }
        let below = Path::new(path).strip_prefix(root).ok()?;
        Some(Place {
            mount: mount.into(),
            dir: Path::new(mount).join(below),
        })
    })
}

/// Whether a cgroup that we may write to was meant for us.
///
/// To anybody but root it says so by being writable. Root can write everywhere: its own is the root
/// of all that is seen (a container, or no service manager), or one that systemd marked as
/// delegated (<https://systemd.io/CGROUP_DELEGATION>).
fn delegated(place: &Place) -> bool {
    if !geteuid().is_root() || place.dir == place.mount {
        return true;
    }
    let marked = |dir: &Path, name| {
        let mut value = [0; 8];
        getxattr(dir, name, &mut value).is_ok_and(|length| value[..length] == *b"1")
    };
    place
        .dir
        .ancestors()
        .take_while(|dir| *dir != place.mount)
        .any(|dir| marked(dir, "trusted.delegate") || marked(dir, "user.delegate"))
}

/// Removes what a killed process of ours left behind; nobody lives in what can be removed.
fn sweep(home: &Path) {
    for entry in std::fs::read_dir(home).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let pid = name
            .strip_prefix("runbook-")
            .and_then(|rest| rest.split_once('-'))
            .filter(|(pid, _)| pid.parse::<u32>().is_ok());
        if let Some((pid, _)) = pid
            && !Path::new("/proc").join(pid).exists()
        {
            let dirs = tree(&entry.path());
            dirs.iter().for_each(|dir| drop(std::fs::remove_dir(dir)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
25 1 0:5 / /proc rw - proc proc rw
31 25 0:26 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
32 25 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
";

    fn dir(cgroup: &str, mounts: &str) -> Option<PathBuf> {
        place(cgroup, mounts).map(|place| place.dir)
    }

    #[test]
    fn our_own_cgroup_is_found_where_it_is_mounted() {
        let own = "4:memory:/x\n0::/user.slice/a b.scope\n";
        assert_eq!(
            dir(own, MOUNTS).unwrap(),
            Path::new("/sys/fs/cgroup/unified/user.slice/a b.scope")
        );
        assert_eq!(
            dir("0::/\n", MOUNTS).unwrap(),
            Path::new("/sys/fs/cgroup/unified")
        );
        let part = "31 25 0:26 /user.slice /cg rw - cgroup2 none rw\n";
        assert_eq!(dir("0::/user.slice/x\n", part).unwrap(), Path::new("/cg/x"));
    }

    #[test]
    fn what_is_not_mounted_here_is_not_guessed() {
        assert_eq!(dir("4:memory:/x\n", MOUNTS), None);
        assert_eq!(
            dir("0::/x\n", "32 25 0:27 / /c rw - cgroup cgroup rw\n"),
            None
        );
        let elsewhere = "31 25 0:26 /user.slice /cg rw - cgroup2 none rw\n";
        assert_eq!(dir("0::/system.slice\n", elsewhere), None);
        let escaped = "31 25 0:26 / /with\\040space rw - cgroup2 none rw\n";
        assert_eq!(dir("0::/x\n", escaped), None);
    }

    #[test]
    fn a_step_of_ours_is_told_from_another() {
        let another = format!("1:cpu:/\n0::/a/{}7/below\n", prefix());
        assert!(Cgroup::is_another(None, another.as_bytes()));
        assert!(!Cgroup::is_another(None, b"0::/a/runbook-0-7\n"));
        assert!(!Cgroup::is_another(None, b"0::/a\n"));
    }
}
