//! What a run amounts to, and what to type next: the last thing that is on the screen.

use jiff::tz::TimeZone;

use super::clock;
use super::line::Line;
use super::style::{Look, Mark, Tone, environment};
use super::waits::{Waits, WaitsFor, waits_for};
use super::words;
use crate::model::call::FailureKind;
use crate::model::event::{Reviewed, SkipReason};
use crate::model::{Duration, Status};
use crate::run::{LEFT_AS_IT_IS, Run, StepView};

/// The summary of a run that is closed or parked, with nothing cut; times in the system's zone.
pub fn summary(run: &Run, look: &Look) -> String {
    summary_in(run, look, &TimeZone::system())
}

/// The same with times in another zone.
pub(super) fn summary_in(run: &Run, look: &Look, zone: &TimeZone) -> String {
    let mut out = Summary {
        look,
        out: String::new(),
    };
    out.headline(run);
    let steps: Vec<StepView<'_>> = run
        .steps()
        .filter(|s| s.node_ix() != run.plan().steps && s.node_ix() != run.plan().finally)
        .collect();
    let own = |of: fn(&StepView<'_>) -> bool| -> Vec<&StepView<'_>> {
        steps.iter().filter(|s| of(s)).collect()
    };
    let waits = waits_for(run);
    let waits = waits.iter().filter_map(|waits| waiting(run, waits, zone));
    out.section("Waits for", waits.collect());
    let bad = own(is_failure).into_iter();
    let bad = bad.filter(|step| !run.in_doubt().any(|key| key == step.key()));
    out.section("Failed", bad.map(failed).collect());
    out.section("Decided", steps.iter().filter_map(answered).collect());
    // In the order in which it was done, which is not that of the file where steps run at once.
    let mut acts = own(has_changed);
    acts.sort_by_key(|step| step.started());
    out.section("Changed", acts.into_iter().map(changed).collect());
    out.section(
        "Taken back",
        own(is_taken_back).into_iter().map(back).collect(),
    );
    out.section(
        "Skipped",
        own(is_skipped).into_iter().map(skipped).collect(),
    );
    let todo = run.closing().map(|c| c.follow_ups.as_slice());
    let todo = todo.unwrap_or_default().iter();
    // What failed is told above.
    let todo = todo.filter(|todo| !todo.starts_with("look at what failed"));
    let (left, todo): (Vec<&String>, Vec<&String>) =
        todo.partition(|todo| todo.starts_with(LEFT_AS_IT_IS));
    let left = left
        .iter()
        .filter_map(|left| left.strip_prefix(LEFT_AS_IT_IS));
    out.section(
        "Changed and not taken back",
        left.map(|left| Line::new().text("  • ").text(left))
            .collect(),
    );
    out.section(
        "Remains to be done",
        todo.iter()
            .map(|todo| Line::new().text("  • ").text(todo))
            .collect(),
    );
    out.section("Must be reviewed by somebody else", reviews(run, zone));
    out.next(run);
    out.out
}

struct Summary<'a> {
    look: &'a Look,
    out: String,
}

impl Summary<'_> {
    fn push(&mut self, line: Line, indent: usize) {
        self.out.push_str(&line.wrap(self.look, indent));
        self.out.push('\n');
    }

    fn headline(&mut self, run: &Run) {
        let plan = run.plan();
        let (mark, how) = match run.closing() {
            Some(closed) => words::ended(closed.outcome),
            None if run.in_doubt().next().is_some() => {
                (Mark::of(Status::Unknown), "is in doubt and needs a person")
            }
            None => (Mark::WAIT, "is not at its end, and can be resumed"),
        };
        let (tone, place) = environment(&plan.environment, plan.real);
        let line = Line::new()
            .tone(mark.tone, mark.symbol)
            .text(" ")
            .tone(Tone::Strong, plan.runbook.as_str())
            .text(" ")
            .tone(mark.tone, how)
            .text("  ")
            .tone(tone, &format!(" {place} "))
            .text(&took(run).map_or_else(String::new, |took| format!("  after {took}")));
        self.push(line, 2);
        let counts = run.counts();
        let mut text = format!("{} done", counts.succeeded);
        if counts.marked > 0 {
            text.push_str(&format!(" ({} of them marked done by hand)", counts.marked));
        }
        for (n, word) in [
            (counts.bad, "went wrong"),
            (counts.skipped, "skipped"),
            (counts.undone, "taken back"),
        ] {
            if n > 0 {
                text.push_str(&format!(", {n} {word}"));
            }
        }
        let line = Line::new().tone(Tone::Quiet, &format!("  {} · {text}", run.id()));
        self.push(line, 2);
        if let Some(because) = run.ended_because() {
            let line = Line::new()
                .tone(Tone::Bad, "  It ended early: ")
                .text(because);
            self.push(line, 4);
        }
    }

    fn section(&mut self, title: &str, lines: Vec<Line>) {
        if lines.is_empty() {
            return;
        }
        self.out.push('\n');
        self.push(Line::new().tone(Tone::Strong, title), 0);
        for line in lines {
            self.push(line, 6);
        }
    }

    fn next(&mut self, run: &Run) {
        self.out.push('\n');
        self.push(Line::new().tone(Tone::Strong, "Next"), 0);
        let id = run.id();
        let mut next = Vec::new();
        if run.closing().is_none() {
            for waiting in run.waiting().iter().filter(|waiting| waiting.missing > 0) {
                let step = waiting.step.as_str();
                let approve = words::typed_words(["runbook", "approve", id.as_str(), step]);
                next.push((approve, "for somebody else: say yes to it"));
            }
            next.push((format!("runbook resume {id}"), "go on where it stands"));
        }
        if !run.reviews_open().is_empty() {
            let review = format!("runbook audit review {id}");
            next.push((review, "for somebody else: look at it, and sign it off"));
        }
        if !run.to_take_back().is_empty() {
            let undo = format!("runbook undo {id}");
            next.push((undo, "see what can be taken back, and take it back"));
        }
        next.push((format!("runbook audit show {id}"), "all that happened"));
        if run.closing().is_some() {
            next.push((format!("runbook audit verify {id}"), "prove the record"));
            if run.outcome() != crate::model::event::RunOutcome::Succeeded {
                let show = format!("runbook show {}", run.plan().runbook);
                next.push((show, "read it before another try"));
            }
        }
        let column = next
            .iter()
            .map(|(c, _)| c.chars().count())
            .max()
            .unwrap_or(0)
            + 4;
        for (command, why) in next {
            let line = Line::new().text("  ").tone(Tone::Busy, &command);
            self.push(line.column(column).tone(Tone::Quiet, why), 4);
        }
    }
}

/// How long it took, in the run's time.
fn took(run: &Run) -> Option<String> {
    let began = run.steps().filter_map(|step| step.started()).min()?;
    let took = Duration::between(began, run.last_moment()?);
    Some(took.rounded())
}

fn item(step: &StepView<'_>, mark: Mark) -> Line {
    Line::new()
        .text("  ")
        .tone(mark.tone, &mark.words())
        .text("  ")
        .text(&step.title())
}

fn is_failure(step: &StepView<'_>) -> bool {
    let by_itself = |kind| !matches!(kind, FailureKind::Inside | FailureKind::Loop);
    let bad = step.status().is_bad() && step.status() != Status::UndoFailed;
    bad && (!step.is_group() || step.failure().is_some_and(|f| by_itself(f.kind)))
}

fn failed(step: &StepView<'_>) -> Line {
    let line = item(step, Mark::of(step.status()));
    let line = match step.failure() {
        Some(failure) => line.text(": ").text(&words::failure(failure)),
        None => line,
    };
    let key = format!("  ({})", step.key());
    line.tone(Tone::Quiet, &key)
}

fn answered(step: &StepView<'_>) -> Option<Line> {
    let answer = words::value(step.answer()?);
    let line = Line::new().text("  ").text(&step.title()).text(": ");
    Some(line.tone(Tone::Strong, &answer))
}

fn has_changed(step: &StepView<'_>) -> bool {
    let did = matches!(step.status(), Status::Succeeded);
    did && !step.is_group() && step.effect().acts()
}

fn changed(step: &StepView<'_>) -> Line {
    if let Some(marked) = step.marked_done() {
        let line = item(step, Mark::BY_HAND);
        return line.text(&format!(": {}", words::marked(marked)));
    }
    let line = item(step, Mark::of(step.status()));
    let line = match step.took() {
        Some(took) => line.text(&format!(", {}", took.rounded())),
        None => line,
    };
    match step.work() {
        Some(work) => line.tone(Tone::Quiet, &format!("  {}", words::work(work))),
        None => line,
    }
}

fn is_taken_back(step: &StepView<'_>) -> bool {
    matches!(step.status(), Status::Undone | Status::UndoFailed)
}

fn back(step: &StepView<'_>) -> Line {
    let line = item(step, Mark::of(step.status()));
    match step.failure() {
        Some(failure) if step.status() == Status::UndoFailed => {
            line.text(": ").text(&failure.message)
        }
        _ => line,
    }
}

fn is_skipped(step: &StepView<'_>) -> bool {
    step.status() == Status::Skipped
}

fn skipped(step: &StepView<'_>) -> Line {
    let line = item(step, Mark::of(Status::Skipped));
    match step.skip() {
        // The values say why; the whole expression is in the plan and in the journal.
        Some(SkipReason::If { values, .. }) if !values.is_empty() => {
            let why = format!(": {}", words::values(values));
            line.tone(Tone::Quiet, &why)
        }
        Some(why) => line.tone(Tone::Quiet, &format!(": {}", words::skipped(why))),
        None => line,
    }
}

/// What another than the operator must still look at, each with until when.
fn reviews(run: &Run, zone: &TimeZone) -> Vec<Line> {
    let open = run.reviews_open().into_iter().map(|open| {
        let what = match &open.of {
            Reviewed::BreakGlass => format!("the glass was broken: {}", open.why),
            Reviewed::Gate { step, .. } => format!("{step}: {}", open.why),
        };
        let due = format!("by {}: ", clock::moment(open.due, zone));
        Line::new().text("  • ").tone(Tone::Warn, &due).text(&what)
    });
    open.collect()
}

/// Something that the run waits for.
fn waiting(run: &Run, waits: &Waits, zone: &TimeZone) -> Option<Line> {
    let step = run.step(&waits.step)?;
    let mark = match waits.kind {
        WaitsFor::Doubt => {
            let line = item(&step, Mark::of(Status::Unknown));
            return Some(line.text(&format!(": {}", waits.words)));
        }
        _ => Mark::WAIT,
    };
    let words = match step.pauses_until() {
        Some(until) => format!("the clock, until {}", clock::moment(until, zone)),
        None => waits.words.clone(),
    };
    Some(item(&step, mark).text(&format!(": {words}")))
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
