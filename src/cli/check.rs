//! `runbook check`.
use super::{
    args::CheckArgs,
    context::Context,
    exit::{CliError, Exit},
};
/// stub
pub fn check(_c: &Context, _a: &CheckArgs) -> Result<Exit, CliError> {
    Ok(Exit::Done)
}
