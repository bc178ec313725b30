//! The database cluster: nodes, who is primary, and how far each replica is.

use serde::{Deserialize, Serialize};

use crate::model::{Duration, Size, Timestamp};

use super::super::topology::NODES;
use super::super::units::readable;

/// Log that a second of commits makes.
const LOG_PER_SECOND: f64 = (4 << 20) as f64;

/// Seconds until the applications' pools are full again.
const POOL_SECONDS: f64 = 10.0;

/// The cluster `main`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Cluster {
    pub(in crate::sandbox) primary: String,
    pub(in crate::sandbox) nodes: Vec<Node>,
    pub(in crate::sandbox) max_connections: u32,
    /// How full the applications' connection pools are, 0 to 1.
    pub(in crate::sandbox) pool: f64,
    pub(in crate::sandbox) last_commit: Timestamp,
    pub(in crate::sandbox) backup_finished: Timestamp,
    /// Commits that were lost by failovers, in seconds.
    pub(in crate::sandbox) lost: f64,
}

/// One host with its database server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Node {
    pub(in crate::sandbox) name: String,
    pub(in crate::sandbox) host_up: bool,
    pub(in crate::sandbox) running: bool,
    pub(in crate::sandbox) corrupt: bool,
    /// What keeps the server from coming up, apart from corruption.
    pub(in crate::sandbox) broken: Option<String>,
    pub(in crate::sandbox) fenced: bool,
    /// Whether the server ran when its host went, or when it was fenced: it will run again after.
    pub(in crate::sandbox) ran: bool,
    pub(in crate::sandbox) started: Timestamp,
    /// Its place behind a primary; a node without one is, or was, a primary itself.
    pub(in crate::sandbox) replica: Option<Replica>,
}

/// How far a replica is behind, in seconds of the primary's commits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Replica {
    /// Never received: lost, if this one is promoted while the primary is gone.
    pub(in crate::sandbox) missing: f64,
    /// Received, and not yet applied.
    pub(in crate::sandbox) backlog: f64,
    /// Seconds of log that it applies in a second.
    pub(in crate::sandbox) replay: f64,
}

impl Replica {
    fn following(missing: f64) -> Self {
        Self {
            missing,
            backlog: 0.0,
            replay: 20.0,
        }
    }

    pub(in crate::sandbox) fn lag(&self) -> Duration {
        Duration::from_secs_f64((self.missing + self.backlog).round()).unwrap_or_default()
    }

    pub(in crate::sandbox) fn behind(&self) -> Size {
        readable(self.backlog * LOG_PER_SECOND)
    }
}

impl Node {
    /// Whether it would answer as a database.
    pub(in crate::sandbox) fn up(&self) -> bool {
        self.host_up && self.running
    }

    pub(in crate::sandbox) fn promotable(&self) -> bool {
        self.up() && self.replica.is_some() && !self.corrupt && !self.fenced
    }

    /// Takes writes from whoever reaches it.
    fn writes(&self) -> bool {
        self.up() && self.replica.is_none() && !self.corrupt && !self.fenced
    }

    /// Tries to start the server.
    pub(in crate::sandbox) fn start(&mut self, now: Timestamp) -> Result<(), String> {
        if !self.host_up {
            return Err(format!("the host of {} does not answer", self.name));
        }
        if self.corrupt {
            return Err("the log cannot be replayed: invalid checksum in block 4711".to_owned());
        }
        if let Some(reason) = &self.broken {
            return Err(reason.clone());
        }
        self.running = true;
        self.started = now;
        Ok(())
    }
}

impl Cluster {
    pub(in crate::sandbox) fn new(now: Timestamp) -> Self {
        let long_ago = now - jiff::SignedDuration::from_hours(19 * 24);
        // db-3 stands in another region: what it has not received is more.
        let missing = [None, Some(4.0), Some(21.0)];
        let nodes = NODES.iter().zip(missing).map(|(name, missing)| Node {
            name: (*name).to_owned(),
            host_up: true,
            running: true,
            corrupt: false,
            broken: None,
            fenced: false,
            ran: true,
            started: long_ago,
            replica: missing.map(Replica::following),
        });
        Self {
            primary: NODES[0].to_owned(),
            nodes: nodes.collect(),
            max_connections: 400,
            pool: 1.0,
            last_commit: now,
            backup_finished: now - jiff::SignedDuration::from_hours(17),
            lost: 0.0,
        }
    }

    pub(in crate::sandbox) fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    pub(in crate::sandbox) fn node_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.nodes.iter_mut().find(|node| node.name == name)
    }

    /// Whether the node that the applications talk to takes writes.
    pub(in crate::sandbox) fn writable(&self) -> bool {
        self.node(&self.primary).is_some_and(Node::writes)
    }

    /// Nodes beside the primary that take writes too: each is data that will have to be thrown away.
    pub(in crate::sandbox) fn strays(&self) -> Vec<&str> {
        self.nodes
            .iter()
            .filter(|node| node.name != self.primary && node.writes())
            .map(|node| node.name.as_str())
            .collect()
    }

    /// The share of requests to the database that it answers.
    pub(in crate::sandbox) fn answers(&self) -> f64 {
        if self.writable() { self.pool } else { 0.0 }
    }

    pub(in crate::sandbox) fn connections(&self, traffic: f64) -> u32 {
        let wanted = (120.0 * traffic).min(f64::from(self.max_connections));
        (wanted * self.answers()).round() as u32
    }

    /// The replica to promote: of those that can be, the one with the least lag.
    pub(in crate::sandbox) fn freshest(&self) -> Option<(&Node, &Replica)> {
        self.nodes
            .iter()
            .filter(|node| node.promotable())
            .filter_map(|node| Some((node, node.replica.as_ref()?)))
            .min_by_key(|(_, replica)| replica.lag())
    }

    /// Makes a replica the primary. What it never received is lost; the old primary is stopped if it
    /// can be reached, and follows nobody until it is rebuilt.
    pub(in crate::sandbox) fn promote(&mut self, name: &str) {
        let previous = std::mem::replace(&mut self.primary, name.to_owned());
        if let Some(old) = self.node_mut(&previous)
            && old.up()
        {
            old.running = false;
        }
        if let Some(replica) = self
            .node_mut(name)
            .and_then(|promoted| promoted.replica.take())
        {
            self.lost += replica.missing;
        }
        self.pool = 0.0;
    }

    /// Makes a node a fresh replica of the primary: nothing that it had is kept.
    pub(in crate::sandbox) fn rebuild(&mut self, name: &str, now: Timestamp) {
        if let Some(node) = self.node_mut(name) {
            node.running = true;
            node.corrupt = false;
            node.broken = None;
            node.fenced = false;
            node.started = now;
            node.replica = Some(Replica::following(4.0));
        }
    }

    /// The law of replication and of connection pools over so many seconds, up to `now`.
    pub(in crate::sandbox) fn pass(&mut self, seconds: f64, now: Timestamp) {
        let writable = self.writable();
        if writable {
            self.last_commit = now;
            self.pool = (self.pool + seconds / POOL_SECONDS).min(1.0);
        } else {
            self.pool = 0.0;
        }
        for node in self.nodes.iter_mut().filter(|node| node.up()) {
            if let Some(replica) = &mut node.replica {
                let committed = if writable { seconds } else { 0.0 };
                replica.backlog = (replica.backlog + committed - seconds * replica.replay).max(0.0);
            }
        }
    }
}
