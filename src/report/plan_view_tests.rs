//! A plan as people read it, at several widths.

use super::*;
use crate::expr::Expression;
use crate::model::Duration;
use crate::model::gate::Expires;
use crate::model::ids::GroupName;
use crate::plan::PlannedApprovals;
use crate::report::plan_json;
use crate::report::testing;
use crate::spec::environment::{BreakGlass, Policy};

#[test]
fn a_plan_at_80_columns() {
    insta::assert_snapshot!(plan(&testing::plan(false), &Look::plain(80)));
}

#[test]
fn a_plan_at_200_columns() {
    insta::assert_snapshot!(plan(&testing::plan(true), &Look::plain(200)));
}

#[test]
fn a_plan_in_colour_says_the_same() {
    let plain = plan(&testing::plan(true), &Look::plain(80));
    let colored = plan(&testing::plan(true), &Look::plain(80).colored());
    assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
    insta::assert_snapshot!(format!("{:?}", colored.lines().take(4).collect::<Vec<_>>()));
}

#[test]
fn the_head_of_a_run_is_a_few_lines() {
    let sandbox = brief(&testing::plan(false), &Look::plain(80));
    let real = brief(&testing::plan(true), &Look::plain(80));
    insta::assert_snapshot!(format!("{sandbox}\n{real}"));
}

#[test]
fn a_plan_as_json() {
    let json = plan_json(&testing::plan(false));
    assert_eq!(json["version"], 1);
    insta::assert_snapshot!(serde_json::to_string_pretty(&json["steps"][3]).unwrap());
    assert_eq!(json["steps"].as_array().unwrap().len(), 8);
}

/// A plan whose failover asks others.
fn with_others(real: bool) -> Plan {
    let mut plan = testing::plan(real);
    let groups = |names: &[&str]| -> Vec<GroupName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    };
    let people = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
    plan.policy = Policy {
        approvers: [
            ("dba", people(&["ana@example.org", "li"])),
            ("sre-lead", people(&["kim"])),
        ]
        .into_iter()
        .map(|(group, people)| (group.parse().unwrap(), people))
        .collect(),
        break_glass: Some(BreakGlass {
            group: "sre-lead".parse().unwrap(),
            announce: Some("incidents".to_owned()),
        }),
        ..Policy::default()
    };
    plan.lock = Some("production/database/main".to_owned());
    let gate = plan
        .nodes
        .iter_mut()
        .find(|node| node.path == "failover")
        .and_then(|node| node.gate.as_mut())
        .unwrap();
    gate.approvals = Some(PlannedApprovals {
        count: 2,
        from: groups(&["dba", "sre-lead"]),
        exclude: people(&["li@db1"]),
        condition: Some(
            Expression::parse("steps.replicas.output.freshest.lag > duration('30s')").unwrap(),
        ),
    });
    gate.expires = Expires {
        approve: Some(Duration::from_secs(1800)),
        execute: Some(Duration::from_secs(600)),
        escalate: groups(&["cto"]),
    };
    plan
}

/// The part of a plan that is about one step.
fn about(text: &str, step: &str, lines: usize) -> String {
    let text = text.lines().skip_while(|line| !line.contains(step));
    text.take(lines).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_plan_says_whom_it_may_wait_for_and_what_it_holds() {
    let real = plan(&with_others(true), &Look::plain(100));
    insta::assert_snapshot!(format!(
        "{}\n…\n{}\n…\n{}",
        about(&real, "REAL", 3),
        about(&real, "Approvals by others", 3),
        about(&real, "Promote ", 16),
    ));
    insta::assert_snapshot!(brief(&with_others(true), &Look::plain(100)));
    let json = plan_json(&with_others(true));
    let step = json["steps"].as_array().unwrap().iter();
    let step = step.clone().find(|step| step["id"] == "failover").unwrap();
    insta::assert_snapshot!(
        serde_json::to_string_pretty(&serde_json::json!([
            json["lock"],
            json["break_glass"],
            step["gate"]["approvals"],
            step["gate"]["expires"]
        ]))
        .unwrap()
    );
}

#[test]
fn a_gate_that_nobody_gets_past_is_said_before_the_run() {
    let mut lonely = with_others(true);
    lonely.policy.approvers.clear();
    let text = plan(&lonely, &Look::plain(200));
    assert!(
        text.contains("too few people: nobody gets past this"),
        "{text}"
    );
    let text = brief(&lonely, &Look::plain(200));
    let said = "production has too few people to approve what failover may ask for";
    assert!(text.contains(said), "{text}");
    // In a rehearsal others are stood in for.
    let mut rehearsal = with_others(false);
    rehearsal.policy = Policy::default();
    let text = brief(&rehearsal, &Look::plain(200));
    assert!(!text.contains("too few"), "{text}");
    assert!(text.contains("1 gate may ask for approvals by others (dba, sre-lead)"));
    // At its severity the approvals may come later.
    let severity = lonely.severity.unwrap();
    lonely.policy.after_the_fact = vec![severity];
    let text = brief(&lonely, &Look::plain(200));
    assert!(!text.contains("too few"), "{text}");
    assert!(
        text.contains("up to 24 hours after a step has acted"),
        "{text}"
    );
}

#[test]
fn nothing_that_an_author_wrote_moves_the_cursor() {
    let mut evil = testing::plan(false);
    evil.title = "down\x1b[2J".to_owned();
    evil.description = Some("a\r\u{202e}b\u{9b}31m".to_owned());
    let text = plan(&evil, &Look::plain(80));
    assert!(
        text.chars()
            .all(|c| c == '\n' || !crate::model::text::is_unsafe(c))
    );
}
