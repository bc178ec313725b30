//! What was done without approvals, and who looks at it afterwards.

use runbook::model::approval::{Ballot, HeadRef, Proof, SignedBallot, Vote, Voter};
use runbook::model::event::{Happened, Reviewed, RunOutcome};
use runbook::model::ids::{Attempt, StepKey};
use runbook::model::people::{Actor, Person, Way};
use runbook::model::{Digest, Duration, Event, Severity, Timestamp};
use runbook::spec::environment::BreakGlass;

use super::driver::{Stroke, ada, run_id};
use super::story::{Story, account, login, story};
use super::told::Told;

const DROP: &str = "steps: [ { id: a, call: $BOX drop x, gate: Drop x? } ]";

/// Approvals may come within a day.
fn afterwards(count: u32) -> Story {
    story(DROP)
        .group("dba", &["li", "mo", "ada"])
        .approvals("a", count, &["dba"])
        .severity(Severity::Sev1)
        .with_policy(|policy| policy.after_the_fact = vec![Severity::Sev1])
}

fn glass() -> Told {
    story(DROP)
        .group("lead", &["ada"])
        .approvals("a", 1, &[])
        .with_policy(|policy| {
            policy.break_glass = Some(BreakGlass {
                group: "lead".parse().unwrap(),
                announce: None,
            });
        })
        .after("run_opened", "", Stroke::Glass)
        .run()
}

fn of_gate() -> Reviewed {
    Reviewed::Gate {
        step: StepKey::from_text("a"),
        attempt: Attempt::FIRST,
    }
}

fn last(told: &Told) -> Timestamp {
    told.run.last_moment().unwrap()
}

fn signs(told: &mut Told, of: Reviewed, voter: Voter) -> Result<(), String> {
    signs_with(told, of, voter, "looked at it")
}

fn signs_with(told: &mut Told, of: Reviewed, voter: Voter, reason: &str) -> Result<(), String> {
    let event = Event {
        at: last(told),
        step: None,
        attempt: None,
        actor: Actor::Engine,
        what: Happened::ReviewSigned {
            of,
            voter,
            reason: reason.to_owned(),
        },
    };
    told.run.apply(&event).map_err(|illegal| illegal.reason)
}

#[track_caller]
fn refused(result: Result<(), String>, says: &str) {
    let reason = result.unwrap_err();
    assert!(reason.contains(says), "{reason}");
}

#[test]
fn what_acted_before_its_approvals_is_open_until_enough_others_have_given_them() {
    let mut told = afterwards(2).run();
    told.expect_outcome(RunOutcome::Succeeded);
    let open = told.run.reviews_open();
    assert_eq!(open.len(), 1);
    let review = &open[0];
    assert_eq!((&review.of, review.missing), (&of_gate(), 2));
    assert_eq!(
        review.due,
        Duration::from_secs(24 * 3600).after(review.since)
    );
    let started = told
        .events
        .iter()
        .find(|event| event.what.kind() == "step_started");
    assert_eq!(review.since, started.unwrap().at);
    assert_eq!(review.groups[0].as_str(), "dba");
    assert_eq!(signs(&mut told, of_gate(), login("li")), Ok(()));
    assert_eq!(told.run.reviews_open()[0].missing, 1);
    refused(
        signs(&mut told, of_gate(), login("li@laptop")),
        "none of the groups",
    );
    refused(
        signs(&mut told, of_gate(), login("li")),
        "li has approved already",
    );
    assert_eq!(signs(&mut told, of_gate(), login("mo")), Ok(()));
    assert!(told.run.reviews_open().is_empty());
    refused(signs(&mut told, of_gate(), login("mo")), "owes no approval");
}

#[test]
fn threat_49_nobody_reviews_what_they_did_themselves() {
    let mut told = afterwards(1).run();
    refused(
        signs(&mut told, of_gate(), login("ada")),
        "you started this run yourself: somebody else must review it",
    );
    let root = Voter {
        principal: "root".parse().unwrap(),
        proof: Proof::Login(Person {
            uid: 0,
            login_uid: None,
            ..account("root")
        }),
    };
    refused(signs(&mut told, of_gate(), root), "nobody in particular");
    refused(
        signs(&mut told, of_gate(), login("eve")),
        "none of the groups",
    );
    let mut told = glass();
    refused(
        signs(&mut told, Reviewed::BreakGlass, login("ada")),
        "you started this run",
    );
}

#[test]
fn an_approval_that_was_there_in_time_is_not_owed() {
    let told = afterwards(1).vote("a", "li", Vote::Approve).run();
    assert!(told.run.reviews_open().is_empty());
    let told = afterwards(2).vote("a", "li", Vote::Approve).run();
    assert_eq!(told.run.reviews_open()[0].missing, 1);
}

#[test]
fn what_never_acted_owes_nothing_and_neither_does_a_rehearsal() {
    let told = afterwards(1).cancel_after("gate_decided", "a").run();
    told.expect_started(&[]);
    assert!(told.run.reviews_open().is_empty());
    let told = afterwards(1)
        .gate_by("a", runbook::model::event::Decision::Approve, Way::Yes)
        .run();
    told.expect_started(&["a"]);
    assert!(told.run.reviews_open().is_empty());
}

#[test]
fn a_late_approval_by_signature_is_about_exactly_that_gate() {
    let mut told = afterwards(1).run();
    let ballot = Ballot {
        run: run_id(),
        step: StepKey::from_text("a"),
        attempt: Attempt::FIRST,
        environment: "sandbox".parse().unwrap(),
        gate: told.gates("a")[0].digest,
        head: HeadRef {
            seq: 3,
            h: Digest::ZERO,
        },
        expires: Duration::from_secs(60).after(last(&told)),
        vote: Vote::Approve,
        reason: Some("looked at it".to_owned()),
    };
    let signed = |ballot: Ballot| Voter {
        principal: "li".parse().unwrap(),
        proof: Proof::Signature(Box::new(SignedBallot {
            ballot,
            signature: String::new(),
            key: "SHA256:li".to_owned(),
        })),
    };
    let with = |change: fn(&mut Ballot)| {
        let mut ballot = ballot.clone();
        change(&mut ballot);
        signed(ballot)
    };
    for (voter, says) in [
        (
            with(|ballot| ballot.gate = Digest::ZERO),
            "signed for something else",
        ),
        (
            with(|ballot| ballot.vote = Vote::Decline),
            "the ballot says decline",
        ),
        (
            with(|ballot| ballot.attempt = Attempt(2)),
            "another attempt",
        ),
        (
            with(|ballot| ballot.reason = None),
            "not the one that was signed",
        ),
        (
            with(|ballot| ballot.expires = Timestamp::UNIX_EPOCH),
            "has expired",
        ),
    ] {
        refused(signs(&mut told, of_gate(), voter), says);
    }
    assert_eq!(signs(&mut told, of_gate(), signed(ballot)), Ok(()));
}

#[test]
fn broken_glass_is_open_until_somebody_else_has_looked_at_it() {
    let mut told = glass();
    let open = told.run.reviews_open();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].of, Reviewed::BreakGlass);
    assert_eq!(open[0].why, "nobody can be reached");
    refused(
        signs_with(&mut told, Reviewed::BreakGlass, login("li"), " "),
        "say what you found",
    );
    assert_eq!(signs(&mut told, Reviewed::BreakGlass, login("li")), Ok(()));
    assert!(told.run.reviews_open().is_empty());
    refused(
        signs(&mut told, Reviewed::BreakGlass, login("mo")),
        "no broken glass",
    );
    let mut whole = story(DROP).run();
    refused(
        signs(&mut whole, Reviewed::BreakGlass, login("li")),
        "no broken glass",
    );
    refused(
        signs(&mut whole, of_gate(), login("li")),
        "owes no approval",
    );
}

#[test]
fn who_broke_the_glass_does_not_review_it_even_if_another_operates_the_run() {
    let plan = story(DROP)
        .group("lead", &["bo"])
        .approvals("a", 1, &[])
        .with_policy(|policy| {
            policy.break_glass = Some(BreakGlass {
                group: "lead".parse().unwrap(),
                announce: None,
            });
        })
        .alone();
    let mut told = plan.run();
    let broke = Event {
        at: last(&told),
        step: None,
        attempt: None,
        actor: Actor::Person(account("bo")),
        what: Happened::GlassBroken {
            reason: "now".to_owned(),
            group: "lead".parse().unwrap(),
        },
    };
    told.run.apply(&broke).unwrap();
    refused(
        signs(&mut told, Reviewed::BreakGlass, login("bo@laptop")),
        "you broke the glass",
    );
    assert_eq!(signs(&mut told, Reviewed::BreakGlass, login("li")), Ok(()));
    assert_ne!(ada(), account("ada"));
}

#[test]
fn a_review_does_not_open_a_closed_run() {
    let mut told = afterwards(1).run();
    let latest = last(&told);
    assert_eq!(signs(&mut told, of_gate(), login("li")), Ok(()));
    assert!(told.run.closing().is_some());
    assert_eq!(last(&told), latest);
}
