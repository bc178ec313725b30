//! Runbooks that are wrong, and what is said of them.

mod approvals;
mod includes;
mod mutilated;
mod scope;

use std::path::Path;

use indexmap::IndexMap;

use super::*;
use crate::model::ids::{RunbookName, ToolName};
use crate::spec::contract::{self, Contract};
use crate::spec::runbook;
use crate::spec::step::Runbook;
use crate::spec::{Diagnostic, Diagnostics};

fn shipped_contracts() -> IndexMap<ToolName, Contract> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("adapters");
    let mut found = Diagnostics::new();
    let mut contracts = IndexMap::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path().join("contract.yaml");
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        if let Some(contract) = contract::read(&path.to_string_lossy(), &bytes, &mut found) {
            contracts.insert(contract.tool.clone(), contract);
        }
    }
    assert!(found.is_empty(), "{}", found.render(false, 120));
    contracts.sort_unstable_keys();
    contracts
}

fn library(files: &[(&str, &str)]) -> IndexMap<RunbookName, Runbook> {
    let mut found = Diagnostics::new();
    let runbooks = files
        .iter()
        .filter_map(|(name, text)| {
            runbook::read(&format!("{name}.yaml"), text.as_bytes(), &mut found)
        })
        .map(|runbook| (runbook.name.value.clone(), runbook))
        .collect();
    assert!(found.is_empty(), "{}", found.render(false, 120));
    runbooks
}

fn checked(files: &[(&str, &str)]) -> Diagnostics {
    let runbooks = library(files);
    let contracts = shipped_contracts();
    check(
        &files[0].0.parse().unwrap(),
        &Library::new(&runbooks, &contracts),
    )
}

/// What is said of a runbook with these steps, the first of which stands in line 4: place, what
/// is underlined, message, help.
fn steps(text: &str) -> String {
    file(&format!("name: t\ntitle: T\nsteps:\n{text}"))
}

fn file(text: &str) -> String {
    let line = |d: &&Diagnostic| {
        let place = d.source.position(d.span().map_or(0, |span| span.start));
        let under = d.source.slice(d.span().unwrap_or_default());
        let under = under.lines().next().unwrap_or_default();
        let help: String = d.help.iter().map(|help| format!(" ({help})")).collect();
        format!(
            "{}:{} [{under}] {}{help}",
            place.line, place.column, d.message
        )
    };
    let found = checked(&[("t", text)]);
    let lines: Vec<String> = found.sorted().iter().map(line).collect();
    lines.join("\n")
}

#[test]
fn shipped_runbooks_mean_something() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            files.push((stem, std::fs::read_to_string(&path).unwrap()));
        }
    }
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(stem, text)| (stem.as_str(), text.as_str()))
        .collect();
    let (runbooks, contracts) = (library(&files), shipped_contracts());
    let library = Library::new(&runbooks, &contracts);
    let mut found = Diagnostics::new();
    for runbook in runbooks.values() {
        found.merge(check_alone(runbook, &library));
    }
    assert!(runbooks.len() >= 5);
    assert!(found.is_empty(), "{}", found.render(false, 120));
}

#[test]
fn tools_and_arguments_must_be_there() {
    insta::assert_snapshot!(steps(
        r#"  - call: $DATABAS_TOOL status
  - call: $DATABASE_TOOL stauts
  - call: $CHAT_TOOL post hello
  - call: $ORCHESTRATOR scale --replicas={{ run.started }}
  - call: $FEATURE_FLAG_TOOL status {{ ['a', 'b'] }}
  - call: $FEATURE_FLAG_TOOL status
    with: { names: "{{ ['a', 'b'] }}", environment: "{{ [run.environment] }}" }
  - call: $ZZZ status
  - call: $METRICS_TOOL watch
    with: { duration: soon, max-error-percent: "{{ params.x }}" }
"#
    ), @r#"
    4:11 [$DATABAS_TOOL] there is no tool $DATABAS_TOOL (did you mean `$DATABASE_TOOL`?)
    5:26 [stauts] $DATABASE_TOOL has no action `stauts` (did you mean `status`?) (its actions are status, replica-status, backup-status, write-check, query, execute, restart, fence, unfence, failover, rejoin)
    6:11 [$CHAT_TOOL] `$CHAT_TOOL post` needs the argument `channel`: Which channel (add --channel=…)
    7:31 [--replicas={{ run.started }}] the argument `replicas` of `$ORCHESTRATOR scale` is an integer, and this is a time
    8:37 [{{ ['a', 'b'] }}] the argument `names` of `$FEATURE_FLAG_TOOL status` is a string, and this is a list of string (a word is one value: write `with: { names: … }`)
    10:53 ["{{ [run.environment] }}"] the argument `environment` of `$FEATURE_FLAG_TOOL status` is a string, and this is a list of string
    11:11 [$ZZZ] there is no tool $ZZZ (the tools are $API_GATEWAY, $CHAT_TOOL, $CLOUD_PROVIDER, $CONFIG_TOOL, $DATABASE_TOOL, $DEPLOY_TOOL, $FEATURE_FLAG_TOOL, $FIREWALL, $HEALTH_CHECK, $LOAD_BALANCER, $LOGGING_TOOL, $METRICS_TOOL, $ORCHESTRATOR, $PAGER, $PAYMENT_PROVIDER, $SERVICE_MESH, $STATUS_PAGE, $SUPPORT_TOOL, $TEST_RUNNER, $TICKET_TOOL, $VCS_TOOL)
    13:23 [soon] the argument `duration` of `$METRICS_TOOL watch`: `soon` is not a duration; write for example 30s, 5m, 1h 30m or 2d
    13:52 [params.x] there is no parameter `x`
    "#);
}

#[test]
fn effects_are_raised_and_never_lowered() {
    insta::assert_snapshot!(steps(
        r#"  - call: $DATABASE_TOOL restart
    effect: change
  - title: Restart it.
    call: $DATABASE_TOOL restart
  - call: $DATABASE_TOOL query "select 1"
    effect: destructive
  - run: [rm, x]
    effect: destructive
  - call: $DATABASE_TOOL restart
    gate: none
    why: It is down already.
  - call: $DATABASE_TOOL failover
    gate: Promote it?
    undo: $DATABASE_TOOL unfence db-1
  - call: $ORCHESTRATOR restart
    until: output.ready > 0
    within: 5m
  - run: [probe]
    effect: change
    until: output.exit == 0
    within: 5m
"#
    ), @r#"
    4:11 [$DATABASE_TOOL] a destructive step needs a gate (add `gate: Restart the primary?`) (or `gate: none`, with a `why` that says why nobody needs to be asked)
    5:13 [change] the contract says destructive: a step may raise the effect, never lower it (remove `effect`)
    7:11 [$DATABASE_TOOL] a destructive step needs a gate (add `gate: Restart it?`) (or `gate: none`, with a `why` that says why nobody needs to be asked)
    8:11 [$DATABASE_TOOL] a destructive step needs a gate (add `gate: Read rows?`) (or `gate: none`, with a `why` that says why nobody needs to be asked)
    11:13 [destructive] a destructive step needs a gate (add `gate: Do this?`) (or `gate: none`, with a `why` that says why nobody needs to be asked)
    17:11 [$DATABASE_TOOL unfence db-1] the contract says that nothing takes this back (write `undo: barrier`, or `undo: none`)
    19:12 [output.ready > 0] `until` looks again and again, and this does not only read: its effect is change (act in one step, and wait in the next with an action that reads)
    23:12 [output.exit == 0] `until` looks again and again, and this does not only read: its effect is change (act in one step, and wait in the next with an action that reads)
    "#);
}

fn rendered(files: &[(&str, &str)]) -> String {
    checked(files).render(false, 100)
}

#[test]
fn a_file_that_is_broken_is_not_said_to_be_missing() {
    let text = "name: t\ntitle: T\nsteps:\n  - runbook: x\n  - call: $DATABASE_TOOL status\n";
    let (runbooks, contracts) = (library(&[("t", text)]), IndexMap::new());
    let (broken, tools) = (["x".parse().unwrap()], ["DATABASE_TOOL".parse().unwrap()]);
    let library = Library::new(&runbooks, &contracts).with_broken(&broken, &tools);
    let found = check(&"t".parse().unwrap(), &library);
    let said: Vec<&str> = found.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "the runbook `x` has errors of its own",
            "the contract of $DATABASE_TOOL has errors of its own"
        ]
    );
}

/// Bad input of every kind, as it is shown: the threat list's rows 15, 20 and 25.

#[test]
fn bad_input_is_shown_with_its_line() {
    let read = |text: &str| {
        let mut found = Diagnostics::new();
        assert!(runbook::read("t.yaml", text.as_bytes(), &mut found).is_none());
        found.render(false, 100)
    };
    insta::assert_snapshot!(read("name: t\ntitle: T\ntitle: U\nsteps: [{ manual: x }]\n"), @r#"
    error[doubled-key]: the key `title` is there twice
     --> t.yaml:3:1
      |
    2 | title: T
      | ----- first here
    3 | title: U
      | ^^^^^ again here
    "#);
    insta::assert_snapshot!(read("name: t\ntitle: T\nsteps:\n\t- manual: x\n"), @r#"
    error[yaml-syntax]: a tab stands where spaces belong
     --> t.yaml:4:2
      |
    4 |     - manual: x
      |     ^
      |
      = help: replace it by spaces
    "#);
    insta::assert_snapshot!(read("name: t\ntitle: T\nsteps:\n  - manual: \"Delete \u{202e}nothing\"\n"), @r#"
    error[unsafe-character]: \u{202e} is not allowed: characters that reorder text can hide what is written
     --> t.yaml:4:21
      |
    4 |   - manual: "Delete \u{202e}nothing"
      |                     ^^^^^^^^
      |
      = help: remove it
    "#);
    insta::assert_snapshot!(rendered(&[("t", "name: t\ntitle: T\nsteps:\n  - id: a\n    if: steps.b.status == 'failed'\n    manual: x\n  - id: b\n    if: false\n    manual: y\n")]), @r#"
    error[expression]: step `b` comes later (line 7)
     --> t.yaml:5:9
      |
    5 |     if: steps.b.status == 'failed'
      |         ^^^^^^^^^^^^^^
    6 |
    7 |   - id: b
      |         - it stands here
      |
      = help: a step sees what stands above it

    warning[unreachable]: this is never true, so the step is never done
     --> t.yaml:8:9
      |
    8 |     if: false
      |         ^^^^^
      |
      = help: remove the step
    "#);
}

/// Each key that steps have stands in the example, so that the format and its reader stay one.

#[test]
fn the_example_has_every_key_and_is_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let example = std::fs::read_to_string(root.join("tests/data/every-key.yaml")).unwrap();
    let verify = std::fs::read_to_string(root.join("runbooks/verify-recovery.yaml")).unwrap();
    let found = checked(&[("every-key", &example), ("verify-recovery", &verify)]);
    assert!(found.is_empty(), "{}", found.render(false, 120));
    // No tool that ships gives out a secret: `tests/issued.rs` has a step that reveals one.
    for key in runbook::step_keys().filter(|key| *key != "reveal") {
        let written = |before: &str| example.contains(&format!("{before}{key}:"));
        assert!(written(" ") || written("- ") || written("{ "), "{key}");
    }
}
