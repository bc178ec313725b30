//! What is printed: all of it is read, some of it is kept, nothing stalls.

use super::support::{Ear, argv, kill_named, processes, request, run, sh};
use crate::call::{End, Processes};
use crate::model::call::{Cut, Stream};

#[test]
fn both_streams_are_kept_apart() {
    let ear = Ear::default();
    let done = sh(
        "echo out; echo err >&2; printf rest",
        &request(argv(&[])),
        &ear,
    );
    assert_eq!(done.end, End::Exited(0));
    assert_eq!(done.stdout.bytes, b"out\nrest");
    assert_eq!(done.stderr.bytes, b"err\n");
    assert_eq!(ear.lines(Stream::Stdout), [b"out".to_vec(), b"rest".into()]);
    assert_eq!(ear.lines(Stream::Stderr), [b"err".to_vec()]);
    assert_eq!(done.notes, [""; 0]);
}

#[test]
fn threat_28_and_33_lines_come_raw() {
    let ear = Ear::default();
    let script = r"printf '\033]52;c;x\007\377\376\rz\n'";
    let done = sh(script, &request(argv(&[])), &ear);
    assert_eq!(done.stdout.bytes, b"\x1b]52;c;x\x07\xff\xfe\rz\n");
    assert_eq!(
        ear.lines(Stream::Stdout),
        [b"\x1b]52;c;x\x07\xff\xfe\rz".to_vec()]
    );
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap();
    line.split_ascii_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn threat_32_half_a_gigabyte_without_a_newline_stays_in_flat_memory() {
    let small = Processes {
        cap: 1 << 20,
        ..processes()
    };
    let ear = Ear::default();
    let before = resident_kib();
    let words = ["head", "-c", "536870912", "/dev/zero"];
    let done = run(&small, &words, &request(argv(&[])), &ear).unwrap();
    let grown = resident_kib().saturating_sub(before);
    assert_eq!(done.end, End::Exited(0));
    assert_eq!(done.stdout.bytes.len(), 1 << 20);
    let cut = Cut {
        after: 1 << 19,
        bytes: (512 << 20) - (1 << 20),
    };
    assert_eq!(done.stdout.cut, Some(cut));
    assert_eq!(ear.lines(Stream::Stdout).len(), 1);
    // Other tests run in this process at the same time: far below what was printed is flat.
    assert!(grown < 256 << 10, "grew by {grown} KiB");
}

#[test]
fn threat_32_an_endless_stream_is_ended_by_its_time() {
    let mut request = request(argv(&[]));
    request.timeout = crate::model::Duration::from_millis(100);
    let quiet = Quiet;
    let done = processes()
        .run(&super::support::job(&["yes"]), &request, &quiet, &quiet)
        .unwrap();
    assert_eq!(done.end, End::TimedOut);
    assert!(done.stdout.bytes.starts_with(b"y\ny\n"));
    assert!(done.stdout.bytes.len() <= crate::call::DEFAULT_CAP);
}

struct Quiet;

impl crate::model::call::Sink for Quiet {
    fn line(&self, _: Stream, _: &[u8]) {}
}

impl crate::model::call::Cancel for Quiet {
    fn is_cancelled(&self) -> bool {
        false
    }
}

#[test]
fn threat_35_a_daemon_that_keeps_the_pipe_does_not_keep_the_step() {
    for daemon in ["sleep 1000", "setsid sleep 1000"] {
        let script = format!("{daemon} & echo started");
        let done = sh(&script, &request(argv(&[])), &Ear::default());
        assert_eq!(done.end, End::Exited(0));
        assert_eq!(done.stdout.bytes, b"started\n");
        let [note] = &*done.notes else {
            panic!("{:?}", done.notes)
        };
        let said = "leaked: a process still holds the output open: pid ";
        assert!(note.starts_with(said), "{note}");
        kill_named(&done.notes);
    }
}

#[test]
fn what_is_left_in_the_background_is_named_and_left() {
    let done = sh(
        "exec >/dev/null 2>&1; sleep 1000 & exit 3",
        &request(argv(&[])),
        &Ear::default(),
    );
    assert_eq!(done.end, End::Exited(3));
    let [note] = &*done.notes else {
        panic!("{:?}", done.notes)
    };
    assert!(
        note.starts_with("left running in the background: pid "),
        "{note}"
    );
    let [pid] = super::support::pids(note)[..] else {
        panic!("{note}")
    };
    assert!(super::support::lives(pid));
    kill_named(&done.notes);
}
