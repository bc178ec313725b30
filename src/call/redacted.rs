//! Replies without secrets: whatever an adapter says goes through here before anybody keeps it.

use super::redact::Redactor;
use crate::model::call::{Captured, Cut, Ended, Failure, Reply};

impl Redactor {
    /// A failure without secrets.
    pub fn failure(&self, failure: Failure) -> Failure {
        Failure {
            kind: failure.kind,
            message: self.text(&failure.message).into_owned(),
            hint: failure.hint.map(|hint| self.text(&hint).into_owned()),
            retry_after: failure.retry_after,
        }
    }

    /// A reply without secrets.
    pub fn reply(&self, reply: Reply) -> Reply {
        if self.is_idle() {
            return reply;
        }
        let ended = match reply.ended {
            Ended::Succeeded(output) => Ended::Succeeded(self.value(output)),
            Ended::Failed(failure, output) => Ended::Failed(
                self.failure(failure),
                output.map(|output| self.value(output)),
            ),
            Ended::Unknown(why) => Ended::Unknown(self.text(&why).into_owned()),
            ended @ (Ended::TimedOut | Ended::Cancelled) => ended,
        };
        Reply {
            ended,
            stdout: self.captured(reply.stdout),
            stderr: self.captured(reply.stderr),
            took: reply.took,
            notes: reply
                .notes
                .iter()
                .map(|note| self.text(note).into_owned())
                .collect(),
        }
    }

    /// A stream without secrets, its head and its tail by themselves.
    pub fn captured(&self, captured: Captured) -> Captured {
        let Some(cut) = captured.cut else {
            return Captured {
                bytes: self.bytes(&captured.bytes).into_owned(),
                cut: None,
            };
        };
        let (head, tail) = captured.bytes.split_at(cut.after.min(captured.bytes.len()));
        let mut bytes = self.bytes(head).into_owned();
        let after = bytes.len();
        bytes.extend_from_slice(&self.bytes(tail));
        Captured {
            bytes,
            cut: Some(Cut { after, ..cut }),
        }
    }
}
