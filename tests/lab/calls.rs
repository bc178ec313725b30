//! Every action of the adapters that are said to be proven in the lab, called on what they are for.
//!
//! A runbook in `tests/lab/calls` calls all actions of one adapter, and expects of each what the real thing
//! does then. It is called as `<tool>-<adapter>.yaml`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::harness::Lab;

/// The longest that one of these runbooks may take.
const RUN: u64 = 180;

/// What is called where the shop stands.
const SHOP: &[&str] = &[
    "health-check-http",
    "health-check-tcp",
    "health-check-command",
    "metrics-tool-prometheus",
    "load-balancer-haproxy",
    "api-gateway-haproxy",
    "feature-flag-tool-unleash",
    "feature-flag-tool-flagd",
    "logging-tool-files",
    "status-page-file",
    "firewall-nftables",
    "orchestrator-supervisor",
    "deploy-tool-make",
    "vcs-tool-git",
];
const DATABASE: &[&str] = &["database-tool-postgres"];
const OTHERS: &[&str] = &[
    "config-tool-etcd",
    "pager-alertmanager",
    "cloud-provider-aws",
];
/// localstripe does not know all of Stripe: these are no proof of the others of its actions.
const IN_PART: &str = "payment-provider-stripe";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn calls(name: &str) -> PathBuf {
    root().join(format!("tests/lab/calls/{name}.yaml"))
}

/// Runs these, and tells at once all that went wrong.
#[track_caller]
fn assert_all_run(lab: &Lab, names: &[&str], params: &[&str]) {
    let mut wrong = Vec::new();
    for name in names {
        let file = calls(name).display().to_string();
        let words = ["run", &file, "-e", "lab", "--yes"];
        let ran = lab.runbook(&[&words[..], params].concat(), RUN);
        if ran.code != Some(0) {
            wrong.push(format!("{name}: {}", ran.printed()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_action_is_called_on_what_the_shop_is_made_of() {
    let parts = ["haproxy", "app", "prometheus", "unleash", "nftables"];
    let Some(lab) = Lab::with(&parts) else {
        return;
    };
    let people = lab.traffic("user", 20, 30);
    let visitor = lab.attack("export");
    people.next(100);
    visitor.next(20);
    let price = PathBuf::from(lab.fact("/git/repository")).join("price.py");
    let text = fs::read_to_string(&price).unwrap();
    fs::write(&price, text + "\n# Mended.\n").unwrap();

    assert_all_run(&lab, SHOP, &[]);
}

#[test]
fn each_action_is_called_on_a_primary_and_its_standby() {
    let Some(lab) = Lab::with(&["haproxy", "postgres"]) else {
        return;
    };

    assert_all_run(&lab, DATABASE, &[]);
}

#[test]
fn each_action_is_called_on_what_stands_beside_the_shop() {
    let Some(lab) = Lab::with(&["etcd", "alertmanager", "moto", "localstripe"]) else {
        return;
    };

    assert_all_run(&lab, OTHERS, &[]);
    let payment = format!("payment={}", lab.fact("/localstripe/payment"));
    assert_all_run(&lab, &[IN_PART], &[&payment]);
}

#[test]
fn whoever_says_that_the_lab_proves_it_is_called_there_with_every_action() {
    let run: BTreeSet<&str> = [SHOP, DATABASE, OTHERS]
        .into_iter()
        .flatten()
        .copied()
        .collect();
    let team = yaml(&root().join("tests/lab/team/runbook.yaml"));
    let mut proven = BTreeSet::new();
    let mut wrong = Vec::new();
    for (dir, adapter) in said_to_be_proven() {
        let name = format!("{dir}-{adapter}");
        if !run.contains(name.as_str()) {
            wrong.push(format!("{name}: no test runs tests/lab/calls/{name}.yaml"));
            continue;
        }
        let tool = dir.to_uppercase().replace('-', "_");
        let bound =
            |handle: &str| team["environments"]["lab"]["tools"][handle]["adapter"] == adapter;
        let handles: Vec<String> = [tool.clone(), format!("{tool}@{adapter}")]
            .into_iter()
            .filter(|handle| bound(handle))
            .map(|handle| format!("${handle}"))
            .collect();
        let called = called(&yaml(&calls(&name)), &handles);
        let manifest = yaml(&root().join(format!("adapters/{dir}/{adapter}.yaml")));
        for action in manifest["actions"].as_object().unwrap().keys() {
            if !called.contains(action) {
                wrong.push(format!("{name}: {action} is not called"));
            }
        }
        proven.insert(name);
    }
    for name in run.iter().filter(|name| !proven.contains(**name)) {
        wrong.push(format!(
            "{name}: it is called here, and its cases do not say `tested: lab`"
        ));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The actions that the steps of a runbook call on these. A step with a condition proves nothing.
fn called(runbook: &Json, handles: &[String]) -> BTreeSet<String> {
    let steps = runbook["steps"].as_array().unwrap().iter();
    let always = steps.filter(|step| step.get("if").is_none());
    let words = always.map(|step| step["call"].as_str().unwrap().split_whitespace());
    words
        .filter_map(|mut words| {
            let handle = words.next()?;
            let action = words.next()?;
            let ours = handles.iter().any(|known| known == handle);
            // What a health check is called with is its target.
            let action = if handle.starts_with("$HEALTH_CHECK") {
                "check"
            } else {
                action
            };
            ours.then(|| action.to_owned())
        })
        .collect()
}

/// The adapters whose cases say so: the tool's directory, and the adapter.
fn said_to_be_proven() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for dir in fs::read_dir(root().join("tests/conformance")).unwrap() {
        let dir = dir.unwrap().path();
        let tool = dir.file_name().unwrap().to_str().unwrap().to_owned();
        if !root().join("adapters").join(&tool).is_dir() {
            continue;
        }
        for file in fs::read_dir(&dir).unwrap() {
            let file = file.unwrap().path();
            let adapter = file.file_stem().unwrap().to_str().unwrap().to_owned();
            if yaml(&file)["tested"] == "lab" {
                found.push((tool.clone(), adapter));
            }
        }
    }
    found.sort();
    found
}

fn yaml(path: &Path) -> Json {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
