//! The laws: what follows from the state. Error rates and latencies are never stored, only derived.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::topology::{Blueprint, CALLERS, MAIN, Need, SERVICES};
use super::world::World;

/// A trap: while its trigger stands, a service fails.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hazard {
    /// What makes it bite.
    pub when: Trigger,
    /// Which service.
    pub service: String,
    /// Percentage of its requests that fail.
    pub errors: f64,
    /// How many times as slow it is.
    #[serde(default = "one")]
    pub latency: f64,
    /// Whether instances crash.
    #[serde(default)]
    pub crashes: bool,
    /// What the logs say.
    pub message: String,
}

fn one() -> f64 {
    1.0
}

/// What makes a trap bite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Trigger {
    /// A service runs this version.
    Version {
        /// Which service.
        service: String,
        /// Which version.
        version: String,
    },
    /// A setting has this value.
    Setting {
        /// Which.
        key: String,
        /// What value.
        value: String,
    },
    /// A flag is on.
    Flag {
        /// Which.
        name: String,
    },
}

impl Trigger {
    fn stands(&self, world: &World) -> bool {
        match self {
            Self::Version { service, version } => world
                .services
                .get(service)
                .is_some_and(|service| service.version() == version),
            Self::Setting { key, value } => world.settings.get(key) == Some(value),
            Self::Flag { name } => world.flag(name),
        }
    }
}

/// How a service fares.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    pub(super) rps: f64,
    /// Share of requests that fail, 0 to 1.
    pub(super) errors: f64,
    /// Median, in milliseconds.
    pub(super) latency: f64,
    /// Share of what its instances can bear; over 1 is overload.
    pub(super) load: f64,
    /// Why most of the failing requests fail; empty where none do.
    pub(super) reason: String,
    pub(super) crashes: bool,
    worst: f64,
}

impl Condition {
    /// Ill above this share of failing requests.
    const ILL: f64 = 0.05;

    pub(super) fn healthy(&self) -> bool {
        self.errors < Self::ILL && self.latency < 3000.0
    }

    /// The 95th percentile, in milliseconds.
    pub(super) fn p95(&self) -> f64 {
        self.latency * 3.4
    }

    /// One more way to fail, independent of the others.
    fn fails(&mut self, share: f64, reason: impl FnOnce() -> String) {
        let share = share.clamp(0.0, 1.0);
        if share > self.worst {
            self.worst = share;
            self.reason = reason();
        }
        self.errors = 1.0 - (1.0 - self.errors) * (1.0 - share);
    }
}

/// Share of users' requests that our own gateway lets through.
pub(super) fn admitted(world: &World) -> f64 {
    let limit = f64::from(world.gateway.limit);
    let wanted = users(world);
    if world.gateway.limit == 0 || wanted <= limit {
        1.0
    } else {
        limit / wanted
    }
}

/// Users' requests a second at the gateway, before it turns any away.
pub(super) fn users(world: &World) -> f64 {
    60.0 * world.traffic
}

fn rps(world: &World, service: &Blueprint) -> f64 {
    let less = match service.name {
        "payments" if world.flag("payments-maintenance") => 0.0,
        "search" if !world.flag("search-suggestions") => 0.6,
        "worker" if !world.flag("image-resizing") => 0.7,
        _ => 1.0,
    };
    service.rps * world.traffic * admitted(world) * less
}

fn load(world: &World, service: &Blueprint) -> f64 {
    let ready = world
        .services
        .get(service.name)
        .map_or(0, |found| found.ready);
    let away = if service.name == MAIN {
        world.balancer.away.len()
    } else {
        0
    };
    let serving = (f64::from(ready) - away as f64).max(0.0);
    if serving == 0.0 {
        return f64::INFINITY;
    }
    rps(world, service) / (serving * service.capacity)
}

/// Calls a second to the maps provider by caller, and the share of them that is answered 429.
pub(super) fn calls(world: &World) -> (Vec<(&'static str, f64)>, f64) {
    let main = SERVICES
        .iter()
        .find(|service| service.name == MAIN)
        .map_or(0.0, |service| load(world, service));
    // Whoever waits too long asks again: load makes more load.
    let again = 1.0 + (main.min(1.5) - 0.8).max(0.0);
    let callers: Vec<_> = CALLERS
        .iter()
        .filter(|(_, _, _, flag)| flag.is_empty() || world.flag(flag))
        .map(|(name, calls, ..)| (*name, calls * world.traffic * admitted(world) * again))
        .collect();
    let all: f64 = callers.iter().map(|(_, calls)| calls).sum();
    let over = if all > world.gateway.quota {
        1.0 - world.gateway.quota / all
    } else {
        0.0
    };
    (callers, over)
}

/// How every service fares, each after those that it needs.
pub(super) fn conditions(world: &World) -> IndexMap<&'static str, Condition> {
    let mut all: IndexMap<&'static str, Condition> = IndexMap::with_capacity(SERVICES.len());
    let throttled = calls(world).1;
    for service in &SERVICES {
        let condition = condition(world, service, &all, throttled);
        all.insert(service.name, condition);
    }
    all
}

fn condition(
    world: &World,
    service: &Blueprint,
    others: &IndexMap<&'static str, Condition>,
    throttled: f64,
) -> Condition {
    let load = load(world, service);
    let mut it = Condition {
        rps: rps(world, service),
        errors: 0.0,
        // Queues grow long before they are full.
        latency: service.latency * (1.0 + (load.min(1.5) - 0.7).max(0.0) * 4.0),
        load,
        reason: String::new(),
        crashes: false,
        worst: 0.0,
    };
    let name = service.name;
    if world.network.is_blocked(name) {
        it.fails(1.0, || format!("no route to {name}"));
    }
    if world.circuit_broken(name) {
        it.fails(1.0, || format!("the circuit to {name} is open"));
    }
    if load > 1.0 {
        it.fails(1.0 - 1.0 / load, || {
            format!("{name}: request queue is full")
        });
    }
    for hazard in world.hazards.iter().filter(|h| h.service == name) {
        if hazard.when.stands(world) {
            it.fails(hazard.errors / 100.0, || hazard.message.clone());
            it.latency *= hazard.latency;
            it.crashes |= hazard.crashes;
        }
    }
    if name == MAIN {
        for instance in &world.balancer.sick {
            if !world.balancer.away.contains(instance) {
                let serving = world.balancer.serving(world).len().max(1);
                it.fails(1.0 / serving as f64, || {
                    format!("{instance} timed out after 10 s")
                });
            }
        }
    }
    for (need, share) in service.needs {
        depends(world, &mut it, *need, *share, others, throttled);
    }
    it
}

fn depends(
    world: &World,
    it: &mut Condition,
    need: Need,
    share: f64,
    others: &IndexMap<&'static str, Condition>,
    throttled: f64,
) {
    match need {
        Need::Database => {
            let primary = &world.cluster.primary;
            let lost = 1.0 - world.cluster.answers();
            it.fails(share * lost, || {
                if world.cluster.writable() {
                    "timed out waiting for a connection from the pool".to_owned()
                } else {
                    format!("could not connect to {primary}: connection refused")
                }
            });
        }
        Need::Provider => {
            let provider = &world.provider;
            it.fails(share * (1.0 - provider.success), || {
                "payment provider answered 503 Service Unavailable".to_owned()
            });
            it.latency += provider.latency_ms * (1.0 - provider.success);
        }
        Need::Maps => {
            it.fails(share * throttled, || {
                "maps provider answered 429 Too Many Requests".to_owned()
            });
        }
        Need::Service("payments") if world.flag("payments-maintenance") => {}
        Need::Service(name) => {
            if let Some(other) = others.get(name) {
                it.fails(share * other.errors, || {
                    format!("{name} failed: {}", other.reason)
                });
                // A caller waits for what it needs, but gives up after a while.
                let usual = super::topology::blueprint(name).map_or(0.0, |b| b.latency);
                it.latency += share * (other.latency - usual).clamp(0.0, 2000.0) * 0.5;
            }
        }
    }
}
