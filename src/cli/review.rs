//! `runbook audit review`: what was done without the approvals it takes, until somebody has looked.

use serde_json::json;

use super::args::ReviewArgs;
use super::context::Context;
use super::exit::{CliError, Exit};
use super::reach::{load, reach};
use super::run::pretty;
use super::waits::names;
use crate::engine::control::Request;
use crate::journal::{Code, Store};
use crate::model::Timestamp;
use crate::model::event::Reviewed;
use crate::model::ids::RunId;
use crate::model::text::escape_controls;
use crate::report::typed_words;
use crate::run::OpenReview;

/// `runbook audit review`
pub fn review(context: &Context, args: &ReviewArgs) -> Result<Exit, CliError> {
    let store = context.store()?;
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
        _ => list(context, &store, &runs, args),
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
        screen.say("nothing waits to be reviewed");
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
    let [id] = runs else {
        return Err(CliError::usage_help(
            "one thing of one run is signed off at a time",
            "runbook audit review RUN --sign-off WHAT --reason WORDS",
        ));
    };
    let reviews = load(store, id)?.reviews_open();
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
    let request = Request::Review {
        of: open.of.clone(),
        reason: reason.to_owned(),
    };
    reach(context, store, id, &request)
}
