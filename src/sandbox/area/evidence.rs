//! Evidence: archives of logs, and the hold that keeps logs from deletion.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::{Duration, Timestamp};

use super::super::args::Args;
use super::super::operation::Operation::{Deed as Do, Look};
use super::super::operation::{Deed, No, Operations, Seen};
use super::super::random::hex;
use super::super::world::World;
use super::services::named;

pub(in crate::sandbox) const OPERATIONS: Operations = &[
    ("logs.archive", Do(archive)),
    ("logs.archives", Look(archives)),
    ("logs.hold", Do(hold)),
    ("logs.release_hold", Do(release_hold)),
    ("logs.hold_status", Look(hold_status)),
];

/// Log lines that all services write in a second.
const LINES: f64 = 10.65;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Archive {
    id: String,
    label: String,
    created: Timestamp,
    sha256: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Hold {
    reason: String,
    since: Timestamp,
}

/// What was archived, and whether logs are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Evidence {
    archives: Vec<Archive>,
    hold: Option<Hold>,
}

fn location(id: &str) -> String {
    format!("evidence/{id}.tar.zst")
}

fn archive(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let service = named(world, args)?;
    let last = args.time("last", 48 * 60);
    let now = world.now();
    let from = now.checked_sub(last.as_std()).unwrap_or(now);
    let share = if service.is_some() { 0.15 } else { 1.0 };
    let records = (last.as_secs_f64() * LINES * share).ceil() as u64;
    let mib = (records / 4466).max(1);
    let id = format!(
        "arc-{}-{}",
        now.strftime("%Y%m%d"),
        world.evidence.archives.len() + 1
    );
    let sha256 = hex(&[&id, &records.to_string()], 64);
    world.evidence.archives.push(Archive {
        id: id.clone(),
        label: args.text("label").unwrap_or_default(),
        created: now,
        sha256: sha256.clone(),
    });
    world.spend(Duration::from_secs(20 + mib / 10));
    Ok(Deed::new(
        format!("{records} log lines archived as {id}"),
        json!({
            "archive": id,
            "location": location(&id),
            "records": records,
            "size": format!("{mib} MiB"),
            "sha256": sha256,
            "from": from.to_string(),
            "to": now.to_string(),
        }),
    ))
}

fn archives(world: &World, _args: &Args<'_>) -> Result<Seen, No> {
    let archives: Vec<_> = world
        .evidence
        .archives
        .iter()
        .map(|archive| {
            json!({
                "archive": archive.id,
                "label": archive.label,
                "location": location(&archive.id),
                "created": archive.created.to_string(),
                "sha256": archive.sha256,
            })
        })
        .collect();
    Ok(json!({ "archives": archives }).into())
}

fn hold(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let reason = args.needed("reason")?;
    let since = world
        .evidence
        .hold
        .as_ref()
        .map_or(world.now(), |hold| hold.since);
    let effect = format!("logs are kept: {reason}");
    world.evidence.hold = Some(Hold { reason, since });
    Ok(Deed::new(
        effect,
        json!({ "held": true, "since": since.to_string() }),
    ))
}

fn release_hold(world: &mut World, _args: &Args<'_>) -> Result<Deed, No> {
    world.evidence.hold = None;
    Ok(Deed::new(
        "old logs may be deleted again",
        json!({ "held": false }),
    ))
}

fn hold_status(world: &World, _args: &Args<'_>) -> Result<Seen, No> {
    let hold = world.evidence.hold.as_ref();
    let reason = hold.map_or("", |hold| hold.reason.as_str());
    Ok(json!({ "held": hold.is_some(), "reason": reason }).into())
}
