//! A record is written in one way only, and read back as what it was.

use std::io::Write;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use runbook::journal::{Head, MAX_RECORD, Place, decode, encode};
use runbook::model::Map;
use runbook::model::{Digest, Event, Happened};

use crate::events::{added, any_event, one_of_each};
use crate::story::{event, note, run_id, ticks};

proptest! {
    #[test]
    fn every_record_comes_back_as_it_was(
        events in prop::collection::vec(any_event(), 1..5),
        boot in ".{0,40}",
        mono in any::<u64>(),
    ) {
        let mut place = Place::first(run_id(1));
        let stamp = runbook::journal::Stamp { boot: boot.as_str().into(), mono };
        for event in events {
            let Ok((line, h)) = encode(&place, &stamp, &event) else {
                continue;
            };
            let (end, body) = line.split_last().unwrap();
            prop_assert_eq!(*end, b'\n');
            prop_assert!(!body.contains(&b'\n'));
            let record = decode::<Event>(body, &place).unwrap();
            prop_assert_eq!(&record.event, &event);
            prop_assert_eq!(&record.stamp, &stamp);
            prop_assert_eq!((record.seq, record.h), (place.seq, h));
            place.advance(h);
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(line in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(decode::<Event>(&line, &Place::first(run_id(1))).is_err());
    }
}

#[test]
fn every_kind_comes_back_as_it_was() {
    let mut events = one_of_each();
    events.extend(added());
    let mut kinds: Vec<&str> = events.iter().map(|e| e.what.kind()).collect();
    kinds.sort_unstable();
    let mut all = Happened::KINDS.to_vec();
    all.sort_unstable();
    assert_eq!(kinds, all);
    let mut place = Place::first(run_id(1));
    for event in events {
        let (line, h) = encode(&place, &ticks().stamp(), &event).unwrap();
        let record = decode::<Event>(line.trim_ascii_end(), &place).unwrap();
        assert_eq!(record.event, event);
        place.advance(h);
    }
}

#[test]
fn the_keys_have_one_order() {
    let place = Place::first(run_id(1));
    let mut event = note("hi");
    event.step = Some(runbook::model::ids::StepKey::from_text("a/b"));
    event.attempt = Some(runbook::model::ids::Attempt::FIRST);
    let (line, h) = encode(&place, &ticks().stamp(), &event).unwrap();
    let expected = format!(
        concat!(
            r#"{{"v":1,"run":"{}","seq":0,"boot":"6f1c0e1e-5d1f-4f0c-9d5e-0a8f3c9b7a11","mono":0,"#,
            r#""at":"2026-11-20T19:53:59Z","kind":"note_added","step":"a/b","attempt":1,"#,
            r#""actor":{{"person":{{"user":"ada","uid":1000,"login_uid":1000,"host":"bastion-1","#,
            r#""terminal":"/dev/pts/3"}}}},"data":{{"text":"hi"}},"h":"{}"}}{}"#
        ),
        run_id(1),
        h,
        "\n"
    );
    assert_eq!(String::from_utf8(line).unwrap(), expected);
}

#[test]
fn sha256sum_does_the_hash_again() {
    let mut place = Place::first(run_id(1));
    let (_, first) = encode(&place, &ticks().stamp(), &note("first")).unwrap();
    place.advance(first);
    let (line, second) = encode(&place, &ticks().stamp(), &note("second")).unwrap();
    let text = String::from_utf8(line).unwrap();
    let body = text.split(r#","h":""#).next().unwrap();

    let mut input = b"runbook/journal/v1\0".to_vec();
    for pair in first.to_string().as_bytes().chunks(2) {
        input.push(u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
    }
    input.extend((body.len() as u64).to_be_bytes());
    input.extend(body.as_bytes());
    let mut sum = Command::new("sha256sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    sum.stdin.take().unwrap().write_all(&input).unwrap();
    let output = sum.wait_with_output().unwrap();
    assert_eq!(&output.stdout[..64], second.to_string().as_bytes());
}

#[test]
fn a_record_may_be_just_as_long_as_the_limit() {
    let place = Place::first(run_id(1));
    let of_length = |n: usize| encode(&place, &ticks().stamp(), &note(&"x".repeat(n)));
    let short = of_length(0).unwrap().0.len() - 1;
    let (line, _) = of_length(MAX_RECORD - short).unwrap();
    assert_eq!(line.len() - 1, MAX_RECORD);
    assert!(decode::<Event>(line.trim_ascii_end(), &place).is_ok());
    let error = of_length(MAX_RECORD - short + 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a `note_added` record of 65537 bytes is over the limit of 65536"
    );
}

#[test]
fn a_place_knows_the_head_before_it() {
    let mut place = Place::first(run_id(1));
    assert_eq!(place.head(), None);
    let h = Digest::of(b"x");
    place.advance(h);
    assert_eq!(place.head(), Some(Head { seq: 0, h }));
    assert!(
        encode(
            &place,
            &ticks().stamp(),
            &event(Happened::BlockEntered {
                params: Map::new(),
                vars: Map::new()
            })
        )
        .is_ok()
    );
}
