//! Journals that were written once and are read for ever.
//!
//! A specimen is never changed. A new version of the format gets a directory of its own.

use std::path::PathBuf;

use runbook::journal::{Place, decode, encode};
use runbook::model::Event;

use crate::events::{added, one_of_each};
use crate::story::{World, run_id, ticks};

fn specimen(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/journals/v1")
        .join(name)
}

fn written_today(events: Vec<Event>) -> Vec<u8> {
    let stamps = ticks();
    let mut place = Place::first(run_id(1));
    let mut bytes = Vec::new();
    for event in events {
        let (line, h) = encode(&place, &stamps.stamp(), &event).unwrap();
        bytes.extend(line);
        place.advance(h);
    }
    bytes
}

#[test]
fn the_first_versions_journal_is_still_read() {
    let bytes = std::fs::read(specimen("every-kind.jsonl")).unwrap();
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
    let there = std::fs::read(specimen("every-kind.jsonl")).unwrap();
    assert_eq!(written_today(one_of_each()), there);
}

#[test]
fn what_the_first_version_gained_is_still_read_and_written_byte_for_byte() {
    let there = std::fs::read(specimen("what-others-say.jsonl")).unwrap();
    assert_eq!(written_today(added()), there);
    let mut place = Place::first(run_id(1));
    let lines = there.split_inclusive(|byte| *byte == b'\n');
    for (line, event) in lines.zip(added()) {
        let record = decode::<Event>(line.trim_ascii_end(), &place).unwrap();
        assert_eq!(record.event, event);
        place.advance(record.h);
    }
}
