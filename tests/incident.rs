//! One incident from its first gate to its audit, as the people in it see it: under a
//! pseudo-terminal, with a second person's signature, a colleague who takes over, and all that was
//! done taken back.

#![allow(
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic, and says what it left out"
)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use support::pty::Pty;
use support::{Place, Ran, known, ran};

/// A colleague: an account that needs no entry in /etc/passwd, in a group that every Debian has.
const COLLEAGUE: u32 = 4242;
const GROUP: (&str, u32) = ("users", 100);

const DBCTL: &str = r#"#!/bin/sh
# A team's own command for its database: answers in JSON, and remembers what was done.
set -eu
cd "$(dirname "$0")"
primary=$(cat primary)
case "$1" in
replica-status)
    printf '{"primary":"%s","failover_pending":false,"replicas":[{"name":"db-2","state":"streaming","lag":"1s","behind":"0 B"}],"freshest":{"name":"db-2","lag":"1s","behind":"0 B"}}\n' "$primary" ;;
failover)
    echo db-2 > primary
    echo failover >> acts
    printf '{"promoted":"db-2","previous":"%s","seconds":1}\n' "$primary" ;;
*)
    echo "dbctl: $1 is not for tonight" >&2
    exit 64 ;;
esac
"#;

fn runbook(here: &Path) -> String {
    let here = here.display();
    format!(
        "name: incident
title: The database is gone
lock: database/main
steps:
  - id: drain
    title: Send traffic to the maintenance page
    run: [touch, '{here}/drained']
    effect: change
    undo:
      steps: [ {{ id: restore, title: Send traffic back, run: [rm, '{here}/drained'], effect: change }} ]
  - id: failover
    title: Promote the standby
    call: $DATABASE_TOOL failover --cluster main
    undo: none
    gate:
      confirm: Promote the standby?
      challenge: main
      approvals: {{ count: 1, from: [dba] }}
  - id: connect
    title: See whether applications connect
    run: [test, -e, '{here}/repaired']
    effect: read
  - id: settle
    title: Let the pools settle
    run: |
      until [ -e '{here}/settled' ]; do sleep 0.05; done
      echo settled
    effect: change
    undo: none
    timeout: 5m
  - id: tell
    title: Tell the channel
    manual: Say in the channel that it is over
"
    )
}

fn team(place: &Place) {
    let here = place.here();
    let write = |path: &str, text: &str| place.write(path, text);
    write("primary", "db-1\n");
    write("acts", "");
    write("dbctl", DBCTL);
    write("runbooks/incident.yaml", &runbook(&here));
    write(
        "runbook.yaml",
        &format!(
            "state: {{ dir: '{}', group: {} }}
environments:
  bench:
    tools:
      DATABASE_TOOL: {{ command: ['{}/dbctl'] }}
    policy:
      gates: {{ change: none, destructive: {{ challenge: target, approvals: {{ count: 1, from: [dba] }} }} }}
      approvers: {{ dba: [li@example.org, mo@example.org] }}
      allowed_signers: ops/allowed_signers
",
            place.state().display(),
            GROUP.0,
            here.display()
        ),
    );
    // The colleague reads the team's files and writes what the steps write.
    for dir in [here.parent().unwrap(), &here, &here.join("runbooks")] {
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    for (file, mode) in [("dbctl", 0o755), ("primary", 0o666), ("acts", 0o666)] {
        std::fs::set_permissions(here.join(file), std::fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// Li's key, and the file that says that it is hers.
fn lis_key(place: &Place) -> std::path::PathBuf {
    let home = place.here().parent().unwrap().join("li");
    std::fs::create_dir(&home).unwrap();
    let key = home.join("id_ed25519");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "li", "-f"])
        .arg(&key)
        .status()
        .unwrap();
    assert!(made.success());
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    place.write(
        "ops/allowed_signers",
        &format!("li@example.org namespaces=\"approve@runbook\" {public}"),
    );
    key
}

fn program(place: &Place, colleague: bool) -> Command {
    let mut command = if colleague {
        let mut command = Command::new("setpriv");
        command
            .arg(format!("--reuid={COLLEAGUE}"))
            .arg(format!("--regid={COLLEAGUE}"))
            .arg(format!("--groups={}", GROUP.1))
            .arg(env!("CARGO_BIN_EXE_runbook"));
        command
    } else {
        Command::new(env!("CARGO_BIN_EXE_runbook"))
    };
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", place.here())
        .env("TERM", "xterm")
        .env("TZ", "UTC")
        .current_dir(place.here());
    command
}

fn at_a_terminal(place: &Place, colleague: bool, words: &[&str]) -> Pty {
    let mut command = program(place, colleague);
    command.args(words);
    // Ana is root, as after `sudo`; a colleague is an account of their own.
    Pty::of(&match colleague {
        true => command,
        false => known(command),
    })
}

fn beside(place: &Place, words: &[&str]) -> Ran {
    let mut command = program(place, false);
    command.args(words).stdin(Stdio::null());
    ran(command.output().unwrap())
}

/// What Li does on her own machine: reads the request, and signs what it says by hand.
fn signed_by_li(place: &Place, key: &Path, code: &str) -> std::path::PathBuf {
    let text = Command::new(env!("CARGO_BIN_EXE_runbook"))
        .args(["approve", "--request", code, "--text"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", key.parent().unwrap())
        .output()
        .unwrap();
    assert!(text.status.success(), "{text:?}");
    let ballot = place.write("li/ballot", &String::from_utf8(text.stdout).unwrap());
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "approve@runbook", "-f"])
        .arg(key)
        .arg(&ballot)
        .output()
        .unwrap();
    assert!(signed.status.success(), "{signed:?}");
    let armored = std::fs::read_to_string(ballot.with_extension("sig")).unwrap();
    let text = std::fs::read_to_string(&ballot).unwrap();
    place.write("li/answer", &format!("{text}{armored}"))
}

#[test]
fn an_incident_from_its_first_gate_to_its_audit() {
    let place = Place::new();
    team(&place);
    let key = lis_key(&place);

    // The operator is asked for the target's name, and types it wrong twice.
    let mut ana = at_a_terminal(&place, false, &["run", "incident", "-e", "bench"]);
    ana.expect("REAL");
    ana.expect("type the name of the target: main");
    ana.expect("> ");
    ana.line("mian");
    ana.expect("not the target's name");
    ana.line("y");
    ana.expect("yes is not enough here");
    ana.line("main");
    ana.expect("Waiting for others");
    assert_eq!(
        std::fs::read_to_string(place.here().join("acts")).unwrap(),
        ""
    );

    // Somebody far away signs, and whoever gets the answer hands it in.
    let asked = beside(&place, &["approve", "last", "failover", "--print-request"]);
    asked.exits(0);
    let code = asked.stdout.trim().rsplit(' ').next().unwrap().to_owned();
    let answer = signed_by_li(&place, &key, &code);
    let answer = answer.to_str().unwrap();
    beside(&place, &["approve", "--signed", answer]).exits(0);
    ana.expect("li@example.org");

    // A step fails; what was wrong is mended, and it is tried again.
    ana.expect("A step failed");
    ana.expect("> ");
    place.write("repaired", "");
    ana.line("r");

    // Ctrl-C while a step acts: it is waited for and recorded, and the operator decides.
    ana.expect("Let the pools settle");
    until_started(&place, "settle");
    ana.send("\x03");
    ana.expect("interrupt");
    place.write("settled", "");
    ana.expect("> ");
    ana.line("p");
    ana.expect("runbook resume");
    ana.exits(75);

    // A colleague takes it over.
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("left out: another account takes over, which takes root to test");
    }
    let mut colleague = at_a_terminal(&place, root, &["resume", "last"]);
    colleague.expect("Say in the channel");
    colleague.expect("> ");
    colleague.line("d");
    colleague.exits(0);
    assert_eq!(
        std::fs::read_to_string(place.here().join("acts")).unwrap(),
        "failover\n"
    );

    // What can be taken back is, and what cannot is said before.
    let mut undo = at_a_terminal(&place, false, &["undo", "last", "--reason", "all is well"]);
    undo.expect("failover");
    undo.expect("> ");
    undo.line("y");
    undo.exits(0);
    assert!(!place.here().join("drained").exists());

    // The journal tells all of it, and proves it.
    let told = beside(&place, &["audit", "show", "last"]);
    told.exits(0)
        .says("approved by li@example.org")
        .says("li@example.org (key SHA256:")
        .says("taken back");
    if root {
        told.says(&COLLEAGUE.to_string());
    }
    beside(&place, &["audit", "verify", "last"]).exits(0);
}

/// Waits until the journal has the start of a step.
fn until_started(place: &Place, step: &str) {
    let started = |line: &str| {
        line.contains("\"kind\":\"step_started\"") && line.contains(&format!("\"step\":\"{step}\""))
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !std::fs::read_to_string(place.journal())
        .unwrap()
        .lines()
        .any(started)
    {
        assert!(std::time::Instant::now() < deadline, "{step} never started");
        std::thread::yield_now();
    }
}
