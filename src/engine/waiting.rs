//! Waiting for what comes in or falls due.

use std::sync::atomic::Ordering;
use std::time::{Duration as RealDuration, Instant};

use tokio::sync::mpsc;

use super::calls::small;
use super::driver::{Driver, Flight, Incoming, Key, Running};
use super::error::EngineError;
use super::halting::Halt;
use super::people::Said;
use crate::model::call::{Ended, Purpose, Reply, Work};
use crate::model::event::ParkReason;
use crate::model::output::Streams;
use crate::model::people::Actor;
use crate::model::{Duration, Event, Timestamp, Value};
use crate::report::{Leaving, Notice};
use crate::run::{Command, Fact, Input, Replied};

/// How many lines are told before anything else is looked at.
const MOST_LINES: usize = 200;

impl Driver<'_> {
    /// Waits for the next thing that comes in, or for the next moment at which something is due.
    pub(super) async fn wait(
        &mut self,
        flight: &mut Flight,
        incoming: &mut mpsc::UnboundedReceiver<Incoming>,
        wait_until: Option<Timestamp>,
    ) -> Result<(), EngineError> {
        if self.end_polls(flight)? {
            return Ok(());
        }
        // The tasks that listen for signals run on this thread too: they get their turn however
        // much a step prints.
        tokio::task::yield_now().await;
        if let Ok(signal) = self.signals.try_recv() {
            self.signalled(signal, flight);
            return Ok(());
        }
        // What has come in already goes first.
        let mut lines = 0;
        while let Ok(came) = incoming.try_recv() {
            if let Some(came) = self.told(came, flight) {
                return self.came(came, flight);
            }
            // A step may print faster than lines are told: the signals get their turn between.
            lines += 1;
            if lines == MOST_LINES {
                return Ok(());
            }
        }
        let due = flight.due.iter().map(|(moment, ..)| *moment).min();
        let looks = flight.polls.values().filter_map(|polling| polling.next);
        let later = [looks.min(), wait_until].into_iter().flatten().min();
        // Nothing new starts now: what would be due waits too.
        let later = later.filter(|_| !flight.holds());
        let next = due.into_iter().chain(later).min();
        let asking = flight.asking.is_some() || flight.halt == Some(Halt::Asked);
        let nothing_real = flight.real == 0 && !asking;
        if let Some(next) = next {
            if next <= self.clock.now() || (nothing_real && self.clock.skip_to(next)) {
                return self.due_now(flight);
            }
            self.reporter.notice(Notice::Waiting {
                until: next,
                now: self.clock.now(),
                run: &self.run,
            });
        } else if nothing_real {
            let goes_on = flight.holds() || !flight.needs.is_empty();
            return if goes_on { Ok(()) } else { self.must_move() };
        }
        loop {
            let patience = next.map_or(RealDuration::from_secs(3600), |next| {
                Duration::between(self.clock.now(), next).as_std()
            });
            let began = Instant::now();
            let came = tokio::select! {
                biased;
                signal = self.signals.recv() => {
                    self.clock.elapsed(began.elapsed());
                    if let Some(signal) = signal {
                        self.signalled(signal, flight);
                    }
                    return Ok(());
                }
                came = incoming.recv() => came,
                () = tokio::time::sleep(patience) => None,
            };
            self.clock.elapsed(began.elapsed());
            match came.map(|came| self.told(came, flight)) {
                // A line was told: nothing follows from it.
                Some(None) => {}
                Some(Some(came)) => return self.came(came, flight),
                None => return self.due_now(flight),
            }
            tokio::task::yield_now().await;
        }
    }

    /// Tells a line, from which nothing follows; gives anything else back.
    fn told(&mut self, came: Incoming, flight: &mut Flight) -> Option<Incoming> {
        let Incoming::Line(step, stream, line) = came else {
            return Some(came);
        };
        flight.lines.fetch_sub(1, Ordering::SeqCst);
        flight.remember(&step, &line);
        self.reporter.notice(Notice::Line {
            step: &step,
            stream,
            line: &line,
        });
        None
    }

    /// With nothing under way there must be something to do: else the next round finds nothing
    /// either, for ever.
    pub(super) fn must_move(&self) -> Result<(), EngineError> {
        let commands = self.run.commands(self.clock.now());
        let moves = commands.iter().any(|command| match command {
            Command::Record(draft) => self.run.stands(draft, self.clock.now()),
            Command::Act(_) | Command::Look(_) | Command::Verify(_) => true,
            Command::Person(_) => true,
            Command::WaitUntil(_) => true,
        });
        if moves {
            Ok(())
        } else {
            Err(EngineError::Stuck)
        }
    }

    pub(super) fn came(&mut self, came: Incoming, flight: &mut Flight) -> Result<(), EngineError> {
        match came {
            Incoming::Replied(running, reply) => {
                flight.real -= 1;
                self.replied(*running, *reply, flight)
            }
            // Told on its way in.
            Incoming::Line(..) => Ok(()),
            Incoming::Asked(asked) => self.asked(*asked, flight),
            Incoming::Weighed(weighed) => self.weighed(*weighed, flight),
            Incoming::WhatNow(what) => self.what_now(what, flight),
            Incoming::Said(needed, said) => {
                flight.asking = None;
                flight
                    .needs
                    .retain(|other| other.step != needed.step || other.attempt != needed.attempt);
                self.reporter.resume();
                let key = (needed.step.clone(), needed.attempt);
                if *said == Said::Withdrawn
                    && flight.leave.is_none()
                    && flight.carried.contains_key(&key)
                {
                    // They were interrupted at it, and are asked again if the run goes on.
                    flight.needs.push_front(*needed);
                    return Ok(());
                }
                if let Some(running) = flight.carried.remove(&key) {
                    return self.carried(running, *said, flight);
                }
                match *said {
                    Said::Fact(fact) => {
                        if !self.take(&needed.step, needed.attempt, fact)? {
                            tracing::warn!(step = %needed.step, "the answer came too late and changes nothing");
                        }
                    }
                    // The question did not stand any more.
                    Said::Withdrawn => {}
                    Said::Park => {
                        flight.leave.get_or_insert(ParkReason::Operator);
                    }
                    Said::Gone => {
                        self.people = None;
                        flight
                            .leave
                            .get_or_insert(ParkReason::Signal("hangup".to_owned()));
                    }
                }
                Ok(())
            }
        }
    }

    /// A person has carried a call out, or left.
    pub(super) fn carried(
        &mut self,
        running: Running,
        said: Said,
        flight: &mut Flight,
    ) -> Result<(), EngineError> {
        let work = self.run.step(&running.step).and_then(|view| view.work());
        let issued = work.map_or_else(Vec::new, |work| self.answerers.issued(work));
        let shape = match work {
            Some(Work::Call(call)) => self
                .run
                .plan()
                .action(&call.tool.tool, &call.action)
                .map(|action| action.shown_shape())
                .unwrap_or_default(),
            _ => crate::model::Shape::Any,
        };
        let reply = match said {
            Said::Fact(fact) => super::carried::reply(self.redacted(fact), &shape, &issued),
            Said::Park | Said::Gone | Said::Withdrawn => None,
        };
        match reply {
            Some(reply) => self.replied(running, reply, flight),
            None => {
                flight.leave.get_or_insert(ParkReason::Operator);
                self.left_undone(running, flight)
            }
        }
    }

    /// The person left before they said whether they did it: of a change nobody knows; a look is
    /// made again.
    pub(super) fn left_undone(
        &mut self,
        running: Running,
        flight: &mut Flight,
    ) -> Result<(), EngineError> {
        let view = self.run.step(&running.step);
        if view.is_some_and(|view| view.effect().acts()) {
            let ended = Ended::Unknown("the person left before saying what they did".to_owned());
            self.replied(running, Reply::of(ended), flight)?;
        }
        Ok(())
    }

    /// Delivers what is due, and looks again where a poll's time has come.
    pub(super) fn due_now(&mut self, flight: &mut Flight) -> Result<(), EngineError> {
        let now = self.clock.now();
        let mut index = 0;
        while index < flight.due.len() {
            if flight.due[index].0 <= now
                && let Some((_, running, reply)) = flight.due.remove(index)
            {
                self.replied(running, reply, flight)?;
            } else {
                index += 1;
            }
        }
        let looks: Vec<Key> = flight
            .polls
            .iter()
            .filter(|(_, polling)| polling.next.is_some_and(|next| next <= now))
            .filter(|_| flight.halt.is_none())
            .map(|(key, _)| key.clone())
            .collect();
        for key in looks {
            let Some(polling) = flight.polls.get_mut(&key) else {
                continue;
            };
            polling.next = None;
            let act = polling.act.clone();
            let request = self.request(
                &act.step,
                act.attempt,
                act.started.work,
                act.started.key,
                (Purpose::Act, act.started.effect, act.timeout),
            );
            self.call(request, flight);
        }
        Ok(())
    }

    /// Where the run or the block around it is ending, nobody waits for what a poll might still see.
    pub(super) fn end_polls(&mut self, flight: &mut Flight) -> Result<bool, EngineError> {
        if flight.holds() {
            return Ok(false);
        }
        let mut ended = false;
        let idle: Vec<Key> = flight
            .polls
            .iter()
            .filter(|(_, polling)| polling.next.is_some())
            .map(|(key, _)| key.clone())
            .filter(|(step, _)| self.run.step(step).is_some_and(|view| view.is_stopping()))
            .collect();
        for key in idle {
            if let Some(polling) = flight.polls.remove(&key) {
                let reply = Reply::of(Ended::Cancelled);
                let replied = self.kept(reply, polling.began)?;
                ended |= self.take(&key.0, key.1, Fact::Replied(replied))?;
            }
        }
        Ok(ended)
    }

    /// After the journal failed: nothing new starts, and what runs is waited for. Where the disk is
    /// only full, what was kept back for this takes the results in, so that fewer steps are in
    /// doubt when the run is taken up again.
    pub(super) async fn wait_for_what_runs(
        &mut self,
        flight: &mut Flight,
        incoming: &mut mpsc::UnboundedReceiver<Incoming>,
    ) {
        let mut results = std::mem::take(&mut self.unsaved);
        if flight.real > 0 {
            self.reporter.notice(Notice::Leaving {
                signal: "failure of the journal",
                acting: flight.real,
                how: Leaving::Waiting,
            });
        }
        let mut ended: Vec<(Running, Reply)> = std::mem::take(&mut flight.lost);
        while flight.real > 0 {
            let came = tokio::select! {
                biased;
                signal = self.signals.recv() => {
                    if let Some(signal) = signal {
                        self.reporter.notice(flight.note(signal));
                    }
                    continue;
                }
                came = incoming.recv() => came,
            };
            match came {
                None => break,
                Some(Incoming::Replied(running, reply)) => {
                    flight.real -= 1;
                    ended.push((*running, *reply));
                }
                Some(_) => {}
            }
        }
        let simulated = std::mem::take(&mut flight.due);
        ended.extend(
            simulated
                .into_iter()
                .map(|(_, running, reply)| (running, reply)),
        );
        for (running, reply) in ended {
            // A look of a poll says nothing about its end: it is polled again.
            let polled = flight
                .polls
                .contains_key(&(running.step.clone(), running.attempt));
            if running.purpose == Purpose::Act && !polled {
                results.extend(self.result_without_streams(&running, reply));
            }
        }
        if !results.is_empty()
            && let Err(error) = self.writer.final_append(results)
        {
            tracing::info!("what was running has ended, and could not be recorded: {error}");
        }
    }

    /// A result for the last records of a full disk: what was printed, or is large, has no room
    /// there.
    fn result_without_streams(&self, running: &Running, reply: Reply) -> Option<Event> {
        let ended = match reply.ended {
            Ended::Succeeded(output) if !small(&output) => Ended::Succeeded(Value::None),
            Ended::Failed(failure, Some(output)) if !small(&output) => Ended::Failed(failure, None),
            other => other,
        };
        let input = Input {
            step: running.step.clone(),
            attempt: running.attempt,
            fact: Fact::Replied(Replied {
                ended,
                streams: Streams::default(),
                notes: vec!["its output could not be kept: the disk was full".to_owned()],
                took: Duration::between(running.asked, self.clock.now()),
            }),
        };
        let draft = self.run.admit(input, self.clock.now()).ok()?;
        Some(Event {
            at: self.clock.now(),
            step: draft.step,
            attempt: draft.attempt,
            actor: Actor::Engine,
            what: draft.what,
        })
    }
}
