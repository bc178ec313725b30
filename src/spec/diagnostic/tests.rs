//! Findings, as people and as programs read them.

use super::*;

fn source(name: &str) -> Arc<Source> {
    Arc::new(Source::new(name, "one: ü1\ntwo: 2\n"))
}

#[test]
fn programs_get_places_and_help() {
    let diagnostic = Diagnostic::error(&source("a.yaml"), Span::new(5, 8), "no")
        .code("wrong-type")
        .label("here")
        .also(Span::new(9, 12), "and there")
        .help("do this");
    assert_eq!(
        diagnostic.to_json(),
        serde_json::json!({
            "file": "a.yaml",
            "line": 1,
            "column": 6,
            "end": { "line": 1, "column": 8 },
            "severity": "error",
            "code": "wrong-type",
            "message": "no",
            "related": [
                { "line": 2, "column": 1, "end": { "line": 2, "column": 4 }, "message": "and there" },
            ],
            "help": ["do this"],
        })
    );
    let whole = Diagnostic::of_file(&source("a.yaml"), "no").to_json();
    assert_eq!(whole["line"], serde_json::Value::Null);
    assert_eq!(whole["end"], serde_json::Value::Null);
}

#[test]
fn findings_come_by_file_and_place() {
    let (a, b) = (source("a.yaml"), source("b.yaml"));
    let mut all = Diagnostics::new();
    all.push(Diagnostic::error(&b, Span::at(0), "b0"));
    all.push(Diagnostic::warning(&a, Span::at(9), "a9"));
    all.push(Diagnostic::warning(&a, Span::at(4), "a4 warning"));
    all.push(Diagnostic::error(&a, Span::at(4), "a4 error"));
    all.push(Diagnostic::of_file(&a, "a"));
    let messages: Vec<_> = all.sorted().iter().map(|d| d.message.clone()).collect();
    assert_eq!(messages, ["a", "a4 error", "a4 warning", "a9", "b0"]);
    assert_eq!((all.errors(), all.warnings()), (3, 2));
}

#[test]
fn findings_of_one_file_are_bounded() {
    let (a, b) = (source("a.yaml"), source("b.yaml"));
    let mut all = Diagnostics::new();
    for _ in 0..MAX_FINDINGS + 3 {
        all.push(Diagnostic::error(&a, Span::at(0), "again"));
    }
    all.push(Diagnostic::error(&b, Span::at(0), "other"));
    assert_eq!((all.errors(), all.left_out()), (MAX_FINDINGS + 1, 3));
    assert!(all.render(false, 80).ends_with("and 3 more findings"));
}

#[test]
fn colour_changes_nothing_but_colour() {
    let diagnostic = Diagnostic::error(&source("a.yaml"), Span::new(5, 8), "no\u{1b}[2J")
        .label("he\u{202e}re")
        .also(Span::new(9, 12), "there")
        .help("do \u{7}this");
    let plain = diagnostic.render(false, 80);
    insta::assert_snapshot!(plain, @r#"
    error: no\u{1b}[2J
     --> a.yaml:1:6
      |
    1 | one: ü1
      |      ^^ he\u{202e}re
    2 | two: 2
      | --- there
      |
      = help: do \u{7}this
    "#);
    let colored = diagnostic.render(true, 80);
    assert_ne!(colored, plain);
    assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
}
