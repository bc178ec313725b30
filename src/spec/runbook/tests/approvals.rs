//! Gates that ask others, gates that expire, and locks.

use super::*;
use crate::model::Duration;
use crate::model::gate::Expires;
use crate::spec::step::{Approvals, Gate, GateAsk};

fn asked(gate: &str) -> GateAsk {
    let runbook = good(&format!(
        "name: t\ntitle: T\nsteps:\n  - call: $T a\n    for_each: params.x\n    gate: {{ confirm: Go?, {gate} }}\n"
    ));
    match runbook.steps[0].how.gate.clone().unwrap().value {
        Gate::Ask(ask) => *ask,
        Gate::None => panic!("no gate"),
    }
}

fn approvals(gate: &str) -> Approvals {
    asked(gate).approvals.unwrap()
}

#[test]
fn a_gate_says_who_else_is_asked() {
    let all = approvals(
        "approvals: { count: 2, from: [dba, sre-lead], exclude: [requester, ana@example.org], if: params.x > 1 }",
    );
    assert_eq!(all.count, 2);
    assert_eq!(all.from[1].as_str(), "sre-lead");
    let excluded: Vec<&str> = all.exclude.iter().map(|person| person.as_str()).collect();
    assert_eq!(
        excluded,
        ["ana@example.org"],
        "the requester is excluded anyway"
    );
    assert_eq!(all.condition.unwrap().source(), "params.x > 1");
    let one = approvals("approvals: { from: dba }");
    assert_eq!((one.count, one.from.len()), (1, 1));
    let short = approvals("approvals: 3, once: true");
    assert_eq!((short.count, short.from.len()), (3, 0));
    assert_eq!(approvals("approvals: {}").count, 1);
}

#[test]
fn a_gate_says_how_long_it_waits() {
    let minutes = |n: u64| Some(Duration::from_secs(60 * n));
    let short = asked("expires: 30m").expires;
    assert_eq!(
        short,
        Expires {
            approve: minutes(30),
            ..Expires::default()
        }
    );
    let all = asked(
        "approvals: { from: dba }, expires: { approve: 30m, execute: 10m, escalate: [sre, cto] }",
    );
    assert_eq!(
        all.expires,
        Expires {
            approve: minutes(30),
            execute: minutes(10),
            escalate: vec!["sre".parse().unwrap(), "cto".parse().unwrap()],
        }
    );
    assert!(asked("once: true").expires.is_never());
}

#[test]
fn what_is_wrong_with_approvals_is_said_at_once() {
    insta::assert_snapshot!(steps(
        r#"  - call: $T a
    gate: { confirm: Go?, approvals: { count: 0, from: [], exclude: [a b], iff: true }, expires: 0s }
  - call: $T a
    gate: { confirm: Go?, approvals: many, expires: { escalate: sre } }
  - call: $T a
    gate: { confirm: Go?, approvals: { from: [Dba] }, expires: {} }
  - call: $T a
    gate: { confirm: Go?, approvals: 1, expires: { approve: 5m, escalate: sre } }
  - call: $T a
    gate: { confirm: Go?, expires: { approve: 5m, execute: soon, escalate: sre, aprove: 1m } }
"#
    ), @r#"
    5:47 expected a number of at least 1, found `0`
    5:56 there is no group in it (name a group, or leave the key out)
    5:70 `a b` is not a person: a name or an address: letters, digits and `._+-`, with at most one `@`, beginning with a letter or a digit, at most 128 of them
    5:76 what others approve has no key `iff` (did you mean `if`?) (its keys are count, from, exclude, if)
    5:98 expected a duration longer than 0s, found `0s`
    7:38 expected a whole number, found `many`
    7:55 `escalate` needs `approve` beside it (say when the next group may approve too: `approve: 30m`)
    9:47 `Dba` is not a group: lower-case letters, digits and `-`, a letter first
    9:64 `expires` needs `approve` or `execute`
    11:75 `escalate` adds groups, and anybody may approve already (write `approvals: { from: [group] }` beside it)
    13:60 `soon` is not a duration; write for example 30s, 5m, 1h 30m or 2d
    13:76 `escalate` says who may approve too, and nobody is asked to (write `approvals: { from: [group] }` beside it)
    13:81 `expires` has no key `aprove` (did you mean `approve`?) (its keys are approve, execute, escalate)
    "#);
}

#[test]
fn a_lock_is_a_name_of_one_line() {
    let lock = |text: &str| {
        said(&format!(
            "name: t\ntitle: T\nlock: {text}\nsteps:\n  - manual: a\n"
        ))
    };
    assert_eq!(lock("database/{{ params.cluster }}"), "");
    let long = "x".repeat(201);
    let found = [
        lock(&long),
        lock("\"a\\tb\""),
        lock("|\n  a\n  b"),
        lock("' '"),
        lock("[a]"),
        lock("'{{ params.x | nope }}'"),
    ];
    insta::assert_snapshot!(found.join("\n").replace(&long, "xxx…"), @r#"
    3:7 expected a name of at most 200 bytes, found `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…`
    3:7 expected a name without control characters, found the text "a\tb"
    4:3 expected a text of one line, found the text "a\nb\n"
    3:7 expected a text, found the text " "
    3:7 expected a text of one line, found a list
    3:22 there is no filter `nope`
    "#);
}
