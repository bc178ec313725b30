//! Every adapter that ships, held against what its vendor documents.
//!
//! Beside each adapter `adapters/<tool>/<adapter>.yaml` stands `tests/conformance/<tool>/<adapter>.yaml`
//! with its cases: a call, what the adapter may then say to the world, what the world answers, and
//! what must come of it. The world is a fake: programs on a PATH of their own, a server on loopback,
//! a socket. The adapter is bound and called as the engine does it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a checker says what is wrong by failing"
)]

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

#[path = "conformance/case.rs"]
mod case;
#[path = "conformance/compare.rs"]
mod compare;
#[path = "conformance/own_tests.rs"]
mod own_tests;
#[path = "conformance/play.rs"]
mod play;
#[path = "conformance/server.rs"]
mod server;
#[path = "conformance/stage.rs"]
mod stage;
#[path = "conformance/table.rs"]
mod table;

use play::{House, Shipped, play};

/// How many adapters are played at once: most of the time a script is waited for.
const AT_ONCE: usize = 4;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The real adapters below a directory: `adapters/<tool>/<adapter>.yaml`, contracts and the
/// sandbox's left out.
fn shipped(root: &Path, cases: &Path) -> Vec<Shipped> {
    let mut found = Vec::new();
    for tool in names(&root.join("adapters")) {
        // Its scenarios are no adapters, and `lib` holds scripts.
        if tool == "sandbox" || tool == "lib" {
            continue;
        }
        for file in names(&root.join("adapters").join(&tool)) {
            let Some(adapter) = file.strip_suffix(".yaml") else {
                continue;
            };
            if adapter == "contract" || adapter == "sandbox" {
                continue;
            }
            found.push(Shipped {
                cases: cases.join(&tool).join(&file),
                adapter: adapter.to_owned(),
                tool: tool.clone(),
                root: root.to_owned(),
            });
        }
    }
    found
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Plays them all, several at once, and gives all problems in the order of the adapters.
fn problems(house: &House, adapters: &[Shipped]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(adapter) = adapters.get(at) else {
                        return;
                    };
                    let problems = play(house, adapter);
                    found.lock().unwrap().push((at, problems));
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap();
    found.sort_by_key(|(at, _)| *at);
    found
        .into_iter()
        .flat_map(|(_, problems)| problems)
        .collect()
}

fn cases() -> PathBuf {
    root().join("tests/conformance")
}

/// `ONLY=database-tool/` plays those whose path begins so, while one is being written.
fn wanted(adapter: &Shipped) -> bool {
    let path = format!("{}/{}", adapter.tool, adapter.adapter);
    std::env::var("ONLY").map_or(true, |only| path.starts_with(&only))
}

#[test]
fn every_adapter_that_ships_does_what_its_cases_say() {
    let mut adapters = shipped(root(), &cases());
    adapters.retain(wanted);
    let problems = problems(&House::new(), &adapters);
    assert!(
        problems.is_empty(),
        "{} problems:\n\n{}\n",
        problems.len(),
        problems.join("\n\n")
    );
}

#[test]
fn the_page_of_tools_is_what_the_manifests_say() {
    let page = root().join("docs/tools.md");
    let wanted = table::page(root(), &shipped(root(), &cases()));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&page, &wanted).unwrap();
    }
    let written = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(
        written == wanted,
        "docs/tools.md is not what the manifests and their cases say. Write it anew with\n\
         UPDATE=1 cargo test --test conformance page_of_tools\n\n{}",
        first_difference(&written, &wanted)
    );
}

/// The first line in which two texts differ.
fn first_difference(written: &str, wanted: &str) -> String {
    let lines = |text: &str| {
        text.lines()
            .map(str::to_owned)
            .chain([String::new()])
            .collect::<Vec<_>>()
    };
    let (written, wanted) = (lines(written), lines(wanted));
    let both = (1..).zip(written.iter().zip(&wanted));
    let differ = both.into_iter().find(|(_, (a, b))| a != b);
    differ.map_or_else(String::new, |(line, (a, b))| {
        format!("line {line}\n- {a}\n+ {b}")
    })
}

#[test]
fn every_case_belongs_to_an_adapter_that_ships() {
    let adapters = shipped(root(), &cases());
    for tool in names(&cases()) {
        if !cases().join(&tool).is_dir() {
            continue;
        }
        for file in names(&cases().join(&tool)) {
            let path = cases().join(&tool).join(&file);
            let known = adapters.iter().any(|adapter| adapter.cases == path);
            assert!(known, "{}: no adapter has these cases", path.display());
        }
    }
}
