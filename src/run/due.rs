//! What is to be done about a step whose turn has come: its conditions, its loop, its gate, then
//! what it does.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::command::Command;
use super::commands::record;
use super::names::At;
use super::open_gate::Passed;
use super::render::{self, broken};
use super::state::{Inst, InstIx, Role, Run, State};
use crate::expr::{Expression, Names, Scope};
use crate::model::call::{Failure, FailureKind, Work};
use crate::model::event::{Happened, SkipReason};
use crate::model::ids::Name;
use crate::model::text::{clip, escape_controls};
use crate::model::{Map, Timestamp, Value};
use crate::plan::{Node, NodeDoes, ScopeIx};
use crate::spec::step::{ForEach, Literal};

/// The longest key of a loop's item, in bytes: it is part of every record about the item.
const MAX_KEY: usize = 200;

impl Run {
    /// What is to be done about an instance whose turn has come. A failure means that it cannot
    /// even be tried.
    pub(super) fn due(&self, ix: InstIx, now: Timestamp) -> Result<Command, Failure> {
        recordable(self.wanted(ix, now)?)
    }

    fn wanted(&self, ix: InstIx, now: Timestamp) -> Result<Command, Failure> {
        let inst = self.inst(ix);
        let node = self.plan.node(inst.node);
        if matches!(inst.state, State::Ready { .. })
            && let Some(why) = self.left_by_condition(ix, inst, node)?
        {
            return Ok(record(Some(inst), Happened::StepSkipped { why }));
        }
        self.requirement(ix, inst, node)?;
        match (&node.how.for_each, &inst.role) {
            (Some(each), Role::Loop { .. }) => self.open_loop(ix, inst, (node, each), now),
            _ => {
                let works: Vec<Work> = self.work(ix)?.into_iter().collect();
                match self.asks(ix, works, now)? {
                    Some(asks) => Ok(asks),
                    None => self.go(ix, inst, node, now),
                }
            }
        }
    }

    /// The gate that is to be opened, if there is one that was not passed. What was approved is
    /// looked at again: if anything that was shown has changed, or too much time has gone by, the
    /// decision is void and a new one is asked for.
    fn asks(
        &self,
        ix: InstIx,
        works: Vec<Work>,
        now: Timestamp,
    ) -> Result<Option<Command>, Failure> {
        let inst = self.inst(ix);
        let open = |gate| record(Some(inst), Happened::GateOpened(Box::new(gate)));
        let digests = render::digests(&works);
        let gate = self.barrier(ix, works, now)?;
        let State::Approved(passed) = &inst.state else {
            return Ok(gate.map(open));
        };
        match gate {
            Some(gate) if gate.digest == passed.gate && !self.came_too_late(ix, passed, now) => {
                Ok(None)
            }
            Some(gate) => Ok(Some(open(self.anew(ix, gate)?))),
            None if digests.is_subset(&passed.works) => Ok(None),
            None => Err(Failure::new(
                FailureKind::Refused,
                "what was approved has changed, and its gate no longer applies",
            )),
        }
    }

    /// Whether a decision came too long ago for a start at this moment. A person who was asked to
    /// do something or to answer has begun by then, and is not asked again in the middle of it.
    fn came_too_late(&self, ix: InstIx, passed: &Passed, now: Timestamp) -> bool {
        let does = &self.plan.node(self.inst(ix).node).does;
        let by_person = matches!(does, NodeDoes::Manual(_) | NodeDoes::Ask(_));
        !by_person && passed.has_lapsed(now)
    }

    fn left_by_condition(
        &self,
        ix: InstIx,
        inst: &Inst,
        node: &Node,
    ) -> Result<Option<SkipReason>, Failure> {
        // The process died between the two records: what is not so is told to nobody.
        if self.plan.announcement == Some(inst.node) && !self.is_glass_broken() {
            return Ok(Some(SkipReason::If {
                expression: "the glass is broken".to_owned(),
                values: Vec::new(),
            }));
        }
        let Some(condition) = &node.how.condition else {
            return Ok(None);
        };
        if !applies_here(&inst.role, node.how.for_each.as_ref(), &condition.value)
            || self.holds(ix, &condition.value, "its `if`")?
        {
            return Ok(None);
        }
        let at = At {
            run: self,
            inst: ix,
        };
        Ok(Some(SkipReason::If {
            expression: condition.value.source().to_owned(),
            values: condition.value.explain(&at),
        }))
    }

    fn requirement(&self, ix: InstIx, inst: &Inst, node: &Node) -> Result<(), Failure> {
        let Some(require) = &node.how.require else {
            return Ok(());
        };
        if !applies_here(&inst.role, node.how.for_each.as_ref(), &require.value)
            || self.holds(ix, &require.value, "its `require`")?
        {
            return Ok(());
        }
        let at = At {
            run: self,
            inst: ix,
        };
        Err(Failure::new(
            FailureKind::Require,
            format!(
                "the precondition `{}` does not hold{}",
                require.value.source(),
                told(&require.value.explain(&at))
            ),
        ))
    }

    fn open_loop(
        &self,
        ix: InstIx,
        inst: &Inst,
        (node, each): (&Node, &ForEach),
        now: Timestamp,
    ) -> Result<Command, Failure> {
        let (items, keys) = self.items(ix, each)?;
        if items.is_empty() {
            let why = SkipReason::EmptyLoop;
            return Ok(record(Some(inst), Happened::StepSkipped { why }));
        }
        if node.gate.as_ref().is_some_and(|gate| gate.once) {
            let works = self.works_of_all(ix, &each.name, &items)?;
            if let Some(asks) = self.asks(ix, works, now)? {
                return Ok(asks);
            }
        }
        Ok(record(Some(inst), Happened::LoopOpened { items, keys }))
    }

    /// A loop's items and what names their instances.
    pub(super) fn items(
        &self,
        ix: InstIx,
        each: &ForEach,
    ) -> Result<(Vec<Value>, Vec<String>), Failure> {
        let at = At {
            run: self,
            inst: ix,
        };
        let list = each
            .list
            .value
            .eval(&at)
            .map_err(|e| broken("its `for_each`", &e))?;
        let Value::List(items) = list else {
            return Err(Failure::new(
                FailureKind::Expression,
                format!("its `for_each` is no list but {}", list.kind()),
            ));
        };
        let mut seen = BTreeSet::new();
        let mut keys = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let key = match &each.key {
                None => index.to_string(),
                Some(key) => {
                    let names = Scope::over(&at).with(each.name.as_str(), item);
                    let value = key
                        .value
                        .eval(&names)
                        .map_err(|e| broken("its `key`", &e))?;
                    safe_key(&value.to_string())
                }
            };
            if key.len() > MAX_KEY {
                return Err(Failure::new(
                    FailureKind::Expression,
                    format!(
                        "the key of an item of its `for_each` is {} bytes long",
                        key.len()
                    ),
                )
                .hint(format!(
                    "let `key` be something short: at most {MAX_KEY} bytes"
                )));
            }
            if !seen.insert(key.clone()) {
                return Err(Failure::new(
                    FailureKind::Expression,
                    format!("two items of its `for_each` have the key `{key}`"),
                ));
            }
            keys.push(key);
        }
        Ok((items, keys))
    }

    /// What a step does once nothing stands before it.
    fn go(&self, ix: InstIx, inst: &Inst, node: &Node, now: Timestamp) -> Result<Command, Failure> {
        let at = At {
            run: self,
            inst: ix,
        };
        match &node.does {
            NodeDoes::Block { .. } => {
                if inst.node == self.plan.steps
                    && self.vars.is_empty()
                    && !self.plan.scopes.is_empty()
                    && !self.plan.scopes[0].vars.is_empty()
                {
                    let vars = evaluate_all(&self.plan.scopes[0].vars, &at, "the variable")?;
                    return Ok(record(None, Happened::VarsSet { vars }));
                }
                Ok(entered(inst, Map::new(), Map::new()))
            }
            NodeDoes::Include { scope, with, .. } => {
                let (params, vars) = self.include(*scope, with, &at)?;
                Ok(entered(inst, params, vars))
            }
            NodeDoes::Ask(ask) => self.ask(inst, ask, &at),
            NodeDoes::Manual(manual) => self.manual(inst, manual, &at),
            NodeDoes::Pause(pause) => super::asking::pause_from(inst, pause, now),
            NodeDoes::Call(_) | NodeDoes::Run(_) | NodeDoes::Inverse { .. } => {
                self.act(ix, inst, node)
            }
        }
    }

    fn include(
        &self,
        scope: ScopeIx,
        with: &IndexMap<Name, Literal>,
        at: &At<'_>,
    ) -> Result<(Map, Map), Failure> {
        let scope = self.plan.scope(scope);
        let mut params = scope.params.clone();
        for (name, value) in with {
            let value = render::literal(value, at)
                .map_err(|e| broken(&format!("the parameter `{name}`"), &e))?;
            if value.is_none() {
                continue;
            }
            let value = match scope.accepts.get(name) {
                Some(param) => param.admit(&value).map_err(|message| {
                    Failure::new(
                        FailureKind::Refused,
                        format!("the parameter `{name}` of {}: {message}", scope.runbook),
                    )
                })?,
                None => value,
            };
            params.insert(name.to_string(), value);
        }
        if let Some(missing) = scope
            .accepts
            .keys()
            .find(|name| !params.contains_key(name.as_str()))
        {
            return Err(Failure::new(
                FailureKind::Expression,
                format!(
                    "the parameter `{missing}` of {} has no value",
                    scope.runbook
                ),
            ));
        }
        let known = Value::Map(params.clone());
        let names = Scope::over(at).with("params", &known);
        let vars = evaluate_all(&scope.vars, &names, "the variable")?;
        Ok((params, vars))
    }
}

fn entered(inst: &Inst, params: Map, vars: Map) -> Command {
    record(Some(inst), Happened::BlockEntered { params, vars })
}

/// A text as the key of an item: brackets end a key, so there are none in it.
fn safe_key(text: &str) -> String {
    escape_controls(text).replace('[', "(").replace(']', ")")
}

fn evaluate_all(
    vars: &IndexMap<Name, Literal>,
    names: &dyn Names,
    what: &str,
) -> Result<Map, Failure> {
    let mut out = Map::new();
    for (name, value) in vars {
        let value =
            render::literal(value, names).map_err(|e| broken(&format!("{what} `{name}`"), &e))?;
        out.insert(name.to_string(), value);
    }
    Ok(out)
}

/// Whether a condition of a looped step is looked at here: before the loop if it does not mention
/// the item, else for each item.
fn applies_here(role: &Role, looped: Option<&ForEach>, condition: &Expression) -> bool {
    let Some(each) = looped else {
        return true;
    };
    let mentions = condition.references().iter().any(|reference| {
        reference
            .path
            .first()
            .is_some_and(|root| root == each.name.as_str())
    });
    matches!(role, Role::Body) == mentions
}

/// `: output.state is stopped`, for a condition that does not hold.
pub(super) fn told(values: &[(String, Value)]) -> String {
    if values.is_empty() {
        return String::new();
    }
    let told: Vec<String> = values
        .iter()
        .map(|(name, value)| {
            let text = value.to_string();
            let text = escape_controls(&text);
            format!("{name} is {}", clip(&text, 80))
        })
        .collect();
    format!(": {}", told.join(", "))
}

/// The most that a record of the journal may hold beside what every record has, in bytes. What
/// would be larger is not begun: what cannot be written down is not done.
const MAX_RECORDED: usize = 60 * 1024;

fn recordable(command: Command) -> Result<Command, Failure> {
    let bytes = match &command {
        Command::Record(draft) => serde_json::to_vec(&draft.what),
        Command::Act(act) => serde_json::to_vec(&act.started),
        _ => return Ok(command),
    };
    match bytes {
        Ok(bytes) if bytes.len() <= MAX_RECORDED => Ok(command),
        Ok(bytes) => Err(Failure::new(
            FailureKind::Refused,
            format!(
                "its values would take {} bytes of the journal, and a record holds {MAX_RECORDED}",
                bytes.len()
            ),
        )
        .hint("keep only what is needed: `output:` of a `run` step can name single fields")),
        Err(error) => Err(Failure::new(
            FailureKind::Refused,
            format!("it cannot be written down: {error}"),
        )),
    }
}
