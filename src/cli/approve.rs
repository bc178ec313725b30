//! `runbook approve` and `runbook decline`: what others say about somebody's gate.

use std::io::Read;
use std::path::Path;

use super::args::VoteArgs;
use super::ballot::{Said, SignArgs, asked, challenge, read, sign_request};
use super::context::Context;
use super::exit::{CliError, Exit};
use super::reach::{ourselves, reach};
use super::waits;
use crate::audit::replay;
use crate::engine::Terminal;
use crate::engine::approver::{cursor, shown};
use crate::engine::control::{Request, weighed};
use crate::journal::{RunDir, Standing, Store, StoreError, standings};
use crate::keys::{ApprovalRequest, read_answer};
use crate::model::approval::{HeadRef, Vote};
use crate::model::event::Happened;
use crate::model::ids::RunId;
use crate::model::text::escape_controls;
use crate::model::{Duration, Timestamp};
use crate::run::{Run, Waiting};
use crate::workspace::StatePlace;

/// How long a signed answer may be handed in where the gate itself waits for ever.
const ANSWER_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// The most that a signed answer may be, in bytes.
const MAX_ANSWER: u64 = 64 * 1024;

/// `runbook approve` and `runbook decline`
pub fn vote(context: &Context, args: &VoteArgs, vote: Vote) -> Result<Exit, CliError> {
    if let Some(request) = &args.request {
        return sign_request(
            context,
            &SignArgs {
                request: request.clone(),
                decline: vote == Vote::Decline,
                reason: args.reason.clone(),
                key: args.key.clone(),
                text: args.text,
            },
        );
    }
    let store = context.store_of_runs()?;
    if let Some(path) = &args.signed {
        return hand_in(context, &store, args.run.as_deref(), path, vote);
    }
    let found = find(context, &store, args)?;
    let waiting = found.waiting()?;
    if args.print_request {
        return print_request(context, &found, &waiting);
    }
    let request = Request::Vote {
        step: waiting.step.clone(),
        attempt: waiting.attempt,
        digest: waiting.gate.digest,
        vote,
        reason: args.reason.clone(),
    };
    // What would be refused anyhow is refused before anybody reads a screenful.
    let now = Timestamp::now().max(found.run.last_moment().unwrap_or(Timestamp::MIN));
    if let Err(why) = weighed(&found.run, &ourselves(), request.clone(), now) {
        return Err(refused(context, &found, &waiting, &why));
    }
    if !decides(&found, &waiting, vote, args)? {
        context.screen.say("Nothing was sent.");
        return Ok(Exit::Refused);
    }
    reach(context, &store, found.run.id(), &request)
}

fn refused(context: &Context, found: &Found, waiting: &Waiting<'_>, why: &str) -> CliError {
    let place = match context.state_place() {
        Ok(place) => place,
        Err(error) => return error,
    };
    CliError::Refused {
        message: format!("{}: {}", found.run.id(), escape_controls(why)),
        help: vec![format!(
            "who may: {}; from elsewhere by signature: {} --print-request",
            escape_controls(&waits::who(waiting)),
            waits::command(&found.run, waiting, &place)
        )],
    }
}

/// Shows the gate at the person's own terminal, and asks whether they mean it.
fn decides(
    found: &Found,
    waiting: &Waiting<'_>,
    vote: Vote,
    args: &VoteArgs,
) -> Result<bool, CliError> {
    let Some(terminal) = Terminal::open() else {
        // Who names the run and gives a reason knows what they stop. Saying yes takes a look.
        let named = args.run.is_some() && args.reason.is_some();
        if vote == Vote::Decline && named {
            return Ok(true);
        }
        return Err(CliError::Refused {
            message: "what the gate shows must be seen by somebody, and there is no terminal"
                .to_owned(),
            help: vec![
                "do it from a terminal, or hand in a signed answer: --signed FILE".to_owned(),
            ],
        });
    };
    let challenge = challenge(waiting.gate, vote);
    let mut text = shown(&found.run, waiting, vote, terminal.width().min(100));
    text.push_str(&format!("{}\n", asked(challenge, vote)));
    loop {
        text.push_str(&cursor(&found.run));
        let Some(typed) = terminal.line(&text) else {
            return Ok(false);
        };
        match read(challenge, &typed) {
            Ok(said) => return Ok(said == Said::Yes),
            Err(message) => text = format!("{message}\n"),
        }
    }
}

/// What is sent to somebody who cannot reach this machine.
fn print_request(
    context: &Context,
    found: &Found,
    waiting: &Waiting<'_>,
) -> Result<Exit, CliError> {
    let requester = found
        .run
        .operator()
        .ok_or_else(|| nothing_waits(&found.run))?;
    let view = found.run.step(waiting.step);
    let request = ApprovalRequest {
        run: found.run.id().clone(),
        title: view.map_or_else(String::new, |view| view.title()),
        step: waiting.step.clone(),
        attempt: waiting.attempt,
        environment: found.run.plan().environment.clone(),
        requester: requester.clone(),
        gate: waiting.gate.clone(),
        head: found.head,
        expires: waiting.until.unwrap_or(answer_until(&found.run)),
    };
    send(context, &request, "", "runbook approve --signed FILE")
}

/// Says what is to be typed far away, and how the answer is handed in.
pub(super) fn send(
    context: &Context,
    request: &ApprovalRequest,
    more: &str,
    hand_in: &str,
) -> Result<Exit, CliError> {
    let code = request
        .code()
        .map_err(|error| CliError::usage(error.to_string()))?;
    let screen = &context.screen;
    screen.say("They type this on their own machine, and send back what it prints:");
    screen.say("");
    // The code stays last: it is what is copied.
    screen.print(&format!("runbook approve{more} --request {code}"));
    screen.say("");
    screen.say(&format!(
        "Their answer is good until {}. Hand it in: {hand_in}",
        request.expires
    ));
    Ok(Exit::Done)
}

/// Until when an answer to what waits for ever may be handed in.
pub(super) fn answer_until(run: &Run) -> Timestamp {
    let last = run.last_moment().unwrap_or(Timestamp::MIN);
    ANSWER_WITHIN.after(last.max(Timestamp::now()))
}

/// Hands in an answer that was signed elsewhere. It says itself what it is about.
pub(super) fn hand_in(
    context: &Context,
    store: &Store,
    run: Option<&str>,
    path: &Path,
    vote: Vote,
) -> Result<Exit, CliError> {
    let answer = answer_in(path)?;
    let signed = read_answer(&answer).map_err(|error| CliError::usage(error.to_string()))?;
    let ballot = &signed.ballot;
    if ballot.vote != vote {
        return Err(CliError::usage_help(
            format!("the answer says `{}`", ballot.vote.word()),
            format!("runbook {} --signed …", ballot.vote.word()),
        ));
    }
    if let Some(written) = run {
        let id = store.resolve(written)?;
        if id != ballot.run {
            return Err(CliError::usage(format!(
                "the answer is about {}, not {id}",
                ballot.run
            )));
        }
    }
    let id = ballot.run.clone();
    store.run(&id)?;
    reach(context, store, &id, &Request::Ballot { answer })
}

fn answer_in(path: &Path) -> Result<String, CliError> {
    let shown = path.display();
    let fail = |error: std::io::Error| {
        CliError::usage(format!("the answer in {shown} cannot be read: {error}"))
    };
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin()
            .take(MAX_ANSWER + 1)
            .read_to_string(&mut text)
    } else {
        let file = std::fs::File::open(path).map_err(fail)?;
        file.take(MAX_ANSWER + 1).read_to_string(&mut text)
    };
    match read.map_err(fail)? as u64 > MAX_ANSWER {
        true => Err(CliError::usage(format!(
            "the answer in {shown} is larger than {MAX_ANSWER} bytes"
        ))),
        false => Ok(text),
    }
}

/// A run with a gate that waits for others.
struct Found {
    run: Run,
    /// Which of the gates that wait.
    gate: usize,
    /// The record that opened it.
    head: HeadRef,
}

impl Found {
    fn waiting(&self) -> Result<Waiting<'_>, CliError> {
        let mut waiting = self.run.waiting();
        match self.gate < waiting.len() {
            true => Ok(waiting.swap_remove(self.gate)),
            false => Err(nothing_waits(&self.run)),
        }
    }
}

/// Whether others are asked at a gate.
fn asks_others(waiting: &Waiting<'_>) -> bool {
    waiting.gate.approvals.is_some()
}

fn find(context: &Context, store: &Store, args: &VoteArgs) -> Result<Found, CliError> {
    let place = context.state_place()?;
    let runs: Vec<RunId> = match &args.run {
        Some(written) => vec![store.resolve(written)?],
        None => open_runs(store)?,
    };
    let named = args.run.is_some();
    let mut all = Vec::new();
    for id in &runs {
        let dir = store.run(id)?;
        match gates(&dir, args.step.as_deref()) {
            Ok(found) => all.extend(found),
            // Of runs that nobody named, one that cannot be read is another matter.
            Err(error) if named => return Err(error),
            Err(_) => {}
        }
    }
    let mut all = all.into_iter();
    match (all.next(), all.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(match (named, runs.first()) {
            (true, Some(id)) => not_waiting(store, id, args, &place)?,
            _ => CliError::Nothing("no run waits for anybody's approval".to_owned()),
        }),
        (Some(first), Some(second)) => {
            let several = [first, second].into_iter().chain(all);
            let help = several
                .filter_map(|found| {
                    Some(waits::command(&found.run, &found.waiting().ok()?, &place))
                })
                .collect();
            Err(CliError::Usage {
                message: "several gates wait: say which".to_owned(),
                help,
            })
        }
    }
}

/// The runs that the ledger does not know to be closed.
fn open_runs(store: &Store) -> Result<Vec<RunId>, CliError> {
    let ledger = store.ledger().read().map_err(StoreError::from)?;
    let standings = standings(&ledger);
    let closed = |id: &RunId| {
        standings.get(id).is_some_and(|standing| {
            matches!(
                standing,
                Standing {
                    closed: Some(_),
                    ..
                }
            )
        })
    };
    Ok(store
        .list_runs()?
        .into_iter()
        .filter(|id| !closed(id))
        .collect())
}

/// The gates of a run at which others are asked, and which wait.
fn gates(dir: &RunDir, step: Option<&str>) -> Result<Vec<Found>, CliError> {
    let report = dir.read().map_err(StoreError::from)?;
    let run = replay(dir, &report).map_err(crate::engine::EngineError::from)?;
    let mut found = Vec::new();
    for (gate, waiting) in run.waiting().iter().enumerate() {
        let meant = step.is_none_or(|step| waiting.step.as_str() == step);
        let opened = report.records.iter().rev().find(|record| {
            matches!(record.event.what, Happened::GateOpened(_))
                && record.event.step.as_ref() == Some(waiting.step)
        });
        if let (true, true, Some(opened)) = (meant, asks_others(waiting), opened) {
            found.push(Found {
                run: run.clone(),
                gate,
                head: HeadRef {
                    seq: opened.seq,
                    h: opened.h,
                },
            });
        }
    }
    Ok(found)
}

/// Why there is nothing to say about a run that was named.
fn not_waiting(
    store: &Store,
    id: &RunId,
    args: &VoteArgs,
    place: &StatePlace,
) -> Result<CliError, CliError> {
    let others: Vec<Found> = gates(&store.run(id)?, None)?;
    let Some(step) = args.step.as_deref().filter(|_| !others.is_empty()) else {
        return Ok(CliError::usage_help(
            format!("{id} waits for nobody's approval"),
            format!("runbook watch {id}"),
        ));
    };
    Ok(CliError::Usage {
        message: format!(
            "step `{}` of {id} waits for nobody's approval",
            escape_controls(step)
        ),
        help: others
            .iter()
            .filter_map(|found| Some(waits::command(&found.run, &found.waiting().ok()?, place)))
            .collect(),
    })
}

fn nothing_waits(run: &Run) -> CliError {
    CliError::usage(format!("{} waits for nobody's approval", run.id()))
}
