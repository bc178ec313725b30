//! The program under a pseudo-terminal: prompts, challenges, leaving and coming back.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use support::Place;
use support::pty::Pty;

const ONE_GATE: &str = "name: x\ntitle: X\nsteps:\n  - id: fail_over\n    call: $DATABASE_TOOL failover --cluster main\n    gate: { confirm: Go?, challenge: main }\n";

#[test]
fn a_typed_challenge_takes_the_targets_name_and_nothing_else() {
    let place = Place::new();
    place.write("x.yaml", ONE_GATE);
    let mut session = Pty::runbook(&place, &["run", "./x.yaml"]);
    session.expect("type the name of the target: main");
    session.expect("> ");
    session.line("y");
    session.expect("yes is not enough here");
    session.line("mian");
    session.expect("not the target's name");
    session.line("main");
    session.expect("audit verify");
    session.exits(0);
    assert_eq!(place.world().log().len(), 1);
}

#[test]
fn no_ends_the_run_and_nothing_acts() {
    let place = Place::new();
    place.write("x.yaml", ONE_GATE);
    let mut session = Pty::runbook(&place, &["run", "./x.yaml"]);
    session.expect("> ");
    session.line("n not tonight");
    session.expect("not tonight");
    session.exits(77);
    assert!(place.world().log().is_empty());
    let kinds = place.kinds();
    assert!(kinds.contains(&"gate_decided".to_owned()), "{kinds:?}");
    assert!(!kinds.contains(&"step_started".to_owned()), "{kinds:?}");
}

#[test]
fn a_run_is_parked_and_taken_up_again() {
    let place = Place::new();
    place.write("x.yaml", ONE_GATE);
    let mut session = Pty::runbook(&place, &["run", "./x.yaml"]);
    session.expect("> ");
    session.line("p");
    session.expect("runbook resume");
    session.exits(75);
    assert!(place.world().log().is_empty());
    let mut session = Pty::runbook(&place, &["resume", "last"]);
    session.expect("> ");
    session.line("main");
    session.expect("audit verify");
    session.exits(0);
    assert_eq!(place.world().log().len(), 1);
    place.run(&["audit", "verify", "last"]).exits(0);
}

#[test]
fn threat_53_a_terminal_that_closes_at_a_prompt_parks_the_run() {
    let place = Place::new();
    place.write("x.yaml", ONE_GATE);
    let mut session = Pty::runbook(&place, &["run", "./x.yaml"]);
    session.expect("> ");
    // The end of input, as a closed terminal gives it, is never an answer.
    session.send("\x04");
    session.exits(75);
    assert!(place.world().log().is_empty());
    place.run(&["resume", "last", "--yes"]).exits(0);
    assert_eq!(place.world().log().len(), 1);
}

#[test]
fn threat_40_an_interrupt_at_a_prompt_asks_and_the_question_comes_back() {
    let place = Place::new();
    place.write("x.yaml", ONE_GATE);
    let mut session = Pty::runbook(&place, &["run", "./x.yaml"]);
    session.expect("> ");
    session.send("\x03");
    // The news begins a line of its own.
    session.expect("^C\r\n");
    session.expect("interrupt: nothing new starts");
    session.expect("Interrupted");
    session.expect("> ");
    session.line("c");
    session.expect("type the name of the target: main");
    session.expect("> ");
    session.send("\x03");
    session.expect("Interrupted");
    session.expect("> ");
    session.line("p");
    session.expect("runbook resume");
    session.exits(75);
    assert!(place.world().log().is_empty());
}

#[test]
fn threat_40_a_second_interrupt_at_a_prompt_leaves_the_run_to_be_resumed() {
    let place = Place::new();
    place.write("x.yaml", ONE_GATE);
    let mut session = Pty::runbook(&place, &["run", "./x.yaml"]);
    session.expect("> ");
    session.send("\x03");
    session.expect("Interrupted");
    session.expect("> ");
    session.send("\x03");
    session.expect("^C\r\n");
    session.expect("interrupt: leaving");
    session.expect("runbook resume");
    session.exits(130);
    assert_eq!(place.kinds().last().unwrap(), "run_parked");
    assert!(place.world().log().is_empty());
}

#[test]
fn a_failing_step_is_tried_again_left_out_or_stopped_by_the_operator() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: mark, run: [test, -e, mark], dir: '.', effect: read }\n  - { id: after, manual: Look }\n",
    );
    let mut session = Pty::runbook(&place, &["run", "./x.yaml"]);
    session.expect("A step failed");
    session.line("r");
    session.expect("A step failed");
    session.line("s");
    session.expect("give your reason");
    session.line("s it is not needed");
    session.expect("Something to do by hand");
    session.line("d looked");
    session.expect("it is not needed");
    session.exits(0);
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
    let mut session = Pty::runbook(&place, &["run", "./x.yaml"]);
    // It is typed while nobody asks: the step before waits for this test to open its pipe.
    session.line("y");
    drop(std::fs::OpenOptions::new().write(true).open(&fifo).unwrap());
    session.expect("A decision is needed");
    session.expect("> ");
    session.line("n");
    session.exits(77);
    assert!(place.world().log().is_empty());
}

#[test]
fn a_question_that_no_longer_stands_is_withdrawn() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - parallel: true\n    steps:\n      - { id: a, call: $DATABASE_TOOL failover --cluster main, gate: First? }\n      - { id: b, call: $DATABASE_TOOL failover --cluster main, gate: Second? }\nfinally:\n  - { id: end, call: $DATABASE_TOOL status }\n",
    );
    let mut session = Pty::runbook(&place, &["run", "./x.yaml"]);
    session.expect("First?");
    session.expect("> ");
    session.line("n");
    // The second gate is dead with the first: the run goes to its end by itself.
    session.expect("audit verify");
    session.exits(77);
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
    let mut session = Pty::runbook(&place, &["run", "./x.yaml"]);
    session.expect("REAL prod > ");
    session.line("y");
    session.expect("Do this by hand: CHAT_TOOL post");
    session.expect("REAL prod > ");
    session.line("p");
    // Whether it was done is not known, and that is what the journal says.
    session.exits(75);
    assert!(place.kinds().contains(&"step_unknown".to_owned()));
    place.run(&["audit", "verify", "last"]).exits(12);
}

#[test]
fn threat_49_a_gate_shows_every_line_of_a_script_and_what_it_gets() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nparams: { target: { default: orders } }\nsteps:\n  - id: drop\n    run: |\n      echo harmless\n      echo \"DROP DATABASE $DB\"\n    env: { DB: '{{ params.target }}' }\n    effect: destructive\n    gate: Go?\n",
    );
    let mut session = Pty::runbook(&place, &["run", "./x.yaml", "target=billing"]);
    let before = session.expect("> ");
    for line in ["echo harmless", "DROP DATABASE $DB", "With:   DB=billing"] {
        assert!(before.contains(line), "no `{line}` in {before}");
    }
    session.line("n");
    session.exits(77);
}

#[test]
fn a_no_is_asked_once_more_where_something_was_changed_already() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: fence, call: $DATABASE_TOOL fence --node db-2 --cluster main, gate: First? }\n  - { id: fail_over, call: $DATABASE_TOOL failover --cluster main, gate: Second? }\n",
    );
    let mut session = Pty::runbook(&place, &["run", "./x.yaml"]);
    session.expect("> ");
    session.line("YES");
    session.expect("Second?");
    session.expect("> ");
    session.line("n");
    session.expect("this ends the whole run");
    session.expect("> ");
    // Something else in between, and it is a first no again.
    session.line("?");
    session.expect("only this step is left out");
    session.expect("> ");
    session.line("no");
    session.expect("this ends the whole run");
    session.expect("> ");
    session.line("n not tonight");
    session.expect("not tonight");
    session.exits(77);
    assert_eq!(place.world().log().len(), 1);
}

#[test]
fn what_is_decided_stands_right_above_the_question_and_the_evidence_before_it() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nvars: { pays: [{ id: a-1, at: '2026-11-20T10:20:03.300509775Z' }, { id: a-2 }] }\nsteps:\n  - id: all\n    title: All of it\n    gate: { confirm: Go?, show: [vars.pays] }\n    steps:\n      - { id: look, run: [echo, x], effect: read }\n      - { id: each, for_each: vars.pays, as: pay, steps: [{ id: pay, run: [touch, '{{ pay.id }}'], effect: change, undo: none }] }\n",
    );
    let mut session = Pty::runbook(&place, &["run", "./x.yaml"]);
    session.expect("A decision is needed");
    let shown = session.expect("> ").replace("\r\n", "\n");
    let shown = shown.split_once('\n').unwrap().1;
    let wanted = "Known:  vars.pays
          - id a-1, at 2026-11-20T10:20:03Z
          - id a-2

Step:   all  All of it
Does:   for each pay of vars.pays, one after another:
        CHANGE  touch ‹pay.id›
        and 1 that change nothing
Effect: CHANGE
Undo:   cannot be undone: no undo is given for anything in it

Go?
y yes · n no (ends the run) · s REASON skip this step · p park · ? help
";
    assert!(shown.starts_with(wanted), "{shown}");
    session.line("n");
    session.exits(77);
}

#[test]
fn another_attempt_says_at_its_gate_what_the_one_before_said() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - { id: mark, run: [sh, -c, 'echo no room >&2; exit 3'], effect: change, gate: Go? }\n",
    );
    let mut session = Pty::runbook(&place, &["run", "./x.yaml"]);
    session.expect("> ");
    session.line("y");
    session.expect("A step failed");
    session.expect("> ");
    session.line("R");
    session.expect("Try:    attempt 2; the one before failed: ");
    session.expect("no room");
    session.expect("> ");
    session.line("p");
    session.exits(75);
}
