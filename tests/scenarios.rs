//! The shipped runbooks on the simulated production: each on its own scenario, and db-failover on
//! those that lead it down other branches.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use support::Place;

fn effects(place: &Place) -> Vec<String> {
    place
        .world()
        .log()
        .iter()
        .map(|entry| entry.operation.clone())
        .collect()
}

/// A step's last status, read from its records.
fn skipped(place: &Place, step: &str) -> bool {
    place
        .records()
        .iter()
        .any(|record| record["step"] == step && record["kind"] == "step_skipped")
}

#[test]
fn each_runbook_succeeds_on_its_own_scenario_and_its_journal_is_proven() {
    for runbook in [
        "db-failover",
        "api-rate-limit",
        "security-breach",
        "payment-failure",
    ] {
        let place = Place::new();
        place.run(&["run", runbook, "--yes"]).exits(0);
        place
            .run(&["audit", "verify", "last"])
            .exits(0)
            .says("proven");
    }
}

#[test]
fn a_dead_primary_is_fenced_before_a_replica_is_promoted() {
    let place = Place::new();
    let ran = place.run(&["run", "db-failover", "--yes"]);
    ran.exits(0).says("db-failover succeeded").says("SANDBOX");
    let effects = effects(&place);
    let at = |operation: &str| effects.iter().position(|done| done == operation);
    assert!(
        at("database.fence") < at("database.failover"),
        "{effects:?}"
    );
    assert!(at("database.fence").is_some());
    assert!(skipped(&place, "catch_up"));
}

#[test]
fn corrupt_data_is_never_restarted_and_the_summary_says_why() {
    let place = Place::new();
    let ran = place.run(&["run", "db-failover", "--yes", "--scenario", "db-corrupt"]);
    ran.exits(0)
        .says("Restart the primary: steps.act.answer is 'yes', steps.restart_safe.answer is 'no'");
    let effects = effects(&place);
    assert!(
        !effects.contains(&"database.restart".to_owned()),
        "{effects:?}"
    );
    assert!(
        effects.contains(&"database.failover".to_owned()),
        "{effects:?}"
    );
}

#[test]
fn a_lagging_replica_is_given_time_to_catch_up() {
    let place = Place::new();
    let ran = place.run(&[
        "run",
        "db-failover",
        "--yes",
        "--scenario",
        "replica-lagging",
    ]);
    ran.exits(0);
    assert!(!skipped(&place, "catch_up"));
    let polls = place.records();
    let waited = polls
        .iter()
        .filter(|record| record["step"] == "catch_up" && record["kind"] == "poll_seen")
        .count();
    assert!(waited >= 2, "not yet, then caught up: {waited}");
}

#[test]
fn another_seed_is_another_cause() {
    let place = Place::new();
    place
        .run(&["run", "db-failover", "--yes", "--seed", "2"])
        .exits(0);
    let effects = effects(&place);
    assert!(
        effects.contains(&"database.restart".to_owned()),
        "{effects:?}"
    );
    assert!(
        !effects.contains(&"database.failover".to_owned()),
        "{effects:?}"
    );
}

#[test]
fn where_nothing_is_wrong_nothing_is_changed() {
    for runbook in [
        "db-failover",
        "api-rate-limit",
        "security-breach",
        "payment-failure",
    ] {
        let place = Place::new();
        place
            .run(&["run", runbook, "--yes", "--scenario", "calm"])
            .exits(0);
        assert_eq!(effects(&place), Vec::<String>::new(), "{runbook}");
    }
}

#[test]
fn a_dry_run_shows_the_whole_plan_and_creates_nothing() {
    for runbook in [
        "db-failover",
        "api-rate-limit",
        "security-breach",
        "payment-failure",
        "verify-recovery",
    ] {
        let place = Place::new();
        let shown = place.run(&["run", runbook, "--dry-run"]);
        shown
            .exits(0)
            .says("SANDBOX")
            .says("Steps, one after another");
        assert!(!place.state().exists(), "{runbook} made a state directory");
        let planned = place.run(&["plan", runbook]);
        assert_eq!(planned.stdout, shown.stdout);
        let json = place.run(&["plan", runbook, "--json"]);
        let json: serde_json::Value = serde_json::from_str(&json.exits(0).stdout).unwrap();
        assert_eq!(json["version"], 1);
        assert!(!place.state().exists());
    }
}

#[test]
fn the_graph_is_drawn_in_every_format() {
    let place = Place::new();
    for (format, mark) in [
        ("text", "Promote the replica"),
        ("mermaid", "flowchart"),
        ("dot", "digraph"),
        ("svg", "<svg"),
    ] {
        let flag = format!("--graph={format}");
        place
            .run(&["show", "db-failover", &flag])
            .exits(0)
            .says(mark);
    }
}

#[test]
fn records_go_to_standard_output_as_they_stand_in_the_journal() {
    let place = Place::new();
    let ran = place.run(&["run", "verify-recovery", "--yes", "--json"]);
    let printed: Vec<&str> = ran
        .exits(0)
        .stdout
        .lines()
        .filter(|line| !line.contains("\"ephemeral\":true"))
        .collect();
    let journal = std::fs::read_to_string(place.journal()).unwrap();
    assert_eq!(printed, journal.lines().collect::<Vec<_>>());
    let shown = place.run(&["audit", "show", "last", "--json"]);
    assert_eq!(shown.exits(0).stdout.trim_end(), journal.trim_end());
}

#[test]
fn everything_that_ships_checks_clean() {
    let place = Place::new();
    place.run(&["check"]).exits(0).says("nothing wrong");
}

#[test]
fn a_run_is_listed_with_how_it_ended() {
    let place = Place::new();
    place.run(&["runs"]).exits(0);
    place.run(&["run", "verify-recovery", "--yes"]).exits(0);
    place
        .run(&["runs"])
        .exits(0)
        .says("succeeded")
        .says("verify-recovery-");
    place.run(&["resume"]).exits(0).says("nothing to resume");
}

#[test]
fn nobody_waits_for_a_poll_in_a_block_that_has_failed() {
    let place = Place::new();
    place.write(
        "x.yaml",
        "name: x\ntitle: X\nsteps:\n  - parallel: true\n    on_failure: continue\n    steps:\n      - { id: a, run: ['false'], effect: read }\n      - { id: b, call: $DATABASE_TOOL status, until: output.writable, within: 10m }\n",
    );
    place
        .run(&["run", "./x.yaml", "--scenario", "db-primary-down"])
        .exits(0);
    let ends: Vec<_> = place
        .records()
        .into_iter()
        .filter(|record| record["step"] == "b" && record["kind"] == "step_finished")
        .map(|record| record["data"]["outcome"].clone())
        .collect();
    assert_eq!(ends, ["cancelled"]);
}
