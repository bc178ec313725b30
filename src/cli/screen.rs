//! Where output goes: standard output for data, standard error for people. Writing is fallible and
//! never fatal: after a hangup every write fails.

use std::io::{IsTerminal, Write};

use super::args::{Cli, ColorWhen};
use crate::report::Look;

/// How wide text is where there is no terminal.
const FILE_WIDTH: usize = 100;

/// The program's two outputs, and how they look.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// How text for people looks, on standard error.
    pub err: Look,
    /// How text on standard output looks.
    pub out: Look,
    /// Whether standard error is a terminal.
    pub live: bool,
    /// Whether little is to be said.
    pub quiet: bool,
}

impl Screen {
    /// What this process writes to.
    pub fn of(cli: &Cli) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let look = |terminal: bool, width: Option<usize>| Look {
            color: match cli.color {
                ColorWhen::Always => true,
                ColorWhen::Never => false,
                ColorWhen::Auto => terminal && !no_color && !dumb,
            },
            width: width.unwrap_or(FILE_WIDTH),
            motion: terminal && !dumb,
            unicode: speaks_unicode(),
        };
        let err_terminal = std::io::stderr().is_terminal();
        let out_terminal = std::io::stdout().is_terminal();
        Self {
            err: look(err_terminal, width(err_terminal, std::io::stderr())),
            out: look(out_terminal, width(out_terminal, std::io::stdout())),
            live: err_terminal && !dumb,
            quiet: cli.quiet,
        }
    }

    /// Text for people.
    pub fn say(&self, text: &str) {
        let mut err = std::io::stderr().lock();
        let _ = writeln!(err, "{}", text.trim_end_matches('\n'));
    }

    /// Data.
    pub fn print(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{}", text.trim_end_matches('\n'));
    }

    /// An error and what to do about it.
    pub fn error(&self, message: &str, help: &[String]) {
        let (bold, red, cyan, off) = if self.err.color {
            ("\u{1b}[1m", "\u{1b}[1;31m", "\u{1b}[36m", "\u{1b}[0m")
        } else {
            ("", "", "", "")
        };
        self.say(&format!("{red}error{off}{bold}:{off} {message}"));
        for help in help {
            self.say(&format!("  {cyan}→{off} {help}"));
        }
    }
}

/// How wide the terminal is now; it may be resized while a run goes on.
pub fn terminal_width() -> usize {
    width(true, std::io::stderr()).unwrap_or(80)
}

fn width(terminal: bool, out: impl std::os::fd::AsFd) -> Option<usize> {
    if !terminal {
        return None;
    }
    match rustix::termios::tcgetwinsize(out) {
        Ok(size) if size.ws_col > 0 => Some(usize::from(size.ws_col)),
        _ => Some(80),
    }
}

/// Whether the locale says that what is written is UTF-8. Without a locale, it is: that is what
/// today's terminals take.
fn speaks_unicode() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(std::env::var_os)
        .find(|value| !value.is_empty());
    match set {
        None => true,
        Some(locale) => {
            let locale = locale.to_string_lossy().to_ascii_lowercase();
            locale.contains("utf") || locale == "c" || locale == "posix"
        }
    }
}
