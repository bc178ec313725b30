//! A call to the simulated production: a file that is locked, let act, and replaced.
//!
//! The world stands for a system outside the run, so it keeps a file of its own, and nothing of the
//! journal's care: it is not synced to the disk. What counts is that it has acted *before* the reply
//! is given, so that a crash between the two leaves the doubt that it would leave anywhere else.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{Mode, OFlags};

use crate::model::call::{Ended, Failure, FailureKind, Reply, Request, Work};
use crate::model::{Duration, Timestamp};
use crate::sandbox::{Act, Outcome, Scenario, World};

/// A look that is this far on is stored as well, so that the time until the next act is not lived
/// through again and again.
const FAR: Duration = Duration::from_secs(300);

/// One simulated production in a file. What is bound to the same world shares one of these.
#[derive(Debug)]
pub struct Simulation {
    path: PathBuf,
    /// The process kills itself after this many acts are stored, and before the last is answered.
    #[cfg(debug_assertions)]
    crash_after: Option<u32>,
    #[cfg(debug_assertions)]
    acts: AtomicU32,
}

impl Simulation {
    /// The world in this file: `worlds/<id>.json`. Beside it stands `worlds/<id>.lock`.
    pub fn open(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            #[cfg(debug_assertions)]
            crash_after: None,
            #[cfg(debug_assertions)]
            acts: AtomicU32::new(0),
        }
    }

    /// The same, ending with the process's sudden death in the middle of its n-th act: after the
    /// world has changed, before anybody is told. For tests of what follows.
    #[cfg(debug_assertions)]
    #[must_use]
    pub fn crashing(mut self, after: Option<u32>) -> Self {
        self.crash_after = after;
        self
    }

    /// Begins a world in a new file.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::AlreadyExists`] where there is a file already, or a link.
    pub fn create(
        path: impl Into<PathBuf>,
        scenario: &Scenario,
        seed: u64,
        now: Timestamp,
    ) -> io::Result<Self> {
        let simulation = Self::open(path);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(simulation.directory())?;
        let _held = simulation.lock()?;
        let world = World::begin(scenario, seed, now);
        let file = simulation.written(&world)?;
        file.persist_noclobber(&simulation.path)
            .map_err(|error| error.error)?;
        Ok(simulation)
    }

    /// Asks the world for something, and answers when it has done it.
    pub fn answer(&self, operation: &str, idempotent: bool, request: &Request) -> Reply {
        let Work::Call(call) = &request.work else {
            return not_started("a process is not for the simulated production");
        };
        let act = Act {
            operation,
            args: &call.args,
            key: &request.key,
            idempotent,
            acts: request.effect.acts(),
            now: request.now,
        };
        match self.carry_out(&act) {
            Ok(reply) => reply,
            Err(error) => not_started(format!(
                "the simulated production in {} cannot be used: {error}",
                self.path.display()
            )),
        }
    }

    /// Reads the world as it is, for reports and tests.
    pub fn world(&self) -> io::Result<World> {
        let _held = self.lock()?;
        self.read()
    }

    fn carry_out(&self, act: &Act<'_>) -> io::Result<Reply> {
        let _held = self.lock()?;
        let mut world = self.read()?;
        let before = world.now();
        let effects = world.log().len();
        let answer = world.act(act);
        let acted = world.log().len() > effects;
        if acted || Duration::between(before, world.now()) >= FAR {
            let file = self.written(&world)?;
            file.persist(&self.path).map_err(|error| error.error)?;
        }
        #[cfg(debug_assertions)]
        if acted {
            self.maybe_crash();
        }
        let ended = match answer.outcome {
            Outcome::Output(output) => Ended::Succeeded(output),
            Outcome::Failed(message) => {
                Ended::Failed(Failure::new(FailureKind::Answer, message), None)
            }
            Outcome::Refused(message) => {
                Ended::Failed(Failure::new(FailureKind::Refused, message), None)
            }
        };
        let mut reply = Reply::of(ended);
        reply.took = Some(answer.took);
        Ok(reply)
    }

    fn directory(&self) -> &Path {
        match self.path.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => directory,
            _ => Path::new("."),
        }
    }

    /// Waits until nobody else lets this world act. The lock ends with the file, or the process.
    fn lock(&self) -> io::Result<File> {
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let path = self.path.with_extension("lock");
        let file = File::from(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?);
        self.share(&file);
        file.lock()?;
        Ok(file)
    }

    /// Where a group shares the directory, its members share what is in it. Of a file that another
    /// member made, this was done already.
    fn share(&self, file: &File) {
        const SHARED: u32 = 0o2770;
        let mode = std::fs::metadata(self.directory()).map(|directory| directory.mode() & 0o7777);
        if mode.is_ok_and(|mode| mode == SHARED) {
            let _ = rustix::fs::fchmod(file, Mode::from_raw_mode(0o660));
        }
    }

    fn read(&self) -> io::Result<World> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut text = String::new();
        File::from(rustix::fs::open(&self.path, flags, Mode::empty())?)
            .read_to_string(&mut text)?;
        let world: World = serde_json::from_str(&text)?;
        if world.is_current() {
            Ok(world)
        } else {
            Err(io::Error::other("it was made by another version"))
        }
    }

    /// The world in a file beside the old one, so that the old one can be replaced at once.
    fn written(&self, world: &World) -> io::Result<tempfile::NamedTempFile> {
        let mut file = tempfile::NamedTempFile::new_in(self.directory())?;
        file.write_all(&serde_json::to_vec(world)?)?;
        file.flush()?;
        self.share(file.as_file());
        Ok(file)
    }

    #[cfg(debug_assertions)]
    fn maybe_crash(&self) {
        let acts = self.acts.fetch_add(1, Ordering::Relaxed) + 1;
        if self.crash_after == Some(acts) {
            // SIGKILL cannot be caught: nothing is cleaned up, as in a power cut. Where even that
            // fails, the caller's test will say so.
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
                .ok();
        }
    }
}

fn not_started(message: impl Into<String>) -> Reply {
    Reply::of(Ended::Failed(
        Failure::new(FailureKind::NotStarted, message),
        None,
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::call::{Purpose, ToolCall};
    use crate::model::ids::{Attempt, IdempotencyKey, RunId, StepKey};
    use crate::model::{Digest, Effect, Map, Value};

    fn now() -> Timestamp {
        "2026-11-20T19:53:59Z".parse().unwrap()
    }

    fn request(effect: Effect, args: &serde_json::Value) -> Request {
        let args = match Value::from_plain(args) {
            Value::Map(map) => map,
            _ => Map::new(),
        };
        Request {
            run: RunId::new(&"db-failover".parse().unwrap(), now(), [0, 1, 2, 3]),
            environment: "sandbox".parse().unwrap(),
            step: StepKey::from_text("failover"),
            attempt: Attempt(1),
            key: IdempotencyKey("k1".to_owned()),
            purpose: Purpose::Act,
            work: Work::Call(ToolCall {
                tool: "DATABASE_TOOL".parse().unwrap(),
                action: "failover".parse().unwrap(),
                args,
                words: Vec::new(),
                binding: Digest::of(b"sandbox"),
            }),
            effect,
            timeout: Duration::from_secs(60),
            grace: Duration::from_secs(5),
            now: now(),
        }
    }

    fn simulation(directory: &Path) -> Simulation {
        let text = include_str!("../../adapters/sandbox/scenarios/db-primary-down.yaml");
        let scenario = Scenario::read(text).unwrap();
        let path = directory.join("worlds").join("w1.json");
        Simulation::create(path, &scenario, 1, now()).unwrap()
    }

    fn failure(reply: Reply) -> Failure {
        match reply.ended {
            Ended::Failed(failure, _) => failure,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_done_is_there_for_the_next_who_asks() {
        let directory = tempfile::tempdir().unwrap();
        let simulation = simulation(directory.path());
        let reply = simulation.answer(
            "database.failover",
            false,
            &request(Effect::Destructive, &json!({ "to_replica": "db-2" })),
        );
        assert!(reply.took >= Some(Duration::from_secs(4)), "{reply:?}");
        let other = Simulation::open(directory.path().join("worlds/w1.json"));
        let reply = other.answer(
            "database.replica_status",
            false,
            &request(Effect::Read, &json!({})),
        );
        let Ended::Succeeded(output) = reply.ended else {
            panic!("{reply:?}");
        };
        assert_eq!(output.get("primary"), Some(&Value::from("db-2")));
        assert_eq!(other.world().unwrap().log().len(), 1);
    }

    #[test]
    fn a_look_leaves_the_file_alone() {
        let directory = tempfile::tempdir().unwrap();
        let simulation = simulation(directory.path());
        let before = std::fs::read(&simulation.path).unwrap();
        let look = request(Effect::Read, &json!({}));
        simulation.answer("metrics.errors", false, &look);
        assert_eq!(std::fs::read(&simulation.path).unwrap(), before);
    }

    #[test]
    fn what_cannot_be_read_is_said_and_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let simulation = simulation(directory.path());
        std::fs::write(&simulation.path, "{ half").unwrap();
        let look = request(Effect::Read, &json!({}));
        let failed = failure(simulation.answer("health.check", false, &look));
        assert_eq!(failed.kind, FailureKind::NotStarted);
        assert!(failed.message.contains("w1.json"), "{failed}");
        assert_eq!(std::fs::read(&simulation.path).unwrap(), b"{ half");
    }

    #[test]
    fn links_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let simulation = simulation(directory.path());
        let link = directory.path().join("worlds/w2.json");
        std::os::unix::fs::symlink(&simulation.path, &link).unwrap();
        let look = request(Effect::Read, &json!({}));
        let failed = failure(Simulation::open(&link).answer("health.check", false, &look));
        assert_eq!(failed.kind, FailureKind::NotStarted);
        let scenario = Scenario::read("title: A\ndescription: B\n").unwrap();
        let error = Simulation::create(&link, &scenario, 1, now()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    }

    fn post(simulation: &Simulation, key: &str) -> Reply {
        let args = json!({ "channel": "incidents", "text": "hello" });
        let mut request = request(Effect::Change, &args);
        request.key = IdempotencyKey(key.to_owned());
        simulation.answer("chat.post", false, &request)
    }

    #[test]
    fn those_who_ask_at_once_take_turns() {
        let directory = tempfile::tempdir().unwrap();
        let simulation = simulation(directory.path());
        std::thread::scope(|scope| {
            for worker in 0..4 {
                // Each opens the file for itself, as another process would.
                let own = Simulation::open(&simulation.path);
                scope.spawn(move || {
                    for nth in 0..5 {
                        post(&own, &format!("{worker}-{nth}"));
                    }
                });
            }
        });
        assert_eq!(simulation.world().unwrap().log().len(), 20);
    }

    #[cfg(debug_assertions)]
    const WORLD: &str = "RUNBOOK_TEST_WORLD";

    /// Not a test by itself: the process that the next one starts, and that does not survive.
    #[test]
    #[cfg(debug_assertions)]
    fn dies_in_its_second_act() {
        if let Some(path) = std::env::var_os(WORLD) {
            let simulation = Simulation::open(path).crashing(Some(2));
            post(&simulation, "first");
            post(&simulation, "second");
            post(&simulation, "third");
        }
    }

    #[test]
    #[cfg(debug_assertions)]
    fn after_a_crash_the_world_has_acted_though_nobody_was_told() {
        use std::os::unix::process::ExitStatusExt;

        let directory = tempfile::tempdir().unwrap();
        let simulation = simulation(directory.path());
        let ended = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "call::simulate::tests::dies_in_its_second_act"])
            .env(WORLD, &simulation.path)
            .output()
            .unwrap();
        assert_eq!(ended.status.signal(), Some(9), "{ended:?}");
        let world = simulation.world().unwrap();
        let keys: Vec<&str> = world.log().iter().map(|e| e.key.0.as_str()).collect();
        assert_eq!(keys, ["first", "second"]);
        // The lock died with its process.
        post(&simulation, "third");
    }

    #[test]
    fn a_refusal_and_a_failure_are_told_apart() {
        let directory = tempfile::tempdir().unwrap();
        let simulation = simulation(directory.path());
        let act = |operation, args| {
            failure(simulation.answer(operation, false, &request(Effect::Destructive, &args))).kind
        };
        assert_eq!(
            act("database.failover", json!({ "to_replica": "db-1" })),
            FailureKind::Refused
        );
        assert_eq!(act("database.restart", json!({})), FailureKind::Answer);
        assert_eq!(act("database.explode", json!({})), FailureKind::Refused);
    }
}
