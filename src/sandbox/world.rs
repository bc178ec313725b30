//! The world: its state, its clock, and the one way to ask something of it.

use indexmap::IndexMap;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::model::{Duration, Timestamp, Value};

use super::act::{Act, Answer, Entry};
use super::area::{
    balancer::Balancer, chat::Chat, cloud::Cloud, cluster::Cluster, evidence::Evidence,
    firewall::Network, gateway::Gateway, logs::Logs, pager::Pager, payments::Payments,
    payments::Provider, services, services::Service, status_page::StatusPage, support::Support,
    tickets::Tickets, vcs::Repository,
};
use super::args::Args;
use super::fault::Fault;
use super::history::{History, SAMPLE, measure};
use super::law::{Hazard, conditions};
use super::operation::{Operation, Outcome, find};
use super::random::Random;
use super::scenario::{Moment, Scenario};
use super::topology::{FLAGS, SETTINGS};

/// The form of a stored world. A world of another form is not read: worlds do not outlive a version.
const FORMAT: u32 = 1;

/// How long things went well, or as the scenario says, before anybody looks.
const BEFORE: SignedDuration = SignedDuration::from_mins(30);

/// Between two moments at which laws are applied. Moments lie on a grid from the world's beginning,
/// so that it does not matter how often somebody looks.
const TICK: SignedDuration = SignedDuration::from_secs(5);

/// The simulated production at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    format: u32,
    title: String,
    seed: u64,
    now: Timestamp,
    ticked: Timestamp,
    sampled: Timestamp,
    /// When the act that is being carried out was asked for.
    asked: Timestamp,
    random: Random,
    ahead: Vec<Due>,
    log: Vec<Entry>,
    pub(super) hazards: Vec<Hazard>,
    pub(super) traffic: f64,
    pub(super) queue: f64,
    pub(super) frozen: Option<String>,
    pub(super) flags: IndexMap<String, bool>,
    pub(super) settings: IndexMap<String, String>,
    pub(super) cluster: Cluster,
    pub(super) services: IndexMap<String, Service>,
    pub(super) gateway: Gateway,
    pub(super) provider: Provider,
    pub(super) payments: Payments,
    pub(super) network: Network,
    pub(super) cloud: Cloud,
    pub(super) balancer: Balancer,
    pub(super) logs: Logs,
    pub(super) evidence: Evidence,
    pub(super) support: Support,
    pub(super) pager: Pager,
    pub(super) chat: Chat,
    pub(super) status_page: StatusPage,
    pub(super) tickets: Tickets,
    pub(super) repository: Repository,
    pub(super) history: History,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Due {
    at: Timestamp,
    fault: Fault,
}

impl World {
    /// A world as it is when a run begins: a quiet day, on which the scenario's faults struck.
    pub fn begin(scenario: &Scenario, seed: u64, now: Timestamp) -> Self {
        let events: Vec<_> = scenario.events(seed).collect();
        let lead = events
            .iter()
            .filter_map(|event| match event.moment() {
                Moment::Before(ago) => SignedDuration::try_from(ago.as_std()).ok(),
                Moment::After(_) => None,
            })
            .map(|ago| ago.saturating_add(SignedDuration::from_mins(15)))
            .fold(BEFORE, SignedDuration::max);
        // On the grid of ticks, so that a fault at the very beginning has struck when it begins.
        let lead = SignedDuration::from_secs((lead.as_secs() / 10 + 1) * 10);
        let start = now.checked_sub(lead).unwrap_or(now);
        let mut ahead: Vec<Due> = events
            .iter()
            .map(|event| Due {
                at: match event.moment() {
                    Moment::Before(ago) => now.checked_sub(ago.as_std()).unwrap_or(start),
                    Moment::After(later) => later.after(now),
                },
                fault: event.fault.clone(),
            })
            .collect();
        ahead.sort_by_key(|due| due.at);
        let mut world = Self::quiet(start, seed);
        world.title.clone_from(&scenario.title);
        world.ahead = ahead;
        let setup = &scenario.world;
        world.traffic = setup.traffic.unwrap_or(world.traffic);
        world.gateway.quota = setup.quota.unwrap_or(world.gateway.quota);
        for (name, replicas) in &setup.replicas {
            if let Some(service) = world.services.get_mut(name) {
                service.replicas = *replicas;
                service.ready = *replicas;
            }
        }
        world.flags.extend(setup.flags.clone());
        world.settings.extend(setup.settings.clone());
        world.pass(now);
        world
    }

    fn quiet(now: Timestamp, seed: u64) -> Self {
        Self {
            format: FORMAT,
            title: String::new(),
            seed,
            now,
            ticked: now,
            sampled: now,
            asked: now,
            random: Random::seeded(seed),
            ahead: Vec::new(),
            log: Vec::new(),
            hazards: Vec::new(),
            traffic: 1.0,
            queue: 3.0,
            frozen: None,
            flags: FLAGS
                .iter()
                .map(|(name, on, ..)| ((*name).to_owned(), *on))
                .collect(),
            settings: SETTINGS
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            cluster: Cluster::new(now),
            services: services::all(now),
            gateway: Gateway::default(),
            provider: Provider::default(),
            payments: Payments::default(),
            network: Network::default(),
            cloud: Cloud::default(),
            balancer: Balancer::default(),
            logs: Logs::default(),
            evidence: Evidence::default(),
            support: Support::default(),
            pager: Pager::default(),
            chat: Chat::default(),
            status_page: StatusPage::default(),
            tickets: Tickets::default(),
            repository: Repository::default(),
            history: History::default(),
        }
    }

    /// Lets time pass up to the act's moment, and carries the act out.
    ///
    /// A look changes nothing but the clock. An act whose operation is declared idempotent is
    /// carried out once for each key; a repetition gets the recorded answer.
    pub fn act(&mut self, act: &Act<'_>) -> Answer {
        self.pass(act.now);
        self.asked = act.now;
        let begun = self.now;
        let quick = Duration::from_millis(60);
        let refuse = |message: String| Answer {
            outcome: Outcome::Refused(message),
            took: quick,
        };
        let args = Args(act.args);
        match find(act.operation) {
            None => refuse(format!(
                "the simulated production has no `{}`",
                act.operation
            )),
            Some(Operation::Look(look)) => match look(self, &args) {
                Ok(seen) => Answer {
                    outcome: Outcome::Output(Value::from_plain(&seen.output)),
                    took: seen.took,
                },
                Err(no) => Answer {
                    outcome: no.into_outcome().0,
                    took: quick,
                },
            },
            Some(Operation::Deed(_)) if !act.acts => refuse(format!(
                "`{}` changes the world, and was asked for as a look",
                act.operation
            )),
            Some(Operation::Deed(deed)) => {
                if let Some(entry) = self.recorded(act) {
                    return match &entry.answer {
                        Some(answer) if entry.args == *act.args => Answer {
                            outcome: Outcome::Output(answer.clone()),
                            took: quick,
                        },
                        _ => refuse(format!("the key {} was used for another request", act.key)),
                    };
                }
                let (outcome, effect, settled) = match deed(self, &args) {
                    Ok(done) => {
                        let output = Value::from_plain(&done.output);
                        (Outcome::Output(output), Some(done.effect), done.settled)
                    }
                    Err(no) => {
                        let (outcome, effect) = no.into_outcome();
                        (outcome, effect, false)
                    }
                };
                if let Some(effect) = effect {
                    self.log.push(Entry {
                        at: begun,
                        operation: act.operation.to_owned(),
                        args: act.args.clone(),
                        key: act.key.clone(),
                        effect,
                        answer: match &outcome {
                            Outcome::Output(output) if settled && act.idempotent => {
                                Some(output.clone())
                            }
                            _ => None,
                        },
                    });
                }
                Answer {
                    outcome,
                    took: Duration::between(begun, self.now).max(quick),
                }
            }
        }
    }

    fn recorded(&self, act: &Act<'_>) -> Option<&Entry> {
        self.log.iter().find(|entry| {
            act.idempotent
                && entry.answer.is_some()
                && entry.key == *act.key
                && entry.operation == act.operation
        })
    }

    /// The effects so far, in order.
    pub fn log(&self) -> &[Entry] {
        &self.log
    }

    /// The world's time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The scenario's title and the seed that it was begun with.
    pub fn origin(&self) -> (&str, u64) {
        (&self.title, self.seed)
    }

    /// Whether this program can go on with a world that was stored.
    pub fn is_current(&self) -> bool {
        self.format == FORMAT
    }

    /// Whether a flag is on.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.flags.get(name).copied().unwrap_or(false)
    }

    pub(super) fn circuit_broken(&self, service: &str) -> bool {
        self.services
            .get(service)
            .is_some_and(|service| service.circuit_broken)
    }

    /// The act that is being carried out takes this long from when it was asked for. Acts that were
    /// asked for at once take place at once: they do not add up.
    pub(super) fn spend(&mut self, time: Duration) {
        self.pass(time.after(self.asked));
    }

    /// The world as it will be if nobody acts.
    pub(super) fn later(&self, time: Duration) -> Self {
        let mut later = self.clone();
        later.pass(time.after(self.now));
        later
    }

    /// Chance, which only deeds and the passing of time may draw from.
    pub(super) fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// Lets time pass.
    fn pass(&mut self, to: Timestamp) {
        while self.ticked < to {
            let tick = stride(to.duration_since(self.ticked));
            let Ok(next) = self.ticked.checked_add(tick) else {
                break;
            };
            if next > to {
                break;
            }
            self.ticked = next;
            self.now = self.now.max(next);
            self.tick(tick.as_secs_f64());
        }
        self.now = self.now.max(to);
    }

    fn tick(&mut self, seconds: f64) {
        let now = self.now;
        while self.ahead.first().is_some_and(|due| due.at <= self.ticked) {
            self.ahead.remove(0).fault.strike(self);
        }
        self.cluster.pass(seconds, now);
        for service in self.services.values_mut() {
            service.pass(now);
        }
        let conditions = conditions(self);
        let noise = self.random.fraction();
        Payments::pass(self, &conditions, seconds);
        Support::pass(self, &conditions, seconds);
        Network::pass(self, seconds);
        services::pass(self, &conditions, seconds);
        let since = self.ticked.duration_since(self.sampled);
        if since >= SAMPLE {
            self.sampled = self.ticked;
            measure(self, &conditions, since.as_secs_f64(), noise);
        }
    }
}

/// The length of the next tick: longer over long times, in which nobody looked.
fn stride(left: SignedDuration) -> SignedDuration {
    if left > SignedDuration::from_hours(24 * 30) {
        SignedDuration::from_hours(6)
    } else if left > SignedDuration::from_hours(12) {
        SignedDuration::from_mins(5)
    } else {
        TICK
    }
}
