//! What a run waits for, and what to type: for those who look at it or answer.

use super::astray::carried;
use crate::model::Timestamp;
use crate::model::approval::Principal;
use crate::model::ids::GroupName;
use crate::model::text::escape_controls;
use crate::report::typed_words;
use crate::run::{Command, Need, Run, Waiting};
use crate::workspace::StatePlace;

/// What the run waits for, and who can do what about it; nothing where it waits for nobody. What is
/// to be typed carries where the run is.
pub fn told(run: &Run, place: &StatePlace) -> Option<String> {
    let id = run.id();
    let mut lines = Vec::new();
    for waiting in run.waiting() {
        lines.push(gate(run, &waiting, place));
    }
    let now = run.last_moment().unwrap_or(Timestamp::MIN);
    for command in run.commands(now) {
        if let Command::Person(needed) = command
            && let Some(what) = operators(&needed.need)
        {
            let step = escape_controls(needed.step.as_str()).into_owned();
            lines.push(format!("Waits for its operator at {step}: {what}."));
        }
    }
    if run.is_parked() {
        lines.push(format!(
            "It is parked: runbook resume {id}{}",
            carried(place)
        ));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// A gate that waits, in a few lines.
pub fn gate(run: &Run, waiting: &Waiting<'_>, place: &StatePlace) -> String {
    let step = escape_controls(waiting.step.as_str()).into_owned();
    let confirm = escape_controls(&waiting.gate.confirm).into_owned();
    let operator = match waiting.operator {
        Some(_) => None,
        None => Some("its operator's decision".to_owned()),
    };
    let others = (waiting.missing > 0).then(|| {
        let who = who(waiting);
        match waiting.missing {
            1 => format!("an approval of {who}"),
            n => format!("{n} approvals of {who}"),
        }
    });
    let all: Vec<String> = operator.into_iter().chain(others).collect();
    let mut out = format!("Waits at {step} for {}: {confirm}", all.join(" and "));
    if waiting.missing > 0 {
        out.push_str(&format!("\n  {}", command(run, waiting, place)));
    }
    out
}

/// Who may approve, in words.
pub fn who(waiting: &Waiting<'_>) -> String {
    let groups: Vec<GroupName> = waiting.groups.iter().copied().cloned().collect();
    let people: Vec<Principal> = waiting.people.iter().copied().cloned().collect();
    names(&groups, &people)
}

/// Groups and who is in them.
pub fn names(groups: &[GroupName], people: &[Principal]) -> String {
    let groups: Vec<&str> = groups.iter().map(GroupName::as_str).collect();
    let people: Vec<&str> = people.iter().map(Principal::as_str).collect();
    match (groups.as_slice(), people.as_slice()) {
        ([], []) => "anybody but the operator".to_owned(),
        ([], _) => people.join(", "),
        (_, []) => groups.join(", "),
        (_, _) => format!("{} ({})", groups.join(", "), people.join(", ")),
    }
}

/// What an approver types.
pub fn command(run: &Run, waiting: &Waiting<'_>, place: &StatePlace) -> String {
    let words = [
        "runbook",
        "approve",
        run.id().as_str(),
        waiting.step.as_str(),
    ];
    format!("{}{}", escape_controls(&typed_words(words)), carried(place))
}

/// What an operator is needed for, apart from gates.
fn operators(need: &Need) -> Option<&'static str> {
    match need {
        Need::Gate(_) | Need::Approvals { .. } => None,
        Need::Ask { .. } => Some("an answer"),
        Need::Manual { .. } => Some("something to do by hand"),
        Need::Failure { .. } => Some("what to do after a failure"),
        Need::Doubt { .. } => Some("what became of a step that is in doubt"),
    }
}
