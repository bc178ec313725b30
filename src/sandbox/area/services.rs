//! The services' instances: how many, how busy, restarted when.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::{Duration, Timestamp};

use super::super::args::Args;
use super::super::law::{Condition, conditions};
use super::super::operation::Operation::{Deed as Do, Look};
use super::super::operation::{Deed, No, Operations, Seen};
use super::super::topology::{MAIN, SERVICES};
use super::super::units::tenth;
use super::super::world::World;
use super::deploys::{Release, first_releases};

pub(in crate::sandbox) const OPERATIONS: Operations = &[
    ("services.status", Look(status)),
    ("services.scale", Do(scale)),
    ("services.restart", Do(restart)),
];

/// One service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Service {
    /// Instances that are wanted.
    pub(in crate::sandbox) replicas: u32,
    /// Instances that serve.
    pub(in crate::sandbox) ready: u32,
    pub(in crate::sandbox) max_replicas: u32,
    /// Counts every rollout and every restart.
    pub(in crate::sandbox) generation: u32,
    pub(in crate::sandbox) circuit_broken: bool,
    pub(in crate::sandbox) crashes: Vec<Timestamp>,
    pub(in crate::sandbox) memory_percent: f64,
    /// Newest last.
    pub(in crate::sandbox) releases: Vec<Release>,
    /// Counts every deployment and every rollback.
    pub(in crate::sandbox) release: u32,
}

impl Service {
    pub(in crate::sandbox) fn version(&self) -> &str {
        self.releases
            .last()
            .map_or("", |release| release.version.as_str())
    }

    /// Rolls a release out: every instance is replaced.
    pub(in crate::sandbox) fn release(&mut self, release: Release) {
        let previous = self.version().to_owned();
        self.releases.push(Release {
            previous,
            ..release
        });
        self.release += 1;
        self.generation += 1;
    }

    /// One instance comes up, or goes, at each tick.
    pub(in crate::sandbox) fn pass(&mut self, now: Timestamp) {
        if self.ready < self.replicas {
            self.ready += 1;
        } else {
            self.ready = self.replicas;
        }
        self.crashes
            .retain(|at| now.duration_since(*at) < jiff::SignedDuration::from_hours(1));
    }
}

/// All services as they are on a quiet day.
pub(in crate::sandbox) fn all(now: Timestamp) -> IndexMap<String, Service> {
    SERVICES
        .iter()
        .map(|built| {
            let service = Service {
                replicas: built.replicas,
                ready: built.replicas,
                max_replicas: built.max_replicas,
                generation: built.release + 3,
                circuit_broken: false,
                crashes: Vec::new(),
                memory_percent: built.memory_percent,
                releases: first_releases(built, now),
                release: built.release,
            };
            (built.name.to_owned(), service)
        })
        .collect()
}

/// The law of crashes and of the queue of background work.
pub(in crate::sandbox) fn pass(
    world: &mut World,
    conditions: &IndexMap<&'static str, Condition>,
    seconds: f64,
) {
    let now = world.now();
    for (name, it) in conditions {
        if let Some(service) = world.services.get_mut(*name)
            && it.crashes
            && service
                .crashes
                .last()
                .is_none_or(|last| now.duration_since(*last) >= jiff::SignedDuration::from_secs(40))
        {
            service.crashes.push(now);
        }
    }
    if let Some(worker) = conditions.get("worker") {
        // What fails is put back; what runs well also works off what has piled up.
        let grows = worker.rps * worker.errors;
        let shrinks = (1.0 - worker.errors) * (1.0 - worker.load.min(1.0)) * 40.0;
        world.queue = (world.queue + (grows - shrinks) * seconds).clamp(3.0, 1_000_000.0);
    }
}

/// The service that is meant: the main one where none is named.
pub(in crate::sandbox) fn meant(world: &World, args: &Args<'_>) -> Result<String, No> {
    let name = args.text("service").unwrap_or_else(|| MAIN.to_owned());
    known(world, &name)?;
    Ok(name)
}

/// The service that is named, if one is.
pub(in crate::sandbox) fn named(world: &World, args: &Args<'_>) -> Result<Option<String>, No> {
    let name = args.text("service");
    name.as_deref()
        .map_or(Ok(()), |name| known(world, name).map(|_| ()))?;
    Ok(name)
}

/// A service that has to be there.
pub(in crate::sandbox) fn known<'a>(world: &'a World, name: &str) -> Result<&'a Service, No> {
    world.services.get(name).ok_or_else(|| {
        let all: Vec<&str> = world.services.keys().map(String::as_str).collect();
        No::refused(format!(
            "there is no service `{name}`; there are {}",
            all.join(", ")
        ))
    })
}

fn status(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let name = meant(world, args)?;
    let service = known(world, &name)?;
    let load = conditions(world)
        .get(name.as_str())
        .map_or(0.0, |it| it.load);
    Ok(json!({
        "service": name,
        "replicas": service.replicas,
        "ready": service.ready,
        "max_replicas": service.max_replicas,
        "generation": service.generation,
        "crashes": service.crashes.len(),
        "cpu_percent": tenth((load * 100.0).min(100.0)),
        "memory_percent": service.memory_percent,
    })
    .into())
}

fn scale(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let name = meant(world, args)?;
    let replicas = args.count("replicas")?;
    let most = known(world, &name)?.max_replicas;
    if replicas > most {
        return Err(No::refused(format!(
            "{name} can have {most} instances at most"
        )));
    }
    let mut previous = 0;
    if let Some(service) = world.services.get_mut(&name) {
        previous = service.replicas;
        service.replicas = replicas;
    }
    let new = u64::from(replicas.saturating_sub(previous));
    world.spend(Duration::from_secs(5 + 5 * new));
    let ready = known(world, &name)?.ready;
    Ok(Deed::new(
        format!("{name} scaled from {previous} to {replicas}"),
        json!({ "service": name, "replicas": replicas, "previous": previous, "ready": ready }),
    ))
}

fn restart(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let name = meant(world, args)?;
    known(world, &name)?;
    let mut seconds = 0;
    if let Some(service) = world.services.get_mut(&name) {
        service.generation += 1;
        service.crashes.clear();
        seconds = 7 + 6 * u64::from(service.replicas);
    }
    if name == MAIN {
        // A new instance in the old one's place.
        world.balancer.sick.clear();
    }
    world.spend(Duration::from_secs(seconds));
    let service = known(world, &name)?;
    Ok(Deed::new(
        format!("{name} restarted"),
        json!({
            "service": name,
            "ready": service.ready,
            "replicas": service.replicas,
            "seconds": seconds,
        }),
    ))
}
