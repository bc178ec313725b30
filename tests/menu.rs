//! What the operator sees and can do where a step failed, and what is kept of what it printed.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use std::os::unix::fs::PermissionsExt;

use rustix::fs::{Mode, OFlags};
use support::Place;
use support::pty::Pty;

const CTRL_C: &str = "\x03";

/// Something is done, something is said, and then a step prints much and fails.
const RUNBOOK: &str = "name: x\ntitle: X\nsteps:\n  - { id: fenced, title: Fence it, call: $DATABASE_TOOL fence --node db-2 --cluster main, gate: Go? }\n  - { id: noisy, run: [sh, -c, \"printf '\\\\033[2J'; seq 1000 1200; exit 3\"], effect: read }\n  - { id: after, call: $DATABASE_TOOL status }\n";

/// A run that has come to its failure.
fn failed(place: &Place) -> Pty {
    place.write("x.yaml", RUNBOOK);
    let mut pty = Pty::runbook(place, &["run", "./x.yaml"]);
    pty.expect("> ");
    pty.line("y");
    pty.expect("A step failed");
    pty
}

#[test]
fn the_menu_says_what_each_choice_leads_to() {
    let place = Place::new();
    let mut pty = failed(&place);
    let shown = pty.expect("> ");
    let shown: Vec<&str> = shown.lines().map(str::trim_end).collect();
    let has = |line: &str| assert!(shown.contains(&line), "no `{line}` in {shown:#?}");
    has("Back:   Fence it (fenced): $DATABASE_TOOL unfence db-2 --cluster=main; a gate");
    has("r retry             as attempt 2");
    has("s skip REASON       leaves it out and goes on");
    has("u undo              takes back 1 step, listed above, and ends the run");
    has("x stop              ends the run here; what was done stays");
    has("o output            shows all that it printed");
    has("p park              leaves now; resume later");
    assert!(
        shown.iter().any(|line| line.contains("│ 1200")),
        "{shown:#?}"
    );
    assert!(
        shown.iter().all(|line| line.chars().count() <= 80),
        "{shown:#?}"
    );
    pty.line("mark done");
    pty.expect("give your reason");
    pty.line("mark done by hand");
    pty.expect("by hand");
    pty.exits(0);
}

#[test]
fn all_that_a_failed_step_printed_can_be_read_a_page_at_a_time() {
    let place = Place::new();
    let mut pty = failed(&place);
    pty.expect("> ");
    pty.line("o");
    pty.expect("standard output of attempt 1");
    // What it printed moves nothing here.
    pty.expect("\\u{1b}[2J1000");
    pty.expect("space next");
    let mut pages = 1;
    loop {
        pty.send(" ");
        pages += 1;
        if pty.expect("q to the question").contains("· end ·") {
            break;
        }
    }
    assert!(pages > 9, "{pages}");
    pty.send("b");
    pty.expect("space next");
    pty.send("q");
    // The question stands again, and takes whole lines as before.
    pty.expect("A step failed");
    pty.expect("> ");
    pty.line("s never mind");
    pty.expect("never mind");
    pty.exits(0);
    let shown = pty.shown();
    for n in 1000..=1200 {
        assert!(shown.contains(&n.to_string()), "{n} was never seen");
    }
    assert!(!shown.contains("\x1b[2J"), "{shown}");
}

#[test]
fn an_interrupt_while_reading_leaves_the_terminal_as_it_was() {
    let place = Place::new();
    place.write("x.yaml", RUNBOOK);
    let shell = "\"$0\" run ./x.yaml; echo \"left with $?\"; stty -a";
    let mut pty = Pty::spawn(
        &place,
        &[
            "sh",
            "-c",
            &format!("trap : INT; {shell}"),
            env!("CARGO_BIN_EXE_runbook"),
        ],
    );
    pty.expect("> ");
    pty.line("y");
    pty.expect("A step failed");
    pty.expect("> ");
    pty.line("o");
    pty.expect("space next");
    pty.send(CTRL_C);
    pty.expect("Interrupted");
    pty.expect("> ");
    pty.line("p");
    pty.expect("left with 75");
    let modes = pty.expect(" echo ");
    assert!(modes.contains(" icanon"), "{modes}");
}

#[test]
fn what_a_resumed_run_failed_with_is_still_shown() {
    let place = Place::new();
    let mut pty = failed(&place);
    pty.expect("> ");
    pty.line("p");
    pty.exits(75);
    let mut pty = Pty::runbook(&place, &["resume"]);
    pty.expect("│ 1200");
    pty.expect("o output");
    pty.expect("> ");
    pty.line("u");
    pty.expect("Undo: Fence it");
    pty.expect("> ");
    pty.line("y");
    pty.exits(1);
    let world = place.world();
    assert_eq!(world.log().len(), 2);
}

#[test]
fn a_poll_that_ran_out_of_time_keeps_what_it_saw_last() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: there, run: [sh, -c, 'echo not there; echo why >&2; exit 1'], effect: read, until: output.exit == 0, every: 1s, within: 3s }\n",
    );
    place.run(&["run", "./x.yaml"]).exits(1);
    let records = place.records();
    let finished = records
        .iter()
        .find(|record| record["kind"] == "step_finished")
        .unwrap();
    assert_eq!(finished["data"]["outcome"], "timed_out");
    let kept = |stream: &str| {
        let blob = finished["data"]["streams"][stream]["sha256"]
            .as_str()
            .unwrap();
        std::fs::read_to_string(place.runs()[0].join("blobs").join(blob)).unwrap()
    };
    assert_eq!(kept("stdout"), "not there\n");
    assert_eq!(kept("stderr"), "why\n");
    place.run(&["audit", "verify"]).exits(0);
}

/// A step fails while another is looked at just before it acts: the run is over, and nothing of it
/// may stay behind.
#[test]
fn a_run_does_not_close_before_the_look_that_nobody_needs_any_more_has_ended() {
    let place = Place::new();
    let here = place.here().display().to_string();
    let fifo = place.fifo("fifo");
    place.fifo("looks");
    let script = place.write("flags", "#!/bin/sh\necho up > HERE/looks\ncat HERE/fifo\n");
    let text = std::fs::read_to_string(&script).unwrap();
    std::fs::write(&script, text.replace("HERE", &here)).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let environments = "default_environment: lab\nenvironments:\n  lab:\n    tools: { FEATURE_FLAG_TOOL: { command: [HERE/flags] } }\n    policy: { unattended: allow, gates: { change: none, destructive: none } }\n";
    place.write("runbook.yaml", &environments.replace("HERE", &here));
    let runbook = "name: x\ntitle: X\non_failure: stop\nsteps:\n  - parallel: true\n    steps:\n      - { id: off, call: $FEATURE_FLAG_TOOL disable recommendations }\n      - { id: broken, run: [sh, -c, 'cat HERE/looks; exit 1'], effect: read }\n";
    place.write("x.yaml", &runbook.replace("HERE", &here));
    place.run(&["run", "./x.yaml"]).exits(1);
    let kinds = place.kinds();
    assert!(!kinds.contains(&"before_seen".to_owned()), "{kinds:?}");
    // Nobody reads it any more: the look is over, and was not left to itself.
    let opened = rustix::fs::open(&fifo, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty());
    assert_eq!(opened.unwrap_err(), rustix::io::Errno::NXIO);
}
