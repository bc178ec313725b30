//! Contracts, good and bad, and the shipped ones.

use super::*;
use crate::spec::Diagnostics;

const GOOD: &str = r#"
tool: DATABASE_TOOL
title: Database control
default: status
actions:
  status:
    effect: read
    args: { cluster: { optional: true } }
    output: { primary: string, up: boolean, lag: { type: duration, optional: true } }
    example: { primary: db-1, up: true }
  failover:
    title: Promote a replica
    effect: destructive
    args:
      to-replica: { positional: 1, optional: true, value: optional, target: true }
      wait: { type: duration, default: 30s }
    output: { promoted: string }
    example: { promoted: db-2 }
    verify:
      call: status
      done: output.primary == (args.to_replica or before.primary)
      not_done: output.primary == before.primary
    undo: { call: failover, with: { to-replica: "{{ before.primary }}", wait: 1m } }
    timeout: 5m
"#;

fn found(text: &str) -> Vec<String> {
    let mut found = Diagnostics::new();
    let contract = read("contract.yaml", text.as_bytes(), &mut found);
    assert_eq!(contract.is_none(), found.has_errors());
    let said = |d: &&crate::spec::Diagnostic| {
        let place = d.source.position(d.span().unwrap().start);
        let help: String = d.help.iter().map(|help| format!(" ({help})")).collect();
        format!("{}:{} {}{help}", place.line, place.column, d.message)
    };
    found.sorted().iter().map(said).collect()
}

/// What is wrong once a part of the good contract was replaced.
fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(GOOD.contains(from), "{from}");
    found(&GOOD.replace(from, to))
}

#[test]
fn a_contract_is_read_and_survives_a_plan() {
    let mut found = Diagnostics::new();
    let contract = read("contract.yaml", GOOD.as_bytes(), &mut found);
    assert!(found.is_empty(), "{}", found.render(false, 100));
    let contract = contract.unwrap();
    let failover = &contract.actions["failover"];
    assert_eq!(
        failover.args["wait"].default.as_ref().unwrap().to_string(),
        "30s"
    );
    assert_eq!(failover.target().unwrap().0.as_str(), "to-replica");
    assert_eq!(failover.reads_before().unwrap().action.as_str(), "status");
    assert!(contract.actions["status"].idempotent);
    assert_eq!(contract.actions["status"].title, "status");
    let json = serde_json::to_string(&contract).unwrap();
    let back: Contract = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), json);
    assert!(back.source.name.is_empty());
}

#[test]
fn calls_inside_a_contract_must_fit() {
    assert_eq!(
        changed("default: status", "default: stauts"),
        ["4:10 there is no action `stauts` (did you mean `status`?)"]
    );
    assert_eq!(
        changed("call: status", "call: statsu"),
        ["20:13 there is no action `statsu` (did you mean `status`?)"]
    );
    assert_eq!(
        changed("call: status", "call: failover"),
        [
            "20:13 `failover` does not only read: its effect is destructive",
            "21:13 `output` has no field `primary`; it has promoted",
            "21:51 `before` has no field `primary`; it has promoted",
            "22:17 `output` has no field `primary`; it has promoted",
            "22:35 `before` has no field `primary`; it has promoted",
            "23:53 `before` has no field `primary`; it has promoted",
        ]
    );
    assert_eq!(
        changed("to-replica: \"", "replica: \""),
        ["23:37 `failover` has no argument `replica` (its arguments are to-replica, wait)"]
    );
    assert_eq!(
        changed("wait: 1m", "wait: 1"),
        [
            "23:79 `1` is not a duration: its unit is missing; write for example 30s, 5m, 1h 30m or 2d"
        ]
    );
    let found = changed(
        "optional: true, value: optional, target",
        "value: optional, target",
    );
    assert!(
        found[0].contains("a flag can only stand alone where its argument can be left out"),
        "{found:?}"
    );
    assert_eq!(
        changed(
            "{ to-replica: \"{{ before.primary }}\", wait: 1m }",
            "{ wait: \"{{ before.up }}\" }"
        ),
        ["23:43 `wait` is a duration, but this is a boolean"]
    );
}

#[test]
fn expressions_know_their_fields() {
    assert_eq!(
        changed(
            "output.primary == before.primary",
            "output.primry == before.primary"
        ),
        ["22:17 `output` has no field `primry` (did you mean `primary`?)"]
    );
    assert_eq!(changed("args.to_replica or", "args.replica or").len(), 1);
    assert_eq!(
        changed(
            "not_done: output.primary == before.primary",
            "not_done: output.primary"
        )
        .len(),
        1
    );
    assert_eq!(
        changed("      not_done: output.primary == before.primary\n", ""),
        ["20:7 a verify needs the key `not_done`"]
    );
}

#[test]
fn arguments_have_one_order_and_one_target() {
    let args = |args: &str| {
        found(&format!(
            "tool: T\ntitle: t\nactions:\n  a:\n    effect: change\n    args: {args}\n"
        ))
    };
    assert_eq!(
        args("{ a: { positional: 1 }, b: { positional: 2, many: true } }"),
        Vec::<String>::new()
    );
    assert_eq!(
        args("{ a: { positional: 2 } }"),
        ["6:18 positional arguments count from 1: `1` is missing"]
    );
    assert_eq!(
        args("{ a: { positional: 1 }, b: { positional: 1 } }").len(),
        1
    );
    assert_eq!(
        args("{ a: { positional: 1, many: true }, b: { positional: 2 } }"),
        ["6:33 only the last positional argument can take several words"]
    );
    assert_eq!(
        args("{ a: { positional: 1, optional: true }, b: { positional: 2 } }"),
        ["6:56 `b` must be given, but `a` before it need not"]
    );
    assert_eq!(
        args("{ a: { target: true }, b: { target: true } }"),
        ["6:39 only one argument can be what a typed challenge asks for; `a` is"]
    );
    assert_eq!(
        args("{ a: { type: integer, default: x } }"),
        ["6:42 `x` is no integer"]
    );
    assert_eq!(args("{ a: { required: true } }").len(), 1);
}

#[test]
fn an_example_fits_and_reading_undoes_nothing() {
    assert_eq!(
        changed("up: true }", "upp: true }"),
        [
            "10:14 the field `up` is missing",
            "10:31 the field `upp` is not declared (did you mean `up`?)"
        ]
    );
    assert_eq!(
        changed("effect: destructive", "effect: read"),
        [
            "19:5 an action that only reads has no `verify`",
            "23:5 an action that only reads has no `undo`"
        ]
    );
    assert_eq!(
        changed(
            "effect: destructive",
            "effect: destructive\n    irreversible: true"
        ),
        ["24:5 an action that has an `undo` is not irreversible"]
    );
    assert_eq!(
        changed(
            "output: { promoted: string }",
            "output: { promoted: secret }"
        ),
        [
            "18:26 `promoted` is a secret, and an example shows none (leave `promoted` out of the example)"
        ]
    );
}

/// Every contract that is shipped.
#[test]
fn shipped_contracts_are_right() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("adapters");
    let mut found = Diagnostics::new();
    let mut seen = 0;
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path().join("contract.yaml");
        if let Ok(bytes) = std::fs::read(&path) {
            read(&path.to_string_lossy(), &bytes, &mut found);
            seen += 1;
        }
    }
    assert!(found.is_empty(), "{}", found.render(false, 120));
    assert!(seen > 10, "{seen}");
}
