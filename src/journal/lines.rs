//! A file's lines, with bounded memory whatever is in it.

use super::disk::{DiskError, DiskFile};
use super::record::MAX_RECORD;

/// How much is held at a time, in bytes: a line of the limit, and as much again to read into.
const ROOM: usize = 2 * MAX_RECORD + 1;

/// One line of a file.
pub(super) enum Line<'a> {
    /// A terminated line, its newline left out.
    Whole(&'a [u8]),
    /// A terminated line over the limit; it was not kept.
    TooLong { bytes: usize },
    /// What comes after the last newline, where anything does.
    Tail { length: u64 },
}

pub(super) struct Lines<'a> {
    file: &'a dyn DiskFile,
    /// What was read and not handed out yet lies from `start` to `filled`.
    buffer: Vec<u8>,
    start: usize,
    filled: usize,
    /// Where `start` is in the file.
    offset: u64,
    /// How far after `start` there is known to be no newline.
    scanned: usize,
    /// How much of a line that is too long was thrown away before `start`.
    dropped: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(file: &'a dyn DiskFile) -> Self {
        Self::after(file, 0)
    }

    /// The lines from this offset on, where one begins.
    pub(super) fn after(file: &'a dyn DiskFile, offset: u64) -> Self {
        Self {
            file,
            buffer: vec![0; ROOM],
            start: 0,
            filled: 0,
            offset,
            scanned: 0,
            dropped: 0,
        }
    }

    /// The next line and where it begins, in bytes; none at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Line<'_>)>, DiskError> {
        loop {
            let unread = self.buffer.get(self.start..self.filled).unwrap_or_default();
            let unscanned = unread.get(self.scanned..).unwrap_or_default();
            if let Some(found) = unscanned.iter().position(|byte| *byte == b'\n') {
                return Ok(Some(self.take(self.scanned + found)));
            }
            self.scanned = unread.len();
            if self.scanned > MAX_RECORD {
                self.dropped += self.scanned;
                self.offset += self.scanned as u64;
                (self.start, self.filled, self.scanned) = (0, 0, 0);
            }
            if !self.fill()? {
                let length = (self.dropped + self.scanned) as u64;
                let offset = self.offset - self.dropped as u64;
                self.offset += self.scanned as u64;
                (self.start, self.filled) = (0, 0);
                (self.scanned, self.dropped) = (0, 0);
                return Ok((length > 0).then_some((offset, Line::Tail { length })));
            }
        }
    }

    fn take(&mut self, length: usize) -> (u64, Line<'_>) {
        let (start, dropped) = (self.start, self.dropped);
        let offset = self.offset - dropped as u64;
        self.start += length + 1;
        self.offset += length as u64 + 1;
        self.scanned = 0;
        self.dropped = 0;
        let line = if dropped > 0 {
            Line::TooLong {
                bytes: dropped + length,
            }
        } else {
            Line::Whole(self.buffer.get(start..start + length).unwrap_or_default())
        };
        (offset, line)
    }

    /// Reads on; false at the end of the file.
    fn fill(&mut self) -> Result<bool, DiskError> {
        self.buffer.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.start = 0;
        let at = self.offset + self.filled as u64;
        let read = match self.buffer.get_mut(self.filled..) {
            Some(room) => self.file.read_at(at, room)?,
            None => 0,
        };
        self.filled += read;
        Ok(read > 0)
    }
}
