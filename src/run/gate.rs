//! The gate in front of a step: what is shown, and what a decision is bound to.

use std::borrow::Cow;

use super::names::At;
use super::render::{broken, calls_out};
use super::state::{Inst, InstIx, Role, Run};
use crate::expr::Template;
use crate::model::approval::{ApprovalsAsked, Principal};
use crate::model::call::{Failure, FailureKind, Work};
use crate::model::event::{Expires, GateOpened};
use crate::model::ids::GroupName;
use crate::model::{Digest, Timestamp, Value};
use crate::plan::{Challenge, GateBy, Node, PlannedApprovals, PlannedGate};
use crate::spec::environment::PolicyApprovals;

impl Run {
    /// The gate in front of an instance as it stands now, or none where nobody needs to be asked.
    pub(super) fn barrier(
        &self,
        ix: InstIx,
        works: Vec<Work>,
        now: Timestamp,
    ) -> Result<Option<GateOpened>, Failure> {
        let inst = self.inst(ix);
        let node = self.plan.node(inst.node);
        let at = At {
            run: self,
            inst: ix,
        };
        let Some(mut gate) = self.gate_of(ix, node) else {
            return Ok(None);
        };
        if gate.once {
            // The loop asks for all its items; an item asks again only for what nobody has seen.
            match &inst.role {
                Role::Body if self.seen_once(ix, &works, now) => return Ok(None),
                _ => {}
            }
        }
        let extras = match &gate.condition {
            None => true,
            Some(condition) => condition
                .eval_bool(&at)
                .map_err(|e| broken("the gate's `if`", &e))?,
        };
        let demanded = self.demanded(node);
        if !extras && !gate.keep && demanded.is_none() {
            // No question of its own, but perhaps the one that a step left out raises.
            match self.gate_after_left_out(ix, node) {
                Some(other) => gate = Cow::Owned(other),
                None => return Ok(None),
            }
        }
        let confirm = match &gate.confirm {
            Some(confirm) => confirm
                .render(&at)
                .map_err(|e| broken("the gate's question", &e))?,
            None => self.default_question(ix, node, &works),
        };
        let challenge = match &gate.challenge {
            Some(challenge) if extras => Some(self.challenge(challenge, &at, &works)?),
            _ => None,
        };
        let asked = match (&gate.approvals, extras) {
            (Some(asked), true) => self.approvals(asked, &at)?,
            _ => demanded.map(|demanded| self.asked(demanded.count, &demanded.from, &[])),
        };
        let waived = asked.as_ref().and(self.waived()).map(str::to_owned);
        let mut show = Vec::new();
        for expression in &gate.show {
            let value = expression
                .eval(&at)
                .map_err(|e| broken("what the gate shows", &e))?;
            show.push((expression.source().to_owned(), evidence(value)));
        }
        let opened = GateOpened {
            confirm,
            challenge,
            show,
            works,
            effect: node.effect,
            approvals: asked.filter(|_| waived.is_none()),
            waived,
            expires: gate.expires.clone(),
            turn: inst.turns,
            digest: Digest::ZERO,
        };
        self.seal(inst, opened).map(Some)
    }

    /// Binds a gate to its digest.
    fn seal(&self, inst: &Inst, mut gate: GateOpened) -> Result<GateOpened, Failure> {
        gate.digest = gate
            .bound(&self.id, &self.plan.environment, &inst.key, inst.attempt)
            .map_err(|e| {
                Failure::new(
                    FailureKind::Expression,
                    format!("the gate has no digest: {e}"),
                )
            })?;
        Ok(gate)
    }

    /// The same gate for another decision: whatever was said at the last opening is about another
    /// digest, even where the gate shows the same again.
    pub(super) fn anew(&self, ix: InstIx, gate: GateOpened) -> Result<GateOpened, Failure> {
        let turn = gate.turn.saturating_add(1);
        self.seal(self.inst(ix), GateOpened { turn, ..gate })
    }

    /// What others must say, if the gate asks for that now.
    fn approvals(
        &self,
        asked: &PlannedApprovals,
        at: &At<'_>,
    ) -> Result<Option<ApprovalsAsked>, Failure> {
        let holds = match &asked.condition {
            None => true,
            Some(condition) => condition
                .eval_bool(at)
                .map_err(|e| broken("the `if` of the gate's approvals", &e))?,
        };
        Ok(holds.then(|| self.asked(asked.count, &asked.from, &asked.exclude)))
    }

    fn asked(&self, count: u32, from: &[GroupName], exclude: &[Principal]) -> ApprovalsAsked {
        let mut people: Vec<Principal> = Vec::new();
        for person in from.iter().flat_map(|group| self.members(group)) {
            if !people.contains(person) {
                people.push(person.clone());
            }
        }
        let policy = &self.plan.policy;
        let severity = self.plan.severity.as_ref();
        let one_more = self.has_unknown_operator();
        ApprovalsAsked {
            count: count.saturating_add(one_more.into()),
            from: from.to_vec(),
            people,
            exclude: exclude.to_vec(),
            afterwards: severity.is_some_and(|severity| policy.after_the_fact.contains(severity)),
            one_more,
        }
    }

    /// What the policy asks of others before a node acts, whatever the runbook says.
    fn demanded(&self, node: &Node) -> Option<PolicyApprovals> {
        let acts = calls_out(&node.does) && node.effect.acts();
        acts.then(|| self.plan.policy.gates.of(node.effect).approvals)?
    }

    /// The planned gate, or the one that a step gets because the operator left out another
    /// that it was meant to follow.
    fn gate_of(&self, ix: InstIx, node: &Node) -> Option<Cow<'_, PlannedGate>> {
        if let Some(gate) = &self.plan.node(self.inst(ix).node).gate {
            // Asked for each item, unless it is asked once for all of them.
            return (!self.is_loop(ix) || gate.once).then_some(Cow::Borrowed(gate));
        }
        self.gate_after_left_out(ix, node).map(Cow::Owned)
    }

    /// What changes the world asks again once the operator has left a step out. What is done
    /// after the steps was not meant to follow any of them.
    fn gate_after_left_out(&self, ix: InstIx, node: &Node) -> Option<PlannedGate> {
        let left_out = self.left_out.as_ref()?;
        let acts = node.effect.acts() && !node.does.is_block() && !self.is_loop(ix);
        let question = format!(
            "Step {left_out} was left out. Go on with {} all the same?",
            self.inst(ix).key
        );
        (acts && self.in_steps(ix)).then(|| PlannedGate {
            // A key may hold what a template would take for its own.
            confirm: Template::parse(&question.replace('{', "(")).ok(),
            challenge: None,
            show: Vec::new(),
            condition: None,
            keep: true,
            once: false,
            by: GateBy::Policy,
            approvals: None,
            expires: Expires::default(),
        })
    }

    fn seen_once(&self, ix: InstIx, works: &[Work], now: Timestamp) -> bool {
        let Some(parent) = self.inst(ix).parent else {
            return false;
        };
        // A second attempt needs a decision of its own.
        if self.inst(ix).attempt.0 > 1 {
            return false;
        }
        match &self.inst(parent).role {
            Role::Loop { once, until } => {
                let seen = |work: &Work| work.digest().is_ok_and(|digest| once.contains(&digest));
                until.is_none_or(|until| now <= until) && works.iter().all(seen)
            }
            _ => false,
        }
    }

    fn challenge(
        &self,
        challenge: &Challenge,
        at: &At<'_>,
        works: &[Work],
    ) -> Result<String, Failure> {
        match challenge {
            Challenge::Text(template) => {
                let text = template
                    .render(at)
                    .map_err(|e| broken("the gate's challenge", &e))?;
                if text.trim().is_empty() {
                    return Err(Failure::new(
                        FailureKind::Expression,
                        "the gate's challenge is empty",
                    ));
                }
                Ok(text)
            }
            Challenge::Target => Ok(works
                .iter()
                .find_map(|work| self.target(work))
                .unwrap_or_else(|| self.plan.environment.to_string())),
        }
    }

    /// The name of what a call acts on: the argument that the contract marks as its target.
    pub fn target(&self, work: &Work) -> Option<String> {
        let Work::Call(call) = work else {
            return None;
        };
        let action = self.plan.action(&call.tool.tool, &call.action)?;
        let (name, _) = action.args.iter().find(|(_, arg)| arg.target)?;
        call.args.get(&name.variable()).map(Value::to_string)
    }

    fn default_question(&self, ix: InstIx, node: &Node, works: &[Work]) -> String {
        let at = At {
            run: self,
            inst: ix,
        };
        let title = node
            .how
            .title
            .as_ref()
            .and_then(|title| title.value.render(&at).ok());
        match (title, works.first()) {
            (Some(title), _) => format!("{title}?"),
            (None, Some(Work::Call(call))) => format!("{} {}?", call.tool, call.action),
            (None, _) => format!("Go on with {}?", self.inst(ix).key),
        }
    }
}

/// The most that a gate shows of one value, in bytes of its text: what is more no person reads,
/// and the record has to hold all of it.
const MAX_EVIDENCE: usize = 4 * 1024;

/// A value as a gate shows it: whole, or the first items of a list, or the beginning of its text.
fn evidence(value: Value) -> Value {
    let text = value.to_string();
    if text.len() <= MAX_EVIDENCE {
        return value;
    }
    if let Some(first) = first_items(&value) {
        return first;
    }
    let beginning = crate::model::text::clip(&text, MAX_EVIDENCE / 4);
    Value::Str(format!("{beginning} ({} bytes in all)", text.len()))
}

/// As many whole items of a list as there is room for, and how many there are; none where there is
/// room for none.
fn first_items(value: &Value) -> Option<Value> {
    let Value::List(items) = value else {
        return None;
    };
    let mut room = MAX_EVIDENCE;
    let fits = items.iter().take_while(|item| {
        let left = room.checked_sub(item.to_string().len());
        room = left.unwrap_or_default();
        left.is_some()
    });
    let mut first: Vec<Value> = fits.cloned().collect();
    let more = items
        .len()
        .checked_sub(first.len())
        .filter(|more| *more > 0)?;
    if first.is_empty() {
        return None;
    }
    let said = format!("and {more} more, {} in all", items.len());
    first.push(Value::from(said));
    Some(Value::List(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_shown_as_its_first_items_and_how_many_there_are() {
        let short = Value::List(vec![Value::from("x".repeat(100)); 3]);
        assert_eq!(evidence(short.clone()), short);
        let long = Value::List(vec![Value::from("x".repeat(1000)); 9]);
        let Value::List(shown) = evidence(long) else {
            panic!("it is a list");
        };
        assert_eq!(shown.len(), 5);
        assert_eq!(shown[4], Value::from("and 5 more, 9 in all"));
        let one = Value::List(vec![Value::from("x".repeat(9000))]);
        assert!(matches!(evidence(one), Value::Str(text) if text.len() < 2000));
    }
}
