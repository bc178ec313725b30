//! Who depends on what, law by law.

use serde_json::json;

use super::bench::Bench;

#[test]
fn a_service_that_is_cut_off_takes_with_it_who_needs_it_as_far_as_they_do() {
    let mut bench = Bench::new("calm", 1);
    bench.get("firewall.block_all", json!({ "service": "auth" }));
    assert_eq!(bench.errors_of("auth"), 100.0);
    assert_eq!(bench.errors_of("api"), 30.0);
    assert_eq!(bench.errors_of("web"), 21.0);
    assert_eq!(bench.errors_of("search"), 0.0);
    bench.get("firewall.unblock", json!({ "service": "auth" }));
    assert_eq!(bench.errors_of("api"), 0.0);
}

#[test]
fn a_broken_circuit_reaches_nobody_until_it_is_closed() {
    let mut bench = Bench::new("calm", 1);
    bench.get("mesh.break_circuit", json!({ "service": "search" }));
    let seen = bench.get("mesh.status", json!({ "service": "search" }));
    assert_eq!(seen["rps"], 0.0);
    assert_eq!(bench.errors_of("web"), 10.0);
    bench.get("mesh.close_circuit", json!({ "service": "search" }));
    assert!(bench.healthy());
    bench.refused("mesh.break_circuit", json!({ "service": "serch" }));
}

#[test]
fn overload_makes_errors_and_instances_or_a_throttle_cure_it() {
    let mut bench = Bench::with("{ traffic: { factor: 4 } }");
    let before = bench.errors_of("api");
    assert!(before > 20.0, "{before}");
    bench.get("services.scale", json!({ "service": "api", "replicas": 8 }));
    // What is left comes from `auth`, which is overloaded as well.
    assert!(bench.errors_of("api") < 5.0);
    bench.refused(
        "services.scale",
        json!({ "service": "api", "replicas": 99 }),
    );
    assert!(bench.errors_of("worker") > 20.0);
    bench.get("gateway.set_rate_limit", json!({ "rps": 100 }));
    assert_eq!(bench.errors_of("worker"), 0.0);
    bench.wait("1m");
    let usage = bench.get("gateway.usage", json!({ "last": "30s" }));
    assert_eq!(usage["rejected_percent"], 58.3);
}

#[test]
fn a_sick_instance_fails_its_share_until_traffic_goes_elsewhere() {
    let mut bench = Bench::with("{ instance_sick: { instance: api-4 } }");
    assert_eq!(bench.errors_of("api"), 25.0);
    // The balancer's own check sees nothing of it.
    assert_eq!(bench.look("balancer.status")["down"], json!([]));
    let away = bench.get("balancer.route_away", json!({ "instance": "api-4" }));
    assert_eq!(away["serving"], 3);
    assert_eq!(bench.errors_of("api"), 0.0);
    bench.refused("balancer.route_away", json!({ "instance": "api-5" }));
    bench.get("balancer.route_back", json!({ "instance": "api-4" }));
    assert_eq!(bench.errors_of("api"), 25.0);
    bench.get("services.restart", json!({ "service": "api" }));
    assert_eq!(bench.errors_of("api"), 0.0);
}

#[test]
fn the_last_instance_that_serves_keeps_its_traffic() {
    let mut bench = Bench::new("calm", 1);
    bench.get("services.scale", json!({ "service": "api", "replicas": 2 }));
    bench.get("balancer.route_away", json!({ "instance": "api-1" }));
    bench.refused("balancer.route_away", json!({ "instance": "api-2" }));
}

#[test]
fn applications_come_back_over_ten_seconds_not_at_once() {
    let mut bench = Bench::new("db-primary-down", 2);
    bench.get("database.restart", json!({}));
    let first = bench.errors_of("api");
    assert!((30.0..100.0).contains(&first), "{first}");
    bench.wait("10s");
    assert_eq!(bench.errors_of("api"), 0.0);
    // What was measured is not forgotten, so the last minute's rate falls over a minute.
    assert!(bench.errors_now() > 10.0);
}

#[test]
fn background_work_piles_up_and_is_worked_off() {
    let mut bench = Bench::new("db-primary-down", 2);
    let depth = |bench: &mut Bench| bench.look("metrics.dashboard")["queue_depth"].as_u64();
    assert!(depth(&mut bench) > Some(1000));
    bench.get("database.restart", json!({}));
    bench.wait("10m");
    assert_eq!(depth(&mut bench), Some(3));
}

#[test]
fn a_replica_that_still_has_too_much_to_apply_is_not_promoted() {
    let fault = "{ replica_lags: { node: db-3, backlog: 2h, replay: 1.0 } }";
    let mut bench = Bench::with(fault);
    let message = bench.failed("database.failover", json!({ "to_replica": "db-3" }));
    assert!(message.contains("GiB"), "{message}");
    assert_eq!(bench.look("database.status")["primary"], "db-1");
}

#[test]
fn a_fenced_node_is_not_restarted_and_comes_back_as_it_was() {
    let mut bench = Bench::new("calm", 1);
    bench.get("database.fence", json!({ "node": "db-1" }));
    assert_eq!(bench.look("database.status")["fenced"], json!(["db-1"]));
    assert!(!bench.healthy());
    bench.refused("database.restart", json!({}));
    bench.get("database.unfence", json!({ "node": "db-1" }));
    bench.wait("15s");
    assert!(bench.healthy());
    bench.refused("database.fence", json!({ "node": "db-7" }));
    bench.refused("database.rejoin", json!({ "node": "db-1" }));
}

#[test]
fn a_query_reads_and_nothing_else() {
    let mut bench = Bench::new("payments-down", 1);
    bench.refused("database.query", json!({ "sql": "delete from payments" }));
    let other = bench.get("database.query", json!({ "sql": "select * from orders" }));
    assert_eq!(other["count"], 0);
    let args = json!({ "sql": "select * from payments", "limit": 3 });
    let three = bench.get("database.query", args);
    assert_eq!(
        (&three["count"], &three["truncated"]),
        (&json!(3), &json!(true))
    );
    let args = json!({
        "sql": "update payments set status = 'failed' where id = :id",
        "bind": { "id": "pay-1042" },
    });
    assert_eq!(bench.get("database.execute", args)["affected"], 1);
    let args = json!({ "sql": "select id from payments where status = 'failed'" });
    assert_eq!(
        bench.get("database.query", args)["rows"],
        json!([{ "id": "pay-1042" }])
    );
}

#[test]
fn whoever_is_paged_answers_after_a_while() {
    let mut bench = Bench::new("calm", 1);
    let page = json!({ "summary": "s", "team": "security", "key": "k" });
    assert_eq!(bench.get("pager.page", page)["state"], "triggered");
    bench.wait("3m");
    let seen = bench.get("pager.status", json!({ "key": "k" }));
    assert_eq!(
        (&seen["state"], &seen["person"]),
        (&json!("acknowledged"), &json!("sam"))
    );
    assert_eq!(
        bench.get("pager.status", json!({ "key": "x" }))["state"],
        "none"
    );
}

#[test]
fn what_was_said_can_be_read_again() {
    let mut bench = Bench::new("calm", 1);
    bench.failed(
        "chat.post",
        json!({ "channel": "nowhere", "text": "hello" }),
    );
    bench.get(
        "chat.post",
        json!({ "channel": "#incidents", "text": "hello" }),
    );
    let seen = bench.get("chat.history", json!({ "channel": "incidents" }));
    assert_eq!(seen["messages"][0]["text"], "hello");
    bench.get("vcs.checkout", json!({ "b": "hotfix" }));
    let done = bench.get("vcs.commit", json!({ "m": "Fix the pool size" }));
    let there = json!({ "remote": "origin", "branch": "hotfix" });
    assert_eq!(
        bench.get("vcs.remote_status", there.clone())["exists"],
        false
    );
    assert_eq!(bench.get("vcs.push", there.clone())["head"], done["head"]);
    assert_eq!(bench.get("vcs.remote_status", there)["same"], true);
}
