//! A gate that stands open, and one that was passed: who has said what, and until when.

use std::collections::BTreeSet;

use super::state::{InstIx, Run, State};
use crate::model::approval::{ApprovalsAsked, Principal, Voter};
use crate::model::call::{Failure, FailureKind};
use crate::model::event::{Decision, GateOpened, Happened};
use crate::model::ids::GroupName;
use crate::model::people::{Actor, Person, Way};
use crate::model::{Digest, Status, Timestamp};
use crate::spec::environment::Unattended;

/// A gate that waits for the operator, for others, or for both. Each opening has one of its own, so
/// that nothing that was said survives into the next.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OpenGate {
    /// What is shown.
    pub(super) gate: GateOpened,
    /// When it was opened.
    pub(super) opened: Timestamp,
    /// From when on its time counts: its opening, or its last escalation.
    pub(super) since: Timestamp,
    /// What others must say: what the gate asks, and the groups that it was escalated to.
    pub(super) asked: Option<ApprovalsAsked>,
    /// How often nobody approved in time.
    escalations: usize,
    /// The operator's yes.
    pub(super) yes: Option<Yes>,
    /// Others' yeses, of different people.
    pub(super) votes: Vec<Given>,
}

/// What the operator said, or what stood in for them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Yes {
    pub(super) by: Person,
    pub(super) way: Way,
    pub(super) at: Timestamp,
}

impl Yes {
    /// Whether it stands for everybody who is asked, where the policy allows that.
    pub(super) fn stands_in(&self) -> bool {
        stands_in(self.way)
    }
}

/// Whether nobody in particular said it: `--yes` and prepared answers.
pub(super) fn stands_in(way: Way) -> bool {
    matches!(way, Way::Yes | Way::Answers)
}

/// Another's yes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Given {
    pub(super) voter: Voter,
    pub(super) at: Timestamp,
}

/// A gate that was passed, and behind which nothing has started yet.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Passed {
    /// What was decided about.
    pub(super) gate: Digest,
    /// What may start.
    pub(super) works: BTreeSet<Digest>,
    /// The last moment at which it may start; later it asks again.
    pub(super) until: Option<Timestamp>,
    /// What others had to say.
    pub(super) asked: Option<ApprovalsAsked>,
    /// The operator's word.
    pub(super) yes: Yes,
    /// The others' words that counted.
    pub(super) votes: Vec<Given>,
}

impl Passed {
    /// Whether it came too late for a start at this moment.
    pub(super) fn has_lapsed(&self, at: Timestamp) -> bool {
        self.until.is_some_and(|until| until < at)
    }

    /// How many others still have to say something, although it was passed.
    pub(super) fn owed(&self) -> usize {
        match &self.asked {
            Some(asked) if !self.yes.stands_in() => {
                (asked.count as usize).saturating_sub(self.votes.len())
            }
            _ => 0,
        }
    }
}

impl OpenGate {
    pub(super) fn new(gate: GateOpened, at: Timestamp) -> Self {
        Self {
            asked: gate.approvals.clone(),
            gate,
            opened: at,
            since: at,
            escalations: 0,
            yes: None,
            votes: Vec::new(),
        }
    }

    /// When it is escalated or declined.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let wait = self.gate.expires.approve?;
        Some(wait.after(self.since))
    }

    /// The group that may approve too once time is up. Where nobody else is asked, there is nobody
    /// to turn to.
    pub(super) fn next_group(&self) -> Option<&GroupName> {
        self.asked.as_ref()?;
        self.gate.expires.escalate.get(self.escalations)
    }

    /// Whether time is up for good.
    pub(super) fn has_expired(&self, at: Timestamp) -> bool {
        self.next_group().is_none() && self.deadline().is_some_and(|deadline| deadline <= at)
    }

    /// One more is asked for, unless one is already.
    pub(super) fn ask_one_more(&mut self) {
        if let Some(asked) = &mut self.asked
            && !asked.one_more
        {
            asked.one_more = true;
            asked.count = asked.count.saturating_add(1);
        }
    }

    /// One group more may approve, and the time begins anew.
    fn escalate(&mut self, at: Timestamp, to: &GroupName, people: &[Principal]) {
        self.since = at;
        self.escalations += 1;
        // Where anybody may, one group more changes nothing.
        if let Some(asked) = &mut self.asked
            && !asked.from.is_empty()
        {
            asked.from.push(to.clone());
            let new = people
                .iter()
                .filter(|person| !asked.people.contains(person));
            let new: Vec<Principal> = new.cloned().collect();
            asked.people.extend(new);
        }
    }
}

impl Run {
    /// Everybody who operates the run, or decided at this gate.
    pub(super) fn operators<'a>(
        &'a self,
        yes: Option<&'a Yes>,
    ) -> impl Iterator<Item = &'a Person> {
        self.operators.iter().chain(yes.map(|yes| &yes.by))
    }

    /// Whether nobody can say of somebody who operates the run that they are none of those who
    /// approve. Where `--yes` may stand in for everybody, nothing hangs on it.
    pub(super) fn has_unknown_operator(&self) -> bool {
        let unknown = |person: &Person| !person.is_identified();
        self.plan.policy.unattended != Unattended::Allow && self.operators.iter().any(unknown)
    }

    /// The votes that count. Who approved and then took the run up, or decided at the gate, is no
    /// other any more.
    pub(super) fn counted<'a>(&'a self, open: &'a OpenGate) -> impl Iterator<Item = &'a Given> {
        open.votes.iter().filter(|given| {
            let mut operators = self.operators(open.yes.as_ref());
            !operators.any(|person| given.voter.may_be(person))
        })
    }

    /// How many others still have to say yes before the step may act.
    pub(super) fn missing(&self, open: &OpenGate) -> usize {
        match &open.asked {
            Some(asked) if !asked.afterwards => {
                (asked.count as usize).saturating_sub(self.counted(open).count())
            }
            _ => 0,
        }
    }

    /// The gate, if enough was said to pass it.
    fn passed(&self, open: &OpenGate, at: Timestamp) -> Option<Passed> {
        let yes = open.yes.as_ref()?;
        if self.missing(open) > 0 && !yes.stands_in() {
            return None;
        }
        Some(Passed {
            gate: open.gate.digest,
            works: super::render::digests(&open.gate.works),
            until: open.gate.expires.execute.map(|wait| wait.after(at)),
            asked: open.asked.clone(),
            yes: yes.clone(),
            votes: self.counted(open).cloned().collect(),
        })
    }

    /// Somebody has said yes: perhaps that was the last word that was needed.
    fn pass_if_enough(&mut self, ix: InstIx, at: Timestamp) {
        if let State::Gated(open) = &self.inst(ix).state
            && let Some(passed) = self.passed(open, at)
        {
            self.set(ix, State::Approved(Box::new(passed)));
        }
    }

    /// What time alone leads to at a gate: one group more may approve, or it is declined.
    pub(super) fn overdue(&self, open: &OpenGate, at: Timestamp) -> Option<Happened> {
        if open.deadline()? > at {
            return None;
        }
        let digest = open.gate.digest;
        Some(match open.next_group() {
            Some(to) => Happened::GateEscalated {
                digest,
                to: to.clone(),
                people: self.members(to).to_vec(),
            },
            None => Happened::GateDecided {
                digest,
                decision: Decision::Expire,
                way: Way::Rule,
                reason: None,
            },
        })
    }

    /// The people of a group of the policy.
    pub(super) fn members(&self, group: &GroupName) -> &[Principal] {
        let people = self.plan.policy.approvers.get(group);
        people.map_or(&[], Vec::as_slice)
    }

    pub(super) fn on_gate_opened(&mut self, ix: InstIx, at: Timestamp, gate: &GateOpened) {
        self.inst_mut(ix).turns = gate.turn;
        let open = OpenGate::new(gate.clone(), at);
        self.set(ix, State::Gated(Box::new(open)));
    }

    pub(super) fn on_escalated(
        &mut self,
        ix: InstIx,
        at: Timestamp,
        to: &GroupName,
        people: &[Principal],
    ) {
        if let State::Gated(open) = &mut self.inst_mut(ix).state {
            open.escalate(at, to, people);
        }
    }

    pub(super) fn on_approval_given(&mut self, ix: InstIx, at: Timestamp, voter: &Voter) {
        if let State::Gated(open) = &mut self.inst_mut(ix).state {
            open.votes.push(Given {
                voter: voter.clone(),
                at,
            });
        }
        self.pass_if_enough(ix, at);
    }

    pub(super) fn on_gate_decided(
        &mut self,
        ix: InstIx,
        (at, actor): (Timestamp, &Actor),
        decision: Decision,
        way: Way,
        reason: Option<&str>,
    ) {
        let State::Gated(open) = &mut self.inst_mut(ix).state else {
            return;
        };
        match decision {
            Decision::Approve => {
                if let Actor::Person(by) = actor {
                    let by = by.clone();
                    open.yes = Some(Yes { by, way, at });
                }
                self.pass_if_enough(ix, at);
            }
            Decision::Skip => self.leave_out(ix, at, way, reason),
            Decision::Decline => {
                let failure = declined("declined", reason);
                self.fail(ix, at, Status::Declined, failure);
            }
            Decision::Expire => {
                let failure = self.expired(ix);
                self.fail(ix, at, Status::Declined, failure);
            }
        }
    }

    /// Why a gate was declined that nobody declined.
    fn expired(&self, ix: InstIx) -> Failure {
        let State::Gated(open) = &self.inst(ix).state else {
            return declined("expired", None);
        };
        let within = open.gate.expires.approve.unwrap_or_default();
        let missing = self.missing(open);
        let who = match (&open.yes, missing) {
            (Some(_), _) => format!("{missing} more had to approve, and nobody did"),
            (None, _) if open.votes.is_empty() => "nobody decided".to_owned(),
            (None, _) => "the operator did not decide".to_owned(),
        };
        declined("expired", Some(&format!("{who} within {within}")))
    }

    /// Whoever broke the glass need not wait for others: what waits for them asks the operator
    /// anew.
    pub(super) fn reopen_gates_with_approvals(&mut self) {
        let waiting: Vec<InstIx> = self
            .lanes
            .active()
            .filter(|ix| match &self.inst(*ix).state {
                State::Gated(open) => open.asked.is_some(),
                _ => false,
            })
            .collect();
        for ix in waiting {
            self.again(ix, None);
        }
    }
}

/// A no, with why.
pub(super) fn declined(word: &str, why: Option<&str>) -> Failure {
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    Failure::new(FailureKind::Declined, format!("{word}{why}"))
}
