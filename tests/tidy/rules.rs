//! The rules: a file in, what is wrong with it out.

use super::source::{File, paths, words};
use super::tables::*;

/// What is wrong, and where.
pub(super) type Found = Vec<String>;

pub(super) fn floor_rank(floor: &str) -> Option<usize> {
    FLOORS.iter().position(|line| line.contains(&floor))
}

/// Why a floor may not import another's room; none where it may.
pub(super) fn forbidden(from: &str, path: &[String]) -> Option<String> {
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

pub(super) fn imports(file: &File) -> Found {
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

pub(super) fn impure(file: &File) -> Found {
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

pub(super) fn clock_reads(file: &File) -> Found {
    if CLOCK_READERS.iter().any(|room| file.path.starts_with(room)) {
        return Found::new();
    }
    CLOCKS
        .iter()
        .filter(|clock| **clock != "Instant::now")
        .flat_map(|clock| words(&file.live, clock).map(move |offset| (clock, offset)))
        .map(|(clock, offset)| {
            let at = file.at(offset);
            format!("{at}: {clock}: the engine's clock gives the time, take it as an argument")
        })
        .collect()
}

pub(super) fn starts(file: &File) -> Found {
    if STARTERS.iter().any(|(path, _)| *path == file.path) {
        return Found::new();
    }
    ["Command::new", "duct::cmd", "duct::sh", "tokio::process"]
        .iter()
        .flat_map(|start| words(&file.live, start).map(move |offset| (start, offset)))
        .map(|(start, offset)| {
            let at = file.at(offset);
            let starters: Vec<&str> = STARTERS.iter().map(|(path, _)| *path).collect();
            let only = starters.join(" and ");
            format!("{at}: {start}: only {only} start processes")
        })
        .collect()
}

pub(super) fn too_long(file: &File) -> Found {
    let lines = file.text.lines().count();
    if lines <= MOST_LINES {
        return Found::new();
    }
    vec![format!(
        "{}: {lines} lines, at most {MOST_LINES}: part it",
        file.path
    )]
}

pub(super) fn full_mod(file: &File) -> Found {
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

pub(super) fn prints(file: &File) -> Found {
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

pub(super) fn panics(file: &File) -> Found {
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

pub(super) fn unexplained_unsafe(file: &File) -> Found {
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

pub(super) fn undocumented(file: &File) -> Found {
    if file.text.starts_with("//! ") {
        return Found::new();
    }
    vec![format!(
        "{}:1: begin with `//! `: what is this file for?",
        file.path
    )]
}

/// Paths of the machines that it was made on, in any text of the repository.
pub(super) fn machine_paths(path: &str, text: &str) -> Found {
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
pub(super) fn leftover(path: &str) -> Found {
    let ends = [".orig", ".rej", ".pending-snap", ".snap.new", ".swp", "~"];
    if ends.iter().any(|end| path.ends_with(end)) {
        return vec![format!("{path}: left behind by a tool: remove it")];
    }
    Found::new()
}

/// Documents that are named and are not there: what a text names, its reader must be able to open.
pub(super) fn missing_documents(path: &str, text: &str, exists: impl Fn(&str) -> bool) -> Found {
    let mut found = Found::new();
    for (number, line) in text.lines().enumerate() {
        // In code a name may be any test's example.
        if path.ends_with(".rs") && !line.trim_start().starts_with("//") {
            continue;
        }
        for (end, _) in line.match_indices(".md") {
            let after = line[end + 3..].chars().next();
            let name: String = line[..end]
                .chars()
                .rev()
                .take_while(|c| c.is_alphanumeric() || "._-/".contains(*c))
                .collect();
            let name: String = name.chars().rev().collect();
            let is_name = !name.is_empty() && !after.is_some_and(char::is_alphanumeric);
            if is_name && !exists(&format!("{name}.md")) {
                let line = number + 1;
                found.push(format!("{path}:{line}: there is no {name}.md"));
            }
        }
    }
    found
}

/// Source files and folders that a document names in backticks and that are not there.
pub(super) fn missing_rooms(path: &str, text: &str, exists: impl Fn(&str) -> bool) -> Found {
    let mut found = Found::new();
    for (number, line) in text.lines().enumerate() {
        for name in line.split('`').skip(1).step_by(2) {
            let is_path = name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
            let is_room = name.ends_with(".rs") && name.contains('/')
                || name.len() > 1 && name.ends_with('/');
            if is_path && is_room && !exists(name) && !exists(&format!("src/{name}")) {
                let line = number + 1;
                found.push(format!("{path}:{line}: there is no {name}"));
            }
        }
    }
    found
}

/// The rows of the list of threats, and whether the list says that they are held.
pub(super) fn rows(page: &str) -> Vec<(u32, bool)> {
    page.lines()
        .filter_map(|line| {
            let row = line.strip_prefix("| ")?.split(" |").next()?.parse().ok()?;
            Some((row, !line.contains("**Not yet**")))
        })
        .collect()
}

/// The rows that a test's name begins with: `threat_28_and_33_…`, `row_05_…`.
pub(super) fn rows_of_test(name: &str) -> Vec<u32> {
    let Some(rest) = name
        .strip_prefix("threat_")
        .or_else(|| name.strip_prefix("row_"))
    else {
        return Vec::new();
    };
    rest.split('_')
        .filter(|word| !["and", "threat", "row"].contains(word))
        .map_while(|word| word.parse().ok())
        .collect()
}
