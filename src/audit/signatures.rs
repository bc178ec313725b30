//! The signatures of a journal: who approved from elsewhere really signed exactly that.
//!
//! A record could be written by whoever may write the journal. What it says of an approver who
//! signed, only the approver's key can have made.

use std::collections::HashMap;

use crate::journal::{Flaw, Record};
use crate::keys::{Keygen, Subject};
use crate::model::approval::{Ballot, HeadRef, Proof, SignedBallot, Vote, Voter};
use crate::model::event::{Happened, Reviewed};
use crate::model::ids::{Attempt, EnvironmentName, RunId, StepKey};
use crate::model::{Digest, Timestamp};

/// What ballots are held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Polling<'a> {
    /// The run.
    pub run: &'a RunId,
    /// Where it acts.
    pub environment: &'a EnvironmentName,
    /// The signers' file as it was when the run was opened, where there is one.
    pub signers: Option<&'a str>,
    /// What checks a signature.
    pub keygen: &'a Keygen,
}

/// What came of looking at all signatures.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// How many are good.
    pub good: u64,
    /// What is wrong, and at which record.
    pub flaws: Vec<(u64, Flaw)>,
}

/// A record that names somebody who signed.
struct Claim<'a> {
    voter: &'a Voter,
    signed: &'a SignedBallot,
    /// What it is bound to, where the record says it.
    digest: Option<Digest>,
    vote: Vote,
    reason: Option<&'a str>,
    at: Timestamp,
}

impl Polling<'_> {
    /// Checks every signature of a journal's records.
    pub(super) fn check(&self, records: &[Record]) -> Checked {
        let mut gates: HashMap<(&StepKey, Attempt), (HeadRef, Digest)> = HashMap::new();
        let mut glass = None;
        let mut checked = Checked::default();
        for record in records {
            let event = &record.event;
            let head = HeadRef {
                seq: record.seq,
                h: record.h,
            };
            let place = event.step.as_ref().zip(event.attempt);
            let (claim, subject) = match &event.what {
                Happened::GateOpened(gate) => {
                    if let Some(place) = place {
                        gates.insert(place, (head, gate.digest));
                    }
                    continue;
                }
                Happened::GlassBroken { .. } => {
                    glass = Some(head);
                    continue;
                }
                Happened::ApprovalGiven {
                    digest,
                    vote,
                    voter,
                    reason,
                } => {
                    let Some(signed) = signed(voter) else {
                        continue;
                    };
                    let claim = Claim {
                        voter,
                        signed,
                        digest: Some(*digest),
                        vote: *vote,
                        reason: reason.as_deref(),
                        at: event.at,
                    };
                    (claim, self.about(&gates, place))
                }
                Happened::ReviewSigned { of, voter, reason } => {
                    let Some(signed) = signed(voter) else {
                        continue;
                    };
                    let claim = Claim {
                        voter,
                        signed,
                        digest: None,
                        vote: Vote::Approve,
                        reason: Some(reason),
                        at: event.at,
                    };
                    let subject = match of {
                        Reviewed::Gate { step, attempt } => {
                            self.about(&gates, Some((step, *attempt)))
                        }
                        Reviewed::BreakGlass => {
                            glass.map(|head| self.about_glass(head, &claim.signed.ballot))
                        }
                    };
                    (claim, subject)
                }
                _ => continue,
            };
            match self.judge(&claim, subject) {
                Ok(()) => checked.good += 1,
                Err(flaw) => checked.flaws.push((record.seq, flaw)),
            }
        }
        checked
    }

    fn about<'a>(
        &'a self,
        gates: &HashMap<(&'a StepKey, Attempt), (HeadRef, Digest)>,
        place: Option<(&'a StepKey, Attempt)>,
    ) -> Option<Subject<'a>> {
        let (step, attempt) = place?;
        let (head, gate) = gates.get(&(step, attempt))?;
        Some(Subject {
            run: self.run,
            step,
            attempt,
            environment: self.environment,
            gate: *gate,
            head: *head,
        })
    }

    /// That the glass was broken is no gate's business: the record alone says what it is about.
    fn about_glass<'a>(&'a self, head: HeadRef, ballot: &'a Ballot) -> Subject<'a> {
        Subject {
            run: self.run,
            step: &ballot.step,
            attempt: ballot.attempt,
            environment: self.environment,
            gate: ballot.gate,
            head,
        }
    }

    fn judge(&self, claim: &Claim<'_>, subject: Option<Subject<'_>>) -> Result<(), Flaw> {
        let who = &claim.voter.principal;
        let bad =
            |why: String| Flaw::Signature(format!("what {who} is said to have signed: {why}"));
        let ballot = &claim.signed.ballot;
        let subject = subject.ok_or_else(|| {
            bad("there is nothing before it that they were asked about".to_owned())
        })?;
        subject
            .admits(ballot, claim.at)
            .map_err(|error| bad(error.to_string()))?;
        let same = ballot.vote == claim.vote
            && ballot.reason.as_deref() == claim.reason
            && claim.digest.is_none_or(|digest| digest == ballot.gate);
        if !same {
            return Err(bad(
                "the ballot says something else than the record".to_owned()
            ));
        }
        let signers = self
            .signers
            .ok_or_else(|| bad("the run's policy names no file of signers".to_owned()))?;
        self.keygen
            .verify_recorded(claim.signed, who, signers, claim.at)
            .map_err(|error| match error.is_undecided() {
                true => {
                    Flaw::SignatureUnchecked(format!("what {who} signed is not checked: {error}"))
                }
                false => bad(error.to_string()),
            })
    }
}

/// The signed ballot; none where the system itself said who it was.
fn signed(voter: &Voter) -> Option<&SignedBallot> {
    match &voter.proof {
        Proof::Login(_) => None,
        Proof::Signature(signed) => Some(signed),
    }
}

#[cfg(test)]
#[path = "signatures_tests.rs"]
mod tests;
