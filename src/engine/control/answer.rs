//! The driver's part: what peers say becomes facts, and they are told once that is on the disk.

use std::path::Path;

use tokio::sync::oneshot;

use super::weigh::{self, Business, Driven};
use super::words::{Reply, Standing};
use super::{Asked, Heads};
use crate::engine::driver::{Driver, Flight, Incoming};
use crate::engine::error::EngineError;
use crate::engine::redacted::holds_secret;
use crate::journal::Record;
use crate::keys::{Keygen, Trusted};
use crate::model::Timestamp;
use crate::model::approval::{HeadRef, Principal, SignedBallot};
use crate::model::event::Happened;
use crate::model::ids::Attempt;
use crate::model::people::{Actor, Person};
use crate::run::{Draft, Run, glass_step};
use crate::spec::environment::Signers;

/// A signed ballot, and whose it was found to be.
#[derive(Debug)]
pub(in crate::engine) struct Weighed {
    from: Person,
    signed: SignedBallot,
    whose: Result<Principal, String>,
    answer: oneshot::Sender<Reply>,
}

/// What a peer is told once its record is on the disk.
#[derive(Debug)]
pub(in crate::engine) struct Owed {
    answer: oneshot::Sender<Reply>,
    reply: Reply,
}

impl Driver<'_> {
    /// Somebody wants something of the run.
    pub(in crate::engine) fn asked(
        &mut self,
        asked: Asked,
        flight: &mut Flight,
    ) -> Result<(), EngineError> {
        let Asked {
            from,
            request,
            answer,
        } = asked;
        let now = self.clock.now();
        match weigh::look(&self.run, &from, request, now) {
            Ok(Business::Record(draft)) => self.enter((draft, now), from, answer, flight),
            Ok(Business::Standing) => {
                tell(answer, Reply::Standing(self.standing()));
                Ok(())
            }
            Ok(Business::Ballot(signed)) => {
                match holds_secret(&self.answerers.redactor(), &signed) {
                    Ok(()) => self.weigh_ballot(*signed, from, answer, flight),
                    Err(why) => tell(answer, Reply::Refused(why)),
                }
                Ok(())
            }
            Err(why) => {
                tell(answer, Reply::Refused(why));
                Ok(())
            }
        }
    }

    /// It was found out whose a ballot is.
    pub(in crate::engine) fn weighed(
        &mut self,
        weighed: Weighed,
        flight: &mut Flight,
    ) -> Result<(), EngineError> {
        let Weighed {
            from,
            signed,
            whose,
            answer,
        } = weighed;
        let now = self.clock.now();
        let draft = whose
            .and_then(|principal| weigh::ballot(&self.run, &self.heads, signed, principal, now));
        match draft {
            Ok(draft) => self.enter((draft, now), from, answer, flight),
            Err(why) => {
                tell(answer, Reply::Refused(why));
                Ok(())
            }
        }
    }

    /// Records what somebody said. The operator, who may sit before a question, is shown it at
    /// once: the question is asked anew below it.
    fn enter(
        &mut self,
        (draft, now): (Draft, Timestamp),
        from: Person,
        answer: oneshot::Sender<Reply>,
        flight: &mut Flight,
    ) -> Result<(), EngineError> {
        self.record_at(draft.clone(), Actor::Person(from), now)?;
        let reply = Reply::Done(weigh::became(&self.run, &draft, Driven::Yes));
        flight.owed.push(Owed { answer, reply });
        let asks = flight.asking.as_ref();
        // Who carries out a call is not disturbed: they would be taken to have left.
        let carries = asks.is_some_and(|needed| {
            let key = (needed.step.clone(), needed.attempt);
            flight.carried.contains_key(&key)
        });
        if asks.is_some() && !carries {
            self.withdraw_question();
        }
        Ok(())
    }

    /// Signatures are looked at by another program, which takes its time: the loop goes on.
    fn weigh_ballot(
        &self,
        signed: SignedBallot,
        from: Person,
        answer: oneshot::Sender<Reply>,
        flight: &Flight,
    ) {
        let signers = self.run.plan().policy.signers.clone();
        let (now, out) = (self.clock.now(), flight.out.clone());
        tokio::task::spawn_blocking(move || {
            let whose = whose(&signed, signers.as_ref(), now);
            let weighed = Weighed {
                from,
                signed,
                whose,
                answer,
            };
            let _ = out.send(Incoming::Weighed(Box::new(weighed)));
        });
    }

    fn standing(&self) -> Standing {
        Standing {
            run: self.run.id().clone(),
            operator: self.operator.clone(),
            pid: std::process::id(),
            gates: gates(&self.run),
        }
    }
}

impl Flight {
    /// Tells the peers whose records are on the disk now.
    pub(in crate::engine) fn tell_peers(&mut self) {
        for owed in self.owed.drain(..) {
            tell(owed.answer, owed.reply);
        }
    }
}

fn gates(run: &Run) -> Vec<crate::model::ids::StepKey> {
    let waiting = run.waiting().into_iter();
    waiting.map(|waiting| waiting.step.clone()).collect()
}

/// A peer that has gone needs no answer.
fn tell(answer: oneshot::Sender<Reply>, reply: Reply) {
    let _ = answer.send(reply);
}

/// Whose a signed ballot is, or why that is nobody's word.
pub(super) fn whose(
    signed: &SignedBallot,
    signers: Option<&Signers>,
    now: Timestamp,
) -> Result<Principal, String> {
    let signers = signers.ok_or_else(|| {
        "the policy names no `allowed_signers`, so no signature counts here".to_owned()
    })?;
    let trusted = Trusted {
        frozen: &signers.text,
        now: Path::new(&signers.path),
        revoked: signers.revoked.as_deref().map(Path::new),
    };
    Keygen::of_this_process()
        .verify(signed, &trusted, now)
        .map_err(|error| error.to_string())
}

/// Remembers the record that opened a gate, where this is one.
pub(in crate::engine) fn remember_head(heads: &mut Heads, record: &Record) {
    let event = &record.event;
    let place = match &event.what {
        Happened::GateOpened(_) => event.step.clone().zip(event.attempt),
        Happened::GlassBroken { .. } => Some((glass_step(), Attempt::FIRST)),
        _ => None,
    };
    if let Some(place) = place {
        let head = HeadRef {
            seq: record.seq,
            h: record.h,
        };
        heads.insert(place, head);
    }
}
