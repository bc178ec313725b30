//! A run's lock: nothing is done before it is taken, by each process that takes the run up.

use runbook::model::Event;
use runbook::model::event::{Happened, RunOutcome};
use runbook::model::people::Actor;
use runbook::run::fold;

use super::driver::{Stroke, ada, run_id, start_of_time};
use super::story::{Story, ok, story};
use super::told::Told;

fn locked() -> Story {
    story("steps: [ { id: a, call: $BOX flip x, gate: Flip x? }, { id: b, call: $BOX look } ]")
        .lock("database/main")
}

fn folds(told: &Told, events: &[Event]) -> Result<(), String> {
    fold(run_id(), told.run.plan().clone(), events)
        .map(|_| ())
        .map_err(|illegal| illegal.reason)
}

fn without(told: &Told, kind: &str) -> Vec<Event> {
    let kept = told.events.iter().filter(|event| event.what.kind() != kind);
    kept.cloned().collect()
}

fn took(name: &str) -> Event {
    Event {
        at: start_of_time(),
        step: None,
        attempt: None,
        actor: Actor::Person(ada()),
        what: Happened::LockTaken {
            name: name.to_owned(),
            from: None,
        },
    }
}

#[test]
fn nothing_is_done_before_the_lock_is_taken() {
    let told = locked().run();
    told.expect_outcome(RunOutcome::Succeeded);
    let refused = folds(&told, &without(&told, "lock_taken")).unwrap_err();
    assert_eq!(refused, "the run does not hold its lock database/main");
    // Nor is anything asked for.
    let run = fold(run_id(), told.run.plan().clone(), &told.events[..1]).unwrap();
    assert_eq!(run.lock_due(), Some("database/main"));
    assert!(run.commands(start_of_time()).is_empty());
    assert_eq!(told.run.lock_due(), None);
}

#[test]
fn who_takes_the_run_up_takes_its_lock_anew() {
    let told = locked().crash_after("gate_decided", "a").run();
    let takings = told
        .events
        .iter()
        .filter(|event| event.what.kind() == "lock_taken")
        .count();
    assert_eq!(takings, 2, "{}", told.trace());
    let second = told
        .events
        .iter()
        .rposition(|event| event.what.kind() == "lock_taken")
        .unwrap();
    let mut events = told.events.clone();
    events.remove(second);
    assert!(
        folds(&told, &events)
            .unwrap_err()
            .contains("does not hold its lock")
    );
}

#[test]
fn a_run_keeps_its_lock_while_it_is_parked() {
    let told = locked().alone().run();
    told.expect_waits("a");
    assert_eq!(told.run.lock_due(), None);
}

#[test]
fn a_lock_is_the_runs_own_and_taken_once() {
    let told = locked().run();
    let then = |event: Event| {
        let mut events = told.events[..2].to_vec();
        events.push(event);
        folds(&told, &events).unwrap_err()
    };
    assert_eq!(
        then(took("database/main")),
        "the run holds its lock already"
    );
    let mut events = told.events[..1].to_vec();
    events.push(took("database/other"));
    let refused = folds(&told, &events).unwrap_err();
    assert_eq!(
        refused,
        "the run's lock is database/main, not database/other"
    );
    let free = story("steps: [ { id: b, call: $BOX look } ]")
        .reply("b", ok())
        .run();
    let mut events = free.events[..1].to_vec();
    events.push(took("database/main"));
    assert_eq!(folds(&free, &events).unwrap_err(), "the run has no lock");
}

#[test]
fn a_run_that_is_opened_again_takes_its_lock_again() {
    let told = locked().after("run_closed", "", Stroke::Undo).run();
    let kinds: Vec<&str> = told.events.iter().map(|event| event.what.kind()).collect();
    let asked = kinds
        .iter()
        .position(|kind| *kind == "undo_requested")
        .unwrap();
    assert_eq!(kinds[asked + 1], "lock_taken");
    let mut events = told.events.clone();
    events.remove(asked + 1);
    assert!(
        folds(&told, &events)
            .unwrap_err()
            .contains("does not hold its lock")
    );
}
