//! The `command` actions of an adapter's file: argv templates over the call and the settings.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use super::find::not_started;
use super::job::{Job, Processes};
use super::judge::{Asked, Reading, nothing_done, unevaluated};
use super::process::who;
use super::reading::Promise;
use crate::expr::{ExprError, Lookup, NameError, Names, Template};
use crate::model::call::{Adapter, Cancel, Reply, Request, Sink, ToolCall, Work};
use crate::model::ids::{ActionName, ArgName};
use crate::model::{Map, Value};

/// One `command` action.
#[derive(Clone, Debug)]
pub struct CommandSpec {
    /// The program and its words. A word that is one lone `{{ }}` vanishes where that is `none`,
    /// and becomes several where that is a list.
    pub command: Vec<Template>,
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

/// Answers a tool's calls as its adapter's file says.
///
/// Templates and expressions see `args`, `settings`, `run` (`id`, `environment`, `step`, `attempt`,
/// `idempotency_key`, `work`) and what `names` adds.
#[derive(Clone)]
pub struct CommandAdapter {
    /// Where and with what processes are started.
    pub processes: Arc<Processes>,
    /// The environment's settings, secrets resolved.
    pub settings: Map,
    /// Which of the settings are secrets: messages never show them.
    pub secrets: BTreeSet<String>,
    /// Further names: the adapter's own directory.
    pub names: Map,
    /// The actions.
    pub actions: IndexMap<ActionName, CommandSpec>,
}

impl Adapter for CommandAdapter {
    fn call(&self, request: &Request, sink: &dyn Sink, cancel: &dyn Cancel) -> Reply {
        let Work::Call(call) = &request.work else {
            return nothing_done(not_started(
                "a tool cannot answer for a command of a runbook",
            ));
        };
        let Some(spec) = self.actions.get(&call.action) else {
            let message = format!("the adapter has no action `{}`", call.action);
            return nothing_done(not_started(message));
        };
        let names = InAdapter::new(
            self.names.clone(),
            &self.settings,
            &self.secrets,
            call,
            &spec.arguments,
            request,
            &self.processes,
        );
        let job = match spec.job(&names) {
            Ok(job) => job,
            Err((what, e)) => return unevaluated(&what, &e),
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

impl CommandSpec {
    /// The command with every value filled in; an error says in which part.
    fn job(&self, names: &dyn Names) -> Result<Job, (String, ExprError)> {
        let mut argv = Vec::with_capacity(self.command.len());
        for (at, word) in self.command.iter().enumerate() {
            let values = words(word, names);
            argv.extend(values.map_err(|e| (format!("word {} of `command`", at + 1), e))?);
        }
        let mut env = IndexMap::new();
        for (name, template) in &self.env {
            let value = one(template, names).map_err(|e| (format!("variable `{name}`"), e))?;
            env.extend(value.map(|value| (name.clone(), value)));
        }
        let dir = match &self.dir {
            Some(dir) => one(dir, names).map_err(|e| ("`dir`".to_owned(), e))?,
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

/// What a template is as words: none, one, or the items of a list.
pub(super) fn words(template: &Template, names: &dyn Names) -> Result<Vec<String>, ExprError> {
    if template.lone().is_some() {
        match template.eval(names)? {
            Value::None => return Ok(Vec::new()),
            // A list of plain values; anything deeper is written as JSON, as in any text.
            Value::List(items) => return Ok(items.iter().map(ToString::to_string).collect()),
            _ => {}
        }
    }
    Ok(vec![template.render(names)?])
}

pub(super) fn one(template: &Template, names: &dyn Names) -> Result<Option<String>, ExprError> {
    if template.lone().is_some() && template.eval(names)?.is_none() {
        return Ok(None);
    }
    template.render(names).map(Some)
}

/// The names of an adapter's file.
pub(super) struct InAdapter<'a> {
    names: Map,
    secrets: &'a BTreeSet<String>,
}

impl<'a> InAdapter<'a> {
    /// The names that one call is answered with: `args`, `settings`, `run`, and further ones.
    pub(super) fn new(
        mut names: Map,
        settings: &Map,
        secrets: &'a BTreeSet<String>,
        call: &ToolCall,
        arguments: &[ArgName],
        request: &Request,
        processes: &Processes,
    ) -> Self {
        let absent = arguments.iter().map(|name| (name.variable(), Value::None));
        let mut args: Map = absent.collect();
        args.extend(call.args.clone());
        let text = |text: &dyn std::fmt::Display| Value::Str(text.to_string());
        let run = [
            ("id", text(&request.run)),
            ("environment", text(&request.environment)),
            ("step", text(&request.step)),
            ("attempt", Value::Int(request.attempt.0.into())),
            ("idempotency_key", text(&request.key)),
            ("work", text(&processes.work_dir.display())),
        ];
        let run = run.map(|(name, value)| (name.to_owned(), value));
        names.insert("args".into(), Value::Map(args));
        names.insert("settings".into(), Value::Map(settings.clone()));
        names.insert("run".into(), Value::Map(run.into_iter().collect()));
        Self { names, secrets }
    }
}

impl Names for InAdapter<'_> {
    fn get(&self, path: &[&str]) -> Lookup<'_> {
        let root = path.first().copied().unwrap_or_default();
        match self.names.get(root) {
            Some(value) => Lookup::found(value, 1),
            None => {
                let known = self.names.keys().map(String::as_str);
                Lookup::Missing(NameError::unknown(root, known))
            }
        }
    }

    /// The settings as a whole count too: whoever prints them prints the secret.
    fn is_secret(&self, path: &[&str]) -> bool {
        match path {
            ["settings"] => !self.secrets.is_empty(),
            ["settings", name, ..] => self.secrets.contains(*name),
            _ => false,
        }
    }
}
