//! Where it was looked: who is in the wrong directory, or has one that cannot be used, is told which
//! one it is, what named it, and what to do.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use support::pty::Pty;
use support::{Place, Ran, ran};

/// Without a variable that names the state directory.
fn bare(place: &Place, args: &[&str]) -> Ran {
    let mut command = place.command(args);
    ran(command.env_remove("RUNBOOK_STATE_DIR").output().unwrap())
}

const LOOKS: [&[&str]; 8] = [
    &["approve", "x-1"],
    &["watch", "x-1"],
    &["audit", "review", "x-1"],
    &["audit", "show", "x-1"],
    &["audit", "verify", "x-1"],
    &["resume", "x-1"],
    &["undo", "x-1"],
    &["cancel", "x-1", "--reason", "enough"],
];

#[test]
fn who_looks_where_no_run_is_is_told_where_that_was() {
    let place = Place::new();
    for args in LOOKS {
        let ran = bare(&place, args);
        ran.exits(2)
            .says("there are no runs yet in")
            .says(".local/state/runbook (your own, as nothing names another)")
            .says("→ what is there: runbook runs")
            .says("in your team's checkout, or say where with --state-dir DIR");
    }
    bare(&place, &["runs"])
        .exits(0)
        .says("there are no runs in");
    assert!(
        !place.here().join("../.local").exists(),
        "something was created"
    );
    place.run(&["run", "verify-recovery", "--dry-run"]).exits(0);
    place.write("x.yaml", "name: x\ntitle: X\nsteps:\n  - pause: 1s\n");
    place.run(&["run", "./x.yaml", "-e", "sandbox"]).exits(0);
    for args in LOOKS {
        let ran = place.run(args);
        ran.exits(2)
            .says("there is no run `x-1` in")
            .says("state (named by RUNBOOK_STATE_DIR)")
            .says("is it in another directory? --state-dir DIR");
    }
    let there = place.state().display().to_string();
    place
        .run(&["watch", "y", "--state-dir", &there])
        .exits(2)
        .says("(named by --state-dir)");
    place
        .run(&["approve"])
        .exits(2)
        .says("no run waits for anybody's approval in")
        .says("(named by RUNBOOK_STATE_DIR)");
}

#[test]
fn a_review_where_nothing_is_is_not_green() {
    let place = Place::new();
    place
        .run(&["audit", "review"])
        .exits(2)
        .says("there are no runs yet in");
    place.write("x.yaml", "name: x\ntitle: X\nsteps:\n  - pause: 1s\n");
    place.run(&["run", "./x.yaml", "-e", "sandbox"]).exits(0);
    place
        .run(&["audit", "review"])
        .exits(0)
        .says("nothing waits to be reviewed in")
        .says("(named by RUNBOOK_STATE_DIR)");
}

#[test]
fn who_wants_what_somebody_drives_is_told_who_and_what_to_do() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: by_hand, manual: Look }\n",
    );
    let mut session = Pty::runbook(&place, &["run", "./x.yaml", "-e", "sandbox"]);
    session.expect("> ");
    for verb in ["resume", "undo"] {
        let ran = place.run(&[verb, "last"]);
        ran.exits(73)
            .says("is held by")
            .says(&format!("process {}", place.held_by()))
            .says("→ look at it: runbook watch x-")
            .says("→ end it: runbook cancel x-");
    }
    // What others type finds it from anywhere.
    let there = place.state().display().to_string();
    let mut watching = Pty::runbook(&place, &["watch", "last"]);
    watching.expect("Waits for its operator");
    session.send("p\n");
    watching.expect(&format!("--state-dir {there}"));
    session.rest();
}

fn gid_of_another_group() -> u32 {
    let metadata = std::fs::metadata("/proc/self").unwrap();
    std::os::unix::fs::MetadataExt::gid(&metadata) + 1
}

#[test]
fn a_shared_directory_that_is_not_what_it_should_be_is_set_up_with_one_command() {
    let place = Place::new();
    let dir = place.here().join("teamstate");
    std::fs::create_dir(&dir).unwrap();
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o2770)).unwrap();
    let shown = dir.display();
    place.write(
        "runbook.yaml",
        &format!(
            "environments: {{ lab: {{ tools: {{}} }} }}\nstate: {{ dir: {shown}, group: '{}' }}\n",
            gid_of_another_group()
        ),
    );
    place.write("x.yaml", "name: x\ntitle: X\nsteps:\n  - pause: 1s\n");
    let group = Command::new("id").arg("-gn").output().unwrap();
    let group = String::from_utf8(group.stdout).unwrap();
    let ran = bare(&place, &["run", "./x.yaml", "-e", "sandbox"]);
    ran.exits(74)
        .says(&format!("it belongs to the group {}", group.trim()))
        .says("(named by `state` in runbook.yaml)")
        .says(&format!(
            "→ as root: install -d -o root -g {} -m 2770 {shown}",
            gid_of_another_group()
        ));
}

#[test]
fn a_directory_that_cannot_be_made_says_why() {
    let place = Place::new();
    let file = place.write("file", "");
    let dir = file.join("state").display().to_string();
    place.write("x.yaml", "name: x\ntitle: X\nsteps:\n  - pause: 1s\n");
    let ran = place.run(&["run", "./x.yaml", "-e", "sandbox", "--state-dir", &dir]);
    ran.exits(74)
        .says("not a directory")
        .says("(named by --state-dir)");
}
