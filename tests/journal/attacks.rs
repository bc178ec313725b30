//! What somebody does to a finished journal, and what verifying says.

use runbook::journal::{
    Code, DecodeError, Flaw, MAX_RECORD, Newer, Place, Tail, Warning, decode, encode, link,
};
use runbook::model::{Digest, Event, Happened};

use crate::story::{World, closing, event, lines, note, now, run_id, ticks};

fn three_notes() -> (World, runbook::model::ids::RunId, Vec<u8>) {
    let world = World::new();
    let id = run_id(1);
    world.finished_run(&id, &["one", "two", "three"]);
    assert_eq!(world.verify(&id).code(), Code::Proven);
    assert_eq!(
        world.verify(&id).proven.to_string(),
        "chain of 5 records, 4 blobs, ledger"
    );
    let bytes = world.bytes(&world.journal(&id));
    (world, id, bytes)
}

/// These events, chained anew for this run: a forger who knows the format.
fn forge(id: &runbook::model::ids::RunId, events: &[Event]) -> Vec<u8> {
    let mut place = Place::first(id.clone());
    let mut bytes = Vec::new();
    for event in events {
        let (line, h) = encode(&place, &ticks().stamp(), event).unwrap();
        bytes.extend(line);
        place.advance(h);
    }
    bytes
}

fn events(world: &World, id: &runbook::model::ids::RunId) -> Vec<Event> {
    let report = world.store.run(id).unwrap().read().unwrap();
    report.events().cloned().collect()
}

#[test]
fn row_01_every_changed_byte_is_corruption_but_the_final_newline() {
    let (world, id, bytes) = three_notes();
    for at in 0..bytes.len() {
        let last = at == bytes.len() - 1;
        let changes = [
            bytes[at] ^ 0x01,
            bytes[at] ^ 0x20,
            bytes[at] ^ 0x80,
            b'\n',
            b'"',
            b'0',
            0,
        ];
        for change in changes.into_iter().filter(|c| *c != bytes[at]) {
            let mut changed = bytes.clone();
            changed[at] = change;
            let expected = if last { Code::Torn } else { Code::Corrupt };
            let found = world.code_of(&id, &changed);
            assert_eq!(found, expected, "byte {at} as {change:#04x}");
        }
    }
}

#[test]
fn row_01_every_changed_byte_of_the_ledger_is_corruption_but_the_final_newline() {
    let (world, _, _) = three_notes();
    let path = world.store.path().join("ledger.jsonl");
    let bytes = world.bytes(&path);
    for at in 0..bytes.len() {
        for change in [bytes[at] ^ 0x01, bytes[at] ^ 0x80, b'\n', 0] {
            if change == bytes[at] {
                continue;
            }
            let mut changed = bytes.clone();
            changed[at] = change;
            world.disk.plant(&path, &changed);
            let expected = if at == bytes.len() - 1 {
                Code::Torn
            } else {
                Code::Corrupt
            };
            assert_eq!(world.verify_ledger().code(), expected, "byte {at}");
        }
    }
}

#[test]
fn row_01_a_record_deleted_swapped_or_doubled_is_corruption() {
    let (world, id, bytes) = three_notes();
    let whole = lines(&bytes);
    for n in 0..whole.len() {
        let mut doubled = whole.clone();
        doubled.insert(n, whole[n].clone());
        assert_eq!(world.code_of(&id, &doubled.concat()), Code::Corrupt);
        if n + 1 < whole.len() {
            let mut deleted = whole.clone();
            deleted.remove(n);
            assert_eq!(world.code_of(&id, &deleted.concat()), Code::Corrupt);
            let mut swapped = whole.clone();
            swapped.swap(n, n + 1);
            assert_eq!(world.code_of(&id, &swapped.concat()), Code::Corrupt);
        }
    }
}

#[test]
fn row_02_a_tail_cut_at_a_records_end_is_behind_the_ledger_and_a_half_line_is_torn() {
    let (world, id, bytes) = three_notes();
    for length in 0..bytes.len() {
        let at_an_end = length == 0 || bytes[length - 1] == b'\n';
        let expected = if at_an_end { Code::Behind } else { Code::Torn };
        assert_eq!(
            world.code_of(&id, &bytes[..length]),
            expected,
            "{length} bytes"
        );
    }
    // Losing only the final newline is a torn tail, and so are zeros.
    assert_eq!(world.code_of(&id, &bytes[..bytes.len() - 1]), Code::Torn);
    assert_eq!(
        world.code_of(&id, &[&bytes[..], &[0; 512]].concat()),
        Code::Torn
    );
    let flaw = &world.verify(&id).findings[0].flaw;
    assert!(matches!(
        flaw,
        Flaw::Torn {
            length: 512,
            ledger: None,
            ..
        }
    ));
}

#[test]
fn row_03_a_journal_that_was_written_anew_has_forked() {
    let (world, id, _) = three_notes();
    let mut changed = events(&world, &id);
    changed[2] = note("something else");
    assert_eq!(world.code_of(&id, &forge(&id, &changed)), Code::Forked);
}

#[test]
fn row_04_a_run_whose_directory_was_deleted_is_missed() {
    let (world, id, _) = three_notes();
    assert_eq!(world.verify_ledger().code(), Code::Proven);
    world.disk.wipe(world.store.run(&id).unwrap().path());
    assert!(world.store.list_runs().unwrap().is_empty());
    let verdict = world.verify_ledger();
    assert_eq!(verdict.code(), Code::Gone);
    assert_eq!(verdict.findings[0].run, Some(id));
}

#[test]
fn row_05_a_record_pasted_from_another_run_is_corruption() {
    let (world, id, bytes) = three_notes();
    let other = run_id(2);
    world.finished_run(&other, &["uno", "due", "tre"]);
    let foreign = lines(&world.bytes(&world.journal(&other)));
    let mut pasted = lines(&bytes);
    pasted[2] = foreign[2].clone();
    assert_eq!(world.code_of(&id, &pasted.concat()), Code::Corrupt);

    // Even where the chain was made to fit: the record says whose it is.
    let renamed = forge(&other, &events(&world, &other));
    assert_eq!(world.code_of(&id, &renamed), Code::Corrupt);
    let why = DecodeError::OtherRun {
        expected: id.to_string(),
        found: other.to_string(),
    };
    let tail = world.store.run(&id).unwrap().read().unwrap().tail;
    assert_eq!(
        tail,
        Tail::Broken {
            line: 1,
            offset: 0,
            why
        }
    );
}

#[test]
fn row_06_a_journal_that_was_cut_and_continued_is_behind_or_forked() {
    let (world, id, bytes) = three_notes();
    let kept = lines(&bytes)[..3].concat();
    world.disk.plant(&world.journal(&id), &kept);
    let mut resumed = world.resume(&id).unwrap();
    resumed
        .writer
        .append(note("as if nothing had been"))
        .unwrap();
    resumed.writer.commit().unwrap();
    assert_eq!(world.verify(&id).code(), Code::Behind);
    resumed.writer.append(closing()).unwrap();
    resumed.writer.commit().unwrap();
    assert_eq!(world.verify(&id).code(), Code::Forked);
}

#[test]
fn row_07_a_swapped_or_missing_blob_is_found() {
    let (world, id, _) = three_notes();
    let run = world.store.run(&id).unwrap();
    let blob = Digest::of(format!("plan of {id}").as_bytes());
    let path = run.blobs().join(blob.to_string());
    assert_eq!(run.blob(&blob).unwrap(), format!("plan of {id}").as_bytes());
    world.disk.plant(&path, b"another plan");
    let verdict = world.verify(&id);
    assert_eq!(
        (verdict.code(), verdict.findings[0].seq),
        (Code::Blob, Some(0))
    );
    assert_eq!(
        run.blob(&blob).unwrap_err().to_string(),
        "the blob was changed"
    );
    world.disk.wipe(&path);
    assert_eq!(world.verify(&id).findings[0].flaw, Flaw::BlobMissing(blob));
}

#[test]
fn row_10_a_clock_that_was_set_back_is_a_warning_and_order_holds() {
    let world = World::new();
    let id = run_id(1);
    let mut writer = world.open_run(&id);
    let mut earlier = note("before it began, says the clock");
    earlier.at = now() - std::time::Duration::from_secs(3600);
    writer.append(earlier).unwrap();
    world.close(&mut writer);
    let report = world.store.run(&id).unwrap().read().unwrap();
    let seqs: Vec<u64> = report.records.iter().map(|r| r.seq).collect();
    assert_eq!(seqs, [0, 1, 2]);
    let [Warning::ClockSetBack { seq: 1, .. }] = report.warnings[..] else {
        panic!("{:?}", report.warnings);
    };
    assert_eq!(
        report.warnings[0].to_string(),
        "the clock was set back by 1h before record 1"
    );
    assert_eq!(world.verify(&id).code(), Code::Proven);
}

#[test]
fn a_ledger_that_was_replaced_no_longer_has_what_a_run_saw() {
    let world = World::new();
    let (first, second) = (run_id(1), run_id(2));
    world.finished_run(&first, &[]);
    world.finished_run(&second, &[]);
    assert_eq!(world.verify(&second).code(), Code::Proven);
    // Somebody wants the first run forgotten, and writes a ledger without it.
    world.disk.wipe(&world.store.path().join("ledger.jsonl"));
    world.disk.wipe(world.store.run(&first).unwrap().path());
    world.store.ledger().mend(&world.store, &*ticks()).unwrap();
    assert_eq!(world.verify_ledger().code(), Code::Proven);
    assert_eq!(world.verify(&second).code(), Code::Forked);
}

/// A line with these bytes before the hash, and the right hash.
fn seal(place: &Place<runbook::model::ids::RunId>, body: &str) -> Vec<u8> {
    let h = link(&place.previous, body.as_bytes());
    format!(r#"{body},"h":"{h}"}}"#).into_bytes()
}

#[test]
fn a_line_with_a_right_hash_is_still_read_strictly() {
    let place = Place::first(run_id(1));
    let (line, _) = encode(&place, &ticks().stamp(), &note("x")).unwrap();
    let line = String::from_utf8(line).unwrap();
    let body = line.split(r#","h":""#).next().unwrap();
    let read = |body: &str| decode::<Event>(&seal(&place, body), &place).map(|r| r.event);
    assert_eq!(read(body).unwrap(), note("x"));

    let refused = |from: &str, to: &str, word: &str| {
        assert!(body.contains(from), "{from}");
        let error = read(&body.replacen(from, to, 1)).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
        error
    };
    refused(
        r#""seq":0"#,
        r#""seq":1"#,
        "record 1 stands where record 0 belongs",
    );
    refused(r#""seq":0"#, r#""seq":0,"seq":0"#, "duplicate key `seq`");
    refused(
        r#""text":"x""#,
        r#""text":"x","text":"y""#,
        "duplicate key `text`",
    );
    refused(
        r#""user":"ada""#,
        r#""user":"ada","\u0075ser":"eve""#,
        "duplicate key",
    );
    refused(r#""text":"x""#, r#""text":7"#, "not a record");
    refused(r#""v":1,"run""#, r#""run""#, "not a record");
    refused(
        r#""mono":0"#,
        r#""mono":0,"more":1"#,
        "expected the key `at`",
    );
    refused(
        r#","data""#,
        r#","step":"s","data""#,
        "expected the key `data`",
    );
    let newer = refused(r#""v":1"#, r#""v":2"#, "newer version");
    assert_eq!(newer, DecodeError::Newer(Newer::Version(2)));
    let newer = refused("note_added", "moon_risen", "newer version");
    assert_eq!(newer, DecodeError::Newer(Newer::Kind("moon_risen".into())));

    let bytes = [&b"\xff"[..], line.trim_end().as_bytes()].concat();
    assert_eq!(decode::<Event>(&bytes, &place), Err(DecodeError::NotUtf8));
    let long = vec![b'x'; MAX_RECORD + 1];
    let why = DecodeError::TooLong {
        bytes: MAX_RECORD + 1,
    };
    assert_eq!(decode::<Event>(&long, &place), Err(why));
}

#[test]
fn a_newer_versions_record_is_not_corruption() {
    let (world, id, bytes) = three_notes();
    let report = world.store.run(&id).unwrap().read().unwrap();
    let body = lines(&bytes)[2].clone();
    let body = String::from_utf8(body)
        .unwrap()
        .replace("note_added", "moon_risen");
    let place = Place {
        run: id.clone(),
        seq: 2,
        previous: report.records[1].h,
    };
    let line = seal(&place, body.split(r#","h":""#).next().unwrap());
    let newer = [lines(&bytes)[..2].concat(), line, b"\n".to_vec()].concat();
    assert_eq!(world.code_of(&id, &newer), Code::NotVerified);
    assert!(
        world
            .resume(&id)
            .unwrap_err()
            .to_string()
            .contains("newer version")
    );
}

#[test]
fn a_line_without_end_does_not_fill_the_memory() {
    let (world, id, bytes) = three_notes();
    let endless = [&bytes[..], &vec![b'x'; 5 * MAX_RECORD]].concat();
    assert_eq!(world.code_of(&id, &endless), Code::Torn);
    let ended = [&endless[..], b"\n"].concat();
    assert_eq!(world.code_of(&id, &ended), Code::Corrupt);
    let report = world.store.run(&id).unwrap().read().unwrap();
    assert_eq!(report.records.len(), 5);
    let why = DecodeError::TooLong {
        bytes: 5 * MAX_RECORD,
    };
    let offset = bytes.len() as u64;
    assert_eq!(
        report.tail,
        Tail::Broken {
            line: 6,
            offset,
            why
        }
    );
}

#[test]
fn a_higher_floors_findings_join_the_verdict() {
    let (world, id, _) = three_notes();
    let mut verdict = world.verify(&id);
    verdict.add([runbook::journal::Finding {
        run: Some(id.clone()),
        seq: Some(3),
        flaw: Flaw::Illegal("a result without a start".into()),
    }]);
    assert_eq!(verdict.code().number(), 20);
    let json = serde_json::to_string(&verdict.findings).unwrap();
    assert_eq!(
        json,
        format!(
            r#"[{{"code":20,"run":"{id}","seq":3,"flaw":"illegal","message":"a result without a start"}}]"#
        )
    );
}

#[test]
fn an_event_too_large_for_a_record_is_refused_and_leaves_the_batch_as_it_was() {
    let world = World::new();
    let id = run_id(1);
    let mut writer = world.open_run(&id);
    let text = "x".repeat(MAX_RECORD);
    assert!(writer.append(event(Happened::NoteAdded { text })).is_err());
    assert!(!writer.is_poisoned());
    world.close(&mut writer);
    assert_eq!(world.verify(&id).code(), Code::Proven);
}
