//! Whose word counts at an open gate, and what may be said there. What is refused here is what
//! `runbook approve` tells the person who tried: in plain words, and to them.

use super::apply::Legal;
use super::open_gate::{OpenGate, Yes, stands_in};
use super::state::{Inst, InstIx, Run, State};
use crate::model::approval::{ApprovalsAsked, Ballot, Principal, Proof, Vote, Voter};
use crate::model::event::{Decision, GateOpened, Happened};
use crate::model::ids::{Attempt, GroupName, StepKey};
use crate::model::people::{Person, Way};
use crate::model::{Digest, Timestamp};
use crate::spec::environment::Unattended;

/// A gate that waits for somebody, as `runbook approve` and `runbook watch` show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting<'a> {
    /// Its step.
    pub step: &'a StepKey,
    /// Which try of it.
    pub attempt: Attempt,
    /// What it shows.
    pub gate: &'a GateOpened,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The operator's yes, once they have said it.
    pub operator: Option<OperatorYes<'a>>,
    /// What others have said that counts.
    pub given: Vec<GivenVote<'a>>,
    /// How many more have to, before the step may act.
    pub missing: usize,
    /// The groups that may, those of an escalation included.
    pub groups: Vec<&'a GroupName>,
    /// The people of those groups who may still approve: neither who operates the run nor who has
    /// approved; anybody but the operator where there are no groups.
    pub people: Vec<&'a Principal>,
    /// When it is escalated or declined.
    pub until: Option<Timestamp>,
    /// The group that may approve too from then on; none where it is declined.
    pub next_group: Option<&'a GroupName>,
}

/// Another's yes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GivenVote<'a> {
    /// Who said it, and how we know.
    pub voter: &'a Voter,
    /// When.
    pub at: Timestamp,
}

/// The operator's yes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OperatorYes<'a> {
    /// Who said it.
    pub by: &'a Person,
    /// How.
    pub way: Way,
    /// When.
    pub at: Timestamp,
}

impl Run {
    /// The gates that wait for the operator, for others, or for both, in the order in which their
    /// steps were reached.
    pub fn waiting(&self) -> Vec<Waiting<'_>> {
        let gated = self.insts.iter().filter_map(|inst| match &inst.state {
            State::Gated(open) => Some((inst, &**open)),
            _ => None,
        });
        gated
            .map(|(inst, open)| self.waiting_at(inst, open))
            .collect()
    }

    fn waiting_at<'a>(&'a self, inst: &'a Inst, open: &'a OpenGate) -> Waiting<'a> {
        Waiting {
            step: &inst.key,
            attempt: inst.attempt,
            gate: &open.gate,
            opened_at: open.opened,
            operator: open.yes.as_ref().map(|yes| OperatorYes {
                by: &yes.by,
                way: yes.way,
                at: yes.at,
            }),
            given: self
                .counted(open)
                .map(|given| GivenVote {
                    voter: &given.voter,
                    at: given.at,
                })
                .collect(),
            missing: self.missing(open),
            groups: open.asked.iter().flat_map(|asked| &asked.from).collect(),
            people: self.may_still(open).collect(),
            until: open.deadline(),
            next_group: open.next_group(),
        }
    }

    /// Who of the gate's people may still approve.
    pub(super) fn may_still<'a>(
        &'a self,
        open: &'a OpenGate,
    ) -> impl Iterator<Item = &'a Principal> {
        let invited = open.asked.iter().flat_map(|asked| asked.invited());
        invited.filter(|one| {
            let mut operators = self.operators(open.yes.as_ref());
            let mut given = self.counted(open);
            !operators.any(|person| one.may_be(person))
                && !given.any(|given| given.voter.principal.is_same_person(one))
        })
    }

    /// The gates that nobody could pass any more if this person took the run up, because they are
    /// one of those who must approve, and now could.
    pub fn stuck_with(&self, person: &Person) -> Vec<&StepKey> {
        let rehearsed = self.plan.policy.unattended == Unattended::Allow;
        let stuck = self.insts.iter().filter(|_| !rehearsed).filter(|inst| {
            let State::Gated(open) = &inst.state else {
                return false;
            };
            let named = open
                .asked
                .as_ref()
                .is_some_and(|asked| !asked.from.is_empty());
            let given = self.counted(open);
            let missing =
                self.missing(open) + given.filter(|given| given.voter.may_be(person)).count();
            let now = self.may_still(open).count();
            let left = self.may_still(open).filter(|one| !one.may_be(person));
            named && now >= self.missing(open) && left.count() < missing
        });
        stuck.map(|inst| &inst.key).collect()
    }

    /// Whether somebody may stand in for people who are asked: `--yes` and prepared answers.
    pub(super) fn legal_way(&self, way: Way) -> Legal {
        if stands_in(way) && self.plan.policy.unattended != Unattended::Allow {
            return Err(format!(
                "the policy of {} lets nothing stand in for a person",
                self.plan.environment
            ));
        }
        Ok(())
    }

    /// Whether this can be decided at a gate now.
    pub(super) fn legal_to_decide(&self, ix: InstIx, what: &Happened, at: Timestamp) -> Legal {
        let Happened::GateDecided {
            digest,
            decision,
            way,
            ..
        } = what
        else {
            return Err("it decides nothing".to_owned());
        };
        let State::Gated(open) = &self.inst(ix).state else {
            return Err("no gate is open".to_owned());
        };
        if open.gate.digest != *digest {
            return Err("the decision is bound to something else than what was shown".to_owned());
        }
        if *way == Way::Rule || *decision == Decision::Expire {
            return self.legal_by_time(open, what, at);
        }
        self.legal_way(*way)?;
        self.legal_in_time(open, at)?;
        match (&open.yes, decision) {
            (None, _) | (Some(_), Decision::Decline) => Ok(()),
            (Some(_), Decision::Approve) if stands_in(*way) => Ok(()),
            (Some(_), Decision::Approve) => {
                Err("its operator has said yes already: it waits for others".to_owned())
            }
            (Some(_), Decision::Skip | Decision::Expire) => {
                Err("its operator has said yes: it can only be declined now".to_owned())
            }
        }
    }

    /// What time alone leads to happens when its time has come, and is nothing else.
    pub(super) fn legal_to_escalate(&self, ix: InstIx, what: &Happened, at: Timestamp) -> Legal {
        match &self.inst(ix).state {
            State::Gated(open) => self.legal_by_time(open, what, at),
            _ => Err("no gate is open".to_owned()),
        }
    }

    fn legal_by_time(&self, open: &OpenGate, what: &Happened, at: Timestamp) -> Legal {
        if self.is_parked() {
            return Err("the run is parked".to_owned());
        }
        match self.overdue(open, at) {
            Some(due) if due == *what => Ok(()),
            Some(due) => Err(format!(
                "nobody decided in time, which leads to `{}`",
                due.kind()
            )),
            None => {
                Err("the gate's time is not up, and time alone decides nothing else".to_owned())
            }
        }
    }

    fn legal_in_time(&self, open: &OpenGate, at: Timestamp) -> Legal {
        if open.has_expired(at) {
            let within = open.gate.expires.approve.unwrap_or_default();
            return Err(format!(
                "this gate has expired: nobody decided within {within}"
            ));
        }
        Ok(())
    }

    /// Whether another's word about a gate counts.
    pub(super) fn legal_to_vote(&self, ix: InstIx, what: &Happened, at: Timestamp) -> Legal {
        let Happened::ApprovalGiven {
            digest,
            vote,
            voter,
            reason,
        } = what
        else {
            return Err("it is no vote".to_owned());
        };
        let inst = self.inst(ix);
        let open = match &inst.state {
            State::Gated(open) => open,
            State::Approved(_) | State::Started { .. } | State::Entered => {
                return Err("this gate has been passed already".to_owned());
            }
            _ => return Err(format!("no gate is open: the step is {}", inst.status())),
        };
        if open.gate.digest != *digest {
            return Err(
                "this is not what the gate shows now: look at it again before you decide"
                    .to_owned(),
            );
        }
        let Some(asked) = &open.asked else {
            return Err(match &open.gate.waived {
                Some(_) => "the glass was broken: this gate asks for no approvals".to_owned(),
                None => "this gate asks for no approvals: its operator decides".to_owned(),
            });
        };
        self.legal_in_time(open, at)?;
        identified(voter)?;
        self.is_another(voter, open.yes.as_ref(), "approve")?;
        let who = &voter.principal;
        if !asked.may(who) {
            return Err(may_not(asked, who));
        }
        let earlier = open
            .votes
            .iter()
            .find(|given| given.voter.is_same_person(voter));
        // Who sees later what is wrong can still say no.
        if let Some(earlier) = earlier
            && *vote == Vote::Approve
        {
            return Err(format!("{} has approved already", earlier.voter.principal));
        }
        match &voter.proof {
            Proof::Login(_) => Ok(()),
            Proof::Signature(signed) if signed.ballot.reason != *reason => {
                Err("the reason is not the one that was signed".to_owned())
            }
            Proof::Signature(signed) => self.legal_ballot(
                &signed.ballot,
                (&inst.key, inst.attempt, *digest),
                *vote,
                at,
            ),
        }
    }

    /// Whether somebody is another than those who operate the run.
    pub(super) fn is_another(&self, voter: &Voter, yes: Option<&Yes>, must: &str) -> Legal {
        let refuse = |did: &str| Err(format!("you {did} yourself: somebody else must {must} it"));
        let opener = self.opened.as_ref().map(|opened| &opened.facts.operator);
        if opener.is_some_and(|opener| voter.may_be(opener)) {
            return refuse("started this run");
        }
        if self.operators.iter().any(|person| voter.may_be(person)) {
            return refuse("have taken this run up");
        }
        if yes.is_some_and(|yes| voter.may_be(&yes.by)) {
            return refuse("decided at this gate");
        }
        Ok(())
    }

    /// Whether a ballot is about this gate, and may still be cast. That its signature is good, and
    /// that its head is the record that opened the gate, was found out outside.
    pub(super) fn legal_ballot(
        &self,
        ballot: &Ballot,
        (step, attempt, gate): (&StepKey, Attempt, Digest),
        vote: Vote,
        at: Timestamp,
    ) -> Legal {
        let Ballot {
            run,
            step: of_step,
            attempt: of_attempt,
            environment,
            gate: of_gate,
            head: _,
            expires,
            vote: signed,
            reason: _,
        } = ballot;
        let wrong = |what: &str, theirs: &dyn std::fmt::Display, ours: &dyn std::fmt::Display| {
            let theirs = theirs.to_string();
            let theirs = crate::model::text::escape_controls(&theirs);
            Err(format!(
                "this ballot is for another {what}: {theirs}, not {ours}"
            ))
        };
        if *run != self.id {
            return wrong("run", run, &self.id);
        }
        if of_step != step {
            return wrong("step", of_step, step);
        }
        if *of_attempt != attempt {
            return wrong("attempt", of_attempt, &attempt);
        }
        if *environment != self.plan.environment {
            return wrong("environment", environment, &self.plan.environment);
        }
        if *of_gate != gate {
            return Err(
                "this ballot was signed for something else than what the gate shows now: ask for a new one"
                    .to_owned(),
            );
        }
        if *signed != vote {
            return Err(format!("the ballot says {}", signed.word()));
        }
        if *expires < at {
            return Err(format!(
                "this ballot has expired at {expires}: sign a new one"
            ));
        }
        Ok(())
    }
}

/// Whether the operating system's word about somebody is good enough.
pub(super) fn identified(voter: &Voter) -> Legal {
    let Proof::Login(person) = &voter.proof else {
        return Ok(());
    };
    if !person.is_identified() {
        return Err(
            "root without a login is nobody in particular: approve from your own account, or by signature"
                .to_owned(),
        );
    }
    if !voter.principal.names(person) {
        return Err(format!(
            "{} is not who is logged in: {person}",
            voter.principal
        ));
    }
    Ok(())
}

/// Why this person's word does not count, in words.
pub(super) fn may_not(asked: &ApprovalsAsked, who: &Principal) -> String {
    if asked.excludes(who) {
        return format!("this gate excludes {who}");
    }
    let groups: Vec<&str> = asked.from.iter().map(GroupName::as_str).collect();
    format!(
        "{who} is in none of the groups that may approve this: {}",
        groups.join(", ")
    )
}
