//! What is said about locks: who has one, and how to go on.

use serde_json::json;

use super::exit::CliError;
use crate::engine::EngineError;
use crate::journal::{Grip, Locked, StoreError};
use crate::model::text::escape_controls;
use crate::model::{Duration, Timestamp};

/// Who has a lock, since when, and whether somebody is at it.
pub fn held(locked: &Locked, now: Timestamp) -> String {
    let Locked { claim, grip } = locked;
    let age = Duration::between(claim.holder.since, now).rounded();
    let host = escape_controls(&claim.holder.host);
    let user = escape_controls(&claim.user);
    let pid = claim.holder.pid;
    let who = match grip {
        Grip::Living => format!("({user}@{host}, process {pid}, for {age})"),
        Grip::Parked => format!("({user}@{host}, for {age}), which is parked"),
        Grip::Died => format!("({user}@{host}, for {age}), whose process {pid} died"),
        Grip::Unreadable => {
            format!("({user}@{host}, for {age}), whose journal cannot be believed")
        }
    };
    format!("{} {who}", claim.run)
}

/// The same for programs.
pub fn json(locked: &Locked) -> serde_json::Value {
    let Locked { claim, grip } = locked;
    let grip = match grip {
        Grip::Living => "living",
        Grip::Parked => "parked",
        Grip::Died => "died",
        Grip::Unreadable => "unreadable",
    };
    json!({ "name": claim.name, "run": claim.run, "user": claim.user, "holder": claim.holder, "state": grip })
}

/// An error, with how to go on where somebody else has the lock.
pub fn explained(error: EngineError, now: Timestamp) -> CliError {
    let EngineError::Store(StoreError::Locked(locked)) = error else {
        return error.into();
    };
    let run = &locked.claim.run;
    let take = format!("take it from {run}, which cannot go on then: --take-lock 'YOUR REASON'");
    let help = match locked.grip {
        Grip::Living => vec![format!("watch it with: runbook watch {run}")],
        Grip::Parked | Grip::Died => {
            vec![format!("go on with that run: runbook resume {run}"), take]
        }
        Grip::Unreadable => vec![
            format!("look at that run: runbook audit verify {run}"),
            take,
        ],
    };
    let name = escape_controls(&locked.claim.name);
    CliError::Held {
        message: format!("{name} is held by {}", held(&locked, now)),
        help,
    }
}
