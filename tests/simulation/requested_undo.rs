//! Taking back because somebody asks for it: while the run goes on, and after it has ended.

use runbook::model::approval::Vote;
use runbook::model::event::{
    Decision, FailureChoice, Happened, Resolution, RunOutcome, UndoReason,
};
use runbook::model::people::Actor;
use runbook::model::{Event, Status};
use runbook::run::{Phase, UndoPlan, WhyNot, WhyPending};

use super::driver::{Stroke, ada, resumed};
use super::story::{Story, fails, story, unknown};
use super::told::Told;

const FLIPS: &str = "
steps:
  - { id: a, call: $BOX flip a }
  - { id: b, call: $BOX set b, undo: { steps: [ { id: u, call: $BOX set unb } ], when: later } }
  - { id: c, call: $BOX flip c }
  - { id: d, call: $BOX look }
finally: [ { id: f, call: $BOX look } ]
";

fn undone_afterwards(story: Story) -> Told {
    story.after("run_closed", "", Stroke::Undo).run()
}

fn asks(told: &Told) -> Result<(), String> {
    says(
        told,
        Happened::UndoRequested {
            reason: "it made things worse".to_owned(),
        },
    )
}

fn says(told: &Told, what: Happened) -> Result<(), String> {
    let event = Event {
        at: told.run.last_moment().unwrap(),
        step: None,
        attempt: None,
        actor: Actor::Person(ada()),
        what,
    };
    told.run
        .clone()
        .apply(&event)
        .map_err(|illegal| illegal.reason)
}

fn closings(told: &Told) -> Vec<RunOutcome> {
    let closed = told.events.iter().filter_map(|event| match &event.what {
        Happened::RunClosed(closed) => Some(closed.outcome),
        _ => None,
    });
    closed.collect()
}

fn begun(told: &Told) -> Vec<(Vec<String>, UndoReason)> {
    let begun = told.events.iter().filter_map(|event| match &event.what {
        Happened::UndoBegun { steps, why, .. } => {
            Some((steps.iter().map(ToString::to_string).collect(), *why))
        }
        _ => None,
    });
    begun.collect()
}

fn back(plan: &UndoPlan) -> Vec<&str> {
    plan.back.iter().map(|can| can.step.as_str()).collect()
}

fn not(plan: &UndoPlan) -> Vec<(&str, WhyNot)> {
    plan.not
        .iter()
        .map(|not| (not.step.as_str(), not.why.clone()))
        .collect()
}

#[test]
fn a_run_that_has_ended_is_opened_again_and_everything_is_taken_back_the_last_done_first() {
    let told = undone_afterwards(story(FLIPS));
    // What is for later is taken back too, for somebody asks for it; what is done at the end was
    // done.
    told.expect_started(&["a", "b", "c", "d", "f", "undo/c", "undo/b/u", "undo/a"])
        .expect_status("a", Status::Undone)
        .expect_status("b", Status::Undone)
        .expect_outcome(RunOutcome::Succeeded);
    assert_eq!(
        closings(&told),
        [RunOutcome::Succeeded, RunOutcome::Succeeded]
    );
    let steps = ["c", "b", "a"].map(str::to_owned).to_vec();
    assert_eq!(begun(&told), [(steps, UndoReason::Request)]);
    assert!(told.run.closing().unwrap().follow_ups.is_empty());
    assert!(told.run.pending_undos().is_empty());
}

#[test]
fn a_run_that_goes_on_ends_as_cancelled_with_everything_taken_back() {
    // Whatever its `on_cancel` says.
    let told = story(FLIPS).after("step_finished", "c", Stroke::Undo).run();
    told.expect_started(&["a", "b", "c", "undo/c", "undo/b/u", "undo/a", "f"])
        .expect_outcome(RunOutcome::Cancelled);
    assert_eq!(begun(&told)[0].1, UndoReason::Request);
    // What acts is waited for, and taken back as well.
    story(FLIPS)
        .after("step_started", "c", Stroke::Undo)
        .run()
        .expect_started(&["a", "b", "c", "undo/c", "undo/b/u", "undo/a", "f"])
        .expect_outcome(RunOutcome::Cancelled);
}

#[test]
fn what_is_in_doubt_is_settled_before_it_is_taken_back() {
    let text =
        "steps: [ { id: a, call: $BOX flip a }, { id: b, call: $BOX set b, undo: $BOX set unb } ]";
    story(text)
        .reply("b", unknown("gone"))
        .after("step_unknown", "b", Stroke::Undo)
        .settle("b", Resolution::Happened)
        .run()
        .expect_started(&["a", "b", "undo/b", "undo/a"]);
    // Where nobody can say, it is left to them.
    let told = story(text)
        .reply("b", unknown("gone"))
        .after("step_unknown", "b", Stroke::Undo)
        .settle("b", Resolution::Stop)
        .run();
    told.expect_started(&["a", "b", "undo/a"])
        .expect_follow_up("find out whether this happened: b");
}

#[test]
fn a_run_that_is_ending_already_may_be_told_to_take_everything_back() {
    let told = story(
        "
steps:
  - parallel: true
    steps:
      - { id: a, call: $BOX set a, undo: $BOX set una }
      - { id: b, call: $BOX set b }
",
    )
    .reply("b", fails("boom"))
    .cancel_after("step_started", "b")
    .after("step_finished", "a", Stroke::Undo)
    .run();
    told.expect_outcome(RunOutcome::Cancelled);
    assert_eq!(begun(&told).len(), 1, "{}", told.trace());
}

#[test]
fn what_was_taken_back_is_not_taken_back_again() {
    let told = undone_afterwards(
        story(
            "
steps:
  - { id: a, call: $BOX flip a }
  - id: w
    undo: $BOX set unw
    steps: [ { id: b, call: $BOX flip b }, { id: c, call: $BOX set, on_failure: undo } ]
",
        )
        .reply("c", fails("boom")),
    );
    // The failure took back its block; the request what was left.
    told.expect_started(&["a", "b", "c", "undo/w", "undo/a"])
        .expect_outcome(RunOutcome::Failed);
    assert_eq!(closings(&told), [RunOutcome::Failed, RunOutcome::Failed]);
    assert!(asks(&told).is_err());
}

#[test]
fn an_undo_that_failed_may_be_tried_again_as_another_act() {
    let told = undone_afterwards(
        story(FLIPS)
            .reply("d", fails("boom"))
            .choose("d", FailureChoice::Undo)
            .reply("undo/c", fails("stuck"))
            .choose("undo/c", FailureChoice::Stop),
    );
    told.expect_status("c", Status::Undone)
        .expect_status("a", Status::Undone)
        .expect_outcome(RunOutcome::Failed);
    let keys = told.keys("undo/c");
    assert_eq!(keys.len(), 2, "{}", told.trace());
    assert_ne!(keys[0], keys[1]);
    let attempts: Vec<u32> = told
        .started()
        .iter()
        .filter(|started| started.step == "undo/c")
        .map(|started| started.attempt.0)
        .collect();
    assert_eq!(attempts, [1, 2]);
    assert_eq!(begun(&told).len(), 2);
}

#[test]
fn a_failed_undo_waits_for_a_person_as_ever() {
    let told = story(FLIPS)
        .after("run_closed", "", Stroke::Undo)
        .reply("undo/b/u", fails("stuck"))
        .alone()
        .run();
    told.expect_started(&["a", "b", "c", "d", "f", "undo/c", "undo/b/u"])
        .expect_waits("undo/b/u");
    assert_eq!(told.run.phase(), Phase::Undo);
    let told = undone_afterwards(
        story(FLIPS)
            .reply("undo/b/u", fails("stuck"))
            .choose("undo/b/u", FailureChoice::Stop),
    );
    told.expect_status("b", Status::UndoFailed)
        .expect_status("a", Status::Succeeded)
        .expect_follow_up("take back by hand: b")
        .expect_follow_up("take back by hand: a");
    let pending = told.run.pending_undos();
    let pending: Vec<_> = pending.iter().map(|p| (p.step.as_str(), p.why)).collect();
    assert_eq!(
        pending,
        [("a", WhyPending::NotDone), ("b", WhyPending::Failed)]
    );
}

#[test]
fn a_request_that_was_interrupted_goes_on_where_it_was() {
    undone_afterwards(story(FLIPS).crash_after("step_started", "undo/b/u"))
        .expect_status("a", Status::Undone)
        .expect_outcome(RunOutcome::Succeeded);
    undone_afterwards(story(FLIPS).crash_after("undo_requested", ""))
        .expect_started(&["a", "b", "c", "d", "f", "undo/c", "undo/b/u", "undo/a"]);
}

#[test]
fn an_undo_behind_a_gate_is_asked_about_and_approved_by_others() {
    let text = "
steps: [ { id: a, call: $BOX set a, undo: { steps: [ { id: u, call: $BOX drop x } ] } } ]
";
    let told = undone_afterwards(story(text).approvals("u", 1, &[]).vote(
        "undo/a/u",
        "li",
        Vote::Approve,
    ));
    assert_eq!(told.gates("undo/a/u").len(), 1);
    told.expect_started(&["a", "undo/a/u"]);
    undone_afterwards(story(text).gate("undo/a/u", Decision::Decline))
        .expect_started(&["a"])
        .expect_status("a", Status::UndoFailed)
        .expect_outcome(RunOutcome::Succeeded);
}

#[test]
fn nothing_behind_a_point_of_no_return_is_taken_back() {
    let text = "
steps:
  - { id: a, call: $BOX flip a }
  - { id: b, call: $BOX set, undo: barrier }
  - { id: c, call: $BOX flip c }
";
    let told = story(text).run();
    let plan = told.run.undo_plan();
    assert_eq!(back(&plan), ["c"]);
    assert_eq!(
        not(&plan),
        [
            ("b", WhyNot::Barrier),
            (
                "a",
                WhyNot::Behind(
                    "b".parse::<runbook::model::ids::StepId>()
                        .map(|id| runbook::model::ids::StepKey::root(&id))
                        .unwrap()
                )
            ),
        ]
    );
    let told = undone_afterwards(story(text));
    told.expect_started(&["a", "b", "c", "undo/c"])
        .expect_status("a", Status::Succeeded);
    let refused = asks(&told).unwrap_err();
    assert_eq!(
        refused,
        "nothing of what was done can be taken back: b (it is a point of no return), a (it was done before the point of no return b)"
    );
}

#[test]
fn what_cannot_be_taken_back_is_said_beforehand() {
    let told = story(
        "
steps:
  - { id: a, call: $BOX flip a }
  - { id: b, call: $BOX set b }
  - { id: m, manual: Pull the plug }
  - { id: w, undo: $BOX set unw, steps: [ { id: x, call: $BOX set x } ] }
  - { id: l, call: $BOX look }
  - { id: s, if: 1 > 2, call: $BOX flip s }
",
    )
    .run();
    let plan = told.run.undo_plan();
    assert_eq!(back(&plan), ["w", "a"]);
    assert_eq!(not(&plan), [("m", WhyNot::NoUndo), ("b", WhyNot::NoUndo)]);
    let node = plan.back[1].node;
    assert_eq!(told.run.plan().node(node).id.as_str(), "a");
}

#[test]
fn while_the_run_goes_on_the_plan_says_what_a_request_would_come_to() {
    let told = story(
        "
steps:
  - { id: a, call: $BOX flip a }
  - id: w
    undo: $BOX set unw
    steps: [ { id: x, call: $BOX flip x }, { id: q, ask: Go on?, choices: { yes: Y, no: N } } ]
",
    )
    .alone()
    .run();
    // The block is not done, but what is done in it is taken back by its own undo.
    assert_eq!(back(&told.run.undo_plan()), ["w", "a"]);
    let told = story(
        "steps: [ { id: a, call: $BOX flip a }, { id: b, call: $BOX set b, undo: $BOX set unb } ]",
    )
    .reply("b", unknown("gone"))
    .alone()
    .run();
    let plan = told.run.undo_plan();
    assert_eq!(back(&plan), ["a"]);
    assert_eq!(not(&plan), [("b", WhyNot::InDoubt)]);
}

#[test]
fn a_request_for_nothing_is_refused_in_words() {
    let told = story("steps: [ { id: l, call: $BOX look } ]").run();
    assert_eq!(asks(&told).unwrap_err(), "there is nothing to take back");
    let told = story("steps: [ { id: b, call: $BOX set b } ]").run();
    let refused = asks(&told).unwrap_err();
    assert!(refused.contains("b (it has no undo)"), "{refused}");
    let told = story("steps: [ { id: q, ask: Go on?, choices: { yes: Y, no: N } } ]")
        .alone()
        .run();
    assert_eq!(asks(&told).unwrap_err(), "there is nothing to take back");
    let told = story(FLIPS)
        .reply("d", fails("boom"))
        .choose("d", FailureChoice::Undo)
        .reply("undo/c", fails("stuck"))
        .alone()
        .run();
    assert!(told.run.phase() == Phase::Steps || asks(&told).is_err());
}

#[test]
fn nobody_but_a_person_asks_and_nothing_else_follows_the_end() {
    let told = story(FLIPS).run();
    let by_engine = Event {
        at: told.run.last_moment().unwrap(),
        step: None,
        attempt: None,
        actor: Actor::Engine,
        what: Happened::UndoRequested {
            reason: "x".to_owned(),
        },
    };
    let illegal = told.run.clone().apply(&by_engine).unwrap_err();
    assert!(illegal.reason.contains("nobody but a person"));
    for what in [
        resumed(),
        Happened::CancelRequested {
            reason: "late".to_owned(),
        },
        Happened::LockTaken {
            name: "x".to_owned(),
            from: None,
        },
    ] {
        assert_eq!(says(&told, what).unwrap_err(), "the run is closed");
    }
    assert_eq!(
        says(
            &told,
            Happened::NoteAdded {
                text: "seen".to_owned()
            }
        ),
        Ok(())
    );
    assert_eq!(asks(&told), Ok(()));
}

#[test]
fn what_ended_early_says_what_is_still_in_place() {
    let told = story(FLIPS)
        .reply("d", fails("boom"))
        .choose("d", FailureChoice::Stop)
        .run();
    let pending = told.run.pending_undos();
    let pending: Vec<_> = pending.iter().map(|p| (p.step.as_str(), p.why)).collect();
    assert_eq!(
        pending,
        [
            ("a", WhyPending::InPlace),
            ("b", WhyPending::Later),
            ("c", WhyPending::InPlace),
        ]
    );
}
