//! Broken glass, and whether anybody was told of it.

use std::os::unix::fs::PermissionsExt;

use crate::team::{ANA, LI, SAM, TEAM, Team, team};

const REASON: &str = "no DBA answers {{ params.x }}";
const BREAK: [&str; 6] = ["run", "./x.yaml", "-e", "ops", "--break-glass", REASON];

impl Team {
    /// An environment that is real, in which Ana may break the glass, and `incidents` is to be told
    /// by a chat that does this.
    fn chat(&self, bound: &str, does: &str) {
        let state = self.place.state();
        self.place.write(
            "runbook.yaml",
            &format!(
                "state: {{ dir: '{}', group: '{TEAM}' }}\nenvironments:\n  ops:\n    tools: {{ {bound} }}\n    policy:\n      gates: {{ change: confirm }}\n      approvers: {{ dba: ['{LI}', '{SAM}'], sre-lead: ['{ANA}'] }}\n      break_glass: {{ group: sre-lead, announce: incidents }}\n",
                state.display()
            ),
        );
        self.place.write(
            "x.yaml",
            "name: x\ntitle: X\nsteps:\n  - id: broken_glass_told\n    run: [touch, mark]\n    effect: change\n    gate: { confirm: Go?, approvals: { count: 1, from: [dba] } }\n",
        );
        let chat = self.place.write("chat", &format!("#!/bin/sh\n{does}\n"));
        std::fs::set_permissions(&chat, std::fs::Permissions::from_mode(0o755)).unwrap();
        let said = self.place.here().join("said");
        std::fs::create_dir_all(&said).unwrap();
        std::fs::set_permissions(&said, std::fs::Permissions::from_mode(0o777)).unwrap();
    }

    /// What the chat was told, a word a line.
    fn told(&self) -> Option<String> {
        std::fs::read_to_string(self.place.here().join("said/words")).ok()
    }

    fn bound_chat(&self) -> String {
        let chat = self.place.here().join("chat");
        format!("CHAT_TOOL: {{ command: ['{}'] }}", chat.display())
    }

    fn says_where(&self) -> String {
        let words = self.place.here().join("said/words");
        format!(
            "printf '%s\\n' \"$@\" >> {}; echo '{{\"channel\": \"incidents\", \"id\": \"1\"}}'",
            words.display()
        )
    }
}

#[test]
fn a_channel_is_told_first_who_broke_the_glass_and_why() {
    let Some(team) = team() else { return };
    team.chat(&team.bound_chat(), &team.says_where());
    let plan = team.run(
        ANA,
        &[
            "run",
            "./x.yaml",
            "-e",
            "ops",
            "--dry-run",
            "--break-glass",
            REASON,
        ],
    );
    plan.exits(0)
        .says("Tell incidents that the glass is broken")
        .says("$CHAT_TOOL post");
    let plan = [
        "plan",
        "./x.yaml",
        "-e",
        "ops",
        "--json",
        "--break-glass",
        REASON,
    ];
    let json: serde_json::Value =
        serde_json::from_str(&team.run(ANA, &plan).exits(0).stdout).unwrap();
    assert_eq!(json["steps"][0]["id"], "broken_glass_told_");
    assert!(
        json["steps"][0]
            .get("gate")
            .is_none_or(serde_json::Value::is_null)
    );
    // Who may not break it is shown no plan of it.
    team.run(LI, &plan).exits(77).says("is not in `sre-lead`");
    assert_eq!(team.told(), None);

    let mut operator = team.at_terminal(ANA, &BREAK);
    operator.expect("incidents is told of it first");
    // It stops at the gate of the runbook's step, and at none before it.
    let before = operator.expect("Go?");
    assert!(!before.contains("> "), "{before}");
    operator.expect("> ");
    operator.line("y");
    let rest = operator.expect("audit verify");
    assert!(!rest.contains("by hand"), "{rest}");
    operator.exits(0);
    let told = team.told().unwrap();
    let id = team.id();
    for text in [
        "--channel",
        "incidents",
        &ANA.to_string(),
        " runs x in ops without",
        "because: no DBA answers {{ params.x }}.",
        &id,
        "runbook audit review",
    ] {
        assert!(told.contains(text), "no {text} in {told}");
    }
    let started: Vec<String> = team
        .place
        .records()
        .iter()
        .filter(|record| record["kind"] == "step_started")
        .map(|record| record["step"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(started, ["broken_glass_told_", "broken_glass_told"]);
    team.run(SAM, &["audit", "review"])
        .exits(12)
        .never_says("by hand");
    team.run(SAM, &["audit", "verify"]).exits(0);
}

#[test]
fn a_chat_that_fails_holds_nobody_up_and_is_said_loudly() {
    let Some(team) = team() else { return };
    team.chat(&team.bound_chat(), "echo 'the chat is down' >&2; exit 1");
    let mut operator = team.at_terminal(ANA, &BREAK);
    operator.expect("NOBODY WAS TOLD");
    operator.expect("Go?");
    operator.expect("> ");
    operator.line("y");
    operator.expect("Remains to be done");
    operator.expect("tell incidents by hand");
    operator.rest();
    team.run(SAM, &["audit", "review"])
        .exits(12)
        .says("incidents is not known to have been told: tell it by hand");
    team.run(SAM, &["audit", "verify"]).exits(0);
}

#[test]
fn a_chat_that_nobody_answers_becomes_a_thing_to_do() {
    let Some(team) = team() else { return };
    for bound in ["", "CHAT_TOOL: manual"] {
        team.chat(bound, "");
        let mut operator = team.at_terminal(ANA, &BREAK);
        operator.expect("for no program answers for $CHAT_TOOL in ops");
        operator.expect("tell incidents yourself");
        operator.expect("> ");
        operator.line("y");
        operator.expect("Remains to be done");
        operator.expect("tell incidents by hand");
        operator.exits(0);
    }
    let review = team.run(SAM, &["audit", "review", "--json"]);
    review.exits(12).says("\"untold\": \"incidents\"");
}

#[test]
fn glass_that_is_broken_on_the_way_is_to_be_told_until_somebody_signs_it_off() {
    let Some(team) = team() else { return };
    team.chat(&team.bound_chat(), &team.says_where());
    let mut operator = team.at_terminal(ANA, &["run", "./x.yaml", "-e", "ops"]);
    operator.expect("> ");
    operator.line("y");
    operator.expect("more must approve");
    operator.expect("> ");
    operator.line("p");
    operator.exits(75);
    let id = team.id();
    let resume = ["resume", &id, "--break-glass", "no DBA answers"];
    let mut operator = team.at_terminal(ANA, &resume);
    operator.expect("the plan of a run that is under way does not change");
    operator.expect("tell incidents yourself");
    operator.expect("> ");
    operator.line("y");
    operator.expect("tell incidents by hand");
    operator.exits(0);
    assert_eq!(team.told(), None);
    team.run(SAM, &["audit", "review"])
        .exits(12)
        .says("tell it by hand");
    let sign = [
        "audit",
        "review",
        &id,
        "--sign-off",
        "break-glass",
        "--reason",
        "told them",
    ];
    team.run(LI, &sign).exits(0);
    team.run(SAM, &["audit", "review"])
        .exits(0)
        .never_says("by hand");
}
