//! An event in words: what `audit show` and the plain reporter have in common.
//!
//! Exhaustive: a new kind of event does not compile before it has words. Nothing is escaped here.

use jiff::tz::TimeZone;

use super::clock;
use super::style::Mark;
use super::words;
use crate::model::Status;
use crate::model::approval::Vote;
use crate::model::event::{
    Event, FailureChoice, GateOpened, Happened, ParkReason, Resolution, ResolvedBy, Reviewed,
    RunClosed, RunOpened, StepFinished, StepStarted,
};
use crate::model::output::Streams;
use crate::model::people::{Actor, Way};
use crate::run::Run;

/// An event in words.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    pub(super) mark: Mark,
    /// What happened, in one sentence without its mark.
    pub(super) text: String,
    /// What belongs to it, each on a line of its own: hints, evidence, follow-ups.
    pub(super) more: Vec<String>,
}

impl Told {
    fn new(mark: Mark, text: impl Into<String>) -> Self {
        Self {
            mark,
            text: text.into(),
            more: Vec::new(),
        }
    }

    fn status(status: Status, text: impl Into<String>) -> Self {
        Self::new(Mark::of(status), text)
    }

    fn with(mut self, more: impl IntoIterator<Item = String>) -> Self {
        self.more.extend(more);
        self
    }
}

/// The event in words, times in this zone.
pub(super) fn tell(event: &Event, zone: &TimeZone) -> Told {
    let who = |way| words::who(&event.actor, way);
    match &event.what {
        Happened::RunOpened(opened) => run_opened(opened),
        Happened::RunResumed { operator, version } => Told::new(
            Mark::BEGIN,
            format!("resumed by {operator}, runbook {version}"),
        ),
        Happened::RunParked { reason } => parked(reason),
        Happened::RunClosed(closed) => run_closed(closed),
        Happened::VarsSet { vars } => {
            let vars: Vec<_> = vars.clone().into_iter().collect();
            Told::new(Mark::NOTE, format!("variables: {}", words::values(&vars)))
        }
        Happened::BlockEntered { .. } => Told::new(Mark::BEGIN, "block entered"),
        Happened::LoopOpened { keys, .. } => {
            let text = format!("{} items: {}", keys.len(), keys.join(", "));
            Told::new(Mark::BEGIN, text)
        }
        Happened::StepSkipped { why } => Told::status(Status::Skipped, words::skipped(why)),
        Happened::StepRefused { failure } => {
            let text = format!("nothing was done: {}", failure.message);
            Told::status(Status::Failed, text).with(failure.hint.clone())
        }
        Happened::GateOpened(gate) => gate_opened(gate),
        Happened::GateDecided {
            decision,
            way,
            reason,
            digest,
        } => {
            use crate::model::event::Decision;
            let mark = match decision {
                Decision::Approve => Mark::of(Status::Succeeded),
                Decision::Decline | Decision::Expire => Mark::of(Status::Declined),
                Decision::Skip => Mark::of(Status::Skipped),
            };
            let text = format!(
                "gate {} {}{} (for {})",
                words::decision(*decision),
                who(*way),
                words::because(reason.as_deref()),
                digest.short()
            );
            Told::new(Mark { word: "", ..mark }, text)
        }
        Happened::ApprovalGiven {
            digest,
            vote,
            voter,
            reason,
        } => {
            let (said, status) = match vote {
                Vote::Approve => ("approved", Status::Succeeded),
                Vote::Decline => ("declined", Status::Declined),
            };
            let text = format!(
                "{said} by {}{} (for {})",
                words::voter(voter),
                words::because(reason.as_deref()),
                digest.short()
            );
            let mark = Mark::of(status);
            Told::new(Mark { word: "", ..mark }, text)
        }
        Happened::GateEscalated { to, people, .. } => {
            let names: Vec<_> = people.iter().map(ToString::to_string).collect();
            let text = format!(
                "nobody approved in time: {to} may too ({})",
                names.join(", ")
            );
            Told::new(Mark::NOTE, text)
        }
        Happened::UndoRequested { reason } => Told::new(
            Mark::BEGIN,
            format!("what was done is to be taken back: {reason}"),
        ),
        Happened::LockTaken { name, from } => {
            let text = format!("has the lock {name}");
            let from = from
                .as_ref()
                .map(|from| format!("taken from {}: {}", from.run, from.reason));
            Told::new(Mark::NOTE, text).with(from)
        }
        Happened::GlassBroken { reason, group } => Told::new(
            Mark::NOTE,
            format!("glass broken {}, of {group}: {reason}", who(Way::Terminal)),
        ),
        Happened::ReviewSigned { of, voter, reason } => {
            let what = match of {
                Reviewed::BreakGlass => "the broken glass".to_owned(),
                Reviewed::Gate { step, attempt } => format!("step {step}, attempt {attempt}"),
            };
            let text = format!("{what} was reviewed by {}: {reason}", words::voter(voter));
            Told::new(Mark::NOTE, text)
        }
        Happened::BeforeSeen { output, failure } => {
            let text = match (output, failure) {
                (Some(output), _) => format!("state before acting: {}", words::value(output)),
                (None, Some(failure)) => {
                    format!(
                        "the state before acting could not be seen: {}",
                        failure.message
                    )
                }
                (None, None) => "the state before acting was not seen".to_owned(),
            };
            Told::new(Mark::NOTE, text)
        }
        Happened::StepStarted(started) => step_started(started),
        Happened::PollSeen {
            met,
            output,
            failure,
        } => {
            let saw = match (output, failure) {
                (_, Some(failure)) => format!("the look failed: {}", failure.message),
                (Some(output), None) => format!("saw {}", words::value(output)),
                (None, None) => "saw nothing".to_owned(),
            };
            let verdict = if *met { "holds" } else { "not yet" };
            Told::new(
                Mark {
                    word: "",
                    ..Mark::WAIT
                },
                format!("{verdict}: {saw}"),
            )
        }
        Happened::StepFinished(finished) => step_finished(finished),
        Happened::StepUnknown { reason, streams } => {
            let text = format!("nobody can say what it did: {reason}");
            Told::status(Status::Unknown, text).with(printed(streams))
        }
        Happened::StepResolved {
            resolution,
            by,
            reason,
            ..
        } => {
            let text = format!(
                "doubt settled: {} ({}): {reason}",
                words::resolution(*resolution),
                words::resolved_by(*by)
            );
            let mark = match (resolution, by) {
                (Resolution::Happened, ResolvedBy::Person) => Mark {
                    word: "",
                    ..Mark::BY_HAND
                },
                _ => Mark::NOTE,
            };
            Told::new(mark, text)
        }
        Happened::FailureDecided {
            choice,
            way,
            reason,
        } => {
            let by = who(*way);
            let because = words::because(reason.as_deref());
            if *choice == FailureChoice::MarkDone {
                return Told::new(Mark::BY_HAND, format!("after it failed, {by}{because}"));
            }
            let choice = words::choice(*choice);
            Told::new(
                Mark::NOTE,
                format!("after the failure: {choice}, {by}{because}"),
            )
        }
        Happened::AnswerGiven {
            answer,
            suggested,
            way,
        } => {
            let suggested = match suggested {
                None => String::new(),
                Some(suggested) if suggested == answer => ", as suggested".to_owned(),
                Some(suggested) => format!(", against the suggested {}", words::value(suggested)),
            };
            let text = format!(
                "answered {}{suggested}, {}",
                words::value(answer),
                who(*way)
            );
            Told::new(
                Mark {
                    word: "",
                    ..Mark::of(Status::Succeeded)
                },
                text,
            )
        }
        Happened::ManualReported {
            outcome,
            output,
            way,
            note,
        } => {
            let (status, said) = words::outcome(*outcome);
            let text = format!("{said}, {}{}", who(*way), words::because(note.as_deref()));
            let typed = (!output.is_none()).then(|| format!("typed in: {}", words::value(output)));
            Told::new(
                Mark {
                    word: "",
                    ..Mark::of(status)
                },
                text,
            )
            .with(typed)
        }
        Happened::PauseBegun { until } => {
            Told::new(Mark::WAIT, format!("until {}", clock::moment(*until, zone)))
        }
        Happened::PauseEnded { cut } => {
            let text = match cut {
                None => "the pause is over".to_owned(),
                Some(reason) => format!("the pause was cut short: {reason}"),
            };
            Told::status(Status::Succeeded, text)
        }
        Happened::UndoBegun { scope, steps, why } => {
            let scope = scope
                .as_ref()
                .map_or_else(String::new, |scope| format!(" in {scope}"));
            let why = words::undo_reason(*why);
            let steps: Vec<&str> = steps.iter().map(|step| step.as_str()).collect();
            let what = match steps.is_empty() {
                true => "there is nothing to take back".to_owned(),
                false => format!("taking back{scope}, last done first: {}", steps.join(", ")),
            };
            Told::new(
                Mark {
                    word: "",
                    ..Mark::BACK
                },
                format!("{what} ({why})"),
            )
        }
        Happened::NoteAdded { text } => {
            Told::new(Mark::NOTE, format!("note{}: {text}", said_by(&event.actor)))
        }
        Happened::CancelRequested { reason } => {
            let by = said_by(&event.actor);
            Told::status(
                Status::Cancelled,
                format!("the run is to end{by}: {reason}"),
            )
        }
        Happened::Recovered {
            offset,
            length,
            sha256,
        } => {
            let text = format!(
                "a torn last line was set aside: {length} bytes at {offset}, {}",
                sha256.short()
            );
            Told::new(Mark::NOTE, text)
        }
    }
}

fn run_opened(opened: &RunOpened) -> Told {
    let real = if opened.real {
        "REAL"
    } else {
        "nothing real is touched"
    };
    let text = format!(
        "{} opened in {} ({real}) by {}, runbook {}",
        opened.runbook, opened.environment, opened.operator, opened.version
    );
    let params: Vec<_> = opened.params.clone().into_iter().collect();
    let params = (!params.is_empty()).then(|| format!("parameters: {}", words::values(&params)));
    let simulated = opened.simulation.as_ref().map(|s| {
        format!(
            "scenario {}, seed {}, world {}",
            s.scenario, s.seed, s.world
        )
    });
    let yes = opened
        .yes
        .then(|| "--yes: every gate and question is answered by its suggestion".to_owned());
    let digests = format!(
        "runbook {}, plan {}, bindings {}, policy {}",
        opened.runbook_blob.short(),
        opened.plan_blob.short(),
        opened.bindings_blob.short(),
        opened.policy_blob.short()
    );
    Told::new(
        Mark {
            word: "",
            ..Mark::BEGIN
        },
        text,
    )
    .with(params)
    .with(simulated)
    .with(yes)
    .with([digests])
}

fn parked(reason: &ParkReason) -> Told {
    Told::new(
        Mark {
            word: "parked",
            ..Mark::WAIT
        },
        words::parked(reason),
    )
}

fn run_closed(closed: &RunClosed) -> Told {
    let (mark, text) = words::ended(closed.outcome);
    let mark = Mark { word: "", ..mark };
    let follow_ups = closed.follow_ups.iter().map(|todo| format!("• {todo}"));
    Told::new(mark, format!("the run {text}")).with(follow_ups)
}

fn gate_opened(gate: &GateOpened) -> Told {
    let challenge = gate.challenge.as_ref();
    let challenge = challenge.map(|word| format!("`{word}` must be typed"));
    let works = gate
        .works
        .iter()
        .map(|work| format!("would do: {}", words::work(work)));
    let show = gate
        .show
        .iter()
        .map(|(name, value)| format!("{name} is {}", words::value(value)));
    let text = format!(
        "gate ({}): {} (shown: {})",
        super::style::effect(gate.effect).1,
        gate.confirm,
        gate.digest.short()
    );
    Told::new(
        Mark {
            symbol: "◇",
            word: "",
            ..Mark::WAIT
        },
        text,
    )
    .with(works)
    .with(show)
    .with(challenge)
}

fn step_started(started: &StepStarted) -> Told {
    let adapter = started
        .adapter
        .as_ref()
        .map_or_else(String::new, |adapter| format!(", by {adapter}"));
    let text = format!(
        "{} ({}{adapter}, {})",
        words::work(&started.work),
        super::style::effect(started.effect).1,
        started.digest.short()
    );
    Told::new(
        Mark {
            word: "",
            ..Mark::BEGIN
        },
        text,
    )
}

fn step_finished(finished: &StepFinished) -> Told {
    let took = finished.took.rounded();
    let text = match (&finished.failure, &finished.output) {
        (Some(failure), _) => format!("after {took}: {}", failure.message),
        (None, Some(output)) => match output.value() {
            Some(value) => format!("in {took}: {}", words::value(value)),
            None => format!("in {took}"),
        },
        (None, None) => format!("in {took}"),
    };
    let hint = finished.failure.as_ref().and_then(|f| f.hint.clone());
    Told::status(finished.outcome.status(), text)
        .with(hint)
        .with(finished.notes.clone())
        .with(printed(&finished.streams))
}

/// Whose word it is, where it is a person's.
fn said_by(actor: &Actor) -> String {
    match actor {
        Actor::Engine => String::new(),
        Actor::Person(person) => format!(", by {person}"),
    }
}

/// What the run knows of an event beside what stands in it: from whom it was taken over.
pub(super) fn told_of(event: &Event, run: &Run, zone: &TimeZone) -> Told {
    let told = tell(event, zone);
    match (&event.what, run.taken_over_from()) {
        (Happened::RunResumed { operator, version }, Some(before)) => Told {
            text: format!("taken over from {before} by {operator}, runbook {version}"),
            ..told
        },
        (
            Happened::FailureDecided {
                choice: FailureChoice::Continue,
                ..
            },
            _,
        ) => {
            let untold = event.step.as_ref().and_then(|step| run.untold_by(step));
            let loud = untold.map(|channel| {
                format!("NOBODY WAS TOLD: tell {channel} yourself that the glass is broken")
            });
            told.with(loud)
        }
        _ => told,
    }
}

/// Which blobs hold what was printed.
fn printed(streams: &Streams) -> Option<String> {
    let said: Vec<String> = [("stdout", &streams.stdout), ("stderr", &streams.stderr)]
        .into_iter()
        .filter_map(|(name, blob)| Some((name, blob.as_ref()?)))
        .map(|(name, blob)| {
            let cut = match blob.cut {
                0 => String::new(),
                cut => format!(", {cut} more left out"),
            };
            format!(
                "{name} {} bytes in {}{cut}",
                blob.bytes,
                blob.sha256.short()
            )
        })
        .collect();
    (!said.is_empty()).then(|| said.join("; "))
}
