//! `--break-glass`: going on without approvals, where the policy lets somebody.

use super::exit::CliError;
use super::screen::Screen;
use crate::model::event::Happened;
use crate::model::people::Person;
use crate::model::text::escape_controls;
use crate::plan::Plan;

/// The record that somebody goes on without approvals. Refused before anything begins, where the
/// policy does not let them.
pub fn broken(plan: &Plan, person: &Person, reason: &str) -> Result<Happened, CliError> {
    let refused = |message: String, help: &str| {
        Err(CliError::Refused {
            message,
            help: vec![help.to_owned()],
        })
    };
    let environment = &plan.environment;
    let who = escape_controls(&person.user);
    let Some(glass) = &plan.policy.break_glass else {
        return refused(
            format!("the policy of `{environment}` lets nobody go on without approvals"),
            "leave --break-glass out; others approve with `runbook approve`",
        );
    };
    if reason.trim().is_empty() {
        return Err(CliError::usage_help(
            "--break-glass needs a reason: others will review it",
            "--break-glass 'the on-call DBA cannot be reached'",
        ));
    }
    if !person.is_identified() {
        return refused(
            "root without a login is nobody in particular, and cannot break the glass".to_owned(),
            "do it from your own account",
        );
    }
    let members = plan.policy.people(std::slice::from_ref(&glass.group));
    if !members.iter().any(|name| name.names(person)) {
        return refused(
            format!(
                "{who} is not in `{}`, whom the policy of `{environment}` lets go on without approvals",
                glass.group
            ),
            "leave --break-glass out; others approve with `runbook approve`",
        );
    }
    Ok(Happened::GlassBroken {
        reason: reason.trim().to_owned(),
        group: glass.group.clone(),
    })
}

/// What the person must know who broke the glass.
pub fn warn(plan: &Plan, screen: &Screen) {
    screen.say("The glass is broken: gates ask for no approvals, and somebody else must review it within 24 hours.");
    let channel = plan.policy.break_glass.as_ref();
    if let Some(channel) = channel.and_then(|glass| glass.announce.as_ref()) {
        screen.say(&format!(
            "Nobody was told of it by this program: tell {} yourself.",
            escape_controls(channel)
        ));
    }
}
