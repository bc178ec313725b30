//! What a name in an expression stands for, at a step of a run.

use std::borrow::Cow;

use super::state::{Inst, InstIx, Role, Run};
use super::summary;
use crate::expr::{Lookup, NameError, Names};
use crate::model::call::{Failure, Work};
use crate::model::ids::StepId;
use crate::model::suggest::nearest;
use crate::model::{Map, Status, Value};
use crate::plan::{NodeIx, Scope};

/// The names that a step sees.
pub(super) struct At<'a> {
    pub(super) run: &'a Run,
    pub(super) inst: InstIx,
}

const ROOTS: [&str; 8] = [
    "params", "vars", "steps", "run", "output", "args", "before", "error",
];

impl Names for At<'_> {
    fn get(&self, path: &[&str]) -> Lookup<'_> {
        let Some((root, rest)) = path.split_first() else {
            return missing("", []);
        };
        let run = self.run;
        let inst = run.inst(self.inst);
        for frame in run.frames_from(inst.frame) {
            if let Some((name, value)) = &frame.item
                && name.as_str() == *root
            {
                return Lookup::found(value, 1);
            }
            if frame.include.is_some() {
                break;
            }
        }
        match *root {
            "params" => self.field(self.params(inst), rest),
            "vars" => self.field(self.vars(inst), rest),
            "steps" => self.step(inst, rest),
            "run" => self.run_fact(rest),
            "output" => match run.origin(self.inst).output {
                Some(output) => Lookup::found(output, 1),
                None => unavailable("there is no output here", None),
            },
            "before" => match run.origin(self.inst).before {
                Some(before) => Lookup::found(before, 1),
                None => unavailable("the state before the step was not seen", None),
            },
            "args" => match run.origin(self.inst).work {
                Some(Work::Call(call)) => args(&call.args, rest),
                _ => unavailable("there are no arguments here", None),
            },
            root => missing(root, ROOTS),
        }
    }
}

/// What a step did, or is doing.
pub(super) struct Origin<'a> {
    pub(super) work: Option<&'a Work>,
    pub(super) output: Option<&'a Value>,
    pub(super) before: Option<&'a Value>,
}

/// Arguments by name; one that was not given is `none`.
pub(super) fn args<'a>(map: &'a Map, rest: &[&str]) -> Lookup<'a> {
    match rest.first() {
        None => Lookup::made(map.clone(), 1),
        Some(name) => match map.get(*name) {
            Some(value) => Lookup::found(value, 2),
            None => Lookup::made(Value::None, 2),
        },
    }
}

fn missing<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Lookup<'static> {
    Lookup::Missing(NameError::unknown(name, known))
}

fn unavailable(message: &str, hint: Option<&str>) -> Lookup<'static> {
    Lookup::Unavailable {
        message: message.to_owned(),
        hint: hint.map(str::to_owned),
    }
}

impl<'a> At<'a> {
    fn scope(&self, inst: &Inst) -> &'a Scope {
        let plan = &self.run.plan;
        plan.scope(plan.node(inst.node).scope)
    }

    fn params(&self, inst: &Inst) -> &'a Map {
        self.included(inst)
            .map_or(&self.scope(inst).params, |(params, _)| params)
    }

    fn vars(&self, inst: &Inst) -> &'a Map {
        self.included(inst).map_or(&self.run.vars, |(_, vars)| vars)
    }

    fn included(&self, inst: &Inst) -> Option<&'a (Map, Map)> {
        self.run
            .frames_from(inst.frame)
            .find_map(|frame| frame.include.as_ref())
    }

    fn field(&self, map: &'a Map, rest: &[&str]) -> Lookup<'a> {
        let Some(name) = rest.first() else {
            return Lookup::made(map.clone(), 1);
        };
        match map.get(*name) {
            Some(value) => Lookup::found(value, 2),
            None => missing(name, map.keys().map(String::as_str)),
        }
    }

    fn step(&self, here: &Inst, rest: &[&str]) -> Lookup<'a> {
        let Some((id, rest)) = rest.split_first() else {
            return unavailable(
                "`steps` alone is no value",
                Some("name a step: steps.ID.output"),
            );
        };
        let scope = self.scope(here);
        let Some(node) = id.parse::<StepId>().ok().and_then(|id| scope.ids.get(&id)) else {
            let known: Vec<&str> = scope.ids.keys().map(StepId::as_str).collect();
            return Lookup::Missing(NameError {
                message: format!(
                    "there is no step `{}`",
                    crate::model::text::escape_controls(id)
                ),
                nearest: nearest(id, known).map(str::to_owned),
            });
        };
        let target = self.run.instance_seen_from(here, *node);
        let Some(field) = rest.first() else {
            return unavailable(
                &format!("`steps.{id}` alone is no value"),
                Some("add .status, .output, .answer, .attempts, .error or .items"),
            );
        };
        let Some(target) = target else {
            let status = self.run.status_around(here, *node);
            return match *field {
                "status" => Lookup::made(status.word(), 3),
                "output" | "answer" if status == Status::Skipped => self.nothing(id, field, status),
                "error" => Lookup::made(Value::None, 3),
                "attempts" => Lookup::made(0, 3),
                _ => Lookup::NotYet,
            };
        };
        match *field {
            "status" => Lookup::made(target.status().word(), 3),
            "attempts" => Lookup::made(i64::from(target.attempts_made()), 3),
            "error" => Lookup::made(target.failure.as_ref().map_or(Value::None, error_value), 3),
            "output" => match (&target.output, target.status()) {
                (Some(output), _) => Lookup::found(output, 3),
                (None, status) => self.nothing(id, "output", status),
            },
            "answer" => match (&target.answer, target.status()) {
                (Some(answer), _) => Lookup::found(answer, 3),
                (None, status) => self.nothing(id, "answer", status),
            },
            "items" => match target.role {
                Role::Loop { .. } => Lookup::made(self.items(target), 3),
                _ => unavailable(&format!("step `{id}` is no loop, so it has no items"), None),
            },
            field => Lookup::Missing(NameError::field(
                &format!("step `{id}`"),
                field,
                ["status", "output", "answer", "attempts", "error", "items"],
            )),
        }
    }

    fn nothing(&self, id: &str, what: &str, status: Status) -> Lookup<'static> {
        if status.is_settled() {
            unavailable(
                &format!("step `{id}` is {status}, so it has no {what}"),
                Some(&format!(
                    "test its status first: steps.{id}.status == 'succeeded' and …"
                )),
            )
        } else {
            Lookup::NotYet
        }
    }

    fn items(&self, target: &Inst) -> Value {
        let items = target.children.iter().enumerate().map(|(i, child)| {
            let child = self.run.inst(*child);
            let mut map = Map::new();
            let item = target.block.items.get(i).cloned().unwrap_or_default();
            map.insert("item".to_owned(), item);
            map.insert("status".to_owned(), child.status().word().into());
            let output = child.output.as_deref().cloned().unwrap_or_default();
            map.insert("output".to_owned(), output);
            let error = child.failure.as_ref().map_or(Value::None, error_value);
            map.insert("error".to_owned(), error);
            Value::Map(map)
        });
        Value::List(items.collect())
    }

    fn run_fact(&self, rest: &[&str]) -> Lookup<'static> {
        let run = self.run;
        let Some(opened) = &run.opened else {
            return Lookup::NotYet;
        };
        match rest.first().copied() {
            Some("id") => Lookup::made(run.id.as_str(), 2),
            Some("environment") => Lookup::made(run.plan.environment.as_str(), 2),
            Some("operator") => Lookup::made(opened.operator.user.as_str(), 2),
            Some("started") => Lookup::Found {
                value: Cow::Owned(Value::Time(opened.at)),
                used: 2,
            },
            Some("status") => Lookup::made(run.status_word(), 2),
            Some("summary") => Lookup::made(summary::sentence(run), 2),
            Some(name) => Lookup::Missing(NameError::field(
                "`run`",
                name,
                [
                    "id",
                    "environment",
                    "operator",
                    "started",
                    "status",
                    "summary",
                ],
            )),
            None => unavailable("`run` alone is no value", Some("add .id, .environment, …")),
        }
    }
}

/// An error as expressions see it.
pub(super) fn error_value(failure: &Failure) -> Value {
    let mut map = Map::new();
    let kind = serde_json::to_value(failure.kind).ok();
    let kind = kind.as_ref().and_then(serde_json::Value::as_str);
    map.insert("kind".to_owned(), kind.unwrap_or_default().into());
    map.insert("message".to_owned(), failure.message.as_str().into());
    let asked = failure.retry_after.map_or(Value::None, Value::Duration);
    map.insert("retry_after".to_owned(), asked);
    Value::Map(map)
}

impl Inst {
    /// How many attempts were started.
    pub(super) fn attempts_made(&self) -> u32 {
        self.attempt.0 - u32::from(!self.attempt_used)
    }
}

impl Run {
    /// The instance of a node that a step sees: its own loop item's first, then further out.
    pub(super) fn instance_seen_from(&self, here: &Inst, node: NodeIx) -> Option<&Inst> {
        self.frames_from(here.frame)
            .find_map(|frame| frame.insts.get(&node))
            .map(|ix| self.inst(*ix))
    }

    /// The status of a node that has no instance: that of a block around it that was skipped,
    /// else it was not reached.
    fn status_around(&self, here: &Inst, node: NodeIx) -> Status {
        let mut around = self.plan.node(node).parent;
        while let Some(at) = around {
            if let Some(inst) = self.instance_seen_from(here, at) {
                return match inst.status() {
                    Status::Skipped => Status::Skipped,
                    _ => Status::Pending,
                };
            }
            around = self.plan.node(at).parent;
        }
        Status::Pending
    }

    /// What `output`, `args` and `before` stand for: what the step did that an undo takes back,
    /// else what the step itself does.
    pub(super) fn origin(&self, ix: InstIx) -> Origin<'_> {
        let undone = self.undo_around(ix).map(|of| self.inst(of));
        if let Some(done) = undone.and_then(|of| of.done.as_deref()) {
            return Origin {
                work: done.work.as_deref(),
                output: done.output.as_deref(),
                before: done.before.as_ref().and_then(Option::as_deref),
            };
        }
        let inst = undone.unwrap_or(self.inst(ix));
        Origin {
            work: inst.work.as_deref(),
            output: inst.output.as_deref(),
            before: inst.before.as_ref().and_then(Option::as_deref),
        }
    }

    /// `run.status`: `running`, or how the steps ended.
    pub(super) fn status_word(&self) -> &'static str {
        use super::state::Phase;
        match (self.phase, &self.closed) {
            (_, Some(closed)) => closed.outcome.word(),
            (Phase::New | Phase::Steps, _) => "running",
            _ => self.outcome().word(),
        }
    }
}
