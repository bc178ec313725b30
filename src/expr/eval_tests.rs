//! What expressions mean.

use super::error::ExprErrorKind;
use super::testing::{Run, eval, refused, text};
use super::{Expression, Names, Scope};
use crate::model::{Map, Value};

#[test]
fn the_expressions_of_the_format_mean_what_they_say() {
    for (source, expected) in [
        (
            "'yes' if steps.status.output.state == 'stopped' and not steps.status.output.corruption else 'no'",
            "yes",
        ),
        ("steps.restart.status in ['skipped', 'failed']", "true"),
        (
            "steps.replicas.output.freshest.lag < duration('10m')",
            "true",
        ),
        (
            "steps.replicas.output.freshest.lag > params.max_lag",
            "false",
        ),
        ("duration('4s') > duration('30s')", "false"),
        ("params.none or steps.replicas.output.freshest.name", "r1"),
        ("params.cluster or 'other'", "main"),
        ("steps.status.output.connections not in [0, 255]", "true"),
        ("now - steps.status.output.since < duration('1h')", "true"),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
}

#[test]
fn nothing_is_truthy() {
    for (source, message) in [
        ("not 0", "expected true or false, found integer 0"),
        (
            "params.cluster and true",
            "expected true or false, found string 'main'",
        ),
        ("false or 'a'", "expected true or false, found string 'a'"),
        (
            "1 if params.none else 2",
            "expected true or false, found none",
        ),
        (
            "'a' if steps.replicas.output.all else 'b'",
            "expected true or false, found list",
        ),
    ] {
        let found = refused(source);
        assert!(found.starts_with(message), "{source}: {found}");
    }
    let lone = Expression::parse("params.cluster").unwrap();
    assert_eq!(
        lone.eval_bool(&Run::new()).unwrap_err().message,
        "expected true or false, found string 'main'"
    );
    // The common slip of two languages: it must not decide anything.
    let slip = Expression::parse("params.cluster == 'x' or 'main'").unwrap();
    assert!(slip.eval_bool(&Run::new()).is_err());
}

#[test]
fn and_or_and_if_leave_alone_what_they_do_not_need() {
    assert_eq!(text("false and steps.failover.output.ok"), "false");
    assert_eq!(text("true or steps.failover.output.ok"), "true");
    assert_eq!(text("1 if true else steps.restart.output.x"), "1");
    assert_eq!(text("1 < 0 < steps.failover.output.n"), "false");
}

#[test]
fn different_types_do_not_compare() {
    assert_eq!(
        refused("steps.replicas.output.freshest.lag == '30s'"),
        "cannot compare duration 4s with string '30s' (write duration('30s'))"
    );
    assert_eq!(
        refused("steps.status.output.connections == '12'"),
        "cannot compare integer 12 with string '12' (write the number without quotes, or convert the text with `| int`)"
    );
    assert_eq!(
        refused("'true' == true"),
        "cannot compare string 'true' with boolean true (write true and false without quotes)"
    );
    assert_eq!(
        refused("true < false"),
        "boolean true and boolean false have no order"
    );
    assert_eq!(
        refused("params.none < 3"),
        "cannot compare none with integer 3"
    );
    assert_eq!(
        refused("'a' in [1, 2]"),
        "cannot compare string 'a' with list [1,2]"
    );
    assert_eq!(
        refused("1 in 'abc'"),
        "cannot look for integer 1 in string 'abc'"
    );
    assert!(refused("[1, 'a'] == ['a', 1]").starts_with("cannot compare list"));
    assert_eq!(text("params.none == 3 or 3 != none"), "true");
    assert_eq!(text("1 == 1.0 and 2 > 1.5 and 1 <= 1 < 2"), "true");
    assert_eq!(text("[1, 2] == [1, 2.0] and {'a': 1} != {'b': 1}"), "true");
    assert_eq!(
        text("'b' in 'abc' and 'name' in steps.replicas.output.freshest"),
        "true"
    );
}

#[test]
fn arithmetic_is_exact_or_an_error() {
    for (source, expected) in [
        ("1 + 2 * 3", "7"),
        ("7 / 2", "3.5"),
        ("-7 // 2", "-4"),
        ("-7 % 2", "1"),
        ("2 ** 10", "1024"),
        ("duration('1m') * 1.5", "1m 30s"),
        ("2 * duration('1m') + duration('1s')", "2m 1s"),
        ("duration('1h') / duration('1m')", "60"),
        ("duration('1h') / 4", "15m"),
        ("size('1 GiB') - size('1 MiB')", "1023 MiB"),
        ("size('1 GiB') / size('1 MiB')", "1024"),
        ("now + duration('1h') - now", "1h"),
        ("[1] + [2]", "[1,2]"),
        ("'a' + 'b' ~ 1 ~ true", "ab1true"),
        ("-(3 - 5)", "2"),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
    for (source, message) in [
        ("1 / 0", "integer 1 / integer 0 divides by zero"),
        ("1.5 % 0", "number 1.5 % integer 0 divides by zero"),
        (
            "9223372036854775807 + 1",
            "integer 9223372036854775807 + integer 1 is too large",
        ),
        ("2 ** 64", "integer 2 ** integer 64 is too large"),
        ("1e308 * 10", "too large"),
        ("(0 - 1.0) ** 0.5", "is not a number"),
        ("duration('1s') - duration('2s')", "would be negative"),
        ("duration('9000d') * 100", "is too large"),
        ("steps.status.output.since - now", "would be negative"),
        ("size('1 GiB') * -1", "would be negative"),
        (
            "'x' * 100000000",
            "cannot work out string 'x' * integer 100000000",
        ),
        (
            "'a' + 1",
            "cannot work out string 'a' + integer 1 (texts are put together with `~`)",
        ),
        ("1 + params.none", "(say what counts then"),
        (
            "'a' ~ params.none",
            "`params.none` is none, and stands in a text",
        ),
        ("-'a'", "only a number can be negated, not string 'a'"),
    ] {
        let found = refused(source);
        assert!(found.contains(message), "{source}: {found}");
    }
}

#[test]
fn what_is_not_there_names_what_is_near() {
    for (source, message) in [
        (
            "steps.status.output.stat",
            "`steps.status.output` has no field `stat` (did you mean `state`?)",
        ),
        (
            "steps.statsu.output",
            "there is no `statsu` here (did you mean `status`?)",
        ),
        (
            "parms.cluster",
            "there is no `parms` here (did you mean `params`?)",
        ),
        (
            "params.cluster.name",
            "`params.cluster` is a string, so it has no field `name`",
        ),
        (
            "steps.replicas.output.all.name",
            "`steps.replicas.output.all` is a list, so it has no field `name` (take one item (steps.replicas.output.all[0].name) or the field of all: steps.replicas.output.all | map(attribute='name'))",
        ),
        (
            "steps.replicas.output.all[3]",
            "`steps.replicas.output.all` has 3 items, [0] to [2]: it has no [3]",
        ),
        (
            "steps.replicas.output.all[0].nam",
            "`steps.replicas.output.all[0]` has no field `nam` (did you mean `name`?)",
        ),
        (
            "steps.restart.output.x",
            "step `restart` was skipped, so it has no output (test its status first: `steps.restart.status`)",
        ),
        (
            "params.none.x",
            "`params.none` is none, so it has no field `x`",
        ),
    ] {
        assert_eq!(refused(source), message, "{source}");
    }
    assert_eq!(text("steps.replicas.output.all[-1].name"), "r3");
    assert_eq!(text("steps.replicas.output['freshest']['name']"), "r1");
    assert_eq!(text("params.cluster[1:3] ~ [1, 2, 3][:2]"), "ai[1,2]");
}

#[test]
fn not_yet_is_told_from_never() {
    let error = eval("steps.failover.output.ok").unwrap_err();
    assert_eq!(
        (error.kind, error.is_not_yet()),
        (ExprErrorKind::NotYet, true)
    );
    assert_eq!(error.message, "`steps.failover.output.ok` is not known yet");
    assert_eq!(error.span, Some(0..24));
    assert!(
        eval("steps.failover.output.ok | default(1)")
            .unwrap_err()
            .is_not_yet()
    );
    assert!(
        eval("steps.failover.output.ok is defined")
            .unwrap_err()
            .is_not_yet()
    );
    assert_eq!(
        eval("steps.restart.output.x").unwrap_err().kind,
        ExprErrorKind::Unavailable
    );
}

#[test]
fn defaults_stand_in_for_what_is_not_there_and_hide_nothing_else() {
    for (source, expected) in [
        ("params.none | default('x')", "x"),
        ("steps.replicas.output.extra.typo | default(1)", "1"),
        ("steps.restart.output.x.y | default('-')", "-"),
        ("[] | first | default(0)", "0"),
        (
            "steps.replicas.output.all | selectattr('weight', 'gt', 9) | first | default('nobody')",
            "nobody",
        ),
        ("steps.restart.output is defined", "false"),
        ("steps.replicas.output.extra.nothing is none", "true"),
        ("steps.replicas.output.extra.code is defined", "true"),
        ("params.cluster | default('x')", "main"),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
    assert!(refused("(params.max_lag < params.typo) | default(true)").contains("typo"));
    assert!(refused("(1 / 0) | default(1)").contains("divides by zero"));
    assert!(refused("[{'a': 1}] | map(attribute='b') | default(1)").contains("no field `b`"));
}

#[test]
fn secrets_are_not_shown() {
    for source in [
        "params.password == 1",
        "params.password | int",
        "duration(params.password)",
        "[params.password] | sum",
        "params.password and true",
        "params.password.x",
    ] {
        let found = refused(source);
        assert!(!found.contains("hunter2"), "{source}: {found}");
    }
    let expression = Expression::parse("params.password == 'x' and params.cluster == 'y'").unwrap();
    assert_eq!(
        expression.explain(&Run::new()),
        [("params.cluster".to_owned(), Value::from("main"))]
    );
}

#[test]
fn a_failed_expectation_is_explained() {
    let mut output = Map::new();
    output.insert("state".into(), "stopped".into());
    output.insert("rows".into(), Value::List(vec![Value::Int(3)]));
    let output = Value::Map(output);
    let run = Run::new();
    let names = Scope::over(&run).with("output", &output);
    let source = "output.state == 'running' and output.rows[0] > 2 and output.typo and output.state != params.cluster";
    let known = Expression::parse(source).unwrap().explain(&names);
    let labels: Vec<String> = known
        .iter()
        .map(|(label, value)| format!("{label}={value}"))
        .collect();
    assert_eq!(
        labels,
        [
            "output.state=stopped",
            "output.rows[0]=3",
            "params.cluster=main"
        ]
    );
    assert!(
        matches!(names.get(&["outptu"]), super::Lookup::Missing(error) if error.nearest.as_deref() == Some("output"))
    );
}
