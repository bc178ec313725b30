//! What was done without approvals, until somebody else has looked.

use std::path::PathBuf;

use crate::signed::{answered, key};
use crate::team::{ANA, LI, SAM, TEAM, Team, team};

/// Who hands in what others signed: `ssh-keygen` serves nobody without an account, and every machine
/// has this one.
const BRINGER: u32 = 1;

impl Team {
    /// An environment that is real, in which Ana may break the glass, and a step that leaves a mark.
    fn ops(&self, more: &str) {
        let state = self.place.state();
        self.place.write(
            "runbook.yaml",
            &format!(
                "state: {{ dir: '{}', group: '{TEAM}' }}\nenvironments:\n  ops:\n    tools: {{}}\n    policy:\n      approvers: {{ dba: ['{LI}', '{SAM}'], sre-lead: ['{ANA}'] }}\n      break_glass: {{ group: sre-lead, announce: incidents }}\n{more}",
                state.display()
            ),
        );
        // Whoever runs the step leaves the mark in the run's own directory.
        self.place.write(
            "x.yaml",
            "name: x\ntitle: X\nseverity: SEV-1\nsteps:\n  - id: mark\n    run: [touch, mark]\n    effect: change\n    gate: { confirm: Go?, approvals: { count: 1, from: [dba] } }\n",
        );
    }

    fn mark(&self) -> PathBuf {
        self.place.runs()[0].join("work/mark")
    }
}

#[test]
fn broken_glass_is_open_until_somebody_else_has_looked() {
    let Some(team) = team() else { return };
    team.ops("");
    let run = [
        "run",
        "./x.yaml",
        "-e",
        "ops",
        "--break-glass",
        "no DBA answers",
    ];
    // Who is not of the group begins nothing.
    team.run(LI, &run).exits(77).says("is not in `sre-lead`");
    assert!(team.place.runs().is_empty());
    let mut operator = team.at_terminal(ANA, &run);
    operator.expect("tell incidents yourself");
    operator.expect("the glass was broken: no DBA answers");
    operator.expect("> ");
    operator.line("y");
    operator.expect("audit verify");
    operator.exits(0);
    assert!(team.mark().exists());
    let id = team.id();
    let kinds = team.place.kinds();
    assert_eq!(
        kinds.iter().filter(|kind| *kind == "glass_broken").count(),
        1
    );
    let open = team.run(SAM, &["audit", "review"]);
    open.exits(12)
        .says("no DBA answers")
        .says("--sign-off break-glass");
    let sign = [
        "audit",
        "review",
        &id,
        "--sign-off",
        "break-glass",
        "--reason",
        "right so",
    ];
    team.run(ANA, &sign).exits(77).says("yourself");
    team.run(LI, &sign).exits(0).says("signed off");
    team.run(SAM, &["audit", "review"]).exits(0);
    team.run(SAM, &["audit", "review", "--json"])
        .exits(0)
        .says("\"open\": []");
    team.run(SAM, &["audit", "verify"]).exits(0);
    team.run(LI, &sign).exits(2).says("waits for no review");
}

#[test]
fn what_acts_before_its_approvals_owes_them() {
    let Some(team) = team() else { return };
    team.ops("      after_the_fact: [SEV-1]\n");
    let mut operator = team.at_terminal(ANA, &["run", "./x.yaml", "-e", "ops"]);
    operator.expect("> ");
    operator.line("y");
    operator.expect("audit verify");
    operator.exits(0);
    assert!(team.mark().exists());
    let id = team.id();
    let open = team.run(SAM, &["audit", "review", "--json"]);
    open.exits(12)
        .says("\"sign_off\": \"mark#1\"")
        .says("\"overdue\": false");
    let sign = [
        "audit",
        "review",
        &id,
        "--sign-off",
        "mark#1",
        "--reason",
        "seen",
    ];
    team.run(ANA, &sign).exits(77);
    team.run(SAM, &sign).exits(0);
    team.run(SAM, &["audit", "review", &id]).exits(0);
    team.run(SAM, &["audit", "verify"]).exits(0);
}

#[test]
fn threat_49_a_review_is_signed_off_from_elsewhere_by_signature() {
    let Some(team) = team() else { return };
    let key = key(&team.place);
    team.ops("      allowed_signers: signers\n      after_the_fact: [SEV-1]\n");
    let text = std::fs::read_to_string(team.place.here().join("runbook.yaml")).unwrap();
    let more = format!("['{LI}', '{SAM}'], sre");
    team.place.write(
        "runbook.yaml",
        &text.replace(&more, &format!("['{SAM}', li@example.org], sre")),
    );
    let mut begun = Vec::new();
    for more in [&[] as &[&str], &["--break-glass", "no DBA answers"]] {
        let run = [&["run", "./x.yaml", "-e", "ops"], more].concat();
        let mut operator = team.at_terminal(ANA, &run);
        operator.expect("> ");
        operator.line("y");
        operator.expect("audit verify");
        operator.exits(0);
        let mut runs: Vec<String> = team
            .place
            .runs()
            .iter()
            .map(|run| run.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        runs.retain(|run| !begun.contains(run));
        begun.append(&mut runs);
    }
    for (id, what) in begun.iter().zip(["mark#1", "break-glass"]) {
        let print = ["audit", "review", id, "--sign-off", what, "--print-request"];
        let request = team.run(SAM, &print);
        request.exits(0).says("runbook audit review --signed FILE");
        let answer = answered(&team.place, &key, &request.stdout);
        let hand_in = |answer: &str| {
            team.place.write("answer", answer);
            team.run(BRINGER, &["audit", "review", "--signed", "answer"])
        };
        // Another reason, a decline, or another run is not what was signed.
        for (signed, other) in [
            ("reason: looks right", "reason: all fine"),
            ("vote: approve", "vote: decline"),
            (
                id.as_str(),
                begun.iter().find(|other| *other != id).unwrap(),
            ),
        ] {
            let ran = hand_in(&answer.replace(signed, other));
            assert!(matches!(ran.code, Some(2 | 77)), "{other}: {ran:?}");
        }
        team.run(SAM, &["audit", "review", id]).exits(12);
        hand_in(&answer).exits(0).says("signed off");
        team.run(SAM, &["audit", "review", id]).exits(0);
        // It counts once.
        assert_ne!(hand_in(&answer).code, Some(0));
    }
    team.run(BRINGER, &["audit", "verify"])
        .exits(0)
        .says("1 signature");
}

#[test]
fn who_cannot_sign_off_here_cannot_by_signature_either() {
    let Some(team) = team() else { return };
    let key = key(&team.place);
    team.ops("      allowed_signers: signers\n");
    // The key is Ana's, who broke the glass.
    let signers = std::fs::read_to_string(team.place.here().join("signers")).unwrap();
    let signers = signers.replace("li@example.org", &ANA.to_string());
    team.place.write("signers", &signers);
    let mut operator = team.at_terminal(
        ANA,
        &[
            "run",
            "./x.yaml",
            "-e",
            "ops",
            "--break-glass",
            "no DBA answers",
        ],
    );
    operator.expect("> ");
    operator.line("y");
    operator.expect("audit verify");
    operator.exits(0);
    let id = team.id();
    let print = [
        "audit",
        "review",
        &id,
        "--sign-off",
        "break-glass",
        "--print-request",
    ];
    let request = team.run(SAM, &print);
    let answer = answered(&team.place, &key, &request.stdout);
    team.place.write("answer", &answer);
    team.run(BRINGER, &["audit", "review", "--signed", "answer"])
        .exits(77)
        .says("yourself");
    team.run(SAM, &["audit", "review", &id, "--sign-off", "break-glass"])
        .exits(2)
        .says("--reason WORDS");
}
