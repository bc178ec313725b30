//! `--break-glass`: going on without approvals, where the policy lets somebody.

use super::exit::CliError;
use super::screen::Screen;
use crate::model::event::Happened;
use crate::model::people::Person;
use crate::model::text::escape_controls;
use crate::plan::{Announcement, Plan};
use crate::spec::environment::Policy;

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

/// What a channel is to be told, where the policy names one.
pub fn announcement(policy: &Policy, person: &Person, reason: &str) -> Option<Announcement> {
    let channel = policy.break_glass.as_ref()?.announce.clone()?;
    Some(Announcement {
        channel,
        who: person.user.clone(),
        reason: reason.trim().to_owned(),
    })
}

/// What the person must know who broke the glass. A run that is under way tells nobody by itself:
/// its plan is settled, and only a step of the plan may do anything.
pub fn warn(plan: &Plan, screen: &Screen, resumed: bool) {
    screen.say("The glass is broken: gates ask for no approvals, and somebody else must review it within 24 hours.");
    let glass = plan.policy.break_glass.as_ref();
    let Some(channel) = glass.and_then(|glass| glass.announce.as_ref()) else {
        return;
    };
    let channel = escape_controls(channel);
    let why = match (plan.announcement, resumed) {
        (Some(_), false) => {
            screen.say(&format!("{channel} is told of it first."));
            return;
        }
        (_, true) => "the plan of a run that is under way does not change".to_owned(),
        (None, false) => format!("no program answers for $CHAT_TOOL in {}", plan.environment),
    };
    screen.say(&format!(
        "Nobody was told of it by this program, for {why}: tell {channel} yourself."
    ));
}
