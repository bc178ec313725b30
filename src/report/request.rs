//! A gate as somebody far away is shown it, before they sign.
//!
//! They have no other screen to look at, so nothing is cut: what is signed is all of this.

use super::line::Line;
use super::style::{Look, Tone, effect};
use super::words::work;
use crate::keys::ApprovalRequest;
use crate::model::Value;
use crate::model::approval::{ApprovalsAsked, Vote};
use crate::model::call::{Command, Process, Work};
use crate::model::ids::Attempt;

/// How far behind its label a text begins.
const LABEL: usize = 8;

/// The longest piece of a text that becomes one line, in characters.
const PIECE: usize = 4096;

/// Everything that an approver must know; what they can say to it comes after.
pub fn request(
    request: &ApprovalRequest,
    vote: Vote,
    look: &Look,
    zone: &jiff::tz::TimeZone,
) -> String {
    let mut view = View {
        look,
        out: String::new(),
    };
    let gate = &request.gate;
    let what = match vote {
        Vote::Approve => "Your approval is asked",
        Vote::Decline => "You are about to decline",
    };
    let (tone, place) = if request.is_real() {
        (Tone::Real, format!("REAL: {}", request.environment))
    } else {
        (
            Tone::Sandbox,
            format!("{} (simulated)", request.environment),
        )
    };
    view.line(
        Line::new()
            .tone(Tone::Strong, what)
            .text(" · ")
            .tone(tone, &place),
        0,
    );
    view.labelled("Run:", request.run.as_str());
    view.labelled("Step:", request.step.as_str());
    if request.attempt != Attempt::FIRST {
        view.labelled("Try:", &request.attempt.to_string());
    }
    view.labelled("Title:", &format!("{} (as they call it)", request.title));
    view.labelled("From:", &format!("{} (as they say)", request.requester));
    let until = request.expires.to_zoned(zone.clone());
    view.labelled(
        "Until:",
        &until.strftime("%Y-%m-%d %H:%M:%S %Z").to_string(),
    );
    if let Some(asked) = &gate.approvals {
        view.labelled("Needs:", &approvals_words(asked));
    }
    if let Some(why) = &gate.waived {
        view.labelled("Waived:", why);
    }
    let (tone, word) = effect(gate.effect);
    view.label("Effect:", |line| line.tone(tone, word));
    for one in &gate.works {
        view.work(one);
    }
    for (name, value) in &gate.show {
        view.labelled("Known:", name);
        view.value(value, LABEL);
    }
    view.out.push('\n');
    // Indented like all that comes from outside, so that no line of it passes for one of ours.
    view.labelled("Asked:", gate.confirm.lines().next().unwrap_or_default());
    for line in gate.confirm.lines().skip(1) {
        view.text(line, LABEL);
    }
    view.out
}

/// All of one thing that is done: a script with its every line, its directory and its variables.
pub fn whole_work(work: &Work, look: &Look) -> String {
    let mut view = View {
        look,
        out: String::new(),
    };
    view.work(work);
    view.out
}

/// What others must say, in words; not escaped.
pub fn approvals_words(asked: &ApprovalsAsked) -> String {
    let list = |names: Vec<String>| names.join(", ");
    let mut said = match asked.count {
        1 => "1 approval".to_owned(),
        many => format!("{many} approvals"),
    };
    if asked.from.is_empty() {
        said.push_str(" of anybody but who asks");
    } else {
        let groups = list(asked.from.iter().map(ToString::to_string).collect());
        let people = list(asked.people.iter().map(ToString::to_string).collect());
        said.push_str(&format!(" of {groups}: {people}"));
    }
    if !asked.exclude.is_empty() {
        let without = list(asked.exclude.iter().map(ToString::to_string).collect());
        said.push_str(&format!("; not of {without}"));
    }
    if asked.one_more {
        said.push_str("; one more than usual, since its operator is root without a login and may be one of them");
    }
    if asked.afterwards {
        said.push_str("; it may be done before they are there");
    }
    said
}

struct View<'a> {
    look: &'a Look,
    out: String,
}

impl View<'_> {
    fn line(&mut self, line: Line, indent: usize) {
        self.out.push_str(&line.wrap(self.look, indent));
        self.out.push('\n');
    }

    fn label(&mut self, label: &str, text: impl FnOnce(Line) -> Line) {
        let line = Line::new().tone(Tone::Quiet, label).column(LABEL);
        self.line(text(line), LABEL);
    }

    fn labelled(&mut self, label: &str, text: &str) {
        let mut rest = pieces(text);
        let first = rest.next().unwrap_or_default();
        self.label(label, |line| line.text(&first));
        for piece in rest {
            self.indented(&piece, LABEL);
        }
    }

    fn indented(&mut self, text: &str, indent: usize) {
        self.line(Line::new().text(&" ".repeat(indent)).text(text), indent);
    }

    /// A text of several lines, each on a line of its own.
    fn text(&mut self, text: &str, indent: usize) {
        for line in text.trim_end_matches('\n').split('\n') {
            if line.is_empty() {
                self.out.push('\n');
                continue;
            }
            for piece in pieces(line) {
                self.indented(&piece, indent);
            }
        }
    }

    fn work(&mut self, one: &Work) {
        let Work::Process(process) = one else {
            self.labelled("Does:", &work(one));
            return;
        };
        let Process { command, env, dir } = process;
        match command {
            Command::Argv(_) => self.labelled("Does:", &work(one)),
            Command::Script { text, .. } => {
                self.labelled("Does:", "this script:");
                self.text(text, LABEL + 2);
            }
        }
        if let Some(dir) = dir {
            self.labelled("In:", dir);
        }
        for (name, value) in env {
            self.labelled("With:", &format!("{name}={value}"));
        }
    }

    fn value(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Map(map) => {
                for (name, field) in map {
                    self.field(&format!("{name}:"), field, indent);
                }
            }
            Value::List(items) => {
                for item in items {
                    self.field("-", item, indent);
                }
            }
            Value::Str(text) => self.text(text, indent),
            value => self.text(&value.to_string(), indent),
        }
    }

    fn field(&mut self, label: &str, field: &Value, indent: usize) {
        let flat = match field {
            Value::Map(map) => map.is_empty(),
            Value::List(items) => items.is_empty(),
            Value::Str(text) => !text.contains('\n'),
            _ => true,
        };
        if flat {
            self.text(&format!("{label} {field}"), indent);
        } else {
            self.text(label, indent);
            self.value(field, indent + 2);
        }
    }
}

/// A text in pieces that each fit a line of the screen's own length limit.
fn pieces(text: &str) -> impl Iterator<Item = String> {
    let mut rest = text;
    let mut first = true;
    std::iter::from_fn(move || {
        if rest.is_empty() && !first {
            return None;
        }
        first = false;
        let at = rest
            .char_indices()
            .nth(PIECE)
            .map_or(rest.len(), |(at, _)| at);
        let (piece, more) = rest.split_at(at);
        rest = more;
        Some(piece.to_owned())
    })
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
