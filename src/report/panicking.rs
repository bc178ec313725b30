//! A reporter that fails, so that what comes after a defect can be tested.

use super::reporter::{Notice, Reporter};
use crate::run::Run;

/// Panics at the n-th notice, with a text that nobody may see.
pub struct Panicking {
    /// Who tells until then.
    pub reporter: Box<dyn Reporter>,
    /// How many notices are told before that.
    pub left: usize,
}

impl Reporter for Panicking {
    #[allow(clippy::panic, reason = "that is what it is for")]
    fn notice(&mut self, notice: Notice<'_>) {
        match self.left {
            0 => panic!("while telling of {notice:?}"),
            _ => self.left -= 1,
        }
        self.reporter.notice(notice);
    }

    fn suspend(&mut self) {
        self.reporter.suspend();
    }

    fn resume(&mut self) {
        self.reporter.resume();
    }

    fn finish(&mut self, run: &Run) {
        self.reporter.finish(run);
    }
}
