//! `if` and `require`: what is left out, and what fails before anything was done.

use runbook::model::Status;
use runbook::model::event::{Decision, FailureChoice, RunOutcome, SkipReason};

use super::story::{fails, gives, story};

#[test]
fn a_step_whose_if_is_false_is_skipped_and_says_why() {
    let told = story(
        "
steps:
  - { id: a, call: $BOX look }
  - { id: b, if: steps.a.output.n > 5, call: $BOX set }
  - { id: c, if: steps.b.status == 'skipped', call: $BOX set }
",
    )
    .reply(
        "a",
        gives(r#"{"n": 3, "ok": true, "state": "on", "names": []}"#),
    )
    .run();
    told.expect_started(&["a", "c"])
        .expect_status("b", Status::Skipped)
        .expect_outcome(RunOutcome::Succeeded);
    let Some(SkipReason::If { expression, values }) = told.step("b").skip() else {
        panic!("{}", told.trace());
    };
    assert_eq!(expression, "steps.a.output.n > 5");
    assert_eq!(values[0].0, "steps.a.output.n");
    assert_eq!(values[0].1.to_string(), "3");
}

#[test]
fn steps_inside_a_block_that_is_skipped_are_skipped() {
    story(
        "
steps:
  - id: b
    if: params.yes
    steps:
      - { id: inner, call: $BOX set }
      - { id: deep, steps: [ { id: deepest, call: $BOX set } ] }
  - { id: c, if: steps.inner.status == 'skipped' and steps.deepest.status == 'skipped', call: $BOX look }
params:
  yes: { type: boolean, default: false }
",
    )
    .run()
    .expect_started(&["c"])
    .expect_status("b", Status::Skipped)
    .expect_outcome(RunOutcome::Succeeded);
}

#[test]
fn the_output_of_a_skipped_step_is_an_error_and_its_reader_fails_before_its_gate() {
    let told = story(
        "
steps:
  - { id: a, if: \"1 > 2\", call: $BOX look }
  - { id: b, call: '$BOX drop {{ steps.a.output.state }}', gate: Drop it? }
",
    )
    .run();
    told.expect_status("b", Status::Failed)
        .expect_failure("b", "`a` is skipped")
        .expect_kinds("b", &["step_refused", "failure_decided"])
        .expect_outcome(RunOutcome::Failed);
}

#[test]
fn an_answer_inside_a_skipped_block_is_an_error_too() {
    story(
        "
steps:
  - { id: a, if: \"1 > 2\", steps: [ { id: q, ask: Why?, choices: { yes: Y, no: N } } ] }
  - { id: b, if: steps.q.answer == 'yes', call: $BOX set }
",
    )
    .run()
    .expect_failure("b", "`q` is skipped")
    .expect_outcome(RunOutcome::Failed);
}

#[test]
fn an_if_that_cannot_be_evaluated_fails_the_step() {
    story(
        "
steps:
  - { id: a, call: $BOX look }
  - { id: b, if: steps.a.output.state > 3, call: $BOX set, on_failure: continue }
  - { id: c, call: $BOX set }
",
    )
    .run()
    .expect_started(&["a", "c"])
    .expect_status("b", Status::Failed)
    .expect_outcome(RunOutcome::SucceededWithFailures);
}

#[test]
fn a_precondition_that_does_not_hold_fails_the_step_with_nothing_done() {
    story(
        "
steps:
  - { id: a, call: $BOX look }
  - { id: b, require: steps.a.output.n > 5, call: $BOX set, gate: Set it? }
",
    )
    .choose("b", FailureChoice::Skip)
    .run()
    .expect_started(&["a"])
    .expect_kinds("b", &["step_refused", "failure_decided"])
    .expect_status("b", Status::Skipped)
    .expect_outcome(RunOutcome::Succeeded);
}

#[test]
fn a_precondition_is_looked_at_again_after_the_gate() {
    // While the gate of `b` is open, `a` ends: what `b` requires does not hold any more.
    story(
        "
steps:
  - parallel: true
    steps:
      - { id: a, call: $BOX look }
      - { id: b, require: steps.a.status == 'running', call: $BOX set, gate: Set it? }
",
    )
    .run()
    .expect_kinds(
        "b",
        &[
            "gate_opened",
            "gate_decided",
            "step_refused",
            "failure_decided",
        ],
    )
    .expect_failure("b", "the precondition")
    .expect_started(&["a"])
    .expect_outcome(RunOutcome::Failed);
}

#[test]
fn a_false_expectation_fails_the_step_and_shows_the_values() {
    story(
        "
steps:
  - { id: a, call: $BOX look, expect: output.n > 5 and output.ok }
",
    )
    .run()
    .expect_failure("a", "expected `output.n > 5 and output.ok`: output.n is 1")
    .expect_outcome(RunOutcome::Failed);
}

#[test]
fn an_expectation_holds_for_a_step_that_has_failed_by_itself_too() {
    story("steps: [ { id: a, call: $BOX look, expect: output.n > 0 } ]")
        .reply("a", fails("boom"))
        .run()
        .expect_failure("a", "boom");
}

#[test]
fn a_skip_at_the_gate_leaves_only_that_step_out() {
    story(
        "
steps:
  - { id: a, call: $BOX set, gate: Set it? }
  - { id: b, call: $BOX look }
",
    )
    .gate("a", Decision::Skip)
    .run()
    .expect_started(&["b"])
    .expect_status("a", Status::Skipped)
    .expect_follow_up("left out by the operator")
    .expect_outcome(RunOutcome::Succeeded);
}
