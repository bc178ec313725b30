//! Every command of the README, run as it stands there, one after another in one place.
//!
//! Blocks marked `console` hold commands: lines that begin with `$ `. A block marked `yaml` whose
//! first line is a comment with a path is written to that path first. `cargo run --release -- …`
//! and `runbook …` are this build's program; nobody sits at its terminal here, so a `run` that
//! would ask gets `--yes`.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what must hold by failing"
)]

use std::path::Path;
use std::process::{Command, Stdio};

const README: &str = include_str!("../README.md");

/// A fenced block: what it is marked as, and its lines with their numbers.
struct Block<'a> {
    mark: &'a str,
    lines: Vec<(usize, &'a str)>,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (number, line) in (1..).zip(text.lines()) {
        match (line.strip_prefix("```"), open.take()) {
            (Some(mark), None) => {
                let lines = Vec::new();
                open = Some(Block { mark, lines });
            }
            (Some(_), Some(block)) => found.push(block),
            (None, Some(mut block)) => {
                block.lines.push((number, line));
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    found
}

/// The words of a command: there are no others than plain ones, and some in single quotes.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
            '"' | '$' | '|' | '>' | '<' | ';' | '&' | '*' | '`' | '\\' if !quoted => {
                panic!("`{command}` needs a shell, which this test is not")
            }
            c => word.push(c),
        }
    }
    assert!(!quoted, "`{command}` ends in the middle of a quote");
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// What the program gets of a command; nothing where the command is not the program.
fn arguments(command: &str) -> Option<Vec<String>> {
    let mut words = words(command);
    let own = ["cargo", "run", "--release", "--"];
    if words.starts_with(&own.map(str::to_owned)) {
        words.drain(..own.len());
    } else if words.first().is_some_and(|word| word == "runbook") {
        words.remove(0);
    } else {
        return None;
    }
    let asks = words.first().is_some_and(|verb| verb == "run");
    if asks && !words.iter().any(|word| word == "--yes" || word == "-y") {
        words.push("--yes".to_owned());
    }
    Some(words)
}

fn program(place: &Path, arguments: &[String]) -> Command {
    // A session of its own: even where a person runs the tests, there is no terminal to ask at.
    let mut command = Command::new("setsid");
    command
        .arg("--wait")
        .arg(env!("CARGO_BIN_EXE_runbook"))
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", place)
        .env("TZ", "UTC")
        .env("RUNBOOK_STATE_DIR", place.join("state"))
        .current_dir(place.join("here"))
        .stdin(Stdio::null());
    command
}

/// Commands that are not the program, and that this test leaves to others.
const LEFT_TO_OTHERS: [&str; 1] = ["cargo test"];

#[test]
fn every_command_of_the_readme_works() {
    let place = tempfile::Builder::new()
        .prefix("runbook-readme")
        .tempdir()
        .unwrap();
    let here = place.path().join("here");
    std::fs::create_dir(&here).unwrap();
    let mut ran = 0;
    for block in blocks(README) {
        if block.mark == "yaml" {
            if let Some((_, first)) = block.lines.first()
                && let Some(path) = first.strip_prefix("# ")
                && path.ends_with(".yaml")
            {
                let text: String = block
                    .lines
                    .iter()
                    .map(|(_, line)| format!("{line}\n"))
                    .collect();
                let path = here.join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            continue;
        }
        if block.mark != "console" {
            continue;
        }
        for (number, line) in block.lines {
            let Some(command) = line.strip_prefix("$ ") else {
                panic!("README.md:{number}: a console block holds commands only");
            };
            if LEFT_TO_OTHERS.contains(&command) {
                continue;
            }
            let Some(arguments) = arguments(command) else {
                panic!("README.md:{number}: `{command}` is not this program");
            };
            let output = program(place.path(), &arguments).output().unwrap();
            assert!(
                output.status.success(),
                "README.md:{number}: `{command}`: {}\n{}{}",
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            ran += 1;
        }
    }
    assert!(ran > 10, "only {ran} commands were found");
}

#[test]
fn what_the_readme_promises_first_is_there() {
    let commands: Vec<&str> = README
        .lines()
        .filter_map(|line| line.strip_prefix("$ "))
        .collect();
    for command in ["cargo run --release -- run db-failover", "cargo test"] {
        assert!(commands.contains(&command), "{command}");
    }
}

/// Links to files, and the picture, lead somewhere.
#[test]
fn links_of_the_readme_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for link in README.split("](").skip(1) {
        let target = link.split([')', '#']).next().unwrap_or_default();
        if !target.is_empty() && !target.contains("://") {
            assert!(root.join(target).exists(), "README.md links to {target}");
        }
    }
}

/// The picture needs nothing but itself, wherever it is shown.
#[test]
fn the_picture_needs_nothing_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let picture = std::fs::read_to_string(root.join("docs/picture/db-failover.svg")).unwrap();
    assert!(picture.starts_with("<svg ") && picture.trim_end().ends_with("</svg>"));
    for outside in ["<script", "href", "url(", "@import", "<image", "\u{1b}"] {
        assert!(!picture.contains(outside), "the picture holds {outside:?}");
    }
}

#[test]
fn the_drawing_of_pictures_tests_itself() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tested = Command::new("python3")
        .arg(root.join("docs/picture/render"))
        .arg("--test")
        .output();
    let Ok(tested) = tested else {
        panic!("python3 is needed to test the drawing of pictures");
    };
    let said = String::from_utf8_lossy(&tested.stderr);
    assert!(tested.status.success(), "{said}");
}

#[test]
fn commands_are_read_as_words() {
    assert_eq!(words("a  'b c' d"), ["a", "b c", "d"]);
    let of = |command: &str| arguments(command).map(|words| words.join(" "));
    assert_eq!(
        of("cargo run --release -- plan x"),
        Some("plan x".to_owned())
    );
    assert_eq!(of("runbook run x"), Some("run x --yes".to_owned()));
    assert_eq!(of("runbook run x --yes"), Some("run x --yes".to_owned()));
    assert_eq!(of("cargo test"), None);
    let text = "x\n```console\n$ a\n```\n```yaml\n# a.yaml\n```\n";
    let found: Vec<_> = blocks(text)
        .iter()
        .map(|b| (b.mark, b.lines.len()))
        .collect();
    assert_eq!(found, [("console", 1), ("yaml", 1)]);
}
