//! The suite itself: three made-up adapters pass, and whatever is wrong with a case is told.

use std::path::Path;

use super::play::{House, Shipped, play_text};
use super::{problems, root, shipped};

fn examples() -> Vec<Shipped> {
    let data = root().join("tests/data/conformance");
    shipped(&data, &data.join("cases"))
}

fn text(adapter: &str) -> (Shipped, String) {
    let mut examples = examples();
    let at = examples.iter().position(|one| one.adapter == adapter);
    let example = examples.swap_remove(at.unwrap());
    let text = std::fs::read_to_string(&example.cases).unwrap();
    (example, text)
}

/// What is said where the cases of an adapter are changed in one place.
fn said(adapter: &str, from: &str, to: &str) -> String {
    let (example, text) = text(adapter);
    assert!(text.contains(from), "{from}");
    let changed = text.replacen(from, to, 1);
    let problems = play_text(&House::new(), &example, &changed);
    assert!(!problems.is_empty(), "`{to}` passes");
    problems.join("\n")
}

#[track_caller]
fn finds(adapter: &str, from: &str, to: &str, parts: &[&str]) {
    let said = said(adapter, from, to);
    for part in parts {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
}

#[test]
fn examples_of_every_kind_pass() {
    let examples = examples();
    assert_eq!(examples.len(), 3);
    assert_eq!(problems(&House::new(), &examples), Vec::<String>::new());
}

#[test]
fn a_request_that_differs_is_told_with_file_and_line() {
    let file = "tests/data/conformance/cases/example-tool/by-http.yaml:6: looks at two: exchange 1";
    let cases = [
        (
            "GET /v1/switches\n        q",
            "GET /v2/switches\n        q",
            "request:",
        ),
        ("name: [a, \"b c\"]", "name: [a]", "query:"),
        ("Bearer s3cret", "Bearer other", "header `authorization`:"),
    ];
    for (from, to, part) in cases {
        finds("by-http", from, to, &[&format!("{file}, {part}")]);
    }
    finds(
        "by-http",
        "json: { by: \"{{ run.id }}\" }",
        "json: { by: x }",
        &["json:", "conformance-2026"],
    );
    finds(
        "by-http",
        "        json: { by: \"{{ run.id }}\" }\n",
        "",
        &["exchange 1, body:"],
    );
}

#[test]
fn an_output_that_differs_is_told_field_by_field() {
    finds(
        "by-http",
        "count: 1, since",
        "count: 2, since",
        &["output.count:\n    expected 2\n    is       1"],
    );
    finds(
        "by-http",
        "output: { changed: true }",
        "unknown: x",
        &["should end in doubt"],
    );
    finds(
        "by-http",
        "kind: answer",
        "kind: exit",
        &["it failed as Answer, and should as Exit"],
    );
    finds(
        "by-http",
        "says: \"200\"",
        "says: \"201\"",
        &["expected … 201 …"],
    );
    finds(
        "by-http",
        "unknown: \"POST\"",
        "unknown: \"nothing\"",
        &["what is said of the doubt"],
    );
}

/// Plays the cases with a change that is no mistake.
#[track_caller]
fn passes(adapter: &str, from: &str, to: &str) {
    let (example, text) = text(adapter);
    assert!(text.contains(from), "{from}");
    let problems = play_text(&House::new(), &example, &text.replacen(from, to, 1));
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn any_value_stands_for_one_that_is_there() {
    passes(
        "by-http",
        "count: 1, since: 2m",
        "count: \"<any>\", since: 120",
    );
    passes(
        "by-http",
        "authorization: Bearer s3cret-t0ken",
        "authorization: <any>",
    );
    passes(
        "by-http",
        "{ name: [a, \"b c\"] }\n        h",
        "{ name: [<any>, \"b c\"] }\n        h",
    );
    passes(
        "by-http",
        "json: { by: \"{{ run.id }}\" }",
        "json: { by: <any> }",
    );
    passes("by-command", "--json, \"a b\"", "--json, <any>");
    finds(
        "by-http",
        "authorization: Bearer s3cret-t0ken",
        "x-other: <any>",
        &["header `x-other`"],
    );
    let (from, to) = (
        "on: [\"a b\"], count: 1",
        "on: [\"a b\"], count: 1, since: <any>",
    );
    finds(
        "by-command",
        from,
        to,
        &["what the case expects does not fit", "output.since"],
    );
    finds(
        "by-command",
        "--json, \"a b\"",
        "--json, <any>, <any>",
        &["exchange 1, argv:"],
    );
}

#[test]
fn files_of_a_case_lie_in_the_runs_directory_for_that_case_only() {
    let from = "    exchange:\n      - sends: \"is a\\n\"\n";
    let to =
        "    files: { manners: \"please \" }\n    exchange:\n      - sends: \"please is a\\n\"\n";
    let second = "sends: \"is b\\n\"";
    let (example, text) = text("by-script");
    let text = text
        .replacen(from, to, 1)
        .replacen(second, "sends: \"please is b\\n\"", 1);
    // The cases behind it have none.
    assert_eq!(
        play_text(&House::new(), &example, &text),
        Vec::<String>::new()
    );
    let outside = to.replace("manners:", "../manners:");
    finds(
        "by-script",
        from,
        &outside,
        &["`../manners` does not lie in the run's directory"],
    );
}

#[test]
fn one_exchange_more_or_less_is_told() {
    let more =
        "      - sends: \"is c\\n\"\n        answer: { text: \"on\\n\" }\n    output: { on: [a]";
    finds(
        "by-script",
        "    output: { on: [a]",
        more,
        &["exchange 3 never came: the line \"is c\\n\""],
    );
    let two = "      - sends: \"is b\\n\"\n        answer: { text: \"off\\n\" }\n";
    finds(
        "by-script",
        two,
        "",
        &["the case has no exchange 2: the line \"is b\\n\""],
    );
    let one = "      - argv: [switch, turn, a]\n        answer: { stdout: \"ok\\nchanged\\n\" }\n";
    finds(
        "by-command",
        &format!("    exchange:\n{one}"),
        "",
        &["the case has no exchange 1: [\"switch\", \"turn\", \"a\"]"],
    );
}

#[test]
fn a_program_that_is_started_otherwise_is_told() {
    finds(
        "by-command",
        "--json, \"a b\"",
        "--json, a, b",
        &["exchange 1, argv:"],
    );
    finds(
        "by-command",
        "stdin: \"\"",
        "stdin: x",
        &["exchange 1, stdin:"],
    );
    finds(
        "by-command",
        "SWITCH_TOKEN: s3cret-t0ken",
        "SWITCH_TOKEN: other",
        &["exchange 1, variable `SWITCH_TOKEN`:"],
    );
    finds(
        "by-command",
        "- argv: [switch, turn, a]",
        "- sends: x\n        argv: [switch, turn, a]",
        &["sends"],
    );
}

#[test]
fn a_secret_among_the_words_of_a_program_is_told() {
    let (from, to) = (
        "args: { names: [\"a b\", --x] }",
        "args: { names: [\"a b\", --x, s3cret-t0ken] }",
    );
    finds(
        "by-command",
        from,
        to,
        &["a secret stands in the words of switch"],
    );
}

#[test]
fn a_file_that_proves_too_little_is_told() {
    finds(
        "by-http",
        "source: https://example.invalid/api\n",
        "",
        &["say by `source`"],
    );
    finds(
        "by-http",
        "call: turn\n    args: { name: a/b }",
        "call: look",
        &["no case shows that `turn` can go well"],
    );
    finds(
        "by-http",
        "{{ server }}",
        "{{ sever }}",
        &["by-http.yaml:3: nothing fills"],
    );
    finds(
        "by-http",
        "output: { changed: true }",
        "outptu: {}",
        &["outptu"],
    );
    finds("by-http", "query: {", "qwery: {", &["qwery"]);
    finds(
        "by-http",
        "    unknown: \"POST\"\n",
        "",
        &["say one of `output`, `fails` and `unknown`"],
    );
    finds(
        "by-http",
        "name: turns one",
        "name: looks at two",
        &["two cases are called `looks at two`"],
    );
    finds(
        "by-http",
        "args: { name: a/b }",
        "args: { nam: a }",
        &["no argument `nam`"],
    );
}

#[test]
fn an_adapter_without_cases_is_told() {
    let (mut example, _) = text("by-http");
    example.cases = Path::new("tests/conformance/nowhere.yaml").to_owned();
    let said = problems(&House::new(), &[example]).join("\n");
    assert!(said.contains("ships without its cases"), "{said}");
}
