//! What the actions of an adapter's file have in common, whichever kind they are: which one is
//! meant, the names that its templates see, and what a template is as words.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::find::not_started;
use super::job::Processes;
use super::secrets::{Secret, unusable};
use crate::expr::{ExprError, Lookup, NameError, Names, Template};
use crate::model::call::{Failure, Request, ToolCall, Work};
use crate::model::ids::{ActionName, ArgName};
use crate::model::{Map, SecretRef, Value};

/// The call that a tool is asked for.
pub(super) fn call_of(request: &Request) -> Result<&ToolCall, Failure> {
    match &request.work {
        Work::Call(call) => Ok(call),
        Work::Process(_) => Err(not_started(
            "a tool cannot answer for a command of a runbook",
        )),
    }
}

/// The same, with the action that answers it.
pub(super) fn action_of<'a, S>(
    actions: &'a IndexMap<ActionName, S>,
    request: &'a Request,
) -> Result<(&'a ToolCall, &'a S), Failure> {
    let call = call_of(request)?;
    match actions.get(&call.action) {
        Some(action) => Ok((call, action)),
        None => Err(not_started(format!(
            "the adapter has no action `{}`",
            call.action
        ))),
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

/// What a template is as one text; none where a lone `{{ }}` is `none`.
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
        let mut run = shared(request, processes);
        let of_the_call = [
            ("step", text(&request.step)),
            ("attempt", Value::Int(request.attempt.0.into())),
            ("idempotency_key", text(&request.key)),
        ];
        run.extend(of_the_call.map(|(name, value)| (name.to_owned(), value)));
        names.insert("args".into(), Value::Map(args));
        names.insert("settings".into(), Value::Map(settings.clone()));
        names.insert("run".into(), Value::Map(run));
        Self {
            names,
            opened: BTreeSet::new(),
        }
    }

    /// The names that a process is started with which answers many calls: `settings`, and of `run`
    /// what they share.
    pub(super) fn of_process(settings: &Map, request: &Request, processes: &Processes) -> Self {
        let run = Value::Map(shared(request, processes));
        let names = [("settings", Value::Map(settings.clone())), ("run", run)];
        let names = names.map(|(name, value)| (name.to_owned(), value));
        Self {
            names: names.into_iter().collect(),
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

fn text(text: &dyn std::fmt::Display) -> Value {
    Value::Str(text.to_string())
}

/// What of a run is the same for all its calls.
fn shared(request: &Request, processes: &Processes) -> Map {
    let run = [
        ("id", text(&request.run)),
        ("environment", text(&request.environment)),
        ("work", text(&processes.work_dir.display())),
    ];
    let run = run.map(|(name, value)| (name.to_owned(), value));
    run.into_iter().collect()
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
