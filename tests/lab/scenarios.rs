//! The shipped runbooks on real incidents: each breaks something, runs one command, and looks at
//! what became of users. Only how long things have to stay well is shorter here than as they ship.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use super::harness::{Lab, Ran};
use super::processes::until;

/// The longest that a run may take.
const RUN: u64 = 300;

/// How long things have to stay well: two looks.
const HOLD: &str = "5s";

/// Gives the team the shipped runbooks, in which things have to stay well for a short time only.
fn hold_shortly(lab: &Lab) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks");
    for file in fs::read_dir(shipped).unwrap() {
        let file = file.unwrap().path();
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().map(|line| match line.split_once("hold: ") {
            Some((indent, _)) if indent.trim().is_empty() => format!("{indent}hold: {HOLD}\n"),
            _ => format!("{line}\n"),
        });
        let runbooks = lab.path("team/runbooks");
        fs::write(
            runbooks.join(file.file_name().unwrap()),
            lines.collect::<String>(),
        )
        .unwrap();
    }
}

/// The run went to its end without a single failure, and proves it.
#[track_caller]
fn assert_done(lab: &Lab, ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{}", ran.printed());
    let verified = lab.runbook(&["audit", "verify", "last"], 30);
    assert_eq!(verified.code, Some(0), "{}", verified.printed());
}

#[test]
fn a_killed_primary_is_replaced_and_comes_back_as_a_replica() {
    let Some(lab) = Lab::with(&["haproxy", "app", "prometheus", "postgres"]) else {
        return;
    };
    hold_shortly(&lab);
    let shoppers = lab.traffic("user", 10, 0);
    assert_eq!(shoppers.next(10), [201; 10]);

    lab.kill_server("db-1");
    until("the shop suffers", 20, || shoppers.next(1) != [201]);
    let words = ["run", "db-failover", "-e", "lab", "--yes"];
    let choice = ["--answer", "restart_safe=no", "watch=4s"];
    let ran = lab.runbook(&[&words[..], &choice].concat(), RUN);

    assert_done(&lab, &ran);
    assert_eq!(shoppers.next(10), [201; 10]);
    let there = lab.sql("127.0.0.1", "select number from orders");
    let there: HashSet<u64> = there
        .lines()
        .map(|number| number.parse().unwrap())
        .collect();
    let lost = shoppers
        .stored()
        .into_iter()
        .filter(|number| !there.contains(number));
    assert_eq!(lost.collect::<Vec<_>>(), [0; 0]);
    let standby = "select pg_is_in_recovery()";
    assert_eq!(lab.sql("127.0.0.12", standby), "f");
    assert_no_server_starts(&lab, "db-1");

    let ran = lab.runbook(&["run", "rejoin", "-e", "lab", "--yes", "node=db-1"], 120);
    assert_done(&lab, &ran);
    assert_eq!(lab.sql("127.0.0.11", standby), "t");
}

/// Whoever starts a fenced node gets nothing that could take writes.
#[track_caller]
fn assert_no_server_starts(lab: &Lab, node: &str) {
    let mut server = lab.inside("timeout");
    server.args([
        "20", "env", "-C", "/", "setpriv", "--reuid", "postgres", "--regid", "postgres",
    ]);
    server.args([
        "--clear-groups",
        &format!("{}/postgres", lab.fact("/postgres/bin")),
    ]);
    let data = lab.fact(&format!("/postgres/data/{node}"));
    let started = server.args(["-D", data]).output().unwrap();
    let said = String::from_utf8_lossy(&started.stderr);
    let why = "could not find the database system";
    assert!(!started.status.success() && said.contains(why), "{said}");
}

#[test]
fn a_bad_version_is_rolled_back_and_orders_go_through_again() {
    let parts = ["haproxy", "app", "prometheus", "postgres", "unleash"];
    let Some(lab) = Lab::with(&parts) else {
        return;
    };
    hold_shortly(&lab);
    let shoppers = lab.traffic("user", 10, 0);
    assert_eq!(shoppers.next(10), [201; 10]);
    let failing = r#"100 * sum(rate(http_requests_total{service="shop",status=~"5.."}[10s])) / sum(rate(http_requests_total{service="shop"}[10s]))"#;

    lab.deploy("v2");
    until("orders are seen to fail", 30, || {
        lab.measured(failing).is_some_and(|percent| percent > 10.0)
    });
    let words = ["run", "payment-failure", "-e", "lab", "--yes"];
    let params = ["--answer", "resend=no", "service=shop", "watch=4s"];
    let ran = lab.runbook(&[&words[..], &params].concat(), RUN);

    assert_done(&lab, &ran);
    assert_eq!(lab.page("http://127.0.0.1:8001/alive")["version"], "v1");
    assert_eq!(shoppers.next(20), [201; 20]);
    assert!(lab.measured(failing).is_some_and(|percent| percent < 1.0));
    let wrong = lab.said("log/shop.jsonl");
    assert!(
        wrong
            .iter()
            .any(|line| line["level"] == "error" && line["version"] == "v2")
    );
}

#[test]
fn a_flood_is_throttled_until_the_limit_is_taken_back() {
    let parts = ["haproxy", "app", "prometheus", "postgres", "unleash"];
    let Some(lab) = Lab::with(&parts) else {
        return;
    };
    hold_shortly(&lab);
    let flood = lab.traffic("user", 90, 100);
    let limits = lab.path("haproxy/limits.map");
    let limit = || {
        let map = lab.ask_haproxy(&format!("show map {}", limits.display()));
        map.trim().rsplit(' ').next().unwrap().to_owned()
    };
    until("the provider turns calls away", 30, || {
        let told = lab.said("log/shop.jsonl");
        told.iter()
            .any(|line| line["message"] == "suggestions: 429 from maps")
    });
    assert_eq!(limit(), "0");

    let words = ["run", "api-rate-limit", "-e", "lab", "--yes"];
    let answers = [
        "--answer",
        "throttle_needed=yes",
        "--answer",
        "scale_needed=no",
    ];
    let params = [
        "service=shop",
        "rps=30",
        "flags=[\"search-suggestions\"]",
        "watch=4s",
    ];
    let ran = lab.runbook(&[&words[..], &answers, &params].concat(), RUN);

    assert_done(&lab, &ran);
    assert_eq!(limit(), "30");
    let codes = flood.next(300);
    let (served, refused) = (count(&codes, 200), count(&codes, 429));
    assert!(
        served > 30 && refused > 100 && served + refused == codes.len(),
        "{codes:?}"
    );

    let undone = lab.runbook(&["undo", "last", "--yes"], 60);
    assert_eq!(undone.code, Some(0), "{}", undone.printed());
    assert_eq!(limit(), "0");
    // What was under way may still have been refused.
    flood.next(90);
    let codes = flood.next(200);
    assert_eq!(count(&codes, 200), codes.len(), "{codes:?}");
}

fn count(codes: &[u64], code: u64) -> usize {
    codes.iter().filter(|seen| **seen == code).count()
}

#[test]
fn an_attacker_is_shut_out_and_others_are_not() {
    let parts = [
        "haproxy",
        "app",
        "prometheus",
        "unleash",
        "alertmanager",
        "nftables",
        "postgres",
    ];
    let Some(lab) = Lab::with(&parts) else {
        return;
    };
    hold_shortly(&lab);
    let shoppers = lab.traffic("user", 5, 0);
    let export = lab.fact("/haproxy/export").to_owned() + "/search";
    let shop = lab.fact("/haproxy/gateway").to_owned() + "/search";
    assert_eq!(lab.visit("attacker", &export), 200);
    let intruder = lab.attack("export");
    intruder.next(100);

    let words = [
        "run",
        "security-breach",
        "-e",
        "lab",
        "--yes",
        "service=export",
        "watch=4s",
    ];
    let ran = lab.runbook(&words, RUN);

    assert_done(&lab, &ran);
    assert_eq!(lab.visit("attacker", &export), 0);
    assert_eq!(lab.visit("attacker", &shop), 0);
    assert_eq!(lab.visit("user", &export), 0);
    assert_eq!(lab.visit("user", &shop), 200);
    assert_eq!(shoppers.next(10), [201; 10]);
    let evidence = std::fs::read_dir(lab.path("evidence")).unwrap();
    let archived = evidence
        .map(|entry| entry.unwrap().path().display().to_string())
        .find(|path| path.ends_with(".tar.gz") && !path.contains("snapshot"))
        .unwrap();
    let names = lab.says("tar", &["-tzf", &archived]);
    assert!(
        names.lines().any(|name| name.contains("export.jsonl")),
        "{names}"
    );
    assert!(lab.path("evidence.hold").exists());
    let frozen = lab.says(
        "make",
        &["-s", "-C", lab.fact("/git/repository"), "runbook-status"],
    );
    let frozen: Json = serde_json::from_str(&frozen).unwrap();
    assert_eq!(frozen["frozen"], true);
}
