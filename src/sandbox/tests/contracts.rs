//! Every action of every contract, asked of the world: what it answers has to fit.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::bench::Bench;
use crate::model::{Field, Fields, Shape};
use crate::sandbox::{Outcome, acts, operations};

fn yaml(path: &str) -> Json {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// A declared type: a word, or `{type, of, choices, optional}`.
fn shape(declared: &Json) -> Field {
    let (word, of) = match declared {
        Json::String(word) => (word.as_str(), &Json::Null),
        Json::Object(map) => (
            map.get("type").and_then(Json::as_str).unwrap_or("string"),
            map.get("of").unwrap_or(&Json::Null),
        ),
        other => panic!("{other}"),
    };
    let shape = match word {
        "string" => Shape::String,
        "integer" => Shape::Integer,
        "number" => Shape::Number,
        "boolean" => Shape::Boolean,
        "duration" => Shape::Duration,
        "size" => Shape::Size,
        "time" => Shape::Time,
        "choice" => {
            let choices = declared["choices"].as_array().unwrap();
            let word = |choice: &Json| choice.as_str().unwrap().to_owned();
            Shape::Choice(choices.iter().map(word).collect())
        }
        "list" => Shape::List(Box::new(shape(of).shape)),
        "object" => match of {
            Json::Null => Shape::Object(None),
            of => object(of),
        },
        other => panic!("unknown type {other}"),
    };
    Field {
        shape,
        optional: declared["optional"] == true,
    }
}

fn object(fields: &Json) -> Shape {
    let fields = fields.as_object().unwrap();
    let fields: Fields = fields
        .iter()
        .map(|(name, f)| (name.clone(), shape(f)))
        .collect();
    Shape::object(fields)
}

/// Fields of the output that nobody declared.
fn undeclared(shape: &Shape, value: &Json, path: &str, found: &mut Vec<String>) {
    match (shape, value) {
        (Shape::Object(Some(fields)), Json::Object(map)) => {
            for (name, value) in map {
                match fields.get(name) {
                    Some(field) => {
                        undeclared(&field.shape, value, &format!("{path}.{name}"), found)
                    }
                    None => found.push(format!("{path}.{name}")),
                }
            }
        }
        (Shape::List(of), Json::Array(items)) => {
            for item in items {
                undeclared(of, item, path, found);
            }
        }
        _ => {}
    }
}

/// A value for an argument: one that is there in every world.
fn plausible(operation: &str, name: &str, declared: &Json) -> Json {
    match (operation, name) {
        (_, "cluster") => return json!("main"),
        ("database.failover", "to-replica") => return json!("db-2"),
        (_, "node") => return json!("db-1"),
        ("database.execute", "sql") => {
            return json!("update payments set status = 'failed' where id = :id");
        }
        (_, "sql") => return json!("select id, status from payments where status = 'pending'"),
        (_, "bind") => return json!({ "id": "pay-1041" }),
        (_, "names") => return json!(["recommendations"]),
        (_, "service") => return json!("api"),
        (_, "instance") => return json!("api-2"),
        (_, "to-version") => return json!("v41"),
        ("config.get" | "config.restore", "key") => return json!("api.timeout"),
        (_, "assignment") => return json!("api.timeout=5s"),
        (_, "principal") => return json!("svc-api"),
        (_, "payment") => return json!("pay-1041"),
        (_, "ips") => return json!(["203.0.113.66"]),
        (_, "channel") => return json!("incidents"),
        ("tickets.get" | "tickets.comment" | "tickets.close" | "tickets.reopen", "id") => {
            return json!("OPS-412");
        }
        ("status_page.update" | "status_page.resolve", "id") => return json!("inc-771"),
        (_, "branch") => return json!("main"),
        (_, "commit" | "to") => return json!("4be19c2"),
        (_, "expression") => return json!("error_rate"),
        (_, "pattern" | "filter" | "about") => return json!("error"),
        _ => {}
    }
    match declared["type"].as_str() {
        Some("integer") => json!(6),
        Some("number") => json!(2.5),
        Some("boolean") => json!(true),
        Some("duration") => json!("10m"),
        Some("choice") => declared["choices"][0].clone(),
        _ => json!(format!("some-{name}")),
    }
}

struct Action {
    name: String,
    operation: String,
    effect: String,
    args: Vec<(String, Json)>,
    output: Shape,
}

fn actions() -> Vec<Action> {
    let root = format!("{}/adapters", env!("CARGO_MANIFEST_DIR"));
    let mut tools: Vec<_> = std::fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .filter(|path| std::path::Path::new(&format!("{path}/contract.yaml")).exists())
        .collect();
    tools.sort();
    let mut all = Vec::new();
    for tool in tools {
        let contract = yaml(&format!("{tool}/contract.yaml"));
        let sandbox = yaml(&format!("{tool}/sandbox.yaml"));
        for (name, action) in contract["actions"].as_object().unwrap() {
            let operation = sandbox["actions"][name]["simulate"].as_str();
            let args = action["args"].as_object().cloned().unwrap_or_default();
            all.push(Action {
                name: format!("{} {name}", contract["tool"].as_str().unwrap()),
                operation: operation
                    .unwrap_or_else(|| panic!("{tool}: {name}"))
                    .to_owned(),
                effect: action["effect"].as_str().unwrap().to_owned(),
                args: args.into_iter().collect(),
                output: object(&action["output"]),
            });
        }
    }
    all
}

#[test]
fn contracts_and_operations_name_the_same() {
    let wanted: BTreeSet<String> = actions().into_iter().map(|a| a.operation).collect();
    let there: BTreeSet<String> = operations().map(str::to_owned).collect();
    assert_eq!(wanted, there);
}

#[test]
fn what_is_declared_a_read_cannot_act() {
    for action in actions() {
        let looks = action.effect == "read";
        assert_eq!(acts(&action.operation), Some(!looks), "{}", action.name);
    }
}

fn conforms(scenario: &str, optional: bool) {
    let mut begun = Bench::new(scenario, 1);
    let calm = Bench::new("calm", 1);
    // What an action may ask for is there already.
    let bench = &mut begun;
    bench.get("tickets.create", json!({ "title": "some-title" }));
    bench.get(
        "status_page.open",
        json!({ "title": "some-title", "message": "m" }),
    );
    let page = json!({ "summary": "s", "team": "sre", "key": "some-key" });
    bench.get("pager.page", page);
    bench.get("chat.create_channel", json!({ "name": "some-name" }));
    for action in actions() {
        // Each in a world of its own.
        let mut bench = begun.clone();
        if action.operation == "database.rejoin" {
            // Where the host is gone there is nothing to rebuild.
            bench = calm.clone();
            bench.get("database.fence", json!({ "node": "db-1" }));
            bench.get("database.failover", json!({}));
        }
        let args: serde_json::Map<String, Json> = action
            .args
            .iter()
            .filter(|(_, declared)| optional || declared["optional"] != true)
            .filter(|(name, _)| !(action.operation == "vcs.checkout" && name == "b" && !optional))
            .map(|(name, declared)| {
                let value = plausible(&action.operation, name, declared);
                (name.replace('-', "_"), value)
            })
            .collect();
        let name = format!("{} in {scenario} with {args:?}", action.name);
        let before = bench.world.log().len();
        match bench.ask(&action.operation, Json::Object(args)) {
            Outcome::Output(output) => {
                let output = output.to_plain();
                if let Err(misfit) = action.output.fit(&output) {
                    panic!("{name}: {misfit} in {output}");
                }
                let mut found = Vec::new();
                undeclared(&action.output, &output, "", &mut found);
                assert!(found.is_empty(), "{name}: undeclared {found:?}");
                let logged = usize::from(action.effect != "read");
                assert_eq!(bench.world.log().len(), before + logged, "{name}");
            }
            Outcome::Failed(message) | Outcome::Refused(message) => {
                let expected = expected_to_fail(scenario, &action.operation, optional);
                assert!(expected, "{name}: {message}");
            }
        }
    }
}

/// What cannot succeed in these worlds with these arguments, and ought not to.
fn expected_to_fail(scenario: &str, operation: &str, optional: bool) -> bool {
    let database = ["database.query", "database.execute", "database.restart"];
    match operation {
        // No payment hangs on a day on which the provider works.
        "payments.retry" | "payments.refund" => true,
        // A version, a branch that is named `some-…`, or none at all.
        "deploys.deploy" => optional,
        "vcs.checkout" => !optional,
        _ => scenario == "db-primary-down" && database.contains(&operation),
    }
}

#[test]
fn every_answer_fits_its_contract_on_a_quiet_day() {
    conforms("calm", false);
    conforms("calm", true);
}

#[test]
fn every_answer_fits_its_contract_when_the_database_is_down() {
    conforms("db-primary-down", false);
    conforms("db-primary-down", true);
}

#[test]
fn payments_that_hang_answer_as_promised() {
    for action in actions() {
        let mut bench = Bench::new("payments-down", 1);
        bench.wait("11m");
        let args = match action.operation.as_str() {
            "payments.retry" => json!({ "payment": "pay-1041" }),
            // The fourth was captured, and nobody told us.
            "payments.refund" => json!({ "payment": "pay-1044" }),
            "payments.lookup" => json!({ "payment": "pay-1044" }),
            "payments.status" | "payments.test_payment" => json!({}),
            _ => continue,
        };
        let output = bench.get(&action.operation, args);
        action.output.fit(&output).unwrap();
    }
}
