//! Every rule about what answers a tool, and every way to break one.

use super::*;
use crate::model::ids::EnvironmentName;
use crate::plan::{Answers, BoundBy};
use crate::spec::environment::{GateRule, Policy, Unattended};
use crate::workspace::tests::{Desk, runbook};

const CALLS: &str =
    "  - call: $DATABASE_TOOL status\n  - call: $CHAT_TOOL post --channel x hello\n";
const CHANGES: &str = "  - run: [touch, x]\n    effect: change\n";
const LOOKS: &str = "  - run: [ls]\n    effect: read\n";

const PSQL: &str = "
adapter: psql
implements: DATABASE_TOOL
title: PostgreSQL
settings: { primary: { help: Connection string }, port: { type: integer, default: 5432 } }
actions:
  status: { command: [psql, '{{ settings.primary }}'] }
";

fn desk(steps: &str) -> Desk {
    // `status` of the shipped contract has fields; ours is smaller.
    let contract = "tool: DATABASE_TOOL\ntitle: Database\nactions:\n  status: { effect: read }\n  restart: { effect: change }\n";
    let sandbox = "adapter: sandbox\nimplements: DATABASE_TOOL\ntitle: x\nactions:\n  status: { simulate: database.status }\n";
    Desk::new()
        .team("runbooks/one.yaml", &runbook("one", steps))
        .team("adapters/database-tool/contract.yaml", contract)
        .team("adapters/database-tool/sandbox.yaml", sandbox)
        .team("adapters/database-tool/psql.yaml", PSQL)
}

/// A team's file with one environment that binds these.
fn production(tools: &str) -> String {
    format!(
        "environments:\n  production:\n    tools: {{ {tools} }}\n    policy: {{ unattended: allow }}\n"
    )
}

fn bind(desk: &Desk, environment: Option<&str>) -> Result<Bound, BindErrors> {
    let workspace = desk.workspace();
    let loaded = workspace.load_with_includes("one").unwrap();
    assert!(
        !loaded.diagnostics.has_errors(),
        "{}",
        loaded.diagnostics.render(false, 100)
    );
    let environment: Option<EnvironmentName> = environment.map(|name| name.parse().unwrap());
    workspace.bind(&loaded, environment.as_ref())
}

/// All that is said, one line an error, its help in brackets.
fn said(desk: &Desk, environment: Option<&str>) -> String {
    let failed = bind(desk, environment).unwrap_err();
    let mut lines: Vec<String> = failed
        .errors
        .iter()
        .map(|error| format!("{error} [{}]", error.help().join(" | ")))
        .collect();
    lines.push(failed.diagnostics.render(false, 100));
    lines.join("\n")
}

fn answers(bound: &Bound, tool: &str) -> (String, BoundBy) {
    let binding = &bound.bindings[&tool.parse::<crate::model::ids::ToolRef>().unwrap()];
    (binding.answers.name(), binding.by.clone())
}

fn command(bound: &Bound, tool: &str) -> Vec<String> {
    match &bound.bindings[&tool.parse::<crate::model::ids::ToolRef>().unwrap()].answers {
        Answers::Command { argv } => argv.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_any_file_the_environment_is_the_sandbox() {
    for environment in [None, Some("sandbox")] {
        let bound = bind(&desk(&format!("{CALLS}{LOOKS}")), environment).unwrap();
        assert_eq!(bound.environment.as_str(), "sandbox");
        assert!(!bound.real && bound.local_because.is_none());
        assert_eq!(bound.policy.unattended, Unattended::Allow);
        assert_eq!(bound.policy.gates.destructive.rule, GateRule::None);
        assert_eq!(
            answers(&bound, "CHAT_TOOL"),
            ("sandbox".to_owned(), BoundBy::Sandbox)
        );
    }
}

#[test]
fn a_variable_makes_the_run_local_and_real() {
    let desk = desk(CALLS)
        .var("DATABASE_TOOL", "dbctl --cluster 'main one'")
        .var("CHAT_TOOL", "chat")
        .var("DEPLOY_TOOL", "| not used");
    let bound = bind(&desk, None).unwrap();
    assert_eq!(bound.environment.as_str(), "local");
    assert!(bound.real);
    assert_eq!(bound.policy, Policy::default());
    assert_eq!(
        command(&bound, "DATABASE_TOOL"),
        ["dbctl", "--cluster", "main one"]
    );
    assert_eq!(answers(&bound, "CHAT_TOOL").1, BoundBy::Variable);
    assert!(
        matches!(bound.local_because, Some(LocalBecause::Variables(tools)) if tools.len() == 2)
    );
}

#[test]
fn an_empty_variable_is_not_set_and_one_of_another_tool_binds_nothing() {
    let desk = desk(CALLS)
        .var("DATABASE_TOOL", " ")
        .var("DEPLOY_TOOL", "deployctl");
    assert_eq!(bind(&desk, None).unwrap().environment.as_str(), "sandbox");
}

#[test]
fn the_pager_that_shows_text_is_no_tool() {
    let desk = desk("  - call: $PAGER page --who ana hello\n").var("PAGER", "less");
    assert_eq!(bind(&desk, None).unwrap().environment.as_str(), "sandbox");
    assert!(!said(&desk, Some("local")).contains("PAGER='"));
}

#[test]
fn in_local_the_simulated_production_never_answers() {
    let said = said(&desk(CALLS).var("DATABASE_TOOL", "dbctl"), None);
    assert!(
        said.starts_with("in local nothing answers for CHAT_TOOL; this run is real because the variable DATABASE_TOOL binds a tool to a command ["),
        "{said}"
    );
    assert!(
        said.contains("environments:\n  staging:\n    tools:\n      CHAT_TOOL: manual"),
        "{said}"
    );
    assert!(said.contains("run with `-e staging`"), "{said}");
    assert!(said.contains("CHAT_TOOL='PROGRAM WORDS'"), "{said}");
}

#[test]
fn a_sandbox_that_was_asked_for_is_never_silently_real() {
    let with_variable = desk(CALLS).var("DATABASE_TOOL", "dbctl");
    let said_of = said(&with_variable, Some("sandbox"));
    assert!(
        said_of.contains("the variable DATABASE_TOOL would bind"),
        "{said_of}"
    );
    assert!(said_of.contains("unset DATABASE_TOOL"), "{said_of}");
    assert!(said_of.contains("drop `-e sandbox`"), "{said_of}");
    let by_default = with_variable.team(
        "runbook.yaml",
        "default_environment: sandbox\nenvironments: {}\n",
    );
    let said_of = said(&by_default, None);
    assert!(
        said_of.contains("`default_environment: sandbox` says"),
        "{said_of}"
    );
    let said_of = said(&desk(CHANGES), Some("sandbox"));
    assert!(
        said_of.contains("a `run:` step of the runbook changes something real"),
        "{said_of}"
    );
}

#[test]
fn a_run_step_that_changes_something_is_real() {
    let bound = bind(&desk(CHANGES), None).unwrap();
    assert_eq!(bound.environment.as_str(), "local");
    assert!(bound.real && bound.bindings.is_empty());
    assert_eq!(bound.policy, Policy::default());
    assert_eq!(bound.local_because, Some(LocalBecause::RunSteps));
    let in_undo =
        "  - manual: Do it\n    undo: { steps: [ { run: [rm, x], effect: destructive } ] }\n";
    assert!(bind(&desk(in_undo), None).unwrap().real);
    let said = said(&desk(&format!("{CALLS}{CHANGES}")), None);
    assert!(
        said.contains(
            "nothing answers for DATABASE_TOOL, CHAT_TOOL; this run is real because a `run:` step"
        ),
        "{said}"
    );
}

#[test]
fn a_drill_touches_nothing_real_whatever_is_around() {
    let desk = desk(&format!("{CALLS}{CHANGES}")).var("DATABASE_TOOL", "dbctl");
    let workspace = desk.workspace();
    let loaded = workspace.load_with_includes("one").unwrap();
    let bound = workspace.bind_for_drill(&loaded).unwrap();
    assert!(!bound.real);
    assert_eq!(answers(&bound, "DATABASE_TOOL").0, "sandbox");
}

#[test]
fn an_environment_binds_adapters_commands_and_persons() {
    let steps =
        format!("{CALLS}  - call: $DATABASE_TOOL@old status\n  - call: $DEPLOY_TOOL status\n");
    let file = production(
        "DATABASE_TOOL: { adapter: psql, with: { primary: host=a } }, DATABASE_TOOL@old: { command: [olddb, -x] }, CHAT_TOOL: manual",
    );
    let desk = desk(&steps)
        .team("runbook.yaml", &file)
        .var("DEPLOY_TOOL", "deployctl");
    let bound = bind(&desk, Some("production")).unwrap();
    let by = BoundBy::Environment("production".parse().unwrap());
    assert!(bound.real);
    assert_eq!(bound.policy.unattended, Unattended::Allow);
    assert_eq!(
        answers(&bound, "CHAT_TOOL"),
        ("person".to_owned(), by.clone())
    );
    assert_eq!(command(&bound, "DATABASE_TOOL@old"), ["olddb", "-x"]);
    assert_eq!(
        answers(&bound, "DEPLOY_TOOL"),
        ("deployctl".to_owned(), BoundBy::Variable)
    );
    let database = &bound.bindings[&"DATABASE_TOOL"
        .parse::<crate::model::ids::ToolRef>()
        .unwrap()];
    let Answers::Adapter { settings, .. } = &database.answers else {
        panic!("{database:?}");
    };
    assert_eq!(
        settings["port"],
        crate::model::Value::Int(5432),
        "defaults are there"
    );
}

#[test]
fn the_default_environment_is_the_teams() {
    let file = production("DATABASE_TOOL: manual, CHAT_TOOL: manual");
    let file = format!("default_environment: production\n{file}");
    let desk = desk(CALLS).team("runbook.yaml", &file);
    assert_eq!(
        bind(&desk, None).unwrap().environment.as_str(),
        "production"
    );
    assert_eq!(
        bind(&desk, Some("sandbox")).unwrap().environment.as_str(),
        "sandbox"
    );
}

#[test]
fn an_unknown_environment_has_its_nearest() {
    let desk = desk(CALLS).team("runbook.yaml", &production(""));
    let said = said(&desk, Some("prodution"));
    assert!(
        said.contains("there is no environment `prodution` [did you mean `production`?"),
        "{said}"
    );
    assert!(
        said.contains("the environments are production, sandbox"),
        "{said}"
    );
}

#[test]
fn what_nothing_binds_is_listed_with_what_to_write() {
    let desk = desk(CALLS).team("runbook.yaml", &production(""));
    let said = said(&desk, Some("production"));
    assert!(
        said.contains("in production nothing answers for DATABASE_TOOL, CHAT_TOOL ["),
        "{said}"
    );
    assert!(
        said.contains("write in runbook.yaml:\nenvironments:\n  production:\n    tools:\n      DATABASE_TOOL: manual  # or { adapter: "),
        "{said}"
    );
    // The team's own adapter stands among those that ship.
    assert!(said.contains("{ adapter: psql }, "), "{said}");
    assert!(
        said.contains("{ command: [PROGRAM] }\n      CHAT_TOOL:     manual"),
        "{said}"
    );
}

#[test]
fn a_variable_that_contradicts_the_file_is_an_error() {
    let file = production("DATABASE_TOOL: { command: [dbctl, -v] }, CHAT_TOOL: manual");
    let contradicting = desk(CALLS)
        .team("runbook.yaml", &file)
        .var("DATABASE_TOOL", "dbctl");
    let said = said(&contradicting, Some("production"));
    assert!(
        said.contains("both the variable DATABASE_TOOL and runbook.yaml"),
        "{said}"
    );
    let agreeing = desk(CALLS)
        .team("runbook.yaml", &file)
        .var("DATABASE_TOOL", "dbctl  -v");
    assert!(bind(&agreeing, Some("production")).is_ok());
}

/// A tool for which nothing ships.
const LAMP: &str = "tool: LAMP\ntitle: Lamp\nactions:\n  status: { title: Look, effect: read }\n";

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let tools = "DATABASE_TOOL: { adapter: psq }, CHAT_TOOL: { adapter: sandbox }, LAMP: { adapter: nothing }";
    let steps = format!(
        "{CALLS}  - call: $LAMP status\n  - call: $PAGER page --who ana hello\n  - call: $FIREWALL status\n"
    );
    let desk = desk(&steps)
        .team("runbook.yaml", &production(tools))
        .team("adapters/lamp/contract.yaml", LAMP)
        .var("FIREWALL", "fw | tee");
    let said = said(&desk, Some("production"));
    for part in [
        "DATABASE_TOOL has no adapter `psq` [did you mean `psql`? | there are ",
        "environment production binds CHAT_TOOL to `sandbox`, but the simulated production never answers",
        "LAMP has no adapter `nothing` [there is none yet: write adapters/lamp/nothing.yaml",
        "nothing answers for PAGER",
        "the variable FIREWALL is no command: no shell reads it, so `|` has no meaning in it",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
}

#[test]
fn an_adapter_must_fit_its_settings_and_what_the_runbook_uses() {
    let steps = format!("{CALLS}  - call: $DATABASE_TOOL restart\n");
    let tools = "DATABASE_TOOL: { adapter: psql, with: { prt: 1 } }, CHAT_TOOL: manual";
    let desk = desk(&steps).team("runbook.yaml", &production(tools));
    let said_of = said(&desk, Some("production"));
    assert!(
        said_of.contains(
            "the adapter `psql` of DATABASE_TOOL does not do what the runbook uses: restart"
        ),
        "{said_of}"
    );
    assert!(said_of.contains("needs the setting `primary`"), "{said_of}");
    assert!(said_of.contains("did you mean `port`?"), "{said_of}");
    let said_of = said(&desk, Some("sandbox"));
    assert!(
        said_of.contains(
            "the adapter `sandbox` of DATABASE_TOOL does not do what the runbook uses: restart"
        ),
        "{said_of}"
    );
}

#[test]
fn what_takes_a_step_back_is_used_too_unless_the_runbook_says_otherwise() {
    let contract = "tool: OUR_TOOL\ntitle: Ours\nactions: { open: { effect: change, undo: { call: close } }, close: { effect: change } }\n";
    let sandbox = "adapter: sandbox\nimplements: OUR_TOOL\ntitle: x\nactions: { open: { simulate: x.open } }\n";
    let with = |steps: &str| {
        desk(steps)
            .team("adapters/our-tool/contract.yaml", contract)
            .team("adapters/our-tool/sandbox.yaml", sandbox)
    };
    let said = said(&with("  - call: $OUR_TOOL open\n"), None);
    assert!(
        said.contains("does not do what the runbook uses: close"),
        "{said}"
    );
    assert!(bind(&with("  - call: $OUR_TOOL open\n    undo: none\n"), None).is_ok());
}

#[test]
fn simulated_and_real_are_never_mixed_in_one_adapter() {
    let mixed = PSQL.replace(
        "status: { command: [psql, '{{ settings.primary }}'] }",
        "status: { simulate: database.status }",
    );
    let tools = "DATABASE_TOOL: { adapter: psql, with: { primary: x } }, CHAT_TOOL: manual";
    let desk = desk(CALLS)
        .team("adapters/database-tool/psql.yaml", &mixed)
        .team("runbook.yaml", &production(tools));
    let said_of = said(&desk, Some("production"));
    assert!(said_of.contains("only simulates status"), "{said_of}");
    let real = "adapter: sandbox\nimplements: DATABASE_TOOL\ntitle: x\nactions:\n  status: { command: [rm] }\n";
    let desk = desk.team("adapters/database-tool/sandbox.yaml", real);
    let said_of = said(&desk, Some("sandbox"));
    assert!(
        said_of.contains("starts programs for status, but in the sandbox nothing real is touched"),
        "{said_of}"
    );
}

#[test]
fn a_tool_that_the_sandbox_does_not_know_says_what_to_write() {
    let contract = "tool: OUR_TOOL\ntitle: Ours\nactions: { look: { effect: read } }\n";
    let desk = desk("  - call: $OUR_TOOL look\n").team("adapters/our-tool/contract.yaml", contract);
    let said = said(&desk, None);
    assert!(said.contains("the simulated production knows nothing of OUR_TOOL [write adapters/our-tool/sandbox.yaml"), "{said}");
}

#[test]
fn a_broken_file_of_environments_stops_every_run() {
    let desk = desk(CALLS).team("runbook.yaml", "environmnts: {}\n");
    let said = said(&desk, None);
    assert!(said.contains("runbook.yaml:1"), "{said}");
}

#[test]
fn every_error_says_what_to_do() {
    let desk = desk(CALLS).team(
        "runbook.yaml",
        &production("CHAT_TOOL: { adapter: sandbox }"),
    );
    for error in bind(&desk, Some("production")).unwrap_err().errors {
        assert!(!error.help().is_empty(), "{error}");
    }
}
