//! What the state machine costs for each step, nothing else being there: no disk, no process.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a bench that cannot go on may panic"
)]

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use indexmap::IndexMap;
use runbook::model::call::Ended;
use runbook::model::event::{Happened, RunOpened};
use runbook::model::ids::{RunId, ToolRef};
use runbook::model::output::Streams;
use runbook::model::people::{Actor, Person};
use runbook::model::{Digest, Duration, Event, Map, Timestamp, Value};
use runbook::plan::{Answers, Binding, BoundBy, Ingredients, Plan, build};
use runbook::run::{Command, Draft, Fact, Input, Replied, Run, fold};
use runbook::spec::environment::{GateRule, Gates, Policy, Unattended};
use runbook::spec::{Diagnostics, contract, runbook as definition};

fn main() {
    divan::main();
}

const CONTRACT: &str = "
tool: BOX
title: A box
actions:
  set: { title: Set it, effect: change, args: { name: { positional: 1 } }, output: { n: integer }, example: { n: 1 } }
";

fn id() -> RunId {
    "bench-20261120T195359Z-7k3f".parse().expect("a run's id")
}

fn now() -> Timestamp {
    "2026-11-20T19:53:59Z".parse().expect("a time")
}

fn plan_of(text: &str) -> Arc<Plan> {
    let mut found = Diagnostics::new();
    let contract = contract::read("box.yaml", CONTRACT.as_bytes(), &mut found).expect("a contract");
    let text = format!("name: bench\ntitle: bench\n{text}");
    let runbook = definition::read("bench.yaml", text.as_bytes(), &mut found).expect("a runbook");
    let tool: ToolRef = "BOX".parse().expect("a tool");
    let binding = Binding {
        answers: Answers::Command {
            argv: vec!["box".to_owned()],
        },
        by: BoundBy::Variable,
    };
    let name = runbook.name.value.clone();
    let plan = build(Ingredients {
        runbook: &name,
        runbooks: &IndexMap::from([(name.clone(), (Arc::clone(&runbook.source), runbook))]),
        contracts: &IndexMap::from([(contract.tool.clone(), contract)]),
        params: Map::new(),
        environment: "sandbox".parse().expect("an environment"),
        real: false,
        bindings: IndexMap::from([(tool, binding)]),
        policy: Policy {
            unattended: Unattended::Allow,
            gates: Gates {
                change: GateRule::None.into(),
                destructive: GateRule::None.into(),
            },
            ..Policy::default()
        },
        announcement: None,
    });
    Arc::new(plan.expect("a plan"))
}

fn listed(steps: usize) -> Arc<Plan> {
    let mut text = "steps:\n".to_owned();
    for i in 0..steps {
        let _ = writeln!(text, "  - {{ id: s{i}, call: $BOX set x }}");
    }
    plan_of(&text)
}

fn wide(steps: usize) -> Arc<Plan> {
    let mut text = "steps:\n  - parallel: true\n    steps:\n".to_owned();
    for i in 0..steps {
        let _ = writeln!(text, "      - {{ id: s{i}, call: $BOX set x }}");
    }
    plan_of(&text)
}

fn looped(items: usize) -> Arc<Plan> {
    plan_of(&format!(
        "steps: [ {{ id: a, for_each: range({items}), max_parallel: 8, call: '$BOX set {{{{ item }}}}' }} ]"
    ))
}

fn person() -> Person {
    Person {
        user: "ada".to_owned(),
        uid: 1000,
        login_uid: None,
        host: "ops-1".to_owned(),
        terminal: None,
    }
}

fn happen(run: &mut Run, events: &mut Vec<Event>, draft: Draft) {
    let event = Event {
        at: now(),
        step: draft.step,
        attempt: draft.attempt,
        actor: Actor::Engine,
        what: draft.what,
    };
    run.apply(&event).expect("a legal event");
    events.push(event);
}

/// Drives a run to its end; everything succeeds, one after another.
fn drive(plan: &Arc<Plan>) -> Vec<Event> {
    let mut run = Run::new(id(), Arc::clone(plan));
    let mut events = Vec::new();
    let opened = Happened::RunOpened(Box::new(RunOpened {
        runbook: plan.runbook.clone(),
        runbook_blob: Digest::ZERO,
        plan_blob: Digest::ZERO,
        bindings_blob: Digest::ZERO,
        policy_blob: Digest::ZERO,
        params: Map::new(),
        environment: plan.environment.clone(),
        real: false,
        severity: None,
        simulation: None,
        operator: person(),
        yes: false,
        version: "0".to_owned(),
        ledger: None,
    }));
    let of_run = |what| Draft {
        step: None,
        attempt: None,
        what,
    };
    happen(&mut run, &mut events, of_run(opened));
    let mut acting = VecDeque::new();
    while run.closing().is_none() {
        for command in run.commands(now()) {
            match command {
                Command::Record(draft) => happen(&mut run, &mut events, draft),
                Command::Act(act) => {
                    let draft = Draft {
                        step: Some(act.step.clone()),
                        attempt: Some(act.attempt),
                        what: Happened::StepStarted(Box::new(act.started)),
                    };
                    happen(&mut run, &mut events, draft);
                    acting.push_back((act.step, act.attempt));
                }
                _ => {}
            }
        }
        let Some((step, attempt)) = acting.pop_front() else {
            continue;
        };
        let fact = Fact::Replied(Replied {
            ended: Ended::Succeeded(Value::Map(Map::new())),
            streams: Streams::default(),
            notes: Vec::new(),
            took: Duration::ZERO,
        });
        let input = Input {
            step,
            attempt,
            fact,
        };
        let draft = run
            .admit(input, now())
            .expect("a fact that means something");
        happen(&mut run, &mut events, draft);
    }
    events
}

/// Twice as many steps take twice as long, not four times.
const STEPS: [usize; 3] = [10_000, 20_000, 100_000];

#[divan::bench(args = STEPS, sample_count = 5)]
fn a_list(bencher: Bencher<'_, '_>, steps: usize) {
    let plan = listed(steps);
    bencher
        .counter(ItemsCount::new(steps))
        .bench_local(|| drive(&plan));
}

#[divan::bench(args = [10_000, 20_000, 50_000], sample_count = 5)]
fn a_wide_block(bencher: Bencher<'_, '_>, steps: usize) {
    let plan = wide(steps);
    bencher
        .counter(ItemsCount::new(steps))
        .bench_local(|| drive(&plan));
}

#[divan::bench(args = [10_000], sample_count = 5)]
fn a_loop(bencher: Bencher<'_, '_>, items: usize) {
    let plan = looped(items);
    bencher
        .counter(ItemsCount::new(items))
        .bench_local(|| drive(&plan));
}

#[divan::bench(args = STEPS, sample_count = 5)]
fn folding_a_list(bencher: Bencher<'_, '_>, steps: usize) {
    let plan = listed(steps);
    let events = drive(&plan);
    bencher
        .counter(ItemsCount::new(steps))
        .bench_local(|| fold(id(), Arc::clone(&plan), &events).expect("a legal journal"));
}
