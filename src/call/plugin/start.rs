//! Starting a plugin's process, and asking it what it is.

use std::ffi::OsString;
use std::io::pipe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::exchange::{Exchanged, Time};
use super::heard::Heard;
use super::living::{Ending, Living};
use super::message::{Answer, Described, PROTOCOL, Told};
use crate::call::brought::{Brought, NO_BYTECODE};
use crate::call::cgroup::Cgroup;
use crate::call::command::{Word, variable};
use crate::call::environ::{Mark, plugin_environment};
use crate::call::find::not_started;
use crate::call::group::{Ours, after};
use crate::call::in_adapter::{InAdapter, words};
use crate::call::job::{Containment, Processes};
use crate::call::judge::hinted;
use crate::call::process::who;
use crate::call::spawn::{Spawned, Start, never_blocks, spawn_reading};
use crate::expr::{ExprError, Names, Template};
use crate::model::Map;
use crate::model::call::{Cancel, Failure, FailureKind, Request};
use crate::model::secret::EnvValue;

/// How long a plugin may take to say what it is: an interpreter on a busy machine needs a second.
const FIRST_WORDS: Duration = Duration::from_secs(10);

/// How much is shown of what it says of itself, in characters.
const NAME: usize = 60;
const WHY: usize = 200;

/// The program of a plugin. Its templates see `settings`, and of `run` what all calls share: `id`,
/// `environment`, `work`.
#[derive(Clone, Debug)]
pub struct PluginProgram {
    /// The program and its words.
    pub command: Vec<Word>,
    /// What the adapter brings along.
    pub files: Arc<Brought>,
    /// Added to its environment.
    pub env: IndexMap<String, Template>,
    /// Variables that pass beside the allow-list: `KUBECONFIG`, `AWS_*`.
    pub pass: Vec<String>,
}

/// What a process is started for.
pub(super) struct For<'a> {
    pub(super) processes: &'a Processes,
    pub(super) settings: &'a Map,
    /// What tells its processes from those of others: the tool that it answers.
    pub(super) mark: &'a str,
    pub(super) request: &'a Request,
    pub(super) cancel: &'a dyn Cancel,
}

impl PluginProgram {
    /// Starts it, and learns what it is. Where this fails it was asked for nothing, and is ended.
    pub(super) fn start(
        &self,
        of: &For<'_>,
        time: Time,
        heard: &mut Heard<'_>,
    ) -> Result<Box<Living>, Failure> {
        let living = Box::new(self.spawn(of)?);
        let who = living.who.clone();
        let (living, described) = living.describe(time, heard, of.cancel);
        let wrong = match described {
            Ok(described) => match (living, described.protocol == PROTOCOL) {
                (Some(mut living), true) => {
                    living.described = described;
                    return Ok(living);
                }
                (living, _) => {
                    if let Some(living) = living {
                        living.end(Ending::Now, (time.grace, time.drain), heard);
                    }
                    format!(
                        "{who} speaks protocol {}, and protocol {PROTOCOL} is spoken here",
                        described.protocol
                    )
                }
            },
            Err(why) => {
                if let Some(living) = living {
                    living.end(Ending::Now, (time.grace, time.drain), heard);
                }
                why
            }
        };
        Err(not_started(format!(
            "{wrong}; it was not asked to do anything"
        )))
    }

    fn spawn(&self, of: &For<'_>) -> Result<Living, Failure> {
        let (processes, request) = (of.processes, of.request);
        let (argv, env) = self.filled(of)?;
        let who = format!("the plugin {}", who(&self.name(&argv)));
        let start = Start {
            env: plugin_environment(
                &processes.base_env,
                &self.pass,
                &env,
                (request, of.mark),
                &processes.work_dir,
            ),
            argv: argv.iter().map(OsString::from).collect(),
            dir: processes.work_dir.clone(),
        };
        let no_pipe = |e| not_started(format!("{who} could not be started: {e}"));
        let (reader, stdin) = pipe().map_err(no_pipe)?;
        never_blocks(&stdin).map_err(no_pipe)?;
        let cgroup = match processes.containment {
            Containment::Best => Cgroup::new(),
            Containment::WithoutCgroup => None,
        };
        match spawn_reading(&start, Some(reader), cgroup.as_ref())? {
            Spawned::Running(child) => {
                let mark = Mark::of_plugin(request, of.mark);
                Ok(Living::new(who, child, stdin, Ours { mark, cgroup }))
            }
            Spawned::Lost(why) => Err(not_started(format!("{who}: {why}"))),
        }
    }

    /// Its program as the adapter's file has it: where a file lies that it brings along says
    /// nothing to people.
    fn name(&self, argv: &[String]) -> String {
        match self.command.first() {
            Some(Word::File(name)) => format!("./{name}"),
            _ => argv.first().cloned().unwrap_or_default(),
        }
    }

    fn filled(&self, of: &For<'_>) -> Result<(Vec<String>, IndexMap<String, OsString>), Failure> {
        let names = InAdapter::of_process(of.settings, of.request, of.processes);
        let wrong = |what: &str, e: &ExprError| {
            let failure = Failure::new(FailureKind::Expression, format!("{what}: {e}"));
            hinted(failure, e)
        };
        let names: &dyn Names = &names;
        let mut argv = Vec::new();
        for (at, word) in self.command.iter().enumerate() {
            match word {
                Word::Template(template) => {
                    let what = || format!("word {} of `plugin`", at + 1);
                    argv.extend(words(template, names).map_err(|e| wrong(&what(), &e))?);
                }
                Word::File(name) => {
                    let path = self.files.path(name, &of.processes.work_dir)?;
                    argv.push(path.to_string_lossy().into_owned());
                }
            }
        }
        let mut env = IndexMap::new();
        if self
            .command
            .iter()
            .any(|word| matches!(word, Word::File(_)))
        {
            let (name, value) = NO_BYTECODE;
            env.insert(name.to_owned(), OsString::from(value));
        }
        for (name, template) in &self.env {
            let value = variable(template, names);
            let value = match value.map_err(|e| wrong(&format!("variable `{name}`"), &e))? {
                None => continue,
                Some(EnvValue::Text(text)) => OsString::from(text),
                Some(EnvValue::Secret(place)) => {
                    let secret = of.processes.secret(&place, of.request, of.cancel)?;
                    secret.variable()
                }
            };
            env.insert(name.clone(), value);
        }
        Ok((argv, env))
    }
}

impl Living {
    /// What it says of itself, or why that is not known.
    fn describe(
        mut self: Box<Self>,
        time: Time,
        heard: &mut Heard<'_>,
        cancel: &dyn Cancel,
    ) -> (Option<Box<Self>>, Result<Described, String>) {
        let id = self.next_id();
        let protocol = PROTOCOL;
        let line = match (Told::Describe { id, protocol }).line() {
            Ok(line) => line,
            Err(e) => return (Some(self), Err(e.to_string())),
        };
        let first_words = Instant::min(time.deadline, after(FIRST_WORDS));
        let time = Time {
            deadline: first_words,
            ..time
        };
        let who = self.who.clone();
        let (living, exchanged) = self.ask(id, line, time, heard, cancel);
        let told = match exchanged {
            Exchanged::Answered(Answer::Output(output)) => {
                let told = serde_json::from_value(Json::Object(output));
                told.map(|told: Described| Described {
                    name: heard.quoted(told.name.as_bytes(), NAME),
                    ..told
                })
                .map_err(|e| {
                    let why = heard.quoted(e.to_string().as_bytes(), WHY);
                    format!("{who} does not say what it is: {why}")
                })
            }
            Exchanged::Answered(Answer::Failure(failure)) => {
                let why = heard.quoted(failure.message.as_bytes(), WHY);
                Err(format!("{who} cannot work: {why}"))
            }
            Exchanged::Answered(Answer::Unknown(_)) => {
                Err(format!("{who} does not say what it is"))
            }
            Exchanged::Unsent(why) | Exchanged::Lost(why) => Err(why),
            Exchanged::TimedOut => Err(format!("{who} did not say in time what it is")),
            Exchanged::Cancelled => Err(format!("cancelled before {who} was asked")),
        };
        (living, told)
    }
}
