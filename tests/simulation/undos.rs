//! `undo`: what is taken back, in which order, and what never is.

use runbook::model::Status;
use runbook::model::event::{
    Decision, FailureChoice, Happened, ManualOutcome, Resolution, RunOutcome, UndoReason,
};
use runbook::spec::environment::GateRule;

use super::story::{fails, gives, ok, sees, story, unknown};

#[test]
fn what_was_done_is_taken_back_in_the_reverse_order_of_its_completion() {
    let told = story(
        "
on_failure: undo
steps:
  - parallel: true
    steps:
      - { id: a, call: $BOX flip a, retry: { attempts: 2, delay: 10s } }
      - { id: b, call: $BOX flip b }
  - { id: c, call: $BOX flip c }
  - { id: d, call: $BOX look }
  - { id: e, call: $BOX set }
",
    )
    .reply("a", fails("once"))
    .reply("e", fails("boom"))
    .run();
    told.expect_started(&["a", "b", "a", "c", "d", "e", "undo/c", "undo/a", "undo/b"])
        .expect_status("a", Status::Undone)
        .expect_status("e", Status::Failed)
        .expect_outcome(RunOutcome::Failed);
}

#[test]
fn a_contracts_inverse_sees_arguments_the_state_before_and_the_output() {
    let told = story(
        "
steps:
  - { id: a, call: $BOX flip x }
  - { id: b, call: $BOX set, on_failure: undo }
",
    )
    .look("a", sees("up"))
    .reply("a", gives(r#"{"n": 7}"#))
    .reply("b", fails("boom"))
    .run();
    assert_eq!(told.words("undo/a"), ["unflip x --state=up --n=7"]);
    told.expect_kinds("a", &["before_seen", "step_started", "step_finished"]);
}

#[test]
fn an_undo_of_the_runbooks_own_is_rendered_over_the_steps_output() {
    let told = story(
        "
steps:
  - id: a
    call: $BOX set x
    undo:
      steps:
        - { id: one, call: '$BOX set {{ output.n }}' }
        - { id: two, manual: 'Look at {{ output.n }}' }
  - { id: b, call: $BOX set, on_failure: undo }
",
    )
    .reply("a", gives(r#"{"n": 7, "ok": true}"#))
    .reply("b", fails("boom"))
    .run();
    assert_eq!(told.words("undo/a/one"), ["set 7"]);
    told.expect_kinds("undo/a/two", &["manual_reported"])
        .expect_status("a", Status::Undone);
}

#[test]
fn what_failed_after_it_started_is_taken_back_and_what_never_started_is_not() {
    use runbook::model::call::{Ended, Failure, FailureKind};
    let text = "
steps:
  - { id: a, call: $BOX flip x, on_failure: continue }
  - { id: b, call: $BOX set, on_failure: undo }
";
    story(text)
        .reply("a", fails("half done"))
        .reply("b", fails("boom"))
        .look("a", sees("up"))
        .run()
        // Its output is not known: what cannot be rendered goes to a person.
        .expect_started(&["a", "b"])
        .expect_kinds("undo/a", &["step_refused", "failure_decided"])
        .expect_status("a", Status::UndoFailed)
        .expect_follow_up("take back by hand");
    let missing = Failure::new(FailureKind::NotStarted, "there is no such program");
    story(text)
        .reply("a", Ended::Failed(missing, None))
        .reply("b", fails("boom"))
        .run()
        .expect_started(&["a", "b"])
        .expect_status("a", Status::Failed);
}

#[test]
fn nothing_above_a_barrier_is_taken_back() {
    story(
        "
steps:
  - { id: a, call: $BOX flip a }
  - { id: b, call: $BOX set, undo: barrier }
  - { id: c, call: $BOX flip c }
  - { id: d, call: $BOX set, on_failure: undo }
",
    )
    .reply("d", fails("boom"))
    .run()
    .expect_started(&["a", "b", "c", "d", "undo/c"])
    .expect_status("a", Status::Succeeded);
}

#[test]
fn a_block_with_a_barrier_in_it_is_not_taken_back_by_its_own_undo() {
    story(
        "
steps:
  - id: b
    undo: $BOX set back
    steps:
      - { id: x, call: $BOX set, undo: barrier }
      - { id: y, call: $BOX set, on_failure: undo }
",
    )
    .reply("y", fails("boom"))
    .run()
    .expect_started(&["x", "y"])
    .expect_outcome(RunOutcome::Failed);
}

#[test]
fn the_innermost_block_with_an_undo_is_taken_back_and_nothing_else() {
    let told = story(
        "
steps:
  - { id: a, call: $BOX flip a }
  - id: b
    undo: $BOX set back
    steps:
      - { id: x, call: $BOX flip x }
      - { steps: [ { id: y, call: $BOX set, on_failure: undo } ] }
",
    )
    .reply("y", fails("boom"))
    .run();
    told.expect_started(&["a", "x", "y", "undo/b"])
        .expect_status("b", Status::Undone)
        .expect_status("a", Status::Succeeded)
        .expect_outcome(RunOutcome::Failed);
    let begun = told.events.iter().find_map(|event| match &event.what {
        Happened::UndoBegun { scope, why, .. } => Some((scope.clone(), *why)),
        _ => None,
    });
    let (scope, why) = begun.unwrap();
    assert_eq!(scope.unwrap().as_str(), "b");
    assert_eq!(why, UndoReason::Failure);
}

#[test]
fn a_blocks_own_undo_stands_for_those_of_its_steps() {
    story(
        "
on_failure: undo
steps:
  - id: b
    undo: $BOX set back
    steps: [ { id: x, call: $BOX flip x } ]
  - { id: c, call: $BOX set }
",
    )
    .reply("c", fails("boom"))
    .run()
    .expect_started(&["x", "c", "undo/b"])
    .expect_status("b", Status::Undone)
    .expect_status("x", Status::Succeeded);
}

#[test]
fn a_block_that_was_half_done_is_taken_back_when_the_run_is_cancelled() {
    story(
        "
on_cancel: undo
steps:
  - id: b
    undo: $BOX set back
    steps: [ { id: x, call: $BOX set x }, { id: y, call: $BOX set y } ]
",
    )
    .cancel_after("step_finished", "x")
    .run()
    .expect_started(&["x", "undo/b"])
    .expect_status("b", Status::Undone)
    .expect_outcome(RunOutcome::Cancelled);
}

#[test]
fn a_block_in_which_nothing_was_started_has_nothing_to_take_back() {
    story(
        "
steps:
  - id: b
    undo: $BOX set back
    steps: [ { id: x, require: 1 > 2, call: $BOX set x, on_failure: undo } ]
",
    )
    .run()
    .expect_started(&[])
    .expect_outcome(RunOutcome::Failed);
}

#[test]
fn each_item_of_a_loop_is_taken_back_with_its_own_item() {
    let told = story(
        "
on_failure: undo
steps:
  - { id: a, for_each: [x, y], call: '$BOX set {{ item }}', undo: '$BOX set un{{ item }}' }
  - { id: b, call: $BOX set }
",
    )
    .reply("b", fails("boom"))
    .run();
    told.expect_started(&["a[0]", "a[1]", "b", "undo/a[1]", "undo/a[0]"]);
    assert_eq!(told.words("undo/a[1]"), ["set uny"]);
    assert_eq!(told.words("undo/a[0]"), ["set unx"]);
}

#[test]
fn a_loop_of_blocks_that_fails_is_taken_back_item_by_item() {
    let told = story(
        "
steps:
  - { id: z, call: $BOX flip z }
  - id: a
    for_each: [x, y]
    undo: '$BOX set un{{ item }}'
    on_failure: undo
    steps: [ { id: s, call: '$BOX set {{ item }}' } ]
",
    )
    .reply("a[1]/s", fails("boom"))
    .run();
    told.expect_started(&["z", "a[0]/s", "a[1]/s", "undo/a[1]", "undo/a[0]"])
        .expect_status("z", Status::Succeeded);
}

#[test]
fn an_undo_at_the_end_is_done_after_success_too_and_one_for_later_is_listed() {
    let told = story(
        "
steps:
  - { id: a, call: $BOX set a, undo: { call: $BOX set una, when: end } }
  - { id: b, call: $BOX set b, undo: { call: $BOX set unb, when: later } }
  - { id: c, call: $BOX flip c }
finally: [ { id: f, if: steps.a.status == 'undone', call: $BOX look } ]
",
    )
    .run();
    told.expect_started(&["a", "b", "c", "undo/a", "f"])
        .expect_status("a", Status::Undone)
        .expect_follow_up("undo when the time has come: b")
        .expect_outcome(RunOutcome::Succeeded);
}

#[test]
fn an_undo_at_the_end_that_the_stopped_run_did_not_come_to_is_said() {
    story(
        "
steps:
  - { id: a, call: $BOX set a, undo: { call: $BOX set una, when: end } }
  - { id: b, call: $BOX set b, on_failure: stop }
",
    )
    .reply("b", fails("boom"))
    .run()
    .expect_started(&["a", "b"])
    .expect_follow_up("take back by hand: a");
}

#[test]
fn an_undo_for_later_is_not_done_when_all_is_taken_back() {
    story(
        "
steps:
  - { id: a, call: $BOX set a, undo: { call: $BOX set una, when: later } }
  - { id: b, call: $BOX set b, on_failure: undo }
",
    )
    .reply("b", fails("boom"))
    .run()
    .expect_started(&["a", "b"])
    .expect_follow_up("undo when the time has come: a");
}

#[test]
fn a_failed_undo_waits_for_a_person() {
    let text = "
on_failure: undo
steps:
  - { id: a, call: $BOX flip a }
  - { id: b, call: $BOX flip b }
  - { id: c, call: $BOX set }
finally: [ { id: f, call: $BOX look } ]
";
    let told = story(text)
        .reply("c", fails("boom"))
        .reply("undo/b", fails("stuck"))
        .alone()
        .run();
    told.expect_waits("undo/b");
    let choose = |choice| {
        story(text)
            .reply("c", fails("boom"))
            .reply("undo/b", fails("stuck"))
            .choose("undo/b", choice)
            .run()
    };
    choose(FailureChoice::Retry)
        .expect_started(&["a", "b", "c", "undo/b", "undo/b", "undo/a", "f"])
        .expect_status("b", Status::Undone);
    choose(FailureChoice::MarkDone)
        .expect_started(&["a", "b", "c", "undo/b", "undo/a", "f"])
        .expect_status("b", Status::Undone);
    choose(FailureChoice::Skip)
        .expect_started(&["a", "b", "c", "undo/b", "undo/a", "f"])
        .expect_status("b", Status::UndoFailed);
    choose(FailureChoice::Stop)
        .expect_started(&["a", "b", "c", "undo/b", "f"])
        .expect_status("b", Status::UndoFailed)
        .expect_status("a", Status::Succeeded)
        .expect_follow_up("take back by hand: b")
        .expect_follow_up("take back by hand: a")
        .expect_outcome(RunOutcome::Failed);
}

#[test]
fn an_undo_that_stops_inside_a_block_of_steps_says_so() {
    story(
        "
on_failure: undo
steps:
  - id: a
    call: $BOX set
    undo: { steps: [ { id: x, steps: [ { id: y, call: $BOX set y } ] }, { id: z, call: $BOX set z } ] }
  - { id: c, call: $BOX set }
",
    )
    .reply("c", fails("boom"))
    .reply("undo/a/y", fails("stuck"))
    .choose("undo/a/y", FailureChoice::Stop)
    .run()
    .expect_started(&["a", "c", "undo/a/y"])
    .expect_status("a", Status::UndoFailed);
}

#[test]
fn an_undo_that_may_fail_lets_the_others_go_on() {
    story(
        "
on_failure: undo
steps:
  - { id: a, call: $BOX flip a }
  - { id: b, call: $BOX set, undo: { steps: [ { id: u, call: $BOX set b }, { call: $BOX look } ], on_failure: continue } }
  - { id: c, call: $BOX set }
",
    )
    .reply("c", fails("boom"))
    .reply("undo/b/u", fails("stuck"))
    .run()
    .expect_started(&["a", "b", "c", "undo/b/u", "undo/a"])
    .expect_status("b", Status::UndoFailed)
    .expect_status("a", Status::Undone);
}

#[test]
fn a_destructive_undo_is_always_asked_about() {
    let text = "
on_failure: undo
steps:
  - { id: a, call: $BOX flip a }
  - { id: b, call: $BOX set, undo: { steps: [ { id: d, call: $BOX drop x }, { steps: [ { id: e, call: $BOX drop y } ] } ] } }
  - { id: c, call: $BOX set }
";
    let told = story(text)
        .policy(GateRule::None, GateRule::None)
        .reply("c", fails("boom"))
        .run();
    assert_eq!(told.gates("undo/b/d").len(), 1);
    assert_eq!(told.gates("undo/b/e").len(), 1);
    // A refusal ends the undoing: what is left would be out of order.
    story(text)
        .reply("c", fails("boom"))
        .gate("undo/b/d", Decision::Decline)
        .run()
        .expect_started(&["a", "b", "c"])
        .expect_status("b", Status::UndoFailed)
        .expect_follow_up("take back by hand: a");
}

#[test]
fn what_is_in_doubt_is_verified_before_it_is_taken_back() {
    let text = "
steps:
  - parallel: true
    steps:
      - { id: a, call: $BOX pour x, undo: $BOX set full }
      - { id: b, call: $BOX set, on_failure: undo }
";
    let told = story(text)
        .reply("a", unknown("gone"))
        .verify("a", sees("poured"))
        .reply("b", fails("boom"))
        .run();
    told.expect_started(&["a", "b", "undo/a"])
        .expect_status("a", Status::Undone);
    story(text)
        .reply("a", unknown("gone"))
        .verify("a", sees("full"))
        .reply("b", fails("boom"))
        .run()
        .expect_started(&["a", "b"])
        .expect_status("a", Status::Failed);
    story(text)
        .reply("a", unknown("gone"))
        .verify("a", sees("odd"))
        .reply("b", fails("boom"))
        .settle("a", Resolution::Happened)
        .run()
        .expect_started(&["a", "b", "undo/a"]);
}

#[test]
fn an_undo_that_is_interrupted_goes_on_where_it_was() {
    story(
        "
on_failure: undo
steps:
  - { id: a, call: $BOX flip a }
  - { id: b, call: $BOX set b, undo: { steps: [ { id: u, call: $BOX stamp u }, { id: v, call: $BOX look } ] } }
  - { id: c, call: $BOX set }
",
    )
    .reply("c", fails("boom"))
    .crash_after("step_started", "undo/b/u")
    .run()
    .expect_started(&["a", "b", "c", "undo/b/u", "undo/b/u", "undo/b/v", "undo/a"]);
}

#[test]
fn a_step_is_taken_back_by_what_it_did_in_an_earlier_try_of_its_block() {
    let told = story(
        "
on_failure: undo
steps:
  - id: b
    retry: { attempts: 2, delay: 1s }
    steps:
      - { id: look, call: $BOX look }
      - { id: x, if: steps.look.output.ok, call: $BOX flip x }
      - { id: y, call: $BOX set }
",
    )
    .reply("look", ok())
    .reply(
        "look",
        gives(r#"{"n": 1, "ok": false, "state": "", "names": []}"#),
    )
    .look("x", sees("up"))
    .reply("x", gives(r#"{"n": 7}"#))
    .reply("y", fails("1"))
    .reply("y", fails("2"))
    .run();
    told.expect_started(&["look", "x", "y", "look", "y", "undo/x"]);
    assert_eq!(told.words("undo/x"), ["unflip x --state=up --n=7"]);
}

#[test]
fn what_a_person_did_is_taken_back_by_a_person() {
    let told = story(
        "
on_failure: undo
steps:
  - { id: m, manual: Pull the plug, undo: { manual: Put it back } }
  - { id: n, manual: Cut the wire, on_failure: continue, undo: { manual: Mend it } }
  - { id: b, call: $BOX set }
",
    )
    .report("n", ManualOutcome::Failed)
    .reply("b", fails("boom"))
    .run();
    told.expect_status("m", Status::Undone)
        .expect_status("n", Status::Undone);
}

#[test]
fn undos_of_included_runbooks_see_its_parameters() {
    let told = story(
        "
on_failure: undo
steps:
  - { id: i, runbook: other, with: { who: ada } }
  - { id: b, call: $BOX set }
",
    )
    .with(
        "other",
        "
params: { who: {} }
steps: [ { id: x, call: '$BOX set {{ params.who }}', undo: '$BOX set un{{ params.who }}' } ]
",
    )
    .reply("b", fails("boom"))
    .run();
    assert_eq!(told.words("undo/i/x"), ["set unada"]);
}
