//! A plugin through the whole program: the one that `docs/plugins.md` shows, as it stands there.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::{Place, ran};

const PAGE: &str = include_str!("../docs/plugins.md");

const RUNBOOK: &str = "\
name: flag
title: Turn a flag on
steps:
  - id: before
    call: $FEATURE_FLAG_TOOL status dark-mode
  - id: enable
    call: $FEATURE_FLAG_TOOL enable dark-mode
  - id: after
    call: $FEATURE_FLAG_TOOL status dark-mode search
    expect: output.enabled == ['dark-mode']
";

const SCRIPT: &str = "adapters/feature-flag-tool/flags.py";

/// The page's block that is marked so, and has this in its first two lines.
fn block(mark: &str, begins: &str) -> &'static str {
    PAGE.split(&format!("```{mark}\n"))
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .find(|block| block.lines().take(2).any(|line| line.contains(begins)))
        .unwrap()
}

fn script() -> &'static str {
    block("python", "#!/usr/bin/env python3")
}

/// A team's directory, with the adapter of the page and a file of flags.
fn team() -> Place {
    let place = Place::new();
    place.write(SCRIPT, script());
    let adapter = block("yaml", "adapter: flags-file");
    place.write("adapters/feature-flag-tool/flags-file.yaml", adapter);
    let contract = include_str!("../adapters/feature-flag-tool/contract.yaml");
    place.write("adapters/feature-flag-tool/contract.yaml", contract);
    let flags = place.write("flags.json", r#"{"dark-mode": false, "search": false}"#);
    let team = block("yaml", "runbook.yaml");
    let team = team.replace("production:", "bench:");
    let team = team.replace("/srv/flags.json", &flags.display().to_string());
    let policy = "    policy: { unattended: allow, gates: { change: none } }\n";
    place.write("runbook.yaml", &format!("{team}{policy}"));
    place.write("runbooks/flag.yaml", RUNBOOK);
    place
}

fn flags(place: &Place) -> Value {
    let text = std::fs::read(place.here().join("flags.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// The processes that a run of this place started and that still live, by their command lines.
fn left(place: &Place) -> Vec<String> {
    let state = place.state().display().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let read = |name| std::fs::read(entry.path().join(name)).unwrap_or_default();
        let environ = String::from_utf8_lossy(&read("environ")).into_owned();
        let works = environ
            .split('\0')
            .find(|one| one.starts_with("RUNBOOK_WORK="));
        if works.is_some_and(|works| works.contains(&state)) {
            found.push(String::from_utf8_lossy(&read("cmdline")).into_owned());
        }
    }
    found
}

const RUN: [&str; 4] = ["run", "flag", "--environment", "bench"];

#[test]
fn the_plugin_of_the_page_turns_a_flag_on() {
    let place = team();
    place.run(&["check"]).exits(0);
    place.run(&RUN).exits(0).says("flag succeeded").says("REAL");
    assert_eq!(flags(&place), json!({ "dark-mode": true, "search": false }));
    assert_eq!(left(&place), [""; 0]);
    place
        .run(&["audit", "verify", "last"])
        .exits(0)
        .says("proven");
}

#[test]
fn the_plugin_of_the_page_answers_by_hand_what_the_page_shows() {
    let place = team();
    let console = block("console", "describe");
    let (asked, answered) = console.split_once('\n').unwrap();
    let line = asked.split('\'').nth(1).unwrap();
    let mut plugin = Command::new("python3")
        .arg(place.here().join(SCRIPT))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = plugin.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, format!("{line}\n").as_bytes()).unwrap();
    drop(input);
    let output = plugin.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), answered);
}

/// A message with every value but objects and `null` taken out: its fields.
fn fields(message: &Value) -> Value {
    match message {
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| (name.clone(), fields(value)))
            .collect(),
        Value::Null => Value::Null,
        _ => json!(true),
    }
}

#[test]
fn a_call_has_the_fields_that_the_page_shows() {
    let place = team();
    let told = place.here().join("told.jsonl");
    let reads = "for line in sys.stdin.buffer:\n";
    let keeps = format!(
        "{reads}    open({:?}, 'ab').write(line)\n",
        told.display().to_string()
    );
    assert!(script().contains(reads));
    place.write(SCRIPT, &script().replace(reads, &keeps));
    place.run(&RUN).exits(0);
    let told = std::fs::read_to_string(told).unwrap();
    let told: Vec<Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        told[0],
        json!({ "type": "describe", "id": 1, "protocol": 1 })
    );
    let enable = told.iter().find(|told| told["action"] == "enable").unwrap();
    let shown = block("json", "\"type\":\"call\"");
    let shown: Value = serde_json::from_str(shown).unwrap();
    assert_eq!(fields(enable), fields(&shown));
    assert_eq!(enable["run"]["step"], "enable");
    // What only looks is no act, and has no key.
    let before = told
        .iter()
        .find(|told| told["purpose"] == "before")
        .unwrap();
    assert_eq!(before["run"]["idempotency_key"], "");
    assert_eq!(before["effect"], "read");
}

#[test]
fn what_a_plugin_refuses_was_not_done_and_says_why() {
    let place = team();
    place.write("flags.json", r#"{"search": false}"#);
    place
        .run(&RUN)
        .exits(1)
        .says("the plugin `./flags.py`: there is no flag dark-mode");
    assert_eq!(left(&place), [""; 0]);
}

#[test]
fn a_plugin_that_ends_when_it_acted_leaves_a_doubt_that_looking_settles() {
    let place = team();
    let acted = "        store(path, flags | dict.fromkeys(changed, on))\n";
    assert!(script().contains(acted));
    let dies = script().replace(acted, &format!("{acted}        os._exit(9)\n"));
    place.write(SCRIPT, &dies);
    // Nothing may be done twice: only looking can tell.
    let contract = include_str!("../adapters/feature-flag-tool/contract.yaml");
    let contract = contract.replace("idempotent: true", "idempotent: false");
    place.write("adapters/feature-flag-tool/contract.yaml", &contract);
    place.run(&RUN).exits(0).says("flag succeeded");
    let kinds = place.kinds();
    for kind in ["step_unknown", "step_resolved"] {
        assert!(kinds.iter().any(|one| one == kind), "{kinds:?}");
    }
    let text = std::fs::read_to_string(place.journal()).unwrap();
    assert!(text.contains("ended with exit status 9 before it answered"));
    assert_eq!(left(&place), [""; 0]);
}

#[test]
fn a_parked_run_keeps_no_plugin_and_goes_on_with_the_script_that_it_began_with() {
    let place = team();
    let fifo = place.fifo("fifo");
    let waits = format!(
        "  - {{ id: wait, run: [cat, {}], effect: read }}\n",
        fifo.display()
    );
    let enable = "  - id: enable\n";
    let runbook = RUNBOOK.replace(enable, &format!("{waits}{enable}"));
    place.write("runbooks/flag.yaml", &runbook);
    let mut run = place.command(&RUN);
    run.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = run.spawn().unwrap();
    let keeps = OpenOptions::new().write(true).open(&fifo).unwrap();
    let living = left(&place);
    assert!(
        living.iter().any(|line| line.contains("flags.py")),
        "{living:?}"
    );
    let pid = Pid::from_raw(place.held_by().parse().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    drop(keeps);
    ran(child.wait_with_output().unwrap()).says("parked");
    assert_eq!(left(&place), [""; 0]);

    place.write(SCRIPT, "#!/bin/sh\nexit 1\n");
    place
        .run(&["resume", "last"])
        .exits(0)
        .says("flag succeeded");
    assert_eq!(flags(&place)["dark-mode"], json!(true));
}

#[test]
fn threat_40_a_killed_run_leaves_no_plugin_that_reads() {
    let place = team();
    let fifo = place.fifo("fifo");
    let waits = format!(
        "  - {{ id: wait, run: [cat, {}], effect: read }}\n",
        fifo.display()
    );
    let runbook = RUNBOOK.replace("  - id: enable\n", &format!("{waits}  - id: enable\n"));
    place.write("runbooks/flag.yaml", &runbook);
    let mut run = place.command(&RUN);
    run.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = run.spawn().unwrap();
    let keeps = OpenOptions::new().write(true).open(&fifo).unwrap();
    let pid = Pid::from_raw(place.held_by().parse().unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    child.wait().unwrap();
    drop(keeps);
    // Its input has ended, and nothing else tells it.
    while !left(&place).is_empty() {
        std::thread::yield_now();
    }
}
