//! What of our own environment a process gets to see: almost nothing.
//!
//! `LD_PRELOAD`, `BASH_ENV`, `GIT_*` and whatever else could change what a command does stay out,
//! because only what is named here comes in. The environment itself is given by the caller.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use indexmap::IndexMap;

use crate::model::call::Request;

/// An environment, as the caller read it at the start of the program.
pub type Environment = BTreeMap<OsString, OsString>;

/// What passes by itself. A `*` at the end stands for any rest.
const ALLOWED: [&str; 18] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_*",
    "TZ",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "SSL_CERT_*",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
];

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        // A bare `*` would undo the whole list.
        Some(prefix) => !prefix.is_empty() && name.starts_with(prefix),
        None => pattern == name,
    }
}

/// The environment of one process.
///
/// Of `base` pass the allow-list and what `pass` names (`KUBECONFIG`, `AWS_*`); then comes the
/// process's own `env`; then what tells it for whom it works, which nothing overrides.
pub fn environment(
    base: &Environment,
    pass: &[String],
    env: &IndexMap<String, OsString>,
    request: &Request,
    work: &Path,
) -> Environment {
    let mut out = allowed(base, pass, env);
    out.extend(named(mark(request)));
    out.insert("RUNBOOK_IDEMPOTENCY_KEY".into(), (&request.key.0).into());
    tell_of_the_run(&mut out, request, work);
    out
}

/// The environment of a plugin: it works for all steps that call it, so it is told of none.
pub(super) fn plugin_environment(
    base: &Environment,
    pass: &[String],
    env: &IndexMap<String, OsString>,
    (request, plugin): (&Request, &str),
    work: &Path,
) -> Environment {
    let mut out = allowed(base, pass, env);
    out.extend(named(plugin_mark(request, plugin)));
    tell_of_the_run(&mut out, request, work);
    out
}

fn allowed(base: &Environment, pass: &[String], env: &IndexMap<String, OsString>) -> Environment {
    let passes = |name: &str| {
        let mut patterns = ALLOWED.into_iter().chain(pass.iter().map(String::as_str));
        patterns.any(|pattern| matches(pattern, name))
    };
    let mut out: Environment = base
        .iter()
        .filter(|(name, _)| name.to_str().is_some_and(passes))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    out.extend(env.iter().map(|(name, value)| (name.into(), value.clone())));
    out
}

fn named<const N: usize>(
    pairs: [(&'static str, String); N],
) -> impl Iterator<Item = (OsString, OsString)> {
    let pairs = pairs.into_iter();
    pairs.map(|(name, value)| (name.into(), value.into()))
}

fn tell_of_the_run(out: &mut Environment, request: &Request, work: &Path) {
    let environment = request.environment.as_str();
    out.insert("RUNBOOK_ENVIRONMENT".into(), environment.into());
    out.insert("RUNBOOK_WORK".into(), work.into());
}

/// What every process of one attempt carries, and no other does.
fn mark(request: &Request) -> [(&'static str, String); 3] {
    [
        ("RUNBOOK_RUN_ID", request.run.to_string()),
        ("RUNBOOK_STEP", request.step.to_string()),
        ("RUNBOOK_ATTEMPT", request.attempt.to_string()),
    ]
}

/// What every process of a plugin carries, and no step's does.
fn plugin_mark(request: &Request, plugin: &str) -> [(&'static str, String); 2] {
    [
        ("RUNBOOK_RUN_ID", request.run.to_string()),
        ("RUNBOOK_PLUGIN", plugin.to_owned()),
    ]
}

/// The mark as `/proc/PID/environ` shows it: which run's and which attempt's, or plugin's, a process
/// is.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    run: Vec<u8>,
    call: Vec<Vec<u8>>,
}

/// What an environment says about whose its process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marked {
    /// It is of this attempt, or of this plugin.
    Ours,
    /// It is of another step, attempt or plugin of the same run.
    Another,
    /// It says nothing, or was cleared, or speaks of a run that this one has started.
    Not,
}

fn entry((name, value): (&str, String)) -> Vec<u8> {
    format!("{name}={value}").into_bytes()
}

impl Mark {
    pub(super) fn of(request: &Request) -> Self {
        let [run, call @ ..] = mark(request).map(entry);
        Self {
            run,
            call: call.into(),
        }
    }

    pub(super) fn of_plugin(request: &Request, plugin: &str) -> Self {
        let [run, call @ ..] = plugin_mark(request, plugin).map(entry);
        Self {
            run,
            call: call.into(),
        }
    }

    /// Reads what `/proc/PID/environ` holds.
    pub(super) fn on(&self, environ: &[u8]) -> Marked {
        let has = |entry: &Vec<u8>| environ.split(|b| *b == 0).any(|one| one == entry);
        match (has(&self.run), self.call.iter().all(has)) {
            (true, true) => Marked::Ours,
            (true, false) => Marked::Another,
            (false, _) => Marked::Not,
        }
    }
}
