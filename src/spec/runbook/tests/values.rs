//! What a runbook holds once it was read.

use super::*;
use crate::model::Value;
use crate::spec::step::{Does, Pause};

#[test]
fn steps_without_an_id_are_numbered_as_they_are_read() {
    let runbook = good(
        "\
name: t
title: T
steps:
  - manual: first
  - undo:
      - manual: third
    steps:
      - { id: step_6, manual: fourth }
      - call: $T x
        undo: $T y
finally:
  - manual: seventh
",
    );
    assert_eq!(
        ids(&runbook),
        [
            "step_1", "step_2", "step_6", "step_5", "step_7", "step_3", "step_8"
        ]
    );
}

#[test]
fn people_and_clocks() {
    let runbook = good(
        "\
name: t
title: T
steps:
  - ask: Go?
    choices: { yes: Go on, no: }
  - ask: How many?
    type: integer
  - ask: Which?
    choices: [a, b]
  - pause: 10m
  - pause: { until: \"06:30 Europe/London\" }
",
    );
    match &runbook.steps[4].does {
        Does::Pause(Pause::Until { time, zone }) => {
            assert_eq!((time.hour(), time.minute()), (6, 30));
            assert_eq!(zone, "Europe/London");
        }
        other => panic!("{other:?}"),
    }
    insta::assert_snapshot!(steps(
        r#"  - ask: ""
    choices: {}
  - ask: Go?
    type: integer
    choices: { a: b }
  - pause: { until: 06:00 }
  - pause: { until: "6:00 Europe/London" }
  - pause: { until: "06:00 Europe/Londn" }
  - pause: 0s
  - manual: []
"#
    ), @r#"
    4:10 expected a question, found the text ""
    5:14 there is nothing to choose from
    7:11 an answer that is chosen has `type: choice`
    9:21 expected a time and a zone such as "06:00 Europe/London", found `06:00`
    10:21 expected a time and a zone such as "06:00 Europe/London", found the text "6:00 Europe/London"
    11:21 there is no time zone `Europe/Londn` (write its IANA name, for example Europe/London or UTC)
    12:12 expected a duration longer than 0s, found `0s`
    13:13 there is nothing to be done in it
    "#);
}

#[test]
fn parameters_accept_what_they_say() {
    let head =
        |params: &str| format!("name: t\ntitle: T\nparams:\n{params}steps: [{{ manual: a }}]\n");
    insta::assert_snapshot!(said(&head(
        "  a: { type: secret, default: x }\n  b: { type: integer, default: x }\n  c: { pattern: '[a-z', default: a }\n  \
         d: { pattern: '[a-z]+', default: main-1 }\n  e: { default: -oProxyCommand=x }\n  f: { type: integer, pattern: a }\n  \
         g: { required: true }\n  h: { allow: [dashes] }\n  i: \"x\"\n  j: { default: \"a\\nb\" }\n"
    )), @r#"
    4:31 a secret is never given itself, only where it is found (write `{ secret: env:NAME }`, `{ secret: file:/PATH }` or `{ secret: { command: [program, word] } }`)
    5:32 `x` is no integer
    6:17 the pattern cannot be read: found unclosed character class (it is a regular expression that the whole value matches)
    7:36 the default: `main-1` does not match the pattern [a-z]+
    8:17 the default: `-oProxyCommand=x` begins with `-`, which a command may take for an option; `allow: dash` lets it through
    9:32 only a string has a `pattern`
    10:8 a parameter has no key `required` (a parameter without a `default` is asked for)
    11:16 `dashes` is not one of dash, newline, control (did you mean `dash`?)
    12:6 a parameter is a mapping, found the text "x"
    13:17 the default: `a\nb` holds a line end; `allow: newline` lets it through
    "#);
    let runbook = good(&head(
        "  a: { pattern: 'a|b' }\n  n: { type: integer, default: -3 }\n  l: { type: list, of: string }\n  \
         d: { allow: [dash, newline] }\n",
    ));
    let param = |name: &str| &runbook.params[name];
    assert_eq!(param("a").read("a"), Ok(Value::from("a")));
    assert!(
        param("a")
            .read("ab")
            .unwrap_err()
            .contains("does not match")
    );
    assert!(param("l").admit(&Value::List(vec!["-x".into()])).is_err());
    assert!(param("l").admit(&Value::List(vec!["x\ty".into()])).is_err());
    assert!(
        param("l")
            .read("[\"a\\u0000\"]")
            .unwrap_err()
            .contains("NUL")
    );
    assert!(param("d").read("-x\ny").is_ok());
    assert!(param("d").read("a\0").is_err());
    assert!(param("d").read("a\u{202e}b").is_err());
    assert!(param("d").read(&"x".repeat(2 << 20)).is_err());
    assert_eq!(param("n").read("-5"), Ok(Value::Int(-5)));
}

#[test]
fn literals_lose_no_digit() {
    let runbook = good(
        "name: t\ntitle: T\nvars: { a: 1.10, b: 5, c: '5', d: 012, e: true, f: ~, g: [1, x] }\nsteps: [{ manual: a }]\n",
    );
    let vars: Vec<String> = runbook
        .vars
        .values()
        .map(|var| format!("{:?}", var.constant().unwrap()))
        .collect();
    assert_eq!(
        vars,
        [
            "Str(\"1.10\")",
            "Int(5)",
            "Str(\"5\")",
            "Str(\"012\")",
            "Bool(true)",
            "None",
            "List([Int(1), Str(\"x\")])"
        ]
    );
}

#[test]
fn too_much_is_refused() {
    let mut text = "name: t\ntitle: T\nsteps:\n".to_owned();
    for depth in 0..=17 {
        let indent = "  ".repeat(depth + 1);
        text.push_str(&format!("{indent}- steps:\n"));
    }
    text.push_str(&format!("{}- manual: a\n", "  ".repeat(19)));
    assert_eq!(said(&text).lines().count(), 1);
    assert!(said(&text).contains("more than 16 deep"));
    let many = "- pause: 1s\n".repeat(100_001);
    let found = said(&format!("name: t\ntitle: T\nsteps:\n{many}"));
    assert_eq!(found, "100004:3 a runbook has at most 100000 steps");
}
