//! What can be done after a failure, with what each choice leads to.

use super::people::{Question, choice_word};
use super::prompt::{Typed, again, line, park, said, wrapped};
use crate::model::call::Failure;
use crate::model::event::{FailureChoice, Resolution};
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
    if offered(question, choices).any(|choice| choice == FailureChoice::Undo) {
        list(out, "Back:   ", &question.back.steps, width);
        list(out, "Stays:  ", &question.back.stays, width);
    }
    out.push('\n');
    for choice in offered(question, choices) {
        let reason = if needs_reason(choice) { " REASON" } else { "" };
        let word = format!("{} {}{reason}", key_of(choice), choice_word(choice));
        choice_line(out, &word, &leads_to(question, choice), width);
    }
    show_rest(out, question, width);
}

/// What can be chosen: an undo that would take nothing back is none.
fn offered(question: &Question, choices: &[FailureChoice]) -> impl Iterator<Item = FailureChoice> {
    let nothing = question.back.steps.is_empty();
    let choices = choices.iter().copied();
    choices.filter(move |choice| !(nothing && *choice == FailureChoice::Undo))
}

fn show_rest(out: &mut String, question: &Question, width: usize) {
    if question.printed.is_some() {
        choice_line(out, "o output", "shows all that it printed", width);
    }
    choice_line(out, "p park", "leaves now; resume later", width);
}

/// What can be said about a step that is in doubt.
pub(super) fn show_doubt(out: &mut String, question: &Question, width: usize) {
    for (word, leads_to) in [
        (
            "h happened REASON",
            "it was done: the run goes on behind it",
        ),
        (
            "d did not REASON",
            "nothing was done: it is started again, as a new attempt",
        ),
        ("a again REASON", "it is done again, whatever it did before"),
        ("s skip REASON", "leaves it out and goes on"),
        ("x stop REASON", "ends the run here; what was done stays"),
    ] {
        choice_line(out, word, leads_to, width);
    }
    show_rest(out, question, width);
}

/// Reads what was typed about a doubt.
pub(super) fn read_doubt(typed: &str) -> Typed {
    let (word, rest) = typed.split_once(' ').unwrap_or((typed, ""));
    let rest = rest.trim();
    let lower = word.to_lowercase();
    // `did not` is two words.
    let rest = match lower.as_str() {
        "d" | "did" => rest.strip_prefix("not ").map_or(rest, str::trim),
        _ => rest,
    };
    let resolution = match lower.as_str() {
        "h" | "happened" => Resolution::Happened,
        "d" | "did" | "did-not-happen" => Resolution::DidNotHappen,
        "a" | "again" => Resolution::Again,
        "s" | "skip" => Resolution::Skip,
        "x" | "stop" => Resolution::Stop,
        "p" | "park" => return park(),
        _ => return again("type h, d, a, s or x, and after it your reason; or o or p"),
    };
    if rest.is_empty() {
        return again(format!("give your reason behind it: {word} YOUR REASON"));
    }
    said(Fact::Settled {
        resolution,
        reason: rest.to_owned(),
    })
}

fn choice_line(out: &mut String, word: &str, leads_to: &str, width: usize) {
    wrapped(out, &format!("{word:<20}"), leads_to, width);
}

/// Reads what was typed at it.
pub(super) fn read_choice(question: &Question, choices: &[FailureChoice], typed: &str) -> Typed {
    let (word, rest) = typed.split_once(' ').unwrap_or((typed, ""));
    let (word, rest) = (word.to_lowercase(), rest.trim());
    let word = word.as_str();
    if word == "p" || word == "park" {
        return park();
    }
    // `mark done` is two words.
    let (word, rest) = match rest.strip_prefix("done") {
        Some(reason) if word == "mark" => ("m", reason.trim()),
        _ => (word, rest),
    };
    let choice = offered(question, choices)
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
