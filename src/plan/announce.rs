//! The step that tells a channel that the glass is broken: ahead of all others, in nobody's way.
//!
//! It is written as any step is, in a runbook of its own that every program carries. What it says
//! reaches it as parameters, so that no word of a person is ever a template.

use std::sync::Arc;

use super::build::Defined;
use crate::model::Map;
use crate::model::text::{clip, escape_controls};
use crate::spec::{Diagnostics, runbook};

/// What is told, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The channel.
    pub channel: String,
    /// Who breaks the glass.
    pub who: String,
    /// Why.
    pub reason: String,
}

impl Announcement {
    /// The runbook whose one step tells it.
    ///
    /// # Errors
    /// The program was built with a text that is none.
    pub fn runbook() -> Result<Defined, Diagnostics> {
        const TEXT: &str = include_str!("announcement.yaml");
        let mut found = Diagnostics::new();
        match runbook::read("announce-broken-glass.yaml", TEXT.as_bytes(), &mut found) {
            Some(read) => Ok((Arc::clone(&read.source), read)),
            None => Err(found),
        }
    }

    /// The parameters of that runbook, each a line that any chat can take.
    pub(super) fn params(&self, runbook: &str) -> Map {
        [
            ("channel", self.channel.as_str()),
            ("who", &self.who),
            ("reason", &self.reason),
            ("runbook", runbook),
        ]
        .into_iter()
        .map(|(name, text)| {
            let text = clip(&escape_controls(text), LONGEST).into_owned();
            (name.to_owned(), text.into())
        })
        .collect()
    }
}

/// As much of a reason as a channel is told; the journal has all of it.
const LONGEST: usize = 500;
