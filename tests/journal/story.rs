//! A state directory in a test's hands: time, stamps and disk are the test's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use runbook::journal::{
    Claim, Code, Disk, Durable, Evidence, Holder, How, Resumed, SimDisk, Stamp, Stamps, Store,
    StoreError, Verdict, Writer, verify_ledger, verify_run,
};
use runbook::model::event::{RunClosed, RunOpened, RunOutcome};
use runbook::model::ids::RunId;
use runbook::model::people::{Actor, Person};
use runbook::model::{Digest, Event, Happened, Timestamp};

/// Ten milliseconds pass with each stamp.
#[derive(Debug, Default)]
pub struct Ticks(AtomicU64);

impl Stamps for Ticks {
    fn stamp(&self) -> Stamp {
        Stamp {
            boot: "6f1c0e1e-5d1f-4f0c-9d5e-0a8f3c9b7a11".into(),
            mono: self.0.fetch_add(10, Ordering::Relaxed),
        }
    }
}

pub fn ticks() -> Arc<dyn Stamps> {
    Arc::new(Ticks::default())
}

pub fn run_id(suffix: u8) -> RunId {
    RunId::new(&"db-failover".parse().unwrap(), now(), [suffix; 4])
}

pub fn now() -> Timestamp {
    "2026-11-20T19:53:59Z".parse().unwrap()
}

pub fn holder() -> Holder {
    Holder {
        pid: 4711,
        host: "bastion-1".into(),
        since: now(),
    }
}

pub fn claim(name: &str, run: &RunId) -> Claim {
    Claim {
        from: None,
        name: name.into(),
        run: run.clone(),
        user: "ada".into(),
        holder: holder(),
    }
}

pub fn ada() -> Person {
    Person {
        user: "ada".into(),
        uid: 1000,
        login_uid: Some(1000),
        host: "bastion-1".into(),
        terminal: Some("/dev/pts/3".into()),
    }
}

pub fn event(what: Happened) -> Event {
    Event {
        at: now(),
        step: None,
        attempt: None,
        actor: Actor::Engine,
        what,
    }
}

pub fn note(text: &str) -> Event {
    Event {
        actor: Actor::Person(ada()),
        ..event(Happened::NoteAdded { text: text.into() })
    }
}

pub fn closing() -> Event {
    event(Happened::RunClosed(RunClosed {
        outcome: RunOutcome::Succeeded,
        follow_ups: Vec::new(),
    }))
}

pub fn opening(blobs: [Digest; 4], ledger: Option<Digest>) -> Event {
    event(Happened::RunOpened(Box::new(RunOpened {
        runbook: "db-failover".parse().unwrap(),
        runbook_blob: blobs[0],
        plan_blob: blobs[1],
        bindings_blob: blobs[2],
        policy_blob: blobs[3],
        params: [("replica".to_owned(), "db-2".into())]
            .into_iter()
            .collect(),
        environment: "sandbox".parse().unwrap(),
        real: false,
        severity: None,
        simulation: None,
        operator: ada(),
        yes: false,
        version: "0.1.0".into(),
        ledger,
    })))
}

/// A simulated disk with a state directory on it.
#[derive(Clone)]
pub struct World {
    pub disk: SimDisk,
    pub store: Store,
}

pub fn state() -> PathBuf {
    PathBuf::from("/state")
}

impl World {
    pub fn new() -> Self {
        Self::on(SimDisk::new())
    }

    pub fn on(disk: SimDisk) -> Self {
        let store = Store::open_on(Arc::new(disk.clone()), &state()).unwrap();
        Self { disk, store }
    }

    /// A run with its first record on the disk and in the ledger.
    pub fn open_run(&self, id: &RunId) -> Writer {
        begin(&self.store, id).unwrap()
    }

    /// A run of several notes, closed, and in the ledger.
    pub fn finished_run(&self, id: &RunId, notes: &[&str]) {
        let mut writer = self.open_run(id);
        for text in notes {
            writer.append(note(text)).unwrap();
            writer.commit().unwrap();
        }
        self.close(&mut writer);
    }

    pub fn close(&self, writer: &mut Writer) {
        writer.append(closing()).unwrap();
        let durable = writer.commit().unwrap();
        let last = &durable.last().unwrap().record;
        self.store.ledger().enter(last, &*ticks()).unwrap();
    }

    pub fn resume(&self, id: &RunId) -> Result<Resumed, StoreError> {
        self.store.resume_run(id, ticks(), &holder())
    }

    pub fn journal(&self, id: &RunId) -> PathBuf {
        self.store.run(id).unwrap().journal()
    }

    pub fn bytes(&self, path: &Path) -> Vec<u8> {
        let file = self.disk.open(path, How::Read).unwrap();
        let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
        file.read_at(0, &mut bytes).unwrap();
        bytes
    }

    /// What `audit verify RUN` would say, but for legality.
    pub fn verify(&self, id: &RunId) -> Verdict {
        let run = self.store.run(id).unwrap();
        let journal = run.read().unwrap();
        let ledger = self.store.ledger().read().unwrap();
        verify_run(&Evidence {
            journal: &journal,
            blobs: &run.examine_blobs(&journal),
            ledger: Some(&ledger),
        })
    }

    /// What `audit verify` would say of the ledger.
    pub fn verify_ledger(&self) -> Verdict {
        let ledger = self.store.ledger().read().unwrap();
        verify_ledger(&ledger, &self.store.list_runs().unwrap())
    }

    /// The exit code of verifying a run whose journal has these bytes.
    pub fn code_of(&self, id: &RunId, journal: &[u8]) -> Code {
        self.disk.plant(&self.journal(id), journal);
        self.verify(id).code()
    }
}

/// What every run begins with; also used where the disk may fail.
pub fn begin(store: &Store, id: &RunId) -> Result<Writer, Box<dyn std::error::Error>> {
    let ledger = store.ledger().head()?;
    let mut writer = store.create_run(id, ticks(), &holder())?;
    let blobs = writer.blobs().clone();
    let mut digests = [Digest::ZERO; 4];
    for (digest, name) in digests
        .iter_mut()
        .zip(["runbook", "plan", "bindings", "policy"])
    {
        *digest = blobs.put(format!("{name} of {id}").as_bytes())?;
    }
    writer.append(opening(digests, ledger))?;
    let durable = writer.commit()?;
    store.ledger().enter(&durable[0].record, &*ticks())?;
    Ok(writer)
}

/// The lines of a journal, newlines included.
pub fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes
        .split_inclusive(|b| *b == b'\n')
        .map(<[u8]>::to_vec)
        .collect()
}

pub fn last_line(durable: &[Durable]) -> &[u8] {
    &durable.last().unwrap().line
}
