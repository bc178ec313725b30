//! Customer support: users report what they notice.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::{Duration, Timestamp};

use super::super::args::Args;
use super::super::law::Condition;
use super::super::operation::Operation::Look;
use super::super::operation::{No, Operations, Seen};
use super::super::world::World;

pub(in crate::sandbox) const OPERATIONS: Operations =
    &[("support.recent_tickets", Look(recent_tickets))];

/// Reports in a second on a quiet day: three an hour.
const USUAL: f64 = 3.0 / 3600.0;

/// Of those who meet an error, so many write.
const WRITE: f64 = 0.0005;

const KEPT: usize = 400;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Report {
    number: u32,
    at: Timestamp,
    subject: String,
    urgent: bool,
}

/// What users reported.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Support {
    reports: Vec<Report>,
    written: u32,
    /// Of the next report, how much is there already.
    part: f64,
}

impl Support {
    /// The law of complaints.
    pub(in crate::sandbox) fn pass(
        world: &mut World,
        conditions: &IndexMap<&'static str, Condition>,
        seconds: f64,
    ) {
        let now = world.now();
        let failing: f64 = conditions.values().map(|it| it.rps * it.errors).sum();
        let worst = conditions
            .iter()
            .filter(|(_, it)| !it.healthy())
            .max_by(|a, b| (a.1.rps * a.1.errors).total_cmp(&(b.1.rps * b.1.errors)))
            .map(|(name, _)| *name);
        let support = &mut world.support;
        support.part += (USUAL + failing * WRITE) * seconds;
        while support.part >= 1.0 {
            support.part -= 1.0;
            let subject = subject(worst, support.written);
            if support.reports.len() >= KEPT {
                support.reports.remove(0);
            }
            support.reports.push(Report {
                number: 8800 + support.written,
                at: now,
                subject: subject.to_owned(),
                urgent: worst.is_some(),
            });
            support.written += 1;
        }
    }
}

/// What a user writes, who sees pages and not services.
fn subject(worst: Option<&str>, nth: u32) -> &'static str {
    let subjects = match worst {
        None => [
            "How do I change my address?",
            "Where is my invoice?",
            "Please delete my account",
        ],
        Some("payments") => [
            "Cannot pay by card",
            "Was I charged twice?",
            "Payment hangs",
        ],
        Some("checkout") => [
            "Checkout shows an error",
            "Cannot finish my order",
            "Cart is empty after an error",
        ],
        Some("search") => [
            "Search finds nothing",
            "Search is slow",
            "No suggestions any more",
        ],
        Some("auth") => [
            "Cannot log in",
            "Logged out again and again",
            "Reset mail does not come",
        ],
        Some(_) => [
            "Page shows an error",
            "Site is down?",
            "Nothing loads since a few minutes",
        ],
    };
    subjects[nth as usize % subjects.len()]
}

fn recent_tickets(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let last = args.time("last", 60);
    let status = args.text("status").unwrap_or_else(|| "any".to_owned());
    let about = args.text("about").map(|word| word.to_lowercase());
    let now = world.now();
    let tickets: Vec<_> = world
        .support
        .reports
        .iter()
        .rev()
        .filter(|report| Duration::between(report.at, now) <= last)
        .filter(|_| ["any", "open"].contains(&status.as_str()))
        .filter(|report| {
            about
                .as_ref()
                .is_none_or(|word| report.subject.to_lowercase().contains(word))
        })
        .map(|report| {
            json!({
                "id": format!("T-{}", report.number),
                "at": report.at.to_string(),
                "subject": report.subject,
                "status": "open",
                "priority": if report.urgent { "high" } else { "normal" },
            })
        })
        .collect();
    let usual = (last.as_secs_f64() * USUAL).round() as u64;
    Ok(json!({ "count": tickets.len(), "usual": usual, "tickets": tickets }).into())
}
