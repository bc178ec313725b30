//! What a durable run costs against its floor, and two more figures that a person at a terminal
//! feels: how long the program takes to start, and to check a very large runbook.
//!
//! All of it is measured in one run and told as ratios to what the same machine does at the same
//! time: seconds alone say more about the machine than about the program. Fails where a limit is
//! broken. On the disk of `target`, never on tmpfs: there a sync costs nothing.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench says what it measured, and fails where it cannot be run"
)]

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// The program, built as this bench is.
const RUNBOOK: &str = env!("CARGO_BIN_EXE_runbook");
/// What does nothing.
const NOTHING: &str = "/bin/true";

/// How many steps the chain has, and how many processes and syncs its floor.
const CHAIN: usize = 1_000;
/// What the floor writes for each step, in bytes. The start and the result of a step are about 900 in
/// the journal, so the floor has it a little easier.
const STEP: usize = 600;
/// How many rounds count, in which the chain and its floor are measured in turns: the quickest ones.
/// Other work on the machine only ever adds to what is measured.
const ROUNDS: usize = 3;
/// How many rounds there are at most, where those that count do not agree.
const MOST_ROUNDS: usize = 9;
/// The chain takes at most so many times as long as its floor.
const MOST_FLOORS: f64 = 2.0;

/// How often the program is started to say its version.
const STARTS: usize = 20;

/// How many steps are checked.
const LARGE: usize = 10_000;
/// The check takes at most so long.
const MOST_SECONDS: f64 = 0.5;
/// The check takes at most so much memory, in MiB.
const MOST_MIB: u64 = 150;

fn main() -> ExitCode {
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let here = place.path();
    write(
        here,
        "runbook.yaml",
        "default_environment: bench\nenvironments:\n  bench:\n    policy: { unattended: allow, \
         gates: { change: none, destructive: none } }\n",
    );
    write(here, "chain.yaml", &chain());
    write(here, "large.yaml", &large());

    let mut held = run_a_chain(here);
    start();
    held &= check_a_large_file(here);
    if cfg!(debug_assertions) {
        println!("not a release build: no limit is held");
        return ExitCode::SUCCESS;
    }
    ExitCode::from(u8::from(!held))
}

/// A chain of steps that each change something, one after another.
fn chain() -> String {
    let mut text = "name: chain\ntitle: A chain\nsteps:\n".to_owned();
    for step in 0..CHAIN {
        let _ = writeln!(
            text,
            "  - {{ id: s{step}, run: [{NOTHING}], effect: change }}"
        );
    }
    text
}

/// So many steps: blocks of nine calls, each looking at what the one before it said.
fn large() -> String {
    let mut text =
        "name: large\ntitle: Large\nparams: { service: { default: api } }\nsteps:\n".to_owned();
    let mut before: Option<String> = None;
    for block in 0..LARGE / 10 {
        let _ = writeln!(text, "- id: b{block}\n  steps:");
        for step in 0..9 {
            let id = format!("s{block}_{step}");
            let _ = writeln!(
                text,
                "  - id: {id}\n    title: Look at {{{{ params.service }}}}\n    \
                 call: $ORCHESTRATOR status {{{{ params.service }}}}\n    expect: output.ready > 0"
            );
            if let Some(before) = before.replace(id) {
                let _ = writeln!(text, "    if: steps.{before}.output.ready > 0");
            }
        }
    }
    text
}

fn write(here: &Path, name: &str, text: &str) {
    std::fs::write(here.join(name), text).unwrap();
}

/// The program in a folder, which is all that it sees.
fn runbook(here: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(RUNBOOK);
    command
        .args(args)
        .current_dir(here)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", here)
        .env("RUNBOOK_STATE_DIR", here.join("state"))
        .stdin(Stdio::null());
    command
}

/// Runs it to its end, which must be a good one.
fn well(command: &mut Command) -> Duration {
    let before = Instant::now();
    let output = command.output().unwrap();
    let took = before.elapsed();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    took
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

/// Whether the chain stays within its limit.
fn run_a_chain(here: &Path) -> bool {
    let (mut chains, mut floors) = (Vec::new(), Vec::new());
    while chains.len() < ROUNDS
        || (chains.len() < MOST_ROUNDS && !(agree(&chains) && agree(&floors)))
    {
        let round = chains.len() + 1;
        let state = here.join(format!("state-{round}"));
        let chain = well(
            runbook(here, &["run", "./chain.yaml", "-q", "--yes"]).env("RUNBOOK_STATE_DIR", &state),
        );
        assert_eq!(finished(&state), CHAIN, "not all steps were done");
        let floor = floor(&here.join(format!("floor-{round}")));
        println!("  round {round}: chain {chain:.3?}, floor {floor:.3?}");
        chains.push(chain);
        floors.push(floor);
    }
    if !(agree(&chains) && agree(&floors)) {
        println!("  the rounds do not agree: other work disturbs this, so measure again");
    }
    let (chain, floor) = (median(quickest(&chains)), median(quickest(&floors)));
    let ratio = chain / floor;
    println!(
        "chain of 1,000: {chain:.3} s, floor {floor:.3} s, ratio {ratio:.2} (limit {MOST_FLOORS})"
    );
    ratio <= MOST_FLOORS
}

/// The rounds that count.
fn quickest(times: &[Duration]) -> Vec<Duration> {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.truncate(ROUNDS);
    times
}

/// Whether the rounds that count are within a quarter of each other.
fn agree(times: &[Duration]) -> bool {
    let times = quickest(times);
    let (least, most) = (times.iter().min(), times.iter().max());
    least.zip(most).is_none_or(|(l, m)| *m <= *l * 5 / 4)
}

/// How many results stand in the journal of a state directory's only run.
fn finished(state: &Path) -> usize {
    let run = std::fs::read_dir(state.join("runs"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let journal = std::fs::read_to_string(run.path().join("journal.jsonl")).unwrap();
    journal
        .lines()
        .filter(|line| line.contains(r#""kind":"step_finished""#))
        .count()
}

/// What cannot be saved: as many processes, and as many durable writes of the same bytes.
fn floor(file: &Path) -> Duration {
    let bytes = [b'x'; STEP];
    let mut file: File = OpenOptions::new()
        .append(true)
        .create_new(true)
        .open(file)
        .unwrap();
    let before = Instant::now();
    for _ in 0..CHAIN {
        assert!(Command::new(NOTHING).status().unwrap().success());
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
    }
    before.elapsed()
}

/// Says how long the program takes to start, against a program that does nothing.
fn start() {
    let (mut ours, mut nothing) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        ours.push(well(Command::new(RUNBOOK).arg("--version")));
        nothing.push(well(&mut Command::new(NOTHING)));
    }
    let (ours, nothing) = (median(ours) * 1e3, median(nothing) * 1e3);
    println!(
        "runbook --version: {ours:.2} ms, {NOTHING} {nothing:.2} ms, ratio {:.2}",
        ours / nothing
    );
}

/// Whether a very large runbook is checked in time, and in little memory.
fn check_a_large_file(here: &Path) -> bool {
    let args = ["check", "./large.yaml"];
    let seconds = median(
        (0..ROUNDS)
            .map(|_| well(&mut runbook(here, &args)))
            .collect(),
    );
    let seen = peak(runbook(here, &args).stdout(Stdio::null()).spawn().unwrap());
    // What was seen last may miss the last milliseconds; that it can do with so much is proven by
    // giving it no more. Addresses count here, of which there are more than memory behind them.
    let limited = format!("ulimit -v {}; exec \"$0\" \"$@\"", MOST_MIB * 1024);
    let little = runbook(here, &[])
        .get_envs()
        .fold(Command::new("/bin/sh"), |mut sh, (name, value)| {
            sh.env(name, value.unwrap_or_default());
            sh
        })
        .args(["-c", &limited, RUNBOOK])
        .args(args)
        .current_dir(here)
        .stdout(Stdio::null())
        .status()
        .unwrap()
        .success();
    println!(
        "check of {LARGE} steps: {seconds:.3} s (limit {MOST_SECONDS}), {seen} MiB seen, within \
         {MOST_MIB} MiB of addresses: {}",
        if little { "yes" } else { "no" }
    );
    seconds <= MOST_SECONDS && little
}

/// The most memory that a process was seen to have had, in MiB, until it ended.
fn peak(mut child: Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let kib = text
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok());
        most = most.max(kib.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(child.wait().unwrap().success());
    most / 1024
}
