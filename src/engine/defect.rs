//! A defect of this program, met while it drives a run: nothing new starts, what runs is waited
//! for, and the journal keeps what it has.
//!
//! What was known in memory is not to be trusted any more, so nothing more is recorded. A step that
//! was under way has a start without a result, and resuming settles it as after any crash.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use tokio::sync::mpsc;

use super::driver::{Driver, Flight, Incoming};
use crate::model::call::Purpose;
use crate::model::ids::StepKey;
use crate::report::{Leaving, Notice};

/// Something panicked. What and where was told when it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Panicked;

/// Takes a future to its end. A panic on the way is its end too.
pub(super) async fn caught<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    poll_fn(
        |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(_) => Poll::Ready(Err(Panicked)),
        },
    )
    .await
}

impl Driver<'_> {
    /// Waits for what runs, and says which steps acted without a record of what came of it. A
    /// second interrupt ends them.
    pub(super) async fn let_go_after_a_defect(
        &mut self,
        flight: &mut Flight,
        incoming: &mut mpsc::UnboundedReceiver<Incoming>,
    ) -> Vec<StepKey> {
        self.withdraw_question();
        if flight.real > 0 {
            self.tell_nevertheless(Notice::Leaving {
                signal: "a defect of the program",
                acting: flight.real,
                how: Leaving::Waiting,
            });
        }
        let simulated = flight.due.drain(..).map(|(_, running, _)| running);
        let lost = flight.lost.drain(..).map(|(running, _)| running);
        let mut ended: Vec<_> = simulated.chain(lost).collect();
        while flight.real > 0 {
            tokio::select! {
                biased;
                Some(signal) = self.signals.recv() => {
                    let notice = flight.note(signal);
                    self.tell_nevertheless(notice);
                }
                Some(came) = incoming.recv() => {
                    if let Incoming::Replied(running, _) = came {
                        flight.real -= 1;
                        ended.push(*running);
                    }
                }
                else => break,
            }
        }
        let acted = ended.into_iter().filter(|run| run.purpose == Purpose::Act);
        let mut steps: Vec<_> = acted.map(|running| running.step).collect();
        steps.sort();
        steps.dedup();
        steps
    }

    /// Tells what can be told: it may have been the reporter that failed.
    pub(super) fn tell_nevertheless(&mut self, notice: Notice<'_>) {
        let _ = catch_unwind(AssertUnwindSafe(|| self.reporter.notice(notice)));
    }
}
