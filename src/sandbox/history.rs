//! What was measured: samples of ten seconds, later merged to minutes, for four hours.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::model::{Duration, Timestamp};

use super::law::{Condition, admitted, calls, users};
use super::topology::SERVICES;
use super::world::World;

/// How long one sample is.
pub(super) const SAMPLE: SignedDuration = SignedDuration::from_secs(10);

const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// How long samples stay as fine as they were taken.
const FINE: SignedDuration = SignedDuration::from_mins(15);

/// How long anything is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(4);

/// One service in one sample: requests, errors, median and 95th percentile in milliseconds, and
/// the number of the reason why requests failed. A row, to keep the world's file small.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tally(
    pub(super) f64,
    pub(super) f64,
    pub(super) f64,
    pub(super) f64,
    pub(super) Option<usize>,
);

impl Tally {
    pub(super) fn requests(&self) -> f64 {
        self.0
    }

    pub(super) fn errors(&self) -> f64 {
        self.1
    }
}

/// What is measured beside requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Gauges {
    pub(super) cpu: f64,
    pub(super) queue: f64,
    pub(super) connections: f64,
    pub(super) lag: f64,
    /// Calls to the maps provider, and those answered 429.
    pub(super) calls: f64,
    pub(super) refused: f64,
    /// Requests at our gateway, and those it turned away.
    pub(super) asked: f64,
    pub(super) rejected: f64,
    /// Payments tried, and those that succeeded.
    pub(super) tried: f64,
    pub(super) paid: f64,
}

/// What was measured from `at` on, for `seconds`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Sample {
    pub(super) at: Timestamp,
    pub(super) seconds: f64,
    /// In the order of [`SERVICES`].
    pub(super) services: Vec<Tally>,
    pub(super) gauges: Gauges,
}

impl Sample {
    pub(super) fn end(&self) -> Timestamp {
        Duration::from_secs_f64(self.seconds)
            .unwrap_or_default()
            .after(self.at)
    }

    /// Requests and errors of one service, or of all.
    pub(super) fn count(&self, service: Option<&str>) -> (f64, f64) {
        self.rows(service).fold((0.0, 0.0), |(r, e), tally| {
            (r + tally.requests(), e + tally.errors())
        })
    }

    /// Median and 95th percentile in milliseconds: of all services, weighted by requests.
    pub(super) fn latency(&self, service: Option<&str>) -> (f64, f64) {
        let (weight, p50, p95) = self.rows(service).fold((0.0, 0.0, 0.0), |sum, tally| {
            let weight = tally.requests().max(0.001);
            (
                sum.0 + weight,
                sum.1 + weight * tally.2,
                sum.2 + weight * tally.3,
            )
        });
        if weight > 0.0 {
            (p50 / weight, p95 / weight)
        } else {
            (0.0, 0.0)
        }
    }

    pub(super) fn rows<'a>(&'a self, service: Option<&'a str>) -> impl Iterator<Item = &'a Tally> {
        SERVICES
            .iter()
            .zip(&self.services)
            .filter(move |(built, _)| service.is_none_or(|name| name == built.name))
            .map(|(_, tally)| tally)
    }

    fn merge(&mut self, other: Self) {
        let (a, b) = (self.seconds, other.seconds);
        let all = a + b;
        let mean = |x: f64, y: f64| (x * a + y * b) / all;
        for (mine, theirs) in self.services.iter_mut().zip(other.services) {
            if theirs.1 > mine.1 {
                mine.4 = theirs.4;
            }
            mine.0 += theirs.0;
            mine.1 += theirs.1;
            mine.2 = round(mean(mine.2, theirs.2));
            mine.3 = round(mean(mine.3, theirs.3));
        }
        let (g, o) = (&mut self.gauges, other.gauges);
        for (mine, theirs) in [
            (&mut g.cpu, o.cpu),
            (&mut g.queue, o.queue),
            (&mut g.connections, o.connections),
            (&mut g.lag, o.lag),
        ] {
            *mine = round(mean(*mine, theirs));
        }
        for (mine, theirs) in [
            (&mut g.calls, o.calls),
            (&mut g.refused, o.refused),
            (&mut g.asked, o.asked),
            (&mut g.rejected, o.rejected),
            (&mut g.tried, o.tried),
            (&mut g.paid, o.paid),
        ] {
            *mine = round(*mine + theirs);
        }
        self.seconds = all;
    }
}

/// Three digits behind the point: enough to see, and short in the file.
fn round(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// All that was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct History {
    samples: Vec<Sample>,
    /// Why requests failed, each text once.
    reasons: Vec<String>,
    /// Reports of users that are not whole ones yet, and the like.
    pub(super) fine_from: usize,
}

impl History {
    /// Samples of the last while, oldest first.
    pub(super) fn last(&self, now: Timestamp, last: Duration) -> impl Iterator<Item = &Sample> {
        let from = now
            .checked_sub(last.as_std())
            .unwrap_or(Timestamp::UNIX_EPOCH);
        self.samples.iter().filter(move |sample| sample.at >= from)
    }

    pub(super) fn reason(&self, number: usize) -> &str {
        self.reasons.get(number).map_or("", String::as_str)
    }

    /// Adds one sample, merges what is no longer fine into minutes, and forgets the oldest.
    pub(super) fn add(&mut self, sample: Sample) {
        let now = sample.end();
        self.samples.push(sample);
        while let [previous, next, ..] = self.samples.get(self.fine_from..).unwrap_or_default() {
            if now.duration_since(next.at) < FINE {
                break;
            }
            // A merged minute is the one before `fine_from` until it is full.
            let full = previous.seconds >= MINUTE.as_secs_f64();
            if full {
                self.fine_from += 1;
            } else {
                let next = self.samples.remove(self.fine_from + 1);
                if let Some(previous) = self.samples.get_mut(self.fine_from) {
                    previous.merge(next);
                }
            }
        }
        let before = self.samples.len();
        self.samples
            .retain(|sample| now.duration_since(sample.at) < KEPT);
        self.fine_from = self
            .fine_from
            .saturating_sub(before.saturating_sub(self.samples.len()));
    }

    fn number(&mut self, reason: &str) -> usize {
        if let Some(known) = self.reasons.iter().position(|known| known == reason) {
            return known;
        }
        self.reasons.push(reason.to_owned());
        self.reasons.len() - 1
    }
}

/// What is measured of a world in so many seconds that end now.
pub(super) fn measure(
    world: &mut World,
    conditions: &indexmap::IndexMap<&'static str, Condition>,
    seconds: f64,
    noise: f64,
) {
    let mut services = Vec::with_capacity(SERVICES.len());
    for service in &SERVICES {
        let Some(it) = conditions.get(service.name) else {
            continue;
        };
        // No system is without a fault: a few of a thousand requests fail on the best of days.
        let errors = (it.errors + noise * 0.002).min(1.0);
        let reason = (it.errors > 0.004).then(|| world.history.number(&it.reason));
        let jitter = 1.0 + noise * 0.06;
        services.push(Tally(
            round(it.rps * seconds),
            round(it.rps * seconds * errors),
            round(it.latency * jitter),
            round(it.p95() * jitter),
            reason,
        ));
    }
    let (callers, throttled) = calls(world);
    let all_calls: f64 = callers.iter().map(|(_, calls)| calls).sum();
    let asked = users(world) * seconds;
    let (tried, paid) = conditions.get("payments").map_or((0.0, 0.0), |payments| {
        let tried = payments.rps * seconds;
        (tried, tried * (1.0 - payments.errors))
    });
    let busiest = conditions
        .values()
        .map(|it| it.load)
        .fold(0.0_f64, f64::max);
    let lag = world
        .cluster
        .freshest()
        .map_or(0.0, |(_, replica)| replica.lag().as_secs_f64());
    let now = world.now();
    let at = now
        .checked_sub(SignedDuration::from_secs_f64(seconds))
        .unwrap_or(now);
    let sample = Sample {
        at,
        seconds,
        services,
        gauges: Gauges {
            cpu: round((busiest * 100.0).min(100.0)),
            queue: round(world.queue),
            connections: f64::from(world.cluster.connections(world.traffic)),
            lag,
            calls: round(all_calls * seconds),
            refused: round(all_calls * throttled * seconds),
            asked: round(asked),
            rejected: round(asked * (1.0 - admitted(world))),
            tried: round(tried),
            paid: round(paid),
        },
    };
    world.history.add(sample);
}
