//! `until`, `every`, `within`, `hold`: the poller alone, and in a run.

use runbook::model::call::{Failure, FailureKind};
use runbook::model::event::{Happened, RunOutcome};
use runbook::model::{Duration, Status, Timestamp};
use runbook::run::{Look, Next, Poller, Then};

use super::driver::start_of_time;
use super::story::{fails, sees, story};

fn at(seconds: u64) -> Timestamp {
    Duration::from_secs(seconds).after(start_of_time())
}

/// A poll every 5 s.
fn poller(within: &str, hold: &str) -> Poller {
    let text = format!(
        "steps: [ {{ id: a, call: $BOX look, until: output.ok, within: {within}, hold: {hold} }} ]"
    );
    let plan = story(&text).plan();
    let polls = plan.nodes.iter().find_map(|node| node.how.poll.clone());
    Poller::begin(polls.unwrap(), at(0))
}

fn met(met: bool) -> Look {
    Look {
        met: Ok(met),
        output: Some("x".into()),
    }
}

fn failed() -> Look {
    Look {
        met: Err(Failure::new(FailureKind::Exit, "no route")),
        output: None,
    }
}

fn again(next: &Next, seconds: u64) {
    assert_eq!(next.then, Then::Again(at(seconds)), "{next:?}");
}

#[test]
fn it_looks_again_after_each_interval_until_it_holds() {
    let mut poller = poller("1m", "0s");
    again(&poller.seen(at(0), at(1), &met(false)), 6);
    again(&poller.seen(at(6), at(7), &met(false)), 12);
    assert_eq!(poller.seen(at(12), at(13), &met(true)).then, Then::Met);
}

#[test]
fn what_is_to_hold_is_looked_at_as_often_and_once_more_at_the_end() {
    let mut poller = poller("1m", "12s");
    again(&poller.seen(at(0), at(1), &met(true)), 6);
    assert_eq!(poller.held(at(6)), Some(Duration::from_secs(5)));
    again(&poller.seen(at(6), at(7), &met(true)), 12);
    again(&poller.seen(at(12), at(13), &met(true)), 13);
    assert_eq!(poller.seen(at(13), at(14), &met(true)).then, Then::Met);
}

#[test]
fn a_look_that_fails_counts_as_not_yet_and_lets_the_hold_begin_anew() {
    let mut poller = poller("1m", "10s");
    again(&poller.seen(at(0), at(1), &met(true)), 6);
    again(&poller.seen(at(6), at(7), &failed()), 12);
    assert_eq!(poller.held(at(8)), None);
    again(&poller.seen(at(12), at(13), &met(true)), 18);
    again(&poller.seen(at(18), at(19), &met(true)), 23);
    assert_eq!(poller.seen(at(23), at(24), &met(true)).then, Then::Met);
}

#[test]
fn a_look_that_was_asked_before_the_hold_was_over_does_not_end_it() {
    let mut poller = poller("1m", "10s");
    again(&poller.seen(at(0), at(1), &met(true)), 6);
    // Asked at 6 s, answered at 20 s: what it saw may be as old as the question.
    let next = poller.seen(at(6), at(20), &met(true));
    again(&next, 20);
    assert_eq!(poller.seen(at(20), at(21), &met(true)).then, Then::Met);
}

#[test]
fn at_the_end_of_its_time_it_says_what_it_last_saw() {
    let mut poller = poller("12s", "0s");
    assert_eq!(poller.deadline(), at(12));
    again(&poller.seen(at(0), at(1), &met(false)), 6);
    again(&poller.seen(at(6), at(7), &met(false)), 12);
    let Then::TimedOut(failure) = poller.seen(at(12), at(13), &failed()).then else {
        panic!();
    };
    assert_eq!(failure.kind, FailureKind::Within);
    assert!(
        failure
            .message
            .contains("`output.ok` did not hold within 12s")
    );
    assert!(failure.message.contains("no route"), "{}", failure.message);
}

#[test]
fn what_held_before_the_end_may_finish_its_hold() {
    let mut poller = poller("12s", "10s");
    again(&poller.seen(at(0), at(1), &met(false)), 6);
    again(&poller.seen(at(6), at(7), &met(true)), 12);
    again(&poller.seen(at(12), at(13), &met(true)), 17);
    assert_eq!(poller.seen(at(17), at(18), &met(true)).then, Then::Met);
}

#[test]
fn what_held_before_the_end_and_broke_after_it_has_timed_out() {
    let mut poller = poller("12s", "10s");
    again(&poller.seen(at(6), at(7), &met(true)), 12);
    assert!(matches!(
        poller.seen(at(12), at(13), &met(false)).then,
        Then::TimedOut(_)
    ));
}

#[test]
fn only_the_first_look_and_each_change_are_noted() {
    let mut poller = poller("1m", "30s");
    let notes: Vec<bool> = [false, false, true, true, false]
        .into_iter()
        .zip(0..)
        .map(|(is, i)| poller.seen(at(i * 5), at(i * 5 + 1), &met(is)).note)
        .collect();
    assert_eq!(notes, [true, false, true, false, true]);
}

#[test]
fn a_poll_is_one_attempt_with_the_last_look_as_its_output() {
    let told = story(
        "
steps:
  - { id: a, call: $BOX look, until: output.state == 'up', within: 5m, every: 10s, hold: 15s }
  - { id: b, if: steps.a.output.state == 'up' and steps.a.attempts == 1, call: $BOX look }
",
    )
    .reply("a", fails("no route"))
    .reply("a", sees("down"))
    .reply("a", sees("up"))
    .run();
    told.expect_started(&["a", "b"])
        .expect_kinds(
            "a",
            &["step_started", "poll_seen", "poll_seen", "step_finished"],
        )
        .expect_outcome(RunOutcome::Succeeded);
}

#[test]
fn a_poll_that_comes_to_its_end_has_timed_out() {
    let told = story(
        "
steps:
  - { id: a, call: $BOX look, until: output.state == 'up', within: 1m, on_failure: continue }
  - { id: b, if: steps.a.status == 'timed_out' and steps.a.output.state == 'down', call: $BOX look }
",
    )
    .reply("a", sees("down"))
    .run();
    told.expect_started(&["a", "b"])
        .expect_status("a", Status::TimedOut)
        .expect_outcome(RunOutcome::SucceededWithFailures);
}

#[test]
fn a_poll_ends_when_the_run_does() {
    let told = story(
        "
steps:
  - parallel: true
    steps:
      - { id: a, call: $BOX look, until: output.state == 'up', within: 1h }
      - { id: b, call: $BOX set, on_failure: stop }
",
    )
    .reply("a", sees("down"))
    .reply("b", fails("boom"))
    .run();
    told.expect_status("a", Status::Cancelled)
        .expect_outcome(RunOutcome::Failed);
    let last = told.events.last().unwrap();
    assert!(Duration::between(start_of_time(), last.at) < Duration::from_secs(60));
    assert!(matches!(last.what, Happened::RunClosed(_)));
}

#[test]
fn a_poll_ends_when_the_block_around_it_fails() {
    let told = story(
        "
steps:
  - parallel: true
    on_failure: continue
    steps:
      - { id: a, call: $BOX look, until: output.state == 'up', within: 1h }
      - { id: b, call: $BOX set }
  - { id: c, call: $BOX look }
",
    )
    .reply("a", sees("down"))
    .reply("b", fails("boom"))
    .run();
    told.expect_status("a", Status::Cancelled)
        .expect_started(&["a", "b", "c"])
        .expect_outcome(RunOutcome::SucceededWithFailures);
    let last = told.events.last().unwrap();
    assert!(Duration::between(start_of_time(), last.at) < Duration::from_secs(60));
}
