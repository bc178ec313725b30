//! How a run ends: `finally`, cancelling, the run's timeout.

use runbook::model::Status;
use runbook::model::event::{Decision, Happened, RunOutcome};

use super::story::{fails, story};

#[test]
fn finally_is_done_however_the_run_ends_and_knows_how() {
    let text = |rule: &str| {
        format!(
            "
on_cancel: undo
steps: [ {{ id: x, call: $BOX flip x }}, {{ id: a, call: $BOX drop a, gate: Drop?, on_failure: {rule} }} ]
finally: [ {{ id: f, call: '$BOX set {{{{ run.status }}}}' }} ]
"
        )
    };
    let status = |told: &super::told::Told| told.words("f").concat();
    assert_eq!(status(&story(&text("stop")).run()), "set succeeded");
    let told = story(&text("stop")).reply("a", fails("boom")).run();
    assert_eq!(status(&told), "set failed");
    let told = story(&text("stop")).gate("a", Decision::Decline).run();
    assert_eq!(status(&told), "set declined");
    let told = story(&text("continue")).reply("a", fails("boom")).run();
    assert_eq!(status(&told), "set succeeded_with_failures");
    let told = story(&text("undo")).reply("a", fails("boom")).run();
    told.expect_started(&["x", "a", "undo/x", "f"]);
    let told = story(&text("stop")).cancel_after("gate_opened", "a").run();
    told.expect_started(&["x", "undo/x", "f"])
        .expect_outcome(RunOutcome::Cancelled);
    assert_eq!(status(&told), "set cancelled");
}

#[test]
fn the_steps_of_finally_do_not_depend_on_each_other() {
    let told = story(
        "
steps: [ { id: a, call: $BOX look } ]
finally:
  - { id: f, call: $BOX set }
  - { id: g, steps: [ { id: x, call: $BOX set }, { id: y, call: $BOX set } ] }
  - { id: h, call: $BOX drop x, gate: Drop? }
  - { id: i, for_each: [1, 2], call: $BOX set }
  - { id: j, call: $BOX look }
",
    )
    .reply("f", fails("1"))
    .reply("x", fails("2"))
    .reply("i[0]", fails("3"))
    .gate("h", Decision::Decline)
    .run();
    told.expect_started(&["a", "f", "x", "i[0]", "j"])
        .expect_status("g", Status::Failed)
        .expect_status("h", Status::Declined)
        .expect_status("i", Status::Failed)
        .expect_outcome(RunOutcome::SucceededWithFailures);
}

#[test]
fn cancelling_waits_for_what_acts_and_starts_nothing() {
    story(
        "
steps:
  - { id: a, call: $BOX set }
  - { id: b, call: $BOX set }
finally: [ { id: f, call: $BOX look } ]
",
    )
    .cancel_after("step_started", "a")
    .run()
    .expect_started(&["a", "f"])
    .expect_status("a", Status::Succeeded)
    .expect_unreached("b")
    .expect_outcome(RunOutcome::Cancelled);
}

#[test]
fn the_first_reason_to_end_counts() {
    story("steps: [ { id: a, call: $BOX set, on_failure: stop } ]")
        .reply("a", fails("boom"))
        .cancel_after("step_started", "a")
        .run()
        .expect_outcome(RunOutcome::Cancelled)
        .expect_status("a", Status::Failed);
}

#[test]
fn cancelling_does_not_stop_what_is_done_at_the_end() {
    story(
        "
steps: [ { id: a, call: $BOX set } ]
finally: [ { id: f, call: $BOX set }, { id: g, call: $BOX set } ]
",
    )
    .cancel_after("step_started", "f")
    .run()
    .expect_started(&["a", "f", "g"])
    .expect_outcome(RunOutcome::Succeeded);
}

#[test]
fn a_run_that_takes_too_long_is_cancelled() {
    let told = story(
        "
timeout: 10m
steps: [ { id: p, pause: 1h }, { id: a, call: $BOX set } ]
finally: [ { id: f, pause: 1h } ]
",
    )
    .run();
    told.expect_status("p", Status::Cancelled)
        .expect_unreached("a")
        .expect_status("f", Status::Succeeded)
        .expect_outcome(RunOutcome::Cancelled);
    let said = told.events.iter().any(|event| {
        matches!(&event.what, Happened::CancelRequested { reason } if reason.contains("10m"))
    });
    assert!(said);
}

#[test]
fn a_runs_timeout_counts_from_when_it_was_last_taken_up() {
    story(
        "
timeout: 10m
steps: [ { id: p, pause: 9m }, { id: q, pause: 9m } ]
",
    )
    .crash_after("pause_ended", "p")
    .run()
    .expect_status("q", Status::Succeeded)
    .expect_outcome(RunOutcome::Succeeded);
}

#[test]
fn a_run_without_a_failure_that_was_accepted_has_succeeded() {
    story("steps: [ { id: a, call: $BOX look }, { id: b, if: 1 > 2, call: $BOX set } ]")
        .run()
        .expect_outcome(RunOutcome::Succeeded);
}

#[test]
fn an_empty_run_ends_at_once() {
    story("steps: [ { id: a, if: 1 > 2, call: $BOX look } ]")
        .run()
        .expect_started(&[])
        .expect_outcome(RunOutcome::Succeeded);
}
