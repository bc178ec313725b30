//! Adapters with a plugin, held against their contract.

use std::borrow::Cow;

use super::tests::said;
use super::*;
use crate::spec::Diagnostics;
use crate::spec::contract;

const CONTRACT: &str = r#"
tool: FLAGS
title: Flags
actions:
  status:
    effect: read
    args: { names: { positional: 1, many: true } }
    output: { enabled: { type: list, of: string } }
  enable:
    effect: change
    args: { names: { positional: 1, many: true } }
    output: { changed: integer }
"#;

const GOOD: &str = r#"
adapter: flags
implements: FLAGS
title: Flags by a plugin
files: [flags.py]
settings:
  place: { help: Where they are }
  token: { type: secret }
plugin:
  command: [./flags.py, "--place={{ settings.place }}", "{{ run.environment }}"]
  env: { FLAGS_TOKEN: "{{ settings.token }}" }
  pass: [FLAGS_*]
actions:
  status: { plugin: look }
  enable:
    plugin: switch-on
    ok: answer.done == args.names
    output: { changed: answer.done | length }
"#;

/// Beside the adapter's file there is one script.
struct Script;

impl Files for Script {
    fn read(&self, file: &FilePath) -> Result<Option<Cow<'static, [u8]>>, String> {
        let there = file.name().as_str() == "flags.py";
        Ok(there.then(|| b"#!/usr/bin/env python3\n".into()))
    }
}

fn read_as(text: &str) -> (Option<Adapter>, Vec<String>) {
    let mut found = Diagnostics::new();
    let contract = contract::read("contract.yaml", CONTRACT.as_bytes(), &mut found).unwrap();
    let adapter = read(
        "flags.yaml",
        text.as_bytes(),
        &contract,
        &Script,
        &mut found,
    );
    assert_eq!(adapter.is_none(), found.has_errors());
    (adapter, said(&found))
}

fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(GOOD.contains(from), "{from}");
    read_as(&GOOD.replace(from, to)).1
}

#[test]
fn a_plugin_is_read_and_survives_a_plan() {
    let (adapter, found) = read_as(GOOD);
    assert_eq!(found, [""; 0]);
    let adapter = adapter.unwrap();
    let plugin = adapter.plugin.as_ref().unwrap();
    assert_eq!(plugin.value.command[0].source(), "./flags.py");
    let AdapterAction::Plugin(enable) = &adapter.actions["enable"] else {
        panic!("not the plugin's");
    };
    assert_eq!(enable.action.value.as_str(), "switch-on");
    let json = serde_json::to_string(&adapter).unwrap();
    let back: Adapter = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), json);
}

#[test]
fn a_plugin_and_its_actions_belong_together() {
    let from = GOOD.find("plugin:\n").unwrap();
    let to = GOOD.find("actions:\n").unwrap();
    let without = format!("{}{}", &GOOD[..from], &GOOD[to..]);
    assert_eq!(
        read_as(&without).1,
        [
            "10:3 `status` asks a plugin, and the adapter has none (write `plugin: { command: […] }` beside `actions:`)",
            "11:3 `enable` asks a plugin, and the adapter has none (write `plugin: { command: […] }` beside `actions:`)"
        ]
    );
    let idle = GOOD.replace(
        "{ plugin: look }",
        "{ command: [x], output: { enabled: lines } }",
    );
    let idle = idle.replace("    plugin: switch-on\n", "    command: [x]\n");
    let idle = idle.replace("answer.done", "lines");
    assert_eq!(
        read_as(&idle).1,
        [
            "10:3 no action asks this plugin (write `plugin: NAME` in an action, or take the plugin out)"
        ]
    );
}

#[test]
fn who_mixes_up_the_two_places_is_told_where_each_key_goes() {
    assert_eq!(
        changed("{ plugin: look }", "{ plugin: [./flags.py] }"),
        [
            "14:21 an action says what the plugin calls it (write `plugin: NAME` here, and the program once for all actions: `plugin: { command: […] }` beside `actions:`)"
        ]
    );
    assert_eq!(
        changed("{ plugin: look }", "{ plugin: look, env: { A: b } }"),
        ["14:27 an adapter's action has no key `env` (write it in the adapter's own `plugin:`)"]
    );
    assert_eq!(
        changed("  pass: [FLAGS_*]\n", "  timeout: 3s\n"),
        [
            "12:3 a plugin has no key `timeout` (the contract's action and the step have a `timeout:`)"
        ]
    );
    let list = GOOD.replace("plugin:\n  command: ", "plugin: ");
    let list = list.replace(
        "  env: { FLAGS_TOKEN: \"{{ settings.token }}\" }\n  pass: [FLAGS_*]\n",
        "",
    );
    assert_eq!(
        read_as(&list).1,
        [
            "9:9 a plugin is a mapping with its command (write `plugin: { command: [program, word, …] }`)"
        ]
    );
}

#[test]
fn a_script_that_the_adapter_does_not_bring_along_is_missed() {
    let found = changed("[./flags.py", "[./flag.py");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("brings no file `flag.py` along (did you mean `./flags.py`?)"));
}

#[test]
fn a_plugin_is_started_before_anything_is_known_of_a_call() {
    assert_eq!(
        changed("{{ run.environment }}", "{{ args.names }}"),
        [
            "10:57 `args` is a call's, and one plugin answers many calls (the plugin is told it with each call)"
        ]
    );
    assert_eq!(
        changed("{{ run.environment }}", "{{ run.step }}"),
        [
            "10:57 `run.step` is a call's, and one plugin answers many calls (the plugin is told it with each call)"
        ]
    );
}

#[test]
fn threat_30_a_secret_is_no_word_of_a_plugin() {
    let lone = changed("--place={{ settings.place }}", "{{ settings.token }}");
    assert_eq!(lone.len(), 1, "{lone:?}");
    assert!(lone[0].starts_with("10:25 this is a secret, and what stands here can be seen"));
    assert_eq!(
        changed("{{ settings.place }}", "{{ settings.token }}"),
        [
            "10:37 `settings.token` holds a secret, which cannot stand in a text (a secret goes whole into a variable of `env:`, as a lone {{ … }})"
        ]
    );
}

#[test]
fn an_answer_is_held_against_the_contract() {
    assert_eq!(
        changed("changed: answer.done", "chnged: answer.done"),
        [
            "15:3 `enable` promises the field `changed` (add it to `output:`)",
            "18:15 `enable` has no field `chnged` (did you mean `changed`?)"
        ]
    );
    assert_eq!(
        changed("answer.done | length", "args.names"),
        ["18:24 `changed` is an integer, but this is a list of string"]
    );
    assert_eq!(
        changed("answer.done ==", "json.done =="),
        ["17:9 there is no `json` here"]
    );
    assert_eq!(
        changed("{ plugin: look }", "{ plugin: look, output: json }"),
        [
            "14:35 a plugin's answer has fields: `output` is an expression for each (leave `output` out, or write `output: { field: answer.field }`)"
        ]
    );
}
