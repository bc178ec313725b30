//! What a plugin says during one call: to the live view at once, and to be kept.

use std::sync::Arc;

use crate::call::capture::{MAX_LINE, Taken};
use crate::call::secrets::Secrets;
use crate::model::call::{Captured, Sink, Stream};
use crate::model::text::{clip, escape_controls};

/// Kept as stdout is each byte that the plugin printed there, as stderr what it complained about
/// and what its messages say for the record.
pub(super) struct Heard<'a> {
    sink: &'a dyn Sink,
    secrets: &'a Arc<Secrets>,
    stdout: Taken,
    stderr: Taken,
    last: String,
    notes: Vec<String>,
}

impl<'a> Heard<'a> {
    pub(super) fn new(sink: &'a dyn Sink, secrets: &'a Arc<Secrets>, cap: usize) -> Self {
        Self {
            sink,
            secrets,
            stdout: Taken::new(cap, Some(secrets)),
            stderr: Taken::new(cap, Some(secrets)),
            last: String::new(),
            notes: Vec::new(),
        }
    }

    pub(super) fn secrets(&self) -> &'a Arc<Secrets> {
        self.secrets
    }

    /// It printed something. Messages are not shown as they stand: what they say is.
    pub(super) fn printed(&mut self, bytes: &[u8]) {
        self.stdout.push(bytes, |_| ());
    }

    /// It complained.
    pub(super) fn complained(&mut self, bytes: &[u8]) {
        let (sink, last) = (self.sink, &mut self.last);
        self.stderr.push(bytes, |line| {
            sink.line(Stream::Stderr, line);
            let text = String::from_utf8_lossy(line);
            if !text.trim().is_empty() {
                *last = clip(text.trim(), 200).into_owned();
            }
        });
    }

    /// It said how far it is.
    pub(super) fn progress(&self, text: &str) {
        let text = self.secrets.redactor().text(text).into_owned();
        for line in text.lines() {
            let line = line.as_bytes();
            let line = &line[..line.len().min(MAX_LINE)];
            self.sink.line(Stream::Stdout, line);
        }
    }

    /// It said something for the record.
    pub(super) fn log(&mut self, text: &str) {
        self.complained(format!("{}\n", text.trim_end_matches('\n')).as_bytes());
    }

    /// A person should know this.
    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Something that it said, for a message: without secrets, of which a cut could hide half from
    /// who takes them out later; not endless, and escaped.
    pub(super) fn quoted(&self, said: &[u8], chars: usize) -> String {
        let clean = self.secrets.redactor().bytes(said).into_owned();
        let text = String::from_utf8_lossy(&clean);
        escape_controls(&clip(text.trim(), chars)).into_owned()
    }

    /// `: ` and the last line of its complaints: usually the reason.
    pub(super) fn reason(&self) -> String {
        match self.last.as_str() {
            "" => String::new(),
            last => format!(": {last}"),
        }
    }

    /// Its stdout, its stderr, and the notes.
    pub(super) fn finish(self) -> (Captured, Captured, Vec<String>) {
        let sink = self.sink;
        let stderr = self.stderr.finish(|line| sink.line(Stream::Stderr, line));
        (self.stdout.finish(|_| ()), stderr, self.notes)
    }
}
