//! Runbooks, good and bad, and what is said about the bad.

mod approvals;
mod values;

use super::*;
use crate::spec::Diagnostics;
use crate::spec::step::{Runbook, Undo};

/// What is said about a file called `t.yaml`: place, message, help.
fn said(text: &str) -> String {
    let mut found = Diagnostics::new();
    let runbook = read("runbooks/t.yaml", text.as_bytes(), &mut found);
    assert_eq!(runbook.is_none(), found.has_errors());
    let line = |d: &&crate::spec::Diagnostic| {
        let place = d.source.position(d.span().map_or(0, |span| span.start));
        let help: String = d.help.iter().map(|help| format!(" ({help})")).collect();
        format!("{}:{} {}{help}", place.line, place.column, d.message)
    };
    let lines: Vec<String> = found.sorted().iter().map(line).collect();
    lines.join("\n")
}

/// What is said about these steps, the first of which begins in line 4.
fn steps(text: &str) -> String {
    said(&format!("name: t\ntitle: T\nsteps:\n{text}"))
}

fn good(text: &str) -> Runbook {
    let mut found = Diagnostics::new();
    let runbook = read("runbooks/t.yaml", text.as_bytes(), &mut found);
    assert!(found.is_empty(), "{}", found.render(false, 100));
    runbook.unwrap()
}

fn ids(runbook: &Runbook) -> Vec<String> {
    let mut ids = Vec::new();
    for step in runbook.steps.iter().chain(&runbook.finally) {
        step.visit(&mut |step| ids.push(step.id.to_string()));
    }
    ids
}

#[test]
fn the_head_of_a_runbook_says_what_is_wrong_with_it() {
    insta::assert_snapshot!(said("name: u\ntitel: T\nseverity: SEV-9\nlock: ''\non_cancel: ask\ntimeout: 0s\nsteps: []\n"), @r#"
    1:1 a runbook needs the key `title`
    1:7 the name is not the file's: `t` (write `name: t`, or rename the file to u.yaml)
    2:1 a runbook has no key `titel` (did you mean `title`?) (its keys are name, title, description, severity, owner, tags, scenario, params, vars, env, dir, timeout, on_failure, on_cancel, lock, steps, finally)
    3:11 `SEV-9` is not one of SEV-1, SEV-2, SEV-3, SEV-4, P0, P1, P2, P3 (did you mean `SEV-1`?)
    4:7 expected a text, found the text ""
    5:12 `ask` is not one of stop, undo
    6:10 expected a duration longer than 0s, found `0s`
    7:8 there are no steps in it
    "#);
    assert_eq!(said("- a\n"), "1:1 a runbook is a mapping, found a list");
}

#[test]
fn a_step_does_exactly_one_thing() {
    insta::assert_snapshot!(steps(
        "  - call: $T a\n    manual: b\n  - title: nothing\n  - cal: $T a\n  - $T a\n  - steps: []\n  - 5m\n"
    ), @r#"
    5:5 a step does one thing, but this has `call` and `manual` (make two steps of `call` and `manual`)
    6:5 a step needs one of call, run, manual, ask, pause, runbook, steps
    7:5 a step has no key `cal` (did you mean `call`?) (its keys are id, title, why, if, require, needs, on_failure, call, run, manual, ask, pause, runbook, steps, parallel, for_each, as, key, max_parallel, max_failures, gate, undo, retry, timeout, effect, expect, until, every, within, hold, repeat, with, env, dir, shell, output, ok, idempotent, sensitive, example, by, reveal, choices, suggest, type, of)
    8:5 a step is a mapping, found `$T a` (write `call:` before it)
    9:12 there are no steps in it
    10:5 a step is a mapping, found `5m`
    "#);
}

#[test]
fn keys_stand_where_they_belong() {
    insta::assert_snapshot!(steps(
        r#"  - manual: a
    until: output.x
    timeout: 5m
  - steps: [{ manual: a }]
    expect: output.x
    with: { a: b }
  - ask: really?
    gate: Sure?
    type: boolean
    reveal: x
  - pause: 5m
    for_each: params.x
  - call: $T a
    env: { A: b }
    choices: [a]
    type: string
    grace: 5s
"#
    ), @r#"
    5:5 a `manual` step has no key `until` (`until` stands beside `call` or `run`)
    6:5 `timeout` is not available in this version (remove it: a person has the time that it takes)
    8:5 a block has no key `expect` (`expect` stands beside `call` or `run`)
    9:5 a block has no key `with` (`with` stands beside `call` or `runbook`)
    11:5 an `ask` step has no key `gate` (`gate` stands beside `call`, `run`, `manual`, `runbook` or `steps`)
    13:5 an `ask` step has no key `reveal` (`reveal` stands beside `manual` only)
    15:5 a `pause` step has no key `for_each` (`for_each` stands beside `call`, `run`, `manual`, `runbook` or `steps`)
    17:5 a `call` step has no key `env` (`env` stands beside `run` only)
    18:5 a `call` step has no key `choices` (`choices` stands beside `ask` only)
    19:5 a `call` step has no key `type` (`type` stands beside `ask` only)
    20:5 `grace` is not available in this version (remove it)
    "#);
}

#[test]
fn loops_polls_and_retries_are_whole() {
    insta::assert_snapshot!(steps(
        r#"  - call: $T a
    until: output.x
  - call: $T a
    every: 5s
    as: x
  - call: $T a
    until: '{{ output.x }}'
    within: 1m
    hold: 2m
    retry: 3
  - call: $T a
    for_each: params.x
    as: steps
    max_parallel: 0
  - call: $T a
    for_each: [a, '{{ b }}', ~]
  - call: $T a
    retry: { attempt: 3, backoff: 0.5 }
    repeat: { until: output.done }
"#
    ), @r#"
    5:5 `until` needs `within` beside it (say how long to wait at most, for example `within: 5m`)
    7:5 `every` needs `until` beside it
    8:5 `as` needs `for_each` beside it
    10:13 an expression is written without {{ }} (write `output.x`)
    12:11 it cannot hold for 2m within 1m
    13:5 `retry` has no place beside `until` (a look that fails counts as "not yet": leave `retry` out)
    16:9 `steps` means something else in expressions (call the item something else)
    17:19 expected a number of at least 1, found `0`
    19:15 an expression is written without {{ }} (only plain values stand in such a list; write others as an expression: "[params.a, params.b]")
    21:12 a retry needs the key `attempts`
    21:14 a retry has no key `attempt` (did you mean `attempts`?) (its keys are attempts, delay, max_delay, backoff, if)
    21:35 expected a factor from 1 to 100, found `0.5`
    22:13 a repeat needs the key `at_most`
    "#);
}

#[test]
fn needs_stay_inside_one_parallel_block() {
    insta::assert_snapshot!(steps(
        r#"  - manual: a
    needs: [b]
  - parallel: true
    steps:
      - { id: one, manual: a, needs: [thre] }
      - { id: two, manual: a, needs: [one, one] }
      - { id: three, manual: a, needs: two }
  - parallel: true
    steps:
      - { id: a, manual: a, needs: [b] }
      - { id: b, manual: a, needs: [c] }
      - { id: c, manual: a, needs: [a] }
"#
    ), @r#"
    5:5 `needs` stands in a block with `parallel: true` only (elsewhere the order is the list: put the step below)
    8:39 no step beside this one is called `thre` (did you mean `three`?) (`needs` names steps of the same parallel block)
    9:44 `one` is needed twice
    13:37 these steps wait for each other: a → b → c → a
    "#);
}

#[test]
fn an_id_stands_for_one_step() {
    let mut found = Diagnostics::new();
    let text = "name: t\ntitle: T\nsteps:\n  - { id: a, manual: x }\n  - steps:\n      - { id: a, manual: y }\n";
    assert!(read("t.yaml", text.as_bytes(), &mut found).is_none());
    insta::assert_snapshot!(found.render(false, 80), @r#"
    error[duplicate-id]: the id `a` is there twice
     --> t.yaml:6:15
      |
    4 |   - { id: a, manual: x }
      |           - here first
    5 |
    6 |       - { id: a, manual: y }
      |               ^
      |
      = help: an id is used once in a runbook, whichever block it stands in
    "#);
}

#[test]
fn gates_are_questions() {
    insta::assert_snapshot!(steps(
        r#"  - call: $T a
    gate: none
  - call: $T a
    gate: true
  - call: $T a
    gate: { confirm: Go?, once: true, approvals: 2, expires: 5m, shwo: [a] }
  - call: $T a
    gate: { challenge: "" }
"#
    ), @r#"
    5:11 `gate: none` needs a `why` beside it (say why nobody needs to be asked)
    7:11 a gate is a question (write what the operator is asked, for example `gate: Restart it now?`) (`gate: none` with a `why` says that none is needed)
    9:27 `once` asks once for all items of a loop, and there is none (it needs `for_each` on the same step)
    9:66 a gate has no key `shwo` (did you mean `show`?) (its keys are confirm, challenge, show, if, once, approvals, expires)
    11:11 a gate needs the key `confirm`
    11:24 expected what is to be typed, found the text ""
    "#);
    let runbook = good(
        "name: t\ntitle: T\nsteps:\n  - call: $T a\n    why: It is harmless.\n    gate: none\n",
    );
    assert!(runbook.steps[0].how.gate.is_some());
}

#[test]
fn an_undo_has_a_form_for_each_need() {
    let runbook = good(
        "\
name: t
title: T
steps:
  - { call: $T a, undo: none }
  - { call: $T a, undo: barrier }
  - { call: $T a, undo: $T b --x=y }
  - { call: $T a, undo: { call: $T b, with: { x: 1 }, when: later } }
  - { call: $T a, undo: { manual: Put it back, by: dba, when: end } }
  - { call: $T a, undo: { steps: [{ manual: a }, { manual: b }], on_failure: continue } }
  - { call: $T a, undo: [{ manual: a }] }
",
    );
    let lengths: Vec<usize> = runbook
        .steps
        .iter()
        .filter_map(|step| match &step.how.undo {
            Some(Undo::Steps { steps, .. }) => Some(steps.len()),
            _ => None,
        })
        .collect();
    assert_eq!(lengths, [1, 1, 1, 2, 1]);
    insta::assert_snapshot!(steps(
        r#"  - { call: $T a, undo: later }
  - { call: $T a, undo: { run: [a], when: now } }
  - { call: $T a, undo: { call: $T b, manual: c } }
  - { call: $T a, undo: { steps: [{ call: $T b, undo: none, on_failure: undo }], on_failure: stop } }
finally:
  - { call: $T a, undo: $T b, on_failure: undo }
"#
    ), @r#"
    4:25 this is no undo (write a call (`$TOOL action …`), `{ manual: … }`, `{ steps: [ … ] }`, `none` or `barrier`)
    5:25 an undo is one of call, manual, steps
    5:27 an undo has no key `run` (write it as a step: `undo: { steps: [ … ] }`)
    5:43 `now` is not one of failure, end, later
    6:25 an undo is one of call, manual, steps
    7:49 `undo` has no place here: an undo is not undone itself
    7:73 `undo` has no place here: an undo is not undone itself
    7:94 `stop` is not one of continue
    9:19 `undo` has no place here: `finally` runs after everything was undone
    9:43 `undo` has no place here: `finally` runs after everything was undone
    "#);
}

#[test]
fn a_call_is_split_before_anything_is_filled_in() {
    insta::assert_snapshot!(steps(
        r#"  - call: status
  - call: $tool a
  - call: $T a | b
  - call: $T a 'b
  - call: "$T a {{ params.x | nope }} b"
  - call: $T a
    with: { max_lag: 1, x: '{{ }}' }
"#
    ), @r#"
    4:11 a call begins with a tool such as $DATABASE_TOOL, not `status` (for a command of your own write `run: [program, word, …]`)
    5:11 `tool` is not a tool: capital letters, digits and `_`, a letter first
    6:16 a call is one command: `|` does not pipe here (write '|' in quotes for the character itself; for a pipeline use `run: |` with a script)
    7:16 a ' is never closed (end the quoted text with ')
    8:31 there is no filter `nope`
    10:13 `max_lag` is not an argument: lower-case letters, digits and `-`, a letter first (write `max-lag`)
    10:31 the expression is empty
    "#);
}

#[test]
fn commands_say_what_they_do() {
    insta::assert_snapshot!(steps(
        r#"  - run: [ls]
  - run: |
      echo {{ params.x }}
    effect: read
  - run: |
      cat a | wc
    effect: read
  - run: [ls]
    shell: bash
    effect: raed
    env: { RUNBOOK_X: a, 1x: b }
    output: jsn
    example: 1
  - run: []
    effect: read
"#
    ), @r#"
    4:5 a `run` step needs the key `effect` (say what it can do to the world: read, change or destructive)
    6:12 nothing is filled in inside a script (pass the value as a variable: `env: { NAME: "{{ … }}" }`, and use "$NAME")
    9:13 a failure to the left of `|` goes unnoticed under sh (write `shell: bash` beside it)
    12:5 a list of words is given to no shell (write a script: `run: |`)
    13:13 `raed` is not one of read, change, destructive (did you mean `read`?)
    14:12 variables that begin with `RUNBOOK_` are set by the run itself
    14:26 a variable's name has letters, digits and `_`, no digit first
    15:13 `jsn` is not one of text, json, lines (did you mean `json`?)
    16:14 expected an object, found `1`
    17:10 expected a program and its words, found a list
    "#);
}

#[test]
fn shipped_runbooks_are_read() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks");
    let mut found = Diagnostics::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let bytes = std::fs::read(&path).unwrap();
            assert!(
                read(&path.to_string_lossy(), &bytes, &mut found).is_some() || found.has_errors()
            );
        }
    }
    assert!(found.is_empty(), "{}", found.render(false, 120));
}
