//! A step of which nobody knows what it did, and a run that is taken up again.

use runbook::model::Status;
use runbook::model::call::Ended;
use runbook::model::event::{FailureChoice, Happened, Resolution, ResolvedBy, RunOutcome};
use runbook::run::Need;

use super::story::{fails, ok, sees, story, unknown};
use super::told::Told;

fn settled_by(told: &Told, step: &str) -> Vec<(Resolution, ResolvedBy)> {
    let of =
        |event: &&runbook::model::Event| event.step.as_ref().is_some_and(|s| s.as_str() == step);
    told.events
        .iter()
        .filter(of)
        .filter_map(|event| match &event.what {
            Happened::StepResolved { resolution, by, .. } => Some((*resolution, *by)),
            _ => None,
        })
        .collect()
}

#[test]
fn what_only_looks_is_done_again() {
    let told = story("steps: [ { id: a, call: $BOX look, retry: 2 } ]")
        .crash_after("step_started", "a")
        .reply("a", fails("once"))
        .run();
    // An attempt that a crash cut short is none of those that may fail.
    told.expect_started(&["a", "a", "a"])
        .expect_outcome(RunOutcome::Succeeded);
    assert_eq!(
        settled_by(&told, "a"),
        [(Resolution::Again, ResolvedBy::Read)]
    );
}

#[test]
fn the_contracts_verify_says_whether_it_happened() {
    let text = "steps: [ { id: a, call: $BOX pour x }, { id: b, call: $BOX look } ]";
    let told = story(text)
        .crash_after("step_started", "a")
        .verify("a", sees("poured"))
        .run();
    told.expect_started(&["a", "b"])
        .expect_status("a", Status::Succeeded);
    assert_eq!(
        settled_by(&told, "a"),
        [(Resolution::Happened, ResolvedBy::Verify)]
    );
    let told = story(text)
        .crash_after("step_started", "a")
        .verify("a", sees("full"))
        .run();
    told.expect_started(&["a", "a", "b"]);
    let keys = told.keys("a");
    assert_eq!(keys[0], keys[1]);
}

#[test]
fn what_did_not_happen_while_we_looked_on_has_failed() {
    let text = "steps: [ { id: a, call: $BOX pour x, retry: { attempts: 2, delay: 1s } } ]";
    story(text)
        .reply("a", unknown("gone"))
        .verify("a", sees("full"))
        .run()
        .expect_started(&["a", "a"])
        .expect_outcome(RunOutcome::Succeeded);
}

#[test]
fn a_verify_that_cannot_tell_is_asked_once_and_then_a_person() {
    let text = "steps: [ { id: a, call: $BOX pour x } ]";
    for cannot_tell in [sees("odd"), fails("no"), unknown("gone")] {
        let told = story(text)
            .reply("a", unknown("gone"))
            .verify("a", cannot_tell)
            .alone()
            .run();
        let Need::Doubt { reason, tool, .. } = told.expect_waits("a") else {
            panic!("{}", told.trace());
        };
        assert!(reason.contains("could not tell"), "{reason}");
        assert_eq!(tool.as_ref().unwrap().to_string(), "BOX");
    }
}

#[test]
fn what_could_not_be_told_is_asked_again_when_the_run_is_taken_up() {
    let told = story("steps: [ { id: a, call: $BOX pour x } ]")
        .reply("a", unknown("gone"))
        .verify("a", sees("odd"))
        .verify("a", sees("poured"))
        .crash_after("step_unknown", "a")
        .crash_after("step_unknown", "a")
        .alone()
        .run();
    told.expect_started(&["a"])
        .expect_outcome(RunOutcome::Succeeded);
    assert_eq!(
        settled_by(&told, "a"),
        [(Resolution::Happened, ResolvedBy::Verify)]
    );
}

#[test]
fn what_does_no_harm_is_done_again_with_the_same_key() {
    let told = story("steps: [ { id: a, call: $BOX stamp x } ]")
        .crash_after("step_started", "a")
        .run();
    told.expect_started(&["a", "a"]);
    let keys = told.keys("a");
    assert_eq!(keys[0], keys[1]);
    assert_eq!(
        settled_by(&told, "a"),
        [(Resolution::Again, ResolvedBy::Idempotent)]
    );
}

#[test]
fn what_can_be_verified_is_verified_before_it_is_repeated_although_that_does_no_harm() {
    let text = "steps: [ { id: a, call: $BOX seal x } ]";
    // It did not happen: that is known, and no repetition.
    let told = story(text)
        .crash_after("step_started", "a")
        .verify("a", sees("open"))
        .run();
    assert_eq!(
        settled_by(&told, "a"),
        [(Resolution::DidNotHappen, ResolvedBy::Verify)]
    );
    // What cannot be told is repeated, with the same key.
    let told = story(text)
        .crash_after("step_started", "a")
        .verify("a", sees("odd"))
        .run();
    told.expect_started(&["a", "a"]);
    assert_eq!(
        settled_by(&told, "a"),
        [(Resolution::Again, ResolvedBy::Idempotent)]
    );
    assert_eq!(told.keys("a")[0], told.keys("a")[1]);
    // It happened, and what it answered is lost: the same request with the same key asks for it.
    let told = story(text)
        .crash_after("step_started", "a")
        .verify("a", sees("sealed"))
        .run();
    told.expect_started(&["a", "a"]);
    assert_eq!(
        settled_by(&told, "a"),
        [(Resolution::Again, ResolvedBy::Idempotent)]
    );
}

#[test]
fn a_change_whose_time_ran_out_is_in_doubt_and_a_look_has_failed() {
    let late = || Ended::TimedOut;
    story("steps: [ { id: a, call: $BOX look, on_failure: continue } ]")
        .reply("a", late())
        .run()
        .expect_status("a", Status::TimedOut);
    // Neither its `retry` nor its `on_failure` says anything about it.
    let told = story("steps: [ { id: a, call: $BOX set x, retry: 3, on_failure: continue } ]")
        .reply("a", late())
        .alone()
        .run();
    let Need::Doubt { reason, .. } = told.expect_waits("a") else {
        panic!("{}", told.trace());
    };
    assert!(reason.contains("ended after its timeout"), "{reason}");
    told.expect_started(&["a"])
        .expect_status("a", Status::Unknown);
    // What can be verified is.
    story("steps: [ { id: a, call: $BOX pour x } ]")
        .reply("a", late())
        .verify("a", sees("poured"))
        .run()
        .expect_started(&["a"])
        .expect_status("a", Status::Succeeded);
    // What was ended on request may have acted as well.
    story("steps: [ { id: a, call: $BOX set x } ]")
        .reply("a", Ended::Cancelled)
        .alone()
        .run()
        .expect_status("a", Status::Unknown);
}

#[test]
fn what_others_approved_is_approved_anew_before_it_runs_again_after_a_doubt() {
    let told = story("steps: [ { id: a, call: $BOX drop x, gate: Drop x? } ]")
        .approvals("a", 1, &[])
        .crash_after("step_started", "a")
        .settle("a", Resolution::DidNotHappen)
        .run();
    let votes = told.kinds("a");
    let votes = votes.iter().filter(|kind| **kind == "approval_given");
    assert_eq!((told.gates("a").len(), votes.count()), (2, 2));
    told.expect_started(&["a", "a"]);
}

#[test]
fn what_stays_unknown_is_not_repeated_for_ever() {
    let told = story("steps: [ { id: a, call: $BOX stamp x } ]")
        .reply("a", unknown("1"))
        .reply("a", unknown("2"))
        .reply("a", unknown("3"))
        .reply("a", unknown("4"))
        .alone()
        .run();
    told.expect_started(&["a", "a", "a"]);
    told.expect_waits("a");
}

#[test]
fn else_a_person_says() {
    let text = "steps: [ { id: a, call: $BOX set x }, { id: b, call: $BOX look } ]";
    let told = story(text).reply("a", unknown("gone")).alone().run();
    told.expect_waits("a");
    let settle = |resolution| {
        story(text)
            .reply("a", unknown("gone"))
            .settle("a", resolution)
            .run()
    };
    settle(Resolution::Happened)
        .expect_started(&["a", "b"])
        .expect_status("a", Status::Succeeded)
        .expect_outcome(RunOutcome::Succeeded);
    settle(Resolution::Again)
        .expect_started(&["a", "a", "b"])
        .expect_outcome(RunOutcome::Succeeded);
    settle(Resolution::Skip)
        .expect_started(&["a", "b"])
        .expect_status("a", Status::Skipped);
    settle(Resolution::Stop)
        .expect_started(&["a"])
        .expect_status("a", Status::Unknown)
        .expect_follow_up("find out whether this happened")
        .expect_outcome(RunOutcome::Failed);
    let told = settle(Resolution::DidNotHappen);
    told.expect_failure("a", "it did not happen");
}

#[test]
fn what_stood_behind_a_gate_takes_a_new_decision_before_it_runs_again() {
    let told = story("steps: [ { id: a, call: $BOX drop x, gate: Drop x? } ]")
        .crash_after("step_started", "a")
        .settle("a", Resolution::DidNotHappen)
        .run();
    assert_eq!(told.gates("a").len(), 2);
    told.expect_started(&["a", "a"])
        .expect_outcome(RunOutcome::Succeeded);
}

#[test]
fn a_decision_that_was_made_before_the_crash_still_holds() {
    let told = story("steps: [ { id: a, call: $BOX drop x, gate: Drop x? } ]")
        .crash_after("gate_decided", "a")
        .run();
    assert_eq!(told.gates("a").len(), 1);
    told.expect_started(&["a"]);
}

#[test]
fn what_was_seen_before_acting_is_looked_at_again() {
    story("steps: [ { id: a, call: $BOX flip x } ]")
        .crash_after("before_seen", "a")
        .run()
        .expect_kinds(
            "a",
            &[
                "before_seen",
                "before_seen",
                "step_started",
                "step_finished",
            ],
        );
}

#[test]
fn a_doubt_in_a_failed_block_is_settled_before_the_block_fails() {
    story(
        "
steps:
  - id: p
    parallel: true
    on_failure: continue
    steps:
      - { id: a, call: $BOX set }
      - { id: b, call: $BOX set }
  - { id: c, call: $BOX look }
",
    )
    .reply("a", unknown("gone"))
    .reply("b", fails("boom"))
    .settle("a", Resolution::Again)
    .run()
    .expect_started(&["a", "b", "c"])
    .expect_status("a", Status::Cancelled)
    .expect_outcome(RunOutcome::SucceededWithFailures);
}

#[test]
fn a_doubt_is_never_a_failure() {
    // Neither `continue` nor `retry` nor `undo` says anything about what nobody knows.
    story(
        "
on_failure: continue
steps: [ { id: a, call: $BOX set, on_failure: continue, retry: 5 } ]
",
    )
    .reply("a", unknown("gone"))
    .alone()
    .run()
    .expect_waits("a");
}

#[test]
fn polls_begin_anew_when_the_run_is_taken_up_again() {
    let told =
        story("steps: [ { id: a, call: $BOX look, until: output.ok, within: 1m, hold: 20s } ]")
            .crash_after("poll_seen", "a")
            .run();
    told.expect_started(&["a", "a"])
        .expect_kinds(
            "a",
            &[
                "step_started",
                "poll_seen",
                "step_resolved",
                "step_started",
                "poll_seen",
                "step_finished",
            ],
        )
        .expect_outcome(RunOutcome::Succeeded);
}

#[test]
fn a_step_that_was_skipped_in_doubt_is_not_taken_back_by_itself() {
    story(
        "
on_failure: undo
steps:
  - { id: a, call: $BOX set x, undo: $BOX set un }
  - { id: b, call: $BOX set }
",
    )
    .reply("a", unknown("gone"))
    .settle("a", Resolution::Skip)
    .reply("b", fails("boom"))
    .run()
    .expect_started(&["a", "b"])
    .expect_status("a", Status::Skipped)
    .expect_follow_up("left out by the operator: a (because); find out whether this happened");
}

#[test]
fn the_operators_retry_after_a_failure_is_another_act() {
    let told = story("steps: [ { id: a, call: $BOX pour x } ]")
        .reply("a", unknown("gone"))
        .verify("a", sees("full"))
        .choose("a", FailureChoice::Retry)
        .reply("a", ok())
        .run();
    let keys = told.keys("a");
    assert_ne!(keys[0], keys[1]);
}
