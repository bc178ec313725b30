//! A request, an environment, and somebody who listens and can say stop.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use crate::call::{Containment, Environment, Finished, Job, Processes};
use crate::model::call::{
    Adapter, Cancel, Command, Ended, Failure, Process, Purpose, Request, Sink, Stream, ToolCall,
    Work,
};
use crate::model::ids::{Attempt, IdempotencyKey, RunId, StepKey};
use crate::model::{Digest, Duration, Effect, Map};

/// A change that may take a minute.
pub fn request(work: Work) -> Request {
    // Its own for each, as in production: it is what tells whose a stray process is.
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let number = RUNS.fetch_add(1, Ordering::Relaxed);
    let now = "2026-11-20T19:53:59Z".parse().unwrap();
    let suffix = [15, 10, 5, 0].map(|bits| (number >> bits & 31) as u8);
    Request {
        run: RunId::new(&"demo".parse().unwrap(), now, suffix),
        environment: "staging".parse().unwrap(),
        step: StepKey::from_text(&format!("wave[0]/{}", std::process::id())),
        attempt: Attempt(2),
        key: IdempotencyKey("key-1".into()),
        purpose: Purpose::Act,
        work,
        effect: Effect::Change,
        timeout: Duration::from_secs(60),
        grace: Duration::from_secs(10),
        now,
    }
}

pub fn process(command: Command) -> Work {
    Work::Process(Process {
        command,
        env: [].into(),
        dir: None,
    })
}

pub fn argv(words: &[&str]) -> Work {
    process(Command::Argv(strings(words)))
}

pub fn call(action: &str, words: &[&str], args: Map) -> Work {
    Work::Call(ToolCall {
        tool: "DEPLOY_TOOL".parse().unwrap(),
        action: action.parse().unwrap(),
        args,
        words: strings(words),
        binding: Digest::of(b"binding"),
    })
}

pub fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub fn base_env() -> Environment {
    let pairs = [
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("HOME", "/root"),
        ("LC_ALL", "C.UTF-8"),
        ("LD_PRELOAD", "/evil.so"),
        ("GIT_SSH_COMMAND", "evil"),
        ("BASH_ENV", "/evil.sh"),
        ("ENV", "/evil.sh"),
        ("AWS_PROFILE", "prod"),
        ("AWKWARD", "x"),
        ("https_proxy", "http://proxy:3128"),
    ];
    pairs
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

pub fn processes() -> Processes {
    Processes {
        drain: std::time::Duration::from_millis(50),
        ..Processes::new(base_env(), PathBuf::from("/tmp"))
    }
}

pub fn job(words: &[&str]) -> Job {
    Job {
        argv: strings(words),
        ..Job::default()
    }
}

/// Runs a script under sh with the request as it is.
pub fn sh(script: &str, request: &Request, ear: &Ear) -> Finished {
    run(&processes(), &["sh", "-c", script], request, ear).unwrap()
}

/// The same where no cgroup can be had.
pub fn run_without_cgroup(script: &str, request: &Request, ear: &Ear) -> Finished {
    run(&uncontained(), &["sh", "-c", script], request, ear).unwrap()
}

pub fn uncontained() -> Processes {
    Processes {
        containment: Containment::WithoutCgroup,
        ..processes()
    }
}

pub fn run(
    processes: &Processes,
    words: &[&str],
    request: &Request,
    ear: &Ear,
) -> Result<Finished, Failure> {
    processes.run(&job(words), request, ear, ear)
}

/// How a request ended, and what was noted.
pub fn answer(adapter: &dyn Adapter, work: Work) -> (Ended, Vec<String>) {
    let ear = Ear::default();
    let reply = adapter.call(&request(work), &ear, &ear);
    (reply.ended, reply.notes)
}

pub fn succeeded(adapter: &dyn Adapter, work: Work) -> serde_json::Value {
    match answer(adapter, work) {
        (Ended::Succeeded(value), _) => value.to_plain(),
        other => panic!("{other:?}"),
    }
}

pub fn failed(adapter: &dyn Adapter, work: Work) -> (Failure, Option<serde_json::Value>) {
    match answer(adapter, work) {
        (Ended::Failed(failure, output), _) => (failure, output.map(|o| o.to_plain())),
        other => panic!("{other:?}"),
    }
}

/// Hears every line, and asks for the end as soon as it hears a certain one.
#[derive(Default)]
pub struct Ear {
    lines: Mutex<Vec<(Stream, Vec<u8>)>>,
    stop_at: Option<&'static str>,
    stop: AtomicBool,
}

impl Ear {
    pub fn stopping_at(line: &'static str) -> Self {
        Self {
            stop_at: Some(line),
            ..Self::default()
        }
    }

    pub fn stopped() -> Self {
        Self {
            stop: AtomicBool::new(true),
            ..Self::default()
        }
    }

    pub fn lines(&self, stream: Stream) -> Vec<Vec<u8>> {
        let lines = self.lines.lock().unwrap();
        let of = lines.iter().filter(|(s, _)| *s == stream);
        of.map(|(_, line)| line.clone()).collect()
    }
}

impl Sink for Ear {
    fn line(&self, stream: Stream, line: &[u8]) {
        self.lines.lock().unwrap().push((stream, line.to_vec()));
        if self.stop_at.is_some_and(|text| text.as_bytes() == line) {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

impl Cancel for Ear {
    fn is_cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// The pids that a note names as `pid N (…)`.
pub fn pids(note: &str) -> Vec<i32> {
    note.split("pid ")
        .skip(1)
        .filter_map(|rest| rest.split(' ').next()?.parse().ok())
        .collect()
}

/// Ends what a test left running on purpose.
pub fn kill_named(notes: &[String]) {
    for pid in notes.iter().flat_map(|note| pids(note)) {
        let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
    }
}

/// Whether a process lives: neither gone nor a zombie.
pub fn lives(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().starts_with(" Z"))
}
