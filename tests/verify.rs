//! `audit verify`: every change of a journal is found, and said with its exit code. Numbers are rows
//! of the threat list.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use runbook::audit::verify_one;
use runbook::journal::{Code, Store};
use support::Place;

/// A place with one run that is closed.
fn closed() -> Place {
    let place = Place::new();
    place.run(&["run", "db-failover", "--yes"]).exits(0);
    place
}

/// The verdict of the library, which is what the verb prints: a process for each byte would take
/// an hour.
fn code(place: &Place) -> Code {
    let store = Store::open(&place.state()).unwrap();
    let ledger = store.ledger().read().unwrap();
    let run = store.run(&store.resolve("last").unwrap()).unwrap();
    let (verdict, _) = verify_one(&run, Some(&ledger)).unwrap();
    verdict.code()
}

#[test]
fn threat_1_any_byte_that_changes_is_found() {
    let place = closed();
    let journal = place.journal();
    let whole = std::fs::read(&journal).unwrap();
    assert_eq!(code(&place), Code::Proven);
    // All bytes of the first and the last records, where framing and chain begin and end, and a
    // stride of primes between: the journal's own tests flip every byte of a smaller one.
    let edge = 600;
    let middle = (edge..whole.len() - edge).step_by(101);
    for at in (0..edge)
        .chain(middle)
        .chain(whole.len() - edge..whole.len() - 1)
    {
        for flip in [0x01, 0x20] {
            let mut changed = whole.clone();
            changed[at] ^= flip;
            std::fs::write(&journal, &changed).unwrap();
            assert_eq!(code(&place), Code::Corrupt, "byte {at} by {flip:#x}");
        }
    }
    std::fs::write(&journal, &whole).unwrap();
    place
        .run(&["audit", "verify", "last"])
        .exits(0)
        .says("No external anchor");
}

#[test]
fn the_verb_says_where_it_is_corrupt() {
    let place = closed();
    let journal = place.journal();
    let mut bytes = std::fs::read(&journal).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&journal, &bytes).unwrap();
    place
        .run(&["audit", "verify", "last"])
        .exits(20)
        .says("CORRUPT")
        .says("line");
    place.run(&["audit", "show", "last"]).exits(20);
    place.run(&["resume", "last", "--yes"]).exits(74);
    let json = place.run(&["audit", "verify", "last", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.exits(20).stdout).unwrap();
    assert_eq!(json["code"], 20);
}

#[test]
fn a_cut_last_line_is_a_torn_tail_wherever_it_is_cut() {
    let place = closed();
    let journal = place.journal();
    let whole = std::fs::read(&journal).unwrap();
    let last = whole[..whole.len() - 1]
        .iter()
        .rposition(|b| *b == b'\n')
        .unwrap()
        + 1;
    for end in last + 1..whole.len() {
        std::fs::write(&journal, &whole[..end]).unwrap();
        assert_eq!(code(&place), Code::Torn, "cut at {end}");
    }
    place.run(&["audit", "verify", "last"]).exits(11);
}

#[test]
fn threat_2_a_cut_at_a_records_end_is_behind_the_ledger() {
    let place = closed();
    let journal = place.journal();
    let text = std::fs::read_to_string(&journal).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let cut = format!("{}\n", lines[..lines.len() - 3].join("\n"));
    std::fs::write(&journal, cut).unwrap();
    place.run(&["audit", "verify", "last"]).exits(21);
}

#[test]
fn threat_4_a_run_that_was_deleted_is_missed() {
    let place = closed();
    std::fs::remove_dir_all(&place.runs()[0]).unwrap();
    place.run(&["audit", "verify"]).exits(25).says("gone");
}

#[test]
fn threat_7_a_blob_that_was_swapped_is_found() {
    let place = closed();
    let blobs = place.runs()[0].join("blobs");
    let blob = std::fs::read_dir(blobs)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    std::fs::write(&blob, "another").unwrap();
    place.run(&["audit", "verify", "last"]).exits(24);
    std::fs::remove_file(&blob).unwrap();
    place.run(&["audit", "verify", "last"]).exits(24);
}

#[test]
fn threat_9_two_at_once_on_one_run_and_one_wins() {
    let place = Place::new();
    // A run that waits for a person holds its journal; here the test holds it instead.
    place.run_with(
        "RUNBOOK_CRASH_IN_WORLD",
        "2",
        &["run", "db-failover", "--yes"],
    );
    let held = std::fs::File::open(place.journal()).unwrap();
    held.lock().unwrap();
    place.run(&["resume", "last", "--yes"]).exits(73);
    held.unlock().unwrap();
    place.run(&["resume", "last", "--yes"]).exits(0);
}

#[test]
fn an_open_run_is_open() {
    let place = Place::new();
    place.run_with(
        "RUNBOOK_CRASH_IN_WORLD",
        "2",
        &["run", "db-failover", "--yes"],
    );
    place.run(&["audit", "verify", "last"]).exits(12);
    place.run(&["audit", "show", "last"]).exits(0);
}
