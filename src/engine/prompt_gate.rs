//! A gate on the screen, and what may be typed at it.
//!
//! What is known stands first and what would be done stands last, right above the question: on a
//! low screen that is what is still in sight where the decision is typed.

use super::people::Question;
use super::prompt::{Typed, again, line, park, said, wrapped};
use super::prompt_evidence::show_evidence;
use super::prompt_others::{show_others, show_times};
use crate::model::event::{Decision, GateOpened};
use crate::model::ids::Attempt;
use crate::model::people::Way;
use crate::model::text::escape_controls;
use crate::report::{Look, whole_work};
use crate::run::Fact;

/// The most lines that say what is inside a block: the gate is to fit on one screen.
const INSIDE: usize = 8;

/// All of a gate that its operator decides about.
pub(super) fn show_gate(out: &mut String, question: &Question, gate: &GateOpened, width: usize) {
    let heading = out.len();
    show_known(out, question, gate, width);
    show_others(out, question, gate, width);
    show_times(out, question, gate, width);
    if out.len() > heading {
        out.push('\n');
    }
    show_what(out, question, gate, width);
    out.push('\n');
    wrapped(out, "", &escape_controls(&gate.confirm), width);
    let no = "n no (ends the run) · s REASON skip this step · p park · ? help";
    match &gate.challenge {
        None => wrapped(out, "", &format!("y yes · {no}"), width),
        Some(target) => {
            let target = escape_controls(target);
            let text = format!("To say yes, type the name of the target: {target}");
            line(out, &text);
            wrapped(out, "", no, width);
        }
    }
}

/// Why it is done, and what was found out before.
pub(super) fn show_known(out: &mut String, question: &Question, gate: &GateOpened, width: usize) {
    if let Some(why) = &question.why {
        wrapped(out, "Why:    ", why, width);
    }
    show_evidence(out, &gate.show, width);
}

/// What a decision at a gate is about.
pub(super) fn show_what(out: &mut String, question: &Question, gate: &GateOpened, width: usize) {
    let step = format!("{}  {}", question.needed.step, question.title);
    wrapped(out, "Step:   ", &step, width);
    if question.needed.attempt != Attempt::FIRST {
        let before = match &question.earlier {
            Some(earlier) => format!("; the one before failed: {earlier}"),
            None => String::new(),
        };
        let text = format!("attempt {}{before}", question.needed.attempt);
        wrapped(out, "Try:    ", &text, width);
    }
    for work in &gate.works {
        // All of it: the decision is about every line of a script and every value that it gets.
        out.push_str(&whole_work(work, &Look::plain(width)));
    }
    if gate.works.is_empty() {
        show_inside(out, &question.inside, width);
    }
    if let Some(by) = &question.answered_by {
        wrapped(out, "By:     ", by, width);
    }
    line(
        out,
        &format!("Effect: {}", gate.effect.word().to_uppercase()),
    );
    wrapped(out, "Undo:   ", &question.undo, width);
}

/// What a gate on a block lets through.
fn show_inside(out: &mut String, inside: &[String], width: usize) {
    for (n, text) in inside.iter().take(INSIDE).enumerate() {
        let label = if n == 0 { "Does:   " } else { "        " };
        wrapped(out, label, text, width);
    }
    if let Some(more) = inside.len().checked_sub(INSIDE).filter(|more| *more > 0) {
        line(out, &format!("        … and {more} more"));
    }
}

/// What is said to a first `no`, where the run has changed something already: what is behind it
/// is easily taken for a part of this step alone.
pub(super) const ENDS_ALL: &str = "this ends the whole run, and what is left of it is not reached.\n\
     n again ends it · s YOUR REASON leaves out only this step · p parks it\n";

/// Reads what was typed at a gate.
pub(super) fn read_gate(question: &Question, gate: &GateOpened, typed: &str) -> Typed {
    let decided = |decision, reason: Option<&str>| Fact::Gate {
        digest: gate.digest,
        decision,
        way: Way::Terminal,
        reason: reason
            .map(str::to_owned)
            .filter(|reason| !reason.is_empty()),
    };
    // The target's name first, letter by letter: it may be called `n`.
    if let Some(target) = &gate.challenge
        && typed == target.trim()
    {
        return said(decided(Decision::Approve, None));
    }
    let (word, rest) = typed.split_once(' ').unwrap_or((typed, ""));
    match (&gate.challenge, word.to_lowercase().as_str()) {
        (None, "y" | "yes") => said(decided(Decision::Approve, Some(rest))),
        (_, "n" | "no") => ends_run(question, decided(Decision::Decline, Some(rest))),
        (_, "s" | "skip") if rest.trim().is_empty() => {
            again("to skip the step, give your reason behind it: s YOUR REASON")
        }
        (_, "s" | "skip") => said(decided(Decision::Skip, Some(rest))),
        (_, "p" | "park") => park(),
        (Some(_), "y" | "yes") => again("yes is not enough here: type the name of the target"),
        (Some(target), _) => again(format!(
            "that is not the target's name: type {} exactly, or n, s, p",
            escape_controls(target)
        )),
        (None, _) => again("type y, n, s or p"),
    }
}

/// A no: at once where nothing was changed yet, else only if it is said twice.
pub(super) fn ends_run(question: &Question, no: Fact) -> Typed {
    match question.acted {
        true => Typed::Twice(no),
        false => said(no),
    }
}
