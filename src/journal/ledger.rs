//! The ledger: when each run of a state directory was opened and closed, and with which head.
//!
//! A run's journal cannot show that it was deleted, or that its end was cut off; the ledger can.
//! It has the journal's format and chain. Many processes write it, each append under its lock, and
//! who holds a run's lock may take the ledger's, never the other way round.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, DiskError, DiskFile, How, SyncPoint};
use super::ledger_error::LedgerError;
use super::ledger_event::{LedgerEntry, LedgerEvent, LedgerId};
use super::read::{self, ReadReport, Tail};
use super::record::{self, Record};
use super::repair;
use super::stamp::Stamps;
use super::store::Store;
use crate::model::event::RunOutcome;
use crate::model::ids::RunId;
use crate::model::people::Actor;
use crate::model::{Digest, Event, Happened};

/// How the files are called that hold the ledger's torn tails.
const TORN: &str = "ledger-torn-";

/// The ledger of a state directory.
#[derive(Clone, Debug)]
pub struct Ledger {
    disk: Arc<dyn Disk>,
    state: PathBuf,
}

/// What the ledger knows of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The hash of its first record, where its opening was recorded.
    pub opened: Option<Digest>,
    /// Its end, where it was recorded and the run was not opened again since.
    pub closed: Option<Closing>,
    /// The hashes of all its records that the ledger knows, by their places.
    pub known: BTreeMap<u64, Digest>,
}

/// A run's end, as the ledger knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The place of its last record.
    pub seq: u64,
    /// The hash of its last record.
    pub head: Digest,
    /// How it ended.
    pub outcome: RunOutcome,
}

/// What was made up for because a process died between a run and the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// Runs whose opening was missing.
    pub opened: Vec<RunId>,
    /// Runs whose closing was missing.
    pub closed: Vec<RunId>,
    /// Runs of which it was missing that they were to take back what they did.
    pub reopened: Vec<RunId>,
    /// Runs that cannot be believed, and were left alone: `audit verify` says why.
    pub left: Vec<RunId>,
}

impl Ledger {
    /// The file's name in the state directory.
    pub const FILE: &'static str = "ledger.jsonl";

    pub(super) fn new(disk: Arc<dyn Disk>, state: &Path) -> Self {
        Self {
            disk,
            state: state.to_owned(),
        }
    }

    fn path(&self) -> PathBuf {
        self.state.join(Self::FILE)
    }

    /// Reads the ledger as far as it verifies, under its lock. One that does not exist is empty.
    ///
    /// # Errors
    /// The disk failed, or what has the name is not a file of ours.
    pub fn read(&self) -> Result<ReadReport<LedgerEvent>, DiskError> {
        match self.disk.open(&self.path(), How::Read) {
            Ok(file) => {
                file.lock()?;
                read::read_records(&*file, LedgerId)
            }
            Err(error) if error.is_missing() => Ok(ReadReport::empty(LedgerId)),
            Err(error) => Err(error),
        }
    }

    /// The hash of the ledger's last record, for a run's first one; none where it is empty. What
    /// it stands for is durable: a run must not remember a ledger that a loss of power takes back.
    ///
    /// # Errors
    /// The disk failed, or the ledger is corrupt.
    pub fn head(&self) -> Result<Option<Digest>, LedgerError> {
        let mut file = match self.disk.open(&self.path(), How::Append) {
            Err(error) if error.is_missing() => return Ok(None),
            other => other?,
        };
        file.lock()?;
        let report = read::read_records(&*file, LedgerId)?;
        believable(&report)?;
        file.sync(SyncPoint::LedgerHead)?;
        Ok(report.head().map(|head| head.h))
    }

    /// Records a run's opening or closing, from its durable record; another record is nothing to
    /// the ledger. What it has already, it does not take again. Durable on return. Repairs a torn tail.
    ///
    /// # Errors
    /// The disk failed, or the ledger is corrupt: it takes nothing more then.
    pub fn enter(&self, record: &Record, stamps: &dyn Stamps) -> Result<(), LedgerError> {
        match LedgerEvent::from_record(record) {
            Some(event) => self.enter_all(vec![event], stamps).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Records what is not recorded yet, and returns that.
    fn enter_all(
        &self,
        events: Vec<LedgerEvent>,
        stamps: &dyn Stamps,
    ) -> Result<Vec<LedgerEvent>, LedgerError> {
        let mut file = self.open_to_write()?;
        file.lock()?;
        let mut report = read::read_records(&*file, LedgerId)?;
        believable(&report)?;
        if report.records.is_empty() {
            self.disk.sync_dir(&self.state, SyncPoint::LedgerName)?;
        }
        let torn = repair::set_aside(&*self.disk, &self.state, TORN, &mut *file, &mut report)?;
        let new: Vec<_> = events
            .into_iter()
            .filter(|event| !report.events().any(|known| known.what == event.what))
            .collect();

        let mut place = report.next;
        let mut bytes = Vec::new();
        // Said together with the next entry, which gives the time.
        let said = torn.into_iter().zip(new.iter().cycle());
        let recovered = said.map(|(torn, event)| LedgerEvent {
            at: event.at,
            actor: Actor::Engine,
            what: torn.into(),
        });
        for event in recovered.chain(new.iter().cloned()) {
            let (line, h) = record::encode(&place, &stamps.stamp(), &event)?;
            bytes.extend_from_slice(&line);
            place.advance(h);
        }
        if !bytes.is_empty() {
            file.append(&bytes)?;
        }
        // Also where it stood there already: who wrote it may have been killed before the sync.
        file.sync(SyncPoint::Ledger)?;
        Ok(new)
    }

    fn open_to_write(&self) -> Result<Box<dyn DiskFile>, DiskError> {
        let path = self.path();
        match self.disk.open(&path, How::Append) {
            Err(error) if error.is_missing() => match self.disk.open(&path, How::Create) {
                // Another process made it in between.
                Err(error) if error.is_there() => self.disk.open(&path, How::Append),
                other => other,
            },
            other => other,
        }
    }

    /// Makes up for processes that died between a run's first or last record and the ledger's.
    /// Called whenever a state directory is opened to write in it. Needs no run's lock: a record is
    /// final once it is there.
    ///
    /// # Errors
    /// The disk failed, or the ledger is corrupt.
    pub fn mend(&self, store: &Store, stamps: &dyn Stamps) -> Result<Mended, LedgerError> {
        let ledger = self.read()?;
        believable(&ledger)?;
        let standings = standings(&ledger);
        let mut mended = Mended::default();
        let mut missing = Vec::new();
        for run in store.list_runs()?.into_iter().rev() {
            let standing = standings.get(&run);
            if standing.is_some_and(|s| s.opened.is_some() && s.closed.is_some()) {
                continue;
            }
            let Ok(report) = store
                .run(&run)
                .map_err(drop)
                .and_then(|run| run.read_durably().map_err(drop))
            else {
                mended.left.push(run);
                continue;
            };
            let known = standing.and_then(|s| s.opened);
            let first = report.records.first();
            // What is not the run that was opened must not be closed in its name.
            let other = known.is_some() && first.map(|r| r.h) != known;
            if other || matches!(report.tail, Tail::Broken { .. }) {
                mended.left.push(run);
                continue;
            }
            let opening = first.filter(|_| known.is_none());
            let rest = report.records.iter().skip(1);
            let records = opening.into_iter().chain(rest);
            missing.extend(records.filter_map(LedgerEvent::from_record));
        }
        if missing.is_empty() {
            return Ok(mended);
        }
        for event in self.enter_all(missing, stamps)? {
            match event.what {
                LedgerEntry::RunOpened { run, .. } => mended.opened.push(run),
                LedgerEntry::RunClosed { run, .. } => mended.closed.push(run),
                LedgerEntry::UndoRequested { run, .. } => mended.reopened.push(run),
                LedgerEntry::Recovered { .. } => {}
            }
        }
        Ok(mended)
    }
}

/// The record that ended a run, unless something but words about it followed: then it is open.
pub(super) fn closing(records: &[Record<Event>]) -> Option<&Record<Event>> {
    let is_about_it = |record: &&Record<Event>| {
        !matches!(
            record.event.what,
            Happened::NoteAdded { .. } | Happened::ReviewSigned { .. } | Happened::Recovered { .. }
        )
    };
    let last = records.iter().rev().find(is_about_it);
    last.filter(|record| matches!(record.event.what, Happened::RunClosed(_)))
}

/// What the ledger knows of each run. Of two entries about one record the first counts; of a run's
/// end that which stands last in its journal, whenever it was entered.
pub fn standings(ledger: &ReadReport<LedgerEvent>) -> BTreeMap<RunId, Standing> {
    let mut standings: BTreeMap<RunId, Standing> = BTreeMap::new();
    for event in ledger.events() {
        let (run, seq, head, closed) = match &event.what {
            LedgerEntry::RunOpened { run, head } => (run, 0, *head, None),
            LedgerEntry::RunClosed {
                run,
                seq,
                head,
                outcome,
            } => {
                let closing = Closing {
                    seq: *seq,
                    head: *head,
                    outcome: *outcome,
                };
                (run, *seq, *head, Some(closing))
            }
            LedgerEntry::UndoRequested { run, seq, head } => (run, *seq, *head, None),
            LedgerEntry::Recovered { .. } => continue,
        };
        let standing = standings.entry(run.clone()).or_insert_with(|| Standing {
            opened: None,
            closed: None,
            known: BTreeMap::new(),
        });
        let last = standing.known.keys().next_back().copied();
        if last.is_none_or(|last| last < seq) {
            standing.closed = closed;
        }
        standing.known.entry(seq).or_insert(head);
        standing.opened = standing.known.get(&0).copied();
    }
    standings
}

fn believable(report: &ReadReport<LedgerEvent>) -> Result<(), LedgerError> {
    match &report.tail {
        Tail::Clean | Tail::Torn { .. } => Ok(()),
        Tail::Broken { line, offset, why } => Err(LedgerError::Unreadable {
            line: *line,
            offset: *offset,
            why: why.clone(),
        }),
    }
}
