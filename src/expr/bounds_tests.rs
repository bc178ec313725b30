//! What the bounds hold back, and what parsing refuses.

use super::error::ExprErrorKind;
use super::limits::{MAX_EXPRESSION, MAX_TEMPLATE};
use super::testing::{Run, eval, with_hint};
use super::{Expression, Scope, Template};
use crate::model::{Map, Value};

#[test]
fn what_other_languages_write_is_refused_with_what_to_write_here() {
    for (source, message) in [
        ("", "the expression is empty"),
        (
            "{{ params.x }}",
            "an expression is written without {{ }} (write `params.x`)",
        ),
        (
            "'a {{ params.x }}'",
            "an expression is written without {{ }} (texts are put together with `~`: 'db-' ~ params.cluster)",
        ),
        (
            "steps['x'].y",
            "a step is named with a dot, so that `check` can follow it (write `steps.x`)",
        ),
        (
            "steps[params.x].y",
            "a step is named with a dot, so that `check` can follow it (write `steps.ID`)",
        ),
        ("a && b", "(write `and` for `&&`)"),
        ("a || b", "(write `or` for `||`)"),
        ("!a", "(write `not` for `!`)"),
        ("a = 1", "(a comparison is written `==`)"),
        ("a == null", "nothing is written `none`, not `null`"),
        (
            "a if b",
            "an `if` without an `else` has no value (add `else none`)",
        ),
        ("a.upper()", "values have no methods (write `… | upper`)"),
        (
            "length(a)",
            "there is no function `length` (`length` is a filter: write `… | length`)",
        ),
        (
            "duratoin('1s')",
            "there is no function `duratoin` (did you mean `duration`?)",
        ),
        (
            "a | lenght",
            "there is no filter `lenght` (did you mean `length`?)",
        ),
        (
            "a is defind",
            "there is no test `defind` (did you mean `defined`?)",
        ),
        ("a | selectattr('x', 'gtt', 1)", "there is no test `gtt`"),
        ("a | selectattr('x', 'gt')", "the test `gt` needs a value"),
        ("a | sort('x')", "(write `attribute=…`)"),
        ("a | sort(attr='x')", "`sort` has no parameter `attr`"),
        ("a | map", "`map` needs its `attribute`"),
        (
            "a | map(attribute=b)",
            "`attribute` of `map` is a text in quotes",
        ),
        ("duration('10 parsecs')", "`10 parsecs` is not a duration"),
        (
            "duration(30)",
            "`duration` takes a text, not integer (write duration('30s'))",
        ),
        ("99999999999999999999", "this integer is too large"),
        ("f(*a)", "there is no function `f`"),
        ("a b", "unexpected input after expression"),
        ("(a", ""),
        ("a }} b", ""),
        ("'open", ""),
    ] {
        let error = Expression::parse(source).expect_err(source);
        let found = with_hint(&error);
        assert!(found.contains(message), "{source}: {found}");
        assert!(
            error.span.is_some_and(|span| span.end <= source.len() + 1),
            "{source}"
        );
    }
}

#[test]
fn references_and_places_are_those_of_the_source() {
    let source = "a.b[0].c == x['y-z'] and f.g | length > (h + 1)";
    let expression = Expression::parse(source).unwrap();
    let found: Vec<(&str, String)> = expression
        .references()
        .iter()
        .map(|r| (&source[r.span.clone()], r.path.join("/")))
        .collect();
    let expected = [
        ("a.b", "a/b"),
        ("x['y-z']", "x/y-z"),
        ("f.g", "f/g"),
        ("h", "h"),
    ];
    assert_eq!(found, expected.map(|(text, path)| (text, path.to_owned())));
    let error = eval("1 == 1 and params.cluster == 3").unwrap_err();
    assert_eq!(error.span, Some(11..30));
}

#[test]
fn an_expression_is_equal_and_kept_by_its_source() {
    let expression = Expression::parse("a  == 1").unwrap();
    let json = serde_json::to_string(&expression).unwrap();
    assert_eq!(json, "\"a  == 1\"");
    assert_eq!(
        serde_json::from_str::<Expression>(&json).unwrap(),
        expression
    );
    assert!(serde_json::from_str::<Expression>("\"a ==\"").is_err());
    assert_ne!(Expression::parse("a == 1").unwrap(), expression);
    let template: Template = serde_json::from_str("\"x{{ a }}\"").unwrap();
    assert_eq!(serde_json::to_string(&template).unwrap(), "\"x{{ a }}\"");
}

#[test]
fn a_source_that_is_long_or_deep_is_refused_and_no_stack_overflows() {
    let chain = vec!["1"; 10_000].join("+");
    assert_eq!(
        Expression::parse(&chain).unwrap_err().kind,
        ExprErrorKind::Limit
    );
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("-", ""),
        ("not ", ""),
        ("{'a':", "}"),
        ("a if b else ", ""),
        ("a|", ""),
        ("a+", ""),
        ("a~", ""),
        ("f(", ")"),
        ("a.", ""),
    ] {
        let times = MAX_EXPRESSION / (open.len() + close.len() + 1);
        for times in [times - 1, times / 2, 60, 30] {
            let source = format!("{}1{}", open.repeat(times), close.repeat(times));
            if let Ok(expression) = Expression::parse(&source) {
                let _ = expression.eval(&Run::new());
                let _ = expression.check(&Run::new());
                let _ = expression.explain(&Run::new());
            }
        }
    }
    assert_eq!(eval(&vec!["1"; 60].join("+")), Ok(Value::Int(60)));
    let long = format!("{{{{ {} }}}}", " ".repeat(MAX_EXPRESSION));
    assert_eq!(
        Template::parse(&long).unwrap_err().kind,
        ExprErrorKind::Limit
    );
    assert!(Template::parse(&"{{ '' }}".repeat(MAX_TEMPLATE / 8)).is_ok());
    assert!(Template::parse(&"x".repeat(MAX_TEMPLATE + 1)).is_err());
    assert!(Template::parse(&"{{".repeat(MAX_TEMPLATE / 2)).is_err());
}

#[test]
fn what_would_grow_or_take_too_long_is_refused() {
    let kind = |source: &str| eval(source).unwrap_err().kind;
    assert_eq!(kind("range(10001)"), ExprErrorKind::Limit);
    assert_eq!(
        kind("range(-9223372036854775807, 9223372036854775807)"),
        ExprErrorKind::Limit
    );
    let big = Value::Str("x".repeat(600_000));
    let rows: Vec<Value> = (0..40_000).map(Value::Int).collect();
    let rows = Value::List(rows);
    let names = Scope::new().with("big", &big).with("rows", &rows);
    let run = |source: &str| Expression::parse(source).unwrap().eval(&names);
    for source in [
        "big ~ big",
        "big + big",
        "big | replace('x', big)",
        "big | replace('x', 'yyy')",
        "[big, big, big, big, big, big, big, big]",
        "rows | join(big)",
        "range(10000) | join(big[:1000])",
        "rows + rows + rows + rows + rows + rows + rows",
        "big | split('x')",
    ] {
        let error = run(source).map(|_| ()).expect_err(source);
        assert_eq!(error.kind, ExprErrorKind::Limit, "{source}: {error}");
    }
    // Reading is free, however often.
    assert_eq!(
        run("big == big and big == big and big | length == 600000"),
        Ok(Value::Bool(true))
    );
    assert_eq!(
        run("rows | sort(reverse=true) | first"),
        Ok(Value::Int(39_999))
    );
    assert_eq!(run("rows | unique | length"), Ok(Value::Int(40_000)));
    let slow = vec!["rows in [rows]"; 50].join(" and ");
    assert_eq!(run(&slow).unwrap_err().kind, ExprErrorKind::Limit);
    let twice = Template::parse("{{ big }}{{ big }}").unwrap();
    assert_eq!(twice.render(&names).unwrap_err().kind, ExprErrorKind::Limit);
    assert!(twice.render_known(&names).len() < 1_100_000);
    assert!(
        Template::parse("{{ a }}")
            .unwrap()
            .render(&Map::new())
            .is_err()
    );
}
