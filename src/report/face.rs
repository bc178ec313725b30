//! What the line of a step that goes on shows: its clock, its title, how its poll stands, and what
//! it printed last.

use indicatif::{ProgressState, ProgressStyle};

use super::clock;
use super::line::Line;
use super::style::{Look, Mark, Tone};
use crate::model::text::clip;
use crate::model::{Duration, Status, Timestamp};
use crate::run::StepView;

/// A clock on a line.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Clock {
    /// Counts up from here, by the wall clock.
    Up(Duration),
    /// Counts down from here, by the wall clock; of so much.
    Down { left: Duration, of: Duration },
    /// Stands: in the sandbox time moves with events alone.
    Still(String),
}

/// Everything that the line of a step shows.
pub(super) struct Face<'a> {
    pub(super) view: &'a StepView<'a>,
    /// When the present attempt began.
    pub(super) began: Option<Timestamp>,
    pub(super) now: Timestamp,
    /// The poll's last verdict.
    pub(super) met: Option<bool>,
}

/// Whether a step has a line: it acts, pauses, or waits for a decision.
pub(super) fn has_line(view: &StepView<'_>) -> bool {
    match view.status() {
        Status::Running => !view.is_group(),
        Status::Waiting => true,
        _ => false,
    }
}

impl Face<'_> {
    pub(super) fn clock(&self, real: bool) -> Clock {
        let since = self
            .began
            .map_or(Duration::ZERO, |began| Duration::between(began, self.now));
        let of = match (self.view.pauses_until(), &self.view.node().how.poll) {
            (Some(until), _) => self.began.map(|began| Duration::between(began, until)),
            (None, Some(poll)) if self.view.status() == Status::Running => Some(poll.within),
            _ => None,
        };
        let left = of.map(|of| of.as_std().saturating_sub(since.as_std()));
        match (of, left.map(Duration::from_std)) {
            (Some(of), Some(left)) if real => Clock::Down { left, of },
            (Some(of), Some(left)) => Clock::Still(countdown(left, of)),
            _ if self.view.gate().is_some() => Clock::Still(Mark::WAIT.symbol.to_owned()),
            _ if real => Clock::Up(since),
            _ => Clock::Still(clock::elapsed(since)),
        }
    }

    /// Title and state; what it printed comes behind, by [`with_output`].
    pub(super) fn words(&self) -> String {
        let title = self.view.title();
        if let Some(gate) = self.view.gate() {
            return format!("{title} — waiting for a decision: {}", gate.confirm);
        }
        if self.view.pauses_until().is_some() {
            return format!("{title} — pause");
        }
        match (&self.view.node().how.poll, self.met) {
            (Some(poll), Some(true)) if poll.hold > Duration::ZERO => {
                format!("{title} — holds, and must hold {}", poll.hold)
            }
            (Some(_), Some(true)) => format!("{title} — holds"),
            (Some(_), Some(false)) => format!("{title} — not yet, waiting"),
            (Some(_), None) | (None, _) => title,
        }
    }
}

/// The words of a line with the last thing that was printed behind them, in its margin.
pub(super) fn message(look: &Look, words: &str, output: Option<&[u8]>) -> String {
    let line = Line::new().text(words);
    let line = match output {
        None => line,
        Some(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            line.tone(Tone::Quiet, " │ ").text(&clip(&text, 400))
        }
    };
    // Spinner and clock stand before it, and indicatif cuts without saying so.
    let width = look.width.saturating_sub(CLOCK + 4);
    line.cut(&Look { width, ..*look })
}

/// The columns of a clock.
const CLOCK: usize = 7;

/// `████░░░░ 3m 12s left`
fn countdown(left: Duration, of: Duration) -> String {
    const CELLS: usize = 8;
    let share = match of.as_secs_f64() {
        of if of > 0.0 => 1.0 - (left.as_secs_f64() / of).clamp(0.0, 1.0),
        _ => 1.0,
    };
    let full = (0..CELLS)
        .filter(|cell| (*cell as f64 + 0.5) / (CELLS as f64) < share)
        .count();
    let (full, rest) = ("█".repeat(full), "░".repeat(CELLS - full));
    format!("{full}{rest} {} left", clock::left(left))
}

fn shown(clock: &Clock, passed: std::time::Duration) -> String {
    match clock {
        Clock::Up(from) => clock::elapsed(from.plus(Duration::from_std(passed))),
        Clock::Down { left, of } => {
            let left = Duration::from_std(left.as_std().saturating_sub(passed));
            countdown(left, *of)
        }
        Clock::Still(text) => text.clone(),
    }
}

fn with_clock(style: ProgressStyle, look: &Look, clock: Clock, width: usize) -> ProgressStyle {
    let look = *look;
    style.with_key(
        "clock",
        move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let text = shown(&clock, state.elapsed());
            let text = Line::new().tone(Tone::Quiet, &format!("{text:>width$}"));
            let _ = out.write_str(&text.cut(&look));
        },
    )
}

/// How a step's line looks.
pub(super) fn style(look: &Look, clock: Clock) -> ProgressStyle {
    let frames: &[&str] = match (look.motion, look.unicode) {
        (false, true) => &["▸", "▸"],
        (false, false) => &[">", ">"],
        (true, true) => &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏", "▸"],
        (true, false) => &["|", "/", "-", "\\", ">"],
    };
    let mut painted = Vec::new();
    for frame in frames {
        let mut text = String::new();
        Tone::Busy.paint(look, frame, &mut text);
        painted.push(text);
    }
    let frames: Vec<&str> = painted.iter().map(String::as_str).collect();
    let style = template("{spinner} {clock} {wide_msg}").tick_strings(&frames);
    with_clock(style, look, clock, CLOCK)
}

/// How the last line looks: the environment first, for a narrow terminal cuts from the right.
pub(super) fn status_style(look: &Look, tone: Tone, place: &str, clock: Clock) -> ProgressStyle {
    let place = Line::new().tone(tone, &format!(" {place} ")).cut(look);
    let style = template("{place} {clock}{wide_msg}").with_key(
        "place",
        move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = out.write_str(&place);
        },
    );
    with_clock(style, look, clock, 0)
}

/// The templates are ours and right; a wrong one would show a bare line.
fn template(text: &str) -> ProgressStyle {
    ProgressStyle::with_template(text).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_countdown_shows_what_is_left() {
        let (left, of) = (Duration::from_secs(192), Duration::from_secs(300));
        assert_eq!(countdown(left, of), "███░░░░░ 3m 12s left");
        let down = Clock::Down { left, of };
        let passed = std::time::Duration::from_secs(200);
        assert_eq!(shown(&down, passed), "████████ 0s left");
        let up = Clock::Up(Duration::from_secs(40));
        assert_eq!(shown(&up, std::time::Duration::from_secs(2)), "0:42");
    }
}
