//! Whose word counts as another's, and what a ballot is good for.

use runbook::model::approval::{Ballot, HeadRef, Proof, SignedBallot, Vote, Voter};
use runbook::model::event::{Decision, Happened};
use runbook::model::ids::{Attempt, StepKey};
use runbook::model::people::{Actor, Person, Way};
use runbook::model::{Digest, Duration, Event};
use runbook::plan::PlannedApprovals;

use super::approvals::{DROP, event, given, last, refused, says_yes, vote_at, waiting_for_dba};
use super::driver::{ada, run_id};
use super::story::{account, approvals, fails, login, story};
use super::told::Told;

/// A ballot over the gate at `a`, as it stands.
fn ballot(told: &Told) -> Ballot {
    Ballot {
        run: run_id(),
        step: StepKey::from_text("a"),
        attempt: Attempt::FIRST,
        environment: "sandbox".parse().unwrap(),
        gate: told.gates("a").last().unwrap().digest,
        head: HeadRef {
            seq: 3,
            h: Digest::ZERO,
        },
        expires: Duration::from_secs(600).after(last(told)),
        vote: Vote::Approve,
        reason: Some("the replica is fresh".to_owned()),
    }
}

fn signed(name: &str, ballot: Ballot) -> Voter {
    Voter {
        principal: name.parse().unwrap(),
        proof: Proof::Signature(Box::new(SignedBallot {
            ballot,
            signature: "-----BEGIN SSH SIGNATURE-----".to_owned(),
            key: format!("SHA256:{name}"),
        })),
    }
}

#[test]
fn threat_49_nobody_approves_their_own_run() {
    let told = waiting_for_dba();
    // Under any name, from any machine, and with `sudo`.
    for name in ["ada", "ada@ops-1", "Ada@laptop"] {
        refused(
            says_yes(&told, login(name)),
            "you started this run yourself",
        );
    }
    let with_sudo = |user: &str, uid| Voter {
        principal: user.parse().unwrap(),
        proof: Proof::Login(Person {
            user: user.to_owned(),
            uid,
            ..ada()
        }),
    };
    refused(
        says_yes(&told, with_sudo("mo", 0)),
        "you started this run yourself",
    );
    refused(
        says_yes(&told, signed("ada", ballot(&told))),
        "you started this run yourself: somebody else must approve it",
    );
    assert_eq!(says_yes(&told, login("mo")), Ok(()));
}

#[test]
fn threat_49_who_takes_a_run_up_is_its_operator_too_and_what_they_said_before_is_void() {
    let mut told = story(DROP).approvals("a", 1, &[]).alone().run();
    let gave = given(&told, "a", login("li"));
    told.run.apply(&gave).unwrap();
    assert_eq!(told.run.waiting()[0].given.len(), 1);
    let taken_up = Happened::RunResumed {
        operator: account("li"),
        version: "0.1.0".to_owned(),
    };
    told.run.apply(&event(&told, taken_up, None)).unwrap();
    assert!(told.run.waiting()[0].given.is_empty());
    refused(
        says_yes(&told, login("li")),
        "you have taken this run up yourself",
    );
    refused(
        says_yes(&told, login("ada")),
        "you started this run yourself",
    );
    // Her own yes as its operator does not make her approval count.
    let yes = Happened::GateDecided {
        digest: told.gates("a")[0].digest,
        decision: Decision::Approve,
        way: Way::Terminal,
        reason: None,
    };
    let by_li = Event {
        actor: Actor::Person(account("li")),
        ..event(&told, yes, Some("a"))
    };
    told.run.apply(&by_li).unwrap();
    assert_eq!(told.run.waiting()[0].missing, 1);
    assert_eq!(says_yes(&told, login("mo")), Ok(()));
}

#[test]
fn threat_49_who_decided_at_a_gate_is_no_other() {
    let mut told = story(DROP).approvals("a", 1, &[]).alone().run();
    let yes = Happened::GateDecided {
        digest: told.gates("a")[0].digest,
        decision: Decision::Approve,
        way: Way::Login,
        reason: None,
    };
    let by_li = Event {
        actor: Actor::Person(account("li")),
        ..event(&told, yes, Some("a"))
    };
    told.run.apply(&by_li).unwrap();
    refused(
        says_yes(&told, login("li")),
        "you decided at this gate yourself",
    );
}

#[test]
fn threat_49_one_person_counts_once_whatever_they_sign_with() {
    let mut told = story(DROP)
        .approvals("a", 3, &[])
        .gate("a", Decision::Approve)
        .alone()
        .run();
    let gave = given(&told, "a", login("li"));
    told.run.apply(&gave).unwrap();
    refused(says_yes(&told, login("li")), "li has approved already");
    refused(
        says_yes(&told, login("li@laptop")),
        "li has approved already",
    );
    let other_key = signed("li@example.org", ballot(&told));
    refused(says_yes(&told, other_key), "li has approved already");
    // Two names for one account are one person, and so are two names for one key.
    let alias = Voter {
        principal: "lisa".parse().unwrap(),
        proof: Proof::Login(Person {
            user: "lisa".to_owned(),
            ..account("li")
        }),
    };
    refused(says_yes(&told, alias), "li has approved already");
    let mut gave = given(&told, "a", signed("mo", ballot(&told)));
    if let Happened::ApprovalGiven { reason, .. } = &mut gave.what {
        *reason = ballot(&told).reason;
    }
    told.run.apply(&gave).unwrap();
    let mut same_key = signed("bo", ballot(&told));
    if let Proof::Signature(signed) = &mut same_key.proof {
        signed.key = "SHA256:mo".to_owned();
    }
    refused(says_yes(&told, same_key), "mo has approved already");
    assert_eq!(told.run.waiting()[0].missing, 1);
}

#[test]
fn threat_49_only_the_groups_that_are_asked_count_and_never_who_is_excluded() {
    let told = waiting_for_dba();
    refused(
        says_yes(&told, login("bo")),
        "bo is in none of the groups that may approve this: dba",
    );
    // The name must be the one in the policy, not one that looks like it.
    refused(says_yes(&told, login("li")), "in none of the groups");
    assert_eq!(says_yes(&told, login("li@example.org")), Ok(()));
    let excluded = PlannedApprovals {
        exclude: vec!["mo@example.org".parse().unwrap()],
        ..approvals(1, &["dba"])
    };
    let told = story(DROP)
        .group("dba", &["li", "mo"])
        .approvals_of("a", excluded)
        .gate("a", Decision::Approve)
        .alone()
        .run();
    refused(says_yes(&told, login("mo")), "this gate excludes mo");
    let names: Vec<&str> = told.run.waiting()[0]
        .people
        .iter()
        .map(|person| person.as_str())
        .collect();
    assert_eq!(names, ["li"]);
    // A group that has nobody in it lets nobody through.
    let told = story(DROP)
        .approvals("a", 1, &["nobody"])
        .gate("a", Decision::Approve)
        .gate("a", Decision::Decline)
        .run();
    told.expect_started(&[]);
}

#[test]
fn threat_49_the_operating_system_must_know_who_it_is() {
    let told = waiting_for_dba();
    let root = Voter {
        principal: "root".parse().unwrap(),
        proof: Proof::Login(Person {
            user: "root".to_owned(),
            uid: 0,
            login_uid: None,
            host: "here".to_owned(),
            terminal: None,
        }),
    };
    refused(says_yes(&told, root), "nobody in particular");
    let borrowed = Voter {
        principal: "mo".parse().unwrap(),
        proof: Proof::Login(account("eve")),
    };
    refused(
        says_yes(&told, borrowed),
        "mo is not who is logged in: eve@here",
    );
}

#[test]
fn threat_49_a_ballot_is_for_one_gate_of_one_attempt_of_one_run() {
    let told = waiting_for_dba();
    assert_eq!(says_yes(&told, signed("mo", ballot(&told))), Ok(()));
    let with = |change: fn(&mut Ballot)| {
        let mut ballot = ballot(&told);
        change(&mut ballot);
        says_yes(&told, signed("mo", ballot))
    };
    refused(
        with(|ballot| ballot.run = "story-20261120T195359Z-aaaa".parse().unwrap()),
        "another run",
    );
    refused(
        with(|ballot| ballot.step = StepKey::from_text("b")),
        "another step: b, not a",
    );
    refused(
        with(|ballot| ballot.attempt = Attempt(2)),
        "another attempt: 2, not 1",
    );
    refused(
        with(|ballot| ballot.environment = "production".parse().unwrap()),
        "another environment: production",
    );
    refused(
        with(|ballot| ballot.gate = Digest::of(b"other")),
        "signed for something else",
    );
    refused(
        with(|ballot| ballot.vote = Vote::Decline),
        "the ballot says decline",
    );
}

#[test]
fn threat_49_a_ballot_that_is_too_old_is_not_cast() {
    let told = waiting_for_dba();
    let mut ballot = ballot(&told);
    ballot.expires = last(&told);
    let digest = ballot.gate;
    let voter = signed("mo", ballot);
    assert_eq!(
        vote_at(&told.run, "a", digest, voter.clone(), last(&told)),
        Ok(())
    );
    let late = Duration::from_millis(1).after(last(&told));
    refused(
        vote_at(&told.run, "a", digest, voter, late),
        "this ballot has expired",
    );
}

#[test]
fn what_was_signed_is_what_is_written_down() {
    let mut told = waiting_for_dba();
    let digest = told.gates("a")[0].digest;
    let said = |vote: Vote, reason: Option<&str>| Happened::ApprovalGiven {
        digest,
        vote,
        voter: signed("mo", ballot(&told)),
        reason: reason.map(str::to_owned),
    };
    for (what, says) in [
        (
            said(Vote::Decline, Some("the replica is fresh")),
            "the ballot says approve",
        ),
        (
            said(Vote::Approve, Some("go ahead, whatever")),
            "not the one that was signed",
        ),
        (said(Vote::Approve, None), "not the one that was signed"),
    ] {
        let illegal = told.run.clone().apply(&event(&told, what, Some("a")));
        refused(illegal.map_err(|illegal| illegal.reason), says);
    }
    let what = said(Vote::Approve, Some("the replica is fresh"));
    told.run.apply(&event(&told, what, Some("a"))).unwrap();
}

#[test]
fn threat_49_what_was_said_at_an_earlier_opening_is_not_cast_at_a_later_one() {
    // A retry asks anew.
    let told = story(
        "steps: [ { id: a, call: $BOX drop x, gate: Drop x?, retry: { attempts: 2, delay: 1s } } ]",
    )
    .approvals("a", 1, &[])
    .gate("a", Decision::Approve)
    .vote("a", "li", Vote::Approve)
    .reply("a", fails("once"))
    .alone()
    .run();
    let gates = told.gates("a");
    assert_eq!(gates.len(), 2, "{}", told.trace());
    assert_ne!(gates[0].digest, gates[1].digest);
    assert!(told.run.waiting()[0].given.is_empty());
    told.expect_started(&["a"]);
    let at = last(&told);
    refused(
        vote_at(&told.run, "a", gates[0].digest, login("li"), at),
        "this is not what the gate shows now",
    );
    let mut replayed = ballot(&told);
    replayed.gate = gates[0].digest;
    replayed.attempt = Attempt::FIRST;
    let fresh = gates[1].digest;
    refused(
        vote_at(&told.run, "a", fresh, signed("mo", replayed), at),
        "another attempt",
    );
    // Who approved the first attempt may well approve the second.
    assert_eq!(vote_at(&told.run, "a", fresh, login("li"), at), Ok(()));
}
