//! Rows 12 and 13: the power goes, or the process dies, at every operation of a run's life.

use std::error::Error;
use std::sync::Arc;

use runbook::journal::{
    Code, Crash, Disk, Fault, Flaw, LedgerEntry, Record, Resumed, SimDisk, Store, StoreError,
    SyncPoint, named_by,
};
use runbook::model::Map;
use runbook::model::event::{Outcome, StepFinished};
use runbook::model::ids::{Attempt, RunId, StepKey};
use runbook::model::output::{BlobRef, Streams};
use runbook::model::{Digest, Duration, Event, Happened};

use crate::story::{
    World, begin, claim, closing, event, holder, now, opening, run_id, state, ticks,
};

/// What somebody was told is on the disk.
#[derive(Clone, Debug, Default)]
pub struct Acknowledged {
    pub records: Vec<Record>,
    pub ledger: Vec<LedgerEntry>,
    /// Whether a second run was opened.
    pub second: bool,
    /// Whether the run has its lock.
    pub locked: bool,
}

fn at_step(n: usize, what: Happened) -> Event {
    Event {
        step: Some(StepKey::from_text(&format!("step_{n}"))),
        attempt: Some(Attempt::FIRST),
        at: now(),
        ..event(what)
    }
}

fn finished(stdout: Digest, bytes: u64) -> Happened {
    Happened::StepFinished(Box::new(StepFinished {
        outcome: Outcome::Succeeded,
        output: None,
        failure: None,
        streams: Streams {
            stdout: Some(BlobRef {
                sha256: stdout,
                bytes,
                cut: 0,
            }),
            stderr: None,
        },
        notes: Vec::new(),
        took: Duration::ZERO,
    }))
}

/// A run's whole life with its barriers, until the disk fails. Notes down what was acknowledged.
pub fn live(disk: &SimDisk, id: &RunId, told: &mut Acknowledged) -> Result<(), Box<dyn Error>> {
    let store = Store::open_on(Arc::new(disk.clone()), &state())?;
    let ledger = store.ledger().head()?;
    let _lock = store.locks().take(claim("database/main", id), None)?;
    told.locked = true;
    let mut writer = store.create_run(id, ticks(), &holder())?;
    let plan = writer.blobs().put(b"the plan")?;
    writer.append(opening([plan; 4], ledger))?;
    told.records
        .extend(writer.commit()?.into_iter().map(|d| d.record));
    enter(&store, told)?;
    writer.append(at_step(
        0,
        Happened::BlockEntered {
            params: Map::new(),
            vars: Map::new(),
        },
    ))?;
    told.records
        .extend(writer.commit()?.into_iter().map(|d| d.record));
    for n in 0..2 {
        let printed = format!("what step {n} printed");
        let stdout = writer.blobs().put(printed.as_bytes())?;
        // One step's result and the next one's start share a sync.
        writer.append(at_step(n, finished(stdout, printed.len() as u64)))?;
        writer.append(at_step(
            n + 1,
            Happened::BlockEntered {
                params: Map::new(),
                vars: Map::new(),
            },
        ))?;
        told.records
            .extend(writer.commit()?.into_iter().map(|d| d.record));
    }
    writer.append(closing())?;
    told.records
        .extend(writer.commit()?.into_iter().map(|d| d.record));
    enter(&store, told)
}

fn enter(store: &Store, told: &mut Acknowledged) -> Result<(), Box<dyn Error>> {
    let last = told.records.last().unwrap();
    store.ledger().enter(last, &*ticks())?;
    let entry = runbook::journal::LedgerEvent::from_record(last);
    told.ledger.push(entry.unwrap().what);
    Ok(())
}

/// Whether all that was acknowledged is found, and nothing that should not be.
pub fn check(disk: &SimDisk, id: &RunId, told: &Acknowledged) -> Result<(), String> {
    let store = Store::open_on(Arc::new(disk.clone()), &state()).map_err(|e| e.to_string())?;
    let ledger = store.ledger().read().map_err(|e| e.to_string())?;
    for entry in &told.ledger {
        if !ledger.events().any(|event| event.what == *entry) {
            return Err(format!("the ledger lost {entry:?}"));
        }
    }
    let world = World {
        disk: disk.clone(),
        store: store.clone(),
    };
    let second = store.run(&run_id(2)).and_then(|run| Ok(run.read()?));
    if second.is_ok() {
        let verdict = world.verify(&run_id(2));
        let never = verdict.findings.iter().any(|f| f.flaw == Flaw::NeverBegun);
        if !may_be(verdict.code()) || (told.second && never) {
            return Err(format!("the second run: {:?}", verdict.findings));
        }
    } else if told.second {
        return Err(format!("the second run: {second:?}"));
    }
    let run = match store.run(id) {
        Ok(run) => run,
        Err(_) if told.records.is_empty() => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    let report = match run.read() {
        Ok(report) => report,
        Err(_) if told.records.is_empty() => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    if !report.records.starts_with(&told.records) {
        let (found, told) = (report.records.len(), told.records.len());
        return Err(format!(
            "{told} records were acknowledged, {found} found: {:?}",
            report.tail
        ));
    }
    for record in &report.records {
        for blob in named_by(&record.event.what) {
            let named = format!("blob of record {}", record.seq);
            run.blob(&blob)
                .map_err(|error| format!("{named}: {error}"))?;
        }
        if let Happened::Recovered { offset, sha256, .. } = &record.event.what {
            let names = Disk::list(disk, run.path()).unwrap();
            let mut torn = names.iter().filter(|name| name.starts_with("torn-"));
            if !torn.any(|name| Digest::of(&world.bytes(&run.path().join(name))) == *sha256) {
                return Err(format!("the tail at {offset} was not kept"));
            }
        }
    }
    let verdict = world.verify(id);
    if !may_be(verdict.code()) {
        return Err(format!("{:?}", verdict.findings));
    }
    let open = |record: &Record| !matches!(record.event.what, Happened::RunClosed(_));
    if told.locked && report.records.last().is_some_and(open) {
        let held = store.locks().held("database/main");
        match held {
            Ok(Some(locked)) if locked.claim.run == *id => {}
            other => return Err(format!("its lock is {other:?}")),
        }
    }
    Ok(())
}

/// What a crash may leave. Anything else accuses somebody.
fn may_be(code: Code) -> bool {
    matches!(
        code,
        Code::Proven | Code::Open | Code::Torn | Code::NotVerified
    )
}

/// Whether the ledger is mended before a run is taken up: the process may have begun before the
/// other one died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mend {
    First,
    Never,
}

/// Takes a run up after a crash, says what was recovered, goes on to the end. Notes down what was
/// acknowledged, beginning with what the resume itself returned.
pub fn recover(
    disk: &SimDisk,
    id: &RunId,
    told: &mut Acknowledged,
    mend: Mend,
) -> Result<(), Box<dyn Error>> {
    let store = Store::open_on(Arc::new(disk.clone()), &state())?;
    if mend == Mend::First {
        store.ledger().mend(&store, &*ticks())?;
    }
    // Somebody else begins another run before this one is taken up.
    match begin(&store, &run_id(2)) {
        Ok(_) => told.second = true,
        // It was begun before the power went, and may not have got far.
        Err(error) if matches!(error.downcast_ref(), Some(StoreError::Exists(_))) => {}
        Err(error) => return Err(error),
    }
    let resumed = match store.resume_run(id, ticks(), &holder()) {
        Err(StoreError::NeverBegun(_) | StoreError::NoRun { .. }) if told.records.is_empty() => {
            return Ok(());
        }
        // Its directory was made, and its journal's name did not survive.
        Err(StoreError::Disk(error)) if error.is_missing() && told.records.is_empty() => {
            return Ok(());
        }
        other => other?,
    };
    let Resumed {
        mut writer,
        report,
        recovered,
    } = resumed;
    told.records = report.records;
    for what in recovered {
        writer.append(event(what))?;
    }
    told.records
        .extend(writer.commit()?.into_iter().map(|d| d.record));
    writer.append(closing())?;
    told.records
        .extend(writer.commit()?.into_iter().map(|d| d.record));
    enter(&store, told)
}

/// How many operations a life takes on a disk that does not fail.
fn operations() -> u64 {
    let disk = SimDisk::new();
    live(&disk, &run_id(1), &mut Acknowledged::default()).unwrap();
    disk.operations()
}

/// How many bytes would be lost now.
fn unsynced(disk: &SimDisk, id: &RunId) -> usize {
    let journal = state().join("runs").join(id.as_str()).join("journal.jsonl");
    disk.unsynced(&journal)
        .max(disk.unsynced(&state().join("ledger.jsonl")))
}

/// Every way to find the disk after the power went now: torn at each byte that was not synced.
fn crashes(unsynced: usize, step: usize) -> Vec<Crash> {
    let mut crashes = vec![
        Crash::Lost,
        Crash::Killed,
        Crash::Torn(0),
        Crash::Torn(usize::MAX),
    ];
    crashes.extend((0..=unsynced).step_by(step).map(Crash::Torn));
    crashes.extend((0..=unsynced).step_by(step * 10).map(Crash::Zeros));
    crashes
}

/// Crashes a life at every operation in every way, recovers, and loses the power once more.
/// Returns the first loss.
pub fn lose_power_everywhere(omitted: Option<SyncPoint>, step: usize) -> Result<u64, String> {
    let id = run_id(1);
    let (mut cases, mut bytes) = (0, 0);
    for at in 0..=operations() {
        let disk = SimDisk::new();
        if let Some(point) = omitted {
            disk.omit(point);
        }
        disk.fail_at(at, Fault::PowerOff);
        let mut told = Acknowledged::default();
        let ended = live(&disk, &id, &mut told);
        assert_eq!(
            ended.is_ok(),
            at == operations(),
            "operation {at}: {ended:?}"
        );
        // The write and its sync leave the same bytes: each is torn at once.
        let (now, bytes_before) = (unsynced(&disk, &id), bytes);
        bytes = now;
        let step = if now == bytes_before { 101 } else { step };
        for crash in crashes(now, step) {
            cases += 1;
            let found = |why: String| format!("operation {at}, {crash:?}: {why}");
            let after = disk.crash(crash);
            check(&after, &id, &told).map_err(found)?;
            let mut told = told.clone();
            recover(&after, &id, &mut told, Mend::Never)
                .map_err(|error| found(error.to_string()))?;
            check(&after.crash(Crash::Lost), &id, &told)
                .map_err(|why| found(format!("recovered, then {why}")))?;
        }
    }
    Ok(cases)
}

#[test]
fn row_12_nothing_that_was_acknowledged_is_lost_wherever_the_power_goes() {
    let cases = lose_power_everywhere(None, 1).unwrap();
    assert!(cases > 2_000, "{cases}");
}

/// The same, but the power goes a second time at every operation of the recovery.
pub fn lose_power_while_recovering(omitted: Option<SyncPoint>) -> Result<u64, String> {
    let id = run_id(1);
    let mut cases = 0;
    for at in 0..=operations() {
        let disk = SimDisk::new();
        if let Some(point) = omitted {
            disk.omit(point);
        }
        disk.fail_at(at, Fault::PowerOff);
        let mut told = Acknowledged::default();
        // It ends where the power does.
        let _ = live(&disk, &id, &mut told);
        for (first, second, mend) in [
            (Crash::Killed, Crash::Lost, Mend::First),
            (Crash::Killed, Crash::Lost, Mend::Never),
            (Crash::Killed, Crash::Killed, Mend::First),
            (Crash::Torn(30), Crash::Lost, Mend::First),
            (Crash::Torn(30), Crash::Torn(40), Mend::Never),
        ] {
            // Nothing can be torn where all is synced.
            if matches!(first, Crash::Torn(_)) && unsynced(&disk, &id) == 0 {
                continue;
            }
            for operation in 0.. {
                cases += 1;
                let found = |why: String| {
                    format!("operation {at}, {first:?}, {operation}, {second:?}, {mend:?}: {why}")
                };
                let after = disk.crash(first);
                after.fail_at(operation, Fault::PowerOff);
                let mut told = told.clone();
                let recovered = recover(&after, &id, &mut told, mend);
                let again = after.crash(second);
                check(&again, &id, &told).map_err(found)?;
                recover(&again, &id, &mut told, mend).map_err(|e| found(e.to_string()))?;
                check(&again.crash(Crash::Lost), &id, &told).map_err(found)?;
                if recovered.is_ok() {
                    break;
                }
            }
        }
    }
    Ok(cases)
}

#[test]
fn row_12_nothing_is_lost_where_the_power_goes_again_during_the_recovery() {
    let cases = lose_power_while_recovering(None).unwrap();
    assert!(cases > 2_000, "{cases}");
}
