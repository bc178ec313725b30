//! What a prompt shows and what may be typed at it: pure text in, an answer out.

use super::halting::{Halted, WhatNow};
use super::menu;
use super::people::Question;
use crate::model::call::Failure;
use crate::model::event::{Decision, GateOpened, ManualOutcome, Resolution};
use crate::model::people::Way;
use crate::model::text::{clip, escape_controls};
use crate::model::{Shape, Value};
use crate::report::{Look, whole_work, work_words};
use crate::run::{Fact, Need};

use super::people::Said;
use super::prompt_others::{read_waiting, show_others, show_times, show_waiting};

/// What became of a typed line.
#[derive(Clone, Debug, PartialEq)]
pub enum Typed {
    /// It answers.
    Said(Box<Said>),
    /// It does not; this is what to say before asking again.
    Again(String),
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
    match word {
        "c" | "continue" => Ok(WhatNow::GoOn),
        "p" | "park" => Ok(WhatNow::Park),
        "x" | "stop" if halted.stop.is_some() => Ok(WhatNow::Stop(match reason.trim() {
            "" => "the operator stopped it after an interrupt".to_owned(),
            reason => reason.to_owned(),
        })),
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
    let step = format!("{}  {}", question.needed.step, question.title);
    wrapped(&mut out, "Step:   ", &step, width);
    if let Some(why) = &question.why {
        wrapped(&mut out, "Why:    ", why, width);
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
            show_what(&mut out, question, gate, width);
            show_times(&mut out, question, gate, width);
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
            show_choices(&mut out, choices, suggested, shape, width);
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
            let keys = format!("{reveal}d done · f failed · s skip · p park (leave, resume later)");
            wrapped(&mut out, "", &keys, width);
        }
        Need::Failure {
            failure, choices, ..
        } => menu::show_failure(&mut out, question, failure, choices, width),
        Need::Doubt { reason, work, .. } => {
            out.push('\n');
            wrapped(
                &mut out,
                "It was started, and nobody can say what it did: ",
                &escape_controls(reason),
                width,
            );
            if let Some(work) = work {
                wrapped(&mut out, "Does:   ", &work_words(work), width);
            }
            line(
                &mut out,
                "Look for yourself before you answer; then give your reason.",
            );
            out.push('\n');
            let output = match question.printed {
                Some(_) => " · o all that it printed",
                None => "",
            };
            let keys = format!(
                "h it happened · d it did not happen · a run it again · s skip · x stop, each with \
                 your reason behind it: h YOUR REASON{output} · p park"
            );
            wrapped(&mut out, "", &keys, width);
        }
    }
    out
}

fn show_gate(out: &mut String, question: &Question, gate: &GateOpened, width: usize) {
    show_what(out, question, gate, width);
    show_others(out, question, gate, width);
    show_times(out, question, gate, width);
    out.push('\n');
    wrapped(out, "", &escape_controls(&gate.confirm), width);
    match &gate.challenge {
        None => wrapped(
            out,
            "",
            "y yes · n no (ends the run) · s skip this step · p park (leave, resume later)",
            width,
        ),
        Some(target) => {
            line(
                out,
                &format!(
                    "To say yes, type the name of the target: {}",
                    escape_controls(target)
                ),
            );
            line(
                out,
                "n no (ends the run) · s skip this step · p park (leave, resume later)",
            );
        }
    }
}

/// What a decision at a gate is about.
pub(super) fn show_what(out: &mut String, question: &Question, gate: &GateOpened, width: usize) {
    for work in &gate.works {
        // All of it: the decision is about every line of a script and every value that it gets.
        out.push_str(&whole_work(work, &Look::plain(width)));
    }
    if let Some(by) = &question.answered_by {
        wrapped(out, "By:     ", by, width);
    }
    line(
        out,
        &format!("Effect: {}", gate.effect.word().to_uppercase()),
    );
    wrapped(out, "Undo:   ", &question.undo, width);
    for (name, value) in &gate.show {
        // `a if c else b` is known by its first part.
        let name = name.split(" if ").next().unwrap_or(name);
        wrapped(out, "Known:  ", &escape_controls(name), width);
        show_value(out, value, 10, width);
    }
}

fn show_choices(
    out: &mut String,
    choices: &[(String, String)],
    suggested: &Result<Option<Value>, Failure>,
    shape: &Shape,
    width: usize,
) {
    for (i, (choice, meaning)) in choices.iter().enumerate() {
        let mark = match suggested {
            Ok(Some(Value::Str(text))) if text == choice => "  ← suggested by the measurements",
            _ => "",
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
        format!("type a {shape}")
    } else {
        "type a number or a word".to_owned()
    };
    let enter = match suggested {
        Ok(Some(_)) => " · Enter takes the suggestion",
        _ => "",
    };
    let keys = format!("{what}{enter} · p park (leave, resume later)");
    wrapped(out, "", &keys, width);
}

/// How many items of a list are shown; of more it is said how many.
const SHOWN: usize = 8;

fn show_value(out: &mut String, value: &Value, indent: usize, width: usize) {
    let pad = " ".repeat(indent);
    match value {
        Value::Map(map) => {
            for (name, field) in map {
                let name = escape_controls(name);
                match field {
                    Value::Map(_) => {
                        line(out, &format!("{pad}{name}:"));
                        show_value(out, field, indent + 2, width);
                    }
                    Value::List(items) if items.iter().any(|i| matches!(i, Value::Map(_))) => {
                        line(out, &format!("{pad}{name}:"));
                        for item in items.iter().take(SHOWN) {
                            let text = short(item);
                            wrapped(out, &format!("{pad}  - "), &text, width);
                        }
                        if let Some(more) = items.len().checked_sub(SHOWN).filter(|n| *n > 0) {
                            line(out, &format!("{pad}  - and {more} more"));
                        }
                    }
                    field => wrapped(out, &format!("{pad}{name}: "), &short(field), width),
                }
            }
        }
        value => wrapped(out, &pad, &short(value), width),
    }
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::Map(map) => map
            .iter()
            .map(|(name, field)| format!("{name} {field}"))
            .collect::<Vec<_>>()
            .join(", "),
        value => value.to_string(),
    };
    escape_controls(&clip(&text, 400)).into_owned()
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
    match &question.needed.need {
        Need::Gate(gate) => read_gate(gate, typed),
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
        Need::Failure { choices, .. } => menu::read_choice(choices, typed),
        Need::Doubt { .. } => read_doubt(typed),
    }
}

fn read_gate(gate: &GateOpened, typed: &str) -> Typed {
    let decided = |decision, reason: Option<&str>| {
        said(Fact::Gate {
            digest: gate.digest,
            decision,
            way: Way::Terminal,
            reason: reason
                .map(str::to_owned)
                .filter(|reason| !reason.is_empty()),
        })
    };
    let (word, rest) = typed.split_once(' ').unwrap_or((typed, ""));
    match (&gate.challenge, word) {
        // The target's name first: it may be called `n`.
        (Some(target), _) if typed == target.trim() => decided(Decision::Approve, None),
        (None, "y" | "yes") => decided(Decision::Approve, Some(rest)),
        (_, "n" | "no") => decided(Decision::Decline, Some(rest)),
        (_, "s" | "skip") if rest.trim().is_empty() => {
            again("to skip the step, give your reason behind it: s YOUR REASON")
        }
        (_, "s" | "skip") => decided(Decision::Skip, Some(rest)),
        (_, "p" | "park") => park(),
        (Some(_), "y" | "yes") => again("yes is not enough here: type the name of the target"),
        (Some(target), _) => again(format!(
            "that is not the target's name: type {} exactly, or n, s, p",
            escape_controls(target)
        )),
        (None, _) => again("type y, n, s or p"),
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
    if typed == "p" || typed == "park" {
        return park();
    }
    // A choice's own word goes before its number: a choice may be called `1`.
    let is_word = choices.iter().any(|(choice, _)| choice == typed);
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
    let outcome = match word {
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

fn read_doubt(typed: &str) -> Typed {
    let (word, rest) = typed.split_once(' ').unwrap_or((typed, ""));
    let rest = rest.trim();
    let resolution = match word {
        "h" | "happened" => Resolution::Happened,
        "d" | "did-not-happen" => Resolution::DidNotHappen,
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
