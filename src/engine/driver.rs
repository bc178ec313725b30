//! The one loop that touches the world.
//!
//! Round after round: what ought to be done is derived from the run; what follows from the state
//! alone is recorded; what is to start is recorded; all of that is made durable with one sync; only
//! then is anything told or started. State may run ahead of the disk; nothing outside may.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration as RealDuration, Instant};

use tokio::sync::mpsc;

use super::answerers::{Answerer, Answerers};
use super::clock::Clock;
use super::error::EngineError;
use super::people::{People, Prepared, Question, Said, unattended};
use super::signals::Signalled;
use crate::journal::{Durable, Stamps, Store, Writer};
use crate::model::call::{Cancel, Captured, Ended, Purpose, Reply, Request, Sink, Stream, Work};
use crate::model::event::{Happened, ParkReason};
use crate::model::ids::{Attempt, IdempotencyKey, StepKey};
use crate::model::output::{BlobRef, MAX_INLINE, MAX_OUTPUT, Stored, Streams};
use crate::model::people::{Actor, Person, Way};
use crate::model::{Duration, Effect, Event, Timestamp, Value};
use crate::report::{Notice, Reporter};
use crate::run::{
    Act, Asked, Command, Draft, Fact, Input, Look, Need, PersonNeeded, Poller, Replied, Run, Then,
};

/// How long a process has between TERM and KILL where nobody says.
const GRACE: Duration = Duration::from_secs(10);

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
}

/// Something came in.
enum Incoming {
    Replied(Box<Running>, Box<Reply>),
    Line(StepKey, Stream, Vec<u8>),
    Said(Box<PersonNeeded>, Box<Said>),
}

/// A request under way.
#[derive(Clone, Debug)]
struct Running {
    step: StepKey,
    attempt: Attempt,
    purpose: Purpose,
    asked: Timestamp,
}

/// A poll under way.
struct Polling {
    act: Act,
    poller: Poller,
    began: Timestamp,
    /// When the next look is due; none while one is under way.
    next: Option<Timestamp>,
    last: Option<Value>,
}

type Key = (StepKey, Attempt);

#[derive(Default)]
struct Flag(AtomicBool);

impl Cancel for Flag {
    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

struct Lines {
    step: StepKey,
    out: mpsc::UnboundedSender<Incoming>,
}

impl Sink for Lines {
    fn line(&self, stream: Stream, line: &[u8]) {
        // Nobody listens any more when the run is over; a line that nobody shows is still kept.
        let _ = self
            .out
            .send(Incoming::Line(self.step.clone(), stream, line.to_vec()));
    }
}

/// What is under way.
struct Flight {
    calls: HashMap<(StepKey, Attempt, &'static str), ()>,
    /// Real work: while there is some, the simulated clock goes with the wall's.
    real: usize,
    polls: BTreeMap<Key, Polling>,
    /// Simulated replies, by when they are due.
    due: VecDeque<(Timestamp, Running, Reply)>,
    /// Needs that a person will be asked about, the first one is being asked.
    needs: VecDeque<PersonNeeded>,
    asking: bool,
    /// Calls that a person carries out.
    carried: HashMap<Key, Running>,
    last_lines: HashMap<StepKey, VecDeque<String>>,
    cancel: Arc<Flag>,
    out: mpsc::UnboundedSender<Incoming>,
    /// Why nothing new starts and the process is to let go.
    leave: Option<ParkReason>,
    interrupted: bool,
}

impl Driver<'_> {
    /// Drives the run until it is closed or must wait. `first` is recorded before anything else.
    pub async fn drive(mut self, first: Vec<Happened>) -> Result<(Driven, Run), EngineError> {
        let (out, mut incoming) = mpsc::unbounded_channel();
        let mut flight = Flight {
            calls: HashMap::new(),
            real: 0,
            polls: BTreeMap::new(),
            due: VecDeque::new(),
            needs: VecDeque::new(),
            asking: false,
            carried: HashMap::new(),
            last_lines: HashMap::new(),
            cancel: Arc::new(Flag::default()),
            out,
            leave: None,
            interrupted: false,
        };
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
            let (launch, wait_until) = self.derive(&mut flight)?;
            self.make_durable()?;
            for start in launch {
                self.launch(start, &mut flight);
            }
            self.ask_next(&mut flight);
            if self.run.closing().is_some() {
                self.reporter.finish(&self.run);
                return Ok((Driven::Closed, self.run));
            }
            if let Some(left) = self.leave(&mut flight)? {
                self.reporter.finish(&self.run);
                return Ok((left, self.run));
            }
            self.wait(&mut flight, &mut incoming, wait_until).await?;
        }
    }

    // ── Deriving and recording ──

    /// Records all that follows from the state, and says what is to start once that is durable.
    fn derive(
        &mut self,
        flight: &mut Flight,
    ) -> Result<(Vec<Start>, Option<Timestamp>), EngineError> {
        let mut launch = Vec::new();
        loop {
            let mut changed = false;
            let mut wait_until = None;
            for command in self.run.commands(self.clock.now()) {
                match command {
                    Command::Record(draft) => {
                        if self.run.stands(&draft) {
                            self.record(draft, Actor::Engine)?;
                            changed = true;
                        }
                    }
                    Command::Act(act) if flight.leave.is_none() => {
                        let draft = Draft {
                            step: Some(act.step.clone()),
                            attempt: Some(act.attempt),
                            what: Happened::StepStarted(Box::new(act.started.clone())),
                        };
                        if self.run.stands(&draft) {
                            self.record(draft, Actor::Engine)?;
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
                        changed |= self.person(needed, flight)?;
                    }
                    Command::WaitUntil(moment) => wait_until = Some(moment),
                }
            }
            if !changed {
                return Ok((launch, wait_until));
            }
        }
    }

    fn record(&mut self, draft: Draft, actor: Actor) -> Result<(), EngineError> {
        let mut event = Event {
            at: self.clock.now(),
            step: draft.step,
            attempt: draft.attempt,
            actor,
            what: draft.what,
        };
        if let Happened::StepFinished(finished) = &mut event.what
            && let Some(Stored::Inline(value)) = &finished.output
        {
            finished.output = Some(self.store_output(value.clone())?);
        }
        self.writer.append(event.clone())?;
        self.run.apply(&event)?;
        Ok(())
    }

    /// A large output is kept beside the journal.
    fn store_output(&self, value: Value) -> Result<Stored, EngineError> {
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
    fn make_durable(&mut self) -> Result<(), EngineError> {
        let durable = self.writer.commit()?;
        for Durable { record, line } in &durable {
            if matches!(
                record.event.what,
                Happened::RunOpened(_) | Happened::RunClosed(_)
            ) {
                self.store.ledger().enter(record, &*self.stamps)?;
            }
            let json = line.strip_suffix(b"\n").unwrap_or(line);
            self.reporter.notice(Notice::Recorded {
                event: &record.event,
                json,
                run: &self.run,
            });
        }
        Ok(())
    }

    // ── People ──

    /// Answers a need at once where that is possible; else a person will be asked.
    fn person(&mut self, needed: PersonNeeded, flight: &mut Flight) -> Result<bool, EngineError> {
        match self.prepared.answer(&needed) {
            Ok(Some(fact)) => return self.take(&needed.step, needed.attempt, fact),
            Ok(None) => {}
            Err(unanswered) => tracing::warn!(step = %needed.step, "{}", unanswered.0),
        }
        if self.people.is_some() {
            let asked = flight
                .needs
                .iter()
                .any(|other| other.step == needed.step && other.attempt == needed.attempt);
            if !asked {
                flight.needs.push_back(needed);
            }
            return Ok(false);
        }
        match unattended(&needed.need) {
            Some(fact) => self.take(&needed.step, needed.attempt, fact),
            None => {
                let reason = match needed.need {
                    Need::Doubt { .. } => ParkReason::InDoubt,
                    _ => ParkReason::NeedsPerson,
                };
                flight.leave.get_or_insert(reason);
                Ok(false)
            }
        }
    }

    /// Lets an outside fact become an event. A stale one is dropped.
    fn take(&mut self, step: &StepKey, attempt: Attempt, fact: Fact) -> Result<bool, EngineError> {
        let by_person = match &fact {
            Fact::Gate { way, .. }
            | Fact::Answer { way, .. }
            | Fact::Reported { way, .. }
            | Fact::Chosen { way, .. } => *way != Way::Rule,
            Fact::Settled { .. } | Fact::Cut { .. } => true,
            Fact::Replied(_) | Fact::GaveUp { .. } | Fact::Looked(_) | Fact::Verified(_) => false,
        };
        let actor = if by_person {
            Actor::Person(self.operator.clone())
        } else {
            Actor::Engine
        };
        let input = Input {
            step: step.clone(),
            attempt,
            fact,
        };
        match self.run.admit(input) {
            Ok(draft) => {
                self.record(draft, actor)?;
                Ok(true)
            }
            Err(stale) => {
                tracing::debug!("stale: {stale}");
                Ok(false)
            }
        }
    }

    /// Asks about the first need, if nobody is being asked.
    fn ask_next(&mut self, flight: &mut Flight) {
        if flight.asking || flight.leave.is_some() {
            return;
        }
        let (Some(people), Some(needed)) = (&self.people, flight.needs.front().cloned()) else {
            return;
        };
        let people = Arc::clone(people);
        let question = self.question(&needed, flight);
        let out = flight.out.clone();
        flight.asking = true;
        self.reporter.suspend();
        tokio::task::spawn_blocking(move || {
            let said = people.ask(&question);
            let _ = out.send(Incoming::Said(Box::new(needed), Box::new(said)));
        });
    }

    fn question(&self, needed: &PersonNeeded, flight: &Flight) -> Question {
        let view = self.run.step(&needed.step);
        let plan = self.run.plan();
        let work = match &needed.need {
            Need::Gate(gate) => gate.works.first(),
            Need::Doubt { work, .. } => work.as_ref(),
            _ => view.as_ref().and_then(|view| view.work()),
        };
        let answered_by = work.and_then(|work| match work {
            Work::Call(call) => plan
                .binding(&call.tool)
                .map(|binding| format!("{} by {}", call.tool, binding.answers.name())),
            Work::Process(_) => Some("this machine, for real".to_owned()),
        });
        Question {
            needed: needed.clone(),
            title: view.as_ref().map_or_else(String::new, |view| view.title()),
            why: view.as_ref().and_then(|view| view.why()),
            environment: plan.environment.to_string(),
            real: plan.real,
            undo: view.as_ref().map_or_else(String::new, |view| {
                crate::report::undo_words(plan, view.node_ix())
            }),
            answered_by,
            last_lines: flight
                .last_lines
                .get(&needed.step)
                .map(|lines| lines.iter().cloned().collect())
                .unwrap_or_default(),
        }
    }

    // ── Calls ──

    fn launch(&mut self, start: Start, flight: &mut Flight) {
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

    fn request(
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

    fn call(&mut self, request: Request, flight: &mut Flight) {
        let running = Running {
            step: request.step.clone(),
            attempt: request.attempt,
            purpose: request.purpose,
            asked: request.now,
        };
        let sink = Lines {
            step: request.step.clone(),
            out: flight.out.clone(),
        };
        match self.answerers.of(&self.run, &request.step, &request.work) {
            Some(Answerer::Simulated(simulated)) => {
                use crate::model::call::Adapter;
                let reply = simulated.call(&request, &sink, &*flight.cancel);
                let due = reply.took.unwrap_or_default().after(request.now);
                flight.due.push_back((due, running, reply));
            }
            Some(Answerer::Blocking(adapter)) => {
                flight.real += 1;
                let (cancel, out) = (Arc::clone(&flight.cancel), flight.out.clone());
                tokio::task::spawn_blocking(move || {
                    let reply = adapter.call(&request, &sink, &*cancel);
                    let _ = out.send(Incoming::Replied(Box::new(running), Box::new(reply)));
                });
            }
            Some(Answerer::Person) if self.people.is_none() => {
                let failure = crate::model::call::Failure::new(
                    crate::model::call::FailureKind::NotStarted,
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
                    need: super::carried::need(&request),
                });
            }
            None => {
                let failure = crate::model::call::Failure::new(
                    crate::model::call::FailureKind::NotStarted,
                    "nobody answers this call",
                );
                let reply = Reply::of(Ended::Failed(failure, None));
                flight.due.push_back((request.now, running, reply));
            }
        }
    }

    fn replied(
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
            Purpose::Act => Fact::Replied(self.kept(reply, running.asked)?),
        };
        self.take(&running.step, running.attempt, fact)?;
        Ok(())
    }

    /// Keeps what was printed beside the journal.
    fn kept(&self, reply: Reply, asked: Timestamp) -> Result<Replied, EngineError> {
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

    /// One look of a poll is over.
    fn looked(
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
                output: look.output.clone().filter(|output| small(output)),
                failure,
            };
            let draft = Draft {
                step: Some(key.0.clone()),
                attempt: Some(key.1),
                what,
            };
            if self.run.stands(&draft) {
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
                let fact = Fact::GaveUp {
                    failure,
                    output: look.output,
                    took: Duration::between(polling.began, now),
                };
                self.take(&key.0, key.1, fact)?;
            }
        }
        Ok(())
    }

    // ── Waiting and leaving ──

    /// Waits for the next thing that comes in, or for the next moment at which something is due.
    async fn wait(
        &mut self,
        flight: &mut Flight,
        incoming: &mut mpsc::UnboundedReceiver<Incoming>,
        wait_until: Option<Timestamp>,
    ) -> Result<(), EngineError> {
        self.end_polls(flight)?;
        let due = flight.due.iter().map(|(moment, ..)| *moment).min();
        let look = flight
            .polls
            .values()
            .filter_map(|polling| polling.next)
            .min();
        let next = [due, look, wait_until].into_iter().flatten().min();
        let nothing_real = flight.real == 0 && !flight.asking;
        // What has come in already goes first.
        if let Ok(came) = incoming.try_recv() {
            return self.came(came, flight);
        }
        if let Ok(signal) = self.signals.try_recv() {
            self.signalled(&signal, flight);
            return Ok(());
        }
        if let Some(next) = next {
            if next <= self.clock.now() || (nothing_real && self.clock.skip_to(next)) {
                return self.due_now(flight);
            }
        } else if nothing_real {
            return if flight.leave.is_some()
                || !flight.needs.is_empty()
                || self.run.closing().is_some()
            {
                Ok(())
            } else {
                self.must_move()
            };
        }
        if let Some(next) = next {
            self.reporter.notice(Notice::Waiting {
                until: next,
                now: self.clock.now(),
                run: &self.run,
            });
        }
        let patience = next.map_or(RealDuration::from_secs(3600), |next| {
            Duration::between(self.clock.now(), next).as_std()
        });
        let began = Instant::now();
        let came = tokio::select! {
            came = incoming.recv() => came,
            signal = self.signals.recv() => {
                self.clock.elapsed(began.elapsed());
                if let Some(signal) = signal {
                    self.signalled(&signal, flight);
                }
                return Ok(());
            }
            () = tokio::time::sleep(patience) => None,
        };
        self.clock.elapsed(began.elapsed());
        match came {
            Some(came) => self.came(came, flight),
            None => self.due_now(flight),
        }
    }

    /// With nothing under way there must be something to do: else the next round finds nothing
    /// either, for ever.
    fn must_move(&self) -> Result<(), EngineError> {
        let commands = self.run.commands(self.clock.now());
        let moves = commands.iter().any(|command| match command {
            Command::Record(draft) => self.run.stands(draft),
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

    fn came(&mut self, came: Incoming, flight: &mut Flight) -> Result<(), EngineError> {
        match came {
            Incoming::Replied(running, reply) => {
                flight.real -= 1;
                self.replied(*running, *reply, flight)
            }
            Incoming::Line(step, stream, line) => {
                flight.remember(&step, &line);
                self.reporter.notice(Notice::Line {
                    step: &step,
                    stream,
                    line: &line,
                });
                Ok(())
            }
            Incoming::Said(needed, said) => {
                flight.asking = false;
                flight
                    .needs
                    .retain(|other| other.step != needed.step || other.attempt != needed.attempt);
                self.reporter.resume();
                if let Some(running) = flight
                    .carried
                    .remove(&(needed.step.clone(), needed.attempt))
                {
                    return self.carried(running, *said, flight);
                }
                match *said {
                    Said::Fact(fact) => {
                        self.take(&needed.step, needed.attempt, fact)?;
                    }
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
    fn carried(
        &mut self,
        running: Running,
        said: Said,
        flight: &mut Flight,
    ) -> Result<(), EngineError> {
        let work = self.run.step(&running.step).and_then(|view| view.work());
        let shape = match work {
            Some(Work::Call(call)) => self
                .run
                .plan()
                .action(&call.tool.tool, &call.action)
                .map(|action| action.output_shape())
                .unwrap_or_default(),
            _ => crate::model::Shape::Any,
        };
        let reply = match said {
            Said::Fact(fact) => super::carried::reply(fact, &shape),
            Said::Park | Said::Gone => None,
        };
        match reply {
            Some(reply) => self.replied(running, reply, flight),
            // They left before they said: whether it was done is not known.
            None => {
                let ended =
                    Ended::Unknown("the person left before saying what they did".to_owned());
                flight.leave.get_or_insert(ParkReason::Operator);
                self.replied(running, Reply::of(ended), flight)
            }
        }
    }

    /// Delivers what is due, and looks again where a poll's time has come.
    fn due_now(&mut self, flight: &mut Flight) -> Result<(), EngineError> {
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

    /// Where the run is ending, nobody waits for what a poll might still see.
    fn end_polls(&mut self, flight: &mut Flight) -> Result<(), EngineError> {
        if !self.run.is_ending() || flight.leave.is_some() {
            return Ok(());
        }
        let idle: Vec<Key> = flight
            .polls
            .iter()
            .filter(|(_, polling)| polling.next.is_some())
            .map(|(key, _)| key.clone())
            .filter(|(step, _)| {
                self.run
                    .step(step)
                    .is_some_and(|view| !view.is_after_steps())
            })
            .collect();
        for key in idle {
            if let Some(polling) = flight.polls.remove(&key) {
                let reply = Reply::of(Ended::Cancelled);
                let replied = self.kept(reply, polling.began)?;
                self.take(&key.0, key.1, Fact::Replied(replied))?;
            }
        }
        Ok(())
    }

    fn signalled(&mut self, signal: &Signalled, flight: &mut Flight) {
        let again = flight.leave.is_some();
        flight
            .leave
            .get_or_insert(ParkReason::Signal(signal.name().to_owned()));
        if again && signal.is_interrupt() {
            flight.interrupted = true;
            flight.cancel.0.store(true, Ordering::SeqCst);
        }
    }

    /// Lets go of the run, once what acts has been waited for.
    fn leave(&mut self, flight: &mut Flight) -> Result<Option<Driven>, EngineError> {
        let Some(reason) = flight.leave.clone() else {
            return Ok(None);
        };
        if flight.real > 0 || !flight.due.is_empty() {
            return Ok(None);
        }
        self.record(
            Draft {
                step: None,
                attempt: None,
                what: Happened::RunParked {
                    reason: reason.clone(),
                },
            },
            Actor::Engine,
        )?;
        self.make_durable()?;
        Ok(Some(if flight.interrupted {
            Driven::Interrupted
        } else {
            Driven::Parked(reason)
        }))
    }
}

/// Something that starts once its record is durable.
enum Start {
    Act(Act),
    Read(Asked, Purpose),
}

impl Flight {
    fn begins(&mut self, asked: &Asked, what: &'static str) -> bool {
        self.leave.is_none()
            && self
                .calls
                .insert((asked.step.clone(), asked.attempt, what), ())
                .is_none()
    }

    /// Keeps the last lines of a step, for the question that its failure leads to.
    fn remember(&mut self, step: &StepKey, line: &[u8]) {
        const LAST: usize = 12;
        let text = String::from_utf8_lossy(line);
        let text = crate::model::text::escape_controls(&text).into_owned();
        let lines = self.last_lines.entry(step.clone()).or_default();
        if lines.len() == LAST {
            lines.pop_front();
        }
        lines.push_back(text);
    }
}

fn small(value: &Value) -> bool {
    serde_json::to_vec(value).is_ok_and(|bytes| bytes.len() <= MAX_INLINE)
}

/// An output that no later step could read fails the step that made it.
fn capped(ended: Ended) -> Ended {
    use crate::model::call::{Failure, FailureKind};
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

fn no_answer(why: &str) -> crate::model::call::Failure {
    crate::model::call::Failure::new(crate::model::call::FailureKind::Answer, why)
}
