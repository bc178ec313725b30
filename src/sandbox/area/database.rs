//! Database control: look, restart, fence, fail over, rejoin.

use serde_json::json;

use crate::model::Duration;

use super::super::args::Args;
use super::super::operation::Operation::{Deed as Do, Look};
use super::super::operation::{Deed, No, Operations, Seen};
use super::super::world::World;

pub(in crate::sandbox) const OPERATIONS: Operations = &[
    ("database.status", Look(status)),
    ("database.replica_status", Look(replica_status)),
    ("database.backup_status", Look(backup_status)),
    ("database.write_check", Look(write_check)),
    ("database.restart", Do(restart)),
    ("database.fence", Do(fence)),
    ("database.unfence", Do(unfence)),
    ("database.failover", Do(failover)),
    ("database.rejoin", Do(rejoin)),
];

/// The one cluster of this production.
const CLUSTER: &str = "main";

/// What a promotion may take before the tool gives up, in seconds.
const PATIENCE: f64 = 280.0;

fn known(args: &Args<'_>) -> Result<(), No> {
    match args.text("cluster") {
        Some(cluster) if cluster != CLUSTER => Err(No::refused(format!(
            "there is no cluster `{cluster}`; there is `{CLUSTER}`"
        ))),
        _ => Ok(()),
    }
}

fn unknown_node(name: &str) -> No {
    No::refused(format!("`{name}` is no node of {CLUSTER}"))
}

fn status(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    known(args)?;
    let cluster = &world.cluster;
    let name = &cluster.primary;
    let node = cluster.node(name).ok_or_else(|| unknown_node(name))?;
    let (state, role) = match (node.host_up, node.running) {
        (false, _) => ("unreachable", "unknown"),
        (true, false) => ("stopped", "unknown"),
        (true, true) => ("running", "primary"),
    };
    let mut detail = match state {
        "unreachable" => format!("no answer from {name}:5432, nor from its host"),
        "stopped" if node.fenced => format!("{name} is fenced; the host answers"),
        "stopped" if node.corrupt => format!(
            "connection refused on {name}:5432; its log says: invalid page in block 4711 of relation orders"
        ),
        "stopped" => format!("connection refused on {name}:5432; the host answers"),
        _ if node.corrupt => {
            format!("{name} answers, but its log says: invalid page in block 4711")
        }
        _ => format!("{name} accepts connections"),
    };
    for stray in cluster.strays() {
        detail.push_str(&format!("; {stray} takes writes too"));
    }
    let fenced: Vec<&str> = cluster
        .nodes
        .iter()
        .filter(|node| node.fenced)
        .map(|node| node.name.as_str())
        .collect();
    Ok(json!({
        "cluster": CLUSTER,
        "primary": name,
        "state": state,
        "host_reachable": node.host_up,
        "role": role,
        "writable": cluster.writable(),
        "corruption": node.corrupt,
        "connections": cluster.connections(world.traffic),
        "max_connections": cluster.max_connections,
        "started_at": node.up().then(|| node.started.to_string()),
        "fenced": fenced,
        "detail": detail,
    })
    .into())
}

fn replica_status(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    known(args)?;
    let cluster = &world.cluster;
    let replicas: Vec<_> = cluster
        .nodes
        .iter()
        .filter_map(|node| Some((node, node.replica.as_ref()?)))
        .map(|(node, replica)| {
            let state = if !node.up() {
                "stopped"
            } else if replica.backlog > 30.0 {
                "replaying"
            } else {
                "streaming"
            };
            json!({
                "name": node.name,
                "state": state,
                "lag": replica.lag(),
                "behind": replica.behind(),
            })
        })
        .collect();
    let freshest = cluster.freshest().map(|(node, replica)| {
        json!({ "name": node.name, "lag": replica.lag(), "behind": replica.behind() })
    });
    Ok(json!({
        "primary": cluster.primary,
        "failover_pending": false,
        "replicas": replicas,
        "freshest": freshest,
    })
    .into())
}

fn backup_status(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    known(args)?;
    let finished = world.cluster.backup_finished;
    Ok(json!({
        "usable": true,
        "finished": finished.to_string(),
        "age": Duration::from_secs(Duration::between(finished, world.now()).as_std().as_secs()),
        // The log is archived a minute at a time.
        "recoverable_to": (world.cluster.last_commit - jiff::SignedDuration::from_mins(1)).to_string(),
        "location": format!("backups/{CLUSTER}/{}", finished.strftime("%Y%m%dT%H%M%SZ")),
    })
    .into())
}

fn write_check(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    known(args)?;
    let cluster = &world.cluster;
    let node = &cluster.primary;
    let writable = cluster.writable();
    let mut detail = if writable {
        format!("row written and read back on {node}")
    } else {
        format!("could not connect to {node}")
    };
    for stray in cluster.strays() {
        detail.push_str(&format!("; {stray} takes writes too"));
    }
    let took = Duration::from_millis(if writable { 9 } else { 5000 });
    let output = json!({ "writable": writable, "node": node, "took": took, "detail": detail });
    Ok(Seen::after(output, took))
}

fn restart(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    known(args)?;
    let name = world.cluster.primary.clone();
    let now = world.now();
    let node = world
        .cluster
        .node_mut(&name)
        .ok_or_else(|| unknown_node(&name))?;
    if node.fenced {
        return Err(No::refused(format!("{name} is fenced: unfence it first")));
    }
    if node.host_up {
        node.running = false;
    }
    let started = node.start(now);
    world.cluster.pool = 0.0;
    match started {
        Ok(()) => {
            world.spend(Duration::from_millis(6500));
            Ok(Deed::new(
                format!("{name} restarted"),
                json!({
                    "state": "running",
                    "seconds": 6.5,
                    "detail": format!("{name} accepts connections"),
                }),
            ))
        }
        Err(reason) => {
            world.spend(Duration::from_secs(32));
            Err(No::tried(
                format!("{name} did not come up: {reason}"),
                format!("{name} was told to start and did not come up"),
            ))
        }
    }
}

fn fence(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    known(args)?;
    let name = args.needed("node")?;
    let node = world
        .cluster
        .node_mut(&name)
        .ok_or_else(|| unknown_node(&name))?;
    let how = if node.host_up {
        "stopped and masked; its route is withdrawn"
    } else {
        "powered off through the provider; its route is withdrawn"
    };
    if !node.fenced {
        node.ran = if node.host_up { node.running } else { node.ran };
        node.running = false;
        node.fenced = true;
    }
    world.spend(Duration::from_secs(3));
    Ok(Deed::new(
        format!("{name} fenced"),
        json!({ "node": name, "fenced": true, "how": how }),
    ))
}

fn unfence(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    known(args)?;
    let name = args.needed("node")?;
    let now = world.now();
    let node = world
        .cluster
        .node_mut(&name)
        .ok_or_else(|| unknown_node(&name))?;
    if node.fenced {
        node.fenced = false;
        if node.ran && node.host_up {
            // Comes back as what it was: a second primary, if another was promoted meanwhile.
            node.start(now).ok();
        }
    }
    world.spend(Duration::from_secs(3));
    Ok(Deed::new(
        format!("{name} unfenced"),
        json!({ "node": name, "fenced": false }),
    ))
}

fn failover(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    known(args)?;
    let cluster = &world.cluster;
    let target = match args.text("to_replica") {
        Some(name) => name,
        None => cluster
            .freshest()
            .map(|(node, _)| node.name.clone())
            .ok_or_else(|| No::refused("no replica can be promoted"))?,
    };
    let node = cluster.node(&target).ok_or_else(|| unknown_node(&target))?;
    if target == cluster.primary {
        return Err(No::refused(format!("{target} is the primary already")));
    }
    let Some(replica) = node.replica.as_ref().filter(|_| node.promotable()) else {
        return Err(No::refused(format!("{target} cannot be promoted")));
    };
    // A promotion ends only when all that was received is applied.
    let seconds = 4.2 + replica.backlog / replica.replay.max(0.01);
    let lost = replica.missing;
    if seconds > PATIENCE {
        let behind = replica.behind();
        world.spend(Duration::from_secs(280));
        return Err(No::failed(format!(
            "{target} still had {behind} of log to apply after {PATIENCE} s; it was not promoted"
        )));
    }
    let previous = world.cluster.primary.clone();
    let seconds = (seconds * 10.0).round() / 10.0;
    world.cluster.promote(&target);
    world.spend(Duration::from_secs_f64(seconds).unwrap_or_default());
    Ok(Deed::new(
        format!("{target} promoted in place of {previous}; {lost} s of commits lost"),
        json!({ "promoted": target, "previous": previous, "seconds": seconds }),
    ))
}

fn rejoin(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    known(args)?;
    let name = args.needed("node")?;
    let now = world.now();
    let cluster = &world.cluster;
    let node = cluster.node(&name).ok_or_else(|| unknown_node(&name))?;
    if name == cluster.primary {
        return Err(No::refused(format!(
            "{name} is the primary: rebuilding it would lose everything"
        )));
    }
    if !cluster.writable() {
        return Err(No::refused(format!(
            "{} does not run: there is nothing to rebuild from",
            cluster.primary
        )));
    }
    if node.replica.is_none() && !node.fenced {
        return Err(No::refused(format!(
            "{name} is not fenced: it may still take writes"
        )));
    }
    if !node.host_up {
        return Err(No::failed(format!("the host of {name} does not answer")));
    }
    let follows = cluster.primary.clone();
    let seconds = if node.replica.is_some() && node.up() {
        0
    } else {
        world.cluster.rebuild(&name, now);
        312
    };
    world.spend(Duration::from_secs(seconds));
    Ok(Deed::new(
        format!("{name} rebuilt as a replica of {follows}"),
        json!({ "node": name, "follows": follows, "seconds": seconds }),
    ))
}
