//! A world on a bench: its clock goes on by what acts take, and by what the test waits.

use serde_json::{Value as Json, json};

use crate::model::ids::IdempotencyKey;
use crate::model::{Duration, Map, Timestamp, Value};
use crate::sandbox::{Act, Answer, Outcome, Scenario, World, acts};

pub(super) const SCENARIOS: [&str; 8] = [
    "calm",
    "db-primary-down",
    "db-corrupt",
    "replica-lagging",
    "rate-limit",
    "breach",
    "payments-down",
    "bad-deploy",
];

pub(super) fn start() -> Timestamp {
    "2026-11-20T19:53:59Z".parse().unwrap()
}

pub(super) fn scenario(name: &str) -> Scenario {
    let path = format!(
        "{}/adapters/sandbox/scenarios/{name}.yaml",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).unwrap();
    Scenario::read(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(super) fn map(json: &Json) -> Map {
    match Value::from_plain(json) {
        Value::Map(map) => map,
        _ => Map::new(),
    }
}

#[derive(Clone)]
pub(super) struct Bench {
    pub(super) world: World,
    pub(super) now: Timestamp,
    keys: u32,
}

impl Bench {
    pub(super) fn new(name: &str, seed: u64) -> Self {
        Self {
            world: World::begin(&scenario(name), seed, start()),
            now: start(),
            keys: 0,
        }
    }

    /// A world in which nothing but this fault struck, five minutes ago.
    pub(super) fn with(fault: &str) -> Self {
        let text = format!("title: t\ndescription: d\nfaults: [ {{ ago: 5m, fault: {fault} }} ]\n");
        let scenario = Scenario::read(&text).unwrap();
        Self {
            world: World::begin(&scenario, 1, start()),
            now: start(),
            keys: 0,
        }
    }

    /// Percentage of a service's requests that fail at this moment.
    pub(super) fn errors_of(&mut self, service: &str) -> f64 {
        let seen = self.get("mesh.status", json!({ "service": service }));
        seen["error_percent"].as_f64().unwrap()
    }

    pub(super) fn wait(&mut self, time: &str) {
        let time: Duration = time.parse().unwrap();
        self.now = time.after(self.now);
    }

    pub(super) fn keyed(
        &mut self,
        operation: &str,
        args: Json,
        key: &str,
        idempotent: bool,
    ) -> Answer {
        let answer = self.world.act(&Act {
            operation,
            args: &map(&args),
            key: &IdempotencyKey(key.to_owned()),
            idempotent,
            acts: acts(operation).unwrap_or(true),
            now: self.now,
        });
        self.now = answer.took.after(self.now);
        answer
    }

    pub(super) fn ask(&mut self, operation: &str, args: Json) -> Outcome {
        self.keys += 1;
        let key = format!("key-{}", self.keys);
        self.keyed(operation, args, &key, false).outcome
    }

    /// The output of what has to succeed.
    pub(super) fn get(&mut self, operation: &str, args: Json) -> Json {
        match self.ask(operation, args) {
            Outcome::Output(output) => output.to_plain(),
            other => panic!("{operation}: {other:?}"),
        }
    }

    pub(super) fn look(&mut self, operation: &str) -> Json {
        self.get(operation, json!({}))
    }

    pub(super) fn refused(&mut self, operation: &str, args: Json) -> String {
        match self.ask(operation, args) {
            Outcome::Refused(message) => message,
            other => panic!("{operation}: {other:?}"),
        }
    }

    pub(super) fn failed(&mut self, operation: &str, args: Json) -> String {
        match self.ask(operation, args) {
            Outcome::Failed(message) => message,
            other => panic!("{operation}: {other:?}"),
        }
    }

    /// Asks again and again, as a step with `until`, and says how many seconds it took.
    pub(super) fn until(
        &mut self,
        operation: &str,
        args: Json,
        within: &str,
        good: impl Fn(&Json) -> bool,
    ) -> f64 {
        let begun = self.now;
        let within: Duration = within.parse().unwrap();
        loop {
            let seen = self.get(operation, args.clone());
            let passed = Duration::between(begun, self.now);
            if good(&seen) {
                return passed.as_secs_f64();
            }
            assert!(passed <= within, "{operation} after {passed}: {seen}");
            self.wait("5s");
        }
    }

    pub(super) fn healthy(&mut self) -> bool {
        self.look("health.check")["healthy"] == true
    }

    pub(super) fn errors_now(&mut self) -> f64 {
        self.look("metrics.errors")["now_percent"].as_f64().unwrap()
    }

    /// What every runbook ends with.
    pub(super) fn verify_recovery(&mut self) {
        self.until("health.check", json!({}), "10m", |o| o["healthy"] == true);
        self.until("metrics.errors", json!({ "last": "5m" }), "10m", |o| {
            o["samples"].as_u64() > Some(0) && o["now_percent"].as_f64() <= Some(1.0)
        });
        self.wait("30s");
        let watched = self.get("metrics.watch", json!({ "duration": "15m" }));
        assert_eq!(watched["stable"], true, "{watched}");
    }
}
