//! Long and wide runs: what is done for each event does not grow with the run.

use std::fmt::Write;
use std::sync::Arc;

use runbook::model::event::{Happened, RunOutcome};
use runbook::model::output::Streams;
use runbook::model::people::Actor;
use runbook::model::{Duration, Event};
use runbook::plan::Plan;
use runbook::run::{Command, Draft, Fact, Input, Replied, Run, fold};

use super::driver::{ada, of_run, opened, run_id, start_of_time};
use super::story::{lenient, ok, plan_of};

/// What a run took.
struct Took {
    events: Vec<Event>,
    /// Commands that were derived, all rounds together.
    commands: usize,
    rounds: usize,
}

/// Drives a run without looking at anything but its commands; what acts ends `batch` at a time.
fn drive(plan: &Arc<Plan>, batch: usize) -> (Run, Took) {
    let mut run = Run::new(run_id(), Arc::clone(plan));
    let mut took = Took {
        events: Vec::new(),
        commands: 0,
        rounds: 0,
    };
    let happen = |run: &mut Run, took: &mut Took, draft: Draft| {
        let event = Event {
            at: start_of_time(),
            step: draft.step,
            attempt: draft.attempt,
            actor: Actor::Person(ada()),
            what: draft.what,
        };
        run.apply(&event).unwrap();
        took.events.push(event);
    };
    happen(&mut run, &mut took, of_run(opened(plan)));
    let mut acting = std::collections::VecDeque::new();
    while run.closing().is_none() {
        let commands = run.commands(start_of_time());
        took.rounds += 1;
        took.commands += commands.len();
        let mut changed = false;
        for command in commands {
            match command {
                Command::Record(draft) => {
                    happen(&mut run, &mut took, draft);
                    changed = true;
                }
                Command::Act(act) => {
                    let draft = Draft {
                        step: Some(act.step.clone()),
                        attempt: Some(act.attempt),
                        what: Happened::StepStarted(Box::new(act.started.clone())),
                    };
                    happen(&mut run, &mut took, draft);
                    acting.push_back((act.step, act.attempt));
                    changed = true;
                }
                other => panic!("{other:?}"),
            }
        }
        for _ in 0..batch {
            let Some((step, attempt)) = acting.pop_front() else {
                break;
            };
            let fact = Fact::Replied(Replied {
                ended: ok(),
                streams: Streams::default(),
                notes: Vec::new(),
                took: Duration::ZERO,
            });
            let input = Input {
                step,
                attempt,
                fact,
            };
            let draft = run.admit(input, start_of_time()).unwrap();
            happen(&mut run, &mut took, draft);
            changed = true;
        }
        assert!(changed, "nothing goes on");
    }
    (run, took)
}

fn check(plan: Plan, steps: usize, batch: usize) {
    let plan = Arc::new(plan);
    let (run, took) = drive(&plan, batch);
    let closed = run.closing().unwrap();
    assert_eq!(closed.outcome, RunOutcome::Succeeded);
    assert!(took.events.len() >= 2 * steps);
    // Each step is commanded a few times, however many others there are.
    assert!(
        took.commands <= 4 * steps + 100 && took.rounds <= 4 * steps + 100,
        "{} commands in {} rounds for {steps} steps",
        took.commands,
        took.rounds
    );
    let again = fold(run_id(), plan, &took.events).unwrap();
    assert!(again == run);
}

#[test]
fn threat_27_a_list_of_20_000_steps() {
    let mut text = "steps:\n".to_owned();
    for i in 0..20_000 {
        let _ = writeln!(
            text,
            "  - {{ id: s{i}, call: $BOX set x, undo: $BOX set y }}"
        );
    }
    check(plan_of(&text, &[], lenient()), 20_000, 1);
}

#[test]
fn a_parallel_block_of_5_000_steps_each_with_a_need() {
    let mut text = "steps:\n  - parallel: true\n    steps:\n".to_owned();
    for i in 0..5_000 {
        let need = match i % 2 {
            0 => String::new(),
            _ => format!(", needs: [s{}]", i - 1),
        };
        let _ = writeln!(text, "      - {{ id: s{i}, call: $BOX set x{need} }}");
    }
    check(plan_of(&text, &[], lenient()), 5_000, 1);
}

#[test]
fn a_loop_of_5_000_items_of_blocks() {
    let text = "
steps:
  - id: a
    for_each: range(5000)
    max_parallel: 8
    undo: $BOX set un
    steps: [ { id: x, call: '$BOX set {{ item }}' } ]
";
    check(plan_of(text, &[], lenient()), 5_000, 1);
}
