//! What was done without the approvals that it takes otherwise, and who has looked at it since.

use super::apply::Legal;
use super::open_gate::Given;
use super::state::{InstIx, Run, State};
use super::voting::{identified, may_not};
use crate::model::approval::{ApprovalsAsked, Principal, Proof, Vote, Voter};
use crate::model::event::Reviewed;
use crate::model::ids::{Attempt, GroupName, StepKey};
use crate::model::people::{Actor, Person};
use crate::model::{Digest, Duration, Status, Timestamp};

/// How long after the fact somebody else must have looked at it.
const DUE: Duration = Duration::from_secs(24 * 3600);

/// That somebody goes on without approvals.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Glass {
    pub(super) reason: String,
    pub(super) by: Person,
    pub(super) at: Timestamp,
    reviewed: bool,
}

/// What acted before its approvals were there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Owed {
    step: StepKey,
    attempt: Attempt,
    gate: Digest,
    asked: ApprovalsAsked,
    /// Who said yes instead.
    by: Person,
    since: Timestamp,
    /// Who approved before or since.
    given: Vec<Voter>,
}

impl Owed {
    fn missing(&self) -> usize {
        (self.asked.count as usize).saturating_sub(self.given.len())
    }
}

/// Something that another than the operator must still look at.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenReview {
    /// What.
    pub of: Reviewed,
    /// Since when.
    pub since: Timestamp,
    /// By when.
    pub due: Timestamp,
    /// Why it went without: the words of who broke the glass, or that the approvals are owed.
    pub why: String,
    /// How many different people still have to.
    pub missing: usize,
    /// Of which groups; anybody but the operator where there is none.
    pub groups: Vec<GroupName>,
    /// The people of those groups.
    pub people: Vec<Principal>,
    /// The channel that nobody is known to have told, where the policy wants it told.
    pub untold: Option<String>,
}

impl Run {
    /// What others must still look at, the oldest first.
    pub fn reviews_open(&self) -> Vec<OpenReview> {
        let glass = self.glass.iter().filter(|glass| !glass.reviewed);
        let glass = glass.map(|glass| OpenReview {
            of: Reviewed::BreakGlass,
            since: glass.at,
            due: DUE.after(glass.at),
            why: glass.reason.clone(),
            missing: 1,
            groups: Vec::new(),
            people: Vec::new(),
            untold: self.untold().map(str::to_owned),
        });
        let owed = self.owed.iter().filter(|owed| owed.missing() > 0);
        let owed = owed.map(|owed| OpenReview {
            of: Reviewed::Gate {
                step: owed.step.clone(),
                attempt: owed.attempt,
            },
            since: owed.since,
            due: DUE.after(owed.since),
            why: "it acted before its approvals were there, as the policy allows".to_owned(),
            missing: owed.missing(),
            groups: owed.asked.from.clone(),
            people: owed.asked.invited().cloned().collect(),
            untold: None,
        });
        let mut open: Vec<OpenReview> = glass.chain(owed).collect();
        open.sort_by_key(|review| review.since);
        open
    }

    /// Whether somebody goes on without approvals.
    pub fn is_glass_broken(&self) -> bool {
        self.glass.is_some()
    }

    /// Whether this step tells a channel that the glass is broken.
    pub(super) fn is_announcement(&self, ix: InstIx) -> bool {
        self.plan.announcement == Some(self.inst(ix).node)
    }

    /// The channel that the policy wants told of the broken glass, while it is not known to be:
    /// somebody has to tell it by hand. Whoever has signed it off knows of it.
    pub fn untold(&self) -> Option<&str> {
        let unseen = self.glass.as_ref().is_some_and(|glass| !glass.reviewed);
        let channel = self.plan.policy.break_glass.as_ref()?.announce.as_deref();
        channel.filter(|_| unseen && !self.has_announced())
    }

    fn has_announced(&self) -> bool {
        let step = self.plan.announcement.zip(self.frames.first());
        step.and_then(|(node, frame)| frame.insts.get(&node))
            .is_some_and(|ix| self.inst(*ix).status() == Status::Succeeded)
    }

    /// Why gates ask for no approvals, once somebody broke the glass.
    pub(super) fn waived(&self) -> Option<&str> {
        self.glass.as_ref().map(|glass| glass.reason.as_str())
    }

    pub(super) fn on_glass_broken(
        &mut self,
        (at, actor): (Timestamp, &Actor),
        reason: &str,
        group: &GroupName,
    ) -> Legal {
        let Actor::Person(person) = actor else {
            return Err("nobody but a person breaks the glass".to_owned());
        };
        if self.glass.is_some() {
            return Err("the glass is broken already".to_owned());
        }
        if reason.trim().is_empty() {
            return Err("say why: the reason is what others will review".to_owned());
        }
        let may = self.plan.policy.break_glass.as_ref();
        if may.map(|may| &may.group) != Some(group) {
            return Err(format!(
                "the policy of {} lets nobody of {group} go on without approvals",
                self.plan.environment
            ));
        }
        if !person.is_identified() {
            return Err(
                "root without a login is nobody in particular: break the glass from your own account"
                    .to_owned(),
            );
        }
        if !self.members(group).iter().any(|name| name.names(person)) {
            return Err(format!("{person} is not in {group}"));
        }
        self.glass = Some(Glass {
            reason: reason.to_owned(),
            by: person.clone(),
            at,
            reviewed: false,
        });
        self.reopen_gates_with_approvals();
        Ok(())
    }

    /// Something starts behind a gate that was passed: from now on what it lacks is owed.
    pub(super) fn note_what_is_owed(&mut self, ix: InstIx, at: Timestamp) {
        let inst = self.inst(ix);
        let State::Approved(passed) = &inst.state else {
            return;
        };
        let Some(asked) = passed.asked.as_ref().filter(|_| passed.owed() > 0) else {
            return;
        };
        let voter = |given: &Given| given.voter.clone();
        let owed = Owed {
            step: inst.key.clone(),
            attempt: inst.attempt,
            gate: passed.gate,
            asked: asked.clone(),
            by: passed.yes.by.clone(),
            since: at,
            given: passed.votes.iter().map(voter).collect(),
        };
        self.owed.push(owed);
    }

    pub(super) fn on_review_signed(
        &mut self,
        of: &Reviewed,
        voter: &Voter,
        reason: &str,
        at: Timestamp,
    ) -> Legal {
        identified(voter)?;
        if reason.trim().is_empty() {
            return Err("say what you found".to_owned());
        }
        self.is_another(voter, None, "review")?;
        match of {
            Reviewed::BreakGlass => {
                let glass = self.glass.as_ref().filter(|glass| !glass.reviewed);
                let Some(glass) = glass else {
                    return Err("there is no broken glass to review".to_owned());
                };
                if voter.may_be(&glass.by) {
                    return Err(
                        "you broke the glass yourself: somebody else must review it".to_owned()
                    );
                }
                self.legal_glass_word(voter, reason, at)?;
                if let Some(glass) = &mut self.glass {
                    glass.reviewed = true;
                }
            }
            Reviewed::Gate { step, attempt } => {
                let place = self.owed.iter().position(|owed| {
                    owed.step == *step && owed.attempt == *attempt && owed.missing() > 0
                });
                let Some(place) = place else {
                    return Err(format!("step {step}, attempt {attempt}, owes no approval"));
                };
                self.legal_late(&self.owed[place], voter, reason, at)?;
                self.owed[place].given.push(voter.clone());
            }
        }
        Ok(())
    }

    /// Whether somebody's word may still be given after the fact.
    fn legal_late(&self, owed: &Owed, voter: &Voter, reason: &str, at: Timestamp) -> Legal {
        if voter.may_be(&owed.by) {
            return Err(
                "you decided at this gate yourself: somebody else must review it".to_owned(),
            );
        }
        let who = &voter.principal;
        if !owed.asked.may(who) {
            return Err(may_not(&owed.asked, who));
        }
        let earlier = owed.given.iter().find(|given| given.is_same_person(voter));
        if let Some(earlier) = earlier {
            return Err(format!("{} has approved already", earlier.principal));
        }
        match &voter.proof {
            Proof::Login(_) => Ok(()),
            Proof::Signature(signed) if signed.ballot.reason.as_deref() != Some(reason) => {
                Err("the reason is not the one that was signed".to_owned())
            }
            Proof::Signature(signed) => self.legal_ballot(
                &signed.ballot,
                (&owed.step, owed.attempt, owed.gate),
                Vote::Approve,
                at,
            ),
        }
    }
}
