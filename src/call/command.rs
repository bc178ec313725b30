//! The `command` actions of an adapter's file: argv templates over the call and the settings.

use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use super::brought::{Brought, NO_BYTECODE};
use super::in_adapter::{InAdapter, action_of, one, words};
use super::job::{Job, Processes};
use super::judge::{Asked, Reading, nothing_done, unevaluated};
use super::process::who;
use super::reading::Promise;
use crate::expr::{ExprError, Names, Template};
use crate::model::call::{Adapter, Cancel, Failure, Reply, Request, Sink};
use crate::model::ids::{ActionName, ArgName};
use crate::model::secret::EnvValue;
use crate::model::{Map, Value};

/// One `command` action.
#[derive(Clone, Debug)]
pub struct CommandSpec {
    /// The program and its words.
    pub command: Vec<Word>,
    /// Added to the environment; a lone `{{ }}` that is `none` leaves the variable out.
    pub env: IndexMap<String, Template>,
    /// Variables that pass beside the allow-list: `KUBECONFIG`, `AWS_*`.
    pub pass: Vec<String>,
    /// The working directory; the run's own where it is left out.
    pub dir: Option<Template>,
    /// What success is, and what the output is.
    pub reading: Reading,
    /// What the contract promises of the output.
    pub promise: Promise,
    /// The contract's arguments: one that was not given reads `none`.
    pub arguments: Vec<ArgName>,
}

/// A word of a command.
#[derive(Clone, Debug)]
pub enum Word {
    /// One that is one lone `{{ }}` vanishes where that is `none`, and becomes several where that
    /// is a list.
    Template(Template),
    /// The path of a file that the adapter brings along.
    File(String),
}

/// Answers a tool's calls as its adapter's file says.
///
/// Templates and expressions see `args`, `settings`, `run` (`id`, `environment`, `step`, `attempt`,
/// `idempotency_key`, `work`) and what `names` adds.
#[derive(Clone)]
pub struct CommandAdapter {
    /// Where and with what processes are started.
    pub processes: Arc<Processes>,
    /// The environment's settings; of secrets, where they are found.
    pub settings: Map,
    /// Further names: the adapter's own directory.
    pub names: Map,
    /// What it brings along.
    pub files: Arc<Brought>,
    /// The actions.
    pub actions: IndexMap<ActionName, CommandSpec>,
}

impl Adapter for CommandAdapter {
    fn call(&self, request: &Request, sink: &dyn Sink, cancel: &dyn Cancel) -> Reply {
        let (call, spec) = match action_of(&self.actions, request) {
            Ok(found) => found,
            Err(failure) => return nothing_done(failure),
        };
        let names = InAdapter::new(
            self.names.clone(),
            &self.settings,
            call,
            &spec.arguments,
            request,
            &self.processes,
        );
        let file = |name: &str| self.files.path(name, &self.processes.work_dir);
        let job = match spec.job(&names, file) {
            Ok(job) => job,
            Err(NoJob::Template(what, e)) => return unevaluated(&what, &e),
            Err(NoJob::File(failure)) => return nothing_done(failure),
        };
        let asked = Asked {
            who: &who(job.argv.first().map(String::as_str).unwrap_or_default()),
            reading: &spec.reading,
            promise: &spec.promise,
            names: &names,
        };
        match self.processes.run(&job, request, sink, cancel) {
            Ok(done) => asked.judge(done),
            Err(failure) => nothing_done(failure),
        }
    }
}

/// Why there is nothing to start.
enum NoJob {
    /// In this part something could not be filled in.
    Template(String, ExprError),
    /// A file is not there.
    File(Failure),
}

impl CommandSpec {
    /// The command with every value filled in.
    fn job(
        &self,
        names: &dyn Names,
        file: impl Fn(&str) -> Result<PathBuf, Failure>,
    ) -> Result<Job, NoJob> {
        let mut argv = Vec::with_capacity(self.command.len());
        for (at, word) in self.command.iter().enumerate() {
            match word {
                Word::Template(template) => {
                    let part = || format!("word {} of `command`", at + 1);
                    let values = words(template, names).map_err(|e| NoJob::Template(part(), e));
                    argv.extend(values?);
                }
                Word::File(name) => {
                    let path = file(name).map_err(NoJob::File)?;
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
            env.insert(name.to_owned(), EnvValue::Text(value.to_owned()));
        }
        for (name, template) in &self.env {
            let value = variable(template, names);
            let value = value.map_err(|e| NoJob::Template(format!("variable `{name}`"), e))?;
            env.extend(value.map(|value| (name.clone(), value)));
        }
        let dir = match &self.dir {
            Some(dir) => one(dir, names).map_err(|e| NoJob::Template("`dir`".to_owned(), e))?,
            None => None,
        };
        Ok(Job {
            argv,
            env,
            pass: self.pass.clone(),
            dir: dir.map(PathBuf::from),
        })
    }
}

/// What fills a variable: nothing, a text, or one lone secret.
pub(super) fn variable(
    template: &Template,
    names: &dyn Names,
) -> Result<Option<EnvValue>, ExprError> {
    if template.lone().is_some()
        && let Value::Secret(secret) = template.eval(names)?
    {
        return Ok(Some(EnvValue::Secret(secret)));
    }
    Ok(one(template, names)?.map(EnvValue::Text))
}
