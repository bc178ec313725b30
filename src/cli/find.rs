//! stub
use super::{
    args::*,
    context::Context,
    exit::{CliError, Exit},
};
/// stub
pub fn list(_c: &Context, _a: &ListArgs) -> Result<Exit, CliError> {
    Ok(Exit::Done)
}
/// stub
pub fn show(_c: &Context, _a: &ShowArgs) -> Result<Exit, CliError> {
    Ok(Exit::Done)
}
/// stub
pub fn search(_c: &Context, _a: &SearchArgs) -> Result<Exit, CliError> {
    Ok(Exit::Done)
}
