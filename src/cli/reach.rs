//! Reaching a run, whoever drives it: its process where one does, else its journal.

use std::time::{Duration, Instant};

use super::context::Context;
use super::exit::{CliError, Exit};
use super::run::setting;
use crate::audit::replay;
use crate::call::Environment;
use crate::engine::EngineError;
use crate::engine::control::{Reply, Request, Unreached, aside, ask, human};
use crate::journal::{RunDir, Store, StoreError};
use crate::model::Timestamp;
use crate::model::ids::RunId;
use crate::model::people::Person;
use crate::model::text::escape_controls;
use crate::run::Run;
use crate::workspace::this_person;

/// How long a process may hold a run without listening: it begins, or lets go.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long until it is tried again.
const AGAIN: Duration = Duration::from_millis(100);

/// Who we are to others' runs: the person who logged in, whoever they have become since.
pub fn ourselves() -> Person {
    human(this_person())
}

/// A run as its journal has it, whoever drives it.
pub fn load(store: &Store, id: &RunId) -> Result<Run, CliError> {
    let dir = store.run(id)?;
    let report = dir.read().map_err(StoreError::from)?;
    Ok(replay(&dir, &report).map_err(EngineError::from)?)
}

/// Asks this of a run, and says what became of it.
pub fn reach(
    context: &Context,
    store: &Store,
    id: &RunId,
    request: &Request,
) -> Result<Exit, CliError> {
    let env = &context.surroundings.vars;
    let reply = reply(store, &store.run(id)?, request, env)?;
    match reply {
        Reply::Done(said) => {
            context
                .screen
                .say(&format!("{id}: {}", escape_controls(&said)));
            Ok(Exit::Done)
        }
        Reply::Refused(why) => Err(CliError::Refused {
            message: format!("{id}: {}", escape_controls(&why)),
            help: Vec::new(),
        }),
        Reply::Standing(_) => Ok(Exit::Done),
    }
}

fn reply(
    store: &Store,
    dir: &RunDir,
    request: &Request,
    env: &Environment,
) -> Result<Reply, CliError> {
    let begun = Instant::now();
    loop {
        match ask(dir.path(), request) {
            Ok(reply) => return Ok(reply),
            Err(Unreached::Nobody) => {}
            Err(error) => return Err(unreached(dir.id(), &error)),
        }
        let setting = setting(Timestamp::now())?;
        let setting = (&setting, env);
        match aside(store, dir.id(), &ourselves(), request.clone(), setting) {
            Err(EngineError::Store(StoreError::Held { .. })) if begun.elapsed() < PATIENCE => {
                std::thread::sleep(AGAIN);
            }
            other => return Ok(other?),
        }
    }
}

fn unreached(id: &RunId, error: &Unreached) -> CliError {
    CliError::Held {
        message: format!("{id}: {error}"),
        help: vec![
            "it may have been written down all the same".to_owned(),
            format!("runbook audit show {id}"),
        ],
    }
}
