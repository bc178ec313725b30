//! The service mesh: circuits that can be broken and closed.

use serde_json::json;

use super::super::args::Args;
use super::super::law::conditions;
use super::super::operation::Operation::{Deed as Do, Look};
use super::super::operation::{Deed, No, Operations, Seen};
use super::super::units::tenth;
use super::super::world::World;
use super::services::known;

pub(in crate::sandbox) const OPERATIONS: Operations = &[
    ("mesh.status", Look(status)),
    ("mesh.break_circuit", Do(break_circuit)),
    ("mesh.close_circuit", Do(close_circuit)),
];

fn status(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let service = args.needed("service")?;
    let broken = known(world, &service)?.circuit_broken;
    let (rps, errors) = conditions(world)
        .get(service.as_str())
        .map_or((0.0, 0.0), |it| (it.rps, it.errors));
    Ok(json!({
        "service": service,
        "circuit_broken": broken,
        "rps": if broken { 0.0 } else { tenth(rps) },
        "error_percent": tenth(errors * 100.0),
    })
    .into())
}

fn set(world: &mut World, args: &Args<'_>, broken: bool) -> Result<Deed, No> {
    let service = args.needed("service")?;
    known(world, &service)?;
    if let Some(found) = world.services.get_mut(&service) {
        found.circuit_broken = broken;
    }
    let effect = if broken { "broken" } else { "closed" };
    Ok(Deed::new(
        format!("circuit to {service} {effect}"),
        json!({ "service": service, "circuit_broken": broken }),
    ))
}

fn break_circuit(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    set(world, args, true)
}

fn close_circuit(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    set(world, args, false)
}
