//! `retry`, `timeout`, `repeat`: what is done again, and what never is.

use runbook::model::call::{Ended, Failure, FailureKind};
use runbook::model::event::{Decision, FailureChoice, Happened, RunOutcome};
use runbook::model::ids::Attempt;
use runbook::model::{Duration, Status};

use super::story::{fails, gives, ok, sees, story, unknown};
use super::told::Told;

/// How long after each failure the next attempt started.
fn delays(told: &Told, step: &str) -> Vec<String> {
    let of = |event: &&runbook::model::Event| {
        event.step.as_ref().is_some_and(|s| s.as_str() == step)
            && matches!(
                event.what,
                Happened::StepStarted(_) | Happened::StepFinished(_)
            )
    };
    let events: Vec<_> = told.events.iter().filter(of).collect();
    events
        .windows(2)
        .filter(|pair| matches!(pair[1].what, Happened::StepStarted(_)))
        .map(|pair| Duration::between(pair[0].at, pair[1].at).to_string())
        .collect()
}

#[test]
fn attempts_include_the_first_and_delays_grow_to_their_limit() {
    let told = story(
        "
steps:
  - { id: a, call: $BOX set, retry: { attempts: 5, delay: 2s, backoff: 3, max_delay: 10s } }
",
    )
    .reply("a", fails("1"))
    .reply("a", fails("2"))
    .reply("a", fails("3"))
    .reply("a", fails("4"))
    .reply("a", fails("5"))
    .run();
    assert_eq!(delays(&told, "a"), ["2s", "6s", "10s", "10s"]);
    assert_eq!(told.step("a").attempt(), Attempt(5));
    told.expect_failure("a", "5")
        .expect_outcome(RunOutcome::Failed);
    let keys = told.keys("a");
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[test]
fn a_retry_with_a_condition_sees_error_and_output_of_this_attempt() {
    let text = "
steps:
  - { id: a, call: $BOX look, expect: output.ok, retry: { attempts: 4, delay: 1s, if: error.kind == 'expect' and output.n < 3 } }
";
    let says = |n: u32| {
        gives(&format!(
            r#"{{"n": {n}, "ok": false, "state": "", "names": []}}"#
        ))
    };
    story(text)
        .reply("a", says(1))
        .reply("a", says(2))
        .reply("a", says(3))
        .run()
        .expect_started(&["a", "a", "a"])
        .expect_outcome(RunOutcome::Failed);
    // The third attempt has no output, and the second's is not taken for it.
    story(text)
        .reply("a", says(1))
        .reply("a", fails("boom"))
        .run()
        .expect_started(&["a", "a"])
        .expect_outcome(RunOutcome::Failed);
}

#[test]
fn an_operator_who_tries_again_gets_all_attempts_and_another_key() {
    let told = story("steps: [ { id: a, call: $BOX set, retry: 2 } ]")
        .reply("a", fails("1"))
        .reply("a", fails("2"))
        .reply("a", fails("3"))
        .choose("a", FailureChoice::Retry)
        .run();
    told.expect_started(&["a", "a", "a", "a"])
        .expect_outcome(RunOutcome::Succeeded);
    let keys = told.keys("a");
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[1], keys[2]);
    assert_eq!(keys[2], keys[3]);
}

#[test]
fn nothing_is_tried_again_after_unknown() {
    let told = story("steps: [ { id: a, call: $BOX set, retry: 3 } ]")
        .reply("a", unknown("the connection broke"))
        .alone()
        .run();
    told.expect_started(&["a"]);
    told.expect_waits("a");
    told.expect_status("a", Status::Unknown);
}

#[test]
fn a_read_that_takes_too_long_has_timed_out_and_may_be_tried_again() {
    story("steps: [ { id: a, call: $BOX look, timeout: 3s, retry: { attempts: 2, delay: 1s } } ]")
        .reply("a", Ended::TimedOut)
        .reply("a", Ended::TimedOut)
        .run()
        .expect_started(&["a", "a"])
        .expect_status("a", Status::TimedOut)
        .expect_failure("a", "no answer within 3s")
        .expect_outcome(RunOutcome::Failed);
}

#[test]
fn a_change_that_takes_too_long_is_unknown() {
    story("steps: [ { id: a, call: $BOX set, timeout: 3s, retry: 3 } ]")
        .reply("a", Ended::TimedOut)
        .alone()
        .run()
        .expect_started(&["a"])
        .expect_status("a", Status::Unknown);
}

#[test]
fn a_read_of_which_nobody_knows_how_it_ended_has_failed() {
    story("steps: [ { id: a, call: $BOX look, retry: { attempts: 2, delay: 1s } } ]")
        .reply("a", unknown("it went away"))
        .reply("a", unknown("it went away"))
        .run()
        .expect_started(&["a", "a"])
        .expect_failure("a", "it went away")
        .expect_outcome(RunOutcome::Failed);
}

#[test]
fn a_block_is_tried_again_whole_and_each_attempt_has_a_number_of_its_own() {
    let told = story(
        "
steps:
  - id: b
    retry: { attempts: 3, delay: 5s }
    steps:
      - { id: x, call: $BOX set x }
      - { id: y, call: $BOX set y }
",
    )
    .reply("y", fails("1"))
    .reply("y", fails("2"))
    .run();
    told.expect_started(&["x", "y", "x", "y", "x", "y"])
        .expect_outcome(RunOutcome::Succeeded);
    let started = told.started();
    let attempts: Vec<u32> = started.iter().map(|s| s.attempt.0).collect();
    assert_eq!(attempts, [1, 1, 2, 2, 3, 3]);
    // What was done is another act when it comes again, what failed is the same one.
    let (x, y) = (told.keys("x"), told.keys("y"));
    assert_ne!(x[0], x[1]);
    assert_eq!(y[0], y[1]);
    assert_eq!(y[1], y[2]);
}

#[test]
fn what_an_earlier_try_of_a_block_left_behind_is_not_seen_any_more() {
    story(
        "
steps:
  - id: b
    retry: { attempts: 2, delay: 1s }
    steps:
      - { id: first, call: $BOX look }
      - id: inner
        if: not steps.first.output.ok
        steps: [ { id: x, call: $BOX set } ]
  - { id: c, if: steps.x.status == 'skipped' and steps.inner.status == 'skipped', call: $BOX look }
",
    )
    .reply(
        "first",
        gives(r#"{"n": 1, "ok": false, "state": "", "names": []}"#),
    )
    .reply("x", fails("boom"))
    .run()
    .expect_started(&["first", "x", "first", "c"])
    .expect_outcome(RunOutcome::Succeeded);
}

#[test]
fn an_operator_who_tries_a_block_again_gives_all_in_it_other_keys() {
    let told = story(
        "
steps:
  - id: b
    retry: { attempts: 1 }
    on_failure: ask
    steps:
      - { id: y, call: $BOX set y }
",
    )
    .reply("y", fails("1"))
    .choose("y", FailureChoice::Retry)
    .run();
    let keys = told.keys("y");
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn a_step_repeats_until_it_is_done_and_each_pass_is_another_act() {
    let says = |n: u32| gives(&format!(r#"{{"n": {n}, "ok": true}}"#));
    let told =
        story("steps: [ { id: a, call: $BOX set, repeat: { until: output.n == 0, at_most: 5 } } ]")
            .reply("a", says(2))
            .reply("a", says(1))
            .reply("a", says(0))
            .run();
    told.expect_started(&["a", "a", "a"])
        .expect_status("a", Status::Succeeded)
        .expect_outcome(RunOutcome::Succeeded);
    let keys = told.keys("a");
    assert!(keys[0] != keys[1] && keys[1] != keys[2]);
}

#[test]
fn a_repeat_ends_after_its_passes_and_the_operator_may_give_it_as_many_again() {
    let text = "steps: [ { id: a, call: $BOX set, repeat: { until: output.n == 0, at_most: 2 } } ]";
    story(text)
        .run()
        .expect_started(&["a", "a"])
        .expect_failure("a", "after 2 passes")
        .expect_outcome(RunOutcome::Failed);
    story(text)
        .choose("a", FailureChoice::Retry)
        .run()
        .expect_started(&["a", "a", "a", "a"])
        .expect_outcome(RunOutcome::Failed);
}

#[test]
fn a_pass_that_fails_is_tried_again_within_its_pass() {
    story(
        "
steps:
  - { id: a, call: $BOX set, retry: { attempts: 2, delay: 1s }, repeat: { until: output.n == 0, at_most: 3 } }
",
    )
    .reply("a", ok())
    .reply("a", fails("once"))
    .reply("a", ok())
    .reply("a", fails("once"))
    .reply("a", gives(r#"{"n": 0, "ok": true}"#))
    .run()
    .expect_started(&["a", "a", "a", "a", "a"])
    .expect_outcome(RunOutcome::Succeeded);
}

#[test]
fn each_attempt_behind_a_gate_takes_a_decision_of_its_own() {
    let told = story(
        "steps: [ { id: a, call: $BOX drop x, gate: Drop x?, retry: { attempts: 3, delay: 1s } } ]",
    )
    .reply("a", fails("1"))
    .gate("a", Decision::Approve)
    .gate("a", Decision::Decline)
    .run();
    let gates = told.gates("a");
    assert_eq!(gates.len(), 2);
    assert_ne!(gates[0].digest, gates[1].digest);
    told.expect_started(&["a"])
        .expect_status("a", Status::Declined)
        .expect_outcome(RunOutcome::Declined);
}

#[test]
fn a_pass_that_happened_is_not_repeated_because_nobody_knows_its_output() {
    story(
        "
steps:
  - { id: a, call: $BOX pour x, retry: 3, repeat: { until: output.n == 0, at_most: 3 } }
",
    )
    .reply("a", unknown("gone"))
    .verify("a", sees("poured"))
    .run()
    .expect_started(&["a"])
    .expect_failure("a", "there is no output")
    .expect_outcome(RunOutcome::Failed);
}

#[test]
fn who_asks_to_be_left_alone_is_as_far_as_the_retry_allows() {
    let busy = |seconds| {
        let mut failure = Failure::new(FailureKind::Refused, "429");
        failure.retry_after = Some(Duration::from_secs(seconds));
        Ended::Failed(failure, None)
    };
    let told = story(
        "
steps:
  - { id: a, call: $BOX set, retry: { attempts: 5, delay: 4s, backoff: 1, max_delay: 30s } }
",
    )
    .reply("a", busy(10))
    .reply("a", busy(1))
    .reply("a", busy(3600))
    .reply("a", fails("5"))
    .reply("a", ok())
    .run();
    assert_eq!(delays(&told, "a"), ["10s", "4s", "30s", "4s"]);
    told.expect_outcome(RunOutcome::Succeeded);
}

#[test]
fn a_block_that_is_tried_again_waits_for_who_is_busy_in_it() {
    let mut failure = Failure::new(FailureKind::Refused, "429");
    failure.retry_after = Some(Duration::from_secs(20));
    let told = story(
        "
steps:
  - id: block
    retry: { attempts: 2, delay: 2s, if: error.retry_after == duration('20s') }
    steps:
      - { id: a, call: $BOX set }
",
    )
    .reply("a", Ended::Failed(failure, None))
    .reply("a", ok())
    .run();
    assert_eq!(delays(&told, "a"), ["20s"]);
    told.expect_outcome(RunOutcome::Succeeded);
}
