//! Gates: what the runbook asks for and what the environment's policy demands, the stricter of
//! both. A runbook can only tighten.

use super::node::{Challenge, GateBy, PlannedApprovals, PlannedGate};
use crate::expr::{ExprError, Expression};
use crate::model::Effect;
use crate::model::gate::Expires;
use crate::model::ids::GroupName;
use crate::spec::environment::{GateNeeds, GateRule, PolicyApprovals};
use crate::spec::step::{Approvals, Gate, GateAsk};

/// The gate of a step; `needs` is what the policy demands of it.
///
/// # Errors
/// The conditions of the runbook's gate are too long to be taken together.
pub(super) fn of_step(
    needs: &GateNeeds,
    effect: Effect,
    gate: Option<&Gate>,
) -> Result<Option<PlannedGate>, ExprError> {
    match gate {
        Some(Gate::Ask(ask)) => asked(needs, effect, ask).map(Some),
        // That the author needs none does not remove what the policy demands.
        Some(Gate::None) | None => Ok(demanded(needs)),
    }
}

/// The gate of what takes a step back: a destructive undo is always asked about.
pub(super) fn of_undo(needs: &GateNeeds, effect: Effect) -> Option<PlannedGate> {
    let least = match effect {
        Effect::Destructive => GateRule::Confirm,
        Effect::Read | Effect::Change => GateRule::None,
    };
    demanded(&GateNeeds {
        rule: needs.rule.max(least),
        approvals: needs.approvals.clone(),
    })
}

/// A gate that nobody but the policy asks for.
fn demanded(needs: &GateNeeds) -> Option<PlannedGate> {
    if needs.rule == GateRule::None && needs.approvals.is_none() {
        return None;
    }
    Some(PlannedGate {
        confirm: None,
        challenge: (needs.rule == GateRule::Challenge).then_some(Challenge::Target),
        show: Vec::new(),
        condition: None,
        keep: true,
        once: false,
        by: GateBy::Policy,
        approvals: needs.approvals.as_ref().map(by_policy),
        expires: Expires::default(),
    })
}

fn asked(needs: &GateNeeds, effect: Effect, ask: &GateAsk) -> Result<PlannedGate, ExprError> {
    let own = ask.condition.as_ref().map(|condition| &condition.value);
    // What the policy demands does not depend on the runbook's condition.
    let demands = needs.rule == GateRule::Challenge || needs.approvals.is_some();
    Ok(PlannedGate {
        confirm: Some(ask.confirm.value.clone()),
        challenge: match (&ask.challenge, needs.rule) {
            // Whoever wrote the runbook does not choose what is typed where the policy does.
            (_, GateRule::Challenge) => Some(Challenge::Target),
            (Some(text), _) => Some(Challenge::Text(text.value.clone())),
            (None, _) => None,
        },
        show: ask.show.iter().map(|show| show.value.clone()).collect(),
        condition: own.filter(|_| !demands).cloned(),
        keep: effect == Effect::Destructive || demands || needs.rule >= GateRule::Confirm,
        once: ask.once,
        by: GateBy::Runbook,
        approvals: match (&ask.approvals, &needs.approvals) {
            (None, None) => None,
            (None, Some(demanded)) => Some(by_policy(demanded)),
            (Some(approvals), None) => Some(by_runbook(approvals, own)?),
            (Some(approvals), Some(demanded)) => Some(both(approvals, demanded)),
        },
        expires: Expires {
            escalate: escalation(&ask.expires.escalate, needs.approvals.as_ref()),
            ..ask.expires.clone()
        },
    })
}

fn by_policy(demanded: &PolicyApprovals) -> PlannedApprovals {
    PlannedApprovals {
        count: demanded.count,
        from: each_once(demanded.from.iter()),
        exclude: Vec::new(),
        condition: None,
    }
}

/// The gate's `if` drops its approvals too, even where the policy keeps the gate itself.
fn by_runbook(
    approvals: &Approvals,
    gate: Option<&Expression>,
) -> Result<PlannedApprovals, ExprError> {
    let own = approvals.condition.as_ref().map(|own| &own.value);
    let condition = match (gate, own) {
        (Some(gate), Some(own)) => {
            let both = format!("({}) and ({})", gate.source(), own.source());
            Some(Expression::parse(&both)?)
        }
        (one, None) | (None, one) => one.cloned(),
    };
    Ok(PlannedApprovals {
        count: approvals.count,
        from: each_once(approvals.from.iter().map(|group| &group.value)),
        exclude: approvals.exclude.clone(),
        condition,
    })
}

fn both(approvals: &Approvals, demanded: &PolicyApprovals) -> PlannedApprovals {
    let own = || approvals.from.iter().map(|group| &group.value);
    let from = if demanded.from.is_empty() {
        each_once(own())
    } else {
        let common = each_once(own().filter(|group| demanded.from.contains(group)));
        match common.as_slice() {
            [] => each_once(demanded.from.iter()),
            _ => common,
        }
    };
    PlannedApprovals {
        count: approvals.count.max(demanded.count),
        from,
        exclude: approvals.exclude.clone(),
        condition: None,
    }
}

/// Whom a gate asks when nobody answers: where the policy says who may approve, nobody else.
fn escalation(groups: &[GroupName], demanded: Option<&PolicyApprovals>) -> Vec<GroupName> {
    let allowed = demanded.map_or(&[][..], |demanded| &demanded.from);
    let groups = groups.iter();
    groups
        .filter(|group| allowed.is_empty() || allowed.contains(group))
        .cloned()
        .collect()
}

fn each_once<'a>(groups: impl Iterator<Item = &'a GroupName>) -> Vec<GroupName> {
    let mut once: Vec<GroupName> = Vec::new();
    for group in groups {
        if !once.contains(group) {
            once.push(group.clone());
        }
    }
    once
}

#[cfg(test)]
#[path = "gates_tests.rs"]
mod tests;
