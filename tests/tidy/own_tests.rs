//! The rules themselves, on small pieces of text that break them.

use super::rules::*;
use super::source::File;
use super::tables::*;

#[track_caller]
fn says(found: Found, expected: &[&str]) {
    let places: Vec<&str> = found
        .iter()
        .map(|one| one.split(": ").next().unwrap_or_default())
        .collect();
    assert_eq!(places, expected, "{found:#?}");
}

#[test]
fn imports_upward_and_sideways_are_found() {
    let found = |path: &str, text: &str| imports(&File::new(path, text)).join("\n");
    assert_eq!(
        found("src/run/x.rs", "use crate::{model::Value, plan::Plan};"),
        ""
    );
    assert!(found("src/plan/x.rs", "use crate::run::Run;").contains("run is above plan"));
    assert!(found("src/call/x.rs", "use crate::audit::x;").contains("the same floor"));
    assert!(found("src/spec/x.rs", "use crate::journal::x;").contains("the same floor"));
    assert!(found("src/run/x.rs", "use crate::journal::x;").contains("the engine does"));
    assert!(found("src/run/x.rs", "use crate::spec::yaml;").contains("never reads one"));
    assert!(found("src/run/x.rs", "use super::super::journal;").contains("super"));
    assert!(found("src/main.rs", "use runbook::engine::Driver;").contains("cli"));
    assert_eq!(found("src/main.rs", "use runbook::cli;"), "");
    let places = imports(&File::new(
        "src/model/x.rs",
        "//! crate::run is fine here\nuse crate::{\n    text,\n};\nfn f() { crate::cli::main() }\n",
    ));
    says(places, &["src/model/x.rs:5"]);
}

#[test]
fn tests_see_more_of_what_lies_below_but_nothing_above() {
    let inside = |import: &str| format!("#[cfg(test)]\nmod tests {{ use crate::{import}; }}");
    let found = |import: &str| imports(&File::new("src/run/x.rs", &inside(import)));
    says(found("spec::yaml::read"), &[]);
    says(found("journal::SimDisk"), &[]);
    says(found("engine::Driver"), &["src/run/x.rs:2"]);
    says(found("sandbox::World"), &["src/run/x.rs:2"]);
}

#[test]
fn what_touches_the_outside_is_found_in_pure_rooms_only() {
    let text = "use std::{fmt, fs::File};\nfn f() { jiff::Timestamp::now(); }\nuse tokio::sync;\n\
                #[cfg(test)]\nmod tests { use std::fs; }\n";
    says(
        impure(&File::new("src/run/x.rs", text)),
        &["src/run/x.rs:1", "src/run/x.rs:3", "src/run/x.rs:2"],
    );
    says(impure(&File::new("src/journal/disk.rs", text)), &[]);
    let fine =
        "use std::collections::BTreeMap; // std::fs\nlet x = env!(\"A\"); let tokio_like = 1;";
    says(impure(&File::new("src/run/x.rs", fine)), &[]);
}

#[test]
fn clocks_and_processes_are_found_outside_their_homes() {
    let text = "fn f() { Timestamp::now(); Instant::now(); std::process::Command::new(x); }";
    let at = |path: &'static str| (clock_reads(&File::new(path, text)), path);
    let (found, path) = at("src/call/x.rs");
    says(found, &[&format!("{path}:1")]);
    says(at("src/engine/clock.rs").0, &[]);
    says(
        starts(&File::new("src/engine/x.rs", text)),
        &["src/engine/x.rs:1"],
    );
    for (starter, _) in STARTERS {
        says(starts(&File::new(starter, text)), &[]);
    }
}

#[test]
fn long_files_are_found() {
    let file = |lines: usize| File::new("src/run/x.rs", &"x\n".repeat(lines));
    says(too_long(&file(MOST_LINES)), &[]);
    says(too_long(&file(MOST_LINES + 1)), &["src/run/x.rs"]);
}

#[test]
fn what_does_not_belong_in_mod_files_is_found() {
    let text = "//! Docs.\nmod a;\npub use a::{Of, fnord};\npub fn f() {}\nimpl A for B {}\n";
    says(
        full_mod(&File::new("src/run/mod.rs", text)),
        &["src/run/mod.rs:4", "src/run/mod.rs:5"],
    );
    says(full_mod(&File::new("src/run/a.rs", text)), &[]);
}

#[test]
fn prints_are_found_in_tests_too() {
    let text = "fn f() { println!(\"println!\"); } // dbg!\n#[cfg(test)]\nfn t() { dbg!(1); }\nfn print() {}";
    says(
        prints(&File::new("src/run/x.rs", text)),
        &["src/run/x.rs:1", "src/run/x.rs:3"],
    );
}

#[test]
fn panics_are_found_outside_tests_only() {
    let text = "//! x.unwrap()\nfn f() { x\n    .unwrap(); y.expect(\"z\"); y.unwrap_or(1); panic!() }\n\
                #[cfg(test)]\nmod tests { fn f() { x.unwrap(); todo!() } }\nuse std::panic::catch_unwind;";
    let at = "src/run/x.rs:3";
    says(panics(&File::new("src/run/x.rs", text)), &[at, at, at]);
}

#[test]
fn an_unsafe_without_its_reason_is_found() {
    let good =
        "fn f() {\n    // SAFETY: it is.\n    // So.\n    #[allow(x)]\n    unsafe { g() }\n}";
    says(unexplained_unsafe(&File::new("src/call/x.rs", good)), &[]);
    let bad = "// SAFETY: far away.\nfn f() {\n    unsafe { g() }\n}\nfn is_unsafe() {}";
    says(
        unexplained_unsafe(&File::new("src/call/x.rs", bad)),
        &["src/call/x.rs:3"],
    );
}

#[test]
fn a_file_without_its_purpose_is_found() {
    says(undocumented(&File::new("src/run/x.rs", "//! What.\n")), &[]);
    says(
        undocumented(&File::new("src/run/x.rs", "use a;\n//! No\n")),
        &["src/run/x.rs:1"],
    );
}

#[test]
fn paths_of_one_machine_are_found() {
    let work = ["/wo", "rk"].concat();
    let tree = ["/tmp/", "wt/x"].concat();
    let text = format!("x\nsee {work}/x\n`{tree}` \"{work}\"");
    says(machine_paths("a.md", &text), &["a.md:2", "a.md:3"]);
    let fine = format!("runs/<run>{work}/ $STATE{work} {work}spaces ~{tree}");
    says(machine_paths("a.md", &fine), &[]);
    let relative = ["in ../sha", "red/x"].concat();
    says(machine_paths("a.md", &relative), &["a.md:1"]);
    says(leftover("src/run/a.snap.new"), &["src/run/a.snap.new"]);
    says(leftover("src/run/a.snap"), &[]);
}

#[test]
fn documents_that_are_not_there_are_found() {
    let text = "// see README.md\n// and format.md, docs/a.md\n// x.mdx .md\nf(\"b.md\")";
    let found = missing_documents("a.rs", text, |name| name == "README.md");
    says(found, &["a.rs:2", "a.rs:2"]);
}

#[test]
fn rooms_that_are_not_there_are_found() {
    let text = "see `run/state.rs` and\n`run/gone.rs`, `docs/`, `adapters/<tool>/`, `gone/` or `/`";
    let there = ["src/run/state.rs", "docs/"];
    let found = missing_rooms("A.md", text, |name| there.contains(&name));
    says(found, &["A.md:2", "A.md:2"]);
}

#[test]
fn rows_and_the_tests_that_hold_them_are_found() {
    let page = "| row | what |\n|---|---|\n| 3 | A thing | x |\n| 4 | **Not yet** | x |\n";
    assert_eq!(rows(page), [(3, true), (4, false)]);
    assert_eq!(rows_of_test("threat_28_and_33_lines_come_raw"), [28, 33]);
    assert_eq!(rows_of_test("row_05_a_record"), [5]);
    assert_eq!(rows_of_test("threat_21_threat_50_what"), [21, 50]);
    assert_eq!(rows_of_test("it_holds_5"), []);
}
