//! One process for one request: the common ground of all adapters that start one.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use super::capture::DEFAULT_CAP;
use super::cgroup::Cgroup;
use super::environ::{Environment, Mark, environment};
use super::find::{not_started, shown};
use super::group::{Finished, Limits, Ours, watch};
use super::secrets::Secrets;
use super::spawn::{Spawned, Start, spawn};
use crate::model::call::{Cancel, Failure, Request, Sink};
use crate::model::secret::EnvValue;

/// How long output is waited for after its process has ended.
const DRAIN: Duration = Duration::from_millis(500);

/// What keeps the processes of a step together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Containment {
    /// A cgroup of its own where that can be had, and all that is known of a process beside.
    #[default]
    Best,
    /// Only what is known of a process by itself.
    WithoutCgroup,
}

/// Where and with what all processes of a run are started.
#[derive(Clone)]
pub struct Processes {
    /// The environment that the allow-list picks from.
    pub base_env: Environment,
    /// The run's own directory, absolute: `RUNBOOK_WORK`, and where processes work by default.
    pub work_dir: PathBuf,
    /// How much of each stream of each step is kept, in bytes.
    pub cap: usize,
    /// How long output is waited for after its process has ended and somebody still holds it open.
    pub drain: Duration,
    /// What keeps a step's processes together.
    pub containment: Containment,
    /// The secrets that the run knows by now.
    pub secrets: Arc<Secrets>,
    /// The directory for the secrets that tools give out; none where they could not be kept.
    pub issued: Option<PathBuf>,
}

impl fmt::Debug for Processes {
    /// The environment may hold secrets, known or not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processes")
            .field("work_dir", &self.work_dir)
            .finish_non_exhaustive()
    }
}

/// What is started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// The program and its words.
    pub argv: Vec<String>,
    /// Added to its environment.
    pub env: IndexMap<String, EnvValue>,
    /// Variables that pass beside the allow-list, a `*` at the end for any rest: `AWS_*`.
    pub pass: Vec<String>,
    /// Its working directory; a relative one is below the run's own.
    pub dir: Option<PathBuf>,
}

impl Processes {
    /// Processes with the usual cap and drain.
    pub fn new(base_env: Environment, work_dir: PathBuf) -> Self {
        Self {
            base_env,
            work_dir,
            cap: DEFAULT_CAP,
            drain: DRAIN,
            containment: Containment::Best,
            secrets: Arc::default(),
            issued: None,
        }
    }

    /// Starts a process and blocks until it has ended, at the latest `timeout` and `grace` of the
    /// request (and a second for what cannot be killed) later.
    ///
    /// # Errors
    ///
    /// When nothing was started: the failure is `not_started` and says why.
    pub fn run(
        &self,
        job: &Job,
        request: &Request,
        sink: &dyn Sink,
        cancel: &dyn Cancel,
    ) -> Result<Finished, Failure> {
        if cancel.is_cancelled() {
            let program = job.argv.first().map(OsString::from).unwrap_or_default();
            return Err(not_started(format!(
                "cancelled before `{}` was started",
                shown(&program)
            )));
        }
        #[cfg(debug_assertions)]
        let sink = &super::panicking::Panicking::new(&self.base_env, sink);
        let dir = match &job.dir {
            Some(dir) => self.work_dir.join(dir),
            None => self.work_dir.clone(),
        };
        let mut env = IndexMap::new();
        for (name, value) in &job.env {
            let value = match value {
                EnvValue::Text(text) => OsString::from(text),
                EnvValue::Secret(reference) => self.secret(reference, request, cancel)?.variable(),
            };
            env.insert(name.clone(), value);
        }
        let start = Start {
            argv: job.argv.iter().map(OsString::from).collect(),
            env: environment(&self.base_env, &job.pass, &env, request, &self.work_dir),
            dir,
        };
        let limits = Limits {
            timeout: request.timeout.as_std(),
            grace: request.grace.as_std(),
            drain: self.drain,
            cap: self.cap,
        };
        let secrets = Some(&self.secrets);
        self.watched(&start, &limits, request, secrets, (sink, cancel))
    }

    /// Starts it, keeps what it starts together, and watches it to its end. Of what it prints,
    /// `secrets` are taken out.
    pub(super) fn watched(
        &self,
        start: &Start,
        limits: &Limits,
        request: &Request,
        secrets: Option<&Arc<Secrets>>,
        ears: (&dyn Sink, &dyn Cancel),
    ) -> Result<Finished, Failure> {
        let cgroup = match self.containment {
            Containment::Best => Cgroup::new(),
            Containment::WithoutCgroup => None,
        };
        let spawned = spawn(start, cgroup.as_ref())?;
        let child = match spawned {
            Spawned::Running(child) => child,
            Spawned::Lost(why) => return Ok(Finished::lost(why)),
        };
        let ours = Ours {
            mark: Mark::of(request),
            cgroup,
        };
        Ok(watch(child, ours, limits, secrets, ears))
    }
}
