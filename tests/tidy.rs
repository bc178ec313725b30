//! The rules of the house that the compiler does not know.
//!
//! Each rule is one test, and says file, line and what to do. A rule that a file breaks for a good
//! reason has its exceptions in one table, with the reason. The rules themselves are tested at the
//! end, on small pieces of text that break them.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a checker says what is wrong by failing"
)]

use std::path::{Path, PathBuf};

#[path = "tidy/source.rs"]
mod source;

use source::{File, mark_test_files, paths, words};

/// The floors, the lowest first. A floor may import those before its line, never its own line's
/// others and never a later one.
const FLOORS: &[&[&str]] = &[
    &["model"],
    &["expr"],
    &["spec", "journal"],
    &["plan"],
    &["run", "sandbox"],
    &["call", "audit", "workspace"],
    &["report"],
    &["engine"],
    &["cli"],
    &["main"],
];

/// Floors that see less than all that lies below them: what they may import, and why no more.
const NARROWER: &[(&str, &[&str], &str)] = &[
    (
        "journal",
        &["model"],
        "a record can be read by who knows nothing of expressions or runs",
    ),
    (
        "plan",
        &["model", "expr", "spec"],
        "there is a plan before there is a journal",
    ),
    (
        "run",
        &["model", "expr", "spec", "plan"],
        "a run does not write its own journal: the engine does",
    ),
    (
        "sandbox",
        &["model"],
        "it stands for a system outside, which has never heard of runbooks",
    ),
    (
        "call",
        &["model", "expr", "sandbox"],
        "an adapter gets a request and gives a reply, and sees nothing else of a run",
    ),
    (
        "main",
        &["cli"],
        "arguments go in and an exit code comes out, the rest is cli's",
    ),
];

/// Where one floor may use only some rooms of another: what it may use, and why no more.
const ROOMS: &[(&str, &str, &[&str], &str)] = &[(
    "run",
    "spec",
    &["step", "contract", "environment", "source"],
    "a run holds definitions that were read, it never reads one",
)];

/// Imports that break the rules above, with the reason: file, path.
const IMPORTS_ANYWAY: &[(&str, &str, &str)] = &[];

/// What touches nothing outside: folders and files.
const PURE: &[&str] = &[
    "src/model/",
    "src/expr/",
    "src/spec/",
    "src/plan/",
    "src/run/",
    "src/sandbox/",
    "src/journal/record.rs",
    "src/journal/envelope.rs",
    "src/journal/strict.rs",
    "src/journal/chain.rs",
    "src/journal/verify.rs",
    "src/journal/finding.rs",
    "src/journal/ledger_event.rs",
];

/// What of the standard library a pure room never uses.
const IMPURE_STD: &[&str] = &["env", "fs", "net", "os", "process", "thread"];

/// Crates that a pure room never uses.
const IMPURE_CRATES: &[&str] = &[
    "duct",
    "etcetera",
    "getrandom",
    "rustix",
    "tempfile",
    "tokio",
];

/// Clocks that a pure room never reads: time is given to it.
const CLOCKS: &[&str] = &["Timestamp::now", "Zoned::now", "Instant::now", "SystemTime"];

/// No file is longer.
const MOST_LINES: usize = 800;

/// Longer files are listed, so that somebody may see how to part them.
const HAPPY_LINES: usize = 400;

/// `mod.rs` files that hold more than docs and re-exports, with the reason.
const FULL_MODS: &[(&str, &str)] = &[(
    "src/sandbox/area/mod.rs",
    "the table of all areas stands beside their list, so that none is forgotten",
)];

/// Where a panic is right, with the reason: file, the line's text.
const PANICS_ANYWAY: &[(&str, &str, &str)] = &[];

/// What is wrong, and where.
type Found = Vec<String>;

fn floor_rank(floor: &str) -> Option<usize> {
    FLOORS.iter().position(|line| line.contains(&floor))
}

/// Why a floor may not import another's room; none where it may.
fn forbidden(from: &str, path: &[String]) -> Option<String> {
    let to = path.first()?.as_str();
    let (Some(low), Some(high)) = (floor_rank(to), floor_rank(from)) else {
        return None;
    };
    if to == from {
        return None;
    }
    if low == high {
        return Some(format!("{from} and {to} are on the same floor"));
    }
    if low > high {
        return Some(format!("{to} is above {from}"));
    }
    if let Some((_, may, why)) = NARROWER.iter().find(|(floor, ..)| *floor == from)
        && !may.contains(&to)
    {
        return Some(format!("{from} may use {} only: {why}", may.join(", ")));
    }
    let room = path.get(1).map_or("", String::as_str);
    ROOMS
        .iter()
        .find(|(floor, of, ..)| *floor == from && *of == to)
        .filter(|(_, _, rooms, _)| !rooms.contains(&room))
        .map(|(_, of, rooms, why)| {
            format!("of {of}, {from} may use {} only: {why}", rooms.join(", "))
        })
}

fn imports(file: &File) -> Found {
    let from = file.floor();
    if from == "lib" {
        return Found::new();
    }
    let mut found = Found::new();
    // Tests keep to the order of the floors, but may see more of those below.
    let sees_more = |path: &[String]| {
        let rank = |floor: Option<&str>| floor.and_then(floor_rank);
        rank(path.first().map(String::as_str)) < rank(Some(from))
    };
    for root in ["crate", "runbook"] {
        for named in paths(&file.code, root) {
            let live = file.live[named.offset..].starts_with(root);
            let Some(why) = forbidden(from, &named.path) else {
                continue;
            };
            let path = named.path.join("::");
            let excepted = IMPORTS_ANYWAY
                .iter()
                .any(|(at, what, _)| *at == file.path && *what == path);
            if (live || !sees_more(&named.path)) && !excepted {
                found.push(format!("{}: {root}::{path}: {why}", file.at(named.offset)));
            }
        }
    }
    // A chain of `super` that leaves the floor would hide an import from this rule.
    for offset in words(&file.live, "super") {
        let mut chain = file.live[offset..].split("::");
        let climbs = chain
            .by_ref()
            .take_while(|part| part.trim() == "super")
            .count();
        let begins = !file.live[..offset].trim_end().ends_with("::");
        if begins && climbs >= file.depth() {
            let what = "leaves its floor by `super`: write `crate::…`";
            found.push(format!("{}: {what}", file.at(offset)));
        }
    }
    found
}

fn impure(file: &File) -> Found {
    if !PURE.iter().any(|room| file.path.starts_with(room)) {
        return Found::new();
    }
    let mut found = Found::new();
    let mut say = |offset: usize, what: String| {
        let at = file.at(offset);
        found.push(format!(
            "{at}: {what} in a pure room: let who calls it give what it needs"
        ));
    };
    for named in paths(&file.live, "std") {
        if named
            .path
            .first()
            .is_some_and(|room| IMPURE_STD.contains(&room.as_str()))
        {
            say(named.offset, format!("std::{}", named.path.join("::")));
        }
    }
    for one in IMPURE_CRATES {
        for offset in words(&file.live, one) {
            say(offset, (*one).to_owned());
        }
    }
    for clock in CLOCKS {
        for offset in words(&file.live, clock) {
            say(offset, (*clock).to_owned());
        }
    }
    found
}

fn too_long(file: &File) -> Found {
    let lines = file.text.lines().count();
    if lines <= MOST_LINES {
        return Found::new();
    }
    vec![format!(
        "{}: {lines} lines, at most {MOST_LINES}: part it",
        file.path
    )]
}

fn full_mod(file: &File) -> Found {
    let is_mod = file.path.ends_with("/mod.rs") || file.path == "src/lib.rs";
    if !is_mod || FULL_MODS.iter().any(|(path, _)| *path == file.path) {
        return Found::new();
    }
    const ITEMS: &[&str] = &[
        "fn",
        "impl",
        "struct",
        "enum",
        "union",
        "trait",
        "type",
        "const",
        "static",
        "macro_rules",
    ];
    ITEMS
        .iter()
        .flat_map(|item| words(&file.live, item).map(move |offset| (item, offset)))
        .map(|(item, offset)| {
            let at = file.at(offset);
            format!("{at}: `{item}`: this file holds docs and re-exports only, give it a file")
        })
        .collect()
}

fn prints(file: &File) -> Found {
    ["println", "eprintln", "print", "eprint", "dbg"]
        .iter()
        .flat_map(|name| words(&file.code, name).map(move |offset| (name, offset)))
        .filter(|(name, offset)| file.code[offset + name.len()..].starts_with('!'))
        .map(|(name, offset)| {
            let at = file.at(offset);
            format!(
                "{at}: `{name}!` panics when the terminal is gone: write to the screen fallibly"
            )
        })
        .collect()
}

fn panics(file: &File) -> Found {
    const CALLS: &[&str] = &["unwrap", "expect", "unwrap_err", "expect_err"];
    const MACROS: &[&str] = &["panic", "todo", "unimplemented", "unreachable"];
    let calls = CALLS.iter().flat_map(|name| {
        words(&file.live, name)
            .filter(|offset| file.live[..*offset].trim_end().ends_with('.'))
            .filter(|offset| file.live[offset + name.len()..].starts_with('('))
            .map(move |offset| (format!(".{name}()"), offset))
    });
    let macros = MACROS.iter().flat_map(|name| {
        words(&file.live, name)
            .filter(|offset| file.live[offset + name.len()..].starts_with('!'))
            .map(move |offset| (format!("{name}!"), offset))
    });
    calls
        .chain(macros)
        .filter(|(_, offset)| {
            let line = file
                .text
                .lines()
                .nth(file.line(*offset) - 1)
                .unwrap_or_default();
            !PANICS_ANYWAY
                .iter()
                .any(|(path, text, _)| *path == file.path && line.trim() == *text)
        })
        .map(|(what, offset)| {
            let at = file.at(offset);
            format!("{at}: `{what}` outside tests: return an error")
        })
        .collect()
}

fn unexplained_unsafe(file: &File) -> Found {
    let lines: Vec<&str> = file.text.lines().collect();
    words(&file.code, "unsafe")
        .filter(|offset| {
            // Up through attributes and comments: one of them must say why it is sound.
            !lines[..file.line(*offset) - 1]
                .iter()
                .rev()
                .map(|line| line.trim())
                .take_while(|line| line.starts_with("//") || line.starts_with('#'))
                .any(|line| line.starts_with("// SAFETY: "))
        })
        .map(|offset| format!("{}: no `// SAFETY: ` before `unsafe`", file.at(offset)))
        .collect()
}

fn undocumented(file: &File) -> Found {
    if file.text.starts_with("//! ") {
        return Found::new();
    }
    vec![format!(
        "{}:1: begin with `//! `: what is this file for?",
        file.path
    )]
}

/// Paths of the machines that it was made on, in any text of the repository.
fn machine_paths(path: &str, text: &str) -> Found {
    // Put together here, so that this file does not hold what it looks for.
    let absolute = [["/wo", "rk"], ["/tmp/", "wt"]].map(|parts| parts.concat());
    let relative = ["../sha", "red/"].concat();
    let by_itself = |line: &str, what: &str| {
        line.match_indices(what).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + what.len()..].chars().next();
            !before.is_some_and(|c| c.is_alphanumeric() || "._-}>)*~$".contains(c))
                && !after.is_some_and(|c| c.is_alphanumeric() || "._-".contains(c))
        })
    };
    let mut found = Found::new();
    for (number, line) in text.lines().enumerate() {
        let hit = absolute
            .iter()
            .find(|what| by_itself(line, what))
            .or_else(|| line.contains(&relative).then_some(&relative));
        if let Some(what) = hit {
            let line = number + 1;
            found.push(format!(
                "{path}:{line}: `{what}` exists on one machine only"
            ));
        }
    }
    found
}

/// Files that tools leave behind.
fn leftover(path: &str) -> Found {
    let ends = [".orig", ".rej", ".pending-snap", ".snap.new", ".swp", "~"];
    if ends.iter().any(|end| path.ends_with(end)) {
        return vec![format!("{path}: left behind by a tool: remove it")];
    }
    Found::new()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder of the repository, sorted.
fn below(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let entry = entry.unwrap();
            let path = entry.path();
            let name = entry.file_name();
            if entry.file_type().unwrap().is_dir() {
                if name != ".git" && name != "target" {
                    folders.push(path);
                }
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn in_repository(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// The Rust files below some folders, test code marked.
fn rust(folders: &[&str]) -> Vec<File> {
    let mut files: Vec<File> = folders
        .iter()
        .flat_map(|folder| below(folder))
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .map(|path| {
            File::new(
                &in_repository(&path),
                &std::fs::read_to_string(&path).unwrap(),
            )
        })
        .collect();
    mark_test_files(&mut files);
    files
}

/// What is kept in the repository; without git, all files that are there.
fn kept() -> Vec<PathBuf> {
    let listed = std::process::Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output();
    match listed {
        Ok(listed) if listed.status.success() => String::from_utf8(listed.stdout)
            .unwrap()
            .split_terminator('\0')
            .map(|path| root().join(path))
            .filter(|path| path.is_file())
            .collect(),
        _ => below(""),
    }
}

fn hold(rule: impl Fn(&File) -> Found, folders: &[&str]) {
    let files = rust(folders);
    assert!(files.len() > 1, "no files to look at in {folders:?}");
    none(files.iter().flat_map(rule).collect());
}

#[track_caller]
fn none(found: Found) {
    assert!(found.is_empty(), "\n  {}\n", found.join("\n  "));
}

#[test]
fn floors_import_only_downward() {
    hold(imports, &["src"]);
}

#[test]
fn every_module_of_the_library_has_its_floor() {
    let lib = File::new(
        "src/lib.rs",
        &std::fs::read_to_string(root().join("src/lib.rs")).unwrap(),
    );
    let mut without = Vec::new();
    for offset in words(&lib.code, "mod") {
        let name: String = lib.code[offset + 4..]
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        if floor_rank(&name).is_none() {
            without.push(format!(
                "{}: `{name}` has no place in FLOORS",
                lib.at(offset)
            ));
        }
    }
    none(without);
}

#[test]
fn pure_rooms_touch_nothing_outside() {
    for room in PURE {
        assert!(
            root().join(room).exists(),
            "{room} is gone: take it out of PURE"
        );
    }
    hold(impure, &["src"]);
}

#[test]
fn files_stay_short() {
    const FOLDERS: &[&str] = &["src", "tests", "benches"];
    let mut long: Vec<(usize, String)> = rust(FOLDERS)
        .iter()
        .map(|file| (file.text.lines().count(), file.path.clone()))
        .filter(|(lines, _)| *lines > HAPPY_LINES)
        .collect();
    long.sort_unstable_by(|a, b| b.cmp(a));
    for (lines, path) in long {
        println!("note: {path} has {lines} lines, {HAPPY_LINES} are easier to read");
    }
    hold(too_long, FOLDERS);
}

#[test]
fn mod_files_hold_docs_and_re_exports_only() {
    hold(full_mod, &["src"]);
}

#[test]
fn nothing_prints_but_the_screen() {
    hold(prints, &["src"]);
}

#[test]
fn nothing_panics_outside_tests() {
    hold(panics, &["src"]);
}

#[test]
fn every_unsafe_says_why_it_is_sound() {
    hold(unexplained_unsafe, &["src", "tests", "benches"]);
}

#[test]
fn every_file_says_what_it_is_for() {
    hold(undocumented, &["src", "tests"]);
}

#[test]
fn nothing_depends_on_one_machine() {
    let mut found = Found::new();
    for path in kept() {
        if let Ok(text) = std::fs::read_to_string(&path) {
            found.extend(machine_paths(&in_repository(&path), &text));
        }
    }
    none(found);
}

#[test]
fn tools_leave_nothing_behind() {
    none(
        kept()
            .iter()
            .flat_map(|path| leftover(&in_repository(path)))
            .collect(),
    );
}

#[test]
fn the_tables_name_floors_and_give_reasons() {
    for (floor, may, why) in NARROWER {
        assert!(floor_rank(floor).is_some() && !why.is_empty(), "{floor}");
        assert!(
            may.iter().all(|one| floor_rank(one) < floor_rank(floor)),
            "{floor}"
        );
    }
    for (from, to, rooms, why) in ROOMS {
        assert!(floor_rank(to) < floor_rank(from) && !rooms.is_empty() && !why.is_empty());
    }
    for (path, _, why) in IMPORTS_ANYWAY.iter().chain(PANICS_ANYWAY) {
        assert!(root().join(path).exists() && !why.is_empty(), "{path}");
    }
    for (path, why) in FULL_MODS {
        assert!(root().join(path).exists() && !why.is_empty(), "{path}");
    }
}

mod the_rules_themselves {
    use super::*;

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
}
