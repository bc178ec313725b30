//! What can be done after a failure, with what each choice leads to.

use super::people::{Question, choice_word};
use super::prompt::{Typed, again, line, park, said, wrapped};
use crate::model::call::Failure;
use crate::model::event::FailureChoice;
use crate::model::people::Way;
use crate::model::text::{clip, escape_controls, escape_keeping_newlines};
use crate::run::Fact;

/// What can be typed for a choice.
fn key_of(choice: FailureChoice) -> &'static str {
    match choice {
        FailureChoice::Retry => "r",
        FailureChoice::Skip => "s",
        FailureChoice::MarkDone => "m",
        FailureChoice::Undo => "u",
        FailureChoice::Continue => "c",
        FailureChoice::Stop | FailureChoice::RetryByRule | FailureChoice::Propagate => "x",
    }
}

fn needs_reason(choice: FailureChoice) -> bool {
    matches!(choice, FailureChoice::Skip | FailureChoice::MarkDone)
}

/// What a choice leads to, in words.
fn leads_to(question: &Question, choice: FailureChoice) -> String {
    match choice {
        FailureChoice::Retry => {
            let gate = match question.gated {
                true => "; its gate asks again",
                false => "",
            };
            format!("as attempt {}{gate}", question.next_attempt)
        }
        FailureChoice::Skip => "leaves it out and goes on".to_owned(),
        FailureChoice::MarkDone => {
            "you have done it by other means: it counts as done, without an output".to_owned()
        }
        FailureChoice::Continue => "accepts the failure and goes on".to_owned(),
        FailureChoice::Undo => {
            let back = &question.back;
            let what = match back.steps.len() {
                0 => "there is nothing that can be taken back; the run ends here".to_owned(),
                1 => "takes back 1 step, listed above, and ends the run".to_owned(),
                n => format!("takes back {n} steps, listed above, and ends the run"),
            };
            match back.stays.is_empty() {
                true => what,
                false => format!("{what}; what cannot be taken back stays"),
            }
        }
        FailureChoice::Stop | FailureChoice::RetryByRule | FailureChoice::Propagate => {
            "ends the run here; what was done stays".to_owned()
        }
    }
}

/// The most lines of a list: the menu is to fit on one screen.
const MOST: usize = 6;

fn list(out: &mut String, label: &str, items: &[String], width: usize) {
    let indent = " ".repeat(label.len());
    for (n, item) in items.iter().take(MOST).enumerate() {
        let label = if n == 0 { label } else { &indent };
        wrapped(out, label, item, width);
    }
    if let Some(more) = items.len().checked_sub(MOST).filter(|more| *more > 0) {
        wrapped(out, &indent, &format!("… and {more} more"), width);
    }
}

/// The failure, what it printed last, what could be taken back, and what can be chosen.
pub(super) fn show_failure(
    out: &mut String,
    question: &Question,
    failure: &Failure,
    choices: &[FailureChoice],
    width: usize,
) {
    out.push('\n');
    let message = escape_keeping_newlines(&failure.message).replace('\n', " / ");
    wrapped(out, "Error:  ", &message, width);
    if let Some(hint) = &failure.hint {
        wrapped(out, "Hint:   ", &escape_controls(hint), width);
    }
    let skipped = question.last_lines.len().saturating_sub(MOST);
    for last in question.last_lines.iter().skip(skipped) {
        let last = clip(last, width.saturating_sub(4));
        line(out, &format!("  │ {last}"));
    }
    if choices.contains(&FailureChoice::Undo) {
        list(out, "Back:   ", &question.back.steps, width);
        list(out, "Stays:  ", &question.back.stays, width);
    }
    out.push('\n');
    for choice in choices {
        let reason = if needs_reason(*choice) { " REASON" } else { "" };
        let word = format!("{} {}{reason}", key_of(*choice), choice_word(*choice));
        choice_line(out, &word, &leads_to(question, *choice), width);
    }
    if question.printed.is_some() {
        choice_line(out, "o output", "shows all that it printed", width);
    }
    choice_line(out, "p park", "leaves now; resume later", width);
}

fn choice_line(out: &mut String, word: &str, leads_to: &str, width: usize) {
    wrapped(out, &format!("{word:<20}"), leads_to, width);
}

/// Reads what was typed at it.
pub(super) fn read_choice(choices: &[FailureChoice], typed: &str) -> Typed {
    let (word, rest) = typed.split_once(' ').unwrap_or((typed, ""));
    let rest = rest.trim();
    if word == "p" || word == "park" {
        return park();
    }
    // `mark done` is two words.
    let (word, rest) = match rest.strip_prefix("done") {
        Some(reason) if word == "mark" => ("m", reason.trim()),
        _ => (word, rest),
    };
    let choice = choices
        .iter()
        .copied()
        .find(|choice| word == key_of(*choice) || word == choice_word(*choice));
    match choice {
        None => again("type one of the letters above"),
        Some(choice) if needs_reason(choice) && rest.is_empty() => {
            again(format!("give your reason behind it: {word} YOUR REASON"))
        }
        Some(choice) => said(Fact::Chosen {
            choice,
            way: Way::Terminal,
            reason: (!rest.is_empty()).then(|| rest.to_owned()),
        }),
    }
}
