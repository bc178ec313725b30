//! What a process costs through `call`, against the standard library's bare spawn and wait.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a bench that cannot be run says so by failing"
)]

use std::process::Command;

use divan::Bencher;
use runbook::call::{Containment, Environment, Job, Processes};
use runbook::model::Duration;
use runbook::model::call::{Cancel, Purpose, Request, Sink, Stream, Work};
use runbook::model::ids::{Attempt, IdempotencyKey, StepKey};

/// How many processes a chain has.
const CHAIN: usize = 1_000;

struct Nobody;

impl Sink for Nobody {
    fn line(&self, _: Stream, _: &[u8]) {}
}

impl Cancel for Nobody {
    fn is_cancelled(&self) -> bool {
        false
    }
}

fn request() -> Request {
    Request {
        run: "bench-20261120T195359Z-abcd".parse().expect("a run's id"),
        environment: "sandbox".parse().expect("an environment"),
        step: StepKey::from_text("step"),
        attempt: Attempt::FIRST,
        key: IdempotencyKey("key".into()),
        purpose: Purpose::Act,
        work: Work::Process(runbook::model::call::Process {
            command: runbook::model::call::Command::Argv(Vec::new()),
            env: [].into(),
            dir: None,
        }),
        effect: runbook::model::Effect::Read,
        timeout: Duration::from_secs(60),
        grace: Duration::from_secs(10),
        now: jiff::Timestamp::UNIX_EPOCH,
    }
}

fn run(argv: &[&str]) {
    run_in(argv, Containment::Best);
}

fn run_in(argv: &[&str], containment: Containment) {
    let base: Environment = [("PATH".into(), "/usr/bin:/bin".into())].into();
    let processes = Processes {
        containment,
        ..Processes::new(base, "/tmp".into())
    };
    let job = Job {
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        ..Job::default()
    };
    let done = processes
        .run(&job, &request(), &Nobody, &Nobody)
        .expect("it starts");
    assert_eq!(done.end, runbook::call::End::Exited(0));
}

fn bare(argv: &[&str]) {
    let status = Command::new(argv[0]).args(&argv[1..]).status();
    assert!(status.expect("it starts").success());
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn chain_std(bencher: Bencher) {
    bencher.bench(|| (0..CHAIN).for_each(|_| bare(&["/bin/true"])));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn chain_ours(bencher: Bencher) {
    bencher.bench(|| (0..CHAIN).for_each(|_| run(&["/bin/true"])));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn chain_ours_without_cgroups(bencher: Bencher) {
    bencher.bench(|| (0..CHAIN).for_each(|_| run_in(&["/bin/true"], Containment::WithoutCgroup)));
}

/// One after a pause: the kernel waits for all its processors before it moves a process into
/// another cgroup, unless it has just done so.
#[divan::bench(sample_count = 30, sample_size = 1, args = [Containment::WithoutCgroup, Containment::Best])]
fn one_after_a_pause(bencher: Bencher, containment: Containment) {
    bencher
        .with_inputs(|| std::thread::sleep(std::time::Duration::from_millis(100)))
        .bench_values(|()| run_in(&["/bin/true"], containment));
}

/// The same with our resident memory as large as a long run's.
#[divan::bench(sample_count = 3, sample_size = 1, args = [0, 64, 256])]
fn chain_of_100_ours_at_resident_mib(bencher: Bencher, mib: usize) {
    let ballast = vec![1u8; mib << 20];
    bencher.bench(|| (0..100).for_each(|_| run(&["/bin/true"])));
    divan::black_box(ballast);
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn captured_200_mib() {
    run(&["head", "-c", "209715200", "/dev/zero"]);
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn captured_20_million_lines() {
    run(&["sh", "-c", "yes | head -n 20000000"]);
}

fn main() {
    divan::main();
}
