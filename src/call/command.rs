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
use super::secrets::{Secret, unusable};
use crate::expr::{ExprError, Lookup, NameError, Names, Template};
use crate::model::call::{Adapter, Cancel, Failure, Reply, Request, Sink, ToolCall, Work};
use crate::model::ids::{ActionName, ArgName};
use crate::model::secret::EnvValue;
use crate::model::{Map, SecretRef, Value};

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
    /// The environment's settings; of secrets, where they are found.
    pub settings: Map,
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
            let value = variable(template, names);
            let value = value.map_err(|e| (format!("variable `{name}`"), e))?;
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
            Value::List(items) if items.iter().all(|item| item.secret().is_none()) => {
                return Ok(items.iter().map(ToString::to_string).collect());
            }
            _ => {}
        }
    }
    Ok(vec![template.render(names)?])
}

/// What fills a variable: nothing, a text, or one lone secret.
fn variable(template: &Template, names: &dyn Names) -> Result<Option<EnvValue>, ExprError> {
    if template.lone().is_some()
        && let Value::Secret(secret) = template.eval(names)?
    {
        return Ok(Some(EnvValue::Secret(secret)));
    }
    Ok(one(template, names)?.map(EnvValue::Text))
}

pub(super) fn one(template: &Template, names: &dyn Names) -> Result<Option<String>, ExprError> {
    if template.lone().is_some() && template.eval(names)?.is_none() {
        return Ok(None);
    }
    template.render(names).map(Some)
}

/// The names of an adapter's file.
pub(super) struct InAdapter {
    names: Map,
    /// Which settings and arguments are opened secrets: messages never show them.
    opened: BTreeSet<(String, String)>,
}

impl InAdapter {
    /// The names that one call is answered with: `args`, `settings`, `run`, and further ones. Of
    /// secrets they hold the place only.
    pub(super) fn new(
        mut names: Map,
        settings: &Map,
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
        Self {
            names,
            opened: BTreeSet::new(),
        }
    }

    /// The same, with the secrets looked up that these templates mention: for what is sent and
    /// never shown.
    pub(super) fn opened<'t>(
        &self,
        templates: impl IntoIterator<Item = &'t Template>,
        look_up: impl Fn(&SecretRef) -> Result<Secret, Failure>,
    ) -> Result<Self, Failure> {
        let mut open = Self {
            names: self.names.clone(),
            opened: BTreeSet::new(),
        };
        for reference in templates.into_iter().flat_map(Template::references) {
            let [root, name, ..] = reference.path.as_slice() else {
                continue;
            };
            let Some(Value::Map(fields)) = open.names.get_mut(root) else {
                continue;
            };
            if let Some(value) = fields.get_mut(name)
                && let Value::Secret(place) = &*value
            {
                let secret = look_up(place)?;
                let text = std::str::from_utf8(secret.expose())
                    .map_err(|_| unusable(place, "is no text, and only a text can be sent"))?;
                *value = Value::from(text);
                open.opened.insert((root.clone(), name.clone()));
            }
        }
        Ok(open)
    }
}

impl Names for InAdapter {
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

    /// What holds an opened secret counts too: whoever prints it prints the secret.
    fn is_secret(&self, path: &[&str]) -> bool {
        match path {
            [root] => self.opened.iter().any(|(holder, _)| holder == root),
            [root, name, ..] => {
                let opened = (root.to_string(), name.to_string());
                self.opened.contains(&opened)
            }
            [] => false,
        }
    }
}
