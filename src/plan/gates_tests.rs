//! Runbook and policy taken together: a runbook can only tighten.

use super::*;
use crate::expr::Template;
use crate::model::Duration;
use crate::spec::source::{Span, Spanned};

fn spanned<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Span::default())
}

fn groups(names: &[&str]) -> Vec<GroupName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// What a policy demands: a rule, and how many of which groups.
fn demands(rule: GateRule, approvals: Option<(u32, &[&str])>) -> GateNeeds {
    GateNeeds {
        rule,
        approvals: approvals.map(|(count, from)| PolicyApprovals {
            count,
            from: groups(from),
        }),
    }
}

fn approvals(count: u32, from: &[&str], condition: Option<&str>) -> Approvals {
    Approvals {
        count,
        from: groups(from).into_iter().map(spanned).collect(),
        exclude: vec!["kim".parse().unwrap()],
        condition: condition.map(|text| spanned(Expression::parse(text).unwrap())),
    }
}

/// A gate of a runbook with these approvals.
fn gate(approvals: Option<Approvals>, condition: Option<&str>) -> Gate {
    Gate::Ask(Box::new(GateAsk {
        confirm: spanned(Template::parse("Go?").unwrap()),
        challenge: Some(spanned(Template::parse("main").unwrap())),
        show: Vec::new(),
        condition: condition.map(|text| spanned(Expression::parse(text).unwrap())),
        once: false,
        approvals,
        expires: Expires {
            approve: Some(Duration::from_secs(60)),
            execute: None,
            escalate: groups(&["sre", "cto"]),
        },
    }))
}

fn planned(needs: &GateNeeds, effect: Effect, gate: &Gate) -> PlannedGate {
    of_step(needs, effect, Some(gate)).unwrap().unwrap()
}

/// Count, groups and condition of what others are asked for.
fn asked(gate: PlannedGate) -> (u32, Vec<String>, Option<String>) {
    let approvals = gate.approvals.unwrap();
    (
        approvals.count,
        approvals.from.iter().map(ToString::to_string).collect(),
        approvals.condition.map(|c| c.source().to_owned()),
    )
}

fn of(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn what_the_policy_demands_holds_without_a_gate_and_against_gate_none() {
    let needs = demands(GateRule::Challenge, Some((2, &["dba"])));
    for gate in [None, Some(&Gate::None)] {
        let gate = of_step(&needs, Effect::Destructive, gate).unwrap().unwrap();
        assert_eq!(gate.by, GateBy::Policy);
        assert_eq!(gate.challenge, Some(Challenge::Target));
        assert!(gate.keep && gate.expires.is_never());
        assert_eq!(asked(gate), (2, of(&["dba"]), None));
    }
    let none = demands(GateRule::None, None);
    assert_eq!(of_step(&none, Effect::Destructive, None), Ok(None));
}

#[test]
fn the_stricter_of_both_is_asked() {
    let needs = demands(GateRule::Confirm, Some((2, &["dba", "sre"])));
    let with = |own: Approvals| planned(&needs, Effect::Change, &gate(Some(own), None));
    let fewer = with(approvals(1, &["sre", "cto", "sre"], Some("false")));
    assert_eq!(
        asked(fewer.clone()),
        (2, of(&["sre"]), None),
        "the policy's demand has no condition, and only what both name may approve"
    );
    assert_eq!(fewer.approvals.unwrap().exclude.len(), 1);
    let more = with(approvals(3, &["cto"], None));
    assert_eq!(
        asked(more),
        (3, of(&["dba", "sre"]), None),
        "with nobody in common the policy's word counts"
    );
    assert_eq!(asked(with(approvals(1, &[], None))).1, of(&["dba", "sre"]));
    let anybody = demands(GateRule::Confirm, Some((1, &[])));
    let named = gate(Some(approvals(1, &["cto"], None)), None);
    let named = planned(&anybody, Effect::Change, &named);
    assert_eq!(asked(named), (1, of(&["cto"]), None));
}

#[test]
fn a_runbook_that_asks_nobody_does_not_loosen_the_policy() {
    let needs = demands(GateRule::Confirm, Some((1, &["dba"])));
    let gate = planned(&needs, Effect::Change, &gate(None, Some("false")));
    assert_eq!(gate.condition, None, "its `if` would drop what is demanded");
    assert!(gate.keep);
    assert_eq!(asked(gate), (1, of(&["dba"]), None));
}

#[test]
fn what_the_runbook_alone_asks_for_keeps_its_conditions() {
    let none = demands(GateRule::None, None);
    let own = |condition| Some(approvals(1, &["dba"], condition));
    let ask = |needs: &GateNeeds, approvals: Option<Approvals>, condition| {
        planned(needs, Effect::Destructive, &gate(approvals, condition))
    };
    let plain = ask(&none, own(Some("params.a")), None);
    assert_eq!(plain.condition, None);
    assert_eq!(asked(plain).2.as_deref(), Some("params.a"));
    // The gate's own `if` drops the approvals as well, also where the policy keeps the challenge.
    let challenge = demands(GateRule::Challenge, None);
    let kept = ask(&challenge, own(None), Some("params.b"));
    assert_eq!(kept.condition, None);
    assert_eq!(asked(kept).2.as_deref(), Some("params.b"));
    let both = ask(
        &challenge,
        own(Some("params.a or params.c")),
        Some("params.b"),
    );
    let both = asked(both).2.unwrap();
    assert_eq!(both, "(params.b) and (params.a or params.c)");
}

#[test]
fn an_escalation_reaches_nobody_whom_the_policy_does_not_name() {
    let named = demands(GateRule::Confirm, Some((1, &["dba", "sre"])));
    let anybody = demands(GateRule::Confirm, Some((1, &[])));
    let none = demands(GateRule::None, None);
    let escalate = |needs: &GateNeeds| {
        let gate = gate(Some(approvals(1, &["dba"], None)), None);
        planned(needs, Effect::Change, &gate).expires
    };
    assert_eq!(escalate(&named).escalate, groups(&["sre"]));
    assert_eq!(escalate(&named).approve, Some(Duration::from_secs(60)));
    assert_eq!(escalate(&anybody).escalate, groups(&["sre", "cto"]));
    assert_eq!(escalate(&none).escalate, groups(&["sre", "cto"]));
}

#[test]
fn what_takes_a_step_back_asks_like_what_acts() {
    let needs = demands(GateRule::None, None);
    let gate = of_undo(&needs, Effect::Destructive).unwrap();
    assert_eq!((gate.challenge, gate.approvals), (None, None));
    assert_eq!(of_undo(&needs, Effect::Change), None);
    let needs = demands(GateRule::Challenge, Some((1, &["dba"])));
    let gate = of_undo(&needs, Effect::Destructive).unwrap();
    assert_eq!(gate.challenge, Some(Challenge::Target));
    assert_eq!(asked(gate), (1, of(&["dba"]), None));
}
