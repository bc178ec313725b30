//! `runbook.yaml`, good and bad.

use super::*;
use crate::model::Effect;
use crate::spec::Diagnostics;

const GOOD: &str = r#"
default_environment: staging
environments:
  staging:
    tools:
      DATABASE_TOOL: { adapter: patroni, with: { config: /etc/patroni.yml, port: 012 } }
      DATABASE_TOOL@old: { adapter: postgres }
      DEPLOY_TOOL: { command: [deployctl, --fast] }
      CHAT_TOOL: manual
    policy: { unattended: allow, gates: { change: none, destructive: confirm } }
  production:
    tools: {}
"#;

fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(GOOD.contains(from), "{from}");
    let mut found = Diagnostics::new();
    let file = read(
        "runbook.yaml",
        GOOD.replace(from, to).as_bytes(),
        &mut found,
    );
    assert_eq!(file.is_none(), found.has_errors());
    let said = |d: &&crate::spec::Diagnostic| {
        let place = d.source.position(d.span().unwrap().start);
        let help: String = d.help.iter().map(|help| format!(" ({help})")).collect();
        format!("{}:{} {}{help}", place.line, place.column, d.message)
    };
    found.sorted().iter().map(said).collect()
}

#[test]
fn environments_are_read_and_survive_a_plan() {
    let mut found = Diagnostics::new();
    let file = read("runbook.yaml", GOOD.as_bytes(), &mut found);
    assert!(found.is_empty(), "{}", found.render(false, 100));
    let file = file.unwrap();
    let staging = &file.environments["staging"];
    assert_eq!(staging.tools[0].value, {
        let ToolBinding::Adapter { adapter, with } = staging.tools[0].value.clone() else {
            panic!("no adapter");
        };
        assert_eq!(
            with["port"].value.to_string(),
            "012",
            "not read before its type is known"
        );
        ToolBinding::Adapter { adapter, with }
    });
    assert_eq!(staging.tools[3].value, ToolBinding::Manual);
    assert_eq!(staging.policy.gates.of(Effect::Change).rule, GateRule::None);
    let strict = &file.environments["production"].policy;
    assert_eq!(strict.unattended, Unattended::Deny);
    assert_eq!(strict.gates.of(Effect::Read).rule, GateRule::None);
    assert_eq!(strict.gates.of(Effect::Change).rule, GateRule::Confirm);
    assert_eq!(
        strict.gates.of(Effect::Destructive).rule,
        GateRule::Challenge
    );
    let json = serde_json::to_string(&file).unwrap();
    let back: Environments = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), json);
}

#[test]
fn what_is_not_there_yet_is_never_ignored() {
    for later in ["severities", "roles", "escalation", "update_every"] {
        let found = changed(
            "default_environment",
            &format!("{later}: x\ndefault_environment"),
        );
        assert_eq!(found.len(), 1);
        assert!(
            found[0].contains("is not available in this version (remove it"),
            "{found:?}"
        );
    }
    let found = changed("unattended: allow", "anchor: { git: refs/x }");
    assert_eq!(
        found,
        [
            "10:15 `anchor` is not available in this version (remove it; keep a copy of the journal's head elsewhere yourself)"
        ]
    );
    for secret in ["env:X", "file:/run/x", "{ command: [pass, x] }"] {
        let found = changed("/etc/patroni.yml", &format!("{{ secret: {secret} }}"));
        assert!(found.is_empty(), "{found:?}");
    }
    for secret in [
        "hunter2hunter2",
        "env:9",
        "file:x",
        "{ command: [] }",
        "[x]",
    ] {
        let found = changed("/etc/patroni.yml", &format!("{{ secret: {secret} }}"));
        assert!(
            found[0].contains("(write `{ secret: env:NAME }`"),
            "{found:?}"
        );
        assert!(!found[0].contains("hunter2"), "{found:?}");
    }
}

#[test]
fn bindings_and_names_are_checked() {
    assert_eq!(
        changed("production:", "sandbox:"),
        [
            "11:3 `sandbox` is built in (the simulated production) and cannot be defined (choose another name)"
        ]
    );
    assert_eq!(changed("production:", "local:").len(), 1);
    assert_eq!(
        changed(
            "default_environment: staging",
            "default_environment: stagin"
        ),
        ["2:22 there is no environment `stagin` (did you mean `staging`?)"]
    );
    assert!(
        changed(
            "default_environment: staging",
            "default_environment: sandbox"
        )
        .is_empty()
    );
    assert!(changed("CHAT_TOOL: manual", "CHAT_TOOL: slack")[0].contains("{ adapter: slack }"));
    assert!(changed("CHAT_TOOL: manual", "$CHAT_TOOL: manual")[0].contains("write `CHAT_TOOL:`"));
    assert_eq!(changed("CHAT_TOOL: manual", "CHAT_TOOL: {}").len(), 1);
    assert_eq!(
        changed("{ adapter: postgres }", "{ adapter: a, command: [b] }").len(),
        1
    );
    assert_eq!(
        changed("command: [deployctl, --fast]", "command: deployctl --fast").len(),
        1
    );
    assert_eq!(
        changed(
            "command: [deployctl, --fast]",
            "command: [x], with: { a: b }"
        )
        .len(),
        1
    );
    assert_eq!(changed("change: none", "change: challenge").len(), 1);
    assert_eq!(
        changed("change: none", "change: confrim"),
        ["10:51 `confrim` is not one of none, confirm (did you mean `confirm`?)"]
    );
    assert_eq!(
        changed(
            "change: none, destructive: confirm",
            "change: confirm, destructive: none"
        ),
        ["10:60 what can lose data needs less here than what can be undone"]
    );
}

#[test]
fn a_shared_state_directory_is_absolute_and_names_its_group() {
    let with = |state: &str| {
        changed(
            "environments:\n",
            &format!("state: {state}\nenvironments:\n"),
        )
    };
    assert_eq!(
        with("{ dir: /var/lib/runbook, group: oncall }"),
        [""; 0],
        "good"
    );
    assert_eq!(
        with("{ dir: runs, group: on call }").len(),
        2,
        "a relative path, and no group's name"
    );
    assert!(with("{ dir: /runs }")[0].contains("needs the key `group`"));
    // It is known also while something else is wrong.
    let mut found = Diagnostics::new();
    let text = b"environment: {}\nstate: { dir: /runs, group: oncall }\n";
    let state = read_state("runbook.yaml", text, &mut found).unwrap();
    assert!(found.is_empty());
    assert_eq!(state.dir, std::path::Path::new("/runs"));
}
