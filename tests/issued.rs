//! Secrets that a tool gives out: where they lie, who gets them, who sees them, and that they are
//! found nowhere else. Numbers are rows of the threat list.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use support::Place;
use support::pty::Pty;

/// With something in it that JSON, shells and base64 write otherwise.
const SECRET: &str = "gr4nted\"T0ken's \u{f6}r+<9>";

const RUNBOOK: &str = r#"name: x
title: X
steps:
  - { id: grant, call: $VAULT_TOOL grant db }
  - id: use
    run: [sh, -c, 'printf %s "$T" > got; echo "used $T"']
    env: { T: "{{ steps.grant.output.password }}" }
    effect: change
    gate: none
    why: It is a test.
"#;

/// A vault that gives out a password on standard output, in whatever way `does` says.
fn vault(does: &str) -> Place {
    let place = Place::new();
    place.write(
        "runbook.yaml",
        "default_environment: lab\nenvironments:\n  lab:\n    policy: { unattended: allow, gates: { change: none, destructive: none } }\n    tools: { VAULT_TOOL: { adapter: own } }\n",
    );
    place.write(
        "adapters/vault-tool/contract.yaml",
        "tool: VAULT_TOOL\ntitle: Vault\nactions:\n  grant:\n    effect: change\n    args: { name: { positional: 1 } }\n    output: { user: string, password: secret }\n    example: { user: ada }\n  put:\n    effect: change\n    args: { name: { positional: 1 }, password: { type: secret } }\n",
    );
    place.write(
        "adapters/vault-tool/own.yaml",
        &format!(
            "adapter: own\nimplements: VAULT_TOOL\ntitle: Own\nactions:\n  grant: {does}\n  put: {{ command: [sh, -c, 'printf %s \"$P\" > put'], env: {{ P: '{{{{ args.password }}}}' }} }}\n"
        ),
    );
    place.write(
        "answer.json",
        &serde_json::json!({"user": "ada", "password": SECRET}).to_string(),
    );
    place
}

/// One that answers with what a script prints, read so: no file of the run holds the script.
fn scripted(script: &str, reading: &str) -> Place {
    let place = vault(&format!(
        "{{ command: [sh, ../../../../here/script], {reading} }}"
    ));
    place.write("script", script);
    place.write("x.yaml", RUNBOOK);
    place
}

fn lab(runbook: &str) -> Place {
    let place = vault("{ command: [cat, ../../../../here/answer.json], output: json }");
    place.write("x.yaml", runbook);
    place
}

fn secrets(place: &Place) -> PathBuf {
    place.runs()[0].join("secrets")
}

fn all_files(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all_files(&path, into),
            false => into.push(path),
        }
    }
}

/// The files below the state directory that hold a piece of the secret.
fn holding(place: &Place) -> Vec<PathBuf> {
    let mut files = Vec::new();
    all_files(&place.state(), &mut files);
    files.retain(|path| {
        let bytes = std::fs::read(path).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        text.contains("gr4nted") || text.contains("T0ken")
    });
    files
}

#[test]
fn threat_30_what_a_tool_gives_out_is_handed_on_and_kept_nowhere() {
    let place = lab(RUNBOOK);
    place.run(&["check", "./x.yaml"]).exits(0);
    let ran = place.run(&["run", "./x.yaml", "--json"]);
    ran.exits(0).never_says("gr4nted").never_says("T0ken");
    let run = &place.runs()[0];
    assert_eq!(
        std::fs::read_to_string(run.join("work/got")).unwrap(),
        SECRET
    );
    assert!(!run.join("secrets").exists(), "it outlived the run");
    // What a program of the runbook wrote is that program's own.
    assert_eq!(holding(&place), [run.join("work/got")]);
    let finished = place
        .records()
        .into_iter()
        .find(|record| record["kind"] == "step_finished" && record["step"] == "grant")
        .unwrap();
    let text = finished.to_string();
    assert!(text.contains(r#"{"$secret":"run:password-"#), "{text}");
    assert!(text.contains(r#""user":"ada""#), "{text}");
    place.run(&["audit", "verify"]).exits(0);
    place
        .run(&["audit", "show", "last"])
        .exits(0)
        .never_says("T0ken")
        .says("‹secret run:password-");
}

#[test]
fn a_parked_run_still_has_it_and_a_cancelled_one_has_not() {
    let place = lab(&RUNBOOK.replace(
        "  - id: use",
        "  - { id: wait, ask: 'Go on?', choices: [yes, no] }\n  - { id: hand, call: $VAULT_TOOL put db, with: { password: '{{ steps.grant.output.password }}' } }\n  - id: use",
    ));
    let ask = |answers: &[&str]| {
        let args = [&["run", "./x.yaml"], answers].concat();
        let mut pty = Pty::runbook(&place, &args);
        pty.expect("Go on?");
        pty.expect("> ");
        pty.send("p\n");
        pty.exits(75);
    };
    ask(&[]);
    let dir = secrets(&place);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    let files: Vec<PathBuf> = dir.read_dir().unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    assert_eq!(mode(&files[0]), 0o600);
    assert_eq!(std::fs::read_to_string(&files[0]).unwrap(), SECRET);
    assert_eq!(holding(&place), files);
    // Another process goes on with it, and takes it out of what is printed.
    let ran = place.run(&["resume", "--answer", "wait=yes", "--json"]);
    ran.exits(0).never_says("T0ken");
    let work = place.runs()[0].join("work");
    assert_eq!(std::fs::read_to_string(work.join("put")).unwrap(), SECRET);
    assert!(!dir.exists());
    std::fs::remove_file(work.join("put")).unwrap();
    std::fs::remove_file(work.join("got")).unwrap();
    assert_eq!(holding(&place), [] as [PathBuf; 0]);
    std::fs::remove_dir_all(place.state()).unwrap();
    ask(&[]);
    assert_eq!(holding(&place).len(), 1);
    place
        .run(&["cancel", "last", "--reason", "enough"])
        .exits(0);
    assert!(!secrets(&place).exists());
    assert_eq!(holding(&place), [] as [PathBuf; 0]);
    place.run(&["audit", "verify"]).exits(0);
}

#[test]
fn threat_31_an_answer_that_fails_quotes_nothing_of_it() {
    let json = "output: json";
    for (script, reading) in [
        // No JSON; another type; an error that says it; an exit status with it; `ok` is false.
        ("echo 'password gr4nted-T0ken'", json),
        (
            "echo '{\"user\": \"gr4nted-T0ken\", \"password\": [\"gr4nted-T0ken\"]}'",
            json,
        ),
        ("echo gr4nted-T0ken >&2; exit 3", json),
        (
            "echo gr4nted-T0ken",
            "output: { user: stdout, password: stdout }, ok: stdout == 'x'",
        ),
        // Too short to be found again.
        (
            "echo T0ken",
            "output: { user: \"'ada'\", password: stdout }",
        ),
    ] {
        let place = scripted(script, reading);
        let ran = place.run(&["run", "./x.yaml"]);
        ran.exits(1).never_says("gr4nted").never_says("T0ken");
        assert_eq!(holding(&place), [] as [PathBuf; 0], "{script}");
    }
    scripted("echo gr4nted-T0ken >&2; exit 3", json)
        .run(&["run", "./x.yaml"])
        .says("it ended with exit status 3; more is not shown");
}

#[test]
fn a_tool_that_gives_the_same_one_out_again_gives_out_a_secret_and_not_what_stands_for_it() {
    let place = scripted(
        "echo gr4nted-T0ken",
        "output: { user: \"'ada'\", password: stdout }",
    );
    place.write(
        "x.yaml",
        &RUNBOOK.replace(
            "steps:\n",
            "steps:\n  - { id: before, call: $VAULT_TOOL grant db }\n",
        ),
    );
    place.run(&["run", "./x.yaml"]).exits(0).never_says("T0ken");
    let got = place.runs()[0].join("work/got");
    assert_eq!(std::fs::read_to_string(&got).unwrap(), "gr4nted-T0ken");
}

#[test]
fn a_field_that_an_expression_makes_is_put_away_too() {
    let place = scripted(
        "echo gr4nted-T0ken-of-ada",
        "output: { user: \"'I am ' ~ stdout\", password: stdout }",
    );
    place.run(&["run", "./x.yaml"]).exits(0).never_says("T0ken");
    let work = place.runs()[0].join("work/got");
    assert_eq!(
        std::fs::read_to_string(&work).unwrap(),
        "gr4nted-T0ken-of-ada"
    );
    // Where it stands in another field, it is taken out there.
    assert_eq!(holding(&place), [work]);
}

#[test]
fn threat_30_what_a_tool_gives_out_is_refused_where_it_can_be_seen() {
    for step in [
        "{ run: [echo, '{{ steps.grant.output.password }}'], effect: read }",
        "{ manual: 'Type {{ steps.grant.output.password }}' }",
        "{ manual: Look, gate: { confirm: Go?, show: [steps.grant.output] } }",
        "{ manual: Look, if: steps.grant.output.password == 'x' }",
        "{ manual: Look, reveal: steps.grant.output.user }",
        "{ manual: Look, reveal: steps.grant.output }",
        "{ manual: Look, reveal: params.token }",
    ] {
        let place = lab(&format!(
            "name: x\ntitle: X\nparams:\n  token: {{ type: secret, default: env:HOME }}\nsteps:\n  - {{ id: grant, call: $VAULT_TOOL grant db }}\n  - {step}\n"
        ));
        place
            .run(&["check", "./x.yaml"])
            .exits(2)
            .says("x.yaml:7:")
            .says("secret");
    }
    let place = lab(RUNBOOK);
    let contract = "adapters/vault-tool/contract.yaml";
    let text = std::fs::read_to_string(place.here().join(contract)).unwrap();
    place.write(
        contract,
        &text.replace("{ user: ada }", "{ user: ada, password: gr4nted }"),
    );
    place
        .run(&["check", "./x.yaml"])
        .exits(2)
        .says("an example shows none")
        .never_says("gr4nted");
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nparams:\n  token: { type: secret }\nsteps: [ { pause: 1s } ]\n",
    );
    place.write(contract, &text);
    place
        .run(&["run", "./x.yaml", "token=run:password-0123456789abcdef"])
        .exits(2);
}

const REVEALS: &str = "name: x\ntitle: X\nsteps:\n  - { id: grant, call: $VAULT_TOOL grant db }\n  - { id: type_it, manual: Type the password into the console., reveal: steps.grant.output.password }\n";

#[test]
fn a_person_at_the_terminal_sees_it_once_and_alone() {
    let place = lab(REVEALS);
    place
        .run(&["plan", "./x.yaml"])
        .exits(0)
        .says("shows steps.grant.output.password to that person alone");
    let mut pty = Pty::runbook(&place, &["run", "./x.yaml"]);
    pty.expect("r show it to you alone, once");
    pty.expect("> ");
    pty.send("r\n");
    pty.expect("\x1b[?1049h");
    pty.expect(SECRET);
    pty.expect("Any key takes it away.");
    pty.send(" ");
    pty.expect("\x1b[?1049l");
    pty.expect("> ");
    pty.send("r\n");
    pty.expect("it was shown once");
    pty.expect("> ");
    pty.send("d\n");
    pty.exits(0);
    assert_eq!(pty.shown().matches("T0ken").count(), 1);
    assert_eq!(holding(&place), [] as [PathBuf; 0]);
    assert!(!secrets(&place).exists());
}

#[test]
fn nobody_stands_in_for_whom_it_is_revealed_to() {
    let place = lab(REVEALS);
    for answer in [&["--yes"] as &[&str], &[], &["--answer", "type_it=done"]] {
        let ran = place.run(&[&["run", "./x.yaml"], answer].concat());
        assert!(matches!(ran.code, Some(77 | 2)), "{ran:?}");
        assert!(!place.state().join("runs").exists() || place.runs().is_empty());
    }
    place
        .run(&["run", "./x.yaml"])
        .exits(77)
        .says("step type_it needs a person")
        .says("run it from a terminal");
    place
        .run(&["run", "./x.yaml", "--answer", "type_it=skip"])
        .exits(0);
    assert!(!secrets(&place).exists());
}

#[test]
fn a_person_who_carries_the_call_out_types_no_secret() {
    let place = lab("name: x\ntitle: X\nsteps:\n  - { id: grant, call: $VAULT_TOOL grant db }\n");
    let file = std::fs::read_to_string(place.here().join("runbook.yaml")).unwrap();
    place.write("runbook.yaml", &file.replace("{ adapter: own }", "manual"));
    let mut pty = Pty::runbook(&place, &["run", "./x.yaml"]);
    pty.expect("Keep password to yourself");
    pty.expect("> ");
    pty.send("d {\"user\": \"ada\", \"password\": \"gr4nted-T0ken\"}\n");
    pty.exits(0);
    assert_eq!(holding(&place), [] as [PathBuf; 0]);
    let text = std::fs::read_to_string(place.journal()).unwrap();
    assert!(text.contains("is not kept: it is a secret"), "{text}");
}

#[test]
fn it_is_gone_from_the_screen_whatever_ends_the_question() {
    let place = lab(REVEALS);
    let mut pty = Pty::runbook(&place, &["run", "./x.yaml"]);
    pty.expect("> ");
    pty.line("r");
    pty.expect("Any key takes it away.");
    pty.signal(Signal::TERM);
    pty.expect("\x1b[2J\x1b[H\x1b[?1049l");
    pty.exits(75);
    // The run waits, and still has it for whoever resumes it.
    let mut pty = Pty::runbook(&place, &["resume"]);
    pty.expect("> ");
    pty.line("r");
    pty.expect(SECRET);
    pty.send("x");
    pty.expect("\x1b[?1049l");
    pty.expect("> ");
    pty.line("d");
    pty.exits(0);
    assert_eq!(holding(&place), [] as [PathBuf; 0]);
}

#[test]
fn what_cannot_be_wiped_is_named_at_the_end() {
    let place = lab(REVEALS);
    let mut pty = Pty::runbook(&place, &["run", "./x.yaml"]);
    pty.expect("> ");
    pty.line("p");
    pty.exits(75);
    let dir = secrets(&place);
    std::fs::create_dir(dir.join("in_the_way")).unwrap();
    let mut pty = Pty::runbook(&place, &["resume"]);
    pty.expect("> ");
    pty.line("d");
    pty.expect("Remains to be done");
    pty.expect("could not be wiped");
    pty.exits(0);
    // What could be, was.
    assert_eq!(holding(&place), [] as [PathBuf; 0]);
    let left: Vec<PathBuf> = dir.read_dir().unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(left, [dir.join("in_the_way")]);
}
