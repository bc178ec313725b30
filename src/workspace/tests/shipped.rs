//! What ships works as it ships.

use super::*;
use crate::model::ids::ToolName;
use crate::plan::Answers;

#[test]
fn the_shipped_runbooks_are_bound_in_the_sandbox() {
    let workspace = Desk::new().workspace();
    for name in [
        "db-failover",
        "api-rate-limit",
        "security-breach",
        "payment-failure",
        "verify-recovery",
    ] {
        let loaded = workspace.load_with_includes(name).unwrap();
        let said = loaded.diagnostics.render(false, 120);
        assert!(loaded.diagnostics.is_empty(), "{said}");
        let bound = workspace.bind(&loaded, None).unwrap();
        assert_eq!(bound.environment.as_str(), "sandbox");
        assert!(!bound.real);
        assert_eq!(bound.bindings.len(), loaded.uses().tools.len());
        for (tool, binding) in &bound.bindings {
            let Answers::Sandbox { operations } = &binding.answers else {
                panic!("{tool} is real");
            };
            assert!(!operations.is_empty());
        }
        let drill = workspace.bind_for_drill(&loaded).unwrap();
        assert_eq!(drill.bindings.len(), bound.bindings.len());
    }
}

#[test]
fn everything_that_ships_is_read_without_a_finding() {
    let workspace = Desk::new().workspace();
    for entry in workspace.entries() {
        assert!(entry.broken.is_none(), "{}: {:?}", entry.name, entry.broken);
    }
    let (contracts, found) = workspace.contracts();
    assert!(found.is_empty(), "{}", found.render(false, 120));
    for contract in contracts.values() {
        let (adapters, found) = workspace.adapters(contract);
        assert!(found.is_empty(), "{}", found.render(false, 120));
        assert!(!adapters.is_empty(), "{} has no adapter", contract.tool);
    }
    let (environments, found) = workspace.environments();
    assert!(environments.is_none() && found.is_empty());
}

#[test]
fn every_scenario_that_a_runbook_names_is_there() {
    let workspace = Desk::new().workspace();
    for entry in workspace.entries() {
        let Some(scenario) = entry.scenario else {
            continue;
        };
        let text = workspace.scenario_text(&scenario.parse().unwrap()).unwrap();
        assert!(!text.bytes.is_empty());
    }
    assert!(workspace.scenario_names().len() >= 5);
    // `adapters/sandbox` holds scenarios and is no tool.
    let sandbox: ToolName = "SANDBOX".parse().unwrap();
    assert!(!workspace.tool_names().contains(&sandbox));
}
