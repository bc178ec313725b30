//! Journals that were written once and are read for ever.
//!
//! A specimen is never changed. A new version of the format gets a directory of its own.

use std::path::PathBuf;

use runbook::journal::{Place, encode};

use crate::events::one_of_each;
use crate::story::{World, run_id, ticks};

fn specimen() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/journals/v1/every-kind.jsonl")
}

fn written_today() -> Vec<u8> {
    let stamps = ticks();
    let mut place = Place::first(run_id(1));
    let mut bytes = Vec::new();
    for event in one_of_each() {
        let (line, h) = encode(&place, &stamps.stamp(), &event).unwrap();
        bytes.extend(line);
        place.advance(h);
    }
    bytes
}

#[test]
fn the_first_versions_journal_is_still_read() {
    let bytes = std::fs::read(specimen()).unwrap();
    let world = World::new();
    drop(world.open_run(&run_id(1)));
    world.disk.plant(&world.journal(&run_id(1)), &bytes);
    let report = world.store.run(&run_id(1)).unwrap().read().unwrap();
    assert_eq!(report.tail, runbook::journal::Tail::Clean);
    let events: Vec<_> = report.events().cloned().collect();
    assert_eq!(events, one_of_each());
    assert_eq!(
        report.head().unwrap().h.to_string(),
        "287256089841fec9ce98b1e0a3e07c5f2ba361edb27acdf4d19d804577e90739"
    );
}

#[test]
fn the_first_versions_journal_is_still_written_byte_for_byte() {
    assert_eq!(written_today(), std::fs::read(specimen()).unwrap());
}
