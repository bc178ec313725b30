//! A poll: look again and again, until something has held for long enough or time is up.
//!
//! Its state lives only as long as the process: on resume a poll is a new attempt, and `hold`
//! begins anew.

use crate::model::call::{Failure, FailureKind};
use crate::model::{Duration, Timestamp, Value};
use crate::spec::step::Poll;

/// A poll under way.
#[derive(Clone, Debug)]
pub struct Poller {
    spec: Poll,
    began: Timestamp,
    /// Since when it has held without a break.
    held_since: Option<Timestamp>,
    /// The last verdict, once there was a look.
    last: Option<bool>,
}

/// What one look said.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// Whether the `until` held; a look that failed counts as "not yet".
    pub met: Result<bool, Failure>,
    /// What was seen.
    pub output: Option<Value>,
}

/// What is next after a look.
#[derive(Clone, Debug, PartialEq)]
pub struct Next {
    /// Whether the look is written down: the first, and each change of the verdict.
    pub note: bool,
    /// What is next.
    pub then: Then,
}

/// What is next in a poll.
#[derive(Clone, Debug, PartialEq)]
pub enum Then {
    /// Look again at this moment.
    Again(Timestamp),
    /// It has held for long enough.
    Met,
    /// Time is up.
    TimedOut(Failure),
}

impl Poller {
    /// A poll that begins now.
    pub fn begin(spec: Poll, now: Timestamp) -> Self {
        Self {
            spec,
            began: now,
            held_since: None,
            last: None,
        }
    }

    /// When time is up.
    pub fn deadline(&self) -> Timestamp {
        self.spec.within.after(self.began)
    }

    /// How long it has held, for the live view.
    pub fn held(&self, now: Timestamp) -> Option<Duration> {
        self.held_since.map(|since| Duration::between(since, now))
    }

    /// A look that began at `asked` has said something at `now`.
    pub fn seen(&mut self, asked: Timestamp, now: Timestamp, look: &Look) -> Next {
        let met = matches!(look.met, Ok(true));
        let note = self.last != Some(met);
        self.last = Some(met);
        if met {
            // What a look saw held at the latest when it was answered, and at the earliest when
            // it was asked: the later moment is the careful one.
            let since = *self.held_since.get_or_insert(now);
            if Duration::between(since, asked.max(since)) >= self.spec.hold {
                return Next {
                    note,
                    then: Then::Met,
                };
            }
        } else {
            self.held_since = None;
        }
        let next = self.spec.every.after(now);
        let next = match self.held_since {
            // The look that can end the hold need not wait for the next full interval.
            Some(since) => next.min(self.spec.hold.after(since)).max(now),
            None => next,
        };
        let then = if self.is_late(next) {
            Then::TimedOut(self.failure(look))
        } else {
            Then::Again(next)
        };
        Next { note, then }
    }

    /// Whether a look at this moment is too late. What held before the end may finish its hold.
    fn is_late(&self, moment: Timestamp) -> bool {
        match self.held_since {
            Some(since) => since > self.deadline(),
            None => moment > self.deadline(),
        }
    }

    fn failure(&self, look: &Look) -> Failure {
        let last = match (&look.met, &look.output) {
            (Err(failure), _) => format!("the last look failed: {}", failure.message),
            (Ok(_), Some(output)) => {
                let text = output.to_string();
                format!("the last look saw {}", crate::model::text::clip(&text, 200))
            }
            (Ok(_), None) => "the last look saw nothing".to_owned(),
        };
        Failure::new(
            FailureKind::Within,
            format!(
                "`{}` did not hold within {}; {last}",
                self.spec.until.value.source(),
                self.spec.within
            ),
        )
    }
}
