//! Reading a journal: line by line, strictly, and no further than it can be believed.

use super::disk::{DiskError, DiskFile};
use super::error::DecodeError;
use super::lines::{Line, Lines};
use super::record::{self, Entry, Head, Place, Record};
use crate::model::{Duration, Event};

/// What was read of a journal. Every record in it has verified; what follows them did not.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadReport<E: Entry = Event> {
    /// The records, from the first on, without gaps.
    pub records: Vec<Record<E>>,
    /// Where the next record goes.
    pub next: Place<E::Id>,
    /// Where each record's line ends, in bytes from the start of the file.
    pub ends: Vec<u64>,
    /// What comes after the last record.
    pub tail: Tail,
    /// What looks odd and breaks no rule.
    pub warnings: Vec<Warning>,
}

/// What comes after a journal's last good record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Nothing.
    Clean,
    /// An unterminated line, or zeros: what a crash leaves. It was never acknowledged.
    Torn {
        /// Where it begins, in bytes.
        offset: u64,
        /// How long it is, in bytes.
        length: u64,
    },
    /// A line that is not the record which belongs there. Nothing after it can be believed.
    Broken {
        /// Which line, counted from 1.
        line: u64,
        /// Where it begins, in bytes.
        offset: u64,
        /// What is wrong with it.
        why: DecodeError,
    },
}

/// What looks odd in a journal and breaks no rule: order is `seq`'s, not the clock's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The wall clock was set back before this record.
    ClockSetBack {
        /// The record with the earlier time.
        seq: u64,
        /// By how much it is earlier than the one before.
        by: Duration,
    },
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ClockSetBack { seq, by } => {
                write!(f, "the clock was set back by {by} before record {seq}")
            }
        }
    }
}

impl<E: Entry> ReadReport<E> {
    /// Of a journal in which there is nothing.
    pub(super) fn empty(id: E::Id) -> Self {
        Self {
            records: Vec::new(),
            next: Place::first(id),
            ends: Vec::new(),
            tail: Tail::Clean,
            warnings: Vec::new(),
        }
    }

    /// The last good record's place and hash; none where there is no record.
    pub fn head(&self) -> Option<Head> {
        self.next.head()
    }

    /// How long the good part of the file is, in bytes.
    pub fn length(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// The events, oldest first.
    pub fn events(&self) -> impl Iterator<Item = &E> {
        self.records.iter().map(|record| &record.event)
    }

    fn warn_of_clock(&mut self, record: &Record<E>) {
        let Some(before) = self.records.last() else {
            return;
        };
        let (before, now) = (before.event.at(), record.event.at());
        if now < before {
            self.warnings.push(Warning::ClockSetBack {
                seq: record.seq,
                by: Duration::between(now, before),
            });
        }
    }
}

/// Reads a journal to its end, or to the first line that cannot be believed.
pub(super) fn read_records<E: Entry>(
    file: &dyn DiskFile,
    id: E::Id,
) -> Result<ReadReport<E>, DiskError> {
    let mut report = ReadReport::empty(id);
    let mut lines = Lines::new(file);
    while let Some((offset, line)) = lines.next()? {
        let decoded = match line {
            Line::Tail { length } => {
                report.tail = Tail::Torn { offset, length };
                break;
            }
            Line::TooLong { bytes } => Err(DecodeError::TooLong { bytes }),
            Line::Whole(line) => {
                record::decode::<E>(line, &report.next).map(|record| (record, line.len()))
            }
        };
        match decoded {
            Ok((record, length)) => {
                report.warn_of_clock(&record);
                report.next.advance(record.h);
                report.ends.push(offset + length as u64 + 1);
                report.records.push(record);
            }
            Err(why) => {
                report.tail = Tail::Broken {
                    line: report.records.len() as u64 + 1,
                    offset,
                    why,
                };
                break;
            }
        }
    }
    Ok(report)
}
