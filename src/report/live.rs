//! The live view: what is over scrolls away above, what goes on has a line, and the last line
//! always says where the run acts.
//!
//! Nothing here blocks or decides: indicatif draws at its own rate, and a draw that fails, for the
//! terminal is gone, is swallowed.

use std::collections::HashMap;
use std::time::Duration as StdDuration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};
use jiff::tz::TimeZone;

use super::clock;
use super::face::{self, Clock, Face};
use super::line::Line;
use super::progress::Progress;
use super::reporter::{Leaving, Notice, Reporter};
use super::scroll::scrolled;
use super::style::{Look, Tone, environment};
use super::summary::summary_in;
use super::words;
use crate::model::event::Happened;
use crate::model::ids::StepKey;
use crate::model::{Duration, Event, Timestamp};
use crate::run::{Run, StepView};

/// The most steps that have a line of their own: the rest is counted on the last line, which must
/// stay in sight on a low terminal.
const MOST: usize = 8;

/// How often spinners and clocks move: gentle to a slow connection.
const TICK: StdDuration = StdDuration::from_millis(200);

/// Makes the target that is drawn on, anew after each question.
type Target = Box<dyn Fn() -> ProgressDrawTarget + Send>;

/// Tells a run on a terminal.
pub struct Live {
    bars: MultiProgress,
    target: Target,
    width: Box<dyn Fn() -> usize + Send>,
    look: Look,
    zone: TimeZone,
    status: ProgressBar,
    steps: Vec<Shown>,
    /// Steps that go on and found no room for a line.
    unseen: Vec<StepKey>,
    /// The last output line of steps, raw; and since when the present attempt of them runs.
    lines: HashMap<StepKey, Vec<u8>>,
    began: HashMap<StepKey, Timestamp>,
    verdicts: HashMap<StepKey, bool>,
    progress: Progress,
    /// While a question is asked: what scrolls away when it is answered.
    held: Option<Vec<String>>,
    now: Option<Timestamp>,
    /// Whether the wall clock is the run's: in the sandbox time moves with events alone.
    real: bool,
    /// Until when nothing is to be done, where that is so.
    waiting: Option<Timestamp>,
    /// What an interrupt does.
    keys: &'static str,
    /// What it does once one came in, until the operator has been asked.
    keys_now: Option<&'static str>,
    /// The last line's words, without the keys.
    rest: String,
}

/// A step that has a line.
struct Shown {
    key: StepKey,
    bar: ProgressBar,
    /// What the line says without what was printed.
    words: String,
}

impl Live {
    /// Draws on standard error, at most five times a second. `width` is asked at each line, so that
    /// a resized terminal is noticed.
    pub fn stderr(look: Look, zone: TimeZone, width: impl Fn() -> usize + Send + 'static) -> Self {
        let target = || ProgressDrawTarget::stderr_with_hz(5);
        Self::on(target, look, zone, width)
    }

    /// Draws on what `target` makes: it is called again after each question.
    pub fn on(
        target: impl Fn() -> ProgressDrawTarget + Send + 'static,
        look: Look,
        zone: TimeZone,
        width: impl Fn() -> usize + Send + 'static,
    ) -> Self {
        let bars = MultiProgress::with_draw_target(target());
        let status = bars.add(ProgressBar::new_spinner());
        Self {
            bars,
            target: Box::new(target),
            width: Box::new(width),
            look,
            zone,
            status,
            steps: Vec::new(),
            unseen: Vec::new(),
            lines: HashMap::new(),
            began: HashMap::new(),
            verdicts: HashMap::new(),
            progress: Progress::default(),
            held: None,
            now: None,
            real: false,
            waiting: None,
            keys: "Ctrl-C stops",
            keys_now: None,
            rest: String::new(),
        }
    }

    /// Of a run that another process drives: an interrupt ends the looking, and not the run.
    #[must_use]
    pub fn watching(mut self) -> Self {
        self.keys = "Ctrl-C stops watching";
        self
    }

    fn look(&self) -> Look {
        Look {
            width: (self.width)(),
            ..self.look
        }
    }

    /// A line that stays. Several lines, where it does not fit on one.
    fn print(&mut self, text: String) {
        match &mut self.held {
            Some(held) => held.push(text),
            None => {
                let _ = self.bars.println(text);
            }
        }
    }

    fn recorded(&mut self, event: &Event, run: &Run) {
        self.now = Some(event.at);
        self.waiting = None;
        self.real = run.plan().real;
        self.progress.event(event, run);
        let step = event.step.as_ref();
        match (&event.what, step) {
            (Happened::StepStarted(_) | Happened::PauseBegun { .. }, Some(step)) => {
                self.began.insert(step.clone(), event.at);
                self.verdicts.remove(step);
                self.lines.remove(step);
            }
            (Happened::PollSeen { met, .. }, Some(step)) => {
                self.verdicts.insert(step.clone(), *met);
            }
            _ => {}
        }
        let last = step.and_then(|step| self.lines.get(step));
        for line in scrolled(event, run, last.map(Vec::as_slice), &self.zone) {
            let text = line.drawn(&self.look());
            self.print(text);
        }
        match step.and_then(|step| run.step(step)) {
            Some(view) => self.show(&view),
            // What concerns the whole run may concern any step: after a resume, or at an end.
            None => {
                let active: Vec<_> = run.steps().filter(face::has_line).collect();
                for view in active {
                    self.show(&view);
                }
            }
        }
        self.sweep(run);
        self.redraw_status(run);
    }

    /// Gives a step its line, or brings it up to date.
    fn show(&mut self, view: &StepView<'_>) {
        if !face::has_line(view) {
            return;
        }
        let key = view.key();
        let at = match self.steps.iter().position(|shown| shown.key == *key) {
            Some(at) => at,
            None if self.steps.len() >= MOST => {
                if !self.unseen.contains(key) {
                    self.unseen.push(key.clone());
                }
                return;
            }
            None => {
                let bar = ProgressBar::new_spinner();
                let bar = self.bars.insert_before(&self.status, bar);
                if self.look.motion && self.held.is_none() {
                    bar.enable_steady_tick(TICK);
                }
                self.steps.push(Shown {
                    key: key.clone(),
                    bar,
                    words: String::new(),
                });
                self.steps.len() - 1
            }
        };
        let now = self.now.or(view.started());
        let face = Face {
            view,
            began: self.began.get(key).copied().or(view.started()),
            now: now.unwrap_or(Timestamp::UNIX_EPOCH),
            met: self.verdicts.get(key).copied(),
        };
        let (clock, words) = (face.clock(self.real), face.words());
        let look = self.look();
        let output = self.lines.get(key).map(Vec::as_slice);
        let shown = &mut self.steps[at];
        shown.bar.reset_elapsed();
        shown.bar.set_style(face::style(&look, clock));
        shown.bar.set_message(face::message(&look, &words, output));
        shown.words = words;
        settle(&look, &self.steps[at].bar);
    }

    /// Takes away the lines of steps that have ended or stand still.
    fn sweep(&mut self, run: &Run) {
        let goes_on = |key: &StepKey| run.step(key).is_some_and(|view| face::has_line(&view));
        let (stay, leave) = std::mem::take(&mut self.steps)
            .into_iter()
            .partition(|shown| goes_on(&shown.key));
        self.steps = stay;
        for shown in leave {
            self.lines.remove(&shown.key);
            self.remove(&shown.bar);
        }
        self.unseen.retain(goes_on);
        let room = MOST.saturating_sub(self.steps.len()).min(self.unseen.len());
        for key in self.unseen.drain(..room).collect::<Vec<_>>() {
            if let Some(view) = run.step(&key) {
                self.show(&view);
            }
        }
    }

    fn remove(&self, bar: &ProgressBar) {
        bar.disable_steady_tick();
        bar.finish_and_clear();
        self.bars.remove(bar);
    }

    fn redraw_status(&mut self, run: &Run) {
        let plan = run.plan();
        let look = self.look();
        let (tone, place) = environment(&plan.environment, plan.real);
        let steps = format!("{}/{} steps", self.progress.done, self.progress.total);
        let mut rest = vec![plan.runbook.to_string(), steps];
        if !self.unseen.is_empty() {
            rest.push(format!("{} more running", self.unseen.len()));
        }
        // What waits has a line with its own clock, but for the delay before another attempt.
        if let (Some(until), true) = (self.waiting, self.steps.is_empty()) {
            rest.push(format!("waiting until {}", clock::time(until, &self.zone)));
        }
        let since = self.progress.began.zip(self.now);
        let elapsed = since.map_or(Duration::ZERO, |(from, now)| Duration::between(from, now));
        let clock = match plan.real {
            true => Clock::Up(elapsed),
            false => Clock::Still(clock::elapsed(elapsed)),
        };
        self.status.reset_elapsed();
        self.status
            .set_style(face::status_style(&look, tone, &place, clock));
        self.rest = rest.join(" · ");
        self.say_keys();
    }

    /// What stands on the last line behind the place and the clock.
    fn say_keys(&self) {
        let look = self.look();
        let keys = self.keys_now.unwrap_or(self.keys);
        let line = Line::new().text(&format!(" · {} · {keys}", self.rest));
        self.status.set_message(line.cut(&look));
        settle(&look, &self.status);
    }

    fn output(&mut self, step: &StepKey, line: &[u8]) {
        let line = &line[..line.len().min(4096)];
        if let Some(shown) = self.steps.iter().find(|shown| shown.key == *step) {
            let message = face::message(&self.look(), &shown.words, Some(line));
            shown.bar.set_message(message);
        }
        self.lines.insert(step.clone(), line.to_vec());
    }

    fn all_bars(&self) -> impl Iterator<Item = &ProgressBar> {
        self.steps
            .iter()
            .map(|shown| &shown.bar)
            .chain([&self.status])
    }

    /// Lets spinners and clocks move, or stand.
    fn tick(&self, on: bool) {
        for bar in self.all_bars() {
            match on && self.look.motion {
                true => bar.enable_steady_tick(TICK),
                false => bar.disable_steady_tick(),
            }
        }
    }
}

/// Draws at once where no tick will: indicatif leaves out what comes too fast, and a line that is
/// left out here would stay wrong until the next event.
fn settle(look: &Look, bar: &ProgressBar) {
    if !look.motion {
        bar.force_draw();
    }
}

impl Reporter for Live {
    fn notice(&mut self, notice: Notice<'_>) {
        match notice {
            Notice::Recorded { event, run, .. } => {
                if self.now.is_none() {
                    self.tick(true);
                }
                self.recorded(event, run);
            }
            Notice::Line { step, line, .. } => self.output(step, line),
            Notice::Leaving {
                signal,
                acting,
                how,
            } => {
                let text = Line::new()
                    .tone(Tone::Strong, &words::leaving(signal, acting, how))
                    .wrap(&self.look(), 2);
                self.print(text);
                self.keys_now = match how {
                    Leaving::Waiting | Leaving::Asking => Some("Ctrl-C again ends what runs"),
                    Leaving::Ending => Some("ending"),
                    Leaving::Stopping | Leaving::Staying => self.keys_now,
                };
                if !self.rest.is_empty() {
                    self.say_keys();
                }
            }
            Notice::Left { note } => {
                let text = Line::new().tone(Tone::Warn, note).wrap(&self.look(), 2);
                self.print(text);
            }
            Notice::Waiting { until, now, run } => {
                self.now = Some(now);
                self.waiting = Some(until);
                let keys: Vec<_> = self.steps.iter().map(|shown| shown.key.clone()).collect();
                for view in keys.iter().filter_map(|key| run.step(key)) {
                    self.show(&view);
                }
                self.redraw_status(run);
            }
        }
    }

    fn suspend(&mut self) {
        if self.held.is_none() {
            self.held = Some(Vec::new());
            self.tick(false);
            // Whoever is asked now says what becomes of the run.
            if self.keys_now.take().is_some() {
                self.say_keys();
            }
            let _ = self.bars.clear();
            self.bars.set_draw_target(ProgressDrawTarget::hidden());
        }
    }

    fn resume(&mut self) {
        if let Some(held) = self.held.take() {
            self.bars.set_draw_target((self.target)());
            for text in held {
                let _ = self.bars.println(text);
            }
            for bar in self.all_bars() {
                bar.tick();
            }
            self.tick(true);
        }
    }

    fn finish(&mut self, run: &Run) {
        self.resume();
        self.tick(false);
        for shown in std::mem::take(&mut self.steps) {
            self.remove(&shown.bar);
        }
        self.remove(&self.status);
        let _ = self.bars.clear();
        let text = summary_in(run, &self.look(), &self.zone);
        self.print(format!("\n{}", text.trim_end()));
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
