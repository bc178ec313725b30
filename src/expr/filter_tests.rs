//! What filters and tests mean.

use super::testing::{refused, text};

#[test]
fn filters_do_their_work() {
    for (source, expected) in [
        ("steps.replicas.output.all | length", "3"),
        (
            "steps.replicas.output.all | map(attribute='name') | join(', ')",
            "r2, r1, r3",
        ),
        (
            "steps.replicas.output.all | join('+', attribute='name')",
            "r2+r1+r3",
        ),
        (
            "steps.replicas.output.all | sort(attribute='lag') | map(attribute='name') | list",
            r#"["r1","r3","r2"]"#,
        ),
        (
            "(steps.replicas.output.all | sort(attribute='lag', reverse=true) | first).name",
            "r2",
        ),
        (
            "(steps.replicas.output.all | min(attribute='lag')).name",
            "r1",
        ),
        (
            "(steps.replicas.output.all | max(attribute='weight')).name",
            "r3",
        ),
        ("steps.replicas.output.all | sum(attribute='lag')", "2m 4s"),
        (
            "steps.replicas.output.all | selectattr('ready') | map(attribute='name')| join(' ')",
            "r2 r1",
        ),
        (
            "steps.replicas.output.all | rejectattr('lag', 'lt', duration('1m')) | length",
            "1",
        ),
        (
            "steps.replicas.output.all | selectattr('name', 'in', ['r1', 'r9']) | length",
            "1",
        ),
        (
            "steps.replicas.output.all | selectattr('note', 'defined') | length",
            "0",
        ),
        ("[3, 1, 2.5] | sort | last", "3"),
        ("[1, 2, 1.0] | unique | length", "2"),
        ("[1, 5, 3] | select('gt', 2) | list", "[5,3]"),
        ("[1, 2] | sum + ([] | sum)", "3"),
        ("[1, 2] | reverse", "[2,1]"),
        ("' aB ' | trim | upper ~ ('X' | lower)", "ABx"),
        ("'a-b-c' | replace('-', '_')", "a_b_c"),
        ("'a b' | split(' ') | last", "b"),
        (
            "3.7 | round + (2.345 | round(2)) + (1.2 | round(0, 'ceil'))",
            "8.35",
        ),
        ("-3 | abs", "3"),
        ("'12' | int + ('1.5' | float)", "13.5"),
        ("12 | string ~ ('x' | tojson)", "12\"x\""),
        ("{'a': 1} | keys ~ ({'a': 1} | items)", r#"["a"][["a",1]]"#),
        ("range(2, 5) | join", "234"),
        (
            r"('tool 1.27 (abc)' | captures('tool (?<version>[0-9.]+)( beta(?<beta>.*))?') | first)",
            r#"{"version":"1.27","beta":""}"#,
        ),
        (
            r"'a=1 b=22' | captures('(?<name>[a-z])=(?<n>[0-9]+)') | map(attribute='n') | list",
            r#"["1","22"]"#,
        ),
        (
            r"('none' | captures('(?<n>[0-9])') | first) | default('-')",
            "-",
        ),
        ("[{'a': 1}, {}] | map(attribute='a', default=0) | sum", "1"),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
    for (source, message) in [
        (
            "[] | first",
            "`[]` is empty: it has no first (say what counts then: `… | default(…)`)",
        ),
        (
            "[1, 'a'] | sort",
            "cannot compare integer 1 with string 'a'",
        ),
        (
            "[{'a': 1}] | sort(attribute='b')",
            "item 0 of `[{'a': 1}]` has no field `b`",
        ),
        (
            "params.max_lag | int",
            "`int` takes a number or a text, not duration 30s (divide it to count seconds: `… / duration('1s')`)",
        ),
        ("'x' | int", "string 'x' is not a whole number"),
        (
            "['a'] | sum",
            "`sum` takes numbers, durations or sizes, not string 'a'",
        ),
        ("duration(params.cluster)", "`main` is not a duration"),
        ("3 | join", "`join` takes a list, not integer 3"),
        (
            "3 | captures('(?<n>.)')",
            "`captures` takes a text, not integer 3",
        ),
        (
            "'x' | captures('[0-9]+')",
            "the regular expression has no named group (name what you want of it: `(?<version>[0-9.]+)`)",
        ),
        ("'x' | captures('(?<n>')", "the regular expression: "),
        (
            "'x' | captures('(?<n>((x{99}){99}){99})')",
            "the regular expression: ",
        ),
        (
            "'x' | captures(params.cluster)",
            "`pattern` of `captures` is a text in quotes",
        ),
    ] {
        let found = refused(source);
        assert!(found.starts_with(message), "{source}: {found}");
    }
}

#[test]
fn tests_do_their_work() {
    for source in [
        "params.cluster is string and 1 is number and 1 is integer and none is none",
        "params.cluster is startingwith 'ma' and params.cluster is endingwith('in')",
        "params.cluster is containing 'ai' and params.cluster is not containing 'x'",
        "3 is gt 2 and 3 is in [3] and true is true and false is false",
        "params.max_lag is duration and {} is object and [] is list and now is time",
        "steps.typo is not defined or true",
    ] {
        assert_eq!(text(source), "true", "{source}");
    }
    assert!(refused("'yes' is true").contains("expected true or false"));
}
