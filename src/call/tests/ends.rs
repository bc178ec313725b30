//! How a process ends: by itself, by a signal, by its time, on request.

use std::time::Instant;

use super::support::{Ear, argv, lives, pids, request, run_without_cgroup, sh};
use crate::call::End;
use crate::model::Duration;
use crate::model::call::Stream;

#[test]
fn threat_41_status_and_signal_are_told_apart() {
    let request = request(argv(&[]));
    let end = |script| sh(script, &request, &Ear::default()).end;
    assert_eq!(end("exit 3"), End::Exited(3));
    assert_eq!(end("kill -SEGV $$"), End::Signalled(11));
    assert_eq!(end("kill -TERM $$"), End::Signalled(15));
}

#[test]
fn a_process_that_takes_too_long_is_ended() {
    let mut request = request(argv(&[]));
    request.timeout = Duration::from_millis(50);
    let begun = Instant::now();
    let done = sh("sleep 1000; echo never", &request, &Ear::default());
    assert_eq!(done.end, End::TimedOut);
    assert_eq!(done.notes, [""; 0]);
    assert!(begun.elapsed() < request.grace.as_std());
}

#[test]
fn threat_39_who_ignores_term_is_killed() {
    let mut request = request(argv(&[]));
    request.grace = Duration::from_millis(50);
    let ear = Ear::stopping_at("ready");
    let script = "trap '' TERM; echo ready; while :; do sleep 1000; done";
    let done = sh(script, &request, &ear);
    assert_eq!(done.end, End::Cancelled);
    assert_eq!(
        done.notes,
        ["did not end within 50ms of TERM, so it was killed"]
    );
}

#[test]
fn threat_39_who_cleans_up_after_term_has_the_time_for_it() {
    // The child says so itself: dash loses a signal that comes between its fork and its exec.
    let ear = Ear::stopping_at("ready");
    let script = "trap 'echo cleaned; exit 0' TERM; (echo ready; exec sleep 1000) & wait";
    let done = sh(script, &request(argv(&[])), &ear);
    assert_eq!(done.end, End::Cancelled);
    assert_eq!(
        ear.lines(Stream::Stdout),
        [b"ready".to_vec(), b"cleaned".into()]
    );
    assert_eq!(done.notes, [""; 0]);
}

#[test]
fn threat_39_a_child_that_outlives_its_leader_has_the_grace_too() {
    // The leader dies at once; its child answers TERM in its own time.
    let ear = Ear::stopping_at("ready");
    let script =
        "sh -c 'trap \"echo cleaned; exit\" TERM; (echo ready; exec sleep 1000) & wait' & wait";
    let done = sh(script, &request(argv(&[])), &ear);
    assert_eq!(done.end, End::Cancelled);
    assert!(done.stdout.bytes.ends_with(b"cleaned\n"));
    assert_eq!(done.notes, [""; 0]);
}

#[test]
fn a_stopped_process_is_ended_too() {
    let ear = Ear::stopping_at("ready");
    let done = sh("echo ready; kill -STOP $$", &request(argv(&[])), &ear);
    assert_eq!(done.end, End::Cancelled);
}

#[test]
fn threat_36_other_groups_of_the_session_are_ended() {
    let ear = Ear::stopping_at("ready");
    let script = "bash -c 'set -m; sleep 1000 & echo $!; echo ready; wait'";
    let done = sh(script, &request(argv(&[])), &ear);
    assert_eq!(done.end, End::Cancelled);
    let lines = ear.lines(Stream::Stdout);
    let pid: i32 = std::str::from_utf8(&lines[0]).unwrap().parse().unwrap();
    assert!(!lives(pid));
}

#[test]
fn threat_36_who_left_the_session_is_ended_and_named() {
    for script in [
        // A child whose parent lives, without our mark in its environment.
        "env -i setsid sh -c 'echo ready; exec sleep 1000' & wait",
        // An orphan, known by its mark alone. It is waited for until it has left and let go of the
        // pipes: opening either end of a fifo waits for the other.
        "d=$(mktemp -d); mkfifo $d/left; \
         setsid -f sh -c \"exec >&- 2>&-; : > $d/left; exec sleep 1000\"; \
         : < $d/left; rm -r $d; echo ready; exec sleep 1000",
        // An orphan without it, known by the pipe that it holds.
        "env -i setsid -f sh -c 'echo ready; exec sleep 1000'; exec sleep 1000",
    ] {
        let ear = Ear::stopping_at("ready");
        let done = run_without_cgroup(script, &request(argv(&[])), &ear);
        assert_eq!(done.end, End::Cancelled);
        let [note] = &*done.notes else {
            panic!("{script}: {:?}", done.notes)
        };
        let said = "had left the step's session and was ended too: pid ";
        assert!(note.starts_with(said), "{note}");
        assert!(!lives(pids(note)[0]), "{note}");
    }
}
