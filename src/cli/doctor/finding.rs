//! What `doctor` found: one line each, with what to do.

use serde_json::{Value as Json, json};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Ok,
    /// Mind this.
    Warning,
    /// A run that needs it fails.
    Problem,
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What was looked at.
    pub about: String,
    /// What was found.
    pub says: String,
    /// What to do.
    pub help: Vec<String>,
}

impl Finding {
    /// It is as it should be.
    pub fn ok(about: impl Into<String>, says: impl Into<String>) -> Self {
        Self::new(Level::Ok, about, says)
    }

    /// Mind this.
    pub fn warning(about: impl Into<String>, says: impl Into<String>) -> Self {
        Self::new(Level::Warning, about, says)
    }

    /// A run that needs it fails.
    pub fn problem(about: impl Into<String>, says: impl Into<String>) -> Self {
        Self::new(Level::Problem, about, says)
    }

    fn new(level: Level, about: impl Into<String>, says: impl Into<String>) -> Self {
        Self {
            level,
            about: about.into(),
            says: says.into(),
            help: Vec::new(),
        }
    }

    /// The same with what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// For programs.
    pub fn json(&self) -> Json {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Problem => "problem",
        };
        json!({ "level": level, "about": self.about, "says": self.says, "help": self.help })
    }
}
