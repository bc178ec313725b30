//! What holds for any expression: nothing panics, and what the check lets through does not fail by
//! type.

use proptest::prelude::*;

use super::error::ExprErrorKind;
use super::testing::Run;
use super::{Expression, Template};

/// Types that the generator knows how to make expressions of.
const TYPES: [&str; 7] = ["bool", "int", "number", "text", "duration", "size", "time"];

fn leaf(of: &'static str) -> BoxedStrategy<String> {
    let words: &'static [&'static str] = match of {
        "bool" => &[
            "true",
            "false",
            "steps.status.output.corruption",
            "steps.replicas.output.all[0].ready",
        ],
        "int" => &[
            "0",
            "3",
            "9223372036854775807",
            "steps.status.output.connections",
        ],
        "number" => &["0.0", "2.5", "1e300", "steps.status.output.load"],
        "text" => &[
            "''",
            "'ä}}'",
            "'30s'",
            "params.cluster",
            "steps.replicas.output.freshest.name",
        ],
        "duration" => &[
            "duration('30s')",
            "params.max_lag",
            "steps.replicas.output.all[1].lag",
        ],
        "size" => &[
            "size('1 GiB')",
            "params.floor",
            "steps.replicas.output.freshest.disk",
        ],
        _ => &["now", "steps.status.output.since"],
    };
    proptest::sample::select(words)
        .prop_map(str::to_owned)
        .boxed()
}

fn both(
    a: BoxedStrategy<String>,
    op: &'static [&'static str],
    b: BoxedStrategy<String>,
) -> BoxedStrategy<String> {
    (a, proptest::sample::select(op), b)
        .prop_map(|(a, op, b)| format!("({a} {op} {b})"))
        .boxed()
}

fn filtered(a: BoxedStrategy<String>, filters: &'static [&'static str]) -> BoxedStrategy<String> {
    (a, proptest::sample::select(filters))
        .prop_map(|(a, filter)| format!("({a} | {filter})"))
        .boxed()
}

/// An expression of a type; where `slips` is set, operands are of any type at times.
fn expression(of: &'static str, depth: u32, slips: bool) -> BoxedStrategy<String> {
    if depth == 0 {
        return leaf(of);
    }
    let any = move |of: &'static str| {
        let right = expression(of, depth - 1, slips);
        if !slips {
            return right;
        }
        let wrong = proptest::sample::select(&TYPES[..])
            .prop_flat_map(move |of| expression(of, depth - 1, slips));
        prop_oneof![5 => right, 1 => wrong].boxed()
    };
    let choice = (any("bool"), any(of), any(of))
        .prop_map(|(test, yes, no)| format!("({yes} if {test} else {no})"))
        .boxed();
    let list = (any(of), any(of))
        .prop_map(|(a, b)| format!("([{a}, {b}] | sort | first)"))
        .boxed();
    let ordered = TYPES[depth as usize % 6 + 1];
    match of {
        "bool" => prop_oneof![
            leaf(of),
            choice,
            both(any("bool"), &["and", "or", "==", "!="], any("bool")),
            both(
                any(ordered),
                &["==", "!=", "<", "<=", ">", ">="],
                any(ordered)
            ),
            both(any("text"), &["in", "not in", "<"], any("text")),
            (any("int"), any("int"), any("number"))
                .prop_map(|(a, b, c)| format!("({a} in [{b}, {c}])")),
            any("bool").prop_map(|a| format!("(not {a})")),
            any("text").prop_map(|a| format!("({a} is startingwith 'a')")),
        ]
        .boxed(),
        "int" => prop_oneof![
            leaf(of),
            choice,
            list,
            both(any("int"), &["+", "-", "*", "//", "%"], any("int")),
            filtered(any("text"), &["length"]),
            filtered(any("number"), &["round", "int"]),
            any("int").prop_map(|a| format!("(-{a})")),
        ]
        .boxed(),
        "number" => prop_oneof![
            leaf(of),
            choice,
            list,
            both(
                any("number"),
                &["+", "-", "*", "/", "//", "%", "**"],
                any("int")
            ),
            both(any("duration"), &["/"], any("duration")),
            both(any("size"), &["/"], any("size")),
            filtered(any("number"), &["abs", "round(2)", "float"]),
        ]
        .boxed(),
        "text" => prop_oneof![
            leaf(of),
            choice,
            list,
            both(any("text"), &["+", "~"], any("text")),
            filtered(
                any("text"),
                &["upper", "trim", "replace('a', 'bb')", "split(' ') | last"]
            ),
            filtered(any("int"), &["string", "tojson"]),
            any("int").prop_map(|a| format!("params.cluster[{a}:]")),
        ]
        .boxed(),
        "duration" => prop_oneof![
            leaf(of),
            choice,
            list,
            both(any("duration"), &["+", "-"], any("duration")),
            both(any("duration"), &["*", "/"], any("number")),
            both(any("time"), &["-"], any("time")),
            Just("(steps.replicas.output.all | sum(attribute='lag'))".to_owned()),
        ]
        .boxed(),
        "size" => prop_oneof![
            leaf(of),
            choice,
            list,
            both(any("size"), &["+", "-"], any("size")),
            both(any("int"), &["*"], any("size")),
        ]
        .boxed(),
        _ => prop_oneof![
            leaf(of),
            choice,
            both(any("time"), &["+", "-"], any("duration")),
        ]
        .boxed(),
    }
}

fn typed(slips: bool) -> impl Strategy<Value = String> {
    proptest::sample::select(&TYPES[..]).prop_flat_map(move |of| expression(of, 3, slips))
}

/// Pieces of the grammar in any order.
fn soup() -> impl Strategy<Value = String> {
    let pieces: &'static [&'static str] = &[
        "a",
        "steps",
        "params.cluster",
        "1",
        "1.5",
        "'x'",
        "\"",
        "'",
        "none",
        "true",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "{{",
        "}}",
        "{%",
        "{#",
        ",",
        ":",
        ".",
        "|",
        "~",
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "**",
        "==",
        "!=",
        "<",
        "=",
        "if",
        "else",
        "and",
        "or",
        "not",
        "in",
        "is",
        "defined",
        "length",
        "map",
        "attribute",
        "default",
        "duration",
        "range",
        "\\",
        "ü",
        "\u{0}",
        "\n",
        "0x",
        "9999999999999999999",
        "sort",
        "selectattr",
        "&",
        "!",
    ];
    let spaced = prop::collection::vec(proptest::sample::select(pieces), 0..24);
    (spaced, any::<bool>()).prop_map(|(pieces, spaced)| pieces.join(if spaced { " " } else { "" }))
}

fn try_all(source: &str) -> Result<(), TestCaseError> {
    let run = Run::new();
    if let Ok(expression) = Expression::parse(source) {
        for reference in expression.references() {
            prop_assert!(source.get(reference.span.clone()).is_some());
        }
        let checked = expression.check(&run).err().unwrap_or_default();
        let evaluated = expression.eval(&run).err();
        for error in checked.iter().chain(&evaluated) {
            let place = error.span.clone().unwrap_or_default();
            prop_assert!(source.get(place).is_some(), "{source}: {error:?}");
        }
        expression.explain(&run);
    }
    if let Ok(template) = Template::parse(source) {
        let _ = template.check(&run);
        let _ = template.render(&run);
        template.render_known(&run);
    }
    let _ = Template::parse(&format!("x {{{{ {source} }}}} y")).map(|t| t.eval(&run));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_source_panics(source in soup()) {
        try_all(&source)?;
    }

    #[test]
    fn no_text_panics(source in "\\PC{0,40}") {
        try_all(&source)?;
    }

    #[test]
    fn no_expression_with_slips_panics_and_the_check_finds_them(source in typed(true)) {
        try_all(&source)?;
        no_late_type_error(&source, true)?;
    }

    #[test]
    fn what_fits_passes_the_check_and_does_not_fail_by_type(source in typed(false)) {
        if let Ok(expression) = Expression::parse(&source) {
            let checked = expression.check(&Run::new());
            prop_assert!(checked.is_ok(), "{}: {:?}", source, checked);
        }
        no_late_type_error(&source, false)?;
    }
}

/// What the check lets through fails by value or by a bound, if it fails. Operands of two types
/// make a value of which the check knows nothing; those it must let through where there are slips.
fn no_late_type_error(source: &str, slips: bool) -> Result<(), TestCaseError> {
    let run = Run::new();
    let Ok(expression) = Expression::parse(source) else {
        return Ok(());
    };
    let (Ok(_), Err(error)) = (expression.check(&run), expression.eval(&run)) else {
        return Ok(());
    };
    let unknown = slips && (source.contains(" if ") || source.contains('['));
    let late = matches!(error.kind, ExprErrorKind::Type | ExprErrorKind::Name);
    prop_assert!(!late || unknown, "{source}: {error}");
    Ok(())
}
