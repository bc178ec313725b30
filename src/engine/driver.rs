//! The one loop that touches the world.
//!
//! Round after round: what ought to be done is derived from the run; what follows from the state
//! alone is recorded; what is to start is recorded; all of that is made durable with one sync; only
//! then is anything told or started. State may run ahead of the disk; nothing outside may.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::mpsc;

use super::answerers::Answerers;
use super::clock::Clock;
use super::control::{self, Heads, Listener, remember_head};
use super::defect::{Panicked, caught};
use super::error::EngineError;
use super::halting::{Halt, WhatNow};
use super::people::{People, Prepared, Said};
use super::redacted::spoken;
use super::signals::Signalled;
use super::wiping::wiped;
use crate::journal::{Durable, Stamps, Store, WriteError, Writer};
use crate::model::call::{Cancel, Failure, FailureKind, Purpose, Reply, Sink, Stream};
use crate::model::event::{Happened, ParkReason, StepFinished};
use crate::model::ids::{Attempt, StepKey};
use crate::model::output::{BlobRef, MAX_INLINE, Stored};
use crate::model::people::{Actor, Person};
use crate::model::{Event, Timestamp, Value};
use crate::report::{Notice, Reporter};
use crate::run::{Act, Asked, Command, Draft, PersonNeeded, Poller, Run};

/// How the driving of a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Driven {
    /// The run is closed.
    Closed,
    /// The run waits, and can be resumed.
    Parked(ParkReason),
    /// The operator interrupted twice: what ran was ended, and the run can be resumed.
    Interrupted,
}

/// Everything a run is driven with.
pub struct Driver<'a> {
    /// The run, as its journal has it.
    pub run: Run,
    /// Its journal.
    pub writer: Writer,
    /// The record of all runs.
    pub store: &'a Store,
    /// The kernel's stamps, for the ledger.
    pub stamps: Arc<dyn Stamps>,
    /// The run's time.
    pub clock: Arc<dyn Clock>,
    /// Who answers each call.
    pub answerers: Answerers,
    /// Answers that were given before.
    pub prepared: Prepared,
    /// Who can be asked; none where there is no terminal.
    pub people: Option<Arc<dyn People>>,
    /// Who is told.
    pub reporter: &'a mut dyn Reporter,
    /// Who operates the run.
    pub operator: Person,
    /// Signals that came in.
    pub signals: mpsc::UnboundedReceiver<Signalled>,
    /// Results that are recorded and not durable yet.
    pub unsaved: Vec<Event>,
    /// The records that opened the run's gates.
    pub heads: Heads,
    /// Where other people reach the run; none where that could not be had.
    pub listener: Option<Listener>,
}

/// Something came in.
pub(super) enum Incoming {
    Replied(Box<Running>, Box<Reply>),
    Line(StepKey, Stream, Vec<u8>),
    Said(Box<PersonNeeded>, Box<Said>),
    /// Somebody else wants something of the run.
    Asked(Box<control::Asked>),
    /// It was found out whose a signed ballot is.
    Weighed(Box<control::Weighed>),
    WhatNow(WhatNow),
}

/// A request under way.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) step: StepKey,
    pub(super) attempt: Attempt,
    pub(super) purpose: Purpose,
    pub(super) asked: Timestamp,
}

/// A poll under way.
pub(super) struct Polling {
    pub(super) act: Act,
    pub(super) poller: Poller,
    pub(super) began: Timestamp,
    /// When the next look is due; none while one is under way.
    pub(super) next: Option<Timestamp>,
    pub(super) last: Option<Value>,
}

pub(super) type Key = (StepKey, Attempt);

#[derive(Default)]
pub(super) struct Flag(pub(super) AtomicBool);

impl Cancel for Flag {
    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// How many lines wait for the screen at most. All of them are kept in the step's own record.
const MAX_LINES: usize = 2_000;

/// How many of a step's last lines are shown where it failed.
pub(super) const LAST_LINES: usize = 12;

pub(super) struct Lines {
    pub(super) step: StepKey,
    pub(super) out: mpsc::UnboundedSender<Incoming>,
    pub(super) shown: bool,
    pub(super) lines: Arc<AtomicUsize>,
}

impl Sink for Lines {
    fn line(&self, stream: Stream, line: &[u8]) {
        if !self.shown || self.lines.fetch_add(1, Ordering::SeqCst) >= MAX_LINES {
            if self.shown {
                self.lines.fetch_sub(1, Ordering::SeqCst);
            }
            return;
        }
        // Nobody listens any more when the run is over; a line that nobody shows is still kept.
        let _ = self
            .out
            .send(Incoming::Line(self.step.clone(), stream, line.to_vec()));
    }
}

/// What is under way.
pub(super) struct Flight {
    pub(super) calls: HashSet<(StepKey, Attempt, &'static str)>,
    /// Real work: while there is some, the simulated clock goes with the wall's.
    pub(super) real: usize,
    pub(super) polls: BTreeMap<Key, Polling>,
    /// Simulated replies, by when they are due.
    pub(super) due: VecDeque<(Timestamp, Running, Reply)>,
    /// Needs that a person will be asked about, the first one is being asked.
    pub(super) needs: VecDeque<PersonNeeded>,
    /// The need that a person is being asked about.
    pub(super) asking: Option<PersonNeeded>,
    /// Calls that a person carries out.
    pub(super) carried: HashMap<Key, Running>,
    pub(super) last_lines: HashMap<StepKey, VecDeque<String>>,
    pub(super) cancel: Arc<Flag>,
    pub(super) out: mpsc::UnboundedSender<Incoming>,
    /// Why nothing new starts and the process is to let go.
    pub(super) leave: Option<ParkReason>,
    /// Nothing new starts until the operator has said what is to be done.
    pub(super) halt: Option<Halt>,
    pub(super) interrupts: u32,
    /// Lines on their way to the screen: more than a screen can take are left out there.
    pub(super) lines: Arc<AtomicUsize>,
    /// Results that could not be kept when the disk failed.
    pub(super) lost: Vec<(Running, Reply)>,
    /// Prepared answers that were found not to fit, so that it is said once.
    pub(super) unfit: HashSet<StepKey>,
    /// Peers who are told what became of what they said, once it is durable.
    pub(super) owed: Vec<control::Owed>,
}

impl Driver<'_> {
    /// Drives the run until it is closed or must wait. `first` is recorded before anything else.
    pub async fn drive(mut self, first: Vec<Happened>) -> Result<(Driven, Run), EngineError> {
        let (out, mut incoming) = mpsc::unbounded_channel();
        let mut flight = Flight {
            calls: HashSet::new(),
            real: 0,
            polls: BTreeMap::new(),
            due: VecDeque::new(),
            needs: VecDeque::new(),
            asking: None,
            carried: HashMap::new(),
            last_lines: HashMap::new(),
            cancel: Arc::new(Flag::default()),
            out,
            leave: None,
            halt: None,
            interrupts: 0,
            lines: Arc::default(),
            lost: Vec::new(),
            unfit: HashSet::new(),
            owed: Vec::new(),
        };
        let serving = self.serve(&flight);
        let driven = match caught(self.rounds(first, &mut flight, &mut incoming)).await {
            Ok(Ok(driven)) => Ok(driven),
            Ok(Err(error)) => {
                self.wait_for_what_runs(&mut flight, &mut incoming).await;
                Err(error)
            }
            Err(Panicked) => {
                let unrecorded = self.let_go_after_a_defect(&mut flight, &mut incoming).await;
                Err(EngineError::Defect { unrecorded })
            }
        };
        // Peers whose words are not recorded learn that from the end of their connection.
        drop((incoming, flight));
        self.end_answerers().await;
        if let Some(serving) = serving {
            serving.end().await;
        }
        let driven = driven?;
        self.reporter.finish(&self.run);
        Ok((driven, self.run))
    }

    /// Nobody is called any more. What of that outlives it is told: there is no step to record it
    /// with.
    async fn end_answerers(&mut self) {
        let answerers = self.answerers.clone();
        let ended = tokio::task::spawn_blocking(move || answerers.end()).await;
        for note in ended.unwrap_or_default() {
            self.tell_nevertheless(Notice::Left { note: &note });
        }
    }

    /// Lets other people reach the run from now on.
    fn serve(&mut self, flight: &Flight) -> Option<control::Serving> {
        let out = flight.out.clone();
        let listener = self.listener.take()?;
        Some(listener.serve(move |asked| {
            let _ = out.send(Incoming::Asked(Box::new(asked)));
        }))
    }

    /// Round after round, until the run is closed or must wait.
    async fn rounds(
        &mut self,
        first: Vec<Happened>,
        flight: &mut Flight,
        incoming: &mut mpsc::UnboundedReceiver<Incoming>,
    ) -> Result<Driven, EngineError> {
        let operator = Actor::Person(self.operator.clone());
        for what in first {
            let actor = match what {
                Happened::Recovered { .. } => Actor::Engine,
                _ => operator.clone(),
            };
            self.record(
                Draft {
                    step: None,
                    attempt: None,
                    what,
                },
                actor,
            )?;
        }
        loop {
            let (launch, wait_until) = self.derive(flight)?;
            self.make_durable()?;
            flight.tell_peers();
            for start in launch {
                self.launch(start, flight);
            }
            if self.run.closing().is_some() {
                return Ok(Driven::Closed);
            }
            self.ask_what_now(flight);
            self.ask_next(flight);
            if let Some(left) = self.leave(flight)? {
                return Ok(left);
            }
            self.wait(flight, incoming, wait_until).await?;
        }
    }

    /// Records all that follows from the state, and says what is to start once that is durable.
    pub(super) fn derive(
        &mut self,
        flight: &mut Flight,
    ) -> Result<(Vec<Start>, Option<Timestamp>), EngineError> {
        let mut launch = Vec::new();
        loop {
            let mut changed = false;
            let mut wait_until = None;
            let mut standing = Vec::new();
            // What is recorded now is held against the moment for which it was derived: a deadline
            // in between must not make it illegal.
            let now = self.clock.now();
            for command in self.run.commands(now) {
                match command {
                    // A look that nobody needs any more is still under way: its end is waited for.
                    Command::Record(draft)
                        if matches!(draft.what, Happened::RunClosed(_)) && flight.is_busy() =>
                    {
                        flight.cancel.0.store(true, Ordering::SeqCst);
                    }
                    Command::Record(draft) => {
                        if self.run.stands(&draft, now) {
                            let draft = wiped(draft, self.writer.run());
                            self.record_at(draft, Actor::Engine, now)?;
                            changed = true;
                        }
                    }
                    Command::Act(act) if self.nobody_carries(&act) => {
                        flight.leave.get_or_insert(ParkReason::NeedsPerson);
                    }
                    Command::Act(act) if !flight.holds() => {
                        let draft = Draft {
                            step: Some(act.step.clone()),
                            attempt: Some(act.attempt),
                            what: Happened::StepStarted(Box::new(act.started.clone())),
                        };
                        if self.run.stands(&draft, now) {
                            self.record_at(draft, Actor::Engine, now)?;
                            launch.push(Start::Act(*act));
                            changed = true;
                        }
                    }
                    Command::Act(_) => {}
                    Command::Look(asked) if flight.begins(&asked, "look") => {
                        launch.push(Start::Read(asked, Purpose::Before));
                    }
                    Command::Verify(asked) if flight.begins(&asked, "verify") => {
                        launch.push(Start::Read(asked, Purpose::Verify));
                    }
                    Command::Look(_) | Command::Verify(_) => {}
                    Command::Person(needed) => {
                        standing.push(needed.clone());
                        changed |= self.person(needed, flight, now)?;
                    }
                    Command::WaitUntil(moment) => wait_until = Some(moment),
                }
            }
            if !changed {
                self.keep_standing(&standing, flight);
                return Ok((launch, wait_until));
            }
        }
    }

    pub(super) fn record(&mut self, draft: Draft, actor: Actor) -> Result<(), EngineError> {
        let now = self.clock.now();
        self.record_at(draft, actor, now)
    }

    pub(super) fn record_at(
        &mut self,
        draft: Draft,
        actor: Actor,
        at: Timestamp,
    ) -> Result<(), EngineError> {
        let mut event = Event {
            at,
            step: draft.step,
            attempt: draft.attempt,
            actor,
            what: spoken(&self.answerers.redactor(), draft.what),
        };
        if let Happened::StepFinished(finished) = &mut event.what
            && let Some(Stored::Inline(value)) = &finished.output
        {
            finished.output = Some(self.store_output(value.clone())?);
        }
        match self.writer.append(event.clone()) {
            Ok(_) => {}
            // The record would be too large. What it says has failed then, and that is recorded.
            Err(WriteError::Encode(error)) => {
                event.what = match too_large(event.what, &error.to_string()) {
                    Some(what) => what,
                    None => return Err(EngineError::Encode(error)),
                };
                self.writer.append(event.clone())?;
            }
            Err(error) => {
                self.keep_unsaved(&event);
                return Err(error.into());
            }
        }
        self.run.apply(&event)?;
        self.keep_unsaved(&event);
        Ok(())
    }

    /// Results of what had started durably: should the batch fail, they are not to be lost.
    fn keep_unsaved(&mut self, event: &Event) {
        let result = matches!(
            event.what,
            Happened::StepFinished(_) | Happened::StepUnknown { .. }
        );
        if result {
            self.unsaved.push(event.clone());
        }
    }

    /// A large output is kept beside the journal.
    pub(super) fn store_output(&self, value: Value) -> Result<Stored, EngineError> {
        let bytes = serde_json::to_vec(&value)
            .map_err(|e| EngineError::Files(format!("an output could not be written: {e}")))?;
        if bytes.len() <= MAX_INLINE {
            return Ok(Stored::Inline(value));
        }
        let sha256 = self.writer.blobs().put(&bytes)?;
        Ok(Stored::Blob {
            blob: BlobRef {
                sha256,
                bytes: bytes.len() as u64,
                cut: 0,
            },
            value: Some(value),
        })
    }

    /// One sync for the whole batch; then, and only then, it is told.
    pub(super) fn make_durable(&mut self) -> Result<(), EngineError> {
        let durable = self.writer.commit()?;
        self.unsaved.clear();
        for Durable { record, line } in &durable {
            if matches!(
                record.event.what,
                Happened::RunOpened(_) | Happened::RunClosed(_) | Happened::UndoRequested { .. }
            ) {
                self.store.ledger().enter(record, &*self.stamps)?;
            }
            remember_head(&mut self.heads, record);
            let json = line.strip_suffix(b"\n").unwrap_or(line);
            self.reporter.notice(Notice::Recorded {
                event: &record.event,
                json,
                run: &self.run,
            });
        }
        Ok(())
    }
}

/// Something that starts once its record is durable.
pub(super) enum Start {
    Act(Act),
    Read(Asked, Purpose),
}

impl Flight {
    /// Whether nothing new starts: the run is being left, or the operator is to say what now.
    pub(super) fn holds(&self) -> bool {
        self.leave.is_some() || self.halt.is_some()
    }

    /// Whether something is under way that would be lost or have to be waited for.
    pub(super) fn is_busy(&self) -> bool {
        self.real > 0 || !self.due.is_empty()
    }

    pub(super) fn begins(&mut self, asked: &Asked, what: &'static str) -> bool {
        !self.holds() && self.calls.insert((asked.step.clone(), asked.attempt, what))
    }

    /// Keeps the last lines of a step, for the question that its failure leads to.
    pub(super) fn remember(&mut self, step: &StepKey, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = crate::model::text::escape_controls(&text).into_owned();
        let lines = self.last_lines.entry(step.clone()).or_default();
        if lines.len() == LAST_LINES {
            lines.pop_front();
        }
        lines.push_back(text);
    }
}

/// What is recorded in place of an event whose record would be too large.
fn too_large(what: Happened, why: &str) -> Option<Happened> {
    let failure = || Failure::new(FailureKind::Output, why.to_owned());
    match what {
        Happened::BeforeSeen { .. } => Some(Happened::BeforeSeen {
            output: None,
            failure: Some(failure()),
        }),
        Happened::PollSeen { met, .. } => Some(Happened::PollSeen {
            met,
            output: None,
            failure: None,
        }),
        Happened::StepResolved { resolution, by, .. } => Some(Happened::StepResolved {
            resolution,
            by,
            reason: why.to_owned(),
            output: None,
        }),
        Happened::StepUnknown { streams, .. } => Some(Happened::StepUnknown {
            reason: why.to_owned(),
            streams,
        }),
        Happened::StepFinished(finished) => Some(Happened::StepFinished(Box::new(StepFinished {
            failure: finished.failure.map(|_| failure()),
            ..*finished
        }))),
        _ => None,
    }
}
