//! Rows 40 and 53: the terminal's end is not the run's end, and no key leaves a step unrecorded.
//!
//! A step under way reads from a FIFO: opening it tells that the step acts, closing it ends it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use support::Place;
use support::pty::Pty;

const CTRL_C: &str = "\x03";
const CTRL_Z: &str = "\x1a";
const CTRL_BACKSLASH: &str = "\x1c";

/// Two steps: the first reads what the test writes, the second says that it was reached.
const TWO_STEPS: &str = "name: x\ntitle: X\nsteps:\n  - { id: slow, run: [cat, HERE/fifo], effect: read }\n  - { id: after, run: [echo, it goes on], effect: read }\nfinally:\n  - { id: end, run: [echo, the end], effect: read }\n";

const ONE_GATE: &str = "name: x\ntitle: X\nsteps:\n  - id: fail_over\n    call: $DATABASE_TOOL failover --cluster main\n    gate: Go?\n";

/// A step that acts, with what keeps it acting.
fn acting(place: &Place, runbook: &str) -> (Pty, File) {
    let fifo = place.fifo("fifo");
    write(place, runbook);
    let pty = Pty::runbook(place, &["run", "./x.yaml"]);
    let keeps = open(&fifo);
    (pty, keeps)
}

/// A runbook in which `HERE` is where the program stands.
fn write(place: &Place, runbook: &str) {
    let here = place.here().display().to_string();
    place.write("x.yaml", &runbook.replace("HERE", &here));
}

/// Waits until a step reads from it.
#[track_caller]
fn open(fifo: &Path) -> File {
    let fifo = fifo.to_owned();
    let (opened, waits) = std::sync::mpsc::channel();
    std::thread::spawn(move || opened.send(OpenOptions::new().write(true).open(fifo)));
    let opened = waits.recv_timeout(Duration::from_secs(30));
    opened.expect("a step reads it").unwrap()
}

fn started(place: &Place) -> Vec<String> {
    of_kind(place, "step_started")
}

fn finished(place: &Place) -> Vec<String> {
    of_kind(place, "step_finished")
}

fn of_kind(place: &Place, kind: &str) -> Vec<String> {
    let records = place.records();
    let of_kind = records.iter().filter(|record| record["kind"] == kind);
    of_kind
        .map(|record| record["step"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn threat_40_after_an_interrupt_the_step_is_recorded_and_the_operator_goes_on() {
    let place = Place::new();
    let (mut pty, keeps) = acting(&place, TWO_STEPS);
    pty.send(CTRL_C);
    pty.expect("nothing new starts");
    drop(keeps);
    pty.expect("Interrupted");
    pty.expect("Nothing runs now");
    // Nothing new starts while nobody has said so.
    assert_eq!(finished(&place), ["slow"]);
    assert_eq!(started(&place), ["slow"]);
    pty.expect("> ");
    pty.line("maybe");
    pty.expect("type c, p or x");
    pty.line("c");
    pty.expect("audit verify");
    pty.exits(0);
    assert_eq!(started(&place), ["slow", "after", "end"]);
}

#[test]
fn threat_40_after_an_interrupt_the_operator_parks() {
    let place = Place::new();
    let (mut pty, keeps) = acting(&place, TWO_STEPS);
    pty.send(CTRL_C);
    pty.expect("nothing new starts");
    drop(keeps);
    pty.expect("> ");
    pty.line("p");
    pty.exits(75);
    assert_eq!(started(&place), ["slow"]);
    place.run(&["resume", "last"]).exits(0);
    assert_eq!(started(&place), ["slow", "after", "end"]);
}

#[test]
fn threat_40_after_an_interrupt_the_operator_stops_the_run_and_its_end_is_done() {
    let place = Place::new();
    let (mut pty, keeps) = acting(&place, TWO_STEPS);
    pty.send(CTRL_C);
    pty.expect("nothing new starts");
    drop(keeps);
    pty.expect("what was done stays");
    pty.expect("> ");
    pty.line("x wrong cluster");
    pty.expect("wrong cluster");
    pty.exits(130);
    assert_eq!(started(&place), ["slow", "end"]);
    assert!(place.kinds().contains(&"cancel_requested".to_owned()));
    place.run(&["audit", "verify", "last"]).exits(0);
}

#[test]
fn threat_40_a_second_interrupt_ends_what_runs_and_the_journal_is_whole() {
    let place = Place::new();
    let step = "trap 'echo ended > HERE/out; exit 3' TERM; cat HERE/fifo";
    let runbook = format!(
        "name: x\ntitle: X\nsteps:\n  - {{ id: slow, run: [sh, -c, \"{step}\"], effect: change, gate: Go? }}\n  - {{ id: after, run: [echo, on], effect: read }}\n"
    );
    let fifo = place.fifo("fifo");
    write(&place, &runbook);
    let mut pty = Pty::runbook(&place, &["run", "./x.yaml"]);
    pty.expect("> ");
    pty.line("y");
    let _keeps = open(&fifo);
    pty.send(CTRL_C);
    pty.expect("Ctrl-C again ends it");
    pty.send(CTRL_C);
    pty.expect("a change is in doubt then");
    pty.exits(130);
    // It got TERM, and had the time to clean up.
    let out = std::fs::read_to_string(place.here().join("out")).unwrap();
    assert_eq!(out, "ended\n");
    let kinds = place.kinds();
    assert_eq!(kinds.last().unwrap(), "run_parked", "{kinds:?}");
    assert_eq!(started(&place), ["slow"]);
    place.run(&["audit", "verify", "last"]).exits(12);
}

#[test]
fn threat_40_a_second_interrupt_at_the_question_leaves() {
    let place = Place::new();
    let (mut pty, keeps) = acting(&place, TWO_STEPS);
    pty.send(CTRL_C);
    pty.expect("nothing new starts");
    drop(keeps);
    pty.expect("> ");
    pty.send(CTRL_C);
    pty.exits(130);
    assert_eq!(place.kinds().last().unwrap(), "run_parked");
    place.run(&["resume", "last"]).exits(0);
}

#[test]
fn threat_40_an_interrupt_in_a_pause_asks_at_once() {
    let place = Place::new();
    // A run with a process of its own is real, so that its pauses are too.
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: made, run: [touch, x], effect: change, gate: Go? }\n  - { id: night, pause: 8h }\n",
    );
    let mut pty = Pty::runbook(&place, &["run", "./x.yaml"]);
    pty.expect("> ");
    pty.line("y");
    pty.expect("night");
    pty.send(CTRL_C);
    pty.expect("Interrupted");
    pty.expect("> ");
    // The pause is not over, and goes on.
    pty.line("c");
    pty.expect("left");
    pty.send(CTRL_C);
    pty.expect("Interrupted");
    pty.expect("> ");
    pty.line("p");
    pty.exits(75);
}

#[test]
fn threat_40_a_termination_parks_gates_and_pauses_at_once() {
    let place = Place::new();
    place.write("x.yaml", ONE_GATE);
    let mut pty = Pty::runbook(&place, &["run", "./x.yaml"]);
    pty.expect("> ");
    pty.signal(Signal::TERM);
    pty.exits(75);
    assert_eq!(place.kinds().last().unwrap(), "run_parked");
    assert!(place.world().log().is_empty());

    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: made, run: [touch, x], effect: change, gate: Go? }\n  - { id: night, pause: 8h }\n",
    );
    let mut pty = Pty::runbook(&place, &["run", "./x.yaml"]);
    pty.expect("> ");
    pty.line("y");
    pty.expect("night");
    pty.signal(Signal::TERM);
    pty.exits(75);
    assert_eq!(place.kinds().last().unwrap(), "run_parked");
}

#[test]
fn threat_40_a_termination_parks_a_poll_between_two_looks() {
    let place = Place::new();
    let looks = place.fifo("looks");
    let look = "test -e HERE/mark || { echo looked > HERE/looks; exit 1; }";
    write(
        &place,
        &format!(
            "name: x\ntitle: X\nsteps:\n  - {{ id: made, run: [touch, x], effect: change, gate: Go? }}\n  - {{ id: there, run: [sh, -c, \"{look}\"], effect: read, until: output.exit == 0, every: 10m, within: 8h }}\n"
        ),
    );
    let mut pty = Pty::runbook(&place, &["run", "./x.yaml"]);
    // A run that changes something of this machine is real, and waits in real time.
    pty.expect("> ");
    pty.line("y");
    assert_eq!(std::fs::read_to_string(looks).unwrap(), "looked\n");
    pty.signal(Signal::TERM);
    pty.exits(75);
    assert_eq!(place.kinds().last().unwrap(), "run_parked");
    place.write("mark", "");
    place.run(&["resume", "last"]).exits(0);
}

#[test]
fn threat_40_a_termination_waits_for_the_step_and_records_it() {
    let place = Place::new();
    let (mut pty, keeps) = acting(&place, TWO_STEPS);
    pty.signal(Signal::TERM);
    pty.expect("waiting for what runs");
    drop(keeps);
    pty.exits(75);
    assert_eq!(finished(&place), ["slow"]);
    assert_eq!(started(&place), ["slow"]);
    place.run(&["resume", "last"]).exits(0);
    assert_eq!(started(&place), ["slow", "after", "end"]);
}

#[test]
fn threat_40_a_quit_ends_what_runs_at_once_and_leaves_no_core() {
    let place = Place::new();
    let (mut pty, _keeps) = acting(&place, TWO_STEPS);
    pty.send(CTRL_BACKSLASH);
    // It ends by itself: the code is one of its own.
    pty.exits(130);
    assert_eq!(place.kinds().last().unwrap(), "run_parked");
    place.run(&["audit", "verify", "last"]).exits(12);
}

#[test]
fn threat_53_a_dropped_connection_at_a_prompt_parks_the_run() {
    let place = Place::new();
    place.write("x.yaml", ONE_GATE);
    let mut pty = Pty::runbook(&place, &["run", "./x.yaml"]);
    pty.expect("> ");
    pty.hang_up();
    pty.exits(75);
    assert_eq!(place.kinds().last().unwrap(), "run_parked");
    assert!(place.world().log().is_empty());
    place.run(&["resume", "last", "--yes"]).exits(0);
    assert_eq!(place.world().log().len(), 1);
}

#[test]
fn threat_53_a_dropped_connection_during_a_step_leaves_it_recorded() {
    let place = Place::new();
    let (fifo, told) = (place.fifo("fifo"), place.fifo("told"));
    write(&place, TWO_STEPS);
    // What it tells goes through a pipe, so that this test knows when it has heard of the hangup.
    let shell = "exec \"$0\" run ./x.yaml 2> told";
    let program = env!("CARGO_BIN_EXE_runbook");
    let mut pty = Pty::spawn(&place, &["sh", "-c", shell, program]);
    let mut lines = BufReader::new(File::open(told).unwrap()).lines();
    let keeps = open(&fifo);
    pty.hang_up();
    assert!(lines.any(|line| line.unwrap().contains("hangup: nothing new starts")));
    // All that is told from here on goes nowhere.
    drop((lines, keeps));
    pty.exits(75);
    assert_eq!(finished(&place), ["slow"]);
    assert_eq!(place.kinds().last().unwrap(), "run_parked");
    place.run(&["resume", "last"]).exits(0);
    assert_eq!(started(&place), ["slow", "after", "end"]);
}

#[test]
fn threat_53_a_hangup_at_a_prompt_parks_the_run() {
    let place = Place::new();
    place.write("x.yaml", ONE_GATE);
    let mut pty = Pty::runbook(&place, &["run", "./x.yaml"]);
    pty.expect("> ");
    pty.signal(Signal::HUP);
    pty.exits(75);
    assert_eq!(place.kinds().last().unwrap(), "run_parked");
}

/// What a shell with job control does: the program has a group of its own.
fn in_a_shell(place: &Place) -> Pty {
    let shell = "set -m; \"$0\" run ./x.yaml; echo AWAY; read x; fg; echo \"left with $?\"";
    Pty::spawn(place, &["bash", "-c", shell, env!("CARGO_BIN_EXE_runbook")])
}

#[test]
fn threat_40_a_stopped_process_shows_its_question_again_when_it_is_back() {
    let place = Place::new();
    place.write("x.yaml", ONE_GATE);
    let mut pty = in_a_shell(&place);
    pty.expect("Go?");
    pty.expect("> ");
    pty.send(CTRL_Z);
    pty.expect("^Z\r\n");
    pty.expect("stop: nothing starts until you come back with fg");
    pty.expect("AWAY");
    pty.line("");
    pty.expect("Go?");
    pty.expect("> ");
    pty.line("y");
    pty.expect("audit verify");
    pty.expect("left with 0");
    assert_eq!(place.world().log().len(), 1);
}

#[test]
fn threat_40_while_the_process_is_stopped_its_step_goes_on() {
    let place = Place::new();
    let fifo = place.fifo("fifo");
    place.fifo("done");
    let step = "cat HERE/fifo; echo over > HERE/done";
    write(
        &place,
        &format!(
            "name: x\ntitle: X\nsteps:\n  - {{ id: slow, run: [sh, -c, \"{step}\"], effect: read }}\n"
        ),
    );
    let mut pty = in_a_shell(&place);
    let keeps = open(&fifo);
    pty.send(CTRL_Z);
    pty.expect("what runs (1) goes on");
    pty.expect("AWAY");
    drop(keeps);
    // The step comes to its end although nobody is there to see it.
    let said = std::fs::read_to_string(place.here().join("done")).unwrap();
    assert_eq!(said, "over\n");
    assert!(finished(&place).is_empty());
    pty.line("");
    pty.expect("audit verify");
    pty.expect("left with 0");
    assert_eq!(finished(&place), ["slow"]);
}

#[test]
fn threat_40_without_a_shell_the_process_does_not_stop() {
    let place = Place::new();
    let (mut pty, keeps) = acting(&place, TWO_STEPS);
    pty.send(CTRL_Z);
    pty.expect("not stopped");
    drop(keeps);
    pty.expect("audit verify");
    pty.exits(0);
}

#[test]
fn a_terminal_that_gets_narrow_loses_nothing() {
    let place = Place::new();
    let (mut pty, keeps) = acting(&place, TWO_STEPS);
    pty.expect("Ctrl-C stops");
    pty.resize(24, 40);
    // The view has heard of it.
    drop(keeps);
    pty.expect("audit verify");
    pty.exits(0);
    let shown = plain(&pty.shown());
    // Each line of the view is filled up to the width that the terminal has now.
    let wrapped = format!("{:<40}{:<40}", "Next", "  runbook audit show");
    assert!(shown.contains(&wrapped), "{shown}");
    let run = place.runs()[0].file_name().unwrap().to_owned();
    assert!(shown.contains(run.to_str().unwrap()), "{shown}");
}

/// What is shown, without what gives it colour.
fn plain(shown: &str) -> String {
    let mut out = String::new();
    let mut rest = shown;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        out.push_str(before);
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        rest = rest.get(1..).unwrap_or_default();
    }
    out + rest
}
