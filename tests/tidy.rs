//! The rules of the house that the compiler does not know.
//!
//! Each rule is one test, and says file, line and what to do. What a rule allows, and the
//! exceptions with their reasons, stand in `tidy/tables.rs`; how it looks, in `tidy/rules.rs`. The
//! rules are themselves tested in `tidy/own_tests.rs`, on small pieces of text that break them.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a checker says what is wrong by failing"
)]

use std::path::{Path, PathBuf};

#[path = "tidy/own_tests.rs"]
mod own_tests;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/source_tests.rs"]
mod source_tests;
#[path = "tidy/tables.rs"]
mod tables;

use rules::*;
use source::{File, mark_test_files, words};
use tables::*;

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
fn the_wall_clock_is_read_in_few_places() {
    hold(clock_reads, &["src"]);
}

#[test]
fn few_places_start_processes() {
    for (path, why) in STARTERS {
        assert!(root().join(path).exists() && !why.is_empty(), "{path}");
    }
    hold(starts, &["src"]);
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
fn documents_that_are_named_are_there() {
    let mut found = Found::new();
    for path in kept() {
        let name = in_repository(&path);
        let is_text = [".rs", ".md", ".toml", ".yaml"]
            .iter()
            .any(|end| name.ends_with(end));
        if is_text && !name.starts_with("tests/tidy") {
            let text = std::fs::read_to_string(&path).unwrap();
            let folder = path.parent().unwrap_or(root());
            found.extend(missing_documents(&name, &text, |named| {
                root().join(named).exists() || folder.join(named).exists()
            }));
        }
    }
    none(found);
}

#[test]
fn rooms_that_documents_name_are_there() {
    let mut found = Found::new();
    for name in ["ARCHITECTURE.md", "README.md"] {
        let text = std::fs::read_to_string(root().join(name)).unwrap();
        found.extend(missing_rooms(name, &text, |room| {
            root().join(room).exists()
        }));
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

#[test]
fn every_row_of_the_threats_has_a_test_with_its_number() {
    let page = std::fs::read_to_string(root().join("docs/threats.md")).unwrap();
    let rows = rows(&page);
    let numbers: Vec<u32> = rows.iter().map(|(row, _)| *row).collect();
    assert_eq!(numbers, (1..=53).collect::<Vec<_>>());
    let tested: std::collections::BTreeSet<u32> = rust(&["src", "tests"])
        .iter()
        .flat_map(|file| {
            words(&file.code, "fn")
                .flat_map(|offset| {
                    let name = file.code[offset + 2..].trim_start();
                    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_');
                    rows_of_test(&name[..end.unwrap_or(name.len())])
                })
                .collect::<Vec<_>>()
        })
        .collect();
    none(
        rows.iter()
            .filter(|(row, held)| *held && !tested.contains(row))
            .map(|(row, _)| format!("docs/threats.md: row {row} has no test `threat_{row}_…`"))
            .collect(),
    );
}
