//! How much a step can do to the world, and how bad an incident is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much a step can do to the world. The order is from harmless to dangerous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Looks, and leaves everything as it was.
    Read,
    /// Can be undone or repeated.
    Change,
    /// Can lose data or service.
    Destructive,
}

impl Effect {
    /// All effects, from harmless to dangerous, with the words used in files.
    pub const ALL: [(&'static str, Self); 3] = [
        ("read", Self::Read),
        ("change", Self::Change),
        ("destructive", Self::Destructive),
    ];

    /// The word used in files and on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Change => "change",
            Self::Destructive => "destructive",
        }
    }

    /// Whether the world may be another afterwards.
    pub fn acts(self) -> bool {
        self > Self::Read
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// How bad an incident is; SEV-1 is the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Critical: answered within 15 minutes.
    #[serde(rename = "SEV-1")]
    Sev1,
    /// High: within an hour.
    #[serde(rename = "SEV-2")]
    Sev2,
    /// Medium: within four hours.
    #[serde(rename = "SEV-3")]
    Sev3,
    /// Low: within a day.
    #[serde(rename = "SEV-4")]
    Sev4,
}

impl Severity {
    /// All severities with the words used in files; `P0` … `P3` is the other common scale.
    pub const ALL: [(&'static str, Self); 8] = [
        ("SEV-1", Self::Sev1),
        ("SEV-2", Self::Sev2),
        ("SEV-3", Self::Sev3),
        ("SEV-4", Self::Sev4),
        ("P0", Self::Sev1),
        ("P1", Self::Sev2),
        ("P2", Self::Sev3),
        ("P3", Self::Sev4),
    ];
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sev1 => "SEV-1",
            Self::Sev2 => "SEV-2",
            Self::Sev3 => "SEV-3",
            Self::Sev4 => "SEV-4",
        })
    }
}
