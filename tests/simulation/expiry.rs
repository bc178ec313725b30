//! Time at a gate: nobody decides in time, or a decision comes too long before the start. Time
//! alone never says yes.

use runbook::model::approval::Vote;
use runbook::model::event::{Decision, Expires, Happened, RunOutcome};
use runbook::model::ids::{Attempt, StepKey};
use runbook::model::people::{Actor, Way};
use runbook::model::{Duration, Event, Status, Timestamp};
use runbook::run::{Command, Fact, Input, Need};

use super::driver::{Stroke, ada, resumed};
use super::story::{Story, fails, login, ok, story};
use super::told::Told;

const DROP: &str =
    "steps: [ { id: a, call: $BOX drop x, gate: Drop x? }, { id: b, call: $BOX look } ]";

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

fn approve_within(minutes_: u64, escalate: &[&str]) -> Expires {
    Expires {
        approve: Some(minutes(minutes_)),
        execute: None,
        escalate: escalate
            .iter()
            .map(|group| group.parse().unwrap())
            .collect(),
    }
}

fn execute_within(minutes_: u64) -> Expires {
    Expires {
        execute: Some(minutes(minutes_)),
        ..Expires::default()
    }
}

/// How long after the opening of its last gate something happened to a step.
fn after_opening(told: &Told, kind: &str) -> Duration {
    let at = |kind: &str| {
        let mut events = told.events.iter().rev();
        events.find(|event| event.what.kind() == kind).unwrap().at
    };
    Duration::between(at("gate_opened"), at(kind))
}

/// Others must approve, of one group and then of another.
fn escalated() -> Story {
    story(DROP)
        .group("dba", &["li"])
        .group("lead", &["mo"])
        .approvals("a", 1, &["dba"])
        .expires("a", approve_within(10, &["lead"]))
}

#[test]
fn a_gate_that_nobody_decides_about_in_time_is_declined() {
    let told = story(DROP)
        .expires("a", approve_within(30, &[]))
        .alone()
        .waits()
        .run();
    told.expect_kinds("a", &["gate_opened", "gate_decided", "failure_decided"])
        .expect_started(&[])
        .expect_status("a", Status::Declined)
        .expect_failure("a", "expired: nobody decided within 30m")
        .expect_outcome(RunOutcome::Declined);
    assert_eq!(after_opening(&told, "gate_decided"), minutes(30));
    let decided = told.events.iter().find_map(|event| match &event.what {
        Happened::GateDecided { decision, way, .. } => Some((*decision, *way, &event.actor)),
        _ => None,
    });
    assert_eq!(decided, Some((Decision::Expire, Way::Rule, &Actor::Engine)));
}

#[test]
fn who_waits_at_a_gate_is_told_until_when() {
    let told = story(DROP)
        .expires("a", approve_within(30, &[]))
        .alone()
        .run();
    let waiting = &told.run.waiting()[0];
    let until = minutes(30).after(waiting.opened_at);
    assert_eq!(waiting.until, Some(until));
    let commands = told.run.commands(waiting.opened_at);
    assert!(
        commands.contains(&Command::WaitUntil(until)),
        "{commands:?}"
    );
}

#[test]
fn the_operators_yes_alone_does_not_stop_the_clock() {
    let told = story(DROP)
        .approvals("a", 1, &[])
        .expires("a", approve_within(30, &[]))
        .gate("a", Decision::Approve)
        .alone()
        .waits()
        .run();
    told.expect_started(&[]).expect_failure(
        "a",
        "expired: 1 more had to approve, and nobody did within 30m",
    );
    assert_eq!(after_opening(&told, "failure_decided"), minutes(30));
    let told = story(DROP)
        .approvals("a", 1, &[])
        .expires("a", approve_within(30, &[]))
        .vote("a", "li", Vote::Approve)
        .alone()
        .waits()
        .run();
    told.expect_failure("a", "expired: the operator did not decide within 30m");
}

#[test]
fn where_nobody_approves_in_time_one_group_more_may_and_the_time_begins_anew() {
    let told = escalated()
        .gate("a", Decision::Approve)
        .alone()
        .waits()
        .run();
    told.expect_kinds(
        "a",
        &[
            "gate_opened",
            "gate_decided",
            "gate_escalated",
            "gate_decided",
            "failure_decided",
        ],
    )
    .expect_failure("a", "expired");
    assert_eq!(after_opening(&told, "gate_escalated"), minutes(10));
    assert_eq!(after_opening(&told, "failure_decided"), minutes(20));
}

#[test]
fn who_may_approve_after_an_escalation_are_both_groups_people() {
    let told = escalated()
        .gate("a", Decision::Approve)
        .after("gate_decided", "a", Stroke::Wait(minutes(11)))
        .alone()
        .run();
    let Need::Approvals { people, until, .. } = told.expect_waits("a") else {
        panic!("{}", told.trace());
    };
    let names: Vec<&str> = people.iter().map(|person| person.as_str()).collect();
    assert_eq!(names, ["li", "mo"]);
    assert!(until.is_some());
    let groups: Vec<String> = told.run.waiting()[0]
        .groups
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(groups, ["dba", "lead"]);
    // And the word of the second group counts.
    escalated()
        .gate("a", Decision::Approve)
        .after("gate_decided", "a", Stroke::Wait(minutes(11)))
        .vote("a", "mo", Vote::Approve)
        .run()
        .expect_started(&["a", "b"]);
    // Before that it did not.
    let told = escalated().alone().run();
    assert!(
        vote(&told, "mo", last(&told))
            .unwrap_err()
            .contains("none of the groups")
    );
}

fn last(told: &Told) -> Timestamp {
    told.run.last_moment().unwrap()
}

fn vote(told: &Told, name: &str, at: Timestamp) -> Result<(), String> {
    let input = Input {
        step: StepKey::from_text("a"),
        attempt: Attempt::FIRST,
        fact: Fact::Vote {
            digest: told.gates("a").last().unwrap().digest,
            vote: Vote::Approve,
            voter: Box::new(login(name)),
            reason: None,
        },
    };
    told.run
        .admit(input, at)
        .map(|_| ())
        .map_err(|stale| stale.reason)
}

#[test]
fn a_gate_with_nobody_to_turn_to_does_not_escalate() {
    let told = story(DROP)
        .group("lead", &["mo"])
        .expires("a", approve_within(10, &["lead"]))
        .alone()
        .waits()
        .run();
    told.expect_kinds("a", &["gate_opened", "gate_decided", "failure_decided"]);
}

#[test]
fn a_gate_expires_while_the_run_is_parked_and_says_so_when_it_is_taken_up() {
    let parked = story(DROP)
        .approvals("a", 1, &[])
        .expires("a", approve_within(30, &[]))
        .alone()
        .run();
    parked.expect_waits("a");
    // Too late is too late, although nobody was there to write that down.
    let opened = parked.run.waiting()[0].opened_at;
    let late = minutes(30).after(opened);
    assert_eq!(vote(&parked, "li", opened), Ok(()));
    let refused = vote(&parked, "li", late).unwrap_err();
    assert_eq!(refused, "this gate has expired: nobody decided within 30m");
    let decide = Fact::Gate {
        digest: parked.gates("a")[0].digest,
        decision: Decision::Approve,
        way: Way::Terminal,
        reason: None,
    };
    let input = Input {
        step: StepKey::from_text("a"),
        attempt: Attempt::FIRST,
        fact: decide,
    };
    assert!(
        parked
            .run
            .admit(input, late)
            .unwrap_err()
            .reason
            .contains("expired")
    );
    let mut run = parked.run.clone();
    let event = |what| Event {
        at: late,
        step: None,
        attempt: None,
        actor: Actor::Person(ada()),
        what,
    };
    run.apply(&event(resumed())).unwrap();
    let commands = run.commands(late);
    let [Command::Record(draft)] = &commands[..] else {
        panic!("{commands:?}");
    };
    assert!(matches!(
        draft.what,
        Happened::GateDecided {
            decision: Decision::Expire,
            ..
        }
    ));
}

#[test]
fn who_may_approve_may_still_do_so_where_the_next_group_was_not_turned_to_yet() {
    let told = escalated().alone().run();
    let late = minutes(15).after(told.run.waiting()[0].opened_at);
    assert_eq!(vote(&told, "li", late), Ok(()));
}

/// One event more, at this moment.
fn says(told: &Told, what: Happened, at: Timestamp) -> Result<(), String> {
    let event = Event {
        at,
        step: Some(StepKey::from_text("a")),
        attempt: Some(Attempt::FIRST),
        actor: Actor::Engine,
        what,
    };
    let mut run = told.run.clone();
    let taken_up = Event {
        step: None,
        attempt: None,
        actor: Actor::Person(ada()),
        what: resumed(),
        ..event.clone()
    };
    run.apply(&taken_up).unwrap();
    run.apply(&event).map_err(|illegal| illegal.reason)
}

#[test]
fn time_decides_when_it_is_up_and_nothing_else() {
    let told = escalated().alone().run();
    let (opened, digest) = {
        let waiting = &told.run.waiting()[0];
        (waiting.opened_at, waiting.gate.digest)
    };
    let expire = |way| Happened::GateDecided {
        digest,
        decision: Decision::Expire,
        way,
        reason: None,
    };
    let escalate = |to: &str, people: &[&str]| Happened::GateEscalated {
        digest,
        to: to.parse().unwrap(),
        people: people.iter().map(|name| name.parse().unwrap()).collect(),
    };
    let early = minutes(9).after(opened);
    let late = minutes(10).after(opened);
    assert!(
        says(&told, escalate("lead", &["mo"]), early)
            .unwrap_err()
            .contains("not up")
    );
    assert_eq!(says(&told, escalate("lead", &["mo"]), late), Ok(()));
    for other in [
        escalate("dba", &["li"]),
        escalate("lead", &["eve"]),
        expire(Way::Rule),
        expire(Way::Terminal),
    ] {
        let refused = says(&told, other, late).unwrap_err();
        assert!(refused.contains("leads to `gate_escalated`"), "{refused}");
    }
    // Nobody writes down that time is up but who drives the run.
    let parked = Event {
        at: late,
        step: Some(StepKey::from_text("a")),
        attempt: Some(Attempt::FIRST),
        actor: Actor::Engine,
        what: escalate("lead", &["mo"]),
    };
    let illegal = told.run.clone().apply(&parked).unwrap_err();
    assert_eq!(illegal.reason, "the run is parked");
}

#[test]
fn a_decision_that_came_too_long_before_the_start_is_asked_for_again() {
    let told = story(DROP)
        .expires("a", execute_within(10))
        .after("gate_decided", "a", Stroke::Wait(minutes(11)))
        .run();
    let gates = told.gates("a");
    assert_eq!(gates.len(), 2, "{}", told.trace());
    assert_ne!(gates[0].digest, gates[1].digest);
    assert_eq!(gates[1].turn, gates[0].turn + 1);
    told.expect_kinds(
        "a",
        &[
            "gate_opened",
            "gate_decided",
            "gate_opened",
            "gate_decided",
            "step_started",
            "step_finished",
        ],
    );
    // In time, it holds.
    let told = story(DROP)
        .expires("a", execute_within(10))
        .after("gate_decided", "a", Stroke::Wait(minutes(9)))
        .run();
    assert_eq!(told.gates("a").len(), 1);
}

#[test]
fn others_approve_anew_too_where_their_word_came_too_long_ago() {
    let told = story(DROP)
        .approvals("a", 1, &[])
        .expires("a", execute_within(10))
        .gate("a", Decision::Approve)
        // The operator's yes waits for the other's: the time counts from the last that was needed.
        .after("gate_decided", "a", Stroke::Wait(minutes(20)))
        .vote("a", "li", Vote::Approve)
        .after("approval_given", "a", Stroke::Wait(minutes(11)))
        .gate("a", Decision::Approve)
        .alone()
        .run();
    assert_eq!(told.gates("a").len(), 2);
    told.expect_waits("a");
    told.expect_started(&[]);
    assert!(told.run.waiting()[0].given.is_empty());
}

#[test]
fn no_step_starts_on_a_decision_that_is_too_old() {
    let told = story(DROP).expires("a", execute_within(10)).run();
    let start = told
        .events
        .iter()
        .position(|event| event.what.kind() == "step_started")
        .unwrap();
    let mut events = told.events[..=start].to_vec();
    let decided = events[start - 1].at;
    let folds = |events: &[Event]| {
        runbook::run::fold(super::driver::run_id(), told.run.plan().clone(), events)
            .map(|_| ())
            .map_err(|illegal| illegal.reason)
    };
    events[start].at = minutes(10).after(decided);
    assert_eq!(folds(&events), Ok(()));
    events[start].at = Duration::from_millis(1).after(events[start].at);
    assert!(
        folds(&events)
            .unwrap_err()
            .contains("its gate has no decision")
    );
}

#[test]
fn a_decision_does_not_outlive_the_night() {
    // What a person does has no start in the journal: once they were asked, they have begun.
    let text = "steps: [ { id: a, manual: Pull the plug, gate: Sure? } ]";
    let told = story(text)
        .expires("a", execute_within(10))
        .after("gate_decided", "a", Stroke::Wait(minutes(30)))
        .run();
    assert_eq!(told.gates("a").len(), 1);
    // Taken up again, they have not: they are asked anew.
    let told = story(text)
        .expires(
            "a",
            Expires {
                execute: Some(Duration::from_secs(30)),
                ..Expires::default()
            },
        )
        .crash_after("gate_decided", "a")
        .run();
    assert_eq!(told.gates("a").len(), 2, "{}", told.trace());
}

#[test]
fn an_item_that_starts_too_late_asks_for_itself_although_all_were_asked_once() {
    let told = story(
        "
steps:
  - id: a
    for_each: [x, y]
    call: $BOX drop {{ item }}
    gate: { confirm: Drop all?, once: true }
",
    )
    .expires("a", execute_within(10))
    .after("step_finished", "a[0]", Stroke::Wait(minutes(11)))
    .run();
    assert_eq!(told.gates("a").len(), 1);
    assert_eq!(told.gates("a[0]").len(), 0);
    assert_eq!(told.gates("a[1]").len(), 1, "{}", told.trace());
}

#[test]
fn each_attempt_has_its_time() {
    let told = story(
        "steps: [ { id: a, call: $BOX drop x, gate: Drop?, retry: { attempts: 2, delay: 1h } } ]",
    )
    .expires("a", approve_within(30, &[]))
    .reply("a", fails("once"))
    .reply("a", ok())
    .run();
    told.expect_started(&["a", "a"])
        .expect_outcome(RunOutcome::Succeeded);
}
