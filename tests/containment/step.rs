//! One step: a script that is started, and ended as soon as it says that it is ready.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use runbook::call::{Containment, Environment, Finished, Job, Processes};
use runbook::model::Effect;
use runbook::model::call::{Cancel, Command, Process, Purpose, Request, Sink, Stream, Work};
use runbook::model::ids::{Attempt, IdempotencyKey, RunId, StepKey};
use rustix::process::{Pid, Signal, kill_process};

/// How long processes have between TERM and KILL in these tests.
pub const GRACE: Duration = Duration::from_millis(200);

/// Both ways to keep a step's processes together.
pub fn ways() -> Vec<Processes> {
    [Containment::WithoutCgroup, Containment::Best]
        .into_iter()
        .map(processes)
        .collect()
}

pub fn processes(containment: Containment) -> Processes {
    let base: Environment = [("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())].into();
    Processes {
        drain: Duration::from_millis(50),
        containment,
        ..Processes::new(base, "/tmp".into())
    }
}

/// Whether a step of these has a cgroup of its own. It says so where this machine has none to give.
pub fn in_a_cgroup(processes: &Processes) -> bool {
    let done = run(processes, "cat /proc/self/cgroup").0;
    let has = String::from_utf8_lossy(&done.stdout.bytes).contains("/runbook-");
    if !has && processes.containment == Containment::Best {
        eprintln!("left out: this machine has no cgroup that could be divided");
    }
    has
}

/// Asks for the end as soon as the step says that it is ready.
pub struct Impatient {
    stop: AtomicBool,
    since: Mutex<Instant>,
}

impl Impatient {
    pub fn new() -> Self {
        Self {
            stop: AtomicBool::new(false),
            since: Mutex::new(Instant::now()),
        }
    }

    pub fn stop(&self) {
        if !self.stop.swap(true, Ordering::SeqCst) {
            *self.since.lock().unwrap() = Instant::now();
        }
    }
}

impl Sink for Impatient {
    fn line(&self, _: Stream, line: &[u8]) {
        if line == b"ready" {
            self.stop();
        }
    }
}

impl Cancel for Impatient {
    fn is_cancelled(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

fn request() -> Request {
    // Its own for each, as in production: it is what tells whose a process is.
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let number = RUNS.fetch_add(1, Ordering::Relaxed);
    let now = "2026-11-20T19:53:59Z".parse().unwrap();
    let suffix = [15, 10, 5, 0].map(|bits| (number >> bits & 31) as u8);
    Request {
        run: RunId::new(&"demo".parse().unwrap(), now, suffix),
        environment: "staging".parse().unwrap(),
        step: StepKey::from_text(&format!("step-{}", std::process::id())),
        attempt: Attempt::FIRST,
        key: IdempotencyKey("key".into()),
        purpose: Purpose::Act,
        work: Work::Process(Process {
            command: Command::Argv(Vec::new()),
            env: [].into(),
            dir: None,
        }),
        effect: Effect::Change,
        timeout: runbook::model::Duration::from_secs(60),
        grace: runbook::model::Duration::from_std(GRACE),
        now,
    }
}

/// How much later than it asked for a thread of this process has had its turn, in all. A machine
/// that is busy with other things is late with everything, and that is not the step's time.
fn late() -> Duration {
    static LATE: OnceLock<AtomicU64> = OnceLock::new();
    const BEAT: Duration = Duration::from_millis(5);
    let late = LATE.get_or_init(|| {
        std::thread::spawn(|| {
            loop {
                let asleep = Instant::now();
                std::thread::sleep(BEAT);
                let over = asleep.elapsed().saturating_sub(BEAT).as_micros();
                let over = u64::try_from(over).unwrap();
                LATE.wait().fetch_add(over, Ordering::Relaxed);
            }
        });
        AtomicU64::new(0)
    });
    Duration::from_micros(late.load(Ordering::Relaxed))
}

/// Runs a script; what came of it, and how long it took from the request to end, or else in all.
pub fn run(processes: &Processes, script: &str) -> (Finished, Duration) {
    let ear = Impatient::new();
    let before = late();
    let done = run_for(processes, script, &ear);
    let took = ear.since.lock().unwrap().elapsed();
    (done, took.saturating_sub(late() - before))
}

pub fn run_for(processes: &Processes, script: &str, ear: &Impatient) -> Finished {
    let job = Job {
        argv: ["sh", "-c", script].map(str::to_owned).into(),
        ..Job::default()
    };
    processes.run(&job, &request(), ear, ear).unwrap()
}

/// A number that stands in the words of all processes of one step, whatever else they clear.
pub fn marker() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("9{}{number:05}", std::process::id())
}

/// The living processes that have the marker in their words.
pub fn survivors(marker: &str) -> Vec<i32> {
    let has = |path: &Path| {
        let words = std::fs::read(path.join("cmdline")).unwrap_or_default();
        words.windows(marker.len()).any(|w| w == marker.as_bytes())
    };
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| has(&entry.path()))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| lives(*pid))
        .collect()
}

/// Ends them, and whom they start meanwhile.
pub fn end(marker: &str) {
    loop {
        let left = survivors(marker);
        if left.is_empty() {
            break;
        }
        for pid in left {
            let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
        }
    }
}

/// The pids that notes name as `pid N (…)`.
pub fn named(notes: &[String]) -> Vec<i32> {
    notes
        .iter()
        .flat_map(|note| note.split("pid ").skip(1))
        .filter_map(|rest| rest.split(' ').next()?.parse().ok())
        .collect()
}

/// Whether a process lives: neither gone nor a zombie.
pub fn lives(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().starts_with(" Z"))
}
