//! Logs: what services wrote, derived from what was measured, and a few lines of their own.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::Timestamp;

use super::super::args::Args;
use super::super::operation::Operation::Look;
use super::super::operation::{No, Operations, Seen};
use super::super::topology::SERVICES;
use super::super::world::World;
use super::services::named;

pub(in crate::sandbox) const OPERATIONS: Operations =
    &[("logs.tail", Look(tail)), ("logs.search", Look(search))];

/// Levels, from least to most.
const LEVELS: [&str; 4] = ["debug", "info", "warn", "error"];

/// Lines that are shown at most.
const SHOWN: usize = 20;

/// Lines of their own that are kept at most.
const KEPT: usize = 300;

/// A line that somebody wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Line {
    at: Timestamp,
    level: String,
    service: String,
    message: String,
}

impl Line {
    pub(in crate::sandbox) fn new(
        at: Timestamp,
        level: &str,
        service: &str,
        message: &str,
    ) -> Self {
        Self {
            at,
            level: level.to_owned(),
            service: service.to_owned(),
            message: message.to_owned(),
        }
    }
}

/// Lines that cannot be derived from what was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Logs {
    lines: Vec<Line>,
}

impl Logs {
    pub(in crate::sandbox) fn say(&mut self, line: Line) {
        if self.lines.len() >= KEPT {
            self.lines.remove(0);
        }
        self.lines.push(line);
    }
}

/// Equal lines of one service in one sample.
struct Found {
    line: Line,
    count: u64,
}

/// All lines of the last while that a test accepts, newest first.
fn find(
    world: &World,
    args: &Args<'_>,
    minutes: u64,
    accept: impl Fn(&Line) -> bool,
) -> Result<Vec<Found>, No> {
    let only = named(world, args)?;
    let (now, last) = (world.now(), args.time("last", minutes));
    let start = now.checked_sub(last.as_std()).unwrap_or(now);
    let mut all: Vec<Found> = world
        .logs
        .lines
        .iter()
        .filter(|line| line.at >= start)
        .map(|line| Found {
            line: line.clone(),
            count: 1,
        })
        .collect();
    for sample in world.history.last(now, last) {
        for (built, tally) in SERVICES.iter().zip(&sample.services) {
            let errors = tally.errors().round();
            let line = match tally.4.map(|number| world.history.reason(number)) {
                Some(reason) if errors >= 1.0 => {
                    Line::new(sample.end(), "error", built.name, reason)
                }
                _ if errors >= 1.0 => Line::new(
                    sample.end(),
                    "warn",
                    built.name,
                    "a client closed the connection before the answer",
                ),
                _ => {
                    let message = format!("answered {} requests", tally.requests().round());
                    Line::new(sample.end(), "info", built.name, &message)
                }
            };
            all.push(Found {
                line,
                count: errors.max(1.0) as u64,
            });
        }
    }
    all.retain(|found| {
        only.as_ref().is_none_or(|only| *only == found.line.service) && accept(&found.line)
    });
    all.sort_by_key(|found| std::cmp::Reverse(found.line.at));
    Ok(all)
}

fn shown(found: &[Found]) -> (u64, bool, Vec<serde_json::Value>) {
    let count: u64 = found.iter().map(|found| found.count).sum();
    let lines: Vec<_> = found
        .iter()
        .take(SHOWN)
        .map(|found| {
            json!({
                "at": found.line.at.to_string(),
                "level": found.line.level,
                "service": found.line.service,
                "message": found.line.message,
            })
        })
        .collect();
    (count, count > lines.len() as u64, lines)
}

fn has(line: &Line, word: &str) -> bool {
    line.message.to_lowercase().contains(&word.to_lowercase())
}

fn tail(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let filter = args.text("filter");
    let found = find(world, args, 1, |line| match filter.as_deref() {
        None => true,
        Some(level) if LEVELS.contains(&level) => line.level == level,
        Some(word) => has(line, word),
    })?;
    let (count, truncated, lines) = shown(&found);
    Ok(json!({ "count": count, "truncated": truncated, "lines": lines }).into())
}

fn search(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let pattern = args.text("pattern");
    let rank = |level: &str| LEVELS.iter().position(|known| *known == level);
    let least = args.text("level").and_then(|level| rank(&level));
    let found = find(world, args, 60, |line| {
        pattern.as_ref().is_none_or(|pattern| has(line, pattern))
            && least.is_none_or(|least| rank(&line.level) >= Some(least))
    })?;
    let mut patterns: Vec<(u64, &str, &str)> = Vec::new();
    for found in &found {
        let (message, service) = (found.line.message.as_str(), found.line.service.as_str());
        match patterns
            .iter_mut()
            .find(|(_, m, s)| *m == message && *s == service)
        {
            Some(known) => known.0 += found.count,
            None => patterns.push((found.count, message, service)),
        }
    }
    patterns.sort_by_key(|(count, ..)| std::cmp::Reverse(*count));
    let patterns: Vec<_> = patterns
        .iter()
        .take(10)
        .map(|(count, message, service)| {
            json!({ "message": message, "count": count, "service": service })
        })
        .collect();
    let (count, truncated, lines) = shown(&found);
    Ok(json!({
        "count": count,
        "truncated": truncated,
        "lines": lines,
        "patterns": patterns,
    })
    .into())
}
