//! `runbook audit review`: what was done without the approvals it takes, until somebody has looked.

use serde_json::json;

use super::approve::{answer_until, hand_in, send};
use super::args::ReviewArgs;
use super::context::Context;
use super::exit::{CliError, Exit};
use super::reach::{load, reach};
use super::run::pretty;
use super::waits::names;
use crate::engine::control::Request;
use crate::journal::{Code, Store, StoreError};
use crate::keys::ApprovalRequest;
use crate::model::Timestamp;
use crate::model::approval::{HeadRef, Vote};
use crate::model::event::{Happened, Reviewed};
use crate::model::ids::{Attempt, RunId};
use crate::model::text::escape_controls;
use crate::report::typed_words;
use crate::run::{OpenReview, Run, glass_step};

/// `runbook audit review`
pub fn review(context: &Context, args: &ReviewArgs) -> Result<Exit, CliError> {
    let store = context.store_of_runs()?;
    if let Some(path) = &args.signed {
        let run = args.runs.first().map(String::as_str);
        return hand_in(context, &store, run, path, Vote::Approve);
    }
    let runs: Vec<RunId> = match args.runs.is_empty() {
        true => store.list_runs()?,
        false => args
            .runs
            .iter()
            .map(|run| store.resolve(run))
            .collect::<Result<_, _>>()?,
    };
    match (&args.sign_off, &args.reason) {
        (Some(what), Some(reason)) => sign_off(context, &store, &runs, what, reason),
        (Some(what), None) if args.print_request => print_request(context, &store, &runs, what),
        (Some(_), None) => Err(CliError::usage_help(
            "a review says what was found",
            "--sign-off WHAT --reason WORDS",
        )),
        (None, _) => list(context, &store, &runs, args),
    }
}

fn list(
    context: &Context,
    store: &Store,
    runs: &[RunId],
    args: &ReviewArgs,
) -> Result<Exit, CliError> {
    let screen = &context.screen;
    let now = Timestamp::now();
    let mut all = Vec::new();
    let mut unread = false;
    for id in runs {
        let run = match load(store, id) {
            Ok(run) => run,
            Err(error) if !args.runs.is_empty() => return Err(error),
            // One that cannot be believed may owe anything: it is said, and the rest is listed.
            Err(error) => {
                screen.say(&format!("{id} cannot be looked at: {error}"));
                unread = true;
                continue;
            }
        };
        for open in run.reviews_open() {
            if !args.json {
                screen.print(&told(id, &open, now));
            }
            all.push(as_json(id, &open, now));
        }
    }
    let nothing = all.is_empty();
    if args.json {
        screen.print(&pretty(&json!({ "version": 1, "open": all })));
    } else if nothing {
        // A job that looks into the wrong directory must be found out by who reads its log.
        let place = context.state_place()?;
        screen.say(&format!(
            "nothing waits to be reviewed in {}",
            super::astray::shown(&place)
        ));
    }
    Ok(match (nothing, unread) {
        (_, true) => Exit::Audit(Code::NotVerified),
        (false, false) => Exit::Audit(Code::Open),
        (true, false) => Exit::Done,
    })
}

/// What a review is called on the command line.
fn word(of: &Reviewed) -> String {
    match of {
        Reviewed::BreakGlass => "break-glass".to_owned(),
        Reviewed::Gate { step, attempt } => format!("{step}#{attempt}"),
    }
}

fn told(id: &RunId, open: &OpenReview, now: Timestamp) -> String {
    let what = match &open.of {
        Reviewed::BreakGlass => "the glass was broken".to_owned(),
        Reviewed::Gate { step, attempt } => {
            format!("step {}, attempt {attempt}", escape_controls(step.as_str()))
        }
    };
    let due = match open.due < now {
        true => format!("OVERDUE since {}", open.due),
        false => format!("due by {}", open.due),
    };
    let untold = open.untold.as_ref().map_or_else(String::new, |channel| {
        format!(
            "\n  {} is not known to have been told: tell it by hand",
            escape_controls(channel)
        )
    });
    let who = escape_controls(&names(&open.groups, &open.people)).into_owned();
    let many = match open.missing {
        1 => String::new(),
        n => format!("{n} of "),
    };
    let (why, word) = (escape_controls(&open.why), word(&open.of));
    format!(
        "{id}  {what}: {why}\n  {due} · by {many}{who}{untold}\n  runbook audit review {id} --sign-off {} --reason 'WHAT YOU FOUND'",
        escape_controls(&typed_words([word.as_str()]))
    )
}

fn as_json(id: &RunId, open: &OpenReview, now: Timestamp) -> serde_json::Value {
    json!({
        "run": id,
        "what": open.of,
        "sign_off": word(&open.of),
        "why": open.why,
        "since": open.since.to_string(),
        "due": open.due.to_string(),
        "overdue": open.due < now,
        "missing": open.missing,
        "groups": open.groups,
        "people": open.people,
        "untold": open.untold,
    })
}

fn sign_off(
    context: &Context,
    store: &Store,
    runs: &[RunId],
    what: &str,
    reason: &str,
) -> Result<Exit, CliError> {
    let (id, _, of) = meant(store, runs, what)?;
    let request = Request::Review {
        of,
        reason: reason.to_owned(),
    };
    reach(context, store, id, &request)
}

/// What is sent to somebody who cannot reach this machine.
fn print_request(
    context: &Context,
    store: &Store,
    runs: &[RunId],
    what: &str,
) -> Result<Exit, CliError> {
    let (id, run, of) = meant(store, runs, what)?;
    let report = store.run(id)?.read().map_err(StoreError::from)?;
    let missing = || CliError::usage(format!("{id} has no record of it"));
    let (step, attempt, title) = match &of {
        Reviewed::BreakGlass => (
            glass_step(),
            Attempt::FIRST,
            "The glass was broken".to_owned(),
        ),
        Reviewed::Gate { step, attempt } => {
            let title = run.step(step).map(|view| view.title());
            (step.clone(), *attempt, title.unwrap_or_default())
        }
    };
    // What the review is about: the record that broke the glass, or that opened the gate.
    let found = report.records.iter().rev().find_map(|record| {
        let gate = match &record.event.what {
            Happened::GlassBroken { .. } if of == Reviewed::BreakGlass => run.glass_asked()?,
            Happened::GateOpened(gate)
                if record.event.step.as_ref() == Some(&step)
                    && record.event.attempt == Some(attempt) =>
            {
                (**gate).clone()
            }
            _ => return None,
        };
        let head = HeadRef {
            seq: record.seq,
            h: record.h,
        };
        Some((gate, head))
    });
    let (gate, head) = found.ok_or_else(missing)?;
    let request = ApprovalRequest {
        run: id.clone(),
        title,
        step,
        attempt,
        environment: run.plan().environment.clone(),
        requester: run.operator().ok_or_else(missing)?.clone(),
        gate,
        head,
        expires: answer_until(&run),
    };
    send(
        context,
        &request,
        " --reason 'WHAT YOU FOUND'",
        "runbook audit review --signed FILE",
    )
}

/// The one thing of one run that is meant.
fn meant<'a>(
    store: &Store,
    runs: &'a [RunId],
    what: &str,
) -> Result<(&'a RunId, Run, Reviewed), CliError> {
    let [id] = runs else {
        return Err(CliError::usage_help(
            "one thing of one run is signed off at a time",
            "runbook audit review RUN --sign-off WHAT --reason WORDS",
        ));
    };
    let run = load(store, id)?;
    let reviews = run.reviews_open();
    let Some(open) = reviews.iter().find(|open| word(&open.of) == what) else {
        let help = match reviews.as_slice() {
            [] => vec!["nothing of this run waits to be reviewed".to_owned()],
            open => open
                .iter()
                .map(|open| {
                    format!(
                        "--sign-off {}",
                        escape_controls(&typed_words([word(&open.of).as_str()]))
                    )
                })
                .collect(),
        };
        return Err(CliError::Usage {
            message: format!("`{}` of {id} waits for no review", escape_controls(what)),
            help,
        });
    };
    let of = open.of.clone();
    Ok((id, run, of))
}
