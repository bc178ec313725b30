//! A run that waits for a person costs nothing: it is woken by what happens, never by a clock.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use support::Place;
use support::pty::Pty;

/// For how long nothing may move. Whatever woke up even once a second would show.
const WATCHED: Duration = Duration::from_secs(3);

/// How often each thread of a process was on a processor until now.
fn turns(pid: &str) -> BTreeMap<String, u64> {
    let tasks = std::fs::read_dir(Path::new("/proc").join(pid).join("task")).unwrap();
    tasks
        .map(|task| {
            let task = task.unwrap();
            let status = std::fs::read_to_string(task.path().join("status")).unwrap();
            let switches = status
                .lines()
                .filter(|line| line.contains("ctxt_switches"))
                .map(|line| line.rsplit_once('\t').unwrap().1.parse::<u64>().unwrap())
                .sum();
            (task.file_name().into_string().unwrap(), switches)
        })
        .collect()
}

/// Whether a process sleeps in all its threads.
fn sleeps(pid: &str) -> bool {
    let tasks = std::fs::read_dir(Path::new("/proc").join(pid).join("task")).unwrap();
    tasks.into_iter().all(|task| {
        let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
        stat.rsplit_once(") ").unwrap().1.starts_with('S')
    })
}

#[test]
fn a_run_that_waits_at_a_gate_wakes_up_for_nothing() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - id: fail_over\n    call: $DATABASE_TOOL failover --cluster main\n    gate: { confirm: Go?, challenge: main }\n",
    );
    let mut session = Pty::runbook(&place, &["run", "./x.yaml"]);
    session.expect("> ");
    let pid = place.held_by();
    while !sleeps(&pid) {
        std::thread::yield_now();
    }
    let before = turns(&pid);
    // Nobody sends: this is the time in which it is watched.
    let (_nobody, nothing) = mpsc::channel::<()>();
    nothing.recv_timeout(WATCHED).unwrap_err();
    assert_eq!(turns(&pid), before);
    session.line("main");
    session.exits(0);
}
