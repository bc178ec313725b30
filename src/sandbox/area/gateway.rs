//! The API gateway: our own limit, and our use of the maps provider's quota.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::args::Args;
use super::super::law::calls;
use super::super::operation::Operation::{Deed as Do, Look};
use super::super::operation::{Deed, No, Operations, Seen};
use super::super::topology::CALLERS;
use super::super::units::tenth;
use super::super::world::World;

pub(in crate::sandbox) const OPERATIONS: Operations = &[
    ("gateway.usage", Look(usage)),
    ("gateway.get_rate_limit", Look(get_rate_limit)),
    ("gateway.set_rate_limit", Do(set_rate_limit)),
    ("gateway.restore_rate_limit", Do(set_rate_limit)),
];

/// Our own limit and the provider's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Gateway {
    /// Users' requests a second that we let through; 0 is no limit.
    pub(in crate::sandbox) limit: u32,
    /// Calls a second that the maps provider allows.
    pub(in crate::sandbox) quota: f64,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            limit: 0,
            quota: 150.0,
        }
    }
}

fn usage(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let last = args.time("last", 5);
    let mut seconds = 0.0;
    let (mut all, mut refused, mut asked, mut rejected) = (0.0, 0.0, 0.0, 0.0);
    for sample in world.history.last(world.now(), last) {
        let gauges = &sample.gauges;
        seconds += sample.seconds;
        all += gauges.calls;
        refused += gauges.refused;
        asked += gauges.asked;
        rejected += gauges.rejected;
    }
    let percent = |part: f64, of: f64| {
        if of > 0.0 {
            tenth(part / of * 100.0)
        } else {
            0.0
        }
    };
    let (now, over) = calls(world);
    let mut callers: Vec<_> = CALLERS
        .iter()
        .map(|(name, _, critical, flag)| {
            let rps = now
                .iter()
                .find(|(caller, _)| caller == name)
                .map_or(0.0, |(_, rps)| tenth(*rps));
            (rps, *name, *critical, *flag)
        })
        .collect();
    callers.sort_by(|a, b| b.0.total_cmp(&a.0));
    let callers: Vec<_> = callers
        .iter()
        .map(|(rps, name, critical, flag)| {
            json!({ "name": name, "rps": rps, "critical": critical, "flag": flag })
        })
        .collect();
    Ok(json!({
        "provider": "maps",
        "rps": if seconds > 0.0 { tenth(all / seconds) } else { 0.0 },
        "quota_rps": world.gateway.quota,
        "throttled_percent": percent(refused, all),
        "rejected_percent": percent(rejected, asked),
        "retry_after": if over > 0.0 { "30s" } else { "0s" },
        "callers": callers,
    })
    .into())
}

fn get_rate_limit(world: &World, _args: &Args<'_>) -> Result<Seen, No> {
    let limit = world.gateway.limit;
    Ok(json!({ "limited": limit > 0, "rps": limit }).into())
}

fn set_rate_limit(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let rps = args.count("rps")?;
    let previous = std::mem::replace(&mut world.gateway.limit, rps);
    Ok(Deed::new(
        format!("our own limit went from {previous} to {rps} requests a second"),
        json!({ "rps": rps, "previous": previous }),
    ))
}
