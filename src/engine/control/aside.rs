//! Acting on a run that no process holds: whoever acts takes its lock, writes down what they say,
//! and lets go. Nothing is started, and nobody takes the run up.

use std::sync::Arc;

use super::answer::whose;
use super::weigh::{self, Business, Driven};
use super::words::{Reply, Request};
use crate::call::{Environment, Redactor};
use crate::engine::answerers::at_hand;
use crate::engine::error::EngineError;
use crate::engine::open::{Setting, now_of, taken};
use crate::engine::redacted::{holds_secret, spoken};
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
    (setting, env): (&Setting, &Environment),
) -> Result<Reply, EngineError> {
    let taken = taken(store, id, setting)?;
    let mut aside = Aside {
        now: now_of(&taken.run, setting.now),
        redactor: at_hand(taken.run.plan(), env.clone()),
        run: taken.run,
        writer: taken.writer,
    };
    let draft = match weigh::look(&aside.run, from, request, aside.now) {
        Ok(Business::Record(draft)) => Ok(draft),
        Ok(Business::Ballot(signed)) => {
            let signers = aside.run.plan().policy.signers.as_ref();
            holds_secret(&aside.redactor, &signed)
                .and_then(|()| whose(&signed, signers, aside.now))
                .and_then(|principal| {
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
            Reply::Done(weigh::became(&aside.run, &draft, Driven::No))
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
    /// Of the run's secrets, those that can be looked up here without starting anything.
    redactor: Arc<Redactor>,
}

impl Aside {
    fn record(&mut self, draft: Draft, actor: Actor) -> Result<(), EngineError> {
        let event = Event {
            at: self.now,
            step: draft.step,
            attempt: draft.attempt,
            actor,
            what: spoken(&self.redactor, draft.what),
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
