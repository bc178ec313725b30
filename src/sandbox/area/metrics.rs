//! Metrics: what was measured, summed up in four ways.

use serde_json::json;

use crate::model::Duration;

use super::super::args::Args;
use super::super::history::Sample;
use super::super::law::conditions;
use super::super::operation::Operation::Look;
use super::super::operation::{No, Operations, Seen};
use super::super::topology::{MAIN, SERVICES};
use super::super::units::tenth;
use super::super::world::World;
use super::services::named;

pub(in crate::sandbox) const OPERATIONS: Operations = &[
    ("metrics.errors", Look(errors)),
    ("metrics.dashboard", Look(dashboard)),
    ("metrics.query", Look(query)),
    ("metrics.watch", Look(watch)),
];

/// An error rate above this, in percent, is out of its usual range.
const USUAL: f64 = 2.0;

fn percent(errors: f64, requests: f64) -> f64 {
    if requests > 0.0 {
        (errors / requests * 10_000.0).round() / 100.0
    } else {
        0.0
    }
}

fn total<'a>(samples: impl IntoIterator<Item = &'a Sample>, service: Option<&str>) -> (f64, f64) {
    samples
        .into_iter()
        .map(|sample| sample.count(service))
        .fold((0.0, 0.0), |(r, e), (requests, errors)| {
            (r + requests, e + errors)
        })
}

fn millis(millis: f64) -> Duration {
    Duration::from_millis(millis.round() as u64)
}

fn errors(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let only = named(world, args)?;
    let only = only.as_deref();
    let now = world.now();
    let samples: Vec<&Sample> = world.history.last(now, args.time("last", 15)).collect();
    let (requests, failed) = total(samples.iter().copied(), only);
    let minute = world.history.last(now, Duration::from_secs(60));
    let (requests_now, failed_now) = total(minute, only);
    let since = samples
        .iter()
        .rev()
        .take_while(|sample| {
            let (requests, errors) = sample.count(only);
            percent(errors, requests) > USUAL
        })
        .last()
        .map(|sample| sample.at.to_string());
    let mut services: Vec<(&str, f64, f64)> = SERVICES
        .iter()
        .filter(|built| only.is_none_or(|only| only == built.name))
        .map(|built| {
            let (requests, errors) = total(samples.iter().copied(), Some(built.name));
            (built.name, percent(errors, requests), requests)
        })
        .collect();
    services.sort_by(|a, b| b.1.total_cmp(&a.1));
    let worst = services.first().map_or("", |(name, ..)| *name);
    let services: Vec<_> = services
        .iter()
        .map(|(name, percent, requests)| {
            json!({
                "service": name,
                "error_percent": percent,
                "requests": requests.round() as u64,
            })
        })
        .collect();
    Ok(json!({
        "samples": samples.len(),
        "error_percent": percent(failed, requests),
        "now_percent": percent(failed_now, requests_now),
        "requests": requests.round() as u64,
        "errors": failed.round() as u64,
        "since": since,
        "services": services,
        "worst": worst,
    })
    .into())
}

fn dashboard(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let only = named(world, args)?;
    let only = only.as_deref();
    let samples: Vec<&Sample> = world
        .history
        .last(world.now(), args.time("last", 5))
        .collect();
    let seconds: f64 = samples.iter().map(|sample| sample.seconds).sum();
    let (requests, failed) = total(samples.iter().copied(), only);
    let mean = |of: &dyn Fn(&Sample) -> f64| {
        let sum: f64 = samples.iter().map(|s| of(s) * s.seconds).sum();
        if seconds > 0.0 { sum / seconds } else { 0.0 }
    };
    let cpu = match only {
        None => mean(&|sample| sample.gauges.cpu),
        Some(name) => conditions(world)
            .get(name)
            .map_or(0.0, |it| (it.load * 100.0).min(100.0)),
    };
    let memory = world
        .services
        .get(only.unwrap_or(MAIN))
        .map_or(0.0, |service| service.memory_percent);
    Ok(json!({
        "samples": samples.len(),
        "rps": if seconds > 0.0 { tenth(requests / seconds) } else { 0.0 },
        "error_percent": percent(failed, requests),
        "latency_p50": millis(mean(&|sample| sample.latency(only).0)),
        "latency_p95": millis(mean(&|sample| sample.latency(only).1)),
        "cpu_percent": tenth(cpu),
        "memory_percent": memory,
        "queue_depth": world.queue.round() as u64,
    })
    .into())
}

/// A metric's unit, and how it is read from a sample.
type Metric = (&'static str, fn(&Sample) -> f64);

/// The metrics that can be asked for by a name in the expression.
const METRICS: [(&str, Metric); 11] = [
    (
        "error",
        ("percent", |s| {
            let (requests, errors) = s.count(None);
            percent(errors, requests)
        }),
    ),
    ("p50", ("ms", |s| s.latency(None).0.round())),
    ("latency", ("ms", |s| s.latency(None).1.round())),
    (
        "rps",
        ("per second", |s| tenth(s.count(None).0 / s.seconds)),
    ),
    (
        "requests",
        ("per second", |s| tenth(s.count(None).0 / s.seconds)),
    ),
    ("cpu", ("percent", |s| tenth(s.gauges.cpu))),
    ("queue", ("jobs", |s| s.gauges.queue.round())),
    ("connections", ("connections", |s| s.gauges.connections)),
    ("lag", ("seconds", |s| s.gauges.lag)),
    (
        "429",
        ("percent", |s| percent(s.gauges.refused, s.gauges.calls)),
    ),
    (
        "throttled",
        ("percent", |s| percent(s.gauges.refused, s.gauges.calls)),
    ),
];

fn query(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let expression = args.needed("expression")?.to_lowercase();
    let found = METRICS.iter().find(|(name, _)| expression.contains(name));
    let Some((_, (unit, read))) = found else {
        // As monitoring systems do: a metric that nobody writes has no samples.
        return Ok(json!({ "samples": 0, "value": 0, "min": 0, "max": 0, "unit": "" }).into());
    };
    let values: Vec<f64> = world
        .history
        .last(world.now(), args.time("last", 15))
        .map(read)
        .collect();
    let (min, max) = values
        .iter()
        .fold((f64::INFINITY, 0.0_f64), |(min, max), value| {
            (min.min(*value), max.max(*value))
        });
    Ok(json!({
        "samples": values.len(),
        "value": values.last().copied().unwrap_or(0.0),
        "min": if min.is_finite() { min } else { 0.0 },
        "max": max,
        "unit": unit,
    })
    .into())
}

fn watch(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let only = named(world, args)?;
    let only = only.as_deref();
    let duration = args.time("duration", 15);
    let most_errors = args.number("max_error_percent", 1.0);
    let most_latency = match args
        .text("max_latency")
        .map(|text| text.parse::<Duration>())
    {
        Some(Ok(latency)) => latency,
        _ => Duration::from_secs(1),
    };
    // What will be seen, provided that nobody acts meanwhile: a look must not move the world.
    let later = world.later(duration);
    let (mut samples, mut bad) = (0, 0);
    let (mut worst_errors, mut worst_latency) = (0.0_f64, 0.0_f64);
    for sample in later.history.last(later.now(), duration) {
        let (requests, failed) = sample.count(only);
        let errors = percent(failed, requests);
        let latency = sample.latency(only).1;
        samples += 1;
        bad += u32::from(errors > most_errors || millis(latency) > most_latency);
        worst_errors = worst_errors.max(errors);
        worst_latency = worst_latency.max(latency);
    }
    let output = json!({
        "samples": samples,
        "bad": bad,
        "stable": samples > 0 && bad == 0,
        "worst_error_percent": worst_errors,
        "worst_latency": millis(worst_latency),
    });
    Ok(Seen::after(output, duration))
}
