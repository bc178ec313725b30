//! Lines with a time, for where there is no terminal: a log file, CI, a pipe.
//!
//! What a step prints stands in the margin of its step, behind `│` and without a time, so that it
//! cannot pass for a line of ours.

use std::collections::HashMap;
use std::io::Write;

use jiff::tz::TimeZone;

use super::clock;
use super::line::Line;
use super::reporter::{Notice, Reporter};
use super::style::{Look, Mark, Tone};
use super::summary::summary_in;
use super::tell::{Told, told_of};
use super::words;
use crate::model::event::{Decision, FailureChoice, Happened};
use crate::model::ids::StepKey;
use crate::model::{Event, Timestamp};
use crate::run::{Run, StepView};

/// Tells a run in timestamped lines.
pub struct Plain<W> {
    out: W,
    look: Look,
    zone: TimeZone,
    /// Whether day and offset of the times were said.
    dated: bool,
    /// Until when a wait was announced last, so that it is said once.
    waiting: Option<Timestamp>,
    /// While the terminal is used for a question: what is told when it is free again.
    held: Option<Vec<u8>>,
    /// The last verdict of each poll: only a change is told.
    verdicts: HashMap<StepKey, bool>,
}

impl<W: Write> Plain<W> {
    /// Lines go to `out`, times are shown in `zone`.
    pub fn new(out: W, look: Look, zone: TimeZone) -> Self {
        Self {
            out,
            look,
            zone,
            dated: false,
            waiting: None,
            held: None,
            verdicts: HashMap::new(),
        }
    }

    /// After a hangup every write fails; the run goes on.
    fn write(&mut self, text: &str) {
        let line = format!("{text}\n");
        match &mut self.held {
            Some(held) => held.extend_from_slice(line.as_bytes()),
            None => {
                let _ = self.out.write_all(line.as_bytes());
                let _ = self.out.flush();
            }
        }
    }

    fn line(&mut self, at: Timestamp, mark: Mark, step: &str, text: &str) {
        let head = Line::new()
            .tone(Tone::Quiet, &clock::time(at, &self.zone))
            .text("  ")
            .tone(mark.tone, mark.symbol)
            .text(" ");
        let head = match step {
            "" => head,
            step => head.tone(Tone::Strong, step).text("  "),
        };
        let line = head.text(text).wrap(&self.look, MARGIN + 2);
        self.write(&line);
    }

    fn more(&mut self, lines: &[String]) {
        for more in lines {
            let line = Line::new().column(MARGIN + 2).tone(Tone::Quiet, more);
            let line = line.wrap(&self.look, MARGIN + 4);
            self.write(&line);
        }
    }

    fn recorded(&mut self, event: &Event, run: &Run) {
        if !self.dated || matches!(event.what, Happened::RunResumed { .. }) {
            self.dated = true;
            let text = format!("times are local: {}", clock::day(event.at, &self.zone));
            self.line(event.at, Mark::NOTE, "", &text);
        }
        let view = event.step.as_ref().and_then(|step| run.step(step));
        let Some(told) = self.told(event, run, view) else {
            return;
        };
        let step = event.step.as_ref().map_or("", |step| step.as_str());
        let text = match told.mark.word {
            "" => told.text,
            word => format!("{word}: {}", told.text),
        };
        self.line(event.at, told.mark, step, &text);
        self.more(&told.more);
    }

    /// What of an event is told while it happens; the journal has the rest.
    fn told(&mut self, event: &Event, run: &Run, view: Option<StepView<'_>>) -> Option<Told> {
        let mut told = told_of(event, run, &self.zone);
        let title = view.map(|view| view.title()).unwrap_or_default();
        match &event.what {
            Happened::BlockEntered { .. } => {
                view?.node().how.title.as_ref()?;
                told.text = title;
                told.mark.word = "";
            }
            Happened::StepStarted(started) => {
                let attempt = event.attempt.map_or(1, |attempt| attempt.0);
                let again = match attempt {
                    0 | 1 => String::new(),
                    n => format!(", attempt {n}"),
                };
                told.text = format!("{title}{again}");
                let (_, effect) = super::style::effect(started.effect);
                told.more = vec![format!("{effect}  {}", words::work(&started.work))];
            }
            Happened::LoopOpened { .. } => {
                told.text = format!("{title}: {}", told.text);
                told.mark.word = "";
            }
            Happened::StepSkipped { .. } => told.text = format!("{title}: {}", told.text),
            Happened::PollSeen { met, .. } => {
                let step = event.step.clone()?;
                if self.verdicts.insert(step, *met) == Some(*met) {
                    return None;
                }
            }
            Happened::PauseBegun { until } => {
                told.text = format!("{title}, until {}", clock::time(*until, &self.zone));
            }
            // The rule that made it is in the plan, and what follows from it is told.
            Happened::FailureDecided { choice, .. } if *choice == FailureChoice::Propagate => {
                return None;
            }
            Happened::GateDecided { decision, .. } if *decision == Decision::Decline => {
                told.mark.word = "declined";
            }
            Happened::RunOpened(_) => {
                told.more.pop();
                told.more.insert(0, format!("run {}", run.id()));
            }
            Happened::RunClosed(_) => {
                // The summary, which follows, lists what remains.
                told.more.clear();
            }
            Happened::VarsSet { .. } | Happened::BeforeSeen { .. } => return None,
            _ => {}
        }
        Some(told)
    }
}

/// Where our own words begin: behind the time.
const MARGIN: usize = 10;

impl<W: Write> Reporter for Plain<W> {
    fn notice(&mut self, notice: Notice<'_>) {
        match notice {
            Notice::Recorded { event, run, .. } => self.recorded(event, run),
            Notice::Line { step, line, .. } => {
                let text = String::from_utf8_lossy(line);
                let line = Line::new()
                    .column(MARGIN)
                    .tone(Tone::Quiet, &format!("{step} │ "))
                    .text(&text)
                    .cut(&self.look);
                self.write(&line);
            }
            Notice::Leaving {
                signal,
                acting,
                how,
            } => {
                let text = Line::new()
                    .tone(Tone::Strong, &words::leaving(signal, acting, how))
                    .wrap(&self.look, 2);
                self.write(&text);
            }
            Notice::Left { note } => {
                let text = Line::new().tone(Tone::Warn, note).wrap(&self.look, 2);
                self.write(&text);
            }
            Notice::Waiting { until, now, .. } => {
                // Polls come back every few seconds: a log tells only the waits that a reader
                // would wonder about.
                let long = crate::model::Duration::between(now, until).as_secs_f64() >= 60.0;
                if long && self.waiting != Some(until) {
                    self.waiting = Some(until);
                    let text = format!("waiting until {}", clock::time(until, &self.zone));
                    self.line(now, Mark::WAIT, "", &text);
                }
            }
        }
    }

    fn suspend(&mut self) {
        self.held.get_or_insert_with(Vec::new);
    }

    fn resume(&mut self) {
        if let Some(held) = self.held.take() {
            let _ = self.out.write_all(&held);
            let _ = self.out.flush();
        }
    }

    fn finish(&mut self, run: &Run) {
        self.resume();
        let text = summary_in(run, &self.look, &self.zone);
        self.write("");
        self.write(text.trim_end());
    }
}

#[cfg(test)]
#[path = "plain_tests.rs"]
mod tests;
