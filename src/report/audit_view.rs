//! A journal's records for people: `runbook audit show`.

use jiff::tz::TimeZone;

use super::clock;
use super::line::Line;
use super::style::{Look, Tone};
use super::tell::tell;
use super::words;
use crate::model::Event;
use crate::model::event::Happened;
use crate::model::people::Actor;

/// A record in words: when, which step, what, by whom; and below it what belongs to it. Several
/// lines where it does not fit on one: an audit log leaves nothing out. Ends without a line end.
pub fn record_line(event: &Event, look: &Look, zone: &TimeZone) -> String {
    let told = tell(event, zone);
    let step = match (&event.step, event.attempt) {
        (Some(step), Some(attempt)) if attempt.0 > 1 => format!("{step}#{attempt}"),
        (Some(step), _) => step.to_string(),
        (None, _) => "(run)".to_owned(),
    };
    let mut line = Line::new()
        .tone(Tone::Quiet, &clock::moment(event.at, zone))
        .text("  ")
        .tone(told.mark.tone, &told.mark.words())
        .text(" ")
        .tone(Tone::Strong, &step)
        .text("  ")
        .text(&told.text);
    if let (Actor::Person(_), false) = (&event.actor, names_its_person(&event.what)) {
        let by = format!("  — {}", words::actor(&event.actor));
        line = line.tone(Tone::Quiet, &by);
    }
    let mut out = line.wrap(look, 4);
    for more in &told.more {
        out.push('\n');
        let line = Line::new().text("    ").tone(Tone::Quiet, more);
        out.push_str(&line.wrap(look, 6));
    }
    out
}

/// Whether the words of an event say already who did it.
fn names_its_person(what: &Happened) -> bool {
    matches!(
        what,
        Happened::RunOpened(_)
            | Happened::RunResumed { .. }
            | Happened::GateDecided { .. }
            | Happened::FailureDecided { .. }
            | Happened::AnswerGiven { .. }
            | Happened::ManualReported { .. }
    )
}

#[cfg(test)]
#[path = "audit_view_tests.rs"]
mod tests;
