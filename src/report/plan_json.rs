//! What a run will do, for other programs.
//!
//! Version 1. New fields may be added; a field that changes its meaning is a new version.

use serde_json::{Map, Value as Json, json};

use super::describe::{Described, Describer, Place, below};
use super::others::ApprovalsSaid;
use crate::model::Duration;
use crate::model::gate::Expires;
use crate::plan::{NodeIx, Order, Plan};

/// The version of the form.
pub const VERSION: u32 = 1;

/// The plan as JSON: `{"version":1,"runbook":…,"environment":…,"params":…,"tools":[…],"steps":[…],"finally":[…]}`.
///
/// `steps` is a tree; texts are as far filled in as they are known before the run, and what is
/// not known is named: `‹steps.status.output.state›`. Nothing is escaped for a terminal.
pub fn plan_json(plan: &Plan) -> Json {
    let describer = Describer::of(plan);
    let tools: Vec<Json> = plan
        .tools()
        .into_iter()
        .map(|tool| {
            let binding = plan.binding(tool);
            json!({
                "tool": tool.to_string(),
                "adapter": binding.map(|b| b.answers.name()),
                "bound_by": binding.map(|b| b.by.to_string()),
                "real": binding.is_some_and(|b| b.answers.is_real()),
            })
        })
        .collect();
    let params: Map<String, Json> = plan
        .scopes
        .first()
        .into_iter()
        .flat_map(|scope| &scope.params)
        .map(|(name, value)| (name.clone(), value.to_plain()))
        .collect();
    json!({
        "version": VERSION,
        "runbook": plan.runbook.as_str(),
        "title": plan.title,
        "description": plan.description,
        "severity": plan.severity.map(|s| s.to_string()),
        "environment": plan.environment.as_str(),
        "real": plan.real,
        "timeout": plan.timeout.map(|t| t.to_string()),
        "lock": plan.lock,
        "break_glass": plan.policy.break_glass.as_ref().map(|glass| json!({
            "group": glass.group.as_str(),
            "people": names(plan.policy.people(std::slice::from_ref(&glass.group))),
            "announce": glass.announce,
        })),
        "params": params,
        "tools": tools,
        "steps": tree(plan, &describer, plan.steps),
        "finally": tree(plan, &describer, plan.finally),
    })
}

/// The steps below a root as a tree, built from the last to the first so that no call is nested.
fn tree(plan: &Plan, describer: &Describer<'_>, root: NodeIx) -> Vec<Json> {
    let mut waiting: Vec<Vec<Json>> = vec![Vec::new()];
    for place in below(plan, root).into_iter().rev() {
        while waiting.len() <= place.depth + 1 {
            waiting.push(Vec::new());
        }
        let mut children = std::mem::take(&mut waiting[place.depth + 1]);
        children.reverse();
        let step = describer.step(place.ix);
        waiting[place.depth].push(step_json(plan, &place, step, children));
    }
    let mut steps = std::mem::take(&mut waiting[0]);
    steps.reverse();
    steps
}

fn step_json(plan: &Plan, place: &Place, step: Described, children: Vec<Json>) -> Json {
    let node = plan.node(place.ix);
    let gate = step.gate.map(|gate| {
        json!({
            "by": gate.by,
            "question": gate.question,
            "challenge": gate.challenge,
            "if": gate.only_if,
            "show": gate.shows,
            "once": gate.once,
            "approvals": gate.approvals.map(approvals_json),
            "expires": (!gate.expires.is_never()).then(|| expires_json(&gate.expires)),
        })
    });
    let choices: Map<String, Json> = step
        .choices
        .into_iter()
        .map(|(name, meaning)| (name, Json::String(meaning)))
        .collect();
    let order = step.order.map(|order| match order {
        Order::Listed => "listed",
        Order::Parallel => "parallel",
        Order::Independent => "independent",
    });
    let all = json!({
        "id": node.path,
        "number": place.number,
        "place": node.place,
        "kind": step.kind,
        "title": step.titled.then_some(step.title),
        "why": step.why,
        "does": step.does,
        "adapter": step.answers,
        "real": step.real,
        "effect": step.effect.word(),
        "order": order,
        "needs": step.needs,
        "if": step.only_if,
        "if_decided": step.decided,
        "require": step.require,
        "for_each": step.each,
        "gate": gate,
        "until": step.until,
        "expect": step.expect,
        "retry": step.retry,
        "timeout": step.timeout.map(|t| t.to_string()),
        "undo": step.undo,
        "on_failure": step.on_failure,
        "by": step.by,
        "choices": choices,
        "suggest": step.suggest,
        "steps": children,
    });
    without_empty(all)
}

fn approvals_json(said: ApprovalsSaid) -> Json {
    without_empty(json!({
        "count": said.count,
        "from": said.from,
        "people": said.people,
        "exclude": said.exclude,
        "if": said.only_if,
        "if_decided": said.decided,
        "too_few": said.too_few,
        "afterwards": said.afterwards,
    }))
}

fn expires_json(expires: &Expires) -> Json {
    let time = |time: Option<Duration>| time.map(|time| time.to_string());
    without_empty(json!({
        "approve": time(expires.approve),
        "execute": time(expires.execute),
        "escalate": names(&expires.escalate),
    }))
}

fn names<T: ToString>(all: impl IntoIterator<Item = T>) -> Vec<String> {
    all.into_iter().map(|one| one.to_string()).collect()
}

/// What is not there is left out: a reader's eye and a diff are the better for it.
fn without_empty(value: Json) -> Json {
    match value {
        Json::Object(fields) => Json::Object(
            fields
                .into_iter()
                .filter(|(_, field)| match field {
                    Json::Null => false,
                    Json::Array(items) => !items.is_empty(),
                    Json::Object(fields) => !fields.is_empty(),
                    _ => true,
                })
                .collect(),
        ),
        other => other,
    }
}
