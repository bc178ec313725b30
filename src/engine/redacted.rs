//! What people say, without the run's secrets: it is recorded and shown like all else.

use super::driver::Driver;
use crate::call::Redactor;
use crate::model::approval::{Proof, SignedBallot};
use crate::model::event::{Happened, LockTakeover};
use crate::run::Fact;

impl Driver<'_> {
    /// A fact without secrets.
    pub(super) fn redacted(&self, fact: Fact) -> Fact {
        let redactor = self.answerers.redactor();
        match redactor.is_idle() {
            true => fact,
            false => without_secrets(&redactor, fact),
        }
    }
}

/// What people had written down about the run, without its secrets: reasons given on the command
/// line, by others, and at the questions of a signal. A signed ballot's reason stays as it was
/// signed; one that holds a secret is refused before (see [`holds_secret`]).
pub(super) fn spoken(redactor: &Redactor, what: Happened) -> Happened {
    if redactor.is_idle() {
        return what;
    }
    let text = |text: String| redactor.text(&text).into_owned();
    match what {
        Happened::ApprovalGiven {
            digest,
            vote,
            voter,
            reason,
        } if matches!(voter.proof, Proof::Login(_)) => Happened::ApprovalGiven {
            digest,
            vote,
            voter,
            reason: reason.map(text),
        },
        Happened::CancelRequested { reason } => Happened::CancelRequested {
            reason: text(reason),
        },
        Happened::UndoRequested { reason } => Happened::UndoRequested {
            reason: text(reason),
        },
        Happened::GlassBroken { reason, group } => Happened::GlassBroken {
            reason: text(reason),
            group,
        },
        Happened::ReviewSigned { of, voter, reason } => Happened::ReviewSigned {
            of,
            voter,
            reason: text(reason),
        },
        Happened::LockTaken { name, from } => Happened::LockTaken {
            name,
            from: from.map(|from| LockTakeover {
                reason: text(from.reason),
                ..from
            }),
        },
        other => other,
    }
}

/// Why a signed ballot cannot be written down, where its reason holds a secret of the run.
pub(super) fn holds_secret(redactor: &Redactor, signed: &SignedBallot) -> Result<(), String> {
    let reason = signed.ballot.reason.as_deref().unwrap_or_default();
    if redactor.text(reason) == reason {
        return Ok(());
    }
    Err(
        "its reason holds a secret of this run, and what was signed cannot be changed: sign it anew \
         with other words, and replace that secret"
            .to_owned(),
    )
}

fn without_secrets(redactor: &Redactor, fact: Fact) -> Fact {
    let text = |text: String| redactor.text(&text).into_owned();
    let maybe = |reason: Option<String>| reason.map(text);
    match fact {
        Fact::Gate {
            digest,
            decision,
            way,
            reason,
        } => Fact::Gate {
            digest,
            decision,
            way,
            reason: maybe(reason),
        },
        Fact::Answer {
            answer,
            suggested,
            way,
        } => Fact::Answer {
            answer: redactor.value(answer),
            suggested: suggested.map(|value| redactor.value(value)),
            way,
        },
        Fact::Reported {
            outcome,
            output,
            way,
            note,
        } => Fact::Reported {
            outcome,
            output: redactor.value(output),
            way,
            note: maybe(note),
        },
        Fact::Chosen {
            choice,
            way,
            reason,
        } => Fact::Chosen {
            choice,
            way,
            reason: maybe(reason),
        },
        Fact::Settled { resolution, reason } => Fact::Settled {
            resolution,
            reason: text(reason),
        },
        Fact::Cut { reason } => Fact::Cut {
            reason: text(reason),
        },
        // Replies were redacted where they came in, and votes are recorded as they are said.
        said @ (Fact::Vote { .. }
        | Fact::Replied(_)
        | Fact::GaveUp { .. }
        | Fact::Looked(_)
        | Fact::Verified(_)) => said,
    }
}
