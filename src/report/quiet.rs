//! Little is said: only how the run ended, or what it waits for.

use std::io::Write;

use super::reporter::{Notice, Reporter};
use super::style::Look;
use super::summary::summary;
use crate::run::Run;

/// Tells only the end of a run.
pub struct Quiet<W> {
    out: W,
    look: Look,
}

impl<W: Write> Quiet<W> {
    /// The summary goes to `out`.
    pub fn new(out: W, look: Look) -> Self {
        Self { out, look }
    }
}

impl<W: Write> Reporter for Quiet<W> {
    fn notice(&mut self, _notice: Notice<'_>) {}

    fn suspend(&mut self) {}

    fn resume(&mut self) {}

    fn finish(&mut self, run: &Run) {
        // After a hangup the write fails, and changes nothing.
        let _ = self.out.write_all(summary(run, &self.look).as_bytes());
    }
}
