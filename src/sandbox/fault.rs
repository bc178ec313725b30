//! What can go wrong, and what it does to the state.

use serde::{Deserialize, Serialize};

use crate::model::{Duration, Size};

use super::area::cloud::Incident;
use super::area::deploys::Release;
use super::area::firewall::Attack;
use super::area::logs::Line;
use super::law::Hazard;
use super::topology::{FLAGS, NODES, SETTINGS, blueprint};
use super::world::World;

/// What can go wrong, or come right again without anybody's doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Fault {
    /// A database host is gone, and what ran on it.
    HostGone {
        /// Which.
        node: String,
    },
    /// It is back, and its server starts as what it was, unless the node is fenced.
    HostBack {
        /// Which.
        node: String,
    },
    /// A database server stopped.
    ProcessStopped {
        /// On which node.
        node: String,
        /// What its log says.
        reason: String,
        /// What keeps it from coming up again; a restart works where this is left out.
        #[serde(default)]
        broken: Option<String>,
    },
    /// A database server stopped over damaged data files.
    Corruption {
        /// On which node.
        node: String,
    },
    /// A replica has not applied what it received.
    ReplicaLags {
        /// Which.
        node: String,
        /// How much.
        backlog: Duration,
        /// How much it never received; as usual where this is left out.
        #[serde(default)]
        missing: Option<Duration>,
        /// How many seconds of log it applies in a second.
        replay: f64,
    },
    /// Users' requests, 1 being a quiet day's.
    Traffic {
        /// How many times as many.
        factor: f64,
    },
    /// Calls a second that the maps provider allows us.
    Quota {
        /// How many.
        rps: f64,
    },
    /// The payment provider fails some calls.
    ProviderDegraded {
        /// Percentage of calls that succeed.
        success: f64,
        /// How long a call takes.
        latency: Duration,
        /// What it says itself.
        #[serde(default)]
        incident: String,
    },
    /// The payment provider works again.
    ProviderRecovered {},
    /// Somebody deployed a version.
    Deploy {
        /// Of which service.
        service: String,
        /// Which.
        version: String,
        /// Who.
        by: String,
        /// What it brings.
        change: String,
    },
    /// Somebody changed a setting.
    Setting {
        /// Which.
        key: String,
        /// To what.
        value: String,
    },
    /// Somebody turned a flag on or off.
    Flag {
        /// Which.
        name: String,
        /// On.
        enabled: bool,
    },
    /// A trap: while a version, a setting or a flag stands, a service fails.
    Hazard(Hazard),
    /// Somebody got in, and takes data out.
    Breach {
        /// Through which service.
        service: String,
        /// With which account or key.
        principal: String,
        /// From which addresses.
        ips: Vec<String>,
        /// Data taken in a second.
        rate: Size,
    },
    /// An instance answers the balancer's check, and times out on real requests.
    InstanceSick {
        /// Which, such as `api-4`.
        instance: String,
    },
    /// The cloud provider has an incident. What it breaks are faults of their own.
    CloudIncident {
        /// What it says.
        title: String,
        /// Where.
        region: String,
        /// Which of its services.
        services: Vec<String>,
    },
    /// The cloud provider's incidents are over.
    CloudRecovered {},
}

impl Fault {
    /// Whether everything that it names is there.
    pub(super) fn check(&self) -> Result<(), String> {
        let service = |name: &str| {
            blueprint(name)
                .map(|_| ())
                .ok_or_else(|| format!("there is no service `{name}`"))
        };
        match self {
            Self::HostGone { node }
            | Self::HostBack { node }
            | Self::ProcessStopped { node, .. }
            | Self::Corruption { node }
            | Self::ReplicaLags { node, .. } => {
                NODES.contains(&node.as_str()).then_some(()).ok_or_else(|| {
                    format!("there is no node `{node}`; there are {}", NODES.join(", "))
                })
            }
            Self::Deploy { service: name, .. } | Self::Breach { service: name, .. } => {
                service(name)
            }
            Self::Hazard(hazard) => service(&hazard.service),
            Self::Setting { key, .. } => SETTINGS
                .iter()
                .any(|(known, _)| known == key)
                .then_some(())
                .ok_or_else(|| format!("there is no setting `{key}`")),
            Self::Flag { name, .. } => FLAGS
                .iter()
                .any(|(known, ..)| known == name)
                .then_some(())
                .ok_or_else(|| format!("there is no flag `{name}`")),
            Self::Traffic { factor } if !(0.0..=1000.0).contains(factor) => {
                Err(format!("traffic of {factor} is out of range"))
            }
            Self::ProviderDegraded { success, .. } if !(0.0..=100.0).contains(success) => {
                Err(format!("{success} is no percentage"))
            }
            _ => Ok(()),
        }
    }

    /// Lets it happen.
    pub(super) fn strike(&self, world: &mut World) {
        let now = world.now();
        match self {
            Self::HostGone { node } => {
                if let Some(node) = world.cluster.node_mut(node) {
                    node.ran = node.running;
                    node.host_up = false;
                    node.running = false;
                }
            }
            Self::HostBack { node } => {
                if let Some(node) = world.cluster.node_mut(node) {
                    node.host_up = true;
                    if node.ran && !node.fenced {
                        node.start(now).ok();
                    }
                }
            }
            Self::ProcessStopped {
                node: name,
                reason,
                broken,
            } => {
                if let Some(node) = world.cluster.node_mut(name) {
                    node.running = false;
                    node.broken.clone_from(broken);
                }
                world.logs.say(Line::new(now, "error", name, reason));
            }
            Self::Corruption { node: name } => {
                if let Some(node) = world.cluster.node_mut(name) {
                    node.running = false;
                    node.corrupt = true;
                }
                let message = "PANIC: invalid page in block 4711 of relation orders";
                world.logs.say(Line::new(now, "error", name, message));
            }
            Self::ReplicaLags {
                node,
                backlog,
                missing,
                replay,
            } => {
                if let Some(replica) = world
                    .cluster
                    .node_mut(node)
                    .and_then(|node| node.replica.as_mut())
                {
                    replica.backlog = backlog.as_secs_f64();
                    replica.replay = *replay;
                    if let Some(missing) = missing {
                        replica.missing = missing.as_secs_f64();
                    }
                }
            }
            Self::Traffic { factor } => world.traffic = *factor,
            Self::Quota { rps } => world.gateway.quota = *rps,
            Self::ProviderDegraded {
                success,
                latency,
                incident,
            } => {
                world.provider.success = success / 100.0;
                world.provider.latency_ms = latency.as_secs_f64() * 1000.0;
                world.provider.incident.clone_from(incident);
            }
            Self::ProviderRecovered {} => world.provider = Default::default(),
            Self::Deploy {
                service,
                version,
                by,
                change,
            } => {
                if let Some(service) = world.services.get_mut(service) {
                    service.release(Release::new(version, now, by, change));
                }
            }
            Self::Setting { key, value } => {
                world.settings.insert(key.clone(), value.clone());
                let message = format!("{key} was set to {value}");
                world.logs.say(Line::new(now, "info", "config", &message));
            }
            Self::Flag { name, enabled } => {
                world.flags.insert(name.clone(), *enabled);
                let turned = if *enabled { "on" } else { "off" };
                let message = format!("flag {name} was turned {turned}");
                world.logs.say(Line::new(now, "info", "config", &message));
            }
            Self::Hazard(hazard) => world.hazards.push(hazard.clone()),
            Self::Breach {
                service,
                principal,
                ips,
                rate,
            } => world.network.attack = Some(Attack::begun(now, service, principal, ips, *rate)),
            Self::InstanceSick { instance } => world.balancer.sick.push(instance.clone()),
            Self::CloudIncident {
                title,
                region,
                services,
            } => world.cloud.incidents.push(Incident {
                title: title.clone(),
                region: region.clone(),
                since: now,
                services: services.clone(),
            }),
            Self::CloudRecovered {} => world.cloud.incidents.clear(),
        }
    }
}
