//! A listener that fails, so that what comes after a defect can be tested.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::environ::Environment;
use crate::model::call::{Sink, Stream};

/// Panics when it hears the line that a variable names, with a text that nobody may see.
pub(super) struct Panicking<'a> {
    line: Option<&'a OsStr>,
    sink: &'a dyn Sink,
}

impl<'a> Panicking<'a> {
    pub(super) fn new(env: &'a Environment, sink: &'a dyn Sink) -> Self {
        Self {
            line: env
                .get(OsStr::new("RUNBOOK_PANIC_AT_LINE"))
                .map(|line| &**line),
            sink,
        }
    }
}

impl Sink for Panicking<'_> {
    #[allow(clippy::panic, reason = "that is what it is for")]
    fn line(&self, stream: Stream, line: &[u8]) {
        if self.line.is_some_and(|at| at.as_bytes() == line) {
            panic!("while hearing {}", String::from_utf8_lossy(line));
        }
        self.sink.line(stream, line);
    }
}
