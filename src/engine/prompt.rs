//! What a prompt shows and what may be typed at it: pure text in, an answer out.

use super::halting::{Halted, WhatNow};
use super::menu;
use super::people::Question;
use crate::model::call::Failure;
use crate::model::event::ManualOutcome;
use crate::model::people::Way;
use crate::model::text::escape_controls;
use crate::model::{Shape, Value};
use crate::report::work_words;
use crate::run::{Fact, Need};

use super::people::Said;
pub(super) use super::prompt_gate::ENDS_ALL;
use super::prompt_gate::{read_gate, show_gate, show_known, show_what};
pub(super) use super::prompt_help::help;
use super::prompt_others::{read_waiting, show_times, show_waiting};

/// What became of a typed line.
#[derive(Clone, Debug, PartialEq)]
pub enum Typed {
    /// It answers.
    Said(Box<Said>),
    /// It does not; this is what to say before asking again.
    Again(String),
    /// It ends the whole run: it counts if it is said twice.
    Twice(Fact),
    /// They want to know what the keys mean, before they answer.
    Help,
    /// They want to see all that was printed, before they answer.
    Output,
    /// They want to see what is for them alone, before they answer.
    Reveal,
}

pub(super) fn said(fact: Fact) -> Typed {
    Typed::Said(Box::new(Said::Fact(fact)))
}

pub(super) fn again(message: impl Into<String>) -> Typed {
    Typed::Again(message.into())
}

pub(super) fn park() -> Typed {
    Typed::Said(Box::new(Said::Park))
}

/// A rule as wide as the screen, with a heading in it.
pub(super) fn heading(text: &str, width: usize) -> String {
    let rest = width.saturating_sub(text.chars().count() + 4);
    format!("── {text} {}", "─".repeat(rest.min(120)))
}

pub(super) fn place(environment: &str, real: bool) -> String {
    match real {
        true => format!("REAL: {environment}"),
        false => format!("{environment} (simulated)"),
    }
}

/// What is shown when an interrupt has brought everything to a stand.
pub fn shown_halt(halted: &Halted, width: usize) -> String {
    let place = place(&halted.environment, halted.real);
    let mut out = String::from("\n");
    line(&mut out, &heading(&format!("Interrupted · {place}"), width));
    line(
        &mut out,
        "Nothing runs now, and nothing new starts until you say so.",
    );
    out.push('\n');
    wrapped(&mut out, "c  ", "go on where it stands", width);
    wrapped(&mut out, "p  ", "park: leave now, resume later", width);
    if let Some(stop) = halted.stop {
        wrapped(
            &mut out,
            "x  ",
            &format!("stop: {stop}; a reason may stand behind it"),
            width,
        );
    }
    out.push_str("> ");
    out
}

/// Reads what was typed there.
///
/// # Errors
/// What to say before asking again.
pub fn read_halt(halted: &Halted, typed: &str) -> Result<WhatNow, String> {
    let typed = typed.trim();
    let (word, reason) = typed.split_once(' ').unwrap_or((typed, ""));
    match word.to_lowercase().as_str() {
        "c" | "continue" => Ok(WhatNow::GoOn),
        "p" | "park" => Ok(WhatNow::Park),
        "x" | "stop" if halted.stop.is_some() => Ok(WhatNow::Stop(match reason.trim() {
            "" => "the operator stopped it after an interrupt".to_owned(),
            reason => reason.to_owned(),
        })),
        "?" | "help" => Err("the lines above say what each letter leads to".to_owned()),
        _ if halted.stop.is_some() => Err("type c, p or x".to_owned()),
        _ => Err("type c or p".to_owned()),
    }
}

/// Everything that is shown before the prompt, ending with what may be typed.
pub fn shown(question: &Question, width: usize) -> String {
    let mut out = String::new();
    let place = place(&question.environment, question.real);
    let what = match &question.needed.need {
        Need::Gate(_) => "A decision is needed",
        Need::Approvals { .. } => "Waiting for others",
        Need::Ask { .. } => "A question",
        Need::Manual { .. } => "Something to do by hand",
        Need::Failure { .. } => "A step failed",
        Need::Doubt { .. } => "A step is in doubt",
    };
    out.push('\n');
    line(&mut out, &heading(&format!("{what} · {place}"), width));
    if !matches!(
        &question.needed.need,
        Need::Gate(_) | Need::Approvals { .. }
    ) {
        let step = format!("{}  {}", question.needed.step, question.title);
        wrapped(&mut out, "Step:   ", &step, width);
        if let Some(why) = &question.why {
            wrapped(&mut out, "Why:    ", why, width);
        }
    }
    match &question.needed.need {
        Need::Gate(gate) => show_gate(&mut out, question, gate, width),
        Need::Approvals {
            gate,
            given,
            people,
            missing,
            ..
        } => {
            let heading = out.len();
            show_known(&mut out, question, gate, width);
            show_times(&mut out, question, gate, width);
            if out.len() > heading {
                out.push('\n');
            }
            show_what(&mut out, question, gate, width);
            show_waiting(&mut out, question, gate, (given, people, *missing), width);
        }
        Need::Ask {
            question: asked,
            choices,
            suggested,
            shape,
        } => {
            out.push('\n');
            wrapped(&mut out, "", &escape_controls(asked), width);
            show_choices(&mut out, question, (choices, suggested, shape), width);
        }
        Need::Manual { items, by, .. } => {
            if let Some(by) = by {
                wrapped(&mut out, "Who:    ", &escape_controls(by), width);
            }
            out.push('\n');
            for item in items {
                wrapped(&mut out, "[ ] ", &escape_controls(item), width);
            }
            out.push('\n');
            let reveal = match &question.revealed {
                None => "",
                Some(Ok(_)) => "r show it to you alone, once · ",
                Some(Err(failure)) => {
                    let why = escape_controls(&failure.message);
                    wrapped(&mut out, "It cannot be shown: ", &why, width);
                    ""
                }
            };
            let keys = format!(
                "{reveal}d done · f failed (a note may stand behind either) · s REASON skip · p park \
                 (leave, resume later) · ? help"
            );
            wrapped(&mut out, "", &keys, width);
        }
        Need::Failure {
            failure, choices, ..
        } => menu::show_failure(&mut out, question, failure, choices, width),
        Need::Doubt { reason, work, .. } => {
            out.push('\n');
            let reason = escape_controls(reason);
            let text = format!("It was started, and nobody can say what it did: {reason}");
            wrapped(&mut out, "", &text, width);
            if let Some(work) = work {
                wrapped(&mut out, "Does:   ", &work_words(work), width);
            }
            let text = "Look for yourself before you answer; then give your reason.";
            line(&mut out, text);
            out.push('\n');
            menu::show_doubt(&mut out, question, width);
        }
    }
    out
}

/// The answers to choose from, what is suggested, and the answer's type.
type Asks<'a> = (
    &'a [(String, String)],
    &'a Result<Option<Value>, Failure>,
    &'a Shape,
);

fn show_choices(
    out: &mut String,
    question: &Question,
    (choices, suggested, shape): Asks<'_>,
    width: usize,
) {
    let by = match question.measured {
        true => "suggested by the measurements",
        false => "suggested",
    };
    for (i, (choice, meaning)) in choices.iter().enumerate() {
        let mark = match suggested {
            Ok(Some(Value::Str(text))) if text == choice => format!("  ← {by}"),
            _ => String::new(),
        };
        let text = format!(
            "{} — {}{mark}",
            escape_controls(choice),
            escape_controls(meaning)
        );
        wrapped(out, &format!("  {} ", i + 1), &text, width);
    }
    match suggested {
        Err(failure) => {
            let text = format!("No suggestion: {}", escape_controls(&failure.message));
            wrapped(out, "", &text, width);
        }
        Ok(Some(value)) if choices.is_empty() => {
            line(
                out,
                &format!("Suggested: {}", escape_controls(&value.to_string())),
            );
        }
        Ok(_) => {}
    }
    out.push('\n');
    let what = if choices.is_empty() {
        let shape = shape.to_string();
        let article = if shape.starts_with(['a', 'e', 'i', 'o', 'u']) {
            "an"
        } else {
            "a"
        };
        format!("type {article} {shape}")
    } else {
        "type a number or a word".to_owned()
    };
    let enter = match suggested {
        Ok(Some(_)) => " · Enter takes the suggestion",
        _ => "",
    };
    let keys = format!("{what}{enter} · p park (leave, resume later) · ? help");
    wrapped(out, "", &keys, width);
}

pub(super) fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

/// A text behind a label, broken between words so that nothing is lost on a narrow screen.
pub(super) fn wrapped(out: &mut String, label: &str, text: &str, width: usize) {
    use unicode_width::UnicodeWidthStr;
    let indent = label.width();
    let room = width.saturating_sub(indent).max(20);
    let mut current = String::new();
    let mut first = true;
    let mut flush = |current: &mut String, out: &mut String| {
        if first {
            out.push_str(label);
        } else {
            out.push_str(&" ".repeat(indent));
        }
        first = false;
        out.push_str(current);
        out.push('\n');
        current.clear();
    };
    for word in text.split(' ') {
        if !current.is_empty() && current.width() + 1 + word.width() > room {
            flush(&mut current, out);
        }
        if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(word);
    }
    flush(&mut current, out);
}

/// Reads a typed line as the answer to a question.
pub fn read(question: &Question, typed: &str) -> Typed {
    let typed = typed.trim();
    let may_look = matches!(
        question.needed.need,
        Need::Failure { .. } | Need::Doubt { .. }
    );
    if may_look && matches!(typed, "o" | "output") {
        return match question.printed {
            Some(_) => Typed::Output,
            None => again("nothing that it printed was kept"),
        };
    }
    let is_answer = matches!(&question.needed.need, Need::Ask { .. });
    if typed == "?" || (!is_answer && typed.eq_ignore_ascii_case("help")) {
        return Typed::Help;
    }
    match &question.needed.need {
        Need::Gate(gate) => read_gate(question, gate, typed),
        Need::Approvals { gate, .. } => read_waiting(question, gate, typed),
        Need::Ask {
            choices,
            shape,
            suggested,
            ..
        } => read_answer(choices, shape, suggested, typed),
        Need::Manual { .. } if matches!(typed, "r" | "reveal") => match &question.revealed {
            Some(Ok(_)) => Typed::Reveal,
            Some(Err(failure)) => again(escape_controls(&failure.message)),
            None => again("there is nothing to show here"),
        },
        Need::Manual { .. } => read_report(typed),
        Need::Failure { choices, .. } => menu::read_choice(question, choices, typed),
        Need::Doubt { .. } => menu::read_doubt(typed),
    }
}

fn read_answer(
    choices: &[(String, String)],
    shape: &Shape,
    suggested: &Result<Option<Value>, Failure>,
    typed: &str,
) -> Typed {
    let suggestion = suggested.clone().ok().flatten();
    let answered = |answer: Value| {
        said(Fact::Answer {
            answer,
            suggested: suggestion.clone(),
            way: Way::Terminal,
        })
    };
    if typed.is_empty() {
        return match &suggestion {
            Some(value) => answered(value.clone()),
            None => again("nothing is suggested here: type an answer"),
        };
    }
    // A choice's own word goes before its number: a choice may be called `1`.
    let is_word = choices.iter().any(|(choice, _)| choice == typed);
    if !is_word && matches!(typed.to_lowercase().as_str(), "p" | "park") {
        return park();
    }
    let mut alike = choices
        .iter()
        .filter(|(choice, _)| choice.eq_ignore_ascii_case(typed));
    if !is_word && let (Some((choice, _)), None) = (alike.next(), alike.next()) {
        return answered(Value::from(choice.as_str()));
    }
    if !is_word
        && let Ok(number) = typed.parse::<usize>()
        && let Some((choice, _)) = number.checked_sub(1).and_then(|i| choices.get(i))
    {
        return answered(Value::from(choice.as_str()));
    }
    match shape.read(typed) {
        Ok(answer) => answered(answer),
        Err(misfit) => again(misfit.to_string()),
    }
}

fn read_report(typed: &str) -> Typed {
    let (word, rest) = typed.split_once(' ').unwrap_or((typed, ""));
    let rest = rest.trim();
    let note = (!rest.is_empty() && !rest.starts_with('{')).then(|| rest.to_owned());
    let output = match rest.strip_prefix('{') {
        None => Value::None,
        Some(_) => match serde_json::from_str::<serde_json::Value>(rest) {
            Ok(json) => Value::from_plain(&json),
            Err(error) => return again(format!("this is no JSON: {error}")),
        },
    };
    let outcome = match word.to_lowercase().as_str() {
        "d" | "done" => ManualOutcome::Done,
        "f" | "failed" => ManualOutcome::Failed,
        "s" | "skip" if rest.is_empty() => {
            return again("to skip it, give your reason behind it: s YOUR REASON");
        }
        "s" | "skip" => ManualOutcome::Skipped,
        "p" | "park" => return park(),
        _ => return again("type d, f, s or p, and after it a note if you like"),
    };
    said(Fact::Reported {
        outcome,
        output,
        way: Way::Terminal,
        note,
    })
}
