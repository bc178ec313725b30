//! The load balancer in front of the main application.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::args::Args;
use super::super::law::{admitted, users};
use super::super::operation::Operation::{Deed as Do, Look};
use super::super::operation::{Deed, No, Operations, Seen};
use super::super::topology::MAIN;
use super::super::units::tenth;
use super::super::world::World;

pub(in crate::sandbox) const OPERATIONS: Operations = &[
    ("balancer.status", Look(status)),
    ("balancer.route_away", Do(route_away)),
    ("balancer.route_back", Do(route_back)),
];

/// Where traffic does not go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Balancer {
    pub(in crate::sandbox) away: Vec<String>,
    /// Answer the balancer's check, and nothing else in time.
    pub(in crate::sandbox) sick: Vec<String>,
}

impl Balancer {
    /// Instances that get traffic.
    pub(in crate::sandbox) fn serving(&self, world: &World) -> Vec<String> {
        let ready = world.services.get(MAIN).map_or(0, |service| service.ready);
        instances(1, ready)
            .filter(|instance| !self.away.contains(instance))
            .collect()
    }
}

fn instances(from: u32, to: u32) -> impl Iterator<Item = String> {
    (from..=to).map(|nth| format!("{MAIN}-{nth}"))
}

fn known(world: &World, args: &Args<'_>) -> Result<String, No> {
    let instance = args.needed("instance")?;
    let wanted = world
        .services
        .get(MAIN)
        .map_or(0, |service| service.replicas);
    if instances(1, wanted).any(|known| known == instance) {
        Ok(instance)
    } else {
        Err(No::refused(format!(
            "there is no instance `{instance}`; there are {MAIN}-1 to {MAIN}-{wanted}"
        )))
    }
}

fn status(world: &World, _args: &Args<'_>) -> Result<Seen, No> {
    let down: Vec<String> = world.services.get(MAIN).map_or_else(Vec::new, |service| {
        instances(service.ready + 1, service.replicas).collect()
    });
    Ok(json!({
        "serving": world.balancer.serving(world),
        "away": world.balancer.away,
        "down": down,
        "rps": tenth(users(world) * admitted(world)),
    })
    .into())
}

fn route_away(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let instance = known(world, args)?;
    let serving = world.balancer.serving(world);
    if !world.balancer.away.contains(&instance) {
        if serving == [instance.clone()] {
            return Err(No::refused(format!("{instance} is the last that serves")));
        }
        world.balancer.away.push(instance.clone());
    }
    let serving = world.balancer.serving(world).len();
    Ok(Deed::new(
        format!("traffic routed away from {instance}"),
        json!({ "instance": instance, "serving": serving }),
    ))
}

fn route_back(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let instance = known(world, args)?;
    world.balancer.away.retain(|away| *away != instance);
    let serving = world.balancer.serving(world).len();
    Ok(Deed::new(
        format!("traffic routed to {instance} again"),
        json!({ "instance": instance, "serving": serving }),
    ))
}
