//! The page about policies: what its examples say is what this program reads, without a word against
//! them, and together they are a workspace that `check` and `plan` take as it is.
//!
//! A block marked `yaml` begins with a comment that says which file it is.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use runbook::spec::{Diagnostics, environment, runbook as definition};
use support::Place;

const PAGE: &str = include_str!("../docs/policy.md");

/// The page's examples: the file that each is, and its text.
fn examples() -> Vec<(String, String)> {
    let blocks = PAGE.split("\n```yaml\n").skip(1);
    let blocks = blocks.map(|rest| {
        let (text, _) = rest.split_once("\n```\n").unwrap();
        let path = text
            .lines()
            .next()
            .and_then(|first| first.strip_prefix("# "));
        let path = path.unwrap_or_else(|| panic!("a block does not say which file it is:\n{text}"));
        (path.to_owned(), format!("{text}\n"))
    });
    blocks.collect()
}

#[test]
fn every_example_of_the_page_is_read_without_a_word_against_it() {
    let mut environments = 0;
    let mut runbooks = 0;
    for (path, text) in examples() {
        let mut found = Diagnostics::new();
        if path == "runbook.yaml" {
            assert!(environment::read(&path, text.as_bytes(), &mut found).is_some());
            environments += 1;
        } else {
            assert!(definition::read(&path, text.as_bytes(), &mut found).is_some());
            runbooks += 1;
        }
        assert!(found.is_empty(), "{}", found.render(false, 120));
    }
    assert!(
        environments >= 4 && runbooks >= 1,
        "{environments} {runbooks}"
    );
}

#[test]
fn the_whole_policy_has_everybody_whom_the_shipped_runbooks_ask() {
    let place = Place::new();
    let examples = examples();
    let of = |path: &str| &examples.iter().find(|(other, _)| other == path).unwrap().1;
    place.write("runbook.yaml", of("runbook.yaml"));
    place.write("runbooks/promote.yaml", of("runbooks/promote.yaml"));
    let ran = place.run(&["check"]);
    ran.exits(2)
        .says("ops/allowed_signers cannot be used: there is no such file")
        .says("ops/revoked_keys cannot be used: there is no such file");
    place.write("ops/allowed_signers", "ana ssh-ed25519 AAAA\n");
    place.write("ops/revoked_keys", "");
    place.run(&["check"]).exits(0).says("nothing wrong");
}

#[test]
fn a_plan_shows_runbook_and_policy_together() {
    let place = Place::new();
    let examples = examples();
    let of = |path: &str| &examples.iter().find(|(other, _)| other == path).unwrap().1;
    let policy = of("runbook.yaml").replace("CHAT_TOOL", "DATABASE_TOOL");
    place.write("runbook.yaml", &policy);
    place.write("runbooks/promote.yaml", of("runbooks/promote.yaml"));
    place.write("ops/allowed_signers", "ana ssh-ed25519 AAAA\n");
    place.write("ops/revoked_keys", "");
    place
        .run(&["plan", "promote", "-e", "production"])
        .exits(0)
        .says("holds the lock production/database/main")
        .says("1 approval by somebody else of dba: ana, li, tomasz")
        .says("then sre-lead may approve too")
        .says("sre-lead (kim, ana) may go on without approvals");
    let ran = place.run(&["plan", "promote", "-e", "production", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let gate = &json["steps"][1]["gate"];
    assert_eq!(gate["approvals"]["from"], serde_json::json!(["dba"]));
    assert_eq!(gate["approvals"]["count"], 1);
    assert_eq!(
        gate["approvals"].get("if"),
        None,
        "the policy's word is unconditional"
    );
    assert_eq!(gate["expires"]["execute"], "10m");
    assert_eq!(json["lock"], "production/database/main");
    assert_eq!(json["break_glass"]["group"], "sre-lead");
    // Without a runbook.yaml nobody is in any group, which is said before anything begins.
    let bare = Place::new().var("DATABASE_TOOL", "dbctl");
    bare.write("runbooks/promote.yaml", of("runbooks/promote.yaml"));
    bare.run(&["plan", "promote"])
        .exits(0)
        .says("only if steps.replicas.output.freshest.lag > params.accept")
        .says("local has too few people to approve what failover may ask for");
}
