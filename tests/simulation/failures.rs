//! `on_failure`: what a failure leads to, for a step, a block and a runbook.

use runbook::model::Status;
use runbook::model::event::{Decision, FailureChoice, RunOutcome};
use runbook::run::Need;

use super::story::{fails, story};

#[test]
fn by_default_the_operator_chooses() {
    let text = "
steps:
  - { id: a, call: $BOX set }
  - { id: b, call: $BOX look }
";
    let told = story(text).reply("a", fails("boom")).alone().run();
    let Need::Failure {
        choices,
        unattended,
        failure,
    } = told.expect_waits("a")
    else {
        panic!("{}", told.trace());
    };
    assert_eq!(failure.message, "boom");
    assert_eq!(*unattended, Some(FailureChoice::Stop));
    assert_eq!(
        choices[..],
        [
            FailureChoice::Retry,
            FailureChoice::Skip,
            FailureChoice::MarkDone,
            FailureChoice::Stop
        ]
    );
    let choose = |choice| {
        story(text)
            .reply("a", fails("boom"))
            .choose("a", choice)
            .run()
    };
    choose(FailureChoice::Retry)
        .expect_started(&["a", "a", "b"])
        .expect_outcome(RunOutcome::Succeeded);
    choose(FailureChoice::Skip)
        .expect_started(&["a", "b"])
        .expect_status("a", Status::Skipped)
        .expect_outcome(RunOutcome::Succeeded);
    let marked = choose(FailureChoice::MarkDone);
    marked
        .expect_started(&["a", "b"])
        .expect_status("a", Status::Succeeded)
        .expect_outcome(RunOutcome::Succeeded);
    assert!(marked.step("a").marked_done().is_some());
    assert!(marked.step("b").marked_done().is_none());
    assert_eq!(marked.run.counts().marked, 1);
    choose(FailureChoice::Stop)
        .expect_started(&["a"])
        .expect_unreached("b")
        .expect_status("a", Status::Failed)
        .expect_outcome(RunOutcome::Failed);
}

#[test]
fn the_operator_may_take_back_what_can_be_taken_back() {
    let told = story(
        "
steps:
  - { id: a, call: $BOX flip x }
  - { id: b, call: $BOX set }
",
    )
    .reply("b", fails("boom"))
    .choose("b", FailureChoice::Undo)
    .run();
    told.expect_started(&["a", "b", "undo/a"])
        .expect_status("a", Status::Undone)
        .expect_outcome(RunOutcome::Failed);
}

#[test]
fn a_step_that_may_fail_lets_the_run_go_on_and_is_named() {
    story(
        "
steps:
  - { id: a, call: $BOX set, on_failure: continue }
  - { id: b, if: steps.a.status == 'failed' and steps.a.error.message == 'boom', call: $BOX look }
",
    )
    .reply("a", fails("boom"))
    .run()
    .expect_started(&["a", "b"])
    .expect_status("a", Status::Failed)
    .expect_follow_up("boom")
    .expect_outcome(RunOutcome::SucceededWithFailures);
}

#[test]
fn a_step_that_stops_the_run_ends_every_block_around_it() {
    story(
        "
steps:
  - id: outer
    steps:
      - id: inner
        steps: [ { id: a, call: $BOX set, on_failure: stop }, { id: b, call: $BOX set } ]
  - { id: c, call: $BOX set }
",
    )
    .reply("a", fails("boom"))
    .run()
    .expect_started(&["a"])
    .expect_status("inner", Status::Failed)
    .expect_status("outer", Status::Failed)
    .expect_unreached("b")
    .expect_unreached("c")
    .expect_outcome(RunOutcome::Failed);
}

#[test]
fn a_block_that_may_fail_takes_its_steps_failures_and_leaves_the_rest_of_it_out() {
    story(
        "
steps:
  - id: b
    on_failure: continue
    steps: [ { id: x, call: $BOX set }, { id: y, call: $BOX set } ]
  - { id: c, if: steps.b.status == 'failed', call: $BOX look }
",
    )
    .reply("x", fails("boom"))
    .run()
    .expect_started(&["x", "c"])
    .expect_failure("b", "step x failed: boom")
    .expect_unreached("y")
    .expect_outcome(RunOutcome::SucceededWithFailures);
}

#[test]
fn a_runbook_that_goes_on_goes_on_after_every_step() {
    story(
        "
on_failure: continue
steps:
  - { id: b, steps: [ { id: x, call: $BOX set }, { id: y, call: $BOX set } ] }
  - { id: z, call: $BOX set, on_failure: stop }
  - { id: c, call: $BOX look }
",
    )
    .reply("x", fails("1"))
    .reply("y", fails("2"))
    .reply("z", fails("3"))
    .run()
    .expect_started(&["x", "y", "z"])
    .expect_status("b", Status::Succeeded)
    .expect_outcome(RunOutcome::Failed);
}

#[test]
fn what_acts_beside_a_step_that_stops_the_run_is_waited_for() {
    story(
        "
steps:
  - id: p
    parallel: true
    steps:
      - { id: a, call: $BOX set, on_failure: stop }
      - { id: b, call: $BOX set, repeat: { until: output.n == 0, at_most: 9 } }
      - { id: c, steps: [ { id: d, call: $BOX set }, { id: e, call: $BOX set } ] }
",
    )
    .reply("a", fails("boom"))
    .run()
    .expect_started(&["a", "b", "d"])
    .expect_status("d", Status::Succeeded)
    .expect_status("b", Status::Cancelled)
    .expect_status("c", Status::Cancelled)
    .expect_unreached("e")
    .expect_status("p", Status::Failed)
    .expect_outcome(RunOutcome::Failed);
}

#[test]
fn nothing_new_starts_in_a_parallel_block_that_fails() {
    story(
        "
steps:
  - id: p
    parallel: true
    on_failure: continue
    steps:
      - { id: a, call: $BOX set }
      - { id: c, steps: [ { id: d, call: $BOX set }, { id: e, call: $BOX set } ] }
      - { id: g, call: $BOX drop, gate: Drop it? }
      - { id: h, pause: 1h }
  - { id: after, call: $BOX look }
",
    )
    .reply("a", fails("boom"))
    .run()
    .expect_started(&["a", "d", "after"])
    .expect_status("d", Status::Succeeded)
    .expect_status("c", Status::Cancelled)
    .expect_unreached("e")
    .expect_unreached("g")
    .expect_status("h", Status::Cancelled)
    .expect_outcome(RunOutcome::SucceededWithFailures);
}

#[test]
fn a_refusal_is_final_whatever_may_fail() {
    let text = "
on_failure: continue
steps:
  - id: b
    on_failure: continue
    retry: 3
    steps: [ { id: a, call: $BOX drop x, gate: Drop x?, on_failure: continue, retry: 3 } ]
  - { id: c, call: $BOX look }
finally: [ { id: f, call: $BOX look } ]
";
    story(text)
        .gate("a", Decision::Decline)
        .run()
        .expect_started(&["f"])
        .expect_status("a", Status::Declined)
        .expect_outcome(RunOutcome::Declined);
}

#[test]
fn after_a_refusal_what_was_done_is_taken_back_where_the_block_says_so() {
    story(
        "
steps:
  - id: b
    on_failure: undo
    steps:
      - { id: a, call: $BOX flip x }
      - { id: d, call: $BOX drop x, gate: Drop x? }
",
    )
    .gate("d", Decision::Decline)
    .run()
    .expect_started(&["a", "undo/a"])
    .expect_status("a", Status::Undone)
    .expect_outcome(RunOutcome::Declined);
}

#[test]
fn what_the_operator_left_out_lets_later_changes_ask_again() {
    let told = story(
        "
steps:
  - { id: a, call: $BOX set }
  - { id: b, call: $BOX look }
  - { id: c, call: $BOX set }
  - { id: d, call: $BOX set, gate: { confirm: Set it?, if: 1 > 2 } }
  - { id: e, for_each: [1, 2], call: '$BOX set {{ item }}' }
finally: [ { id: f, call: $BOX set } ]
",
    )
    .reply("a", fails("boom"))
    .choose("a", FailureChoice::Skip)
    .gate("d", Decision::Decline)
    .run();
    assert_eq!(told.gates("c").len(), 1);
    assert!(told.gates("c")[0].confirm.contains("Step a was left out"));
    assert_eq!(told.gates("d").len(), 1);
    told.expect_started(&["a", "b", "c", "f"])
        .expect_outcome(RunOutcome::Declined);
    assert!(told.gates("f").is_empty());
}

#[test]
fn a_step_left_out_by_its_if_lets_nobody_be_asked() {
    let told =
        story("steps: [ { id: a, if: 1 > 2, call: $BOX set }, { id: c, call: $BOX set } ]").run();
    assert!(told.gates("c").is_empty());
}
