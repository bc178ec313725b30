//! Whole plans: where the policy's word reaches, and locks.

use indexmap::IndexMap;

use super::*;
use crate::plan::{Answers, Binding, BoundBy};
use crate::spec::environment::PolicyApprovals;
use crate::spec::{Diagnostics, contract, runbook};

const CONTRACT: &str = "
tool: BOX
title: A box
actions:
  look: { effect: read }
  wipe: { effect: destructive, args: { to: { positional: 1 } }, undo: { call: wipe, with: { to: '{{ args.to }}' } } }
";

/// The plan of a runbook, `name` and `title` left out of its text.
fn plan_of(text: &str, params: &[(&str, &str)], policy: Policy) -> Result<Plan, PlanError> {
    let mut found = Diagnostics::new();
    let text = format!("name: t\ntitle: T\n{text}");
    let runbook = runbook::read("t.yaml", text.as_bytes(), &mut found);
    let contract = contract::read("contract.yaml", CONTRACT.as_bytes(), &mut found);
    assert!(found.is_empty(), "{}", found.render(false, 100));
    let (runbook, contract) = (runbook.unwrap(), contract.unwrap());
    let binding = Binding {
        answers: Answers::Person,
        by: BoundBy::Sandbox,
    };
    let name = runbook.name.value.clone();
    build(Ingredients {
        runbook: &name,
        runbooks: &IndexMap::from([(name.clone(), (Arc::clone(&runbook.source), runbook.clone()))]),
        contracts: &IndexMap::from([(contract.tool.clone(), contract.clone())]),
        params: params
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).into()))
            .collect(),
        environment: "production".parse().unwrap(),
        real: true,
        bindings: IndexMap::from([("BOX".parse().unwrap(), binding)]),
        policy,
        announcement: None,
    })
}

#[test]
fn what_the_policy_demands_reaches_everything_that_can_lose_data() {
    let policy = Policy {
        gates: crate::spec::environment::Gates {
            change: GateRule::None.into(),
            destructive: GateNeeds {
                rule: GateRule::Challenge,
                approvals: Some(PolicyApprovals {
                    count: 2,
                    from: vec!["dba".parse().unwrap()],
                }),
            },
        },
        ..Policy::default()
    };
    let plan = plan_of(
        "\
steps:
  - { id: a, call: $BOX wipe x, gate: none, why: It is empty. }
  - { id: b, run: [rm, x], effect: destructive, gate: Sure? }
  - { id: c, run: [touch, x], effect: change, undo: { steps: [{ id: d, run: [rm, y], effect: destructive, gate: none, why: x }] } }
  - { id: e, steps: [{ id: f, call: $BOX wipe y, gate: { confirm: Go?, if: 'false' }, undo: none }] }
  - { id: g, call: $BOX look }
  - { id: h, manual: Look }
",
        &[],
        policy,
    )
    .unwrap();
    let asks: Vec<(&str, u32)> = plan
        .nodes
        .iter()
        .filter_map(|node| {
            let approvals = node.gate.as_ref()?.approvals.as_ref()?;
            assert_eq!(approvals.condition, None, "{}", node.path);
            Some((node.path.as_str(), approvals.count))
        })
        .collect();
    assert_eq!(
        asks,
        [("a", 2), ("undo/a", 2), ("b", 2), ("undo/c/d", 2), ("f", 2)]
    );
    let json = serde_json::to_string(&plan).unwrap();
    let back: Plan = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), json);
}

#[test]
fn a_plan_knows_its_lock_or_is_none() {
    let text = "lock: database/{{ params.cluster }}\nsteps:\n  - manual: Look\n";
    let locked = |cluster| plan_of(text, &[("cluster", cluster)], Policy::default());
    assert_eq!(
        locked("main").unwrap().lock.as_deref(),
        Some("production/database/main")
    );
    let refused = locked("a\u{7}").unwrap_err();
    assert_eq!(refused.at, "t: lock");
    assert!(refused.message.contains("cannot be seen"), "{refused}");
    let without = plan_of("steps:\n  - manual: Look\n", &[], Policy::default());
    assert_eq!(without.unwrap().lock, None);
}
