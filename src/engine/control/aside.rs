//! Acting on a run that no process holds: whoever acts takes its lock, writes down what they say,
//! and lets go. Nothing is started, and nobody takes the run up.

use std::sync::Arc;

use super::answer::whose;
use super::weigh::{self, Business};
use super::words::{Reply, Request};
use crate::engine::error::EngineError;
use crate::engine::open::{Setting, taken};
use crate::engine::wiping::wiped;
use crate::journal::{Store, Writer};
use crate::model::event::Happened;
use crate::model::ids::RunId;
use crate::model::people::{Actor, Person};
use crate::model::{Event, Timestamp};
use crate::run::{Command, Draft, Run};

/// Does what `from` wants of a run that no process holds.
///
/// # Errors
/// A process holds it, its journal cannot be believed, or the disk failed.
pub fn aside(
    store: &Store,
    id: &RunId,
    from: &Person,
    request: Request,
    setting: &Setting,
) -> Result<Reply, EngineError> {
    let taken = taken(store, id, setting)?;
    let mut aside = Aside {
        now: now_of(&taken.run, setting.now),
        run: taken.run,
        writer: taken.writer,
    };
    for what in taken.recovered {
        aside.record(of_run(what), Actor::Engine)?;
    }
    let draft = match weigh::look(&aside.run, from, request, aside.now) {
        Ok(Business::Record(draft)) => Ok(draft),
        Ok(Business::Ballot(signed)) => {
            let signers = aside.run.plan().policy.signers.as_ref();
            whose(&signed, signers, aside.now).and_then(|principal| {
                weigh::ballot(&aside.run, &taken.heads, *signed, principal, aside.now)
            })
        }
        Ok(Business::Standing) => Err("no process drives this run".to_owned()),
        Err(why) => Err(why),
    };
    let reply = match draft {
        Ok(draft) => {
            aside.record(draft.clone(), Actor::Person(from.clone()))?;
            aside.close_if_over()?;
            Reply::Done(weigh::became(&aside.run, &draft))
        }
        Err(why) => Reply::Refused(why),
    };
    aside.commit(store, setting)?;
    Ok(reply)
}

struct Aside {
    run: Run,
    writer: Writer,
    now: Timestamp,
}

impl Aside {
    fn record(&mut self, draft: Draft, actor: Actor) -> Result<(), EngineError> {
        let event = Event {
            at: self.now,
            step: draft.step,
            attempt: draft.attempt,
            actor,
            what: draft.what,
        };
        self.run.apply(&event)?;
        self.writer.append(event)?;
        Ok(())
    }

    /// Where nothing is left to be done but to say that it is over, that is said now: nobody has to
    /// take the run up for it.
    fn close_if_over(&mut self) -> Result<(), EngineError> {
        let mut commands = self.run.commands(self.now);
        if let (Some(Command::Record(draft)), None) = (commands.pop(), commands.pop())
            && matches!(draft.what, Happened::RunClosed(_))
        {
            let draft = wiped(draft, self.writer.run());
            self.record(draft, Actor::Engine)?;
        }
        Ok(())
    }

    fn commit(mut self, store: &Store, setting: &Setting) -> Result<(), EngineError> {
        for durable in self.writer.commit()? {
            if matches!(durable.record.event.what, Happened::RunClosed(_)) {
                let stamps = Arc::clone(&setting.stamps);
                store.ledger().enter(&durable.record, &*stamps)?;
            }
        }
        Ok(())
    }
}

fn of_run(what: Happened) -> Draft {
    Draft {
        step: None,
        attempt: None,
        what,
    }
}

/// The run's time never goes back: in the sandbox it may be ahead of the clock.
fn now_of(run: &Run, now: Timestamp) -> Timestamp {
    match run.plan().real {
        true => now,
        false => run.last_moment().map_or(now, |last| last.max(now)),
    }
}
