//! The state directory, what stands in it, and the clock that its records were written by.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Access, access, statvfs};

use super::Context;
use super::finding::Finding;
use crate::cli::locks;
use crate::cli::reach::load;
use crate::journal::{Grip, LedgerEntry, Store};
use crate::model::text::escape_controls;
use crate::model::{Duration, Size, Timestamp};
use crate::workspace::StatePlace;

const ABOUT: &str = "state directory";

/// Below this no run should begin.
const FULL: u64 = 16 << 20;

/// Below this somebody should look.
const NARROW: u64 = 256 << 20;

/// Of how many runs it is looked at whether they wait for somebody.
const NEWEST: usize = 100;

/// How far a clock may be behind what was written last, by another machine too.
const SLACK: Duration = Duration::from_secs(2);

/// The first year in which this program could run, and one in which it never will.
const YEARS: std::ops::Range<i16> = 2025..2100;

/// Looks at the state directory.
pub fn look(context: &Context, now: Timestamp) -> Vec<Finding> {
    let mut findings = vec![clock(now, None)];
    let place = match context.state_place() {
        Ok(place) => place,
        Err(error) => {
            let finding = Finding::problem(ABOUT, error.to_string());
            findings.push(error.help().iter().cloned().fold(finding, Finding::help));
            return findings;
        }
    };
    let shown = escape_controls(&place.path.display().to_string()).into_owned();
    if !place.path.exists() {
        findings.push(Finding::ok(
            ABOUT,
            format!("{shown} is made by the first run"),
        ));
        return findings;
    }
    findings.push(owner(&place, &shown));
    findings.extend(room(&place.path, &shown));
    match context.store_if_there() {
        Ok(Some(store)) => {
            findings[0] = clock(now, newest(&store));
            findings.extend(held(&store, now));
            findings.extend(parked(&store));
        }
        Ok(None) => {}
        Err(error) => findings.push(Finding::problem(ABOUT, error.to_string())),
    }
    findings
}

/// When the newest run began. Its later records may be of a simulated clock, which runs ahead.
fn newest(store: &Store) -> Option<Timestamp> {
    let ledger = store.ledger().read().ok()?;
    let began = ledger
        .records
        .iter()
        .filter(|record| matches!(record.event.what, LedgerEntry::RunOpened { .. }));
    began.map(|record| record.event.at).max()
}

fn clock(now: Timestamp, last: Option<Timestamp>) -> Finding {
    let zoned = now.to_zoned(jiff::tz::TimeZone::UTC);
    let said = zoned.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    if !YEARS.contains(&zoned.year()) {
        return Finding::problem("clock", format!("it says {said}"))
            .help("set it: every record, deadline and signature goes by it");
    }
    match last {
        Some(last) if last > SLACK.after(now) => {
            let behind = Duration::between(now, last).rounded();
            let says = format!("it says {said}, {behind} before the newest run began");
            Finding::problem("clock", says).help("set it, or find out which machine was wrong")
        }
        _ => Finding::ok("clock", said),
    }
}

fn owner(place: &StatePlace, shown: &str) -> Finding {
    let metadata = match std::fs::metadata(&place.path) {
        Ok(metadata) => metadata,
        Err(error) => return Finding::problem(ABOUT, format!("{shown}: {error}")),
    };
    let mode = metadata.mode() & 0o7777;
    if !metadata.is_dir() {
        return Finding::problem(ABOUT, format!("{shown} is no directory"));
    }
    if access(
        &place.path,
        Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK,
    )
    .is_err()
    {
        return Finding::problem(
            ABOUT,
            format!("{shown} cannot be written (mode {mode:04o})"),
        )
        .help("journals are written there: without them nothing runs");
    }
    match &place.group {
        None if mode & 0o077 != 0 => Finding::warning(
            ABOUT,
            format!("{shown} is open to others (mode {mode:04o})"),
        )
        .help(format!("chmod 700 {shown}")),
        Some(shared) if metadata.gid() != shared.gid => {
            Finding::problem(ABOUT, format!("{shown} is not of the group that shares it"))
                .help(super::super::astray::as_root(shared, &place.path))
        }
        Some(_) if mode & 0o007 != 0 => Finding::warning(
            ABOUT,
            format!("{shown} is open to others (mode {mode:04o})"),
        )
        .help(format!("chmod 2770 {shown}")),
        _ => Finding::ok(ABOUT, format!("{shown} (mode {mode:04o})")),
    }
}

fn room(path: &Path, shown: &str) -> Option<Finding> {
    let space = statvfs(path).ok()?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    let said = format!("{} are free in {shown}", Size::from_bytes(free));
    match free {
        0..FULL => {
            Some(Finding::problem(ABOUT, said).help("make room: no run begins without a journal"))
        }
        FULL..NARROW => Some(Finding::warning(ABOUT, said)),
        _ => None,
    }
}

/// Locks that somebody has.
fn held(store: &Store, now: Timestamp) -> Vec<Finding> {
    let all = match store.locks().all() {
        Ok(all) => all,
        Err(error) => return vec![Finding::problem("locks", error.to_string())],
    };
    all.iter()
        .map(|locked| {
            let says = format!(
                "{} is held by {}",
                locked.claim.name,
                locks::held(locked, now)
            );
            match locked.grip {
                Grip::Living => Finding::ok("locks", says),
                Grip::Parked | Grip::Died => Finding::warning("locks", says)
                    .help(format!("runbook resume {}", locked.claim.run)),
                Grip::Unreadable => Finding::warning("locks", says)
                    .help(format!("runbook audit verify {}", locked.claim.run)),
            }
        })
        .collect()
}

/// Runs that wait for somebody to take them up.
fn parked(store: &Store) -> Vec<Finding> {
    let Ok(ids) = store.list_runs() else {
        return Vec::new();
    };
    let waiting = ids.into_iter().take(NEWEST).filter(|id| {
        store.check_free(id).is_ok() && load(store, id).is_ok_and(|run| run.closing().is_none())
    });
    let waiting: Vec<String> = waiting.map(|id| id.to_string()).collect();
    match waiting.as_slice() {
        [] => Vec::new(),
        [one] => vec![
            Finding::warning("runs", format!("{one} is open, and nobody drives it"))
                .help(format!("runbook resume {one}")),
        ],
        more => vec![
            Finding::warning(
                "runs",
                format!("{} are open, and nobody drives them", more.len()),
            )
            .help("runbook runs"),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn a_clock_that_went_back_or_was_never_set_is_a_problem() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-11-20T19:53:59Z");
        assert_eq!(clock(now, None).level, Level::Ok);
        assert_eq!(
            clock(now, Some(at("2026-11-20T19:54:00Z"))).level,
            Level::Ok
        );
        let behind = clock(now, Some(at("2026-11-20T20:53:59Z")));
        assert_eq!(behind.level, Level::Problem);
        assert!(
            behind.says.ends_with("1h before the newest run began"),
            "{}",
            behind.says
        );
        assert_eq!(
            clock(at("1970-01-01T00:03:00Z"), None).level,
            Level::Problem
        );
    }
}
