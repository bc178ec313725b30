//! What is said to who looks into the wrong state directory, or into one that cannot be used: which
//! one it is, what named it, and what to do.

use std::error::Error;
use std::path::Path;

use super::context::Context;
use super::exit::CliError;
use super::reach::load;
use crate::engine::EngineError;
use crate::journal::{DiskError, Holder, Refused, StoreError};
use crate::model::ids::RunId;
use crate::model::text::escape_controls;
use crate::workspace::{NamedBy, Sharers, StatePlace, group_name};

/// An error in words, with what to do about it.
pub fn explained(context: &Context, error: &CliError) -> (String, Vec<String>) {
    let plain = || (error.to_string(), error.help().to_vec());
    let (CliError::Store(store) | CliError::Engine(EngineError::Store(store))) = error else {
        return match (error, context.state_place()) {
            (CliError::Nothing(_), Ok(place)) => nothing(error.to_string(), None, &place),
            _ => plain(),
        };
    };
    if let StoreError::Held { run, holder } = store {
        return held(context, run, holder.as_ref());
    }
    let Ok(place) = context.state_place() else {
        return plain();
    };
    match store {
        StoreError::NoRuns => nothing(error.to_string(), None, &place),
        StoreError::NoRun { nearest, .. } => nothing(error.to_string(), nearest.as_ref(), &place),
        StoreError::Ambiguous { candidates, .. } => {
            let candidates = candidates.iter().take(8).map(RunId::to_string);
            (error.to_string(), candidates.collect())
        }
        StoreError::Disk(disk) => unusable(disk, &place),
        _ => plain(),
    }
}

/// Where a state directory is, and what named it.
pub fn shown(place: &StatePlace) -> String {
    format!("{} ({})", path(&place.path), place.by)
}

/// What a command carries that somebody else types elsewhere: the directory, where nothing but this
/// command line or this environment names it.
pub fn carried(place: &StatePlace) -> String {
    match place.by {
        NamedBy::Flag | NamedBy::Variable => {
            let dir = crate::report::typed_words([place.path.to_string_lossy()]);
            format!(" --state-dir {}", escape_controls(&dir))
        }
        NamedBy::Team | NamedBy::Default => String::new(),
    }
}

/// What makes a directory that a group can share, and mends one.
pub fn as_root(shared: &Sharers, dir: &Path) -> String {
    let dir = crate::report::typed_words([dir.to_string_lossy()]);
    format!(
        "as root: install -d -o root -g {} -m 2770 {}",
        shared.name,
        escape_controls(&dir)
    )
}

fn path(path: &Path) -> String {
    escape_controls(&path.to_string_lossy()).into_owned()
}

/// There is no such thing where it was looked for.
fn nothing(what: String, nearest: Option<&RunId>, place: &StatePlace) -> (String, Vec<String>) {
    let mut help = Vec::new();
    if let Some(nearest) = nearest {
        help.push(format!("did you mean {nearest}?"));
    }
    help.push("what is there: runbook runs".to_owned());
    help.push(match place.by {
        NamedBy::Default => {
            "is it a run of your team? Its runbook.yaml names another directory: type this in your \
             team's checkout, or say where with --state-dir DIR"
        }
        NamedBy::Flag | NamedBy::Variable => "is it in another directory? --state-dir DIR",
        NamedBy::Team => {
            "is it in another directory, such as your own? Type this outside of the checkout, or \
             say where with --state-dir DIR"
        }
    }
    .to_owned());
    (format!("{what} in {}", shown(place)), help)
}

/// Somebody drives it.
fn held(context: &Context, run: &RunId, holder: Option<&Holder>) -> (String, Vec<String>) {
    let store = context.store_if_there().ok().flatten();
    let run_now = store.and_then(|store| load(&store, run).ok());
    let operator = run_now.as_ref().and_then(crate::run::Run::operator);
    let who = operator.map_or_else(
        || "another process".to_owned(),
        |who| escape_controls(&who.to_string()).into_owned(),
    );
    let process = holder.map_or_else(String::new, |holder| format!(" ({holder})"));
    let message = format!("{run} is held by {who}{process}");
    let help = vec![
        format!("look at it: runbook watch {run}"),
        format!("end it: runbook cancel {run} --reason WORDS"),
    ];
    (message, help)
}

/// The state directory cannot be made, or is not what it should be.
fn unusable(error: &DiskError, place: &StatePlace) -> (String, Vec<String>) {
    let said = match (error.refusal(), &place.group) {
        (Some(Refused::Group { group, .. }), Some(shared)) => {
            let group = group_name(group).unwrap_or_else(|| group.to_string());
            format!(
                "will not use {}: it belongs to the group {}, and {} is to share it",
                path(&error.path),
                escape_controls(&group),
                shared.name
            )
        }
        _ => error.to_string(),
    };
    // What the system said, without its number.
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    let cause = cause.split(" (os error").next().unwrap_or_default();
    let cause = match cause {
        "" => String::new(),
        cause => format!(": {}", cause.to_lowercase()),
    };
    let message = format!("{said}{cause}\n  the state directory is {}", shown(place));
    // What lies deeper in it is a matter of its own: nobody should make that anew.
    let itself = place.path.starts_with(&error.path);
    let denied = error.is_denied();
    let help = match &place.group {
        Some(shared) if itself && (denied || error.refusal().is_some() || error.is_missing()) => {
            vec![as_root(shared, &place.path)]
        }
        Some(shared) if denied => vec![format!(
            "are you in the group {}? `id -nG` says so; who was just added logs in anew",
            shared.name
        )],
        None if itself && error.refusal().is_some() => vec![
            "is it one that your team shares? Then runbook.yaml says so: type this in your team's \
             checkout"
                .to_owned(),
            "or name one of your own: --state-dir DIR".to_owned(),
        ],
        None if denied => vec!["name one that you may write: --state-dir DIR".to_owned()],
        _ => Vec::new(),
    };
    (message, help)
}
