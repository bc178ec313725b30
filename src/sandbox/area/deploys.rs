//! Deployments: what runs in which version, since when, and what ran before.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::{Duration, Timestamp};

use super::super::args::Args;
use super::super::law::conditions;
use super::super::operation::Operation::{Deed as Do, Look};
use super::super::operation::{Deed, No, Operations, Seen};
use super::super::topology::Blueprint;
use super::super::world::World;
use super::services::{known, meant, named};

pub(in crate::sandbox) const OPERATIONS: Operations = &[
    ("deploys.history", Look(history)),
    ("deploys.status", Look(status)),
    ("deploys.rollback", Do(rollback)),
    ("deploys.deploy", Do(deploy)),
    ("deploys.freeze", Do(freeze)),
    ("deploys.unfreeze", Do(unfreeze)),
];

/// One deployment or rollback.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Release {
    pub(in crate::sandbox) version: String,
    pub(in crate::sandbox) previous: String,
    pub(in crate::sandbox) at: Timestamp,
    pub(in crate::sandbox) by: String,
    pub(in crate::sandbox) change: String,
}

impl Release {
    pub(in crate::sandbox) fn new(version: &str, at: Timestamp, by: &str, change: &str) -> Self {
        Self {
            version: version.to_owned(),
            previous: String::new(),
            at,
            by: by.to_owned(),
            change: change.to_owned(),
        }
    }
}

/// What was deployed in the days before: the release that runs, and the two before it.
pub(in crate::sandbox) fn first_releases(built: &Blueprint, now: Timestamp) -> Vec<Release> {
    let people = ["ana", "li", "sam"];
    let changes = [
        "Smaller images",
        "Clearer error messages",
        "Faster start and less memory",
    ];
    (0_u32..3)
        .zip(people)
        .zip(changes)
        .map(|((nth, by), change)| {
            let number = built.release.saturating_sub(2 - nth);
            // Each service has days of its own, so that a quiet day's history is not empty of others.
            let hours = i64::from(30 + (2 - nth) * 70 + built.release);
            Release {
                version: format!("v{number}"),
                previous: format!("v{}", number.saturating_sub(1)),
                at: now - jiff::SignedDuration::from_hours(hours),
                by: by.to_owned(),
                change: change.to_owned(),
            }
        })
        .collect()
}

fn history(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let only = named(world, args)?;
    let last = args.time("last", 24 * 60);
    let now = world.now();
    let mut all: Vec<(&str, &Release)> = world
        .services
        .iter()
        .filter(|(name, _)| only.as_ref().is_none_or(|only| only == *name))
        .flat_map(|(name, service)| service.releases.iter().map(move |r| (name.as_str(), r)))
        .filter(|(_, release)| Duration::between(release.at, now) <= last)
        .collect();
    all.sort_by_key(|(_, release)| std::cmp::Reverse(release.at));
    let deploys: Vec<_> = all
        .iter()
        .map(|(service, release)| {
            let age = Duration::from_secs(Duration::between(release.at, now).as_std().as_secs());
            json!({
                "service": service,
                "version": release.version,
                "previous": release.previous,
                "at": release.at.to_string(),
                "age": age,
                "by": release.by,
                "change": release.change,
            })
        })
        .collect();
    Ok(json!({ "count": deploys.len(), "deploys": deploys }).into())
}

fn status(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let name = meant(world, args)?;
    let service = known(world, &name)?;
    let previous = service.releases.last().map(|release| &release.previous);
    Ok(json!({
        "service": name,
        "version": service.version(),
        "previous": previous,
        "release": service.release,
        "in_progress": false,
        "healthy": conditions(world).get(name.as_str()).is_some_and(|it| it.healthy()),
        "frozen": world.frozen.is_some(),
    })
    .into())
}

fn roll_out(
    world: &mut World,
    name: &str,
    version: &str,
    change: &str,
    seconds: u64,
) -> Result<Deed, No> {
    let previous = known(world, name)?.version().to_owned();
    let now = world.now();
    if let Some(service) = world.services.get_mut(name) {
        service.release(Release::new(version, now, "runbook", change));
    }
    world.spend(Duration::from_secs(seconds));
    Ok(Deed::new(
        format!("{name} went from {previous} to {version}"),
        json!({
            "service": name,
            "version": version,
            "previous": previous,
            "seconds": seconds,
        }),
    ))
}

fn rollback(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    // Allowed in a freeze as well: a freeze stops news, not the way back.
    let name = meant(world, args)?;
    let version = args.needed("to_version")?;
    let service = known(world, &name)?;
    if service.version() == version {
        return Err(No::refused(format!("{name} runs {version} already")));
    }
    let was_there = service
        .releases
        .iter()
        .any(|release| release.version == version || release.previous == version);
    if !was_there {
        return Err(No::refused(format!("{name} never ran {version}")));
    }
    let change = format!("Rollback from {}", service.version());
    roll_out(world, &name, &version, &change, 38)
}

fn deploy(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let name = meant(world, args)?;
    if let Some(reason) = &world.frozen {
        return Err(No::refused(format!("deployments are stopped: {reason}")));
    }
    let service = known(world, &name)?;
    let number = |version: &str| version.strip_prefix('v')?.parse::<u32>().ok();
    let newest = service
        .releases
        .iter()
        .filter_map(|release| number(&release.version))
        .max()
        .unwrap_or(0)
        + 1;
    let version = args.text("version").unwrap_or(format!("v{newest}"));
    if number(&version).is_none_or(|wanted| wanted == 0 || wanted > newest) {
        return Err(No::refused(format!(
            "{name} {version} was never built; the newest is v{newest}"
        )));
    }
    let fast = args.flag("fast_track", false);
    roll_out(
        world,
        &name,
        &version,
        if fast { "Hotfix" } else { "Deployment" },
        if fast { 95 } else { 260 },
    )
}

fn freeze(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let reason = args
        .text("reason")
        .unwrap_or_else(|| "no reason given".to_owned());
    let effect = format!("deployments stopped: {reason}");
    world.frozen = Some(reason);
    Ok(Deed::new(effect, json!({ "frozen": true, "running": 0 })))
}

fn unfreeze(world: &mut World, _args: &Args<'_>) -> Result<Deed, No> {
    world.frozen = None;
    Ok(Deed::new("deployments allowed", json!({ "frozen": false })))
}
