//! What people say, without the run's secrets: it is recorded and shown like all else.

use super::driver::Driver;
use crate::call::Redactor;
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
        Fact::Vote {
            digest,
            vote,
            voter,
            reason,
        } => Fact::Vote {
            digest,
            vote,
            voter,
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
        // Replies were redacted where they came in.
        said @ (Fact::Replied(_) | Fact::GaveUp { .. } | Fact::Looked(_) | Fact::Verified(_)) => {
            said
        }
    }
}
