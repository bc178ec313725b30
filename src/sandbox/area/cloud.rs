//! The cloud provider: its incidents, our account's trail and keys, copies of disks and memory.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::{Duration, Timestamp};

use super::super::args::Args;
use super::super::operation::Operation::{Deed as Do, Look};
use super::super::operation::{Deed, No, Operations, Seen};
use super::super::random::hex;
use super::super::world::World;
use super::services::{known, named};

pub(in crate::sandbox) const OPERATIONS: Operations = &[
    ("cloud.status", Look(status)),
    ("cloud.audit_events", Look(audit_events)),
    ("cloud.access", Look(access)),
    ("cloud.revoke_access", Do(revoke_access)),
    ("cloud.restore_access", Do(restore_access)),
    ("cloud.snapshot", Do(snapshot)),
    ("cloud.snapshots", Look(snapshots)),
];

/// An incident of the provider's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Incident {
    pub(in crate::sandbox) title: String,
    pub(in crate::sandbox) region: String,
    pub(in crate::sandbox) since: Timestamp,
    pub(in crate::sandbox) services: Vec<String>,
}

/// A copy of a service's disks and memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Snapshot {
    id: String,
    service: String,
    label: String,
    created: Timestamp,
}

/// The provider, and our account there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Cloud {
    pub(in crate::sandbox) incidents: Vec<Incident>,
    revoked: Vec<String>,
    snapshots: Vec<Snapshot>,
}

fn status(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let region = args.text("region");
    let incidents: Vec<_> = world
        .cloud
        .incidents
        .iter()
        .filter(|incident| region.as_ref().is_none_or(|r| *r == incident.region))
        .collect();
    let summary = match incidents.as_slice() {
        [] => "All systems operational".to_owned(),
        [one] => one.title.clone(),
        several => format!("{} incidents", several.len()),
    };
    let incidents: Vec<_> = incidents
        .iter()
        .map(|incident| {
            json!({
                "title": incident.title,
                "region": incident.region,
                "since": incident.since.to_string(),
                "services": incident.services,
            })
        })
        .collect();
    Ok(json!({
        "operational": incidents.is_empty(),
        "summary": summary,
        "incidents": incidents,
    })
    .into())
}

fn audit_events(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let only = named(world, args)?;
    let last = args.time("last", 48 * 60);
    let now = world.now();
    let mut events = Vec::new();
    let mut principals = Vec::new();
    if let Some(attack) = world
        .network
        .attack
        .as_ref()
        .filter(|attack| only.as_ref().is_none_or(|only| *only == attack.service))
    {
        // Newest first.
        let steps = [
            (600, "storage.get", "bulk read of customer records"),
            (
                150,
                "secrets.read",
                "read a secret that it never read before",
            ),
            (0, "storage.list", "first use of this key from outside"),
        ];
        for (seconds, action, detail) in steps {
            let at = Duration::from_secs(seconds).after(attack.since);
            if at <= now && Duration::between(at, now) <= last {
                events.push(json!({
                    "at": at.to_string(),
                    "principal": attack.principal,
                    "action": action,
                    "ip": attack.ips.first(),
                    "detail": detail,
                }));
            }
        }
        if !events.is_empty() {
            principals.push(attack.principal.clone());
        }
    }
    Ok(json!({ "count": events.len(), "principals": principals, "events": events }).into())
}

/// How many sessions an account or key has; a service's own, and those that were seen, are known.
fn sessions(world: &World, principal: &str) -> Result<u32, No> {
    let attack = world.network.attack.as_ref();
    let stolen = attack.is_some_and(|attack| attack.principal == principal);
    let service = principal.strip_prefix("svc-").unwrap_or_default();
    if !stolen && !world.services.contains_key(service) {
        return Err(No::refused(format!(
            "there is no account or key `{principal}`"
        )));
    }
    if world.cloud.revoked.iter().any(|name| name == principal) {
        return Ok(0);
    }
    Ok(1 + u32::from(stolen))
}

fn access(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let principal = args.needed("principal")?;
    let sessions = sessions(world, &principal)?;
    Ok(json!({ "principal": principal, "active": sessions > 0, "sessions": sessions }).into())
}

fn revoke_access(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let principal = args.needed("principal")?;
    let ended = sessions(world, &principal)?;
    if ended > 0 {
        world.cloud.revoked.push(principal.clone());
    }
    Ok(Deed::new(
        format!("{principal} lost all access"),
        json!({ "principal": principal, "active": false, "sessions_ended": ended }),
    ))
}

fn restore_access(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let principal = args.needed("principal")?;
    sessions(world, &principal)?;
    world.cloud.revoked.retain(|name| *name != principal);
    Ok(Deed::new(
        format!("{principal} has access again"),
        json!({ "principal": principal, "active": true }),
    ))
}

fn snapshot(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let service = args.needed("service")?;
    known(world, &service)?;
    let now = world.now();
    let nth = world.cloud.snapshots.len() + 1;
    let id = format!("snap-{}-{nth}", now.strftime("%Y%m%d"));
    world.cloud.snapshots.push(Snapshot {
        id: id.clone(),
        service: service.clone(),
        label: args.text("label").unwrap_or_default(),
        created: now,
    });
    world.spend(Duration::from_secs(140));
    Ok(Deed::new(
        format!("disks and memory of {service} copied to {id}"),
        json!({
            "snapshot": id,
            "location": format!("evidence/{id}"),
            "size": "24 GiB",
            "sha256": hex(&[&id, &service], 64),
            "memory": true,
        }),
    ))
}

fn snapshots(world: &World, _args: &Args<'_>) -> Result<Seen, No> {
    let snapshots: Vec<_> = world
        .cloud
        .snapshots
        .iter()
        .map(|snapshot| {
            json!({
                "snapshot": snapshot.id,
                "service": snapshot.service,
                "label": snapshot.label,
                "created": snapshot.created.to_string(),
                "complete": true,
            })
        })
        .collect();
    Ok(json!({ "snapshots": snapshots }).into())
}
