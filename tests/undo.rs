//! `runbook undo`: what was done is shown, then taken back, also long after the run has ended.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use support::Place;
use support::pty::Pty;

/// One step that can be taken back, one that cannot, and one that fails.
const FAILING: &str = "name: x\ntitle: X\non_failure: stop\nsteps:\n  - { id: fenced, title: Fence it, call: $DATABASE_TOOL fence --node db-2 --cluster main, gate: Go? }\n  - { id: announced, call: $CHAT_TOOL post --channel incidents --text hello }\n  - { id: broken, run: [test, -e, HERE/mark], effect: read }\n";

/// A step whose undo the test lets fail or not.
const BY_HAND: &str = "name: x\ntitle: X\nsteps:\n  - id: fenced\n    call: $DATABASE_TOOL fence --node db-2 --cluster main\n    gate: Go?\n    undo: { steps: [ { id: back, run: [test, -e, HERE/mark], effect: read } ] }\n";

fn place(runbook: &str) -> Place {
    let place = Place::new();
    let here = place.here().display().to_string();
    place.write("x.yaml", &runbook.replace("HERE", &here));
    place
}

fn operations(place: &Place) -> Vec<String> {
    let world = place.world();
    world
        .log()
        .iter()
        .map(|entry| entry.operation.clone())
        .collect()
}

fn run_id(place: &Place) -> String {
    place.runs()[0]
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_run_that_failed_says_what_is_in_place_and_is_taken_back_later() {
    let place = place(FAILING);
    place
        .run(&["run", "./x.yaml", "--yes"])
        .exits(1)
        .says(&format!("runbook undo {}", run_id(&place)));
    place
        .run(&["runs"])
        .exits(0)
        .says("1 to take back: runbook undo");
    place
        .run(&["undo", "--dry-run"])
        .exits(0)
        .says("in this order: 1. Fence it (fenced): $DATABASE_TOOL unfence db-2")
        .says("Stays as it is:")
        .says("announced");
    let before = operations(&place);
    place
        .run(&["undo", "--yes", "--reason", "it was not the replica"])
        .exits(0);
    assert_eq!(operations(&place).len(), before.len() + 1);
    let records = place.records();
    let asked = records
        .iter()
        .find(|record| record["kind"] == "undo_requested")
        .unwrap();
    assert_eq!(asked["data"]["reason"], "it was not the replica");
    place.run(&["audit", "verify"]).exits(0);
    place.run(&["runs"]).exits(0).never_says("to take back");
    // There is nothing more of it, and that is said.
    place
        .run(&["undo", "--yes"])
        .exits(1)
        .says("can be taken back");
    assert_eq!(operations(&place).len(), before.len() + 1);
}

#[test]
fn nothing_is_taken_back_before_somebody_says_yes() {
    let place = place(FAILING);
    place.run(&["run", "./x.yaml", "--yes"]).exits(1);
    let before = (operations(&place), place.kinds());
    place.run(&["undo"]).exits(77).says("no terminal");
    let mut pty = Pty::runbook(&place, &["undo"]);
    pty.expect("Fence it (fenced)");
    pty.expect("> ");
    pty.line("");
    pty.expect("type y or n");
    pty.line("n");
    pty.expect("Nothing was taken back");
    pty.exits(77);
    assert_eq!((operations(&place), place.kinds()), before);
    let mut pty = Pty::runbook(&place, &["undo"]);
    pty.expect("> ");
    pty.line("y");
    // What is destructive has a gate of its own.
    pty.expect("Undo: Fence it");
    pty.expect("> ");
    pty.line("y");
    pty.expect("audit verify");
    pty.exits(0);
    assert_eq!(operations(&place).len(), before.0.len() + 1);
}

#[test]
fn a_parked_run_is_taken_back_and_ended() {
    let place = place(
        "name: x\ntitle: X\nsteps:\n  - { id: fenced, call: $DATABASE_TOOL fence --node db-2 --cluster main, gate: Go? }\n  - { id: go, manual: Look }\nfinally:\n  - { id: end, call: $DATABASE_TOOL status }\n",
    );
    let mut pty = Pty::runbook(&place, &["run", "./x.yaml"]);
    for answer in ["y", "p"] {
        pty.expect("> ");
        if answer == "p" {
            // Who drives it decides what becomes of it.
            place.run(&["undo", "--yes"]).exits(73).says("is held by");
        }
        pty.line(answer);
    }
    pty.exits(75);
    place.run(&["undo", "--yes"]).exits(0);
    assert_eq!(operations(&place).len(), 2, "{:?}", operations(&place));
    let kinds = place.kinds();
    assert_eq!(kinds.last().unwrap(), "run_closed", "{kinds:?}");
    place.run(&["audit", "verify"]).exits(0);
    place.run(&["resume"]).says("is closed");
}

#[test]
fn an_undo_that_fails_parks_the_run_and_is_said() {
    let place = place(BY_HAND);
    place.run(&["run", "./x.yaml", "--yes"]).exits(0);
    place.run(&["undo", "--yes"]).exits(75);
    place
        .run(&["undo", "--yes"])
        .exits(2)
        .says("is being taken back already")
        .says("runbook resume");
    place
        .run(&["runs"])
        .exits(0)
        .says("parked")
        .says("what to do after its failure");
    // What was in the way is gone.
    place.write("mark", "");
    let mut pty = Pty::runbook(&place, &["resume"]);
    pty.expect("A step failed");
    pty.expect("> ");
    pty.line("r");
    pty.expect("audit verify");
    pty.exits(0);
    place.run(&["audit", "verify"]).exits(0);
}

#[test]
fn what_a_run_did_not_do_cannot_be_taken_back() {
    let place = place("name: x\ntitle: X\nsteps:\n  - { id: look, call: $DATABASE_TOOL status }\n");
    place.run(&["run", "./x.yaml"]).exits(0);
    place.run(&["undo"]).exits(0).says("Nothing of");
    let json = place.run(&["undo", "--dry-run", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.exits(0).stdout).unwrap();
    assert_eq!(json["back"], serde_json::json!([]));
}

/// Something that can be taken back, then a point of no return, then a failure.
const BEHIND: &str = "name: x\ntitle: X\non_failure: stop\nsteps:\n  - { id: fenced, title: Fence it, call: $DATABASE_TOOL fence --node db-2 --cluster main, gate: Go? }\n  - { id: gone, title: No way back, call: $CHAT_TOOL post --channel incidents --text hello, undo: barrier }\n  - { id: broken, run: [test, -e, HERE/mark], effect: read }\n";

/// A flag that is turned on, and off again, before something fails.
const AND_BACK: &str = "name: x\ntitle: X\non_failure: stop\nsteps:\n  - { id: pause, title: Pause payments, call: $FEATURE_FLAG_TOOL enable payments-maintenance, gate: Go? }\n  - { id: resume, title: End the pause, call: $FEATURE_FLAG_TOOL disable payments-maintenance, gate: Go? }\n  - { id: broken, run: [test, -e, HERE/mark], effect: read }\n";

#[test]
fn nobody_is_sent_to_take_back_what_is_past_a_point_of_no_return() {
    let place = place(BEHIND);
    place
        .run(&["run", "./x.yaml", "--yes"])
        .exits(1)
        .never_says("runbook undo")
        .never_says("not taken back");
    place.run(&["runs"]).exits(0).never_says("to take back");
}

#[test]
fn a_step_and_its_reversal_are_neither_of_them_left_in_place() {
    let place = place(AND_BACK);
    place
        .run(&["run", "./x.yaml", "--yes"])
        .exits(1)
        .never_says("runbook undo")
        .never_says("not taken back");
    place.run(&["runs"]).exits(0).never_says("to take back");
}

#[test]
fn what_was_changed_and_not_taken_back_is_no_task_and_its_undo_is_typed_as_a_call() {
    let place = place(FAILING);
    place
        .run(&["run", "./x.yaml", "--yes"])
        .exits(1)
        .says("Changed and not taken back")
        .says("Fence it ($DATABASE_TOOL unfence db-2 --cluster=main)")
        .never_says("Remains to be done");
}
