//! A real PostgreSQL primary is killed, and the shipped `db-failover` brings the database back.
//!
//! The clusters are those of a team that bound its own small tools (`tests/postgres/team`); the page
//! about it is `docs/postgres.md`. Where PostgreSQL is not installed these tests say so and are
//! skipped, except in CI.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

#[path = "postgres/lab.rs"]
mod lab;
#[path = "postgres/machine.rs"]
mod machine;
#[path = "postgres/processes.rs"]
mod processes;

use std::fs;
use std::path::Path;

use lab::{Lab, Ran};
use machine::Machine;
use processes::until;
use runbook::spec::{Contract, Diagnostics};
use serde_json::{Value as Json, json};

/// The longest that a run may take: the waits that `db-failover` holds by itself are 90 s.
const RUN: u64 = 240;

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn contract(tool: &str) -> Contract {
    let path = format!("adapters/{tool}/contract.yaml");
    let mut found = Diagnostics::default();
    let contract = runbook::spec::contract::read(&path, file(&path).as_bytes(), &mut found);
    contract.unwrap_or_else(|| panic!("{path} has errors"))
}

/// What a tool answered, after it was held against the contract.
#[track_caller]
fn fits(contract: &Contract, action: &str, answer: Json) -> Json {
    let action = contract.actions.get(action).unwrap();
    let fitted = action.output_shape().fit(&answer);
    fitted.unwrap_or_else(|e| panic!("{}: {e}: {answer}", action.title));
    answer
}

#[test]
fn every_answer_fits_its_contract_and_one_node_at_most_takes_writes() {
    let Some(machine) = Machine::find() else {
        return;
    };
    let lab = Lab::start(machine, &["db-1", "db-2", "db-3"]);
    let contract = contract("database-tool");
    let ask = |action: &str, words: &[&str]| {
        let words = [&[action], words].concat();
        fits(&contract, action, lab.dbctl(&words))
    };
    let refused = |words: &[&str], why: &str| {
        let said = lab.tool("dbctl", words).unwrap_err();
        assert!(said.contains(why), "{words:?}: {said}");
    };

    let status = ask("status", &["--cluster", "main"]);
    assert_eq!(
        (&status["primary"], &status["state"]),
        (&json!("db-1"), &json!("running"))
    );
    assert_eq!(ask("backup-status", &[])["usable"], true);
    let check = ask("write-check", &["--cluster=main"]);
    assert_eq!(
        (&check["writable"], &check["node"]),
        (&json!(true), &json!("db-1"))
    );
    assert_eq!(
        lab.through_route("select count(*) from write_check")
            .unwrap(),
        "0"
    );
    refused(&["failover", "--to-replica", "db-2"], "db-1 is not fenced");

    // One replica falls behind; the other has all that the shop was told is stored.
    lab.stop("db-3");
    let seen = lab.requests().len();
    until("orders that db-3 lacks", 20, || {
        lab.requests().iter().skip(seen).any(|r| r.stored)
    });
    lab.kill("db-1");
    lab.dbctl(&["start", "db-3"]);
    let status = ask("status", &[]);
    assert_eq!(
        (&status["primary"], &status["state"]),
        (&json!("db-1"), &json!("stopped"))
    );
    assert_eq!(status["corruption"], false);
    assert_eq!(ask("write-check", &[])["writable"], false);
    let replicas = ask("replica-status", &[]);
    assert_eq!(replicas["freshest"]["name"], "db-2");
    let lag = |at: usize| replicas["replicas"][at]["lag"].as_f64().unwrap();
    assert!(lag(0) == 0.0 && lag(1) > 0.0, "{replicas}");

    ask("fence", &["db-1"]);
    assert_eq!(ask("fence", &["db-1"])["fenced"], true);
    assert_eq!(ask("status", &[])["fenced"], json!(["db-1"]));
    refused(&["start", "db-1"], "fenced");
    assert_fenced(&lab, "db-1");
    assert_eq!(ask("failover", &["--to-replica"])["promoted"], "db-2");
    assert_eq!(ask("write-check", &[])["node"], "db-2");
    assert_eq!(lab.lost_orders(), [0; 0]);
    refused(&["unfence", "db-1"], "would be a second one");

    until("db-3 follows the new primary", 30, || {
        let replicas = ask("replica-status", &[]);
        assert_eq!(
            (&replicas["primary"], &replicas["failover_pending"]),
            (&json!("db-2"), &json!(false))
        );
        let replicas = replicas["replicas"].as_array().unwrap().clone();
        replicas
            .iter()
            .any(|one| one["name"] == "db-3" && one["state"] == "streaming")
    });
    assert_eq!(ask("rejoin", &["db-1"])["follows"], "db-2");
    assert_eq!(ask("status", &[])["fenced"], json!([]));
    assert_eq!(
        lab.sql("db-1", "postgres", "select pg_is_in_recovery()"),
        "t"
    );

    let before = ask("status", &[])["started_at"].clone();
    assert_eq!(ask("restart", &[])["state"], "running");
    assert_ne!(ask("status", &[])["started_at"], before);
    assert_eq!(ask("write-check", &[])["writable"], true);
}

#[test]
fn the_teams_other_tools_answer_as_their_contracts_say() {
    let Some(machine) = Machine::find() else {
        return;
    };
    let lab = Lab::start(machine, &["db-1", "db-2"]);
    let ask = |tool: &str, directory: &str, action: &str, words: &[&str]| {
        let answer = lab.tool("ops", &[&[tool, action], words].concat());
        fits(&contract(directory), action, answer.unwrap())
    };
    let health = |words: &[&str]| ask("health", "health-check", "check", words);
    let metrics = |action: &str, words: &[&str]| ask("metrics", "metrics-tool", action, words);
    let chat = |action: &str, words: &[&str]| ask("chat", "chat-tool", action, words);
    let page = |action: &str, words: &[&str]| ask("status-page", "status-page", action, words);

    // A bare command gets the runbook's own words, and there the action has no name.
    assert_eq!(
        lab.tool("ops", &["health", "lab"]).unwrap()["healthy"],
        true
    );
    let errors = metrics("errors", &["--last=5m"]);
    assert_eq!(errors["now_percent"].as_f64(), Some(0.0), "{errors}");
    let watched = metrics(
        "watch",
        &["--duration=2s", "--max-error-percent=1", "--max-latency=2s"],
    );
    assert_eq!(watched["stable"], true, "{watched}");
    lab.kill("db-1");
    until("the shop is seen to suffer", 20, || {
        health(&["lab"])["healthy"] == false
    });
    assert!(metrics("errors", &[])["errors"].as_u64().unwrap() > 0);
    assert_eq!(metrics("watch", &["--duration=1500ms"])["stable"], false);

    chat("post", &["one", "--channel=incidents"]);
    chat("post", &["two", "--channel", "incidents"]);
    let history = chat("history", &["--channel=incidents"]);
    assert_eq!(history["messages"][0]["text"], "two");
    let opened = page(
        "open",
        &["--title=Errors", "--message=Sorry", "--impact=critical"],
    );
    let id = opened["id"].as_str().unwrap();
    page("update", &[id, "--status=monitoring", "--message=Better"]);
    let list = page("list", &[]);
    assert_eq!(
        (
            &list["incidents"][0]["status"],
            &list["incidents"][0]["title"]
        ),
        (&json!("monitoring"), &json!("Errors"))
    );
    assert_eq!(
        page("resolve", &[id, "--message=Well"])["status"],
        "resolved"
    );
    assert!(
        lab.tool("ops", &["status-page", "update", "inc-9", "--message=x"])
            .is_err()
    );
}

/// Nobody gets a fenced node to take a write, with the team's tool or without.
#[track_caller]
fn assert_fenced(lab: &Lab, node: &str) {
    let started = lab.start_behind_the_tools_back(node);
    let said = String::from_utf8_lossy(&started.stderr);
    assert!(!started.status.success(), "{said}");
    assert!(
        said.contains("could not find the database system"),
        "{said}"
    );
    assert!(lab.tool("dbctl", &["start", node]).is_err());
    let written = lab.on_node(node, "shop", "insert into orders values (-2)");
    assert!(written.is_err(), "{written:?}");
}

/// An order is stored, on this node, and none that the shop was told is stored is missing.
#[track_caller]
fn assert_takes_orders(lab: &Lab, node: &str) {
    let order = "insert into orders values (-1) returning current_setting('cluster_name')";
    assert_eq!(lab.through_route(order).unwrap(), node);
    assert_eq!(lab.lost_orders(), [0; 0]);
}

/// The run went to its end without a single failure, and proves it.
#[track_caller]
fn assert_done(lab: &Lab, ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{}", ran.printed());
    let verified = lab.runbook(&["audit", "verify", "last"], 30);
    assert_eq!(verified.code, Some(0), "{}", verified.printed());
    let closed = lab.journal().pop().unwrap();
    let closed = (&closed["kind"], &closed["data"]["outcome"]);
    assert_eq!(
        closed,
        (&json!("run_closed"), &json!("succeeded")),
        "{}",
        ran.printed()
    );
}

/// What everybody was told: one announcement and one end in the chat, and a status page that says
/// `monitoring`.
#[track_caller]
fn assert_told(lab: &Lab) {
    let chat = lab.said("chat.jsonl");
    assert_eq!(chat.len(), 2, "{chat:?}");
    let announced = chat[0]["text"].as_str().unwrap();
    assert!(announced.contains("db-1 is stopped"), "{announced}");
    let page = lab.tool("ops", &["status-page", "list"]).unwrap();
    assert_eq!(page["incidents"][0]["status"], "monitoring", "{page}");
}

/// The run of somebody who suspects damage: the suggestion would be to restart the primary.
const FAIL_OVER: [&str; 8] = [
    "run",
    "db-failover",
    "-e",
    "lab",
    "--yes",
    "--answer",
    "restart_safe=no",
    "watch=4s",
];

#[test]
fn a_killed_primary_is_fenced_and_its_standby_takes_over() {
    let Some(lab) = Lab::with_dead_primary() else {
        return;
    };

    let ran = lab.runbook(&FAIL_OVER, RUN);

    assert_done(&lab, &ran);
    assert_eq!(lab.result("failover").unwrap()["outcome"], "succeeded");
    assert_takes_orders(&lab, "db-2");
    assert_fenced(&lab, "db-1");
    assert_told(&lab);
}

#[test]
fn a_killed_primary_is_restarted_where_that_is_safe() {
    let Some(lab) = Lab::with_dead_primary() else {
        return;
    };

    let words = ["run", "db-failover", "-e", "lab", "--yes", "watch=4s"];
    let ran = lab.runbook(&words, RUN);

    assert_done(&lab, &ran);
    assert_eq!(lab.result("failover"), None, "{}", ran.printed());
    assert_takes_orders(&lab, "db-1");
    assert_eq!(lab.dbctl(&["status"])["fenced"], json!([]));
    assert_told(&lab);
}

/// `kill -9` of `runbook` while the promotion is under way, and a colleague who resumes.
#[test]
fn a_run_killed_while_it_promotes_is_resumed_and_promotes_once() {
    let Some(lab) = Lab::with_dead_primary() else {
        return;
    };

    let mut first = lab.begin_runbook(&FAIL_OVER);
    until("the promotion is in the journal", 60, || {
        lab.started("failover")
    });
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(lab.result("failover"), None);
    let verified = lab.runbook(&["audit", "verify", "last"], 30);
    assert_eq!(verified.code, Some(12), "{}", verified.printed());
    // What the dead run started is not ended by its death.
    lab.wait_for_tools();

    let mut second = lab.begin_runbook(&["resume", "last", "--yes"]);
    until(
        "the promotion is settled and its effect watched",
        60,
        || lab.started("serving"),
    );
    lab.terminate(&second);
    let parked = second.wait().unwrap();

    assert_eq!(parked.code(), Some(75), "{}", lab.begun_said());
    let verified = lab.runbook(&["audit", "verify", "last"], 30);
    assert_eq!(verified.code, Some(12), "{}", verified.printed());
    assert_takes_orders(&lab, "db-2");
    assert_fenced(&lab, "db-1");
    // Each promotion begins a timeline.
    let timeline = "select timeline_id from pg_control_checkpoint()";
    lab.sql("db-2", "postgres", "checkpoint");
    assert_eq!(lab.sql("db-2", "postgres", timeline), "2");
    assert_eq!(lab.said("chat.jsonl").len(), 1);
}

#[test]
fn variables_alone_bind_real_tools_and_then_nobody_acts_unasked() {
    let Some(lab) = Lab::with_dead_primary() else {
        return;
    };
    let bin = lab.team().join("bin");
    let tool = |words: &str| format!("{}/{words}", bin.display());
    let variables = [
        ("DATABASE_TOOL", tool("dbctl --cluster main")),
        ("HEALTH_CHECK", tool("ops health")),
        ("METRICS_TOOL", tool("ops metrics")),
        ("CHAT_TOOL", tool("ops chat")),
        ("STATUS_PAGE", tool("ops status-page")),
    ];
    let run = |variables: &[_], words: &[&str], code: i32, says: &[&str]| {
        let ran = lab.runbook_bound_by(variables, words);
        let printed = ran.printed();
        assert_eq!(ran.code, Some(code), "{printed}");
        assert!(
            says.iter().all(|text| printed.contains(text)),
            "{says:?}: {printed}"
        );
    };

    run(&variables, &["plan", "db-failover"], 0, &["REAL", "local"]);
    run(
        &variables,
        &["run", "db-failover"],
        77,
        &["act", "no terminal"],
    );
    run(
        &variables,
        &["run", "db-failover", "--yes"],
        77,
        &["local", "prepared answers"],
    );
    // What nothing binds is an error, and never simulated.
    run(
        &variables[..4],
        &["run", "db-failover"],
        2,
        &["STATUS_PAGE"],
    );

    assert_eq!(lab.runs().len(), 0);
    assert_eq!(
        lab.said("chat.jsonl").len() + lab.said("status-page.jsonl").len(),
        0
    );
    let status = lab.dbctl(&["status"]);
    assert_eq!(
        (&status["primary"], &status["state"]),
        (&json!("db-1"), &json!("stopped"))
    );
    assert_eq!(status["fenced"], json!([]));
}

/// Fenced blocks of code in a page, each with the file that the comment above it names.
fn shown(page: &str) -> Vec<(Option<&str>, &str)> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some(begin) = rest.find("\n```") {
        let (before, fence) = rest.split_at(begin);
        let (_, code) = fence[4..].split_once('\n').unwrap();
        let (code, after) = code.split_once("\n```").unwrap();
        let above = before.trim_end().lines().last().unwrap_or_default();
        let from = above
            .strip_prefix("<!-- from ")
            .and_then(|line| line.strip_suffix(" -->"));
        blocks.push((from, code));
        rest = after;
    }
    blocks
}

#[test]
fn the_page_shows_what_is_tested() {
    let page = file("docs/postgres.md");
    let blocks = shown(&page);
    let from_files: Vec<_> = blocks
        .iter()
        .filter_map(|(from, code)| Some((from.as_ref()?, code)))
        .collect();
    assert!(
        from_files.len() >= 4,
        "only {} blocks say where they are from",
        from_files.len()
    );
    for (from, code) in from_files {
        assert!(
            file(from).contains(&format!("{code}\n")),
            "{from} does not hold, as shown:\n{code}"
        );
    }
}
