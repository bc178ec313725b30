//! Approvals by others: whose word counts, what it is bound to, and what goes on without it.

use runbook::model::approval::{Principal, Proof, Vote, Voter};
use runbook::model::event::{Decision, Happened, RunOutcome};
use runbook::model::ids::{Attempt, StepKey};
use runbook::model::people::{Actor, Way};
use runbook::model::{Digest, Duration, Event, Severity, Status, Timestamp};
use runbook::plan::PlannedApprovals;
use runbook::run::{Fact, Input, Need, Run};
use runbook::spec::environment::{GateNeeds, GateRule, Gates, PolicyApprovals, Unattended};

use super::driver::{Stroke, ada, resumed};
use super::story::{Story, approvals, login, story};
use super::told::Told;

pub const DROP: &str =
    "steps: [ { id: a, call: $BOX drop x, gate: Drop x? }, { id: b, call: $BOX look } ]";

/// A step that one of the DBAs must approve.
pub fn one_of_dba() -> Story {
    story(DROP)
        .group("dba", &["li@example.org", "mo", "ada"])
        .group("lead", &["bo"])
        .approvals("a", 1, &["dba"])
}

/// The same, at the moment at which it waits for others.
pub fn waiting_for_dba() -> Told {
    one_of_dba().gate("a", Decision::Approve).alone().run()
}

pub fn vote_at(
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
pub fn says_yes(told: &Told, voter: Voter) -> Result<(), String> {
    let digest = told.gates("a").last().unwrap().digest;
    vote_at(&told.run, "a", digest, voter, last(told))
}

pub fn last(told: &Told) -> Timestamp {
    told.run.last_moment().unwrap()
}

#[track_caller]
pub fn refused(result: Result<(), String>, says: &str) {
    let reason = result.unwrap_err();
    assert!(reason.contains(says), "{reason}");
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
fn what_a_runbook_says_about_others_is_what_its_gate_asks() {
    let told = story(
        "
lock: database/{{ params.cluster }}
params: { cluster: { default: main } }
steps:
  - { id: look, call: $BOX look }
  - id: a
    call: $BOX drop x
    gate:
      confirm: Drop x?
      approvals: { count: 1, from: [dba], if: steps.look.output.n == 1 }
      expires: { approve: 30m, execute: 10m, escalate: [lead] }
",
    )
    .group("dba", &["li"])
    .group("lead", &["bo"])
    .gate("a", Decision::Approve)
    .after("gate_decided", "a", Stroke::Wait(Duration::from_secs(1801)))
    .vote("a", "bo", Vote::Approve)
    .run();
    told.expect_kinds(
        "a",
        &[
            "gate_opened",
            "gate_decided",
            "gate_escalated",
            "approval_given",
            "step_started",
            "step_finished",
        ],
    );
    let lock = told.run.plan().lock.clone();
    assert!(lock.is_some_and(|lock| lock.contains("database/main")));
    let taken = told
        .events
        .iter()
        .filter(|event| event.what.kind() == "lock_taken");
    assert_eq!(taken.count(), 1);
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
    // Neither she who operates the run, nor he who has spoken.
    assert_eq!((given.len(), people.len(), *until), (1, 1, None));
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
pub fn event(told: &Told, what: Happened, step: Option<&str>) -> Event {
    Event {
        at: last(told),
        step: step.map(StepKey::from_text),
        attempt: step.map(|_| Attempt::FIRST),
        actor: Actor::Person(ada()),
        what,
    }
}

pub fn given(told: &Told, step: &str, voter: Voter) -> Event {
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
