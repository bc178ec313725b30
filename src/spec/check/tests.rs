//! Runbooks that are wrong, and what is said of them.

use std::path::Path;

use indexmap::IndexMap;

use super::*;
use crate::model::ids::{RunbookName, ToolName};
use crate::spec::contract::{self, Contract};
use crate::spec::runbook;
use crate::spec::step::Runbook;
use crate::spec::{Diagnostic, Diagnostics};

fn shipped_contracts() -> IndexMap<ToolName, Contract> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("adapters");
    let mut found = Diagnostics::new();
    let mut contracts = IndexMap::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path().join("contract.yaml");
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        if let Some(contract) = contract::read(&path.to_string_lossy(), &bytes, &mut found) {
            contracts.insert(contract.tool.clone(), contract);
        }
    }
    assert!(found.is_empty(), "{}", found.render(false, 120));
    contracts.sort_unstable_keys();
    contracts
}

fn library(files: &[(&str, &str)]) -> IndexMap<RunbookName, Runbook> {
    let mut found = Diagnostics::new();
    let runbooks = files
        .iter()
        .filter_map(|(name, text)| {
            runbook::read(&format!("{name}.yaml"), text.as_bytes(), &mut found)
        })
        .map(|runbook| (runbook.name.value.clone(), runbook))
        .collect();
    assert!(found.is_empty(), "{}", found.render(false, 120));
    runbooks
}

fn checked(files: &[(&str, &str)]) -> Diagnostics {
    let runbooks = library(files);
    let contracts = shipped_contracts();
    check(
        &files[0].0.parse().unwrap(),
        &Library::new(&runbooks, &contracts),
    )
}

/// What is said of a runbook with these steps, the first of which stands in line 4: place, what
/// is underlined, message, help.
fn steps(text: &str) -> String {
    file(&format!("name: t\ntitle: T\nsteps:\n{text}"))
}

fn file(text: &str) -> String {
    let line = |d: &&Diagnostic| {
        let place = d.source.position(d.span().map_or(0, |span| span.start));
        let under = d.source.slice(d.span().unwrap_or_default());
        let under = under.lines().next().unwrap_or_default();
        let help: String = d.help.iter().map(|help| format!(" ({help})")).collect();
        format!(
            "{}:{} [{under}] {}{help}",
            place.line, place.column, d.message
        )
    };
    let found = checked(&[("t", text)]);
    let lines: Vec<String> = found.sorted().iter().map(line).collect();
    lines.join("\n")
}

#[test]
fn shipped_runbooks_mean_something() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            files.push((stem, std::fs::read_to_string(&path).unwrap()));
        }
    }
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(stem, text)| (stem.as_str(), text.as_str()))
        .collect();
    let (runbooks, contracts) = (library(&files), shipped_contracts());
    let library = Library::new(&runbooks, &contracts);
    let mut found = Diagnostics::new();
    for runbook in runbooks.values() {
        found.merge(check_alone(runbook, &library));
    }
    assert!(runbooks.len() >= 5);
    assert!(found.is_empty(), "{}", found.render(false, 120));
}

#[test]
fn tools_and_arguments_must_be_there() {
    insta::assert_snapshot!(steps(
        r#"  - call: $DATABAS_TOOL status
  - call: $DATABASE_TOOL stauts
  - call: $CHAT_TOOL post hello
  - call: $ORCHESTRATOR scale --replicas={{ run.started }}
  - call: $FEATURE_FLAG_TOOL status {{ ['a', 'b'] }}
  - call: $FEATURE_FLAG_TOOL status
    with: { names: "{{ ['a', 'b'] }}", environment: "{{ [run.environment] }}" }
  - call: $ZZZ status
  - call: $METRICS_TOOL watch
    with: { duration: soon, max-error-percent: "{{ params.x }}" }
"#
    ), @r#"
    4:11 [$DATABAS_TOOL] there is no tool $DATABAS_TOOL (did you mean `$DATABASE_TOOL`?)
    5:26 [stauts] $DATABASE_TOOL has no action `stauts` (did you mean `status`?) (its actions are status, replica-status, backup-status, write-check, query, execute, restart, fence, unfence, failover, rejoin)
    6:11 [$CHAT_TOOL] `$CHAT_TOOL post` needs the argument `channel`: Which channel (add --channel=…)
    7:31 [--replicas={{ run.started }}] the argument `replicas` of `$ORCHESTRATOR scale` is an integer, and this is a time
    8:37 [{{ ['a', 'b'] }}] the argument `names` of `$FEATURE_FLAG_TOOL status` is a string, and this is a list of string (a word is one value: write `with: { names: … }`)
    10:53 ["{{ [run.environment] }}"] the argument `environment` of `$FEATURE_FLAG_TOOL status` is a string, and this is a list of string
    11:11 [$ZZZ] there is no tool $ZZZ (the tools are $API_GATEWAY, $CHAT_TOOL, $CLOUD_PROVIDER, $CONFIG_TOOL, $DATABASE_TOOL, $DEPLOY_TOOL, $FEATURE_FLAG_TOOL, $FIREWALL, $HEALTH_CHECK, $LOAD_BALANCER, $LOGGING_TOOL, $METRICS_TOOL, $ORCHESTRATOR, $PAGER, $PAYMENT_PROVIDER, $SERVICE_MESH, $STATUS_PAGE, $SUPPORT_TOOL, $TEST_RUNNER, $TICKET_TOOL, $VCS_TOOL)
    13:23 [soon] the argument `duration` of `$METRICS_TOOL watch`: `soon` is not a duration; write for example 30s, 5m, 1h 30m or 2d
    13:52 [params.x] there is no parameter `x`
    "#);
}

#[test]
fn effects_are_raised_and_never_lowered() {
    insta::assert_snapshot!(steps(
        r#"  - call: $DATABASE_TOOL restart
    effect: change
  - title: Restart it.
    call: $DATABASE_TOOL restart
  - call: $DATABASE_TOOL query "select 1"
    effect: destructive
  - run: [rm, x]
    effect: destructive
  - call: $DATABASE_TOOL restart
    gate: none
    why: It is down already.
  - call: $DATABASE_TOOL failover
    gate: Promote it?
    undo: $DATABASE_TOOL unfence db-1
  - call: $ORCHESTRATOR restart
    until: output.ready > 0
    within: 5m
  - run: [probe]
    effect: change
    until: output.exit == 0
    within: 5m
"#
    ), @r#"
    4:11 [$DATABASE_TOOL] a destructive step needs a gate (add `gate: Restart the primary?`) (or `gate: none`, with a `why` that says why nobody needs to be asked)
    5:13 [change] the contract says destructive: a step may raise the effect, never lower it (remove `effect`)
    7:11 [$DATABASE_TOOL] a destructive step needs a gate (add `gate: Restart it?`) (or `gate: none`, with a `why` that says why nobody needs to be asked)
    8:11 [$DATABASE_TOOL] a destructive step needs a gate (add `gate: Read rows?`) (or `gate: none`, with a `why` that says why nobody needs to be asked)
    11:13 [destructive] a destructive step needs a gate (add `gate: Do this?`) (or `gate: none`, with a `why` that says why nobody needs to be asked)
    17:11 [$DATABASE_TOOL unfence db-1] the contract says that nothing takes this back (write `undo: barrier`, or `undo: none`)
    19:12 [output.ready > 0] `until` looks again and again, and this does not only read: its effect is change (act in one step, and wait in the next with an action that reads)
    23:12 [output.exit == 0] `until` looks again and again, and this does not only read: its effect is change (act in one step, and wait in the next with an action that reads)
    "#);
}

#[test]
fn a_step_sees_what_stands_above_it() {
    insta::assert_snapshot!(steps(
        r#"  - id: a
    if: steps.b.status == 'failed'
    call: $DATABASE_TOOL status
    expect: steps.a.output.writable
  - id: block
    steps:
      - id: inner
        if: steps.block.status == 'failed'
        call: $DATABASE_TOOL status
  - id: b
    if: steps.inner.output.writable and steps.a.output.writabl and steps.block.status == 'faild'
    manual: "{{ steps.nix.output }} {{ steps.inne.status }} {{ steps.end.status }}"
finally:
  - id: end
    if: steps.b.status == 'succeeded' and steps.later.status == 'failed'
    manual: x
  - id: later
    if: steps.end.status == 'failed'
    manual: y
"#
    ), @r#"
    5:9 [steps.b.status] step `b` comes later (line 13) (a step sees what stands above it)
    7:13 [steps.a.output.writable] step `a` is this step itself (what it gives is `output`, not steps.a.output)
    11:13 [steps.block.status] step `block` (line 8) is a block around this step, and not over yet
    14:41 [steps.a.output.writabl] `steps.a.output` has no field `writabl` (did you mean `writable`?)
    14:90 ['faild'] `steps.block.status` is never 'faild': it is one of pending, waiting, running, succeeded, failed, skipped, declined, timed_out, cancelled, unknown, undone, undo_failed (did you mean 'failed'?)
    15:17 [steps.nix.output] there is no step `nix`
    15:40 [steps.inne.status] there is no step `inne` (did you mean `inner`?)
    15:64 [steps.end.status] step `end` (line 17) stands under `finally`, and comes last
    18:43 [steps.later.status] step `later` comes later (line 20) (a step sees what stands above it)
    "#);
}

#[test]
fn what_runs_at_once_is_seen_through_needs() {
    insta::assert_snapshot!(steps(
        r#"  - id: above
    call: $DATABASE_TOOL status
  - parallel: true
    steps:
      - { id: d, manual: "{{ steps.a.output.state }} {{ steps.inside.output.state }}", needs: [c] }
      - { id: a, call: $DATABASE_TOOL status, if: steps.above.output.writable }
      - { id: b, manual: "{{ steps.a.output.state }}" }
      - { id: c, manual: "{{ steps.a.output.state }} {{ steps.b.status }}", needs: [a] }
      - id: block
        steps: [{ id: inside, call: $DATABASE_TOOL status, if: steps.a.output.writable }]
  - manual: "{{ steps.inside.output.state }} {{ steps.d.status }}"
"#
    ), @r#"
    8:57 [steps.inside.output.state] step `inside` (line 13) runs at the same time: `d` does not wait for `block` (add `needs: [block]` to `d`, or take `parallel` away)
    10:30 [steps.a.output.state] step `a` (line 9) runs at the same time: `b` does not wait for `a` (add `needs: [a]` to `b`, or take `parallel` away)
    11:57 [steps.b.status] step `b` (line 10) runs at the same time: `c` does not wait for `b` (add `needs: [b]` to `c`, or take `parallel` away)
    13:64 [steps.a.output.writable] step `a` (line 9) runs at the same time: `block` does not wait for `a` (add `needs: [a]` to `block`, or take `parallel` away)
    "#);
}

#[test]
fn loops_give_items_and_results() {
    insta::assert_snapshot!(steps(
        r#"  - id: rows
    for_each: [1, 2]
    as: n
    key: n
    if: n > 1
    call: $DATABASE_TOOL status --cluster {{ n }}
  - id: wave
    for_each: "[['a'], ['b']]"
    as: wave
    steps:
      - id: app
        for_each: wave
        as: app
        steps:
          - { id: one, call: "$ORCHESTRATOR restart {{ app }}" }
          - { id: two, manual: "{{ wave[0] }} {{ app }} {{ steps.one.output.ready }} {{ item }}" }
      - manual: "{{ steps.app.items[0].status }} {{ steps.one.status }} {{ app }}"
  - manual: "{{ steps.rows.items[0].output.state }} {{ steps.rows.items[0].item + 1 }} {{ steps.rows.output }}"
  - manual: "{{ steps.one.output }} {{ steps.wave.items[0].output }} {{ n }} {{ steps.wave.items[0].error.mesage }}"
  - for_each: run.id
    manual: "{{ item }}"
  - for_each: steps.rows.items
    key: item
    gate: { confirm: "All of {{ item }}?", once: true }
    manual: "{{ item.output.stat }}"
"#
    ), @r#"
    19:89 [item] there is no `item` here
    20:53 [steps.one.status] step `one` (line 18) runs once for each item of `app` (from outside the loop there is steps.app.items)
    20:76 [app] there is no `app` here (did you mean `steps.app`?)
    21:91 [steps.rows.output] step `rows` runs once for each item: its results are steps.rows.items
    22:17 [steps.one.output] step `one` (line 18) runs once for each item of `wave` (from outside the loop there is steps.wave.items)
    22:40 [steps.wave.items[0].output] `steps.wave.items[0]` has no field `output`; it has item, status, error
    22:73 [n] there is no `n` here
    22:81 [steps.wave.items[0].error.mesage] `steps.wave.items[0].error` has no field `mesage` (did you mean `message`?)
    23:15 [run.id] `for_each` needs a list, and this is a string ([a, b] is a list, and range(3) one of 0, 1 and 2)
    26:10 [item] a key names an instance, and this is an object
    27:33 [item] there is no `item` here
    28:17 [item.output.stat] `item.output` has no field `stat` (did you mean `state`?)
    "#);
}

#[test]
fn an_undo_sees_what_it_takes_back() {
    insta::assert_snapshot!(steps(
        r#"  - id: scale
    call: $ORCHESTRATOR scale --replicas=3
    undo: $ORCHESTRATOR scale --replicas={{ output.previous }}
  - id: again
    call: $ORCHESTRATOR scale --replicas=3
    undo:
      - { id: back, call: "$ORCHESTRATOR scale {{ args.service }} --replicas={{ before.replicas }}" }
      - { manual: "{{ output.nix }} {{ args.replica }} {{ steps.back.output.ready }} {{ steps.again.status }}" }
  - id: block
    steps: [{ id: inside, call: $ORCHESTRATOR status }]
    undo: { manual: "{{ steps.inside.output.ready }} {{ output }} {{ args.x }}" }
  - manual: "{{ steps.back.status }} {{ output.x }} {{ before.x }} {{ error.kind }}"
  - call: $DATABASE_TOOL execute "delete from x"
    gate: Delete?
    undo: { manual: "{{ before.rows }}" }
"#
    ), @r#"
    11:23 [output.nix] `output` has no field `nix`; it has service, replicas, previous, ready
    11:40 [args.replica] `args` has no field `replica` (did you mean `replicas`?)
    14:57 [output] what is taken back here has no output
    14:70 [args.x] what is taken back here is no call, so there are no `args`
    15:17 [steps.back.status] step `back` (line 10) is there to undo `again`, and is seen from nowhere else
    15:41 [output.x] `output` is what the step itself gives: it is there in `expect`, `until`, `repeat`, `retry` and `undo`
    15:56 [before.x] `before` is there in an undo only
    15:71 [error.kind] `error` is there in the `if` of a `retry`; elsewhere write steps.ID.error
    18:25 [before.rows] nothing is read before $DATABASE_TOOL execute, so there is no `before`
    "#);
}

#[test]
fn names_of_other_worlds_are_said_to_be_so() {
    insta::assert_snapshot!(file(
        r#"name: t
title: T
params: { cluster: { default: main }, wait: { type: duration, default: 1m } }
vars: { a: "{{ params.cluster }}-x", b: "{{ vars.a }}", c: "{{ steps.one.status }}", n: 3 }
env: { A: "{{ params.clustr }} {{ vars.n }}" }
steps:
  - id: one
    run: [echo, "{{ params.nix }}", "{{ cluster }}"]
    effect: read
    env: { X: "{{ vars.n + 1 }} {{ vars.m }}" }
    ok: exit in [0, 1] and params.cluster == 'x'
    output: { n: stdout | int, m: stdot }
    expect: output.n > 0 and stdout == ''
    retry: { attempts: 3, if: "error.kind == 'exot' and output.n > 1" }
  - ask: "{{ incident.id }} {{ settings.x }} {{ run.oprator }} {{ run.status == 'sucess' }} {{ run }}"
    type: integer
    suggest: "'three'"
  - id: q
    ask: Which?
    choices: [yes, no]
    suggest: "'yes' if params.wait > duration('1s') else 'nope'"
  - if: steps.q.answer == 'maybe' and steps.q.output == 'x' and steps.one.answer == 'y' and params.wait > 3
    pause: 5m
  - if: false
    manual: "{{ steps.q }}"
  - if: "'true'"
    manual: x
"#
    ), @r#"
    4:45 [vars.a] variables do not see each other
    4:64 [steps.one.status] no step has been done here yet
    5:15 [params.clustr] there is no parameter `clustr` (did you mean `params.cluster`?)
    8:21 [params.nix] there is no parameter `nix`
    8:41 [cluster] there is no `cluster` here (did you mean `params.cluster`?)
    10:36 [vars.m] there is no variable `m` (did you mean `vars.a`?)
    11:28 [params.cluster] there is no `params` here
    12:35 [stdot] there is no `stdot` here (did you mean `stdout`?)
    13:30 [stdout] there is no `stdout` here (did you mean `output.stdout`?)
    14:46 ['exot'] `error.kind` is never 'exot': it is one of expression, require, not_started, refused, exit, signal, answer, output, expect, within, loop, inside, person, declined (did you mean 'exit'?)
    15:14 [incident.id] incidents are not available in this version
    15:32 [settings.x] `settings` are there in adapters only
    15:49 [run.oprator] `run` has no field `oprator` (did you mean `operator`?)
    15:81 ['sucess'] `run.status` is never 'sucess': it is one of succeeded, succeeded_with_failures, failed, declined, cancelled, running
    15:96 [run] `run` alone is no value: add .id, .environment, …
    17:14 ["'three'"] the answer is an integer, and this is 'three'
    21:14 ["'yes' if params.wait > duration('1s') else 'nope'"] `nope` is not one of the choices yes, no
    22:27 ['maybe'] `steps.q.answer` is never 'maybe': it is one of yes, no
    22:39 [steps.q.output] step `q` is a question: its answer is steps.q.answer
    22:65 [steps.one.answer] step `one` asks nothing, so it has no answer
    22:93 [params.wait > 3] cannot compare `params.wait` (duration) with integer 3
    24:9 [false] this is never true, so the step is never done (remove the step)
    25:17 [steps.q] `steps.q` alone is no value: add .status, .output, .answer, .attempts, .error or .items
    26:10 ['true'] expected true or false, found string 'true' (compare it: `… == 'text'`)
    "#);
}

const PART: &str = "name: part\ntitle: P\nparams: { a: { type: duration, help: How long }, b: { default: x, pattern: '[a-z]' } }\nsteps:\n  - manual: x\n";

fn rendered(files: &[(&str, &str)]) -> String {
    checked(files).render(false, 100)
}

#[test]
fn an_include_gives_what_is_asked_for() {
    let main = "\
name: main
title: M
steps:
  - { runbook: prt }
  - { runbook: part }
  - { id: ok, runbook: part, with: { a: 5m } }
  - { runbook: part, with: { a: 5, b: AB, c: 1 } }
  - { runbook: part, with: { a: \"{{ true }}\", b: \"{{ steps.ok.output }}\" } }
";
    insta::assert_snapshot!(rendered(&[("main", main), ("part", PART)]), @r#"
    error[unknown-runbook]: there is no runbook `prt`
     --> main.yaml:4:16
      |
    4 |   - { runbook: prt }
      |                ^^^
      |
      = help: did you mean `part`?

    error[parameter]: `part` needs the parameter `a`
     --> main.yaml:5:16
      |
    5 |   - { runbook: part }
      |                ^^^^
      |
      = help: How long
      = help: add `with: { a: … }`

    error[parameter]: the parameter `a` of `part`: expected a duration, found integer 5
     --> main.yaml:7:33
      |
    7 |   - { runbook: part, with: { a: 5, b: AB, c: 1 } }
      |                                 ^

    error[parameter]: the parameter `b` of `part`: `AB` does not match the pattern [a-z]
     --> main.yaml:7:39
      |
    7 |   - { runbook: part, with: { a: 5, b: AB, c: 1 } }
      |                                       ^^

    error[parameter]: `part` has no parameter `c`
     --> main.yaml:7:46
      |
    7 |   - { runbook: part, with: { a: 5, b: AB, c: 1 } }
      |                                              ^
      |
      = help: did you mean `a`?
      = help: its parameters are a, b

    error[parameter]: the parameter `a` of `part`: it is a duration, and this is a boolean
     --> main.yaml:8:33
      |
    8 |   - { runbook: part, with: { a: "{{ true }}", b: "{{ steps.ok.output }}" } }
      |                                 ^^^^^^^^^^^^

    error[expression]: step `ok` is another runbook, so it has no output
     --> main.yaml:8:54
      |
    8 |   - { runbook: part, with: { a: "{{ true }}", b: "{{ steps.ok.output }}" } }
      |                                                      ^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_runbook_that_includes_itself_is_shown_the_way() {
    let one = "name: one\ntitle: O\nsteps:\n  - { id: a, steps: [{ runbook: two }] }\n";
    let two = "name: two\ntitle: T\nsteps: [{ manual: x }]\nfinally:\n  - runbook: three\n";
    let three = "name: three\ntitle: T\nsteps: [{ runbook: one }]\n";
    let own = "name: own\ntitle: T\nsteps: [{ runbook: own }]\n";
    insta::assert_snapshot!(rendered(&[("one", one), ("two", two), ("three", three)]), @r#"
    error[include-cycle]: this runbook includes itself: one → two → three → one
     --> one.yaml:4:33
      |
    4 |   - { id: a, steps: [{ runbook: two }] }
      |                                 ^^^

    error[include-cycle]: this runbook includes itself: three → one → two → three
     --> three.yaml:3:20
      |
    3 | steps: [{ runbook: one }]
      |                    ^^^

    error[include-cycle]: this runbook includes itself: two → three → one → two
     --> two.yaml:5:14
      |
    5 |   - runbook: three
      |              ^^^^^
    "#);
    insta::assert_snapshot!(rendered(&[("own", own)]), @r#"
    error[include-cycle]: this runbook includes itself: own → own
     --> own.yaml:3:20
      |
    3 | steps: [{ runbook: own }]
      |                    ^^^
    "#);
}

#[test]
fn includes_do_not_multiply_without_end() {
    let level = |i: usize| {
        let inner = format!("  - runbook: l{}\n", i + 1).repeat(10);
        let steps = if i == 6 {
            "  - pause: 1s\n".to_owned()
        } else {
            inner
        };
        format!("name: l{i}\ntitle: L\nsteps:\n{steps}")
    };
    let files: Vec<(String, String)> = (0..7).map(|i| (format!("l{i}"), level(i))).collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    assert!(rendered(&files).contains("has 2111110 steps, and at most 100000 are run"));
}

#[test]
fn a_file_that_is_broken_is_not_said_to_be_missing() {
    let text = "name: t\ntitle: T\nsteps:\n  - runbook: x\n  - call: $DATABASE_TOOL status\n";
    let (runbooks, contracts) = (library(&[("t", text)]), IndexMap::new());
    let (broken, tools) = (["x".parse().unwrap()], ["DATABASE_TOOL".parse().unwrap()]);
    let library = Library::new(&runbooks, &contracts).with_broken(&broken, &tools);
    let found = check(&"t".parse().unwrap(), &library);
    let said: Vec<&str> = found.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "the runbook `x` has errors of its own",
            "the contract of $DATABASE_TOOL has errors of its own"
        ]
    );
}

/// Bad input of every kind, as it is shown: the threat list's rows 15, 20 and 25.
#[test]
fn bad_input_is_shown_with_its_line() {
    let read = |text: &str| {
        let mut found = Diagnostics::new();
        assert!(runbook::read("t.yaml", text.as_bytes(), &mut found).is_none());
        found.render(false, 100)
    };
    insta::assert_snapshot!(read("name: t\ntitle: T\ntitle: U\nsteps: [{ manual: x }]\n"), @r#"
    error[doubled-key]: the key `title` is there twice
     --> t.yaml:3:1
      |
    2 | title: T
      | ----- first here
    3 | title: U
      | ^^^^^ again here
    "#);
    insta::assert_snapshot!(read("name: t\ntitle: T\nsteps:\n\t- manual: x\n"), @r#"
    error[yaml-syntax]: a tab stands where spaces belong
     --> t.yaml:4:2
      |
    4 |     - manual: x
      |     ^
      |
      = help: replace it by spaces
    "#);
    insta::assert_snapshot!(read("name: t\ntitle: T\nsteps:\n  - manual: \"Delete \u{202e}nothing\"\n"), @r#"
    error[unsafe-character]: \u{202e} is not allowed: characters that reorder text can hide what is written
     --> t.yaml:4:21
      |
    4 |   - manual: "Delete \u{202e}nothing"
      |                     ^^^^^^^^
      |
      = help: remove it
    "#);
    insta::assert_snapshot!(rendered(&[("t", "name: t\ntitle: T\nsteps:\n  - id: a\n    if: steps.b.status == 'failed'\n    manual: x\n  - id: b\n    if: false\n    manual: y\n")]), @r#"
    error[expression]: step `b` comes later (line 7)
     --> t.yaml:5:9
      |
    5 |     if: steps.b.status == 'failed'
      |         ^^^^^^^^^^^^^^
    6 |
    7 |   - id: b
      |         - it stands here
      |
      = help: a step sees what stands above it

    warning[unreachable]: this is never true, so the step is never done
     --> t.yaml:8:9
      |
    8 |     if: false
      |         ^^^^^
      |
      = help: remove the step
    "#);
}
