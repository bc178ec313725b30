//! What the type check finds before a run.

use super::testing::{Run, check, with_hint};
use super::{Expression, Template};
use crate::model::Shape;

fn choice(words: &[&str]) -> Shape {
    Shape::Choice(words.iter().map(|word| (*word).to_owned()).collect())
}

#[test]
fn types_go_through_fields_filters_and_arithmetic() {
    for (source, expected) in [
        ("steps.status.output.state", choice(&["running", "stopped"])),
        ("steps.replicas.output.freshest.lag", Shape::Duration),
        ("steps.replicas.output.all[0].lag * 2", Shape::Duration),
        (
            "steps.replicas.output.all | map(attribute='lag')",
            Shape::List(Box::new(Shape::Duration)),
        ),
        (
            "steps.replicas.output.all | sum(attribute='disk')",
            Shape::Size,
        ),
        (
            "(steps.replicas.output.all | selectattr('ready') | first).name | upper",
            Shape::String,
        ),
        ("steps.replicas.output.extra.anything[3].goes", Shape::Any),
        ("now - steps.status.output.since", Shape::Duration),
        ("params.max_lag / duration('1s')", Shape::Number),
        (
            "'yes' if steps.status.output.corruption else 'no'",
            choice(&["yes", "no"]),
        ),
        (
            "'yes' if steps.status.output.corruption else params.cluster",
            Shape::String,
        ),
        ("params.none or params.cluster", Shape::String),
        ("params.none | default('x')", Shape::String),
        ("steps.status.output.connections + 1", Shape::Integer),
        (
            "steps.status.output.connections + steps.status.output.load",
            Shape::Number,
        ),
        ("3.7 | round", Shape::Integer),
        (
            "(params.cluster | captures('(?<a>.)(?<b>.)') | first).b",
            Shape::String,
        ),
        ("range(3)", Shape::List(Box::new(Shape::Integer))),
        ("{'a': 1}.a", Shape::Integer),
        ("params.cluster ~ 1", Shape::String),
        ("steps.status.output.primary == none", Shape::Boolean),
        ("steps.replicas.status != 'failed'", Shape::Boolean),
        ("'a' == 'b'", Shape::Boolean),
        ("none", Shape::Any),
    ] {
        assert_eq!(check(source), Ok(expected), "{source}");
    }
}

#[test]
fn what_can_never_be_right_is_found_before_the_run() {
    for (source, message) in [
        (
            "steps.status.output.stat == 'x'",
            "`steps.status.output` has no field `stat` (did you mean `state`?)",
        ),
        (
            "parms.cluster",
            "there is no `parms` here (did you mean `params`?)",
        ),
        (
            "steps.status.status == 'suceeded'",
            "`steps.status.status` is never 'suceeded': it is one of succeeded, failed, skipped (did you mean 'succeeded'?)",
        ),
        (
            "steps.restart.status in ['skipped', 'faild']",
            "(did you mean 'failed'?)",
        ),
        (
            "'up' == steps.status.output.state",
            "`steps.status.output.state` is never 'up': it is one of running, stopped",
        ),
        (
            "steps.replicas.output.freshest.lag < '30s'",
            "cannot compare `steps.replicas.output.freshest.lag` (duration) with string '30s' (write duration('30s'))",
        ),
        (
            "steps.status.output.connections == '3'",
            "(write the number without quotes",
        ),
        (
            "steps.status.output.corruption == 'true'",
            "(write true and false without quotes)",
        ),
        ("steps.status.output.corruption > true", "has no order"),
        (
            "params.max_lag == params.floor",
            "cannot compare `params.max_lag` (duration) with `params.floor` (size)",
        ),
        (
            "params.max_lag + 5",
            "cannot work out `params.max_lag` (duration) + integer 5",
        ),
        ("params.cluster + 1", "(texts are put together with `~`)"),
        (
            "not steps.status.output.connections",
            "expected true or false, found `steps.status.output.connections` (integer) (compare it: `… > 0`)",
        ),
        ("params.cluster and true", "expected true or false"),
        (
            "params.cluster or 'x'",
            "`params.cluster` (string) is neither",
        ),
        ("1 in ['a']", "cannot compare integer 1 with string 'a'"),
        (
            "1 in params.cluster",
            "cannot look for integer 1 in `params.cluster` (string)",
        ),
        (
            "steps.replicas.output.all.name",
            "`steps.replicas.output.all` is a list, so it has no field `name`",
        ),
        (
            "steps.replicas.output.all | map(attribute='nam')",
            "`steps.replicas.output.all[…]` has no field `nam` (did you mean `name`?)",
        ),
        (
            "steps.replicas.output.all | selectattr('lag', 'gt', 5)",
            "cannot compare",
        ),
        (
            "steps.replicas.output.all | selectattr('name')",
            "without a test the attribute must be true or false, not string",
        ),
        ("steps.replicas.output.all | sort", "object has no order"),
        (
            "params.cluster | join",
            "`join` takes a list, not `params.cluster` (string)",
        ),
        (
            "params.max_lag | round",
            "(divide it to count seconds: `… / duration('1s')`)",
        ),
        (
            "duration(3 + 4)",
            "`duration` takes a text, not `3 + 4` (integer)",
        ),
        (
            "params.cluster.x",
            "`params.cluster` is a string, so it has no field `x`",
        ),
        ("none ~ 'a'", "none cannot stand in a text"),
        ("-params.cluster", "only a number can be negated"),
    ] {
        let found = check(source).expect_err(source);
        assert!(found.contains(message), "{source}: {found}");
        assert!(!found.contains("; "), "one mistake is one message: {found}");
    }
}

#[test]
fn every_mistake_is_found_at_once_with_its_place() {
    let source = "parms.x == 1 and steps.status.output.stat == 'a'";
    let errors = Expression::parse(source)
        .unwrap()
        .check(&Run::new())
        .unwrap_err();
    let places: Vec<&str> = errors
        .iter()
        .map(|e| &source[e.span.clone().unwrap()])
        .collect();
    assert_eq!(places, ["parms.x", "steps.status.output.stat"]);
    let source = "go {{ params.cluser }} to {{ 1 + 'a' }}";
    let errors = Template::parse(source)
        .unwrap()
        .check(&Run::new())
        .unwrap_err();
    let places: Vec<&str> = errors
        .iter()
        .map(|e| &source[e.span.clone().unwrap()])
        .collect();
    assert_eq!(places, ["params.cluser", "1 + 'a'"]);
    assert_eq!(
        with_hint(&errors[0]),
        "there is no `cluser` here (did you mean `cluster`?)"
    );
}

#[test]
fn a_decision_is_checked_to_be_one() {
    let check = |source: &str| Expression::parse(source).unwrap().check_bool(&Run::new());
    assert_eq!(check("steps.status.output.corruption"), Ok(()));
    assert_eq!(check("steps.replicas.output.extra.ok"), Ok(()));
    let errors = check("steps.status.output.state").unwrap_err();
    assert_eq!(errors[0].hint.as_deref(), Some("compare it: `… == 'text'`"));
}
