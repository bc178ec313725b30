//! Adapters held against their contracts, the shipped ones too.

use std::borrow::Cow;

use super::*;
use crate::spec::contract::{self, Contract};
use crate::spec::{Diagnostics, environment};

const CONTRACT: &str = r#"
tool: DATABASE_TOOL
title: Database control
actions:
  status:
    effect: read
    args: { cluster: { optional: true } }
    output: { primary: string, up: boolean, lag: { type: duration, optional: true } }
  query:
    effect: read
    args: { sql: { positional: 1 } }
"#;

const GOOD: &str = r#"
adapter: postgres
implements: DATABASE_TOOL
title: PostgreSQL
settings:
  primary: { help: Connection string }
  port: { type: integer, default: 5432 }
  options: { type: list, of: string, optional: true }
requires: { commands: [psql] }
actions:
  status:
    command: [psql, -d, "{{ settings.primary }}", -c, "select '{{ args.cluster }}'"]
    env: { PGPORT: "{{ settings.port }}", RUN: "{{ run.id }}" }
    pass: [PG*]
    ok: exit == 0 and json.ok == true
    output: { primary: json.primary, up: exit == 0 }
    plan: { command: [psql, --version] }
  query: { simulate: database.query }
"#;

fn the_contract() -> Contract {
    let mut found = Diagnostics::new();
    contract::read("contract.yaml", CONTRACT.as_bytes(), &mut found).unwrap()
}

/// What an adapter can bring along: a script of its own, one that is shared, and one that is not
/// text.
pub(super) struct Shelf;

impl Files for Shelf {
    fn read(&self, file: &FilePath) -> Result<Option<Cow<'static, [u8]>>, String> {
        Ok(match file.below("database-tool").as_str() {
            "database-tool/status.py" => Some(Cow::Borrowed(b"#!/usr/bin/env python3\n")),
            "lib/status.py" | "lib/answer.py" => Some(Cow::Borrowed(b"import sys\n")),
            "database-tool/binary" => Some(Cow::Borrowed(b"\xff")),
            "database-tool/large" => Some(vec![b' '; (256 << 10) + 1].into()),
            "database-tool/locked" => return Err("it is locked".to_owned()),
            _ => None,
        })
    }
}

/// The directory of an adapter that is shipped.
struct Shipped<'a>(&'a std::path::Path);

impl Files for Shipped<'_> {
    fn read(&self, file: &FilePath) -> Result<Option<Cow<'static, [u8]>>, String> {
        Ok(std::fs::read(self.0.join(file.to_string()))
            .ok()
            .map(Cow::Owned))
    }
}

pub(super) fn said(found: &Diagnostics) -> Vec<String> {
    let said = |d: &&crate::spec::Diagnostic| {
        let place = d.source.position(d.span().unwrap().start);
        let help: String = d.help.iter().map(|help| format!(" ({help})")).collect();
        format!("{}:{} {}{help}", place.line, place.column, d.message)
    };
    found.sorted().iter().map(said).collect()
}

fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(GOOD.contains(from), "{from}");
    let mut found = Diagnostics::new();
    let text = GOOD.replace(from, to);
    let adapter = read(
        "postgres.yaml",
        text.as_bytes(),
        &the_contract(),
        &Shelf,
        &mut found,
    );
    assert_eq!(adapter.is_none(), found.has_errors());
    said(&found)
}

fn good() -> Adapter {
    let mut found = Diagnostics::new();
    let adapter = read(
        "postgres.yaml",
        GOOD.as_bytes(),
        &the_contract(),
        &Shelf,
        &mut found,
    );
    assert!(found.is_empty(), "{}", found.render(false, 100));
    adapter.unwrap()
}

#[test]
fn an_adapter_is_read_and_survives_a_plan() {
    let adapter = good();
    let AdapterAction::Command(status) = &adapter.actions["status"] else {
        panic!("not a command");
    };
    assert_eq!(status.argv[2].source(), "{{ settings.primary }}");
    assert!(matches!(
        adapter.actions["query"],
        AdapterAction::Simulate { .. }
    ));
    let json = serde_json::to_string(&adapter).unwrap();
    let back: Adapter = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), json);
}

#[test]
fn an_action_is_of_one_kind() {
    assert_eq!(
        changed("simulate: database.query", "command: psql -c x"),
        ["18:21 a command is a list of words, never a shell's line (write `[program, word, …]`)"]
    );
    assert_eq!(changed("{ simulate", "{ command: [x], simulate").len(), 2);
}

#[test]
fn an_adapter_keeps_its_contract() {
    assert_eq!(
        changed("query: {", "querry: {"),
        [
            "18:3 `DATABASE_TOOL` has no action `querry` (did you mean `query`?) (its actions are status, query)"
        ]
    );
    assert_eq!(
        changed("implements: DATABASE_TOOL", "implements: CACHE"),
        ["3:13 the contract beside this file is of `DATABASE_TOOL`"]
    );
    assert_eq!(
        changed("up: exit == 0", "upp: exit == 0"),
        [
            "11:3 `status` promises the field `up` (add it to `output:`)",
            "16:38 `status` has no field `upp` (did you mean `up`?)"
        ]
    );
    assert_eq!(
        changed(
            "output: { primary: json.primary, up: exit == 0 }",
            "output: lines"
        )
        .len(),
        1
    );
}

#[test]
fn templates_know_settings_and_arguments_only() {
    assert_eq!(changed("settings.primary", "settings.primry").len(), 1);
    assert_eq!(changed("args.cluster", "args.clster").len(), 1);
    assert_eq!(changed("args.cluster", "steps.x.output").len(), 1);
    assert_eq!(
        changed("up: exit == 0", "up: exit"),
        ["16:42 `up` is a boolean, but this is an integer"]
    );
}

#[test]
fn settings_of_an_environment_are_held_against_the_adapter() {
    let settle = |with: &str| {
        let text = format!(
            "environments:\n  x:\n    tools:\n      T: {{ adapter: postgres, with: {with} }}\n"
        );
        let mut found = Diagnostics::new();
        let file = environment::read("runbook.yaml", text.as_bytes(), &mut found).unwrap();
        let binding = &file.environments["x"].tools.values().next().unwrap();
        let environment::ToolBinding::Adapter { with, .. } = &binding.value else {
            panic!("no adapter");
        };
        let settled = good().settle(with, &file.source, binding.span, &mut found);
        settled
            .map(|map| crate::model::Value::Map(map).to_string())
            .ok_or_else(|| said(&found))
    };
    assert_eq!(
        settle("{ primary: 012, port: 6000, options: [a, 1] }").unwrap(),
        r#"{"primary":"012","port":6000,"options":["a","1"]}"#
    );
    assert_eq!(
        settle("{ primary: x }").unwrap(),
        r#"{"primary":"x","port":5432,"options":null}"#
    );
    assert_eq!(
        settle("{ prt: 1 }").unwrap_err(),
        [
            "4:10 the adapter `postgres` needs the setting `primary` (`primary`: Connection string)",
            "4:44 the adapter `postgres` has no setting `prt` (did you mean `port`?)"
        ]
    );
    assert_eq!(
        settle("{ primary: x, port: many }").unwrap_err(),
        ["4:57 `many` is no integer"]
    );
}

#[test]
fn an_adapter_brings_files_along_and_its_commands_name_them() {
    let bring = |files: &str, command: &str| {
        let text = GOOD
            .replace("requires: { commands: [psql] }", &format!("files: {files}"))
            .replace("[psql, --version]", command);
        let mut found = Diagnostics::new();
        let read = read(
            "postgres.yaml",
            text.as_bytes(),
            &the_contract(),
            &Shelf,
            &mut found,
        );
        (read, said(&found))
    };
    let (read, found) = bring("[status.py, ../lib/answer.py]", "[./status.py, check]");
    assert_eq!(found, [""; 0]);
    let files = read.unwrap().files;
    assert_eq!(files.len(), 2);
    assert_eq!(files["answer.py"], "import sys\n");

    let wrong = |files: &str, command: &str| bring(files, command).1;
    assert_eq!(
        wrong("[status.py]", "[./staus.py]"),
        [
            "17:23 the adapter brings no file `staus.py` along (did you mean `./status.py`?) (a \
             word that begins with `./` is one of the adapter's `files:`)"
        ]
    );
    for (files, message) in [
        ("[gone.py]", "there is no file gone.py"),
        ("[binary]", "binary is not UTF-8 text"),
        ("[large]", "large is larger than 256 KiB"),
        ("[locked]", "it is locked"),
        (
            "[status.py, ../lib/status.py]",
            "there are two files `status.py`",
        ),
        (
            "[../../etc/passwd]",
            "`../../etc/passwd` is not a file's name",
        ),
        ("[.hidden]", "`.hidden` is not a file's name"),
        ("[a/b]", "`a/b` is not a file's name"),
    ] {
        let found = wrong(files, "[psql]");
        assert!(found[0].contains(message), "{files}: {found:?}");
    }
}

/// Every adapter that is shipped.
#[test]
fn shipped_adapters_are_right() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("adapters");
    let mut found = Diagnostics::new();
    let mut seen = 0;
    for entry in std::fs::read_dir(root).unwrap() {
        let dir = entry.unwrap().path();
        let Ok(bytes) = std::fs::read(dir.join("contract.yaml")) else {
            continue;
        };
        let contract = contract::read("contract.yaml", &bytes, &mut found).unwrap();
        for file in std::fs::read_dir(&dir).unwrap() {
            let path = file.unwrap().path();
            let yaml = path.extension().is_some_and(|ending| ending == "yaml");
            if yaml && !path.ends_with("contract.yaml") {
                let bytes = std::fs::read(&path).unwrap();
                read(
                    &path.to_string_lossy(),
                    &bytes,
                    &contract,
                    &Shipped(&dir),
                    &mut found,
                );
                seen += 1;
            }
        }
    }
    assert!(found.is_empty(), "{}", found.render(false, 120));
    assert!(seen > 10, "{seen}");
}
