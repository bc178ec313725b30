//! What somebody far away is shown of broken glass, and what their signature is bound to.
//!
//! They sign as they would at a gate: what is shown is what is signed. A gate that acted before its
//! approvals were there is such a gate itself; broken glass is made one here.

use super::apply::Legal;
use super::state::Run;
use crate::model::approval::{Ballot, Proof, Vote, Voter};
use crate::model::event::Reviewed;
use crate::model::gate::{Expires, GateOpened};
use crate::model::ids::{Attempt, StepKey};
use crate::model::{Digest, Timestamp, Value};

/// Broken glass in place of a step. No step can be called so: a step's id has no `-`.
const GLASS: &str = "break-glass";

/// The step that a ballot about broken glass names.
pub fn glass_step() -> StepKey {
    StepKey::from_text(GLASS)
}

impl Run {
    /// Broken glass as a gate. Its words are signed, so they never change.
    pub fn glass_asked(&self) -> Option<GateOpened> {
        let glass = self.glass.as_ref()?;
        let mut gate = GateOpened {
            confirm: format!(
                "The glass was broken: {}\nIs that right, looking back?",
                glass.reason
            ),
            challenge: None,
            show: vec![
                ("broken by".to_owned(), Value::from(glass.by.to_string())),
                ("broken at".to_owned(), Value::Time(glass.at)),
            ],
            works: Vec::new(),
            effect: self.plan.node(self.plan.steps).effect,
            approvals: None,
            waived: None,
            expires: Expires::default(),
            turn: 0,
            digest: Digest::ZERO,
        };
        let environment = &self.plan.environment;
        gate.digest = gate
            .bound(&self.id, environment, &glass_step(), Attempt::FIRST)
            .ok()?;
        Some(gate)
    }

    /// Which open review a ballot is about; none where it is about a gate that waits.
    pub fn review_of(&self, ballot: &Ballot) -> Option<Reviewed> {
        let waits = self
            .waiting()
            .into_iter()
            .any(|waiting| *waiting.step == ballot.step && waiting.attempt == ballot.attempt);
        let of = match ballot.step == glass_step() {
            true => Reviewed::BreakGlass,
            false => Reviewed::Gate {
                step: ballot.step.clone(),
                attempt: ballot.attempt,
            },
        };
        let open = self.reviews_open();
        (!waits && open.iter().any(|review| review.of == of)).then_some(of)
    }

    /// Whether a word about broken glass is good, where it was signed.
    pub(super) fn legal_glass_word(&self, voter: &Voter, reason: &str, at: Timestamp) -> Legal {
        let Proof::Signature(signed) = &voter.proof else {
            return Ok(());
        };
        if signed.ballot.reason.as_deref() != Some(reason) {
            return Err("the reason is not the one that was signed".to_owned());
        }
        let Some(gate) = self.glass_asked() else {
            return Err("there is no broken glass to review".to_owned());
        };
        let place = (&glass_step(), Attempt::FIRST, gate.digest);
        self.legal_ballot(&signed.ballot, place, Vote::Approve, at)
    }
}
