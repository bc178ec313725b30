//! The program under a pseudo-terminal: prompts, challenges, leaving and coming back.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};
use support::Place;

/// The longest that one expected text may take: a deadline, not a pause.
const PATIENCE: Option<u64> = Some(20_000);

fn spawn(place: &Place, args: &[&str]) -> PtySession {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_runbook"));
    command
        .args(args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", place.here())
        .env("TERM", "xterm")
        .env("RUNBOOK_STATE_DIR", place.state())
        .current_dir(place.here());
    spawn_command(command, PATIENCE).unwrap()
}

#[track_caller]
fn expect(session: &mut PtySession, text: &str) -> String {
    match session.exp_string(text) {
        Ok(before) => before,
        Err(error) => panic!("waiting for `{text}`: {error}"),
    }
}

#[track_caller]
fn exits(session: &mut PtySession, code: i32) {
    // With a deadline, unlike the wait for the process: a prompt that nobody answers is told.
    session.exp_eof().unwrap();
    match session.process().wait().unwrap() {
        WaitStatus::Exited(_, found) => assert_eq!(found, code),
        other => panic!("{other:?}"),
    }
}

const ONE_GATE: &str = "name: x\ntitle: X\nsteps:\n  - id: fail_over\n    call: $DATABASE_TOOL failover --cluster main\n    gate: { confirm: Go?, challenge: main }\n";

#[test]
fn a_typed_challenge_takes_the_targets_name_and_nothing_else() {
    let place = Place::new();
    place.write("x.yaml", ONE_GATE);
    let mut session = spawn(&place, &["run", "./x.yaml"]);
    expect(&mut session, "type the name of the target: main");
    expect(&mut session, "> ");
    session.send_line("y").unwrap();
    expect(&mut session, "yes is not enough here");
    session.send_line("mian").unwrap();
    expect(&mut session, "not the target's name");
    session.send_line("main").unwrap();
    expect(&mut session, "audit verify");
    exits(&mut session, 0);
    assert_eq!(place.world().log().len(), 1);
}

#[test]
fn no_ends_the_run_and_nothing_acts() {
    let place = Place::new();
    place.write("x.yaml", ONE_GATE);
    let mut session = spawn(&place, &["run", "./x.yaml"]);
    expect(&mut session, "> ");
    session.send_line("n not tonight").unwrap();
    expect(&mut session, "not tonight");
    exits(&mut session, 77);
    assert!(place.world().log().is_empty());
    let kinds = place.kinds();
    assert!(kinds.contains(&"gate_decided".to_owned()), "{kinds:?}");
    assert!(!kinds.contains(&"step_started".to_owned()), "{kinds:?}");
}

#[test]
fn a_run_is_parked_and_taken_up_again() {
    let place = Place::new();
    place.write("x.yaml", ONE_GATE);
    let mut session = spawn(&place, &["run", "./x.yaml"]);
    expect(&mut session, "> ");
    session.send_line("p").unwrap();
    expect(&mut session, "runbook resume");
    exits(&mut session, 75);
    assert!(place.world().log().is_empty());
    let mut session = spawn(&place, &["resume", "last"]);
    expect(&mut session, "> ");
    session.send_line("main").unwrap();
    expect(&mut session, "audit verify");
    exits(&mut session, 0);
    assert_eq!(place.world().log().len(), 1);
    place.run(&["audit", "verify", "last"]).exits(0);
}

#[test]
fn threat_53_a_terminal_that_closes_at_a_prompt_parks_the_run() {
    let place = Place::new();
    place.write("x.yaml", ONE_GATE);
    let mut session = spawn(&place, &["run", "./x.yaml"]);
    expect(&mut session, "> ");
    // The end of input, as a closed terminal gives it, is never an answer.
    session.send_control('d').unwrap();
    exits(&mut session, 75);
    assert!(place.world().log().is_empty());
    place.run(&["resume", "last", "--yes"]).exits(0);
    assert_eq!(place.world().log().len(), 1);
}

#[test]
fn threat_40_an_interrupt_at_a_prompt_parks_the_run() {
    let place = Place::new();
    place.write("x.yaml", ONE_GATE);
    let mut session = spawn(&place, &["run", "./x.yaml"]);
    expect(&mut session, "> ");
    session.send_control('c').unwrap();
    expect(&mut session, "runbook resume");
    exits(&mut session, 75);
    assert!(place.world().log().is_empty());
}

#[test]
fn a_failing_step_is_tried_again_left_out_or_stopped_by_the_operator() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: mark, run: [test, -e, mark], dir: '.', effect: read }\n  - { id: after, manual: Look }\n",
    );
    let mut session = spawn(&place, &["run", "./x.yaml"]);
    expect(&mut session, "A step failed");
    session.send_line("r").unwrap();
    expect(&mut session, "A step failed");
    session.send_line("s").unwrap();
    expect(&mut session, "give your reason");
    session.send_line("s it is not needed").unwrap();
    expect(&mut session, "Something to do by hand");
    session.send_line("d looked").unwrap();
    expect(&mut session, "it is not needed");
    exits(&mut session, 0);
    let attempts = place
        .records()
        .iter()
        .filter(|record| record["step"] == "mark" && record["kind"] == "step_started")
        .count();
    assert_eq!(attempts, 2);
}

#[test]
fn threat_51_what_was_typed_ahead_answers_nothing() {
    let place = Place::new();
    let fifo = place.here().join("fifo");
    let made = std::process::Command::new("mkfifo")
        .arg(&fifo)
        .status()
        .unwrap();
    assert!(made.success());
    place.write(
        "x.yaml",
        &"name: x\ntitle: X\nsteps:\n  - { id: wait, run: [cat, FIFO], effect: read }\n  - { id: fail_over, call: $DATABASE_TOOL failover --cluster main, gate: Go? }\n"
            .replace("FIFO", &fifo.display().to_string()),
    );
    let mut session = spawn(&place, &["run", "./x.yaml"]);
    // It is typed while nobody asks: the step before waits for this test to open its pipe.
    session.send_line("y").unwrap();
    drop(std::fs::OpenOptions::new().write(true).open(&fifo).unwrap());
    expect(&mut session, "A decision is needed");
    expect(&mut session, "> ");
    session.send_line("n").unwrap();
    exits(&mut session, 77);
    assert!(place.world().log().is_empty());
}

#[test]
fn a_question_that_no_longer_stands_is_withdrawn() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - parallel: true\n    steps:\n      - { id: a, call: $DATABASE_TOOL failover --cluster main, gate: First? }\n      - { id: b, call: $DATABASE_TOOL failover --cluster main, gate: Second? }\nfinally:\n  - { id: end, call: $DATABASE_TOOL status }\n",
    );
    let mut session = spawn(&place, &["run", "./x.yaml"]);
    expect(&mut session, "First?");
    expect(&mut session, "> ");
    session.send_line("n").unwrap();
    // The second gate is dead with the first: the run goes to its end by itself.
    expect(&mut session, "audit verify");
    exits(&mut session, 77);
    assert!(place.world().log().is_empty());
}

#[test]
fn the_place_stands_beside_the_cursor_where_it_is_real() {
    let place = Place::new();
    place.write(
        "runbook.yaml",
        "default_environment: prod\nenvironments:\n  prod:\n    tools: { CHAT_TOOL: manual }\n",
    );
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: tell, call: $CHAT_TOOL post --channel incidents hello }\n",
    );
    let mut session = spawn(&place, &["run", "./x.yaml"]);
    expect(&mut session, "REAL prod > ");
    session.send_line("y").unwrap();
    expect(&mut session, "Do this by hand: CHAT_TOOL post");
    expect(&mut session, "REAL prod > ");
    session.send_line("p").unwrap();
    // Whether it was done is not known, and that is what the journal says.
    exits(&mut session, 75);
    assert!(place.kinds().contains(&"step_unknown".to_owned()));
    place.run(&["audit", "verify", "last"]).exits(12);
}
