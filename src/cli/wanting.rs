//! Secrets that are not there: what is said of them before anything begins.

use super::context::Context;
use super::exit::CliError;
use crate::engine::{Missing, missing_secrets};
use crate::plan::Plan;

/// Refuses a run that could not be gone through with: all that is missing is said at once.
pub fn refuse_missing_secrets(context: &Context, plan: &Plan) -> Result<(), CliError> {
    let missing = missing_secrets(plan, context.surroundings.vars.clone());
    if missing.is_empty() {
        return Ok(());
    }
    let mut help: Vec<String> = Vec::new();
    for hint in missing.iter().filter_map(|one| one.why.hint.clone()) {
        if !help.contains(&hint) {
            help.push(hint);
        }
    }
    Err(CliError::Usage {
        message: format!("nothing was begun: {}", said(&missing)),
        help,
    })
}

/// Says the same to who only looks, and keeps them from nothing.
pub fn warn_of_missing_secrets(context: &Context, plan: &Plan) {
    let missing = missing_secrets(plan, context.surroundings.vars.clone());
    if !missing.is_empty() {
        let text = format!(
            "warning: it could not be run from here now: {}",
            said(&missing)
        );
        context.screen.say(&text);
    }
}

fn said(missing: &[Missing]) -> String {
    let one = |missing: &Missing| {
        let named = missing.named.join(", ");
        format!("\n  {named}: {}", missing.why.message)
    };
    let what = match missing.len() {
        1 => "a secret is missing".to_owned(),
        n => format!("{n} secrets are missing"),
    };
    let all: String = missing.iter().map(one).collect();
    format!("{what}{all}")
}
