//! Runbooks that include others.

use super::*;

const PART: &str = "name: part\ntitle: P\nparams: { a: { type: duration, help: How long }, b: { default: x, pattern: '[a-z]' } }\nsteps:\n  - manual: x\n";

#[test]
fn an_include_gives_what_is_asked_for() {
    let main = "\
name: main
title: M
steps:
  - { runbook: prt }
  - { runbook: part }
  - { id: ok, runbook: part, with: { a: 5m } }
  - { runbook: part, with: { a: 5, b: AB, c: 1 } }
  - { runbook: part, with: { a: \"{{ true }}\", b: \"{{ steps.ok.output }}\" } }
";
    insta::assert_snapshot!(rendered(&[("main", main), ("part", PART)]), @r#"
    error[unknown-runbook]: there is no runbook `prt`
     --> main.yaml:4:16
      |
    4 |   - { runbook: prt }
      |                ^^^
      |
      = help: did you mean `part`?

    error[parameter]: `part` needs the parameter `a`
     --> main.yaml:5:16
      |
    5 |   - { runbook: part }
      |                ^^^^
      |
      = help: How long
      = help: add `with: { a: … }`

    error[parameter]: the parameter `a` of `part`: expected a duration, found integer 5
     --> main.yaml:7:33
      |
    7 |   - { runbook: part, with: { a: 5, b: AB, c: 1 } }
      |                                 ^

    error[parameter]: the parameter `b` of `part`: `AB` does not match the pattern [a-z]
     --> main.yaml:7:39
      |
    7 |   - { runbook: part, with: { a: 5, b: AB, c: 1 } }
      |                                       ^^

    error[parameter]: `part` has no parameter `c`
     --> main.yaml:7:46
      |
    7 |   - { runbook: part, with: { a: 5, b: AB, c: 1 } }
      |                                              ^
      |
      = help: did you mean `a`?
      = help: its parameters are a, b

    error[parameter]: the parameter `a` of `part`: it is a duration, and this is a boolean
     --> main.yaml:8:33
      |
    8 |   - { runbook: part, with: { a: "{{ true }}", b: "{{ steps.ok.output }}" } }
      |                                 ^^^^^^^^^^^^

    error[expression]: step `ok` is another runbook, so it has no output
     --> main.yaml:8:54
      |
    8 |   - { runbook: part, with: { a: "{{ true }}", b: "{{ steps.ok.output }}" } }
      |                                                      ^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_runbook_that_includes_itself_is_shown_the_way() {
    let one = "name: one\ntitle: O\nsteps:\n  - { id: a, steps: [{ runbook: two }] }\n";
    let two = "name: two\ntitle: T\nsteps: [{ manual: x }]\nfinally:\n  - runbook: three\n";
    let three = "name: three\ntitle: T\nsteps: [{ runbook: one }]\n";
    let own = "name: own\ntitle: T\nsteps: [{ runbook: own }]\n";
    insta::assert_snapshot!(rendered(&[("one", one), ("two", two), ("three", three)]), @r#"
    error[include]: `two` has steps under `finally`, which nobody would do here
     --> one.yaml:4:33
      |
    4 |   - { id: a, steps: [{ runbook: two }] }
      |                                 ^^^
      |
      = help: do them under `finally` of this runbook, and include what is left

    error[include-cycle]: this runbook includes itself: one → two → three → one
     --> one.yaml:4:33
      |
    4 |   - { id: a, steps: [{ runbook: two }] }
      |                                 ^^^

    error[include-cycle]: this runbook includes itself: three → one → two → three
     --> three.yaml:3:20
      |
    3 | steps: [{ runbook: one }]
      |                    ^^^

    error[include-cycle]: this runbook includes itself: two → three → one → two
     --> two.yaml:5:14
      |
    5 |   - runbook: three
      |              ^^^^^
    "#);
    insta::assert_snapshot!(rendered(&[("own", own)]), @r#"
    error[include-cycle]: this runbook includes itself: own → own
     --> own.yaml:3:20
      |
    3 | steps: [{ runbook: own }]
      |                    ^^^
    "#);
}

#[test]
fn includes_do_not_multiply_without_end() {
    let level = |i: usize| {
        let inner = format!("  - runbook: l{}\n", i + 1).repeat(10);
        let steps = if i == 6 {
            "  - pause: 1s\n".to_owned()
        } else {
            inner
        };
        format!("name: l{i}\ntitle: L\nsteps:\n{steps}")
    };
    let files: Vec<(String, String)> = (0..7).map(|i| (format!("l{i}"), level(i))).collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    assert!(rendered(&files).contains("has 2111110 steps, and at most 100000 are run"));
}
