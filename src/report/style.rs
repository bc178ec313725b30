//! How things look: a palette, symbols that always have a word beside them, and the banner.
//!
//! Colour is never the only carrier of a meaning: what is red also says `failed`.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Effects, Style};

use super::line::Line;
use crate::model::ids::EnvironmentName;
use crate::model::{Effect, Status};

/// What the screen can do, and how wide it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether colours may be used.
    pub color: bool,
    /// How many columns there are. A file has none: give a large number, nothing is padded to it.
    pub width: usize,
    /// Whether spinners may spin.
    pub motion: bool,
    /// Whether characters beyond ASCII may be used for symbols and frames.
    pub unicode: bool,
}

impl Look {
    /// Neither colour nor motion.
    pub const fn plain(width: usize) -> Self {
        Self {
            color: false,
            width,
            motion: false,
            unicode: true,
        }
    }

    /// The same with colours.
    #[must_use]
    pub const fn colored(self) -> Self {
        Self {
            color: true,
            ..self
        }
    }

    /// The width that text is laid out for: never so narrow that a word has no room.
    pub(super) fn columns(&self) -> usize {
        self.width.max(20)
    }

    /// Which environment a run acts on, unmistakably: the first thing that is shown.
    pub fn banner(&self, environment: &EnvironmentName, real: bool) -> String {
        let (tone, text) = if real {
            (Tone::Real, format!(" REAL  {environment} "))
        } else {
            let text = format!(" {} ", sandbox(environment));
            (Tone::Sandbox, text)
        };
        Line::new().tone(tone, &text).cut(self)
    }
}

fn sandbox(environment: &EnvironmentName) -> String {
    match environment.as_str() {
        "sandbox" => "SANDBOX — nothing real is touched".to_owned(),
        other => format!("SANDBOX — {other}: nothing real is touched"),
    }
}

/// The environment in a few letters, for where there is little room.
pub(super) fn environment(environment: &EnvironmentName, real: bool) -> (Tone, String) {
    match (real, environment.as_str()) {
        (true, name) => (Tone::Real, format!("REAL {name}")),
        (false, "sandbox") => (Tone::Sandbox, "SANDBOX".to_owned()),
        (false, name) => (Tone::Sandbox, format!("SANDBOX {name}")),
    }
}

/// What a piece of text means, and so how it is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// It went well.
    Good,
    /// It did not.
    Bad,
    /// Mind this.
    Warn,
    /// Of less weight.
    Quiet,
    /// A headline.
    Strong,
    /// Goes on now.
    Busy,
    /// Something real is acted on.
    Real,
    /// Nothing real is.
    Sandbox,
}

impl Tone {
    fn style(self) -> Style {
        let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        match self {
            Self::Plain => Style::new(),
            Self::Good => color(AnsiColor::Green),
            Self::Bad => color(AnsiColor::Red).bold(),
            Self::Warn => color(AnsiColor::Yellow),
            Self::Quiet => Style::new().dimmed(),
            Self::Strong => Style::new().bold(),
            Self::Busy => color(AnsiColor::Cyan),
            Self::Real => color(AnsiColor::Red).effects(Effects::BOLD | Effects::INVERT),
            Self::Sandbox => color(AnsiColor::Green).effects(Effects::INVERT),
        }
    }

    /// The text with this tone, where the look has colours. The text is safe already.
    pub(super) fn paint(self, look: &Look, text: &str, out: &mut String) {
        if look.color && self != Self::Plain && !text.is_empty() {
            let style = self.style();
            let _ = write!(out, "{style}{text}{style:#}");
        } else {
            out.push_str(text);
        }
    }
}

/// A symbol with the word that always stands beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// One column wide.
    pub symbol: &'static str,
    /// In words.
    pub word: &'static str,
    /// How it is coloured.
    pub tone: Tone,
}

impl Mark {
    const fn new(symbol: &'static str, word: &'static str, tone: Tone) -> Self {
        Self { symbol, word, tone }
    }

    /// Something to take note of, without a status.
    pub const NOTE: Self = Self::new("·", "", Tone::Quiet);
    /// Something is about to be done.
    pub const BEGIN: Self = Self::new("▸", "running", Tone::Busy);
    /// Somebody or something is waited for.
    pub const WAIT: Self = Self::new("⏸", "waiting", Tone::Warn);
    /// Something is taken back.
    pub const BACK: Self = Self::new("↩", "taken back", Tone::Warn);
    /// A person counts it as done; its command did not say so.
    pub const BY_HAND: Self = Self::new("◆", "marked done", Tone::Warn);
    /// At the end, with failures that the runbook provides for.
    pub const FORESEEN: Self = Self::new("!", "", Tone::Warn);

    /// The mark of a status.
    pub const fn of(status: Status) -> Self {
        match status {
            Status::Pending => Self::new("·", "not reached", Tone::Quiet),
            Status::Waiting => Self::WAIT,
            Status::Running => Self::BEGIN,
            Status::Succeeded => Self::new("✓", "done", Tone::Good),
            Status::Failed => Self::new("✗", "failed", Tone::Bad),
            Status::Skipped => Self::new("–", "skipped", Tone::Quiet),
            Status::Declined => Self::new("✗", "declined", Tone::Bad),
            Status::TimedOut => Self::new("✗", "out of time", Tone::Bad),
            Status::Cancelled => Self::new("✗", "cancelled", Tone::Bad),
            Status::Unknown => Self::new("?", "unknown", Tone::Bad),
            Status::Undone => Self::BACK,
            Status::UndoFailed => Self::new("✗", "not taken back", Tone::Bad),
        }
    }

    /// Symbol and word together.
    pub(super) fn words(self) -> String {
        match self.word {
            "" => self.symbol.to_owned(),
            word => format!("{} {word}", self.symbol),
        }
    }
}

/// An effect as plans and gates say it: loud where the world may be another afterwards.
pub(super) fn effect(effect: Effect) -> (Tone, &'static str) {
    match effect {
        Effect::Read => (Tone::Quiet, "read"),
        Effect::Change => (Tone::Warn, "CHANGE"),
        Effect::Destructive => (Tone::Bad, "DESTRUCTIVE"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_cannot_be_mistaken() {
        let sandbox = "sandbox".parse().unwrap();
        let production = "production".parse().unwrap();
        let look = Look::plain(80);
        assert_eq!(
            look.banner(&sandbox, false),
            " SANDBOX — nothing real is touched "
        );
        assert_eq!(look.banner(&production, true), " REAL  production ");
        let colored = look.colored().banner(&production, true);
        assert!(colored.contains("\x1b[7m"), "{colored:?}");
        assert!(colored.contains(" REAL  production "));
    }

    #[test]
    fn each_status_has_a_word_and_a_symbol_of_one_column() {
        for status in Status::ALL {
            let mark = Mark::of(status);
            assert!(!mark.word.is_empty());
            assert_eq!(unicode_width::UnicodeWidthStr::width(mark.symbol), 1);
        }
    }
}
