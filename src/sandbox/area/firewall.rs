//! The network: who talks to whom, what is blocked, and an intruder who takes data out.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::{Duration, Size, Timestamp};

use super::super::args::Args;
use super::super::law::conditions;
use super::super::operation::Operation::{Deed as Do, Look};
use super::super::operation::{Deed, No, Operations, Seen};
use super::super::units::readable;
use super::super::world::World;
use super::logs::Line;
use super::services::{known, named};

pub(in crate::sandbox) const OPERATIONS: Operations = &[
    ("firewall.status", Look(status)),
    ("firewall.connections", Look(connections)),
    ("firewall.block_all", Do(block_all)),
    ("firewall.unblock", Do(unblock)),
    ("firewall.block_ip", Do(block_ip)),
    ("firewall.unblock_ip", Do(unblock_ip)),
];

/// What a service sends out in a second on a quiet day, in bytes: 640 MiB an hour.
const USUAL: f64 = 186_414.0;

/// A stretch of time; without an end, it goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Stretch {
    from: Timestamp,
    to: Option<Timestamp>,
}

impl Stretch {
    /// How much of it lies in the last while.
    fn within(&self, now: Timestamp, last: Duration) -> f64 {
        let start = now.checked_sub(last.as_std()).unwrap_or(self.from);
        let end = self.to.unwrap_or(now).min(now);
        Duration::between(self.from.max(start), end).as_secs_f64()
    }
}

/// Somebody who got in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Attack {
    pub(in crate::sandbox) service: String,
    pub(in crate::sandbox) principal: String,
    pub(in crate::sandbox) ips: Vec<String>,
    pub(in crate::sandbox) since: Timestamp,
    /// Bytes taken in a second.
    rate: f64,
    /// Bytes taken so far.
    pub(in crate::sandbox) taken: f64,
    /// When data flowed.
    flows: Vec<Stretch>,
}

impl Attack {
    pub(in crate::sandbox) fn begun(
        now: Timestamp,
        service: &str,
        principal: &str,
        ips: &[String],
        rate: Size,
    ) -> Self {
        Self {
            service: service.to_owned(),
            principal: principal.to_owned(),
            ips: ips.to_vec(),
            since: now,
            rate: rate.bytes() as f64,
            taken: 0.0,
            flows: vec![Stretch {
                from: now,
                to: None,
            }],
        }
    }
}

/// What is blocked, and who is inside.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Network {
    /// Services that were cut off, and when.
    blocks: Vec<(String, Stretch)>,
    pub(in crate::sandbox) blocked_ips: Vec<String>,
    pub(in crate::sandbox) attack: Option<Attack>,
}

impl Network {
    pub(in crate::sandbox) fn is_blocked(&self, service: &str) -> bool {
        self.blocks
            .iter()
            .any(|(name, stretch)| name == service && stretch.to.is_none())
    }

    /// Whether data flows to the intruder: until the service is cut off, or all addresses are.
    pub(in crate::sandbox) fn leaks(&self) -> bool {
        self.attack.as_ref().is_some_and(|attack| {
            !self.is_blocked(&attack.service)
                && attack.ips.iter().any(|ip| !self.blocked_ips.contains(ip))
        })
    }

    /// Begins or ends the flow of data where what is blocked has changed.
    fn settle(&mut self, now: Timestamp) {
        let leaks = self.leaks();
        let Some(attack) = &mut self.attack else {
            return;
        };
        match attack.flows.last_mut() {
            Some(flow) if flow.to.is_none() && !leaks => flow.to = Some(now),
            Some(flow) if flow.to.is_some() && leaks => attack.flows.push(Stretch {
                from: now,
                to: None,
            }),
            _ => {}
        }
    }

    /// The law of theft: what is not stopped goes on, and leaves traces.
    pub(in crate::sandbox) fn pass(world: &mut World, seconds: f64) {
        if !world.network.leaks() {
            return;
        }
        let now = world.now();
        let Some(attack) = &mut world.network.attack else {
            return;
        };
        attack.taken += attack.rate * seconds;
        if now.as_second() % 60 < seconds as i64 {
            let ip = attack.ips.first().map_or("", String::as_str);
            let message = format!(
                "unusual read of customer records by {} from {ip}",
                attack.principal
            );
            let line = Line::new(now, "warn", &attack.service, &message);
            world.logs.say(line);
        }
    }

    /// Seconds of the last while in which a service could talk.
    fn open(&self, service: &str, now: Timestamp, last: Duration) -> f64 {
        let cut: f64 = self
            .blocks
            .iter()
            .filter(|(name, _)| name == service)
            .map(|(_, stretch)| stretch.within(now, last))
            .sum();
        (last.as_secs_f64() - cut).max(0.0)
    }
}

fn status(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let service = named(world, args)?.unwrap_or_default();
    let all = &world.network.blocked_ips;
    let asked = args.asked("ips").unwrap_or_else(|| all.clone());
    let (blocked, open): (Vec<_>, Vec<_>) = asked.into_iter().partition(|ip| all.contains(ip));
    Ok(json!({
        "service": service,
        "blocked": world.network.is_blocked(&service),
        "blocked_ips": blocked,
        "open_ips": open,
    })
    .into())
}

fn connections(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let service = args.needed("service")?;
    known(world, &service)?;
    let (now, last) = (world.now(), args.time("last", 60));
    let network = &world.network;
    let open = network.open(&service, now, last);
    let mut peers = Vec::new();
    let mut suspicious = Vec::new();
    let mut sent = open * USUAL;
    if let Some(attack) = network.attack.as_ref().filter(|it| it.service == service) {
        let flowed: f64 = attack.flows.iter().map(|f| f.within(now, last)).sum();
        let stolen = flowed * attack.rate;
        sent += stolen;
        for (nth, ip) in attack.ips.iter().enumerate().filter(|_| flowed > 0.0) {
            suspicious.push(ip.clone());
            let (direction, bytes, requests) = if nth == 0 {
                ("out", stolen, flowed * 0.6)
            } else {
                ("in", flowed * 900.0, flowed * 14.0)
            };
            peers.push((bytes, ip.as_str(), direction, requests, false));
        }
    }
    if open > 0.0 {
        peers.push((open * USUAL * 0.7, "198.51.100.20", "out", open * 4.0, true));
        peers.push((open * USUAL * 0.3, "198.51.100.21", "in", open * 18.0, true));
    }
    peers.sort_by(|a, b| b.0.total_cmp(&a.0));
    let peers: Vec<_> = peers
        .iter()
        .map(|(bytes, ip, direction, requests, known)| {
            json!({
                "ip": ip,
                "direction": direction,
                "bytes": readable(*bytes),
                "requests": requests.ceil() as u64,
                "known": known,
            })
        })
        .collect();
    Ok(json!({
        "suspicious": suspicious,
        "sent_out": readable(sent),
        "usual_sent_out": readable(last.as_secs_f64() * USUAL),
        "peers": peers,
    })
    .into())
}

fn block_all(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let service = args.needed("service")?;
    known(world, &service)?;
    let now = world.now();
    let mut dropped = 0;
    if !world.network.is_blocked(&service) {
        let rps = conditions(world)
            .get(service.as_str())
            .map_or(0.0, |it| it.rps);
        dropped = (rps * 15.0).round() as u64;
        let stretch = Stretch {
            from: now,
            to: None,
        };
        world.network.blocks.push((service.clone(), stretch));
        world.network.settle(now);
    }
    Ok(Deed::new(
        format!("{service} cut off from the network"),
        json!({ "service": service, "blocked": true, "dropped": dropped }),
    ))
}

fn unblock(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let service = args.needed("service")?;
    known(world, &service)?;
    let now = world.now();
    for (name, stretch) in &mut world.network.blocks {
        if *name == service && stretch.to.is_none() {
            stretch.to = Some(now);
        }
    }
    world.network.settle(now);
    Ok(Deed::new(
        format!("{service} let back on the network"),
        json!({ "service": service, "blocked": false }),
    ))
}

fn block_ip(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let now = world.now();
    let known = &mut world.network.blocked_ips;
    let (unchanged, changed): (Vec<_>, Vec<_>) = args
        .list("ips")
        .into_iter()
        .partition(|ip| known.contains(ip));
    known.extend(changed.iter().cloned());
    world.network.settle(now);
    let inside = world.network.attack.as_ref().map_or(0, |attack| {
        changed.iter().filter(|ip| attack.ips.contains(ip)).count()
    });
    Ok(Deed::new(
        format!("blocked at the edge: {}", changed.join(", ")),
        json!({ "changed": changed, "unchanged": unchanged, "dropped": inside * 3 }),
    ))
}

fn unblock_ip(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let now = world.now();
    let known = &mut world.network.blocked_ips;
    let (changed, unchanged): (Vec<_>, Vec<_>) = args
        .list("ips")
        .into_iter()
        .partition(|ip| known.contains(ip));
    known.retain(|ip| !changed.contains(ip));
    world.network.settle(now);
    Ok(Deed::new(
        format!("let in again: {}", changed.join(", ")),
        json!({ "changed": changed, "unchanged": unchanged }),
    ))
}
