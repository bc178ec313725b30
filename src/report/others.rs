//! What others must say, in words, as far as it is known before the run. Nothing here is escaped:
//! `Line` does that.

use std::collections::BTreeSet;

use super::describe::one_line;
use super::known::InScope;
use crate::model::gate::Expires;
use crate::model::ids::GroupName;
use crate::plan::{Plan, PlannedApprovals};
use crate::spec::environment::humans;

/// The approvals of one gate.
#[derive(Clone, Debug)]
pub(super) struct ApprovalsSaid {
    pub(super) count: u32,
    pub(super) from: Vec<String>,
    /// Who is in these groups and may approve; nobody is known in a rehearsal.
    pub(super) people: Vec<String>,
    pub(super) exclude: Vec<String>,
    pub(super) only_if: Option<String>,
    /// Where the condition is decided by the parameters alone.
    pub(super) decided: Option<bool>,
    /// Whether there are too few people for it.
    pub(super) too_few: bool,
    /// Whether the step may act before they are there.
    pub(super) afterwards: bool,
}

impl ApprovalsSaid {
    pub(super) fn of(plan: &Plan, asked: &PlannedApprovals, names: &InScope<'_>) -> Self {
        let may = plan.policy.people(&asked.from).into_iter();
        let may: Vec<_> = may
            .filter(|one| !asked.exclude.iter().any(|other| other.is_same_person(one)))
            .collect();
        let condition = asked.condition.as_ref();
        Self {
            count: asked.count,
            from: asked.from.iter().map(ToString::to_string).collect(),
            people: may.iter().map(ToString::to_string).collect(),
            exclude: asked.exclude.iter().map(ToString::to_string).collect(),
            only_if: condition.map(|condition| one_line(condition.source())),
            decided: condition.and_then(|condition| names.decided(condition)),
            too_few: !asked.from.is_empty() && plan.real && humans(&may) < asked.count as usize,
            afterwards: is_afterwards(plan),
        }
    }

    /// Whether the gate is certain not to ask for them.
    pub(super) fn is_dropped(&self) -> bool {
        self.decided == Some(false)
    }

    /// How many, by whom.
    pub(super) fn whom(&self) -> String {
        let mut said = match self.count {
            1 => "1 approval by somebody else".to_owned(),
            n => format!("{n} approvals by others"),
        };
        if !self.from.is_empty() {
            said.push_str(&format!(" of {}", self.from.join(" or ")));
        }
        if !self.people.is_empty() {
            said.push_str(&format!(": {}", self.people.join(", ")));
        }
        if !self.exclude.is_empty() {
            said.push_str(&format!(", but not {}", self.exclude.join(" or ")));
        }
        said
    }
}

/// Whether this run's severity lets a step act before its approvals are there.
fn is_afterwards(plan: &Plan) -> bool {
    let severity = plan.severity.as_ref();
    severity.is_some_and(|severity| plan.policy.after_the_fact.contains(severity))
}

/// How long a gate waits, and how long a decision holds: one sentence each.
pub(super) fn expires(expires: &Expires) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(approve) = expires.approve {
        let escalate: Vec<String> = expires
            .escalate
            .iter()
            .map(|group| format!("then {group} may approve too, for {approve} more; "))
            .collect();
        said.push(match escalate.concat() {
            none if none.is_empty() => format!("waits {approve}; no answer means no"),
            then => format!("waits {approve}; {then}then no answer means no"),
        });
    }
    if let Some(execute) = expires.execute {
        said.push(format!(
            "asks again if it has not begun {execute} after the decision"
        ));
    }
    said
}

/// What a person should know of others before the run begins; nothing where no gate asks them.
#[derive(Default)]
pub(super) struct Others {
    /// How many gates ask, and whom; nothing where none does.
    pub(super) asked: Option<String>,
    /// Gates that nobody gets past.
    pub(super) stuck: Option<String>,
    /// That approvals may come later.
    pub(super) afterwards: Option<String>,
    /// Who may go on without.
    pub(super) glass: Option<String>,
}

impl Others {
    /// `gates` are those that ask others, each with its step.
    pub(super) fn of(plan: &Plan, gates: &[(String, ApprovalsSaid)]) -> Self {
        if gates.is_empty() {
            return Self::default();
        }
        let groups: BTreeSet<&str> = gates
            .iter()
            .flat_map(|(_, said)| said.from.iter().map(String::as_str))
            .collect();
        let groups: Vec<&str> = groups.into_iter().collect();
        let whom = match groups.as_slice() {
            [] => String::new(),
            groups => format!(" ({})", groups.join(", ")),
        };
        let ask = match gates.len() {
            1 => "1 gate may ask".to_owned(),
            n => format!("{n} gates may ask"),
        };
        let stuck: Vec<&str> = gates
            .iter()
            .filter(|(_, said)| said.too_few && !said.afterwards)
            .map(|(step, _)| step.as_str())
            .collect();
        Self {
            asked: Some(format!("{ask} for approvals by others{whom}")),
            stuck: (!stuck.is_empty()).then(|| {
                let environment = &plan.environment;
                let steps = stuck.join(", ");
                format!("{environment} has too few people to approve what {steps} may ask for")
            }),
            afterwards: plan
                .severity
                .filter(|_| is_afterwards(plan))
                .map(|severity| {
                    format!(
                        "at {severity} approvals may come up to 24 hours after a step has acted"
                    )
                }),
            glass: plan.policy.break_glass.as_ref().map(|glass| {
                let people = plan.policy.people(std::slice::from_ref(&glass.group));
                let people: Vec<String> = people.iter().map(ToString::to_string).collect();
                format!(
                    "{} may go on without approvals, with --break-glass and a reason{}",
                    who(&glass.group, &people),
                    glass
                        .announce
                        .as_ref()
                        .map_or_else(String::new, |channel| format!(
                            ", and {channel} is told of it"
                        ))
                )
            }),
        }
    }
}

fn who(group: &GroupName, people: &[String]) -> String {
    match people {
        [] => format!("{group} (nobody)"),
        people => format!("{group} ({})", people.join(", ")),
    }
}
