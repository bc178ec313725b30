//! `for_each`: once for each item of a list.

use runbook::model::Status;
use runbook::model::event::{FailureChoice, Happened, RunOutcome};
use runbook::run::Need;

use super::story::{fails, gives, ok, story};

#[test]
fn a_loop_is_done_once_for_each_item_one_after_another() {
    let told = story("steps: [ { id: a, for_each: [x, y], call: '$BOX set {{ item }}' } ]").run();
    told.expect_started(&["a[0]", "a[1]"])
        .expect_status("a", Status::Succeeded)
        .expect_outcome(RunOutcome::Succeeded);
    assert_eq!(told.words("a[1]"), ["set y"]);
}

#[test]
fn items_have_keys_and_are_seen_from_outside() {
    story(
        "
steps:
  - { id: look, call: $BOX look }
  - { id: a, for_each: steps.look.output.names, as: name, key: name, call: '$BOX set {{ name }}', max_failures: 1 }
  - id: b
    if: >-
      steps.a.items[0].item == 'a' and steps.a.items[0].status == 'succeeded' and steps.a.items[0].output.n == 1
      and steps.a.items[1].status == 'failed' and steps.a.items[1].error.message == 'boom'
    call: $BOX look
",
    )
    .reply("a[b]", fails("boom"))
    .run()
    .expect_started(&["look", "a[a]", "a[b]", "b"])
    .expect_outcome(RunOutcome::SucceededWithFailures);
}

#[test]
fn two_items_with_one_key_fail_the_loop_before_anything_is_done() {
    story("steps: [ { id: a, for_each: [x, x], key: item, call: $BOX set } ]")
        .run()
        .expect_failure("a", "two items of its `for_each` have the key `x`")
        .expect_started(&[]);
}

#[test]
fn a_key_cannot_be_taken_for_another_steps() {
    story(
        "
steps:
  - { id: a, for_each: ['k]/b[0'], key: outer, as: outer, call: $BOX set }
",
    )
    .run()
    .expect_started(&["a[k)/b(0]"]);
}

#[test]
fn an_empty_list_is_skipped_and_said() {
    story(
        "
steps:
  - { id: a, for_each: [], call: $BOX set }
  - { id: b, if: steps.a.status == 'skipped' and steps.a.items | length == 0, call: $BOX look }
",
    )
    .run()
    .expect_kinds("a", &["step_skipped"])
    .expect_started(&["b"]);
}

#[test]
fn items_are_frozen_when_the_loop_opens() {
    let told = story(
        "
steps:
  - id: p
    parallel: true
    steps:
      - { id: look, call: $BOX look, repeat: { until: output.n == 0, at_most: 2 } }
      - { id: a, for_each: '[steps.look.attempts, 7]', call: '$BOX set {{ item }}' }
",
    )
    .reply("look", ok())
    .reply(
        "look",
        gives(r#"{"n": 0, "ok": true, "state": "", "names": []}"#),
    )
    .crash_after("step_finished", "a[0]")
    .run();
    assert_eq!(told.words("a[0]").concat(), "set 1");
    assert_eq!(told.kinds("a"), ["loop_opened"]);
}

#[test]
fn so_many_items_at_once() {
    let told = story(
        "steps: [ { id: a, for_each: range(5), max_parallel: 2, call: '$BOX set {{ item }}' } ]",
    )
    .run();
    let (mut open, mut most) = (0, 0);
    for event in &told.events {
        match event.what {
            Happened::StepStarted(_) => open += 1,
            Happened::StepFinished(_) => open -= 1,
            _ => {}
        }
        most = most.max(open);
    }
    assert_eq!(most, 2);
}

#[test]
fn what_is_in_flight_finishes_and_nothing_new_starts() {
    // Nobody is there: the loop fails first, and then the run stops.
    let told = story(
        "
steps:
  - id: a
    for_each: range(5)
    max_parallel: 2
    steps: [ { id: x, call: $BOX set }, { id: y, call: $BOX set } ]
on_failure: stop
",
    )
    .reply("a[0]/x", fails("boom"))
    .run();
    told.expect_started(&["a[0]/x", "a[1]/x", "a[1]/y"])
        .expect_status("a[0]", Status::Failed)
        .expect_status("a[1]", Status::Succeeded)
        .expect_failure("a", "1 of its items failed, and 0 may")
        .expect_outcome(RunOutcome::Failed);
}

#[test]
fn so_many_items_may_fail() {
    let text = "
steps:
  - { id: a, for_each: range(4), max_failures: 1, call: $BOX set, on_failure: continue }
  - { id: b, call: $BOX look }
";
    story(text)
        .reply("a[1]", fails("boom"))
        .run()
        .expect_started(&["a[0]", "a[1]", "a[2]", "a[3]", "b"])
        .expect_status("a", Status::Succeeded)
        .expect_outcome(RunOutcome::SucceededWithFailures);
    story(text)
        .reply("a[1]", fails("boom"))
        .reply("a[2]", fails("boom"))
        .run()
        .expect_started(&["a[0]", "a[1]", "a[2]", "b"])
        .expect_status("a", Status::Failed)
        .expect_unreached("a[3]")
        .expect_outcome(RunOutcome::SucceededWithFailures);
}

#[test]
fn the_operator_is_asked_about_the_item_that_failed() {
    let text = "steps: [ { id: a, for_each: range(2), call: $BOX set } ]";
    story(text)
        .reply("a[0]", fails("boom"))
        .choose("a[0]", FailureChoice::Retry)
        .run()
        .expect_started(&["a[0]", "a[0]", "a[1]"])
        .expect_outcome(RunOutcome::Succeeded);
    let told = story(text).reply("a[0]", fails("boom")).alone().run();
    let Need::Failure { unattended, .. } = told.expect_waits("a[0]") else {
        panic!("{}", told.trace());
    };
    assert_eq!(*unattended, Some(FailureChoice::Propagate));
}

#[test]
fn loops_nest() {
    let told = story(
        "
steps:
  - id: wave
    for_each: '[[1, 2], [3]]'
    as: wave
    steps:
      - { id: app, for_each: wave, as: app, call: '$BOX set {{ app }}' }
      - { id: sum, if: steps.app.items | length == wave | length, call: $BOX look }
  - { id: out, if: steps.wave.items | length == 2, call: $BOX look }
",
    )
    .run();
    told.expect_started(&[
        "wave[0]/app[0]",
        "wave[0]/app[1]",
        "wave[0]/sum",
        "wave[1]/app[0]",
        "wave[1]/sum",
        "out",
    ])
    .expect_outcome(RunOutcome::Succeeded);
    assert_eq!(told.words("wave[1]/app[0]"), ["set 3"]);
}

#[test]
fn a_step_sees_its_own_items_steps_first() {
    let told = story(
        "
steps:
  - id: a
    for_each: [1, 2]
    max_parallel: 2
    steps:
      - { id: look, call: $BOX look }
      - { id: set, call: '$BOX set {{ steps.look.output.state }}' }
",
    )
    .reply(
        "a[0]/look",
        gives(r#"{"n": 1, "ok": true, "state": "one", "names": []}"#),
    )
    .reply(
        "a[1]/look",
        gives(r#"{"n": 1, "ok": true, "state": "two", "names": []}"#),
    )
    .run();
    assert_eq!(told.words("a[0]/set"), ["set one"]);
    assert_eq!(told.words("a[1]/set"), ["set two"]);
}

#[test]
fn a_condition_on_the_item_is_looked_at_for_each_and_another_before_all() {
    let told = story(
        "
steps:
  - { id: a, for_each: range(3), if: item != 1, call: $BOX set }
  - { id: b, for_each: range(3), if: 1 > 2, call: $BOX set }
  - { id: c, for_each: range(3), require: item < 1, max_failures: 5, call: $BOX set }
",
    )
    .run();
    told.expect_started(&["a[0]", "a[2]", "c[0]"])
        .expect_status("a[1]", Status::Skipped)
        .expect_status("a", Status::Succeeded)
        .expect_kinds("b", &["step_skipped"])
        .expect_status("c[2]", Status::Failed)
        .expect_outcome(RunOutcome::SucceededWithFailures);
}

#[test]
fn each_item_is_tried_again_by_itself() {
    let told = story(
        "steps: [ { id: a, for_each: range(2), retry: { attempts: 2, delay: 1s }, call: $BOX set } ]",
    )
    .reply("a[0]", fails("once"))
    .reply("a[1]", fails("once"))
    .run();
    told.expect_started(&["a[0]", "a[0]", "a[1]", "a[1]"])
        .expect_outcome(RunOutcome::Succeeded);
    assert_ne!(told.keys("a[0]")[0], told.keys("a[1]")[0]);
}

#[test]
fn a_loop_in_a_block_that_is_tried_again_has_the_new_items() {
    story(
        "
steps:
  - id: b
    retry: { attempts: 2, delay: 1s }
    steps:
      - { id: look, call: $BOX look }
      - { id: a, for_each: steps.look.output.names, key: item, call: '$BOX set {{ item }}' }
  - { id: c, if: steps.a.items | length == 1, call: $BOX look }
",
    )
    .reply("a[b]", fails("boom"))
    .reply("look", ok())
    .reply(
        "look",
        gives(r#"{"n": 1, "ok": true, "state": "", "names": ["c"]}"#),
    )
    .run()
    .expect_started(&["look", "a[a]", "a[b]", "look", "a[c]", "c"])
    .expect_outcome(RunOutcome::Succeeded);
}
