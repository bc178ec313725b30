//! Legality: events that were dropped, swapped, doubled or forged do not fold.

use std::sync::Arc;

use runbook::model::call::Work;
use runbook::model::event::{
    Decision, FailureChoice, Happened, Outcome, Resolution, ResolvedBy, RunOutcome,
};
use runbook::model::ids::{Attempt, IdempotencyKey, StepKey};
use runbook::model::people::Way;
use runbook::model::{Digest, Effect, Event};
use runbook::plan::Plan;
use runbook::run::fold;

use super::driver::{run_id, trace};
use super::random::random_run;
use super::story::{fails, story, unknown};
use super::told::Told;

/// What says nothing that the rest of the journal depends on.
fn says_nothing(event: &Event) -> bool {
    matches!(
        event.what,
        Happened::PollSeen { .. }
            | Happened::NoteAdded { .. }
            | Happened::Recovered { .. }
            | Happened::RunResumed { .. }
            | Happened::RunParked { .. }
            | Happened::CancelRequested { .. }
            | Happened::GlassBroken { .. }
            | Happened::ReviewSigned { .. }
    )
}

/// What is said at an open gate, in whichever order.
fn is_said_at_a_gate(event: &Event) -> bool {
    matches!(
        event.what,
        Happened::GateDecided { .. }
            | Happened::ApprovalGiven { .. }
            | Happened::GateEscalated { .. }
    )
}

fn folds(plan: &Arc<Plan>, events: &[Event]) -> bool {
    fold(run_id(), Arc::clone(plan), events).is_ok()
}

/// Whether something later depends on an event. In a run that was stopped, or a block that failed,
/// what was left open there might as well not have gone on.
fn is_missed(events: &[Event], at: usize, all_went_well: bool) -> bool {
    let event = &events[at];
    let later = &events[at + 1..];
    match event.what {
        // What was looked at again, or asked again, was not needed the first time.
        Happened::BeforeSeen { .. } | Happened::StepUnknown { .. } => false,
        Happened::RunClosed(_) => false,
        // More may have approved than had to, and who takes a run up takes its lock anew.
        Happened::ApprovalGiven { .. }
        | Happened::GateEscalated { .. }
        | Happened::LockTaken { .. } => false,
        // Where others were waited for and stood in for, one decision was enough.
        Happened::GateDecided { .. }
            if later
                .iter()
                .find(|other| other.step == event.step)
                .is_some_and(is_said_at_a_gate) =>
        {
            false
        }
        Happened::RunOpened(_)
        | Happened::StepStarted(_)
        | Happened::StepFinished(_)
        | Happened::UndoBegun { .. } => true,
        _ => {
            // A step that was left and reached again begins again.
            let next = later.iter().find(|other| other.step == event.step);
            let goes_on = next.is_some_and(|next| {
                let anew = matches!(
                    next.what,
                    Happened::GateOpened(_)
                        | Happened::StepRefused { .. }
                        | Happened::StepSkipped { .. }
                );
                next.attempt == event.attempt && next.what.kind() != event.what.kind() && !anew
            });
            all_went_well || (event.step.is_some() && goes_on)
        }
    }
}

/// Drops, doubles and swaps: how many of them were tried.
fn mutate(plan: &Arc<Plan>, events: &[Event]) -> usize {
    let mut tried = 0;
    let mut refuse = |what: &str, at: usize, mutated: &[Event]| {
        tried += 1;
        assert!(
            !folds(plan, mutated),
            "{what} {at} folds\n{}",
            trace(events)
        );
    };
    let all_went_well = events.iter().all(|event| match &event.what {
        Happened::RunClosed(closed) => closed.outcome == RunOutcome::Succeeded,
        Happened::CancelRequested { .. } => false,
        _ => true,
    });
    for at in 0..events.len() {
        if says_nothing(&events[at]) {
            continue;
        }
        // That nobody can tell is said a second time where `verify` could not tell either.
        if !matches!(events[at].what, Happened::StepUnknown { .. }) {
            let mut doubled = events.to_vec();
            doubled.insert(at, events[at].clone());
            refuse("doubled", at, &doubled);
        }
        if is_missed(events, at, all_went_well) {
            let mut dropped = events.to_vec();
            dropped.remove(at);
            refuse("dropped", at, &dropped);
        }
        if let Some(next) = events.get(at + 1)
            && next.step == events[at].step
            && !says_nothing(next)
            && next.what.kind() != events[at].what.kind()
            && !(is_said_at_a_gate(next) && is_said_at_a_gate(&events[at]))
        {
            let mut swapped = events.to_vec();
            swapped.swap(at, at + 1);
            refuse("swapped", at, &swapped);
        }
    }
    tried
}

#[test]
fn threat_12_dropped_doubled_and_swapped_events_do_not_fold() {
    let mut tried = 0;
    for seed in 0..250 {
        let (_, run, events) = random_run(seed);
        if events.len() < 60 {
            tried += mutate(run.plan(), &events);
        }
    }
    println!("{tried} mutations");
    assert!(tried > 5_000, "{tried}");
}

/// A story in which everything goes well, and its events.
fn gated() -> Told {
    story(
        "
steps:
  - { id: a, call: $BOX drop x, gate: Drop x? }
  - { id: b, if: steps.a.output.n == 1, call: $BOX set b, retry: { attempts: 2, delay: 1s } }
finally: [ { id: f, call: $BOX look } ]
",
    )
    .reply("b", fails("once"))
    .run()
}

/// The same events, one of them changed, up to and including that one.
fn forged(told: &Told, kind: &str, nth: usize, change: impl Fn(&mut Event)) -> Result<(), String> {
    let places: Vec<usize> = (0..told.events.len())
        .filter(|i| told.events[*i].what.kind() == kind)
        .collect();
    let mut events = told.events[..=places[nth]].to_vec();
    assert!(folds(told.run.plan(), &events));
    change(events.last_mut().unwrap());
    fold(run_id(), Arc::clone(told.run.plan()), &events)
        .map(|_| ())
        .map_err(|e| e.to_string())
}

#[track_caller]
fn refused(result: Result<(), String>, says: &str) {
    let error = result.unwrap_err();
    assert!(error.contains(says), "{error}");
}

fn inserted(told: &Told, after: &str, event: impl Fn(&Event) -> Event) -> Result<(), String> {
    let at = told
        .events
        .iter()
        .position(|event| event.what.kind() == after)
        .unwrap();
    let mut events = told.events[..=at].to_vec();
    events.push(event(&told.events[at]));
    fold(run_id(), Arc::clone(told.run.plan()), &events)
        .map(|_| ())
        .map_err(|e| e.to_string())
}

#[test]
fn there_is_no_start_without_its_gates_decision() {
    let told = gated();
    let without = |kinds: &[&str]| {
        let events: Vec<Event> = told
            .events
            .iter()
            .filter(|event| !kinds.contains(&event.what.kind()))
            .cloned()
            .collect();
        fold(run_id(), Arc::clone(told.run.plan()), &events)
            .map(|_| ())
            .map_err(|e| e.to_string())
    };
    refused(
        without(&["gate_opened", "gate_decided"]),
        "its gate has no decision",
    );
    refused(without(&["gate_decided"]), "the step is waiting");
    refused(without(&["gate_opened"]), "no gate is open");
}

#[test]
fn a_decision_is_bound_to_what_was_shown() {
    let told = gated();
    refused(
        forged(&told, "gate_decided", 0, |event| {
            if let Happened::GateDecided { digest, .. } = &mut event.what {
                *digest = Digest::of(b"something else");
            }
        }),
        "bound to something else",
    );
    refused(
        forged(&told, "gate_opened", 0, |event| {
            if let Happened::GateOpened(gate) = &mut event.what {
                gate.confirm = "Look at x?".to_owned();
            }
        }),
        "its gate has no decision",
    );
    refused(
        forged(&told, "gate_opened", 0, |event| {
            if let Happened::GateOpened(gate) = &mut event.what {
                gate.works.clear();
            }
        }),
        "its gate has no decision",
    );
}

#[test]
fn what_starts_is_what_was_to_start() {
    let told = gated();
    let start = |change: fn(&mut runbook::model::event::StepStarted)| {
        forged(&told, "step_started", 0, move |event| {
            if let Happened::StepStarted(started) = &mut event.what {
                change(started);
            }
        })
    };
    refused(
        start(|started| {
            if let Work::Call(call) = &mut started.work {
                call.words = vec!["drop".to_owned(), "everything".to_owned()];
            }
            started.digest = started.work.digest().unwrap();
        }),
        "what starts is not what is to be done",
    );
    refused(
        start(|started| started.digest = Digest::ZERO),
        "its digest is not that of its work",
    );
    refused(
        start(|started| started.effect = Effect::Read),
        "what starts is not what is to be done",
    );
    refused(
        start(|started| started.key = IdempotencyKey("0".repeat(32))),
        "another act's",
    );
}

#[test]
fn there_is_no_result_without_a_start_and_no_second_result() {
    let told = gated();
    refused(
        forged(&told, "step_finished", 0, |event| {
            event.step = Some(StepKey::from_text("b"));
        }),
        "pending",
    );
    refused(
        forged(&told, "step_finished", 0, |event| {
            event.attempt = Some(Attempt(2));
        }),
        "it is of attempt 2",
    );
    refused(inserted(&told, "step_finished", Event::clone), "succeeded");
    refused(inserted(&told, "step_started", Event::clone), "running");
}

#[test]
fn a_step_that_is_not_in_the_plan_does_nothing() {
    refused(
        forged(&gated(), "step_started", 0, |event| {
            event.step = Some(StepKey::from_text("z"));
        }),
        "not in the plan",
    );
}

#[test]
fn a_run_does_not_close_early_nor_with_another_outcome() {
    let told = gated();
    let closed = told.events.last().unwrap().clone();
    for end in 1..told.events.len() - 1 {
        let mut events = told.events[..end].to_vec();
        events.push(closed.clone());
        assert!(!folds(told.run.plan(), &events), "{end}");
    }
    refused(
        forged(&told, "run_closed", 0, |event| {
            if let Happened::RunClosed(closed) = &mut event.what {
                closed.outcome = RunOutcome::Failed;
            }
        }),
        "the outcome is succeeded, not failed",
    );
    refused(
        inserted(&told, "run_closed", |event| Event {
            what: Happened::CancelRequested {
                reason: "late".to_owned(),
            },
            ..event.clone()
        }),
        "the run is closed",
    );
}

#[test]
fn what_a_failure_leads_to_is_what_the_runbook_says() {
    let told = gated();
    for (choice, way) in [
        (FailureChoice::Continue, Way::Rule),
        (FailureChoice::Stop, Way::Rule),
        (FailureChoice::MarkDone, Way::Terminal),
        (FailureChoice::RetryByRule, Way::Terminal),
    ] {
        refused(
            forged(&told, "failure_decided", 0, |event| {
                event.what = Happened::FailureDecided {
                    choice,
                    way,
                    reason: None,
                };
            }),
            "cannot be chosen",
        );
    }
    let told = story("steps: [ { id: a, call: $BOX set } ]")
        .reply("a", fails("boom"))
        .run();
    for choice in [
        FailureChoice::Continue,
        FailureChoice::Propagate,
        FailureChoice::RetryByRule,
        FailureChoice::Undo,
    ] {
        refused(
            forged(&told, "failure_decided", 0, |event| {
                event.what = Happened::FailureDecided {
                    choice,
                    way: Way::Terminal,
                    reason: None,
                };
            }),
            "cannot be chosen",
        );
    }
}

#[test]
fn a_refusal_cannot_be_overruled() {
    let told = story("steps: [ { id: a, call: $BOX drop x, gate: Drop? } ]")
        .gate("a", Decision::Decline)
        .run();
    for choice in [
        FailureChoice::Retry,
        FailureChoice::Skip,
        FailureChoice::MarkDone,
        FailureChoice::Continue,
    ] {
        refused(
            forged(&told, "failure_decided", 0, |event| {
                event.what = Happened::FailureDecided {
                    choice,
                    way: Way::Terminal,
                    reason: None,
                };
            }),
            "cannot be chosen",
        );
    }
}

#[test]
fn a_doubt_is_settled_by_who_may_settle_it() {
    let told = story("steps: [ { id: a, call: $BOX set x } ]")
        .reply("a", unknown("gone"))
        .run();
    for (resolution, by) in [
        (Resolution::Again, ResolvedBy::Read),
        (Resolution::Again, ResolvedBy::Idempotent),
        (Resolution::Happened, ResolvedBy::Verify),
        (Resolution::DidNotHappen, ResolvedBy::Verify),
    ] {
        refused(
            forged(&told, "step_resolved", 0, |event| {
                event.what = Happened::StepResolved {
                    resolution,
                    by,
                    reason: "x".to_owned(),
                    output: None,
                };
            }),
            "cannot be settled like this",
        );
    }
}

#[test]
fn what_is_left_out_by_a_rule_is_what_the_rule_leaves_out() {
    let told =
        story("steps: [ { id: a, if: 1 > 2, call: $BOX set x }, { id: b, call: $BOX set } ]").run();
    let skipped = told
        .events
        .iter()
        .find(|event| event.what.kind() == "step_skipped")
        .unwrap();
    refused(
        inserted(&told, "step_skipped", |_| Event {
            step: Some(StepKey::from_text("b")),
            ..skipped.clone()
        }),
        "",
    );
}

#[test]
fn a_parked_run_starts_nothing_before_it_is_taken_up_again() {
    let told = gated();
    let start = told
        .events
        .iter()
        .position(|event| event.what.kind() == "step_started")
        .unwrap();
    let mut events = told.events[..=start].to_vec();
    let parked = Event {
        step: None,
        attempt: None,
        what: Happened::RunParked {
            reason: runbook::model::event::ParkReason::Operator,
        },
        ..events[start].clone()
    };
    events.insert(start, parked.clone());
    assert!(!folds(told.run.plan(), &events));
    // And while a step acts, nobody may let go of it.
    let mut events = told.events[..=start].to_vec();
    events.push(parked);
    assert!(!folds(told.run.plan(), &events));
}

#[test]
fn what_is_taken_back_is_what_was_done_in_its_order() {
    let told = story(
        "
on_failure: undo
steps: [ { id: a, call: $BOX flip a }, { id: b, call: $BOX flip b }, { id: c, call: $BOX set } ]
",
    )
    .reply("c", fails("boom"))
    .run();
    for steps in [vec!["a", "b"], vec!["b"], vec![], vec!["b", "a", "c"]] {
        let steps: Vec<StepKey> = steps.into_iter().map(StepKey::from_text).collect();
        refused(
            forged(&told, "undo_begun", 0, |event| {
                if let Happened::UndoBegun { steps: listed, .. } = &mut event.what {
                    listed.clone_from(&steps);
                }
            }),
            "other steps",
        );
    }
}

#[test]
fn an_opening_belongs_to_its_plan() {
    let told = gated();
    refused(
        forged(&told, "run_opened", 0, |event| {
            if let Happened::RunOpened(opened) = &mut event.what {
                opened.environment = "production".parse().unwrap();
            }
        }),
        "another runbook or environment",
    );
    assert_eq!(Outcome::Succeeded.status().word(), "succeeded");
}
