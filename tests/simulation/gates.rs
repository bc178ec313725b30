//! Gates: what a person decides, and what the decision is bound to.

use runbook::model::Status;
use runbook::model::event::{Decision, RunOutcome};
use runbook::spec::environment::GateRule;

use super::story::{fails, gives, ok, story};

#[test]
fn nothing_starts_before_the_decision_and_the_gate_shows_what_will_happen() {
    let told = story(
        "
steps:
  - { id: look, call: $BOX look }
  - id: a
    call: $BOX drop {{ steps.look.output.state }}
    gate:
      confirm: Drop {{ steps.look.output.state }}?
      challenge: '{{ steps.look.output.state }}'
      show: [steps.look.output.n]
",
    )
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
    let gate = told.gates("a")[0];
    assert_eq!(gate.confirm, "Drop on?");
    assert_eq!(gate.challenge.as_deref(), Some("on"));
    assert_eq!(gate.show[0].0, "steps.look.output.n");
    assert_eq!(gate.works.len(), 1);
}

#[test]
fn what_changed_after_the_approval_takes_a_new_decision() {
    let told = story(
        "
steps:
  - parallel: true
    steps:
      - { id: look, call: $BOX look }
      - { id: a, call: '$BOX drop {{ steps.look.status }}', gate: Drop it? }
",
    )
    .run();
    // Asked while the look was running; when the answer came, the look had ended.
    let gates = told.gates("a");
    assert_eq!(gates.len(), 2, "{}", told.trace());
    assert_ne!(gates[0].digest, gates[1].digest);
    assert_eq!(told.words("a"), ["drop succeeded"]);
}

#[test]
fn evidence_that_changed_after_the_approval_takes_a_new_decision_too() {
    let told = story(
        "
steps:
  - parallel: true
    steps:
      - { id: look, call: $BOX look }
      - { id: a, call: $BOX drop x, gate: { confirm: Drop it?, show: [steps.look.status] } }
",
    )
    .run();
    assert_eq!(told.gates("a").len(), 2, "{}", told.trace());
}

#[test]
fn a_block_has_a_gate_of_its_own() {
    let text = "
steps:
  - { id: b, gate: Begin?, steps: [ { id: x, call: $BOX set }, { id: y, call: $BOX set } ] }
  - { id: c, call: $BOX look }
";
    story(text)
        .run()
        .expect_kinds("b", &["gate_opened", "gate_decided", "block_entered"])
        .expect_started(&["x", "y", "c"]);
    story(text)
        .gate("b", Decision::Skip)
        .run()
        .expect_started(&["c"])
        .expect_status("b", Status::Skipped);
    story(text)
        .gate("b", Decision::Decline)
        .run()
        .expect_started(&[])
        .expect_outcome(RunOutcome::Declined);
}

#[test]
fn a_gate_whose_if_is_false_is_not_asked_but_a_destructive_step_keeps_its_confirmation() {
    let gate = "gate: { confirm: Sure?, challenge: x, if: 1 > 2 }";
    let told = story(&format!(
        "
steps:
  - {{ id: a, call: $BOX set, {gate} }}
  - {{ id: b, call: $BOX drop x, {gate} }}
"
    ))
    .run();
    assert!(told.gates("a").is_empty());
    let gate = told.gates("b")[0];
    assert_eq!(gate.confirm, "Sure?");
    assert_eq!(gate.challenge, None);
}

#[test]
fn the_stricter_of_runbook_and_policy_holds() {
    let text = "
steps:
  - { id: a, call: $BOX set }
  - { id: b, call: $BOX drop it, gate: Sure? }
  - { id: c, call: $BOX drop it, gate: none, why: It is safe }
  - { id: d, call: $BOX drop it, gate: { confirm: Sure?, challenge: mine, if: 1 > 2 } }
  - { id: e, call: $BOX drop, gate: Sure? }
  - { id: f, call: $BOX look }
";
    let told = story(text)
        .policy(GateRule::Confirm, GateRule::Challenge)
        .run();
    let challenge = |step: &str| told.gates(step)[0].challenge.clone();
    assert_eq!(challenge("a"), None);
    assert_eq!(challenge("b").as_deref(), Some("it"));
    assert_eq!(challenge("c").as_deref(), Some("it"));
    // The policy's own: whoever wrote the runbook does not choose what is typed.
    assert_eq!(challenge("d").as_deref(), Some("it"));
    // Without a target, the environment's name.
    assert_eq!(challenge("e").as_deref(), Some("sandbox"));
    assert!(told.gates("f").is_empty());
    let told = story(text).policy(GateRule::None, GateRule::None).run();
    assert!(told.gates("a").is_empty());
    // Its own is dropped with its condition.
    assert_eq!(told.gates("d")[0].challenge, None);
    assert_eq!(told.gates("b")[0].challenge, None);
    assert!(told.gates("c").is_empty());
}

#[test]
fn a_loop_asks_for_each_item_or_once_for_all() {
    let told = story(
        "steps: [ { id: a, for_each: [x, y], call: '$BOX drop {{ item }}', gate: 'Drop {{ item }}?' } ]",
    )
    .run();
    assert_eq!(told.gates("a").len(), 0);
    assert_eq!(told.gates("a[0]")[0].confirm, "Drop x?");
    assert_eq!(told.gates("a[1]")[0].confirm, "Drop y?");

    let once = "
steps:
  - id: a
    for_each: [x, y]
    call: $BOX drop {{ item }}
    gate: { confirm: Drop all?, once: true }
    retry: { attempts: 2, delay: 1s }
";
    let told = story(once).run();
    assert_eq!(told.gates("a")[0].works.len(), 2);
    assert!(told.gates("a[0]").is_empty() && told.gates("a[1]").is_empty());
    // A second attempt takes a decision of its own.
    let told = story(once).reply("a[1]", fails("once")).run();
    assert_eq!(told.gates("a[1]").len(), 1);
}

#[test]
fn an_item_that_nobody_saw_asks_for_itself_although_all_were_asked_once() {
    let told = story(
        "
steps:
  - parallel: true
    steps:
      - { id: look, call: $BOX look }
      - id: a
        for_each: [x, y]
        call: '$BOX drop {{ item }}-{{ steps.look.status }}'
        gate: { confirm: Drop all?, once: true }
",
    )
    .people_first()
    .run();
    assert_eq!(told.gates("a").len(), 1);
    assert_eq!(told.words("a[0]"), ["drop x-running"]);
    assert_eq!(told.words("a[1]"), ["drop y-succeeded"]);
    assert_eq!(told.gates("a[1]").len(), 1, "{}", told.trace());
}

#[test]
fn a_persons_work_may_stand_behind_a_gate() {
    story(
        "
steps:
  - { id: m, manual: Pull the plug, gate: Sure? }
  - { id: q, ask: Which?, choices: { a: A, b: B } }
",
    )
    .run()
    .expect_kinds("m", &["gate_opened", "gate_decided", "manual_reported"])
    .expect_kinds("q", &["answer_given"]);
}

#[test]
fn a_declined_step_ends_the_run_and_finally_is_done() {
    story(
        "
steps: [ { id: a, call: $BOX drop x, gate: Drop? }, { id: b, call: $BOX look } ]
finally: [ { id: f, if: run.status == 'declined', call: $BOX set } ]
",
    )
    .gate("a", Decision::Decline)
    .run()
    .expect_started(&["f"])
    .expect_outcome(RunOutcome::Declined);
}

#[test]
fn a_refusal_is_not_asked_about_again_because_the_block_around_it_is_retried() {
    story(
        "
steps: [ { id: l, call: $BOX look } ]
finally: [ { id: b, retry: 3, steps: [ { steps: [ { id: a, call: $BOX drop x, gate: Drop? } ] } ] } ]
",
    )
    .gate("a", Decision::Decline)
    .run()
    .expect_kinds("a", &["gate_opened", "gate_decided", "failure_decided"])
    .expect_started(&["l"])
    .expect_outcome(RunOutcome::SucceededWithFailures);
}

#[test]
fn an_expression_that_fails_fails_its_step_before_its_gate() {
    story("steps: [ { id: a, call: $BOX drop x, gate: { confirm: 'Drop?', show: [steps.b.output.n] } }, { id: b, call: $BOX look } ]")
        .run()
        .expect_kinds("a", &["step_refused", "failure_decided"])
        .expect_started(&[]);
}

#[test]
fn what_is_looked_at_before_acting_is_looked_at_after_the_gate() {
    story("steps: [ { id: a, call: $BOX flip x, gate: Flip? } ]")
        .look(
            "a",
            gives(r#"{"n": 1, "ok": true, "state": "up", "names": []}"#),
        )
        .reply("a", ok())
        .run()
        .expect_kinds(
            "a",
            &[
                "gate_opened",
                "gate_decided",
                "before_seen",
                "step_started",
                "step_finished",
            ],
        );
}

#[test]
fn a_decision_at_an_earlier_turn_says_nothing_at_a_later_one() {
    let told = story("steps: [ { id: b, retry: 2, steps: [ { parallel: true, steps: [ { id: x, call: $BOX set }, { id: a, call: $BOX drop x, gate: Drop it? } ] } ] } ]")
        .people_first()
        .gate("a", Decision::Approve)
        .reply("x", fails("boom"))
        .run();
    let gates = told.gates("a");
    assert_eq!(gates.len(), 2, "{}", told.trace());
    assert_ne!(gates[0].digest, gates[1].digest);
}
