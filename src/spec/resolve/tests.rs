//! Calls held against contracts: which action is meant, and which word is which argument.

use super::*;
use crate::spec::contract::{self, Contract};
use crate::spec::step::{Argument, Does, ResolvedCall};
use crate::spec::{Diagnostic, Diagnostics, runbook};

const CONTRACT: &str = r"
tool: T
title: A tool
actions:
  status: { effect: read }
  failover:
    effect: change
    args:
      to-replica: { optional: true, value: optional }
      wait: { type: duration, default: 30s }
      force: { type: boolean, optional: true }
  open:
    effect: change
    args:
      title: { positional: 1, help: What users notice }
      level: { type: choice, choices: [minor, major], help: How bad it is }
      names: { many: true, optional: true }
  turn:
    effect: change
    args:
      names: { positional: 1, many: true }
      b: { optional: true }
  limit: { effect: change, args: { rps: { type: integer, positional: 1 } } }
";

fn contract_of(text: &str) -> Contract {
    let mut found = Diagnostics::new();
    let contract = contract::read("contract.yaml", text.as_bytes(), &mut found);
    assert!(found.is_empty(), "{}", found.render(false, 100));
    contract.unwrap()
}

fn resolved(step: &str, contract: &Contract) -> Result<ResolvedCall, String> {
    let text = format!("name: t\ntitle: T\nsteps:\n  - {step}\n");
    let mut found = Diagnostics::new();
    let runbook = runbook::read("t.yaml", text.as_bytes(), &mut found);
    assert!(found.is_empty(), "{}", found.render(false, 100));
    let runbook = runbook.unwrap();
    let Does::Call(call) = &runbook.steps[0].does else {
        panic!("no call");
    };
    let said = |d: &Diagnostic| {
        let help: String = d.help.iter().map(|help| format!(" ({help})")).collect();
        let place = runbook.source.slice(d.span().unwrap());
        format!("{place} | {}{help}", d.message)
    };
    resolve(call, contract, &runbook.source)
        .map_err(|found| found.iter().map(said).collect::<Vec<_>>().join("\n"))
}

/// The arguments as `name=value`, those of a mapping with a star.
fn args(step: &str) -> String {
    match resolved(step, &contract_of(CONTRACT)) {
        Err(said) => said,
        Ok(call) => {
            let value = |argument: &Argument| match argument {
                Argument::One(one) => format!("{one:?}"),
                Argument::Many(many) => format!("{many:?}"),
                Argument::Flag => "Flag".to_owned(),
            };
            let args: Vec<String> = call
                .args
                .iter()
                .map(|(name, argument)| {
                    let star = if call.mapped.contains(name) { "*" } else { "" };
                    format!("{name}{star}={}", value(argument))
                })
                .collect();
            format!("{}: {}", call.action, args.join(" "))
        }
    }
}

#[test]
fn words_become_arguments() {
    for (step, expected) in [
        ("call: $T status", "status: "),
        (
            "call: $T failover --to-replica r1 --wait=1m --force",
            "failover: to-replica=Template(Template(\"r1\")) wait=Template(Template(\"1m\")) force=Flag",
        ),
        (
            "call: $T failover --to-replica --wait 1m",
            "failover: to-replica=Flag wait=Template(Template(\"1m\"))",
        ),
        (
            "call: $T failover --to-replica={{ params.x }} --wait {{ params.y }}",
            "failover: to-replica=Template(Template(\"{{ params.x }}\")) wait=Template(Template(\"{{ params.y }}\"))",
        ),
        (
            "call: $T turn a {{ params.x }} -b B -- -c",
            "turn: names=[Template(Template(\"a\")), Template(Template(\"{{ params.x }}\")), Template(Template(\"-c\"))] b=Template(Template(\"B\"))",
        ),
        (
            "{ call: $T open 'It broke', with: { level: minor, names: [a, b] } }",
            "open: title=Template(Template(\"It broke\")) level*=Template(Template(\"minor\")) names*=[Template(Template(\"a\")), Template(Template(\"b\"))]",
        ),
        (
            "{ call: $T failover, with: { wait: ~, force: true } }",
            "failover: force*=Value(Bool(true))",
        ),
        ("call: $T limit -3", "limit: rps=Template(Template(\"-3\"))"),
    ] {
        assert_eq!(args(step), expected, "{step}");
    }
}

#[test]
fn what_is_wrong_with_a_call_is_said() {
    let calls = [
        "call: $T",
        "call: $T stauts",
        "call: $T zzz",
        "call: $T {{ params.action }}",
        "call: $T status now",
        "call: $T failover --to-replca=r1 --zzz x",
        "call: $T failover --wait",
        "call: $T failover --wait soon --wait=1m",
        "call: $T failover -wait 1m -x",
        "call: $T failover --{{ params.name }}=x",
        "call: $T open",
        "call: $T open --level=mnior x y",
        "{ call: $T open x, with: { title: y, level: { a: b }, nams: [c] } }",
        "{ call: $T limit, with: { rps: many } }",
        "{ call: $T turn, with: { names: [[a]] } }",
    ];
    let said: Vec<String> = calls
        .iter()
        .map(|call| format!("{call}\n{}\n", args(call)))
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    call: $T
    $T | a call of $T names an action (its actions are status, failover, open, turn, limit)

    call: $T stauts
    stauts | $T has no action `stauts` (did you mean `status`?) (its actions are status, failover, open, turn, limit)

    call: $T zzz
    zzz | $T has no action `zzz` (its actions are status, failover, open, turn, limit)

    call: $T {{ params.action }}
    {{ params.action }} | the action of $T is written out, never filled in (its actions are status, failover, open, turn, limit)

    call: $T status now
    now | `$T status` takes no further word `now` (it is called as $T status)

    call: $T failover --to-replca=r1 --zzz x
    --to-replca=r1 | `$T failover` has no argument `to-replca` (did you mean `--to-replica`?)
    --zzz | `$T failover` has no argument `zzz` (it is called as $T failover [--to-replica=…] [--wait=…] [--force])

    call: $T failover --wait
    --wait | the flag `--wait` needs a value (write --wait=…: a duration)

    call: $T failover --wait soon --wait=1m
    soon | the argument `wait` of `$T failover`: `soon` is not a duration; write for example 30s, 5m, 1h 30m or 2d
    --wait=1m | the argument `wait` is given twice

    call: $T failover -wait 1m -x
    -wait | `-wait` is no flag: one dash stands before one letter (write `--wait`)
    -x | `$T failover` has no argument `x` (it is called as $T failover [--to-replica=…] [--wait=…] [--force])

    call: $T failover --{{ params.name }}=x
    --{{ params.name }}=x | the name of a flag is written out, never filled in (write the name, and fill in its value: --name={{ … }})

    call: $T open
    $T | `$T open` needs the argument `title`: What users notice (it is called as $T open TITLE --level=… [--names=…])
    $T | `$T open` needs the argument `level`: How bad it is (add --level=…)

    call: $T open --level=mnior x y
    --level=mnior | the argument `level` of `$T open`: `mnior` is not one of minor, major (did you mean `minor`?)
    y | `$T open` takes no further word `y` (it is called as $T open TITLE --level=… [--names=…])

    { call: $T open x, with: { title: y, level: { a: b }, nams: [c] } }
    y | the argument `title` is given twice
    { a: b } | the argument `level` of `$T open`: expected one of minor, major, found object {"a":"b"}
    [c] | `$T open` has no argument `nams` (did you mean `names`?)

    { call: $T limit, with: { rps: many } }
    many | the argument `rps` of `$T limit`: `many` is no integer

    { call: $T turn, with: { names: [[a]] } }
    [[a]] | the argument `names` of `$T turn`: expected a string, found list ["a"]
    "#);
}

#[test]
fn a_word_that_is_no_action_goes_to_the_default() {
    let contract = contract_of(
        "tool: H\ntitle: h\ndefault: check\nactions:\n  check: { effect: read, args: { target: { positional: 1, optional: true } } }\n",
    );
    for step in [
        "call: $H",
        "call: $H check",
        "call: $H production",
        "call: $H {{ run.environment }}",
        "call: $H --target=x",
    ] {
        let call = resolved(step, &contract).unwrap();
        assert_eq!(call.action.as_str(), "check", "{step}");
    }
    let call = resolved("call: $H production", &contract).unwrap();
    assert_eq!(call.words.len(), 1);
    assert!(call.args.contains_key("target"));
}
