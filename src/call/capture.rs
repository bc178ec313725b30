//! What a process prints: always read, kept up to a cap, handed on line by line.
//!
//! Memory is flat whatever comes: the head and the tail of a stream are kept, and one line of the
//! live view is at most [`MAX_LINE`] long, however long it is in the stream.

use std::collections::VecDeque;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use super::redact::{Redacting, Redactor};
use super::secrets::Secrets;
use super::spawn::widen;
use crate::model::call::{Captured, Cut, Sink, Stream};

/// How much of one stream of one step is kept where nothing else is said, in bytes.
pub const DEFAULT_CAP: usize = 8 << 20;

/// The most of one line that the live view gets, in bytes.
pub const MAX_LINE: usize = 4 << 10;

/// How much is read at once, in bytes: what a pipe holds by itself, see pipe(7).
const CHUNK: usize = 64 << 10;

/// A buffer to read into; one serves all streams of a process.
pub(super) fn buffer() -> Vec<u8> {
    vec![0; CHUNK]
}

/// The first and the last bytes of a stream.
#[derive(Debug)]
pub(super) struct Keep {
    head: Vec<u8>,
    head_cap: usize,
    tail: VecDeque<u8>,
    tail_cap: usize,
    lost: u64,
}

impl Keep {
    pub(super) fn new(cap: usize) -> Self {
        Self {
            head: Vec::new(),
            head_cap: cap - cap / 2,
            tail: VecDeque::new(),
            tail_cap: cap / 2,
            lost: 0,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let room = self.head_cap - self.head.len();
        let (first, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(first);
        let (skipped, rest) = rest.split_at(rest.len().saturating_sub(self.tail_cap));
        let over = (self.tail.len() + rest.len()).saturating_sub(self.tail_cap);
        self.tail.drain(..over);
        self.tail.extend(rest);
        self.lost += (skipped.len() + over) as u64;
    }

    pub(super) fn finish(mut self) -> Captured {
        let cut = (self.lost > 0).then_some(Cut {
            after: self.head.len(),
            bytes: self.lost,
        });
        let (a, b) = self.tail.as_slices();
        self.head.extend_from_slice(a);
        self.head.extend_from_slice(b);
        Captured {
            bytes: self.head,
            cut,
        }
    }
}

/// Splits a stream into lines, each given on as soon as it is whole or as long as it may be.
#[derive(Debug, Default)]
struct Lines {
    begun: Vec<u8>,
    /// The line that is coming was given on already, up to its cut.
    given: bool,
}

impl Lines {
    fn push(&mut self, mut bytes: &[u8], mut give: impl FnMut(&[u8])) {
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            let (line, rest) = bytes.split_at(end);
            if self.given {
                self.given = false;
            } else if self.begun.is_empty() {
                give(&line[..line.len().min(MAX_LINE)]);
            } else {
                self.begin(line);
                give(&self.begun);
                self.begun.clear();
            }
            bytes = &rest[1..];
        }
        if self.given {
            return;
        }
        self.begin(bytes);
        if self.begun.len() == MAX_LINE {
            self.given = true;
            self.finish(give);
        }
    }

    fn begin(&mut self, bytes: &[u8]) {
        let room = MAX_LINE - self.begun.len();
        self.begun
            .extend_from_slice(&bytes[..room.min(bytes.len())]);
    }

    fn finish(&mut self, mut give: impl FnMut(&[u8])) {
        if !self.begun.is_empty() {
            give(&self.begun);
            self.begun.clear();
        }
    }
}

/// One stream of a process.
pub(super) struct Tap {
    /// Gone after the end of the stream.
    reader: Option<PipeReader>,
    stream: Stream,
    taken: Taken,
    wide: bool,
}

/// What was taken of a stream, without the run's secrets.
pub(super) struct Taken {
    keep: Keep,
    lines: Lines,
    /// None for what is a secret itself.
    secrets: Option<Arc<Secrets>>,
    /// What was known when the stream began.
    first: Arc<Redactor>,
    redacting: Redacting,
    clean: Vec<u8>,
}

impl Tap {
    /// Keeps at most `cap` bytes of what a pipe yields, without these secrets. The reader must not
    /// block.
    pub(super) fn new(
        reader: PipeReader,
        stream: Stream,
        cap: usize,
        secrets: Option<&Arc<Secrets>>,
    ) -> Self {
        Self {
            reader: Some(reader),
            stream,
            taken: Taken::new(cap, secrets),
            wide: false,
        }
    }

    /// What to wait on for more; `None` after the end of the stream.
    pub(super) fn source(&self) -> Option<BorrowedFd<'_>> {
        self.reader.as_ref().map(AsFd::as_fd)
    }

    /// Takes one piece of what is there. `false` when there is nothing now, or never will be.
    pub(super) fn read(&mut self, buffer: &mut [u8], sink: &dyn Sink) -> bool {
        let Some(reader) = &mut self.reader else {
            return false;
        };
        match reader.read(buffer) {
            Ok(0) => self.reader = None,
            Ok(n) => {
                if n == buffer.len() && !self.wide {
                    self.wide = true;
                    widen(reader);
                }
                let give = |line: &[u8]| sink.line(self.stream, line);
                self.taken.push(&buffer[..n], give);
                return true;
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return true,
            // A pipe has no other errors; if one has, there is nothing more to be had from it.
            Err(_) => self.reader = None,
        }
        false
    }

    /// What was kept. A last line without an end is given on too.
    pub(super) fn finish(self, sink: &dyn Sink) -> Captured {
        self.taken.finish(|line| sink.line(self.stream, line))
    }
}

impl Taken {
    pub(super) fn new(cap: usize, secrets: Option<&Arc<Secrets>>) -> Self {
        let first = secrets.map_or_else(|| Arc::new(Redactor::none()), |known| known.redactor());
        Self {
            keep: Keep::new(cap),
            lines: Lines::default(),
            secrets: secrets.cloned(),
            redacting: Redacting::new(Arc::clone(&first)),
            first,
            clean: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8], give: impl FnMut(&[u8])) {
        if let Some(secrets) = &self.secrets {
            // Another step may have looked one up meanwhile.
            self.redacting.switch(&secrets.redactor());
        }
        if self.redacting.is_idle() {
            self.keep.push(bytes);
            self.lines.push(bytes, give);
        } else {
            self.redacting.push(bytes, &mut self.clean);
            self.hand_on(give);
        }
    }

    fn hand_on(&mut self, give: impl FnMut(&[u8])) {
        self.keep.push(&self.clean);
        self.lines.push(&self.clean, give);
        self.clean.clear();
    }

    pub(super) fn finish(mut self, mut give: impl FnMut(&[u8])) -> Captured {
        self.redacting.finish(&mut self.clean);
        self.hand_on(&mut give);
        self.lines.finish(give);
        let captured = self.keep.finish();
        match self.secrets.map(|secrets| secrets.redactor()) {
            // What was printed before a secret became known may hold it too.
            Some(now) if !Arc::ptr_eq(&now, &self.first) => now.captured(captured),
            _ => captured,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        let mut lines = Lines::default();
        for chunk in chunks {
            lines.push(chunk, |line| out.push(line.to_vec()));
        }
        lines.finish(|line| out.push(line.to_vec()));
        out
    }

    #[test]
    fn threat_32_a_line_without_an_end_is_shown_cut() {
        let long = vec![b'x'; MAX_LINE * 3];
        let got = lines(&[&long, b"more", &long, b"\nshort\n", &long]);
        let lengths: Vec<_> = got.iter().map(Vec::len).collect();
        assert_eq!(lengths, [MAX_LINE, 5, MAX_LINE]);
        assert_eq!(got[1], b"short");
    }

    #[test]
    fn a_line_of_exactly_the_longest_length_is_one_line() {
        let mut exact = vec![b'x'; MAX_LINE];
        exact.extend_from_slice(b"\nnext");
        assert_eq!(lines(&[&exact]).len(), 2);
        assert_eq!(lines(&[&exact[..MAX_LINE], &exact[MAX_LINE..]]).len(), 2);
    }

    #[test]
    fn empty_lines_are_lines() {
        assert_eq!(lines(&[b"a\n\nb\n"]), [&b"a"[..], b"", b"b"]);
    }

    #[test]
    fn the_middle_is_cut() {
        let mut keep = Keep::new(8);
        keep.push(b"abcdefgh");
        keep.push(b"ijkl");
        let kept = keep.finish();
        assert_eq!(kept.bytes, b"abcdijkl");
        assert_eq!(kept.cut, Some(Cut { after: 4, bytes: 4 }));
    }

    #[test]
    fn threat_31_a_secret_that_lies_across_the_cut_is_not_halved() {
        let secrets = Arc::new(Secrets::default());
        let place = crate::model::SecretRef::Env("T".into());
        let secret = crate::call::Secret::found(b"hunter2hunter2".to_vec(), &place).unwrap();
        secrets.learn(vec![(place, secret)]);
        for at in 0..160 {
            let printed = format!("{}hunter2hunter2{}", "x".repeat(at), "x".repeat(160));
            for chunk in [1, 7, 400] {
                let mut taken = Taken::new(64, Some(&secrets));
                for bytes in printed.as_bytes().chunks(chunk) {
                    taken.push(bytes, |_| ());
                }
                let kept = taken.finish(|_| ());
                assert!(kept.cut.is_some());
                let text = String::from_utf8_lossy(&kept.bytes).into_owned();
                assert!(
                    !text.contains("hun") && !text.contains("er2"),
                    "{at}: {text}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn threat_32_what_is_kept_and_what_is_cut_make_the_whole(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12),
            cap in 0usize..64,
        ) {
            let mut keep = Keep::new(cap);
            for chunk in &chunks {
                keep.push(chunk);
            }
            let whole = chunks.concat();
            let kept = keep.finish();
            prop_assert!(kept.bytes.len() <= cap);
            match kept.cut {
                None => prop_assert_eq!(kept.bytes, whole),
                Some(cut) => {
                    prop_assert_eq!(kept.bytes.len(), cap);
                    prop_assert_eq!(kept.bytes.len() as u64 + cut.bytes, whole.len() as u64);
                    prop_assert!(whole.starts_with(&kept.bytes[..cut.after]));
                    prop_assert!(whole.ends_with(&kept.bytes[cut.after..]));
                }
            }
        }

        #[test]
        fn lines_do_not_depend_on_how_they_are_chunked(
            text in "[a\n]{0,60}",
            at in 0usize..60,
        ) {
            let at = at.min(text.len());
            let (a, b) = text.as_bytes().split_at(at);
            prop_assert_eq!(lines(&[text.as_bytes()]), lines(&[a, b]));
        }
    }
}
