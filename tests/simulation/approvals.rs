//! Approvals by others: whose word counts, what it is bound to, and what goes on without it.

use runbook::model::approval::{Ballot, HeadRef, Principal, Proof, SignedBallot, Vote, Voter};
use runbook::model::event::{Decision, Happened, RunOutcome};
use runbook::model::ids::{Attempt, StepKey};
use runbook::model::people::{Actor, Person, Way};
use runbook::model::{Digest, Duration, Event, Severity, Status, Timestamp};
use runbook::plan::PlannedApprovals;
use runbook::run::{Fact, Input, Need, Run};
use runbook::spec::environment::{
    BreakGlass, GateNeeds, GateRule, Gates, PolicyApprovals, Unattended,
};

use super::driver::{Stroke, ada, resumed, run_id};
use super::story::{Story, account, approvals, fails, login, story};
use super::told::Told;

const DROP: &str =
    "steps: [ { id: a, call: $BOX drop x, gate: Drop x? }, { id: b, call: $BOX look } ]";

/// A step that one of the DBAs must approve.
fn one_of_dba() -> Story {
    story(DROP)
        .group("dba", &["li@example.org", "mo", "ada"])
        .group("lead", &["bo"])
        .approvals("a", 1, &["dba"])
}

/// The same, at the moment at which it waits for others.
fn waiting_for_dba() -> Told {
    one_of_dba().gate("a", Decision::Approve).alone().run()
}

fn vote_at(
    run: &Run,
    step: &str,
    digest: Digest,
    voter: Voter,
    at: Timestamp,
) -> Result<(), String> {
    vote(run, step, digest, Vote::Approve, voter, at)
}

fn vote(
    run: &Run,
    step: &str,
    digest: Digest,
    vote: Vote,
    voter: Voter,
    at: Timestamp,
) -> Result<(), String> {
    let step = StepKey::from_text(step);
    let attempt = run.step(&step).unwrap().attempt();
    let reason = match &voter.proof {
        Proof::Signature(signed) => signed.ballot.reason.clone(),
        Proof::Login(_) => None,
    };
    let fact = Fact::Vote {
        digest,
        vote,
        voter: Box::new(voter),
        reason,
    };
    let input = Input {
        step,
        attempt,
        fact,
    };
    run.admit(input, at)
        .map(|_| ())
        .map_err(|stale| stale.reason)
}

/// Lets somebody say yes to the gate at `a` as it stands.
fn says_yes(told: &Told, voter: Voter) -> Result<(), String> {
    let digest = told.gates("a").last().unwrap().digest;
    vote_at(&told.run, "a", digest, voter, last(told))
}

fn last(told: &Told) -> Timestamp {
    told.run.last_moment().unwrap()
}

#[track_caller]
fn refused(result: Result<(), String>, says: &str) {
    let reason = result.unwrap_err();
    assert!(reason.contains(says), "{reason}");
}

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
fn a_step_acts_once_its_operator_and_enough_others_said_yes_in_either_order() {
    let kinds = [
        "gate_opened",
        "gate_decided",
        "approval_given",
        "step_started",
        "step_finished",
    ];
    one_of_dba()
        .run()
        .expect_kinds("a", &kinds)
        .expect_outcome(RunOutcome::Succeeded);
    let told = one_of_dba().vote("a", "mo", Vote::Approve).run();
    told.expect_kinds(
        "a",
        &[
            "gate_opened",
            "approval_given",
            "gate_decided",
            "step_started",
            "step_finished",
        ],
    );
    let asked = told.gates("a")[0].approvals.clone().unwrap();
    let people: Vec<&str> = asked.people.iter().map(Principal::as_str).collect();
    assert_eq!(
        (asked.count, people),
        (1, vec!["li@example.org", "mo", "ada"])
    );
    assert!(!asked.afterwards);
}

#[test]
fn who_waits_for_others_sees_who_may_and_who_did() {
    let told = story(DROP)
        .group("dba", &["li@example.org", "mo", "ada"])
        .approvals("a", 2, &["dba"])
        .vote("a", "mo", Vote::Approve)
        .gate("a", Decision::Approve)
        .alone()
        .run();
    let Need::Approvals {
        given,
        people,
        until,
        ..
    } = told.expect_waits("a")
    else {
        panic!("{}", told.trace());
    };
    assert_eq!((given.len(), people.len(), *until), (1, 3, None));
    let waiting = told.run.waiting();
    assert_eq!(waiting.len(), 1);
    let waits = &waiting[0];
    assert_eq!(waits.step.as_str(), "a");
    assert_eq!(waits.operator.unwrap().by, &ada());
    assert_eq!(waits.given[0].voter.principal.as_str(), "mo");
    assert_eq!((waits.missing, waits.groups.len()), (1, 1));
    assert_eq!(waits.gate.digest, told.gates("a")[0].digest);
    assert!(waits.opened_at < waits.given[0].at);
    told.expect_started(&[]);
}

#[test]
fn a_vote_leaves_the_operators_question_as_it_is() {
    let mut told = story(DROP).approvals("a", 1, &[]).alone().run();
    let need = |run: &Run| {
        let commands = run.commands(run.last_moment().unwrap());
        format!("{commands:?}")
    };
    told.run.apply(&event(&told, resumed(), None)).unwrap();
    let before = need(&told.run);
    assert!(before.contains("Gate("), "{before}");
    let gave = given(&told, "a", login("li"));
    told.run.apply(&gave).unwrap();
    assert_eq!(need(&told.run), before);
}

/// An event right after the last one.
fn event(told: &Told, what: Happened, step: Option<&str>) -> Event {
    Event {
        at: last(told),
        step: step.map(StepKey::from_text),
        attempt: step.map(|_| Attempt::FIRST),
        actor: Actor::Person(ada()),
        what,
    }
}

fn given(told: &Told, step: &str, voter: Voter) -> Event {
    let what = Happened::ApprovalGiven {
        digest: told.gates(step).last().unwrap().digest,
        vote: Vote::Approve,
        voter,
        reason: None,
    };
    event(told, what, Some(step))
}

#[test]
fn a_no_of_another_is_a_no() {
    for told in [
        one_of_dba().vote("a", "mo", Vote::Decline).run(),
        one_of_dba()
            .gate("a", Decision::Approve)
            .vote("a", "mo", Vote::Decline)
            .run(),
    ] {
        told.expect_started(&[])
            .expect_status("a", Status::Declined)
            .expect_failure("a", "declined by mo")
            .expect_outcome(RunOutcome::Declined);
    }
    // Also of who has said yes before, and has seen since what is wrong.
    story(DROP)
        .approvals("a", 2, &[])
        .vote("a", "mo", Vote::Approve)
        .vote("a", "mo", Vote::Decline)
        .run()
        .expect_failure("a", "declined by mo");
}

#[test]
fn the_operator_who_waits_for_others_can_still_say_no_but_not_yes_again() {
    one_of_dba()
        .gate("a", Decision::Approve)
        .gate("a", Decision::Decline)
        .run()
        .expect_started(&[])
        .expect_outcome(RunOutcome::Declined);
    let told = waiting_for_dba();
    let digest = told.gates("a")[0].digest;
    let decide = |decision, way| {
        let what = Happened::GateDecided {
            digest,
            decision,
            way,
            reason: None,
        };
        let mut run = told.run.clone();
        run.apply(&event(&told, what, Some("a")))
            .map_err(|illegal| illegal.reason)
    };
    refused(
        decide(Decision::Approve, Way::Terminal),
        "has said yes already",
    );
    refused(
        decide(Decision::Skip, Way::Terminal),
        "can only be declined",
    );
    assert_eq!(decide(Decision::Decline, Way::Terminal), Ok(()));
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
        .approvals("a", 2, &[])
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
    // Two names on one account, and two names for one key, are one person too.
    let alias = Voter {
        principal: "lisa".parse().unwrap(),
        proof: Proof::Login(Person {
            user: "lisa".to_owned(),
            ..account("li")
        }),
    };
    refused(says_yes(&told, alias), "li has approved already");
    let mut by_key = signed("mo", ballot(&told));
    let gave = Event {
        what: Happened::ApprovalGiven {
            digest: told.gates("a")[0].digest,
            vote: Vote::Approve,
            voter: by_key.clone(),
            reason: ballot(&told).reason,
        },
        ..event(&told, resumed(), Some("a"))
    };
    by_key.principal = "bo".parse().unwrap();
    let mut three = story(DROP)
        .approvals("a", 3, &[])
        .gate("a", Decision::Approve)
        .alone()
        .run();
    three.run.apply(&gave_at(&three, gave)).unwrap();
    let mut same_key = signed("bo", ballot(&three));
    if let Proof::Signature(signed) = &mut same_key.proof {
        signed.key = "SHA256:mo".to_owned();
    }
    refused(says_yes(&three, same_key), "mo has approved already");
}

/// The same event about the gate of another story.
fn gave_at(told: &Told, event: Event) -> Event {
    let mut event = event;
    let gate = told.gates("a")[0].digest;
    if let Happened::ApprovalGiven { digest, voter, .. } = &mut event.what {
        *digest = gate;
        if let Proof::Signature(signed) = &mut voter.proof {
            signed.ballot = ballot(told);
        }
    }
    event
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

/// What the gate shows changes once the look has ended.
const WHILE_IT_LOOKS: &str = "
steps:
  - parallel: true
    steps:
      - { id: look, call: $BOX look }
      - { id: a, call: '$BOX drop {{ steps.look.status }}', gate: Drop it? }
";

#[test]
fn threat_21_threat_50_what_changed_since_it_was_approved_is_approved_anew_by_everybody() {
    let told = story(WHILE_IT_LOOKS)
        .approvals("a", 1, &[])
        .people_first()
        .vote("a", "li", Vote::Approve)
        .gate("a", Decision::Approve)
        .run();
    // Both said yes while the look was running, and the step started while it was.
    assert_eq!(told.words("a"), ["drop running"]);
    // Now the look has ended when the step is to start.
    let told = story(WHILE_IT_LOOKS)
        .approvals("a", 1, &[])
        .gate("a", Decision::Approve)
        .vote("a", "li", Vote::Approve)
        .run();
    let gates = told.gates("a");
    assert_eq!(gates.len(), 2, "{}", told.trace());
    assert_eq!((gates[0].turn, gates[1].turn), (0, 1));
    let votes = told
        .kinds("a")
        .iter()
        .filter(|kind| **kind == "approval_given")
        .count();
    assert_eq!(votes, 2, "{}", told.trace());
    assert_eq!(told.words("a"), ["drop succeeded"]);
}

#[test]
fn parallel_branches_never_share_a_decision() {
    let told = story(
        "
steps:
  - parallel: true
    steps:
      - { id: a, call: $BOX drop x, gate: Drop x? }
      - { id: c, call: $BOX drop x, gate: Drop x? }
",
    )
    .approvals("a", 1, &[])
    .approvals("c", 1, &[])
    .gate("a", Decision::Approve)
    .gate("c", Decision::Approve)
    .vote("a", "li", Vote::Approve)
    .alone()
    .run();
    let (a, c) = (told.gates("a")[0].digest, told.gates("c")[0].digest);
    assert_ne!(a, c);
    told.expect_started(&["a"]);
    let at = last(&told);
    refused(
        vote_at(&told.run, "c", a, login("mo"), at),
        "not what the gate shows now",
    );
    assert_eq!(vote_at(&told.run, "c", c, login("li"), at), Ok(()));
}

#[test]
fn a_vote_without_a_gate_that_asks_for_it_is_none() {
    let told = story(DROP).alone().run();
    refused(
        says_yes(&told, login("li")),
        "this gate asks for no approvals",
    );
    let told = one_of_dba().run();
    refused(says_yes(&told, login("mo")), "it is succeeded");
    let mut told = waiting_for_dba();
    let gave = given(&told, "a", login("mo"));
    told.run.apply(&gave).unwrap();
    refused(
        says_yes(&told, login("li@example.org")),
        "has been passed already",
    );
}

#[test]
fn approvals_have_a_condition_of_their_own() {
    let text = "
steps:
  - { id: look, call: $BOX look }
  - { id: a, call: $BOX drop x, gate: Drop x? }
";
    let condition = |text: &str| PlannedApprovals {
        condition: Some(runbook::expr::Expression::parse(text).unwrap()),
        ..approvals(1, &[])
    };
    let told = story(text)
        .approvals_of("a", condition("steps.look.output.n > 5"))
        .run();
    assert_eq!(told.gates("a")[0].approvals, None);
    let told = story(text)
        .approvals_of("a", condition("steps.look.output.n == 1"))
        .run();
    assert_eq!(told.gates("a")[0].approvals.as_ref().unwrap().count, 1);
    // What cannot be said fails the step before anybody is asked.
    story(text)
        .approvals_of("a", condition("steps.look.output.n > '5'"))
        .run()
        .expect_kinds("a", &["step_refused", "failure_decided"])
        .expect_failure("a", "the `if` of the gate's approvals");
}

#[test]
fn a_gate_whose_if_is_false_drops_its_approvals_but_not_those_of_the_policy() {
    let text = "steps: [ { id: a, call: $BOX drop x, gate: { confirm: Sure?, challenge: x, if: 1 > 2 } } ]";
    let told = story(text).approvals("a", 2, &[]).run();
    assert_eq!(told.gates("a")[0].approvals, None);
    let told = story(text)
        .group("dba", &["li", "mo"])
        .with_policy(|policy| {
            policy.gates = Gates {
                destructive: GateNeeds {
                    rule: GateRule::Confirm,
                    approvals: Some(PolicyApprovals {
                        count: 1,
                        from: vec!["dba".parse().unwrap()],
                    }),
                },
                change: GateRule::None.into(),
            };
        })
        .approvals("a", 2, &[])
        .run();
    let asked = told.gates("a")[0].approvals.clone().unwrap();
    assert_eq!((asked.count, asked.people.len()), (1, 2));
}

#[test]
fn nothing_stands_in_for_people_where_the_policy_does_not_let_it() {
    let with = |unattended| {
        one_of_dba()
            .with_policy(|policy| policy.unattended = unattended)
            .gate_by("a", Decision::Approve, Way::Yes)
    };
    // It stands in for those who should approve, too, and is written down as what it is.
    with(Unattended::Allow).run().expect_kinds(
        "a",
        &[
            "gate_opened",
            "gate_decided",
            "step_started",
            "step_finished",
        ],
    );
    let mut told = one_of_dba()
        .with_policy(|policy| policy.unattended = Unattended::Deny)
        .alone()
        .run();
    told.run.apply(&event(&told, resumed(), None)).unwrap();
    let decide = |way| {
        let what = Happened::GateDecided {
            digest: told.gates("a")[0].digest,
            decision: Decision::Approve,
            way,
            reason: None,
        };
        let mut run = told.run.clone();
        run.apply(&event(&told, what, Some("a")))
            .map_err(|illegal| illegal.reason)
    };
    for way in [Way::Yes, Way::Answers] {
        refused(decide(way), "lets nothing stand in for a person");
    }
    refused(decide(Way::Rule), "time alone decides nothing");
    assert_eq!(decide(Way::Terminal), Ok(()));
}

#[test]
fn in_a_rehearsal_the_operator_may_stand_in_for_those_who_do_not_come() {
    one_of_dba()
        .gate("a", Decision::Approve)
        .gate_by("a", Decision::Approve, Way::Yes)
        .run()
        .expect_started(&["a", "b"])
        .expect_outcome(RunOutcome::Succeeded);
}

#[test]
fn a_question_is_not_answered_by_nobody_either() {
    let told = story("steps: [ { id: q, ask: Which?, choices: { a: A, b: B } } ]")
        .with_policy(|policy| policy.unattended = Unattended::Deny)
        .alone()
        .run();
    let answer = |way| {
        let what = Happened::AnswerGiven {
            answer: "a".into(),
            suggested: None,
            way,
        };
        let mut run = told.run.clone();
        run.apply(&event(&told, what, Some("q")))
            .map_err(|illegal| illegal.reason)
    };
    refused(answer(Way::Yes), "lets nothing stand in for a person");
    assert_eq!(answer(Way::Terminal), Ok(()));
}

#[test]
fn a_decision_has_somebody_who_answers_for_it() {
    let told = story(DROP).alone().run();
    let what = Happened::GateDecided {
        digest: told.gates("a")[0].digest,
        decision: Decision::Approve,
        way: Way::Terminal,
        reason: None,
    };
    let by_nobody = Event {
        actor: Actor::Engine,
        ..event(&told, what, Some("a"))
    };
    let illegal = told.run.clone().apply(&by_nobody);
    refused(
        illegal.map_err(|illegal| illegal.reason),
        "names nobody who decided",
    );
}

#[test]
fn at_a_severity_of_the_policy_approvals_may_come_afterwards() {
    let told = one_of_dba()
        .severity(Severity::Sev1)
        .with_policy(|policy| policy.after_the_fact = vec![Severity::Sev1])
        .run();
    told.expect_kinds(
        "a",
        &[
            "gate_opened",
            "gate_decided",
            "step_started",
            "step_finished",
        ],
    );
    assert!(told.gates("a")[0].approvals.as_ref().unwrap().afterwards);
    assert_eq!(told.run.reviews_open().len(), 1);
    // At another one they may not.
    let told = one_of_dba()
        .severity(Severity::Sev2)
        .with_policy(|policy| policy.after_the_fact = vec![Severity::Sev1])
        .gate("a", Decision::Approve)
        .alone()
        .run();
    told.expect_started(&[]);
}

/// Ada may break the glass.
fn with_glass(story: Story) -> Story {
    story.group("lead", &["ada", "bo"]).with_policy(|policy| {
        policy.break_glass = Some(BreakGlass {
            group: "lead".parse().unwrap(),
            announce: None,
        });
    })
}

#[test]
fn who_breaks_the_glass_goes_on_without_approvals_but_not_without_the_gate() {
    let challenged = |story: Story| story.policy(GateRule::None, GateRule::Challenge);
    let told = with_glass(challenged(one_of_dba()))
        .after("run_opened", "", Stroke::Glass)
        .run();
    let gate = told.gates("a")[0];
    assert_eq!(gate.approvals, None);
    assert_eq!(gate.waived.as_deref(), Some("nobody can be reached"));
    assert_eq!(gate.challenge.as_deref(), Some("x"));
    told.expect_kinds(
        "a",
        &[
            "gate_opened",
            "gate_decided",
            "step_started",
            "step_finished",
        ],
    );
    // A gate that waits for others asks its operator anew.
    let told = with_glass(one_of_dba())
        .after("gate_decided", "a", Stroke::Glass)
        .run();
    let gates = told.gates("a");
    assert_eq!(gates.len(), 2, "{}", told.trace());
    assert!(gates[0].approvals.is_some() && gates[1].approvals.is_none());
    assert_eq!(gates[1].turn, 1);
    told.expect_started(&["a", "b"]);
    // One that asks for none has nothing to waive.
    let told = with_glass(story(DROP))
        .after("run_opened", "", Stroke::Glass)
        .run();
    assert_eq!(told.gates("a")[0].waived, None);
}

#[test]
fn only_who_the_policy_names_breaks_the_glass() {
    let told = with_glass(one_of_dba()).alone().run();
    let by = |person: Person, group: &str, reason: &str| {
        let what = Happened::GlassBroken {
            reason: reason.to_owned(),
            group: group.parse().unwrap(),
        };
        let event = Event {
            actor: Actor::Person(person),
            ..event(&told, what, None)
        };
        told.run
            .clone()
            .apply(&event)
            .map_err(|illegal| illegal.reason)
    };
    refused(by(account("mo"), "lead", "now"), "mo@here is not in lead");
    refused(by(account("bob"), "lead", "now"), "bob@here is not in lead");
    refused(by(account("ada"), "dba", "now"), "lets nobody of dba");
    refused(by(account("ada"), "lead", "  "), "say why");
    let root = Person {
        uid: 0,
        login_uid: None,
        ..account("bo")
    };
    refused(by(root, "lead", "now"), "nobody in particular");
    assert_eq!(by(account("bo"), "lead", "now"), Ok(()));
    let none = one_of_dba().alone().run();
    let what = Happened::GlassBroken {
        reason: "now".to_owned(),
        group: "lead".parse().unwrap(),
    };
    let illegal = none.run.clone().apply(&event(&none, what, None));
    refused(
        illegal.map_err(|illegal| illegal.reason),
        "lets nobody of lead",
    );
}
