//! Killed at any moment, a run resumes to its end with every effect exactly once, or stops at a
//! step about which nobody knows whether it happened.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use std::collections::BTreeMap;

use runbook::sandbox::World;
use support::Place;

/// What acted on the simulated production, and how often: by operation and by what makes two
/// requests one act.
fn effects(world: &World) -> BTreeMap<(String, String), usize> {
    let mut effects = BTreeMap::new();
    for entry in world.log() {
        *effects
            .entry((entry.operation.clone(), entry.key.to_string()))
            .or_insert(0) += 1;
    }
    effects
}

fn operations(world: &World) -> Vec<String> {
    world
        .log()
        .iter()
        .map(|entry| entry.operation.clone())
        .collect()
}

/// What a run that nothing disturbs does.
fn undisturbed(runbook: &str) -> Vec<String> {
    let place = Place::new();
    place.run(&["run", runbook, "--yes"]).exits(0);
    operations(&place.world())
}

#[track_caller]
fn resumed_to_its_end(place: &Place, expected: &[String], how: &str) {
    let resumed = place.run(&["resume", "last", "--yes"]);
    let begun = !place.runs().is_empty()
        && place.journal().exists()
        && std::fs::read_to_string(place.journal()).is_ok_and(|text| text.contains("\"h\":"));
    match resumed.code {
        // Killed before its first record: nothing was done, and that is said.
        Some(2) => {
            assert!(!begun, "{how}: {}", resumed.stderr);
            for path in place.worlds() {
                assert!(operations(&path).is_empty(), "{how}: it acted");
            }
        }
        Some(0) => {
            let world = place.world();
            assert_eq!(operations(&world), expected, "{how}");
            for (effect, times) in effects(&world) {
                assert_eq!(times, 1, "{how}: {effect:?}");
            }
            place.run(&["audit", "verify", "last"]).exits(0);
        }
        Some(75) => {
            resumed.says("nobody");
            place.run(&["audit", "verify", "last"]).exits(12);
        }
        other => panic!("{how}: {other:?}\n{}\n{}", resumed.stdout, resumed.stderr),
    }
}

fn survives(runbook: &str) {
    let expected = undisturbed(runbook);
    let mut n = 0;
    loop {
        n += 1;
        let place = Place::new();
        let ran = place.run_with(
            "RUNBOOK_CRASH_AT",
            &n.to_string(),
            &["run", runbook, "--yes"],
        );
        if ran.code == Some(0) {
            break;
        }
        assert_eq!(ran.code, Some(137), "killed at {n}: {}", ran.stderr);
        resumed_to_its_end(
            &place,
            &expected,
            &format!("killed at change {n} of the disk"),
        );
    }
    assert!(
        n > 60,
        "only {n} changes of the disk: the crash point is not reached"
    );
}

/// Killed at each write, sync and rename; each write is torn in the middle.
#[test]
fn threat_12_killed_at_each_change_of_the_disk() {
    survives("db-failover");
}

/// Killed after the production has changed, before anybody is told: the true doubt.
#[test]
fn killed_between_an_act_and_its_reply() {
    let expected = undisturbed("db-failover");
    for n in 1..=expected.len() {
        let place = Place::new();
        let ran = place.run_with(
            "RUNBOOK_CRASH_IN_WORLD",
            &n.to_string(),
            &["run", "db-failover", "--yes"],
        );
        assert_eq!(ran.code, Some(137), "{n}: {}", ran.stderr);
        resumed_to_its_end(&place, &expected, &format!("killed in act {n}"));
    }
}

/// Killed again while resuming, at each change of the disk.
#[test]
fn killed_while_resuming() {
    let expected = undisturbed("db-failover");
    for n in 1.. {
        let place = Place::new();
        place.run_with(
            "RUNBOOK_CRASH_IN_WORLD",
            "3",
            &["run", "db-failover", "--yes"],
        );
        let resumed = place.run_with(
            "RUNBOOK_CRASH_AT",
            &n.to_string(),
            &["resume", "last", "--yes"],
        );
        if resumed.code != Some(137) {
            break;
        }
        resumed_to_its_end(&place, &expected, &format!("resume killed at change {n}"));
    }
}

/// A disk that is broken, or full, from its n-th change on: 74, and what acted is in the journal.
fn fails_closed(variable: &str) {
    let expected = undisturbed("db-failover");
    let mut undisturbed = 0;
    for n in 1.. {
        let place = Place::new();
        let ran = place.run_with(variable, &n.to_string(), &["run", "db-failover", "--yes"]);
        if ran.code == Some(0) {
            // What is written for a message to others only may fail without a word.
            undisturbed += 1;
            if undisturbed > 3 {
                assert!(n > 60, "only {n} changes of the disk");
                break;
            }
            continue;
        }
        undisturbed = 0;
        ran.exits(74);
        let how = format!("{variable}={n}");
        for world in place.worlds() {
            for entry in world.log() {
                let text = std::fs::read_to_string(place.journal()).unwrap();
                assert!(
                    text.contains(&entry.key.to_string()),
                    "{how}: acted unlogged"
                );
            }
        }
        resumed_to_its_end(&place, &expected, &how);
    }
}

#[test]
fn threat_11_a_disk_that_breaks_at_each_change() {
    fails_closed("RUNBOOK_BREAK_AT");
}

#[test]
fn threat_11_a_disk_that_is_full_at_each_change() {
    fails_closed("RUNBOOK_FILL_AT");
}

#[test]
fn a_torn_end_is_told_by_the_journal_whatever_becomes_of_the_command_that_found_it() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: look, call: $DATABASE_TOOL status }\n",
    );
    place.run(&["run", "./x.yaml"]).exits(0);
    let tear = || {
        use std::io::Write;
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(place.journal())
            .unwrap();
        file.write_all(b"{\"seq\":99,\"at").unwrap();
    };
    tear();
    place
        .run(&["resume", "last"])
        .exits(0)
        .says("a torn line after its end was set aside");
    let recovered = || {
        place
            .kinds()
            .iter()
            .filter(|kind| *kind == "recovered")
            .count()
    };
    assert_eq!(recovered(), 1);
    place.run(&["audit", "verify", "last"]).exits(0);
    tear();
    place.run(&[
        "audit",
        "review",
        "last",
        "--sign-off",
        "no",
        "--reason",
        "x",
    ]);
    place.run(&["resume", "last"]).exits(0);
    assert_eq!(recovered(), 2);
}
