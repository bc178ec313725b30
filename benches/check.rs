//! How long it takes to read and check a large runbook, and what it takes in memory.
//!
//! The bound is half a second and 150 MB for 10,000 steps; four times the steps should take four
//! times as long.

use std::fmt::Write;

use divan::{AllocProfiler, Bencher};
use indexmap::IndexMap;
use runbook::model::ids::{RunbookName, ToolName};
use runbook::spec::check::{Library, check};
use runbook::spec::contract::{self, Contract};
use runbook::spec::runbook::read;
use runbook::spec::{Diagnostics, runbook::runbook as decode, yaml};

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

const CONTRACT: &str = "
tool: TOOL
title: A tool
actions:
  status:
    effect: read
    args: { name: { positional: 1 } }
    output:
      state: { type: choice, choices: [up, down] }
      lag: duration
      nodes: { type: list, of: { type: object, of: { name: string, lag: duration } } }
  restart: { effect: change, args: { name: { positional: 1, target: true } }, output: { took: duration } }
";

fn contracts() -> IndexMap<ToolName, Contract> {
    let mut found = Diagnostics::new();
    let contract = contract::read("contract.yaml", CONTRACT.as_bytes(), &mut found);
    assert!(found.is_empty(), "{}", found.render(false, 100));
    contract
        .into_iter()
        .map(|contract| (contract.tool.clone(), contract))
        .collect()
}

/// So many steps, ten to a block, each looking back at others; half of the blocks are parallel.
fn large(steps: usize) -> String {
    let mut text =
        "name: large\ntitle: Large\nparams: { name: { default: main } }\nsteps:\n".to_owned();
    for block in 0..steps / 10 {
        let parallel = block % 2 == 0;
        let _ = writeln!(
            text,
            "- id: block_{block}\n  parallel: {parallel}\n  steps:"
        );
        for step in 0..9 {
            let before = match (block, step) {
                (0, 0) => "params.name == 'main'".to_owned(),
                (_, 0) => format!("steps.s_{}_8.output.lag < duration('9s')", block - 1),
                _ => format!("steps.s_{block}_{}.status == 'succeeded'", step - 1),
            };
            let needs = if parallel && step > 0 {
                format!("\n    needs: [s_{block}_{}]", step - 1)
            } else {
                String::new()
            };
            let _ = writeln!(
                text,
                "  - id: s_{block}_{step}\n    title: Look at {{{{ params.name }}}}\n    if: {before}{needs}\n    \
                 call: $TOOL status {{{{ params.name }}}}\n    expect: output.state == 'up'"
            );
        }
    }
    text
}

/// A chain through one parallel block, whose last steps look back at its first.
fn chain(steps: usize) -> String {
    let mut text = "name: large\ntitle: Large\nsteps:\n- parallel: true\n  steps:\n".to_owned();
    for step in 0..steps {
        let needs = match step {
            0 => String::new(),
            _ => format!(", needs: [s{}], if: steps.s0.status != 'failed'", step - 1),
        };
        let _ = writeln!(text, "  - {{ id: s{step}, pause: 1s{needs} }}");
    }
    text
}

fn run(text: &str, contracts: &IndexMap<ToolName, Contract>) {
    let mut found = Diagnostics::new();
    let read = read("large.yaml", text.as_bytes(), &mut found);
    let runbooks: IndexMap<RunbookName, _> = read
        .into_iter()
        .map(|runbook| (runbook.name.value.clone(), runbook))
        .collect();
    for name in runbooks.keys() {
        found.merge(check(name, &Library::new(&runbooks, contracts)));
    }
    assert!(
        runbooks.len() == 1 && found.is_empty(),
        "{}",
        found.render(false, 100)
    );
}

#[divan::bench(args = [2_500, 10_000], sample_count = 10)]
fn read_and_check(bencher: Bencher<'_, '_>, steps: usize) {
    let (text, contracts) = (large(steps), contracts());
    bencher.bench(|| run(&text, &contracts));
}

#[divan::bench(sample_count = 10)]
fn parse_only(bencher: Bencher<'_, '_>) {
    let text = large(10_000);
    bencher.bench(|| yaml::read("large.yaml", text.as_bytes()).is_ok());
}

#[divan::bench(sample_count = 10)]
fn decode_only(bencher: Bencher<'_, '_>) {
    let text = large(10_000);
    if let Ok((source, root)) = yaml::read("large.yaml", text.as_bytes()) {
        bencher.bench(|| decode(&source, &root, None));
    }
}

#[divan::bench(args = [2_500, 10_000], sample_count = 3)]
fn a_long_chain_of_needs(bencher: Bencher<'_, '_>, steps: usize) {
    let (text, contracts) = (chain(steps), contracts());
    bencher.bench(|| run(&text, &contracts));
}

#[divan::bench(sample_count = 3)]
fn one_hundred_thousand_steps(bencher: Bencher<'_, '_>) {
    let text = format!(
        "name: large\ntitle: Large\nsteps:\n{}",
        "- call: $TOOL status main\n".repeat(100_000)
    );
    let contracts = contracts();
    bencher.bench(|| run(&text, &contracts));
}
