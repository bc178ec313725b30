//! Naming a run, listing runs, and the ledger's mending.

use std::sync::Arc;

use runbook::journal::{Code, Crash, Flaw, LedgerEntry, SimDisk, StoreError, Writer, standings};
use runbook::model::ids::RunId;
use runbook::model::{Event, Happened};

use crate::story::{World, closing, event, holder, note, run_id, ticks};

fn id(text: &str) -> RunId {
    text.parse().unwrap()
}

#[test]
fn a_run_is_named_by_last_by_its_id_or_by_a_prefix() {
    let world = World::new();
    assert!(matches!(
        world.store.resolve("last"),
        Err(StoreError::NoRuns)
    ));
    for text in [
        "db-failover-20261120T195359Z-aaaa",
        "db-failover-20261121T080000Z-bbbb",
        "zoo-20261119T000000Z-cccc",
    ] {
        world.open_run(&id(text));
    }
    let newest = "db-failover-20261121T080000Z-bbbb";
    assert_eq!(world.store.list_runs().unwrap()[0].as_str(), newest);
    assert_eq!(world.store.resolve("last").unwrap().as_str(), newest);
    assert_eq!(world.store.resolve(newest).unwrap().as_str(), newest);
    assert_eq!(
        world
            .store
            .resolve("db-failover-20261121")
            .unwrap()
            .as_str(),
        newest
    );
    let Err(StoreError::Ambiguous { candidates, .. }) = world.store.resolve("db-") else {
        panic!("two runs begin so");
    };
    assert_eq!(candidates.len(), 2);
    let Err(StoreError::NoRun { nearest, .. }) = world.store.resolve("zoo-20261119T000000Z-ccdc")
    else {
        panic!("no run is called that");
    };
    assert_eq!(nearest, Some(id("zoo-20261119T000000Z-cccc")));
    assert!(matches!(
        world.store.resolve(""),
        Err(StoreError::NoRun { .. })
    ));
}

#[test]
fn a_run_is_made_once() {
    let world = World::new();
    world.open_run(&run_id(1));
    let again = world.store.create_run(&run_id(1), ticks(), &holder());
    assert!(matches!(again, Err(StoreError::Exists(_))));
}

#[test]
fn a_closing_that_did_not_reach_the_ledger_is_made_up_for() {
    let world = World::new();
    let run = run_id(1);
    let mut writer = world.open_run(&run);
    writer.append(closing()).unwrap();
    writer.commit().unwrap();
    drop(writer);
    assert_eq!(world.verify(&run).findings[0].flaw, Flaw::NotClosedInLedger);
    assert_eq!(world.verify(&run).code(), Code::Open);
    let mended = world.store.ledger().mend(&world.store, &*ticks()).unwrap();
    assert_eq!((mended.opened.len(), mended.closed), (0, vec![run.clone()]));
    assert_eq!(world.verify(&run).code(), Code::Proven);
    let mended = world.store.ledger().mend(&world.store, &*ticks()).unwrap();
    assert_eq!(mended, Default::default());
}

/// A closed run whose doings somebody wants taken back, as far as its journal; the ledger has what
/// was entered.
fn opened_again(world: &World, run: &RunId) -> Writer {
    world.finished_run(run, &["a note"]);
    let mut writer = world.resume(run).unwrap().writer;
    writer.append(undo_requested()).unwrap();
    writer
}

fn undo_requested() -> Event {
    event(Happened::UndoRequested {
        reason: "it made things worse".into(),
    })
}

/// Makes durable what was appended, and enters the last of it into the ledger.
fn enter(world: &World, writer: &mut Writer) {
    let durable = writer.commit().unwrap();
    let last = &durable.last().unwrap().record;
    world.store.ledger().enter(last, &*ticks()).unwrap();
}

#[test]
fn a_run_that_is_opened_again_is_open_until_it_is_closed_again() {
    let world = World::new();
    let run = run_id(1);
    let mut writer = opened_again(&world, &run);
    enter(&world, &mut writer);
    let standing = |world: &World| {
        let ledger = world.store.ledger().read().unwrap();
        standings(&ledger).remove(&run).unwrap()
    };
    assert_eq!(standing(&world).closed, None);
    assert_eq!(world.verify(&run).findings[0].flaw, Flaw::Open);
    writer.append(note("taken back")).unwrap();
    world.close(&mut writer);
    let standing = standing(&world);
    assert_eq!(standing.closed.unwrap().seq, 5);
    let places: Vec<u64> = standing.known.into_keys().collect();
    assert_eq!(places, [0, 2, 3, 5]);
    assert_eq!(world.verify(&run).code(), Code::Proven);
}

#[test]
fn a_second_closing_that_did_not_reach_the_ledger_is_made_up_for() {
    let world = World::new();
    let run = run_id(1);
    let mut writer = opened_again(&world, &run);
    enter(&world, &mut writer);
    writer.append(closing()).unwrap();
    writer.commit().unwrap();
    assert_eq!(world.verify(&run).findings[0].flaw, Flaw::NotClosedInLedger);
    let mended = world.store.ledger().mend(&world.store, &*ticks()).unwrap();
    assert_eq!(mended.closed, std::slice::from_ref(&run));
    assert_eq!(world.verify(&run).code(), Code::Proven);
}

#[test]
fn a_reopening_that_did_not_reach_the_ledger_harms_nothing() {
    let world = World::new();
    let run = run_id(1);
    let mut writer = opened_again(&world, &run);
    writer.commit().unwrap();
    assert_eq!(world.verify(&run).findings[0].flaw, Flaw::Open);
    writer.append(closing()).unwrap();
    writer.commit().unwrap();
    // Not even where the closing did not reach it either: that is said.
    assert_eq!(world.verify(&run).findings[0].flaw, Flaw::NotClosedInLedger);
    let closed = world.store.run(&run).unwrap().read().unwrap();
    let last = closed.records.last().unwrap();
    world.store.ledger().enter(last, &*ticks()).unwrap();
    assert_eq!(world.verify(&run).code(), Code::Proven);
}

#[test]
fn threat_02_a_run_that_was_opened_again_cannot_be_cut_back_to_its_first_end() {
    let world = World::new();
    let run = run_id(1);
    let mut writer = opened_again(&world, &run);
    let before = world.bytes(&world.journal(&run));
    enter(&world, &mut writer);
    assert_eq!(world.code_of(&run, &before), Code::Behind);
}

#[test]
fn what_is_said_about_a_closed_run_does_not_open_it() {
    let world = World::new();
    let run = run_id(1);
    world.finished_run(&run, &[]);
    let mut writer = world.resume(&run).unwrap().writer;
    writer.append(note("read at the review")).unwrap();
    writer.commit().unwrap();
    assert_eq!(world.verify(&run).code(), Code::Proven);
}

#[test]
fn mending_does_not_close_a_run_in_anothers_name() {
    let world = World::new();
    let run = run_id(1);
    world.open_run(&run);
    // A whole, closed, well-chained journal of the same name, but not the one that was opened.
    let other = World::new();
    drop(other.open_run(&run_id(9)));
    other.finished_run(&run, &["a different history"]);
    let forged = other.bytes(&other.journal(&run));
    assert_eq!(world.code_of(&run, &forged), Code::Forked);
    let mended = world.store.ledger().mend(&world.store, &*ticks()).unwrap();
    assert_eq!(mended.left, vec![run]);
}

#[test]
fn a_torn_ledger_is_set_aside_and_says_so() {
    let world = World::new();
    world.finished_run(&run_id(1), &[]);
    let path = world.store.path().join("ledger.jsonl");
    let mut bytes = world.bytes(&path);
    bytes.extend_from_slice(b"{\"v\":1,\"run\":\"led");
    world.disk.plant(&path, &bytes);
    assert_eq!(world.verify_ledger().code(), Code::Torn);
    world.finished_run(&run_id(2), &[]);
    assert_eq!(world.verify_ledger().code(), Code::Proven);
    let ledger = world.store.ledger().read().unwrap();
    let said = ledger
        .events()
        .filter(|e| matches!(e.what, LedgerEntry::Recovered { length: 17, .. }));
    assert_eq!(said.count(), 1);
    let torn = world.store.path().join("ledger-torn-2");
    assert_eq!(world.bytes(&torn), b"{\"v\":1,\"run\":\"led");
}

#[test]
fn many_processes_share_the_ledger() {
    let world = World::new();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let world = &world;
            scope.spawn(move || world.finished_run(&run_id(n), &["busy"]));
        }
    });
    assert_eq!(world.store.ledger().read().unwrap().records.len(), 16);
    assert_eq!(world.verify_ledger().code(), Code::Proven);
    for n in 0..8 {
        assert_eq!(world.verify(&run_id(n)).code(), Code::Proven);
    }
}

#[test]
fn a_run_that_was_killed_before_its_first_record_was_never_begun() {
    let world = World::new();
    let run = run_id(1);
    drop(world.store.create_run(&run, ticks(), &holder()).unwrap());
    let after = World::on(world.disk.crash(Crash::Killed));
    assert!(matches!(after.resume(&run), Err(StoreError::NeverBegun(_))));
    assert_eq!(after.verify(&run).findings[0].flaw, Flaw::NeverBegun);
    assert_eq!(after.verify_ledger().code(), Code::Proven);
}

#[test]
fn a_torn_tail_is_set_aside_once_and_said_once() {
    let world = World::new();
    let run = run_id(1);
    drop(world.open_run(&run));
    let path = world.journal(&run);
    let whole = world.bytes(&path);
    world
        .disk
        .plant(&path, &[&whole[..], b"{\"v\":1,"].concat());

    // Killed after the cut and before it was said: the next one says it.
    let first = world.resume(&run).unwrap();
    assert_eq!(first.recovered.len(), 1);
    drop(first);
    assert_eq!(world.bytes(&path), whole);
    let mut second = world.resume(&run).unwrap();
    assert_eq!(second.recovered.len(), 1);
    let expected = runbook::model::Happened::Recovered {
        offset: whole.len() as u64,
        length: 7,
        sha256: runbook::model::Digest::of(b"{\"v\":1,"),
    };
    assert_eq!(second.recovered[0], expected);
    second.writer.append(crate::story::event(expected)).unwrap();
    second.writer.commit().unwrap();
    let torn = world.store.run(&run).unwrap().path().join("torn-1");
    assert_eq!(world.bytes(&torn), b"{\"v\":1,");
    drop(second);

    // The record that said it is torn itself.
    let bytes = world.bytes(&path);
    world.disk.plant(&path, &bytes[..bytes.len() - 1]);
    let third = world.resume(&run).unwrap();
    assert_eq!(third.recovered.len(), 2);
    let torn = world.store.run(&run).unwrap().path().join("torn-1.1");
    assert_eq!(world.bytes(&torn), &bytes[whole.len()..bytes.len() - 1]);
}

#[test]
fn a_state_directory_is_made_with_all_that_leads_to_it() {
    let disk = SimDisk::new();
    let path = std::path::Path::new("/home/ada/.local/state/runbook");
    let open =
        |disk: &SimDisk| runbook::journal::Store::open_on(Arc::new(disk.clone()), path).unwrap();
    crate::story::begin(&open(&disk), &run_id(1)).unwrap();
    let after = open(&disk.crash(Crash::Lost));
    assert_eq!(after.list_runs().unwrap(), [run_id(1)]);
}
