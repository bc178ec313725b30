//! stub
use super::{
    contract::Contract,
    diagnostic::Diagnostic,
    source::Source,
    step::{Call, ResolvedCall},
};
use std::sync::Arc;
/// stub
pub fn resolve(
    _c: &Call,
    _k: &Contract,
    _s: &Arc<Source>,
) -> Result<ResolvedCall, Vec<Diagnostic>> {
    Err(vec![])
}
