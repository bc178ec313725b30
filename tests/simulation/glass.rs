//! Going on without approvals, where nobody who could give them can be reached.

use runbook::model::Event;
use runbook::model::Status;
use runbook::model::call::Ended;
use runbook::model::event::{Happened, Resolution, ResolvedBy, RunOutcome};
use runbook::model::people::{Actor, Person};
use runbook::spec::environment::{BreakGlass, GateRule};

use super::approvals::{DROP, event, one_of_dba, refused};
use super::driver::Stroke;
use super::story::{Story, account, fails, ok, story, unknown};
use super::told::Told;

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

/// `t` tells a channel that the glass is broken, `a` is what the run is about.
fn telling() -> Story {
    let steps = "steps:\n  - { id: t, call: $BOX pour x, on_failure: continue }\n  - { id: a, call: $BOX set x }\n";
    story(steps)
        .group("lead", &["ada"])
        .with_policy(|policy| {
            policy.break_glass = Some(BreakGlass {
                group: "lead".parse().unwrap(),
                announce: Some("incidents".to_owned()),
            });
        })
        .announcing()
}

fn resolved(told: &Told) -> Vec<(Resolution, ResolvedBy)> {
    let of = |event: &Event| match &event.what {
        Happened::StepResolved { resolution, by, .. } => Some((*resolution, *by)),
        _ => None,
    };
    told.events.iter().filter_map(of).collect()
}

#[test]
fn whether_a_channel_was_told_is_never_a_question() {
    let broken = || telling().after("run_opened", "", Stroke::Glass);
    let told = broken().alone().run();
    told.expect_started(&["t", "a"])
        .expect_outcome(RunOutcome::Succeeded);
    assert_eq!(told.run.untold(), None);
    // Not a word of the contract's `verify`, which has to ask the same chat.
    for ended in [
        unknown("it hung up"),
        Ended::TimedOut,
        fails("no such channel"),
    ] {
        let told = broken().alone().reply("t", ended.clone()).run();
        told.expect_started(&["t", "a"])
            .expect_outcome(RunOutcome::SucceededWithFailures);
        assert_eq!(told.run.untold(), Some("incidents"), "{ended:?}");
        let todo = &told.run.closing().unwrap().follow_ups;
        let by_hand = "tell incidents by hand that the glass was broken: nobody can be reached";
        assert!(todo.iter().any(|todo| todo == by_hand), "{todo:?}");
        let untold = told.run.reviews_open()[0].untold.clone();
        assert_eq!(untold.as_deref(), Some("incidents"));
    }
    // Told twice is better than not at all.
    let told = broken().alone().crash_after("step_started", "t").run();
    told.expect_started(&["t", "t", "a"]);
    assert_eq!(
        resolved(&told),
        [(Resolution::Again, ResolvedBy::Idempotent)]
    );
    // What nobody knows of another step is still asked.
    let told = broken().reply("a", unknown("it hung up")).run();
    assert_eq!(
        resolved(&told),
        [(Resolution::Happened, ResolvedBy::Person)]
    );
}

#[test]
fn what_is_not_broken_is_told_to_nobody() {
    let told = telling().alone().reply("t", ok()).run();
    told.expect_started(&["a"])
        .expect_outcome(RunOutcome::Succeeded);
    told.expect_status("t", Status::Skipped);
    assert_eq!(told.run.untold(), None);
}
