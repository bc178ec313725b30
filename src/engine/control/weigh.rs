//! What a request means to a run: a record, or a refusal in plain words. Pure.

use std::collections::HashMap;

use super::peer::voter;
use super::words::Request;
use crate::keys::{Subject, read_answer};
use crate::model::Timestamp;
use crate::model::approval::{HeadRef, Principal, Proof, SignedBallot, Vote, Voter};
use crate::model::event::{Event, Happened, Reviewed};
use crate::model::ids::{Attempt, StepKey};
use crate::model::people::{Actor, Person};
use crate::run::{Draft, Fact, Input, Phase, Run};

/// The records that opened the gates of a run, by step and attempt: the last of each.
pub type Heads = HashMap<(StepKey, Attempt), HeadRef>;

/// The longest text that a peer may have written down, in bytes: a record has to hold it.
const MAX_TEXT: usize = 4 * 1024;

/// What is to be done about a request.
#[derive(Debug)]
pub(super) enum Business {
    /// To say how the run stands.
    Standing,
    /// To find out whose a signed ballot is.
    Ballot(Box<SignedBallot>),
    /// To write it down.
    Record(Draft),
}

/// What a request of somebody comes to, as far as the run can say.
pub(super) fn look(
    run: &Run,
    from: &Person,
    request: Request,
    now: Timestamp,
) -> Result<Business, String> {
    match request {
        Request::Status => Ok(Business::Standing),
        Request::Vote {
            step,
            attempt,
            digest,
            vote,
            reason,
        } => {
            let reason = reason.as_deref().map(worded).transpose()?;
            let voter = Box::new(voter(run, &step, from)?);
            let fact = Fact::Vote {
                digest,
                vote,
                voter,
                reason,
            };
            admitted(run, step, attempt, fact, now).map(Business::Record)
        }
        Request::Ballot { answer } => {
            let signed = read_answer(&answer).map_err(|error| error.to_string())?;
            if let Some(reason) = &signed.ballot.reason {
                worded(reason)?;
            }
            Ok(Business::Ballot(Box::new(signed)))
        }
        Request::Cancel { reason } => {
            if run.closing().is_some() {
                return Err("the run is closed".to_owned());
            }
            if run.phase() != Phase::Steps || run.ended_because().is_some() {
                return Err("the run is ending already".to_owned());
            }
            let reason = worded(&reason)?;
            whole(run, from, Happened::CancelRequested { reason }, now)
        }
        Request::Review { of, reason } => {
            let reason = worded(&reason)?;
            let voter = reviewer(run, &of, from)?;
            whole(run, from, Happened::ReviewSigned { of, voter, reason }, now)
        }
    }
}

/// Whether a run would take this from somebody now.
///
/// # Errors
/// Why not, in words.
pub fn weighed(run: &Run, from: &Person, request: Request, now: Timestamp) -> Result<(), String> {
    look(run, from, request, now).map(|_| ())
}

/// What a signed ballot comes to, once it is known whose it is.
pub(super) fn ballot(
    run: &Run,
    heads: &Heads,
    signed: SignedBallot,
    principal: Principal,
    now: Timestamp,
) -> Result<Draft, String> {
    let (step, attempt) = (signed.ballot.step.clone(), signed.ballot.attempt);
    if let Some(of) = run.review_of(&signed.ballot) {
        let head = heads.get(&(step, attempt));
        return reviewed_afar(run, of, head, (signed, principal), now);
    }
    let waiting = run.waiting();
    let gate = waiting
        .iter()
        .find(|waiting| *waiting.step == step && waiting.attempt == attempt);
    let head = heads.get(&(step.clone(), attempt));
    if let (Some(waiting), Some(head)) = (gate, head) {
        let subject = Subject {
            run: run.id(),
            step: &step,
            attempt,
            environment: &run.plan().environment,
            gate: waiting.gate.digest,
            head: *head,
        };
        let about = subject.admits(&signed.ballot, now);
        about.map_err(|error| error.to_string())?;
    }
    let fact = Fact::Vote {
        digest: signed.ballot.gate,
        vote: signed.ballot.vote,
        reason: signed.ballot.reason.clone(),
        voter: Box::new(Voter {
            principal,
            proof: Proof::Signature(Box::new(signed)),
        }),
    };
    // Where no such gate waits, the run says why.
    admitted(run, step, attempt, fact, now)
}

/// What a signed ballot about something that was done comes to.
fn reviewed_afar(
    run: &Run,
    of: Reviewed,
    head: Option<&HeadRef>,
    (signed, principal): (SignedBallot, Principal),
    now: Timestamp,
) -> Result<Draft, String> {
    if let Some(head) = head {
        let subject = Subject {
            run: run.id(),
            step: &signed.ballot.step,
            attempt: signed.ballot.attempt,
            environment: &run.plan().environment,
            // The run holds it against what it shows.
            gate: signed.ballot.gate,
            head: *head,
        };
        let about = subject.admits(&signed.ballot, now);
        about.map_err(|error| error.to_string())?;
    }
    let reason = signed.ballot.reason.clone();
    let reason = reason.ok_or("whoever reviews it says what they found: --reason WORDS")?;
    let voter = Voter {
        principal,
        proof: Proof::Signature(Box::new(signed)),
    };
    let what = Happened::ReviewSigned { of, voter, reason };
    made(run, Actor::Engine, what, now)
}

fn admitted(
    run: &Run,
    step: StepKey,
    attempt: Attempt,
    fact: Fact,
    now: Timestamp,
) -> Result<Draft, String> {
    let input = Input {
        step,
        attempt,
        fact,
    };
    run.admit(input, now).map_err(|stale| stale.reason)
}

/// A record about the run as a whole, if it may be made.
fn whole(run: &Run, from: &Person, what: Happened, now: Timestamp) -> Result<Business, String> {
    made(run, Actor::Person(from.clone()), what, now).map(Business::Record)
}

fn made(run: &Run, actor: Actor, what: Happened, now: Timestamp) -> Result<Draft, String> {
    let event = Event {
        at: now,
        step: None,
        attempt: None,
        actor,
        what,
    };
    run.clone()
        .apply(&event)
        .map_err(|illegal| illegal.reason)?;
    Ok(Draft {
        step: None,
        attempt: None,
        what: event.what,
    })
}

/// Whoever looks at something after the fact, under the name that its people know.
fn reviewer(run: &Run, of: &Reviewed, from: &Person) -> Result<Voter, String> {
    let reviews = run.reviews_open();
    let people = reviews.into_iter().find(|review| review.of == *of);
    super::peer::named(from, |name| {
        people
            .as_ref()
            .is_some_and(|review| review.people.contains(name))
    })
}

fn worded(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("say why, in words".to_owned());
    }
    if text.len() > MAX_TEXT {
        return Err(format!("say it in at most {MAX_TEXT} bytes"));
    }
    Ok(text.to_owned())
}

/// Whether a process goes on with a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driven {
    /// One does.
    Yes,
    /// None does: whoever had it left it, or died.
    No,
}

/// What follows from a record that a peer caused, in words; `run` is as it was after it.
pub(super) fn became(run: &Run, draft: &Draft, driven: Driven) -> String {
    let id = run.id();
    let mut said = match (&draft.what, &draft.step) {
        (Happened::ApprovalGiven { vote, .. }, Some(step)) => voted(run, step, *vote, driven),
        (Happened::CancelRequested { .. }, _) if driven == Driven::Yes => {
            "the run ends: nothing new starts, and what acts is waited for".to_owned()
        }
        (Happened::CancelRequested { .. }, _) => "the run ends: nothing new starts".to_owned(),
        (Happened::ReviewSigned { .. }, _) => "signed off".to_owned(),
        _ => "written down".to_owned(),
    };
    if driven == Driven::No && run.closing().is_none() {
        said.push_str(&format!("; nobody drives it now: runbook resume {id}"));
    }
    said
}

fn voted(run: &Run, step: &StepKey, vote: Vote, driven: Driven) -> String {
    if vote == Vote::Decline {
        return "declined: it will not be done".to_owned();
    }
    let waiting = run.waiting();
    match waiting.iter().find(|waiting| waiting.step == step) {
        Some(waiting) if waiting.missing == 1 => "approved; one more has to".to_owned(),
        Some(waiting) if waiting.missing > 1 => {
            format!("approved; {} more have to", waiting.missing)
        }
        Some(_) => "approved; its operator has still to say yes".to_owned(),
        None if driven == Driven::Yes => {
            "approved; nothing more is needed, and it goes on".to_owned()
        }
        None => "approved; nothing more is needed".to_owned(),
    }
}
