//! What another person is shown before they say yes or no to somebody's gate: what its operator
//! sees, and whose it is. Pure.

use super::asking::question;
use super::prompt::{heading, line, place, wrapped};
use super::prompt_gate::{show_known, show_what};
use crate::model::approval::Vote;
use crate::model::text::escape_controls;
use crate::report::approvals_words;
use crate::run::{Need, PersonNeeded, Run, Waiting};

/// Everything that an approver is shown; what they can say to it comes after.
pub fn shown(run: &Run, waiting: &Waiting<'_>, vote: Vote, width: usize) -> String {
    let needed = PersonNeeded {
        step: waiting.step.clone(),
        attempt: waiting.attempt,
        need: Need::Gate(Box::new(waiting.gate.clone())),
    };
    let question = question(run, &needed);
    let mut out = String::from("\n");
    let what = match vote {
        Vote::Approve => "Your approval is asked",
        Vote::Decline => "You are about to decline",
    };
    let place = place(&question.environment, question.real);
    line(&mut out, &heading(&format!("{what} · {place}"), width));
    wrapped(&mut out, "Run:    ", run.id().as_str(), width);
    wrapped(&mut out, "For:    ", &by(run, waiting), width);
    let given: Vec<String> = waiting
        .given
        .iter()
        .map(|given| escape_controls(given.voter.principal.as_str()).into_owned())
        .collect();
    if !given.is_empty() {
        wrapped(
            &mut out,
            "So far: ",
            &format!("approved by {}", given.join(", ")),
            width,
        );
    }
    show_known(&mut out, &question, waiting.gate, width);
    if let Some(asked) = &waiting.gate.approvals {
        let needs = escape_controls(&approvals_words(asked)).into_owned();
        wrapped(&mut out, "Needs:  ", &needs, width);
    }
    out.push('\n');
    show_what(&mut out, &question, waiting.gate, width);
    out.push('\n');
    wrapped(&mut out, "", &escape_controls(&waiting.gate.confirm), width);
    out
}

/// What stands beside the cursor.
pub fn cursor(run: &Run) -> String {
    match run.plan().real {
        true => format!("REAL {} > ", run.plan().environment),
        false => "> ".to_owned(),
    }
}

fn by(run: &Run, waiting: &Waiting<'_>) -> String {
    let escaped =
        |person: &crate::model::people::Person| escape_controls(&person.to_string()).into_owned();
    match (&waiting.operator, run.operator()) {
        (Some(yes), _) => format!("{}, who has said yes", escaped(yes.by)),
        (None, Some(operator)) => format!("{}, who has not decided yet", escaped(operator)),
        (None, None) => "nobody yet".to_owned(),
    }
}
