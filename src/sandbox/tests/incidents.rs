//! The incidents as stories: what is seen, what helps, what does not.

use serde_json::json;

use super::bench::Bench;
use crate::model::Duration;

#[test]
fn a_quiet_day_is_quiet() {
    let mut bench = Bench::new("calm", 1);
    assert!(bench.healthy());
    assert!(bench.errors_now() < 1.0);
    let errors = bench.look("metrics.errors");
    assert_eq!(errors["since"], json!(null));
    assert!(errors["samples"].as_u64() > Some(80), "{errors}");
    let usage = bench.look("gateway.usage");
    assert_eq!(usage["throttled_percent"], 0.0);
    assert_eq!(bench.look("deploys.history")["count"], 0);
    assert_eq!(bench.look("payments.status")["success_percent"], 100.0);
    let peers = bench.get("firewall.connections", json!({ "service": "checkout" }));
    assert_eq!(peers["suspicious"], json!([]));
    assert_eq!(bench.look("support.recent_tickets")["usual"], 3);
    bench.verify_recovery();
}

#[test]
fn without_a_primary_all_that_needs_it_fails() {
    let mut bench = Bench::new("db-primary-down", 1);
    let status = bench.look("database.status");
    assert_eq!(status["state"], "unreachable");
    assert_eq!(status["connections"], 0);
    assert_eq!(status["host_reachable"], false);
    assert_eq!(bench.look("database.write_check")["writable"], false);
    let health = bench.look("health.check");
    let failing = health["failing"].as_array().unwrap();
    for service in ["api", "checkout", "payments", "worker", "web"] {
        assert!(failing.contains(&json!(service)), "{service}: {health}");
    }
    assert!(!failing.contains(&json!("search")));
    assert!(bench.errors_now() > 50.0);
    let api = bench.get("metrics.errors", json!({ "service": "api" }));
    assert_eq!(api["now_percent"], 100.0);
    let logs = bench.get("logs.search", json!({ "level": "error", "last": "5m" }));
    let first = logs["patterns"][0]["message"].as_str().unwrap();
    assert!(first.contains("could not connect to db-1"), "{logs}");
    let reports = bench.get("support.recent_tickets", json!({ "last": "15m" }));
    assert!(reports["count"].as_u64() > reports["usual"].as_u64());
    bench.failed("database.query", json!({ "sql": "select 1" }));
    assert_eq!(
        bench.get(
            "tests.run",
            json!({ "suite": "smoke", "environment": "sandbox" })
        )["passed"],
        false
    );
}

#[test]
fn a_failover_mends_what_followed_from_it() {
    let mut bench = Bench::new("db-primary-down", 1);
    assert!(bench.failed("database.restart", json!({})).contains("db-1"));
    bench.get("database.fence", json!({ "node": "db-1" }));
    let replicas = bench.look("database.replica_status");
    assert_eq!(replicas["freshest"]["name"], "db-2");
    assert_eq!(replicas["freshest"]["lag"], "4s");
    let done = bench.get("database.failover", json!({ "to_replica": "db-2" }));
    assert_eq!(done["promoted"], "db-2");
    let seconds = bench.until("health.check", json!({}), "1m", |o| o["healthy"] == true);
    assert!((3.0..30.0).contains(&seconds), "{seconds}");
    assert_eq!(bench.look("database.write_check")["node"], "db-2");
    bench.verify_recovery();
    // The second time there is nothing to do, and it says so.
    let message = bench.refused("database.failover", json!({ "to_replica": "db-2" }));
    assert!(message.contains("already"), "{message}");
    // The old primary comes back, and cannot write: it was fenced.
    bench.wait("40m");
    assert_eq!(
        bench.look("database.status")["detail"],
        "db-2 accepts connections"
    );
    bench.get("database.rejoin", json!({ "node": "db-1" }));
    let replicas = bench.look("database.replica_status");
    assert_eq!(replicas["replicas"][0]["state"], "streaming");
}

#[test]
fn an_old_primary_that_was_not_fenced_takes_writes_again() {
    let mut bench = Bench::new("db-primary-down", 1);
    bench.look("database.replica_status");
    bench.get("database.failover", json!({}));
    bench.wait("45m");
    let detail = bench.look("database.status")["detail"].to_string();
    assert!(detail.contains("db-1 takes writes too"), "{detail}");
    bench.refused("database.rejoin", json!({ "node": "db-1" }));
}

#[test]
fn whether_a_restart_helps_depends_on_the_cause() {
    let mut bench = Bench::new("db-primary-down", 2);
    assert_eq!(bench.look("database.status")["state"], "stopped");
    assert_eq!(bench.get("database.restart", json!({}))["state"], "running");
    bench.verify_recovery();

    let mut bench = Bench::new("db-primary-down", 3);
    assert_eq!(bench.look("database.status")["state"], "stopped");
    let message = bench.failed("database.restart", json!({}));
    assert!(message.contains("no space left"), "{message}");
    bench.get("database.failover", json!({}));
    bench.verify_recovery();

    let mut bench = Bench::new("db-corrupt", 1);
    let status = bench.look("database.status");
    assert_eq!(status["corruption"], true);
    assert_eq!(status["state"], "stopped");
    bench.failed("database.restart", json!({}));
    bench.get("database.fence", json!({ "node": "db-1" }));
    bench.get("database.failover", json!({}));
    assert_eq!(bench.look("database.status")["corruption"], false);
    bench.verify_recovery();
}

#[test]
fn replicas_that_lag_catch_up_without_a_primary_unless_it_never_sent() {
    let mut bench = Bench::new("replica-lagging", 1);
    let seen = bench.look("database.replica_status");
    assert!(
        seen["freshest"]["lag"].as_str().unwrap().starts_with("14m"),
        "{seen}"
    );
    assert_eq!(seen["replicas"][0]["state"], "replaying");
    let within = |limit: &'static str| {
        move |o: &serde_json::Value| {
            let lag: Duration = o["freshest"]["lag"].as_str().unwrap().parse().unwrap();
            lag <= limit.parse().unwrap()
        }
    };
    let waited = bench.until("database.replica_status", json!({}), "5m", within("30s"));
    assert!(waited > 120.0, "{waited}");

    let mut bench = Bench::new("replica-lagging", 2);
    bench.wait("5m");
    let seen = bench.look("database.replica_status");
    assert_eq!(seen["freshest"]["lag"], "4m");
    assert_eq!(seen["freshest"]["behind"], "0 B");
    bench.get("database.failover", json!({}));
    assert!(
        bench.world.log()[0]
            .effect
            .contains("240 s of commits lost")
    );
}

#[test]
fn calls_follow_from_traffic_features_and_throttle() {
    let mut bench = Bench::new("rate-limit", 1);
    let usage = bench.look("gateway.usage");
    assert!(usage["throttled_percent"].as_f64() > Some(50.0), "{usage}");
    assert_eq!(usage["callers"].as_array().unwrap().len(), 3);
    let refusals = bench.get("logs.search", json!({ "pattern": "429" }));
    assert!(refusals["count"].as_u64() > Some(100), "{refusals}");
    assert!(bench.look("services.status")["cpu_percent"].as_f64() > Some(80.0));
    let flags = json!({ "names": ["recommendations", "search-suggestions"] });
    bench.get("flags.disable", flags);
    bench.wait("3m");
    let usage = bench.get("gateway.usage", json!({ "last": "1m" }));
    let still = usage["throttled_percent"].as_f64().unwrap();
    assert!((1.0..30.0).contains(&still), "{usage}");
    bench.get("gateway.set_rate_limit", json!({ "rps": 100 }));
    let good = |o: &serde_json::Value| o["throttled_percent"].as_f64() < Some(1.0);
    bench.until("gateway.usage", json!({ "last": "1m" }), "5m", good);
    let scaled = bench.get("services.scale", json!({ "replicas": 10 }));
    assert_eq!(scaled["ready"], 10);
    bench.until("gateway.usage", json!({ "last": "5m" }), "10m", good);
    bench.verify_recovery();

    let mut bench = Bench::new("rate-limit", 2);
    bench.get(
        "flags.disable",
        json!({ "names": ["recommendations", "search-suggestions"] }),
    );
    bench.until("gateway.usage", json!({ "last": "1m" }), "3m", good);
    bench.verify_recovery();
}

#[test]
fn data_flows_out_until_it_is_stopped() {
    let mut bench = Bench::new("breach", 1);
    let args = json!({ "service": "checkout", "last": "1h" });
    let seen = bench.get("firewall.connections", args);
    assert_eq!(seen["suspicious"], json!(["203.0.113.66", "203.0.113.67"]));
    assert_eq!(seen["sent_out"], "17 GiB");
    let trail = bench.get("cloud.audit_events", json!({ "service": "checkout" }));
    assert_eq!(trail["principals"], json!(["svc-checkout"]));
    let warned = bench.get(
        "logs.search",
        json!({ "level": "warn", "service": "checkout" }),
    );
    assert!(warned.to_string().contains("203.0.113.66"), "{warned}");

    let taken = |bench: &Bench| bench.world.network.attack.as_ref().unwrap().taken;
    let before = taken(&bench);
    bench.wait("5m");
    bench.look("firewall.status");
    assert!(taken(&bench) > before);
    bench.get("firewall.block_all", json!({ "service": "checkout" }));
    let before = taken(&bench);
    let args = json!({ "service": "checkout", "last": "1m" });
    let waited = bench.until("firewall.connections", args, "2m", |o| {
        o["peers"].as_array().unwrap().is_empty()
    });
    assert!((55.0..70.0).contains(&waited), "{waited}");
    assert_eq!(taken(&bench), before);
    let revoked = bench.get(
        "cloud.revoke_access",
        json!({ "principal": "svc-checkout" }),
    );
    assert_eq!(revoked["sessions_ended"], 2);
    let health = bench.look("health.check");
    assert!(
        health["failing"]
            .as_array()
            .unwrap()
            .contains(&json!("checkout"))
    );

    let mut bench = Bench::new("breach", 3);
    let seen = bench.get("firewall.connections", json!({ "service": "checkout" }));
    assert_eq!(seen["suspicious"], json!([]));
}

#[test]
fn blocking_the_addresses_stops_it_as_well() {
    let mut bench = Bench::new("breach", 1);
    bench.get(
        "firewall.block_ip",
        json!({ "ips": ["203.0.113.66", "203.0.113.67"] }),
    );
    assert!(!bench.world.network.leaks());
    bench.get("firewall.unblock_ip", json!({ "ips": ["203.0.113.67"] }));
    assert!(bench.world.network.leaks());
    bench.get("firewall.block_all", json!({ "service": "checkout" }));
    assert!(!bench.world.network.leaks());
    bench.get("firewall.unblock", json!({ "service": "checkout" }));
    assert!(bench.world.network.leaks());
}

const PENDING: &str =
    "select id, amount, currency, status from payments where status = 'pending' limit 10";

#[test]
fn payments_hang_while_the_provider_fails_and_a_pause_stops_that() {
    let mut bench = Bench::new("payments-down", 1);
    let status = bench.look("payments.status");
    assert_eq!(status["state"], "degraded");
    assert!(status["success_percent"].as_f64() < Some(40.0), "{status}");
    let rows = bench.get("database.query", json!({ "sql": PENDING }));
    assert_eq!(rows["count"], 10);
    assert_eq!(rows["rows"][0]["status"], "pending");
    assert_eq!(rows["rows"][0].as_object().unwrap().len(), 4);
    let errors = bench.get("metrics.errors", json!({ "service": "payments" }));
    assert!(errors["now_percent"].as_f64() > Some(60.0));

    let hanging = |bench: &mut Bench| {
        let sql = "SELECT count(*) FROM payments WHERE status = :status";
        let args = json!({ "sql": sql, "bind": { "status": "pending" } });
        bench.get("database.query", args)["rows"][0]["count"]
            .as_u64()
            .unwrap()
    };
    let before = hanging(&mut bench);
    bench.wait("2m");
    assert!(hanging(&mut bench) > before);
    bench.get("flags.enable", json!({ "names": "payments-maintenance" }));
    bench.wait("5s");
    let before = hanging(&mut bench);
    bench.wait("3m");
    assert_eq!(hanging(&mut bench), before);

    bench.until("payments.status", json!({}), "4h", |o| {
        o["state"] == "operational"
    });
    assert_eq!(bench.look("payments.test_payment")["accepted"], true);
    let rows = bench.get("database.query", json!({ "sql": PENDING }));
    let mut sent = 0;
    for row in rows["rows"].as_array().unwrap() {
        let seen = bench.get("payments.lookup", json!({ "payment": row["id"] }));
        if seen["state"] == "absent" {
            let paid = bench.get("payments.retry", json!({ "payment": row["id"] }));
            assert_eq!(paid["state"], "captured");
            sent += 1;
        }
    }
    assert!((5..10).contains(&sent), "{sent}");
    bench.get("flags.disable", json!({ "names": "payments-maintenance" }));
    let args = json!({ "last": "5m", "service": "payments" });
    bench.until("metrics.errors", args, "10m", |o| {
        o["requests"].as_u64() > Some(0) && o["now_percent"].as_f64() <= Some(1.0)
    });
    bench.verify_recovery();
}

#[test]
fn our_own_fault_is_rolled_back() {
    let mut bench = Bench::new("payments-down", 2);
    assert_eq!(bench.look("payments.status")["state"], "operational");
    assert!(bench.look("payments.status")["success_percent"].as_f64() < Some(90.0));
    let deployed = bench.get("deploys.status", json!({ "service": "payments" }));
    let previous = deployed["previous"].clone();
    bench.get(
        "deploys.rollback",
        json!({ "service": "payments", "to_version": previous }),
    );
    bench.verify_recovery();
}

#[test]
fn a_bad_change_is_mended_by_taking_back_that_change() {
    let mut bench = Bench::new("bad-deploy", 1);
    assert!(!bench.healthy());
    assert_eq!(
        bench.look("deploys.history")["deploys"][0]["version"],
        "v43"
    );
    assert!(bench.look("services.status")["crashes"].as_u64() > Some(0));
    bench.refused("deploys.rollback", json!({ "to_version": "v7" }));
    bench.get("deploys.freeze", json!({}));
    bench.refused("deploys.deploy", json!({}));
    bench.get("deploys.rollback", json!({ "to_version": "v42" }));
    bench.verify_recovery();

    let mut bench = Bench::new("bad-deploy", 2);
    bench.get("deploys.rollback", json!({ "to_version": "v42" }));
    assert!(!bench.healthy());
    bench.get("config.set", json!({ "assignment": "api.pool_size=40" }));
    bench.verify_recovery();

    let mut bench = Bench::new("bad-deploy", 3);
    assert!(!bench.healthy());
    bench.get("flags.disable", json!({ "names": ["new-checkout"] }));
    bench.verify_recovery();
}
