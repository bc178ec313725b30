//! What a durable record costs, against the same bytes written and synced without a journal.
//!
//! On the disk of the working directory's `target`, never on tmpfs: `TMPDIR` may be one.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a bench that cannot be run says so by failing"
)]

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use divan::Bencher;
use runbook::journal::{Holder, KernelStamps, Place, Stamps, Store, Writer, decode, encode};
use runbook::model::ids::RunId;
use runbook::model::people::Actor;
use runbook::model::{Event, Happened};
use tempfile::TempDir;

fn main() {
    divan::main();
}

const BATCHES: [usize; 3] = [1, 2, 100];

fn dir() -> TempDir {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tempfile::tempdir_in(target).unwrap()
}

fn event() -> Event {
    Event {
        at: "2026-11-20T19:53:59Z".parse().unwrap(),
        step: None,
        attempt: None,
        actor: Actor::Engine,
        what: Happened::NoteAdded {
            text: "x".repeat(60),
        },
    }
}

fn id() -> RunId {
    "bench-20261120T195359Z-aaaa".parse().unwrap()
}

fn stamps() -> Arc<dyn Stamps> {
    Arc::new(KernelStamps::new().unwrap())
}

fn line() -> Vec<u8> {
    encode(&Place::first(id()), &stamps().stamp(), &event())
        .unwrap()
        .0
}

fn writer(dir: &Path) -> Writer {
    let store = Store::open(&dir.join("state")).unwrap();
    let holder = Holder::this_process(event().at);
    let mut writer = store.create_run(&id(), stamps(), &holder).unwrap();
    writer.append(event()).unwrap();
    writer.commit().unwrap();
    writer
}

#[divan::bench(args = BATCHES, sample_count = 300, sample_size = 1)]
fn journal_append_and_commit(bencher: Bencher<'_, '_>, records: usize) {
    let dir = dir();
    let mut writer = writer(dir.path());
    let event = event();
    bencher.bench_local(|| {
        for _ in 0..records {
            writer.append(event.clone()).unwrap();
        }
        writer.commit().unwrap()
    });
}

fn file(path: PathBuf) -> File {
    OpenOptions::new()
        .create_new(true)
        .append(true)
        .open(path)
        .unwrap()
}

#[divan::bench(args = BATCHES, sample_count = 300, sample_size = 1)]
fn floor_write_and_fdatasync(bencher: Bencher<'_, '_>, records: usize) {
    let dir = dir();
    let mut file = file(dir.path().join("file"));
    let bytes = line().repeat(records);
    bencher.bench_local(|| {
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
    });
}

#[divan::bench(args = BATCHES, sample_count = 300, sample_size = 1)]
fn floor_into_zeroes_written_ahead(bencher: Bencher<'_, '_>, records: usize) {
    let dir = dir();
    let path = dir.path().join("file");
    file(path.clone())
        .write_all(&vec![0; 16 * 1024 * 1024])
        .unwrap();
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.sync_all().unwrap();
    let bytes = line().repeat(records);
    let mut at = 0;
    bencher.bench_local(|| {
        file.write_all_at(&bytes, at).unwrap();
        file.sync_data().unwrap();
        at += bytes.len() as u64;
    });
}

#[divan::bench]
fn encode_a_record(bencher: Bencher<'_, '_>) {
    let (place, stamp, event) = (Place::first(id()), stamps().stamp(), event());
    bencher.bench_local(|| encode(&place, &stamp, &event).unwrap());
}

#[divan::bench]
fn decode_a_record(bencher: Bencher<'_, '_>) {
    let (place, line) = (Place::first(id()), line());
    bencher.bench_local(|| decode::<Event>(line.trim_ascii_end(), &place).unwrap());
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn read_ten_thousand_records(bencher: Bencher<'_, '_>) {
    let dir = dir();
    let mut writer = writer(dir.path());
    for _ in 0..10_000 {
        writer.append(event()).unwrap();
    }
    writer.commit().unwrap();
    bencher.bench_local(|| writer.run().read().unwrap());
}

#[divan::bench(sample_count = 100, sample_size = 1)]
fn open_a_run_to_its_first_record(bencher: Bencher<'_, '_>) {
    bencher
        .with_inputs(dir)
        .bench_local_refs(|dir| writer(dir.path()));
}
