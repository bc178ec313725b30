//! Answers that were signed elsewhere.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::pty::Pty;
use crate::support::{Place, logged_in};

/// Somebody's key, and the file that says whose it is.
pub fn key(place: &Place) -> PathBuf {
    let key = place.here().join("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
        .arg(&key)
        .status()
        .unwrap();
    assert!(made.success());
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    place.write(
        "signers",
        &format!("li@example.org namespaces=\"approve@runbook\" {public}"),
    );
    key
}

/// What somebody far away sends back, having signed by hand what they were sent.
pub fn answered(place: &Place, key: &Path, request: &str) -> String {
    let code = request.split_whitespace().last().unwrap();
    let text = place.run(&[
        "approve",
        "--request",
        code,
        "--text",
        "--reason",
        "looks right",
    ]);
    text.exits(0);
    let ballot = place.write("ballot", &text.stdout);
    let _ = std::fs::remove_file(place.here().join("ballot.sig"));
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "approve@runbook", "-f"])
        .arg(key)
        .arg(&ballot)
        .status()
        .unwrap();
    assert!(signed.success());
    let signature = std::fs::read_to_string(place.here().join("ballot.sig")).unwrap();
    text.stdout.clone() + &signature
}

const SIGNED: &str = "name: x\ntitle: X\nsteps:\n  - id: mark\n    run: [touch, mark]\n    effect: change\n    gate: { confirm: Go?, approvals: { count: 1, from: [dba] } }\n";

/// A run in which somebody who logged in with this uid is asked.
fn begun(place: &Place, uid: u32) -> Pty {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runbook"));
    command.args(["run", "./x.yaml", "-e", "ops"]);
    place.surround(&mut command);
    command.env("TERM", "xterm");
    Pty::of(&match rustix::process::geteuid().is_root() {
        true => logged_in(uid, &command),
        false => command,
    })
}

const OPS: &str = "environments:\n  ops:\n    tools: {}\n    policy: { approvers: { dba: [li@example.org] }, allowed_signers: signers }\n";

#[test]
fn threat_49_a_signed_answer_counts_once_at_its_own_gate() {
    let place = Place::new();
    let key = key(&place);
    place.write("runbook.yaml", OPS);
    place.write("x.yaml", SIGNED);
    let begin = || {
        let mut session = begun(&place, 4241);
        session.expect("> ");
        session.line("y");
        session.expect("They may:    li@example.org");
        session.expect("> ");
        session
    };
    let mut first = begin();
    let id = place.run(&["runs", "--json"]).stdout;
    let id: serde_json::Value = serde_json::from_str(&id).unwrap();
    let id = id["runs"][0]["run"].as_str().unwrap().to_owned();
    let request = place.run(&["approve", &id, "--print-request"]);
    request.exits(0);
    let answer = answered(&place, &key, &request.stdout);
    let handed = place.write("answer", &answer);
    let handed = handed.to_str().unwrap();
    // One word of it changed, and it is nobody's.
    place.write("changed", &answer.replace("looks right", "looks fine"));
    place
        .run(&["approve", "--signed", "changed"])
        .exits(77)
        .says("one of the two was changed");
    place
        .run(&["decline", "--signed", handed])
        .exits(2)
        .says("the answer says `approve`");
    place.run(&["approve", "--signed", handed]).exits(0);
    first.expect("li@example.org");
    first.expect("audit verify");
    first.exits(0);
    // The gate is passed: the same words say nothing any more, here or elsewhere.
    place.run(&["approve", "--signed", handed]).exits(77);
    let mut second = begin();
    place.run(&["approve", "--signed", handed]).exits(77);
    let other: String = answer.replace(&id, &second_run(&place, &id));
    place.write("other", &other);
    place
        .run(&["approve", "--signed", "other"])
        .exits(77)
        .says("one of the two was changed");
    second.line("n");
    second.exits(77);
    place.run(&["audit", "verify"]).exits(0);
}

fn second_run(place: &Place, first: &str) -> String {
    let names = place.runs();
    let mut names = names
        .iter()
        .map(|run| run.file_name().unwrap().to_str().unwrap().to_owned());
    names.find(|name| name != first).unwrap()
}

#[test]
#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests is to know what they left out"
)]
fn threat_49_with_sudo_nobody_signs_what_they_started_themselves() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("left out: only root can be somebody who logged in as another");
        return;
    }
    let place = Place::new();
    let key = key(&place);
    // Whose account has no name goes by its number.
    let signers = std::fs::read_to_string(place.here().join("signers")).unwrap();
    place.write("signers", &signers.replace("li@", "4243@"));
    place.write("runbook.yaml", &OPS.replace("li@", "4243@"));
    place.write("x.yaml", SIGNED);
    let mut session = begun(&place, 4243);
    session.expect("> ");
    session.line("y");
    session.expect("1 more must approve");
    session.expect("> ");
    let request = place.run(&["approve", "last", "--print-request"]);
    request.exits(0);
    let answer = answered(&place, &key, &request.stdout);
    place.write("answer", &answer);
    place
        .run(&["approve", "--signed", "answer"])
        .exits(77)
        .says("you started this run yourself");
    assert!(!place.here().join("mark").exists());
    session.line("n");
    session.exits(77);
}

#[test]
#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests is to know what they left out"
)]
fn threat_49_whoever_is_root_without_a_login_needs_one_more() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("left out: only root can be nobody in particular");
        return;
    }
    let place = Place::new();
    key(&place);
    place.write("runbook.yaml", OPS);
    place.write("x.yaml", SIGNED);
    // The uid of who never logged in.
    let mut session = begun(&place, u32::MAX);
    session.expect("one more than usual");
    session.expect("> ");
    session.line("y");
    session.expect("2 more must approve");
    session.expect("> ");
    session.line("n");
    session.exits(77);
}
