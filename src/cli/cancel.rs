//! `runbook cancel`.

use super::args::CancelArgs;
use super::context::Context;
use super::exit::{CliError, Exit};
use super::reach::reach;
use crate::engine::control::Request;

/// `runbook cancel`
pub fn cancel(context: &Context, args: &CancelArgs) -> Result<Exit, CliError> {
    let store = context.store_of_runs()?;
    let id = store.resolve(&args.run)?;
    let request = Request::Cancel {
        reason: args.reason.clone(),
    };
    reach(context, &store, &id, &request)
}
