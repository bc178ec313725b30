//! What stays above the live lines: a line for each step that is over, and for what people did.

use jiff::tz::TimeZone;

use super::line::Line;
use super::style::{Look, Tone};
use super::tell::{Told, told_of};
use super::words;
use crate::model::Event;
use crate::model::event::{FailureChoice, Happened, SkipReason};
use crate::run::Run;

/// A line that stays.
pub(super) struct Scrolled {
    line: Line,
    indent: usize,
    /// Cut to one line: it went well, and the journal has the rest.
    short: bool,
}

impl Scrolled {
    /// As it is drawn: one line or several, without a line end.
    pub(super) fn drawn(self, look: &Look) -> String {
        match self.short {
            true => self.line.cut(look),
            false => self.line.wrap(look, self.indent),
        }
    }
}

/// What stays of an event, if anything does. `output` is what its step printed last, raw.
pub(super) fn scrolled(
    event: &Event,
    run: &Run,
    output: Option<&[u8]>,
    zone: &TimeZone,
) -> Vec<Scrolled> {
    if is_fleeting(&event.what) {
        return Vec::new();
    }
    let view = event.step.as_ref().and_then(|step| run.step(step));
    let mut told = told_of(event, run, zone);
    let titled = view.as_ref().map(|view| view.title());
    let depth = view
        .as_ref()
        .map_or(0, |view| view.depth().saturating_sub(1));
    let margin = 2 * depth.min(4);
    match &event.what {
        Happened::BlockEntered { .. } => {
            if view.is_none_or(|view| view.node().how.title.is_none()) {
                return Vec::new();
            }
            let line = Line::new().text(&" ".repeat(margin));
            let line = line.tone(Tone::Strong, &titled.unwrap_or_default());
            return vec![Scrolled {
                line,
                indent: margin + 2,
                short: false,
            }];
        }
        Happened::StepSkipped {
            why: SkipReason::If { values, .. },
        } if !values.is_empty() => told.text = words::values(values),
        _ => {}
    }
    let finished = matches!(&event.what, Happened::StepFinished(f) if f.failure.is_none());
    let skipped = matches!(event.what, Happened::StepSkipped { .. });
    let line = head(&told, margin, titled.as_deref());
    let line = match (output, &event.what) {
        (Some(bytes), Happened::StepFinished(step)) if finished => {
            let text = String::from_utf8_lossy(bytes);
            let took = format!("in {}", step.took.rounded());
            line.tone(Tone::Quiet, &took)
                .tone(Tone::Quiet, " │ ")
                .text(&text)
        }
        _ if finished || skipped => line.tone(Tone::Quiet, &told.text),
        _ => line.text(&told.text),
    };
    let mut out = vec![Scrolled {
        line,
        indent: margin + 4,
        short: finished || skipped,
    }];
    if !finished || has_notes(&event.what) {
        out.extend(told.more.iter().map(|more| {
            Scrolled {
                line: Line::new()
                    .text(&" ".repeat(margin + 4))
                    .tone(Tone::Quiet, more),
                indent: margin + 6,
                short: false,
            }
        }));
    }
    out
}

fn head(told: &Told, margin: usize, title: Option<&str>) -> Line {
    let line = Line::new()
        .text(&" ".repeat(margin))
        .tone(told.mark.tone, &told.mark.words())
        .text("  ");
    match title {
        Some(title) => line.text(title).text("  "),
        None => line,
    }
}

fn has_notes(what: &Happened) -> bool {
    matches!(what, Happened::StepFinished(finished) if !finished.notes.is_empty())
}

/// What has a live line, is in the head or the summary, or follows from a rule.
fn is_fleeting(what: &Happened) -> bool {
    match what {
        Happened::RunOpened(_)
        | Happened::RunClosed(_)
        | Happened::VarsSet { .. }
        | Happened::LoopOpened { .. }
        | Happened::GateOpened(_)
        | Happened::BeforeSeen { .. }
        | Happened::StepStarted(_)
        | Happened::PollSeen { .. }
        | Happened::PauseBegun { .. } => true,
        Happened::FailureDecided { choice, .. } => *choice == FailureChoice::Propagate,
        _ => false,
    }
}
