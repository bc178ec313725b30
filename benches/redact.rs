//! What it costs to take secrets out of what a step prints: `cargo bench --bench redact`.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};

use runbook::call::{Environment, Processes, Redacting};
use runbook::model::SecretRef;

fn main() {
    divan::main();
}

/// What is read from a pipe at once.
const CHUNK: usize = 64 << 10;

const LINE: &[u8] =
    b"2026-11-20T19:53:59Z info replica r1 is 4s behind, sent 1048576 bytes, 99% of /var/lib\n";

/// Processes that know so many secrets of 40 letters each.
fn knowing(secrets: usize) -> Processes {
    let mut base = Environment::new();
    let mut references = std::collections::BTreeSet::new();
    for n in 0..secrets {
        let secret = format!("{:040x}", (n as u128 + 3).pow(20));
        base.insert(format!("S{n}").into(), secret.into());
        references.insert(SecretRef::Env(format!("S{n}")));
    }
    let processes = Processes::new(base, "/tmp".into());
    processes.learn(&references);
    processes
}

#[divan::bench(args = [1, 20, 100])]
fn stream(bencher: Bencher<'_, '_>, secrets: usize) {
    let chunk: Vec<u8> = LINE.iter().copied().cycle().take(CHUNK).collect();
    let mut stream = Redacting::new(knowing(secrets).secrets.redactor());
    let mut out = Vec::new();
    bencher.counter(BytesCount::new(CHUNK)).bench_local(|| {
        stream.push(black_box(&chunk), &mut out);
        out.clear();
    });
}

#[divan::bench(args = [20])]
fn line_by_line(bencher: Bencher<'_, '_>, secrets: usize) {
    let mut stream = Redacting::new(knowing(secrets).secrets.redactor());
    let mut out = Vec::new();
    bencher
        .counter(BytesCount::new(LINE.len()))
        .bench_local(|| {
            stream.push(black_box(LINE), &mut out);
            out.clear();
        });
}

#[divan::bench(args = [1, 20])]
fn learn(bencher: Bencher<'_, '_>, secrets: usize) {
    bencher.bench_local(|| knowing(black_box(secrets)));
}
