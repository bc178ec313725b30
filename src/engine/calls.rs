//! Calls under way: requests go out, replies come back as facts, polls look again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::answerers::Answerer;
use super::driver::{Driver, Flight, Incoming, Key, Lines, Polling, Running, Start};
use super::error::EngineError;
use crate::model::call::{
    Adapter, Captured, Ended, Failure, FailureKind, Purpose, Reply, Request, Work,
};
use crate::model::event::Happened;
use crate::model::ids::{Attempt, IdempotencyKey, StepKey};
use crate::model::output::{BlobRef, MAX_INLINE, MAX_OUTPUT, Streams};
use crate::model::people::Actor;
use crate::model::{Duration, Effect, Map, Timestamp, Value};
use crate::plan::NodeDoes;
use crate::run::{Draft, Fact, Look, PersonNeeded, Poller, Replied, Then};

/// How long a process has between TERM and KILL.
const GRACE: Duration = Duration::from_secs(10);

impl Driver<'_> {
    pub(super) fn launch(&mut self, start: Start, flight: &mut Flight) {
        match start {
            Start::Act(act) => {
                if act.polled {
                    let now = self.clock.now();
                    let node = self.run.step(&act.step).map(|view| view.node());
                    let poll = node.and_then(|node| node.how.poll.clone());
                    if let Some(spec) = poll {
                        flight.polls.insert(
                            (act.step.clone(), act.attempt),
                            Polling {
                                poller: Poller::begin(spec, now),
                                act: act.clone(),
                                began: now,
                                next: None,
                                last: None,
                            },
                        );
                    }
                }
                let effect = act.started.effect;
                let request = self.request(
                    &act.step,
                    act.attempt,
                    act.started.work.clone(),
                    act.started.key.clone(),
                    (Purpose::Act, effect, act.timeout),
                );
                self.call(request, flight);
            }
            Start::Read(asked, purpose) => {
                let request = self.request(
                    &asked.step,
                    asked.attempt,
                    asked.work,
                    IdempotencyKey(String::new()),
                    (purpose, Effect::Read, asked.timeout),
                );
                self.call(request, flight);
            }
        }
    }

    pub(super) fn request(
        &self,
        step: &StepKey,
        attempt: Attempt,
        work: Work,
        key: IdempotencyKey,
        (purpose, effect, timeout): (Purpose, Effect, Duration),
    ) -> Request {
        Request {
            run: self.run.id().clone(),
            environment: self.run.plan().environment.clone(),
            step: step.clone(),
            attempt,
            key,
            purpose,
            work,
            effect,
            timeout,
            grace: GRACE,
            now: self.clock.now(),
        }
    }

    pub(super) fn call(&mut self, request: Request, flight: &mut Flight) {
        let running = Running {
            step: request.step.clone(),
            attempt: request.attempt,
            purpose: request.purpose,
            asked: request.now,
        };
        // What is only looked at for the engine's own sake is no news, and what is sensitive is
        // nobody's.
        let sensitive = self.is_sensitive(&request.step);
        let issued = self.answerers.issued(&request.work);
        let shown = request.purpose == Purpose::Act && !sensitive && issued.is_empty();
        let sink = Lines {
            step: request.step.clone(),
            out: flight.out.clone(),
            shown,
            lines: Arc::clone(&flight.lines),
        };
        match self.answerers.of(&self.run, &request.step, &request.work) {
            Some(Answerer::Simulated(simulated)) => {
                let reply = simulated.call(&request, &sink, &*flight.cancel);
                let reply = match issued.is_empty() {
                    true => reply,
                    false => self
                        .answerers
                        .processes()
                        .put_away(reply, &request, &issued),
                };
                let due = reply.took.unwrap_or_default().after(request.now);
                flight.due.push_back((due, running, reply));
            }
            Some(Answerer::Blocking(adapter)) => {
                let (cancel, out) = (Arc::clone(&flight.cancel), flight.out.clone());
                let processes = self.answerers.processes();
                tokio::task::spawn_blocking(move || {
                    // A panic in there must not leave the run waiting for ever.
                    let call = AssertUnwindSafe(|| adapter.call(&request, &sink, &*cancel));
                    let reply = catch_unwind(call).unwrap_or_else(|_| {
                        Reply::of(Ended::Unknown(
                            "the engine failed while it was under way, by a defect in runbook; \
                             its processes were killed"
                                .to_owned(),
                        ))
                    });
                    // From here on it can be recorded, told and shown.
                    let reply = match (sensitive, issued.is_empty()) {
                        (true, _) => without_output(reply),
                        (false, true) => reply,
                        (false, false) => processes.put_away(reply, &request, &issued),
                    };
                    let reply = processes.secrets.redactor().reply(reply);
                    let _ = out.send(Incoming::Replied(Box::new(running), Box::new(reply)));
                });
                // After the start: a thread that the system refuses is nothing to wait for.
                flight.real += 1;
            }
            Some(Answerer::Person) if self.people.is_none() => {
                let failure = Failure::new(
                    FailureKind::NotStarted,
                    "a person carries this call out, and nobody can be asked",
                );
                let reply = Reply::of(Ended::Failed(failure, None));
                flight.due.push_back((request.now, running, reply));
            }
            Some(Answerer::Person) => {
                let key = (request.step.clone(), request.attempt);
                flight.carried.insert(key, running);
                flight.needs.push_back(PersonNeeded {
                    step: request.step.clone(),
                    attempt: request.attempt,
                    need: super::carried::need(
                        &request,
                        self.example(&request.work),
                        &self.answerers.issued(&request.work),
                    ),
                });
            }
            None => {
                let failure = Failure::new(FailureKind::NotStarted, "nobody answers this call");
                let reply = Reply::of(Ended::Failed(failure, None));
                flight.due.push_back((request.now, running, reply));
            }
        }
    }

    pub(super) fn replied(
        &mut self,
        running: Running,
        reply: Reply,
        flight: &mut Flight,
    ) -> Result<(), EngineError> {
        flight.calls.remove(&(
            running.step.clone(),
            running.attempt,
            match running.purpose {
                Purpose::Act => "act",
                Purpose::Before => "look",
                Purpose::Verify => "verify",
            },
        ));
        let key = (running.step.clone(), running.attempt);
        let fact = match running.purpose {
            Purpose::Before => Fact::Looked(reply.ended),
            Purpose::Verify => Fact::Verified(reply.ended),
            Purpose::Act if flight.polls.contains_key(&key) => {
                return self.looked(&key, running.asked, reply, flight);
            }
            Purpose::Act => match self.kept(reply.clone(), running.asked) {
                Ok(replied) => Fact::Replied(replied),
                Err(error) => {
                    flight.lost.push((running, reply));
                    return Err(error);
                }
            },
        };
        self.take(&running.step, running.attempt, fact)?;
        Ok(())
    }

    /// Keeps what was printed beside the journal.
    pub(super) fn kept(&self, reply: Reply, asked: Timestamp) -> Result<Replied, EngineError> {
        let keep = |captured: &Captured| -> Result<Option<BlobRef>, EngineError> {
            if captured.bytes.is_empty() {
                return Ok(None);
            }
            Ok(Some(BlobRef {
                sha256: self.writer.blobs().put(&captured.bytes)?,
                bytes: captured.bytes.len() as u64,
                cut: captured.cut.map_or(0, |cut| cut.bytes),
            }))
        };
        let streams = Streams {
            stdout: keep(&reply.stdout)?,
            stderr: keep(&reply.stderr)?,
        };
        Ok(Replied {
            ended: capped(reply.ended),
            streams,
            notes: reply.notes,
            took: Duration::between(asked, self.clock.now()),
        })
    }

    /// What a call's answer may look like.
    fn example(&self, work: &Work) -> Option<&Value> {
        let Work::Call(call) = work else {
            return None;
        };
        let action = self.run.plan().action(&call.tool.tool, &call.action)?;
        action
            .example
            .as_ref()
            .filter(|_| !action.output.is_empty())
    }

    /// Whether what the step prints stays out of journal and screen.
    fn is_sensitive(&self, step: &StepKey) -> bool {
        self.run
            .step(step)
            .is_some_and(|view| matches!(&view.node().does, NodeDoes::Run(run) if run.sensitive))
    }

    /// One look of a poll is over.
    pub(super) fn looked(
        &mut self,
        key: &Key,
        asked: Timestamp,
        reply: Reply,
        flight: &mut Flight,
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        let Some(mut polling) = flight.polls.remove(key) else {
            return Ok(());
        };
        let (met, output) = match &reply.ended {
            Ended::Succeeded(output) => (self.run.poll_met(&key.0, output), Some(output.clone())),
            Ended::Failed(failure, output) => (Err(failure.clone()), output.clone()),
            Ended::TimedOut => (Err(no_answer("it took too long")), None),
            Ended::Cancelled => (Err(no_answer("it was ended on request")), None),
            Ended::Unknown(reason) => (Err(no_answer(reason)), None),
        };
        let failure = met.clone().err();
        let look = Look { met, output };
        let next = polling.poller.seen(asked, now, &look);
        if next.note {
            let what = Happened::PollSeen {
                met: matches!(look.met, Ok(true)),
                output: look.output.clone().filter(small),
                failure,
            };
            let draft = Draft {
                step: Some(key.0.clone()),
                attempt: Some(key.1),
                what,
            };
            if self.run.stands(&draft, now) {
                self.record(draft, Actor::Engine)?;
            }
        }
        polling.last = look.output.clone();
        match next.then {
            Then::Again(moment) => {
                polling.next = Some(moment);
                flight.polls.insert(key.clone(), polling);
            }
            Then::Met => {
                let replied = self.kept(reply, polling.began)?;
                self.take(&key.0, key.1, Fact::Replied(replied))?;
            }
            Then::TimedOut(failure) => {
                // What the last look printed says why it did not hold.
                let last = self.kept(reply, polling.began)?;
                let fact = Fact::GaveUp {
                    failure,
                    output: look.output,
                    streams: last.streams,
                    notes: last.notes,
                    took: last.took,
                };
                self.take(&key.0, key.1, fact)?;
            }
        }
        Ok(())
    }
}

pub(super) fn small(value: &Value) -> bool {
    serde_json::to_vec(value).is_ok_and(|bytes| bytes.len() <= MAX_INLINE)
}

/// An output that no later step could read fails the step that made it.
fn capped(ended: Ended) -> Ended {
    match ended {
        Ended::Succeeded(value)
            if serde_json::to_vec(&value).is_ok_and(|bytes| bytes.len() > MAX_OUTPUT) =>
        {
            Ended::Failed(
                Failure::new(
                    FailureKind::Output,
                    "its structured output is larger than 1 MiB",
                )
                .hint("let the command print less, or keep only the fields that are needed"),
                None,
            )
        }
        other => other,
    }
}

fn no_answer(why: &str) -> Failure {
    Failure::new(FailureKind::Answer, why)
}

/// What is left of a sensitive step's reply: how it ended, and with which exit status.
fn without_output(reply: Reply) -> Reply {
    let only_exit = |output: Value| {
        let mut kept = Map::new();
        if let Some(exit) = output.get("exit") {
            kept.insert("exit".to_owned(), exit.clone());
        }
        Value::Map(kept)
    };
    let ended = match reply.ended {
        Ended::Succeeded(output) => Ended::Succeeded(only_exit(output)),
        Ended::Failed(failure, output) => Ended::Failed(failure, output.map(only_exit)),
        other => other,
    };
    Reply {
        ended,
        stdout: Captured::default(),
        stderr: Captured::default(),
        ..reply
    }
}
