//! What a step sees.

use super::*;

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
fn a_long_way_back_is_found() {
    let mut text = "  - parallel: true\n    steps:\n".to_owned();
    for i in 0..300 {
        let needs = if i == 0 || i == 150 {
            String::new()
        } else {
            format!(
                ", needs: [s{}], if: steps.s{}.status == 'failed'",
                i - 1,
                i / 150 * 150
            )
        };
        text.push_str(&format!("      - {{ id: s{i}, pause: 1s{needs} }}\n"));
    }
    assert_eq!(steps(&text), "");
    text.push_str(
        "      - { id: end, pause: 1s, needs: [s299], if: steps.s0.status == 'failed' }\n",
    );
    assert_eq!(steps(&text).lines().count(), 1);
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
