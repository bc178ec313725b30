//! The health check: how each service fares at this moment.

use serde_json::json;

use crate::model::Duration;

use super::super::args::Args;
use super::super::law::conditions;
use super::super::operation::Operation::Look;
use super::super::operation::{No, Operations, Seen};
use super::super::world::World;
use super::services::named;

pub(in crate::sandbox) const OPERATIONS: Operations = &[("health.check", Look(check))];

fn check(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let only = named(world, args)?;
    let all: Vec<_> = conditions(world)
        .into_iter()
        .filter(|(name, _)| only.as_ref().is_none_or(|only| only == name))
        .collect();
    let failing: Vec<&str> = all
        .iter()
        .filter(|(_, it)| !it.healthy())
        .map(|(name, _)| *name)
        .collect();
    let checks: Vec<_> = all
        .iter()
        .map(|(name, it)| {
            let detail = match it.reason.as_str() {
                _ if it.healthy() => "ok",
                "" => "it is too slow",
                reason => reason,
            };
            json!({
                "service": name,
                "healthy": it.healthy(),
                "latency": Duration::from_millis(it.latency.round() as u64),
                "detail": detail,
            })
        })
        .collect();
    let well = all.len() - failing.len();
    let verb = if all.len() == 1 {
        "service is"
    } else {
        "services are"
    };
    Ok(json!({
        "healthy": failing.is_empty(),
        "failing": failing,
        "summary": format!("{well} of {} {verb} healthy", all.len()),
        "checks": checks,
    })
    .into())
}
