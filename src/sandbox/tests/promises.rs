//! What holds whatever happens: looking changes nothing, one key acts once, chance repeats itself.

use proptest::prelude::*;
use serde_json::json;

use super::bench::{Bench, SCENARIOS, map, scenario, start};
use crate::model::Duration;
use crate::model::ids::IdempotencyKey;
use crate::sandbox::{Act, Outcome, World};

#[test]
fn every_scenario_begins_with_each_of_its_causes() {
    for name in SCENARIOS {
        for seed in 1..=scenario(name).causes.len().max(1) as u64 {
            let bench = Bench::new(name, seed);
            assert_eq!(bench.world.now(), start(), "{name}");
            assert!(bench.world.log().is_empty());
        }
    }
}

#[test]
fn a_world_is_read_back_as_it_was_stored() {
    for name in SCENARIOS {
        let mut bench = Bench::new(name, 1);
        bench.get(
            "chat.post",
            json!({ "channel": "incidents", "text": "hello" }),
        );
        bench.get("cloud.snapshot", json!({ "service": "api" }));
        let text = serde_json::to_string(&bench.world).unwrap();
        let world: World = serde_json::from_str(&text).unwrap();
        assert_eq!(world, bench.world, "{name}");
        assert!(text.len() < 200_000, "{name}: {} bytes", text.len());
    }
}

#[test]
fn looking_often_changes_nothing() {
    let mut often = Bench::new("rate-limit", 1);
    let mut seldom = Bench::new("rate-limit", 1);
    for _ in 0..60 {
        often.look("gateway.usage");
        often.get("metrics.watch", json!({ "duration": "1m" }));
        often.now = often.world.now();
        often.wait("7s");
    }
    seldom.now = often.now;
    often.look("vcs.status");
    seldom.look("vcs.status");
    // The one thing that a look leaves behind is when it was asked.
    assert_eq!(
        serde_json::to_value(&often.world).unwrap(),
        serde_json::to_value(&seldom.world).unwrap()
    );
}

#[test]
fn what_is_idempotent_acts_once_for_a_key() {
    let mut bench = Bench::new("calm", 1);
    let args = json!({ "rps": 100 });
    let first = bench.keyed("gateway.set_rate_limit", args.clone(), "k", true);
    let again = bench.keyed("gateway.set_rate_limit", args.clone(), "k", true);
    assert_eq!(first.outcome, again.outcome);
    assert_eq!(bench.world.log().len(), 1);
    // Another key is another act, and another request under this key is a mistake of somebody's.
    bench.keyed("gateway.set_rate_limit", args, "k2", true);
    assert_eq!(bench.world.log().len(), 2);
    let other = bench.keyed("gateway.set_rate_limit", json!({ "rps": 5 }), "k", true);
    assert!(matches!(other.outcome, Outcome::Refused(_)), "{other:?}");
}

#[test]
fn what_is_not_idempotent_acts_each_time() {
    let mut bench = Bench::new("calm", 1);
    let args = json!({ "channel": "incidents", "text": "hello" });
    bench.keyed("chat.post", args.clone(), "k", false);
    bench.keyed("chat.post", args, "k", false);
    let key = IdempotencyKey("k".to_owned());
    let effects = bench.world.log().iter().filter(|e| e.key == key).count();
    assert_eq!(effects, 2);
}

#[test]
fn a_look_that_would_act_is_refused() {
    let mut bench = Bench::new("calm", 1);
    let answer = bench.world.act(&Act {
        operation: "database.failover",
        args: &map(&json!({})),
        key: &IdempotencyKey("k".to_owned()),
        idempotent: false,
        acts: false,
        now: start(),
    });
    assert!(matches!(answer.outcome, Outcome::Refused(_)));
    assert!(bench.world.log().is_empty());
}

#[test]
fn time_never_runs_backwards_and_acts_asked_for_at_once_do_not_add_up() {
    let mut bench = Bench::new("calm", 1);
    let begun = bench.now;
    for service in ["api", "checkout", "web"] {
        bench.now = begun;
        bench.get("cloud.snapshot", json!({ "service": service }));
    }
    assert_eq!(bench.world.now(), Duration::from_secs(140).after(begun));
    bench.now = begun;
    bench.look("database.status");
    assert_eq!(bench.world.now(), Duration::from_secs(140).after(begun));
}

#[test]
fn a_year_passes_quickly() {
    let mut bench = Bench::new("calm", 1);
    bench.wait("365d");
    assert!(bench.healthy());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The same scenario, seed and acts give the same world, to the last digit.
    #[test]
    fn the_same_acts_give_the_same_world(
        seed in 1_u64..9,
        name in proptest::sample::select(&SCENARIOS[..]),
        steps in proptest::collection::vec((0_usize..8, 1_u64..200), 1..12),
    ) {
        let live = || {
            let mut bench = Bench::new(name, seed);
            for (which, wait) in &steps {
                bench.now = Duration::from_secs(*wait).after(bench.now);
                let (operation, args) = [
                    ("database.failover", json!({})),
                    ("database.fence", json!({ "node": "db-1" })),
                    ("database.restart", json!({})),
                    ("flags.disable", json!({ "names": ["recommendations"] })),
                    ("payments.retry", json!({ "payment": "pay-1041" })),
                    ("firewall.block_all", json!({ "service": "checkout" })),
                    ("services.scale", json!({ "replicas": 9 })),
                    ("metrics.errors", json!({})),
                ][*which].clone();
                bench.ask(operation, args);
            }
            bench.world
        };
        prop_assert_eq!(live(), live());
    }

    /// However payments are sent again, and whatever happens meanwhile, nobody pays twice.
    #[test]
    fn nobody_is_charged_twice(seed in 1_u64..40, waits in proptest::collection::vec(1_u64..400, 1..30)) {
        let mut bench = Bench::new("payments-down", seed * 2 - 1);
        for (nth, wait) in waits.iter().enumerate() {
            bench.now = Duration::from_secs(*wait).after(bench.now);
            let id = format!("pay-{}", 1041 + nth % 5);
            bench.ask("payments.retry", json!({ "payment": id }));
        }
        prop_assert!(bench.world.payments.all.values().all(|payment| payment.taken <= 1));
    }
}
