//! Locks: one run at a time has one, a parked run keeps it, and wherever a process or the power
//! dies, somebody can have it afterwards.

use std::path::PathBuf;
use std::sync::Arc;

use runbook::journal::{
    Crash, DiskError, Fault, Grip, HeldLock, Kind, Locked, Refused, SimDisk, Store, StoreError,
    Taken,
};
use runbook::model::ids::RunId;
use runbook::model::{Digest, Happened};

use crate::story::{World, begin, claim, closing, event, run_id, state};
use runbook::model::event::ParkReason;

const MAIN: &str = "database/main";

const WHY: &str = "its operator is gone";

fn file() -> PathBuf {
    let name = Digest::of(MAIN.as_bytes()).to_string();
    state().join("locks").join(name)
}

fn take(store: &Store, run: &RunId) -> Result<Taken, StoreError> {
    store.locks().take(claim(MAIN, run), None)
}

fn rob(store: &Store, run: &RunId) -> Result<Taken, StoreError> {
    store.locks().take(claim(MAIN, run), Some(WHY))
}

fn held(store: &Store) -> Option<(RunId, Grip)> {
    let held = store.locks().held(MAIN).unwrap();
    held.map(|locked| (locked.claim.run, locked.grip))
}

#[track_caller]
fn refused(result: Result<Taken, StoreError>) -> Locked {
    match result {
        Err(StoreError::Locked(locked)) => *locked,
        other => panic!("{other:?}"),
    }
}

fn from(taken: &Taken) -> Option<(&RunId, &str)> {
    let from = taken.from.as_ref();
    from.map(|from| (&from.run, from.reason.as_str()))
}

/// A run that has the lock; its process lives until what is returned is dropped.
fn drives(world: &World, run: &RunId) -> HeldLock {
    let taken = take(&world.store, run).unwrap();
    world.open_run(run);
    taken.lock
}

fn parks(world: &World, run: &RunId) {
    let mut writer = world.resume(run).unwrap().writer;
    let reason = ParkReason::Operator;
    writer
        .append(event(Happened::RunParked { reason }))
        .unwrap();
    writer.commit().unwrap();
}

#[test]
fn a_living_process_keeps_its_lock_whoever_asks_and_however() {
    let world = World::new();
    let (one, two) = (run_id(1), run_id(2));
    let lock = drives(&world, &one);
    for attempt in [take(&world.store, &two), rob(&world.store, &two)] {
        let locked = refused(attempt);
        assert_eq!(locked.grip, Grip::Living);
        assert_eq!(locked.claim, claim(MAIN, &one));
    }
    // Another name is another lock.
    let other = claim("database/reports", &two);
    assert!(world.store.locks().take(other, None).is_ok());
    lock.release().unwrap();
    assert_eq!(held(&world.store), None);
    assert_eq!(from(&take(&world.store, &two).unwrap()), None);
}

#[test]
fn a_parked_run_keeps_its_lock_until_somebody_takes_it_with_a_reason() {
    let world = World::new();
    let (one, two) = (run_id(1), run_id(2));
    drop(drives(&world, &one));
    parks(&world, &one);
    assert_eq!(held(&world.store), Some((one.clone(), Grip::Parked)));
    let locked = refused(take(&world.store, &two));
    assert_eq!((locked.claim.run, locked.grip), (one.clone(), Grip::Parked));

    let taken = rob(&world.store, &two).unwrap();
    assert_eq!(from(&taken), Some((&one, WHY)));
    world.open_run(&two);
    drop(taken);
    parks(&world, &two);
    // The robbed run comes back.
    let locked = refused(take(&world.store, &one));
    assert_eq!((locked.claim.run, locked.grip), (two.clone(), Grip::Parked));
    // Its own lock a parked run has at once, and is told again from whom it was taken: the process
    // that took it may have ended before it wrote that down.
    assert_eq!(from(&take(&world.store, &two).unwrap()), Some((&one, WHY)));
}

#[test]
fn the_lock_of_a_process_that_died_is_taken_and_said() {
    let world = World::new();
    let (one, two) = (run_id(1), run_id(2));
    drop(drives(&world, &one));
    let taken = take(&world.store, &two).unwrap();
    let (run, why) = from(&taken).unwrap();
    assert_eq!(run, &one);
    assert!(
        why.starts_with("its process died without letting go"),
        "{why}"
    );
}

#[test]
fn what_was_never_begun_or_is_closed_or_gone_holds_nobody_up() {
    let world = World::new();
    let (one, two, three) = (run_id(1), run_id(2), run_id(3));
    // Killed between the lock and the first record.
    drop(take(&world.store, &one).unwrap());
    assert_eq!(held(&world.store), None);
    // Killed between the last record and the release.
    let lock = take(&world.store, &two).unwrap();
    assert_eq!(from(&lock), None);
    let mut writer = world.open_run(&two);
    writer.append(closing()).unwrap();
    writer.commit().unwrap();
    drop((writer, lock));
    assert_eq!(held(&world.store), None);
    drop(drives(&world, &three));
    world.disk.wipe(world.store.run(&three).unwrap().path());
    assert_eq!(from(&take(&world.store, &one).unwrap()), None);
}

#[test]
fn a_run_whose_journal_cannot_be_believed_keeps_its_lock() {
    let world = World::new();
    let (one, two) = (run_id(1), run_id(2));
    drop(drives(&world, &one));
    world.disk.plant(&world.journal(&one), b"{}\n");
    let locked = refused(take(&world.store, &two));
    assert_eq!(locked.grip, Grip::Unreadable);
    let taken = rob(&world.store, &two).unwrap();
    assert_eq!(from(&taken), Some((&one, WHY)));
}

#[test]
fn a_claim_that_nobody_understands_is_no_free_lock() {
    let world = World::new();
    drop(take(&world.store, &run_id(1)).unwrap());
    world.disk.plant(&file(), b"{\"version\":2}\n");
    let error = rob(&world.store, &run_id(2)).unwrap_err();
    assert!(matches!(error, StoreError::Disk(_)), "{error:?}");
}

#[test]
fn row_08_a_lock_that_is_not_ours_is_refused() {
    let foreign: [(fn(&mut runbook::journal::Stat), Refused); 3] = [
        (|stat| stat.kind = Kind::Link, Refused::Link),
        (|stat| stat.uid = 7, Refused::Owner { owner: 7, us: 1000 }),
        (|stat| stat.mode = 0o666, Refused::Mode { mode: 0o666 }),
    ];
    for (change, refusal) in foreign {
        let world = World::new();
        drop(take(&world.store, &run_id(1)).unwrap());
        world.disk.tamper(&file(), change);
        let error = take(&world.store, &run_id(2)).unwrap_err();
        let StoreError::Disk(error) = error else {
            panic!("{error:?}");
        };
        assert_eq!(DiskError::refusal(&error), Some(refusal));
    }
}

/// A parked run is robbed on a disk that fails at one of the operations; whether that was told.
fn robbed(disk: &SimDisk) -> bool {
    let Ok(store) = Store::open_on(Arc::new(disk.clone()), &state()) else {
        return false;
    };
    let Ok(taken) = rob(&store, &run_id(2)) else {
        return false;
    };
    // From here on it would act.
    let begun = begin(&store, &run_id(2)).is_ok();
    drop(taken);
    begun
}

#[test]
fn row_12_wherever_the_power_goes_one_run_has_the_lock_and_somebody_can_go_on() {
    let world = World::new();
    let (one, two, three) = (run_id(1), run_id(2), run_id(3));
    drop(drives(&world, &one));
    parks(&world, &one);
    let before = world.disk.crash(Crash::Killed);
    let whole = before.crash(Crash::Killed);
    assert!(robbed(&whole));
    let operations = whole.operations();
    let mut outcomes = [0, 0];
    for at in 0..=operations {
        let crashes = (0..400).step_by(7).map(Crash::Torn);
        let crashes = crashes.chain([Crash::Lost, Crash::Killed, Crash::Zeros(20)]);
        for crash in crashes {
            let disk = before.crash(Crash::Killed);
            disk.fail_at(at, Fault::PowerOff);
            let told = robbed(&disk);
            let after = World::on(disk.crash(crash));
            let how = format!("operation {at}, {crash:?}");
            let holder = held(&after.store);
            match &holder {
                Some((run, Grip::Parked)) if *run == one => outcomes[0] += 1,
                Some((run, Grip::Died)) if *run == two => outcomes[1] += 1,
                // A claim whose run never began takes nothing from the parked one.
                other => panic!("{how}: {other:?}"),
            }
            let has_begun = after.store.run(&two).is_ok_and(|run| {
                let report = run.read();
                report.is_ok_and(|report| !report.records.is_empty())
            });
            assert!(
                !has_begun || holder == Some((two.clone(), Grip::Died)),
                "{how}: it began and does not have its lock: {holder:?}"
            );
            assert!(!told || has_begun, "{how}: it was told, and has not begun");
            // Whoever has it can go on, and so can everybody else with a reason.
            if let Some((run, _)) = holder {
                let taken = take(&after.store, &run).unwrap();
                let robbed = (run == two).then_some((&one, WHY));
                assert_eq!(from(&taken), robbed, "{how}");
            }
            assert!(rob(&after.store, &three).is_ok(), "{how}");
        }
    }
    assert!(outcomes.iter().all(|n| *n > 10), "{outcomes:?}");
}
