//! What a run amounts to: its outcome, a sentence about it, and what remains to be done.

use super::request::WhyPending;
use super::state::{InstIx, Phase, Role, Run, State};
use crate::model::call::Work;
use crate::model::event::{RunOutcome, SkipReason};
use crate::model::text::{clip, escape_controls};
use crate::model::{Duration, Status};

/// What a follow-up begins with that is no task: somebody may want to take it back, or not.
pub const LEFT_AS_IT_IS: &str = "changed and not taken back: ";

/// How many steps stand where, blocks and loops as such left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Did what they should, or a person counts them as done.
    pub succeeded: usize,
    /// Of those, how many a person counts as done after they failed or were in doubt.
    pub marked: usize,
    /// Failed, ran out of time, were declined or cancelled, or are in doubt.
    pub bad: usize,
    /// Were left out.
    pub skipped: usize,
    /// Were taken back.
    pub undone: usize,
}

impl Run {
    /// How the run ended, or would if it ended now.
    pub fn outcome(&self) -> RunOutcome {
        if let Some(outcome) = self.reopened {
            return outcome;
        }
        if let Some(ending) = &self.ending {
            return ending.outcome;
        }
        let bad = self.insts.iter().any(|inst| inst.status().is_bad());
        if bad {
            RunOutcome::SucceededWithFailures
        } else {
            RunOutcome::Succeeded
        }
    }

    /// Why the run ended before its last step, where it did.
    pub fn ended_because(&self) -> Option<&str> {
        self.ending.as_ref().map(|ending| ending.because.as_str())
    }

    /// How many steps stand where.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for inst in &self.insts {
            let node = self.plan.node(inst.node);
            let group = node.does.is_block() || matches!(inst.role, Role::Loop { .. });
            // A block that was left out stands for all that is in it.
            if group && inst.status() != Status::Skipped {
                continue;
            }
            match inst.status() {
                Status::Succeeded => {
                    counts.succeeded += 1;
                    counts.marked += usize::from(inst.marked.is_some());
                }
                Status::Skipped => counts.skipped += 1,
                Status::Undone => counts.undone += 1,
                status if status.is_bad() => counts.bad += 1,
                _ => {}
            }
        }
        counts
    }
}

/// One sentence for a chat channel: `run.summary`.
pub(super) fn sentence(run: &Run) -> String {
    let counts = run.counts();
    let how = match (run.phase, run.outcome()) {
        (Phase::New | Phase::Steps, _) => "is running",
        (_, RunOutcome::Succeeded) => "succeeded",
        (_, RunOutcome::SucceededWithFailures) => {
            "went to its end, with failures that it provides for"
        }
        (_, RunOutcome::Failed) => "FAILED",
        (_, RunOutcome::Declined) => "was stopped: declined at a gate",
        (_, RunOutcome::Cancelled) => "was cancelled",
    };
    let mut text = format!(
        "{} in {} {how}: {} done",
        run.plan.title, run.plan.environment, counts.succeeded
    );
    if counts.marked > 0 {
        text.push_str(&format!(" ({} of them marked done by hand)", counts.marked));
    }
    if counts.bad > 0 {
        text.push_str(&format!(", {} failed", counts.bad));
    }
    if counts.skipped > 0 {
        text.push_str(&format!(", {} skipped", counts.skipped));
    }
    if counts.undone > 0 {
        text.push_str(&format!(", {} undone", counts.undone));
    }
    let took = run
        .opened
        .as_ref()
        .zip(run.insts.iter().filter_map(|inst| inst.ended).max());
    if let Some((opened, last)) = took {
        let took = Duration::between(opened.at, last);
        text.push_str(&format!(", in {}", took.rounded()));
    }
    if let Some(because) = run.ended_because() {
        text.push_str(&format!(". {}", clip(&escape_controls(because), 200)));
    }
    text.push_str(&format!(". Run {}.", run.id));
    text
}

/// What remains to be done, in words.
pub(super) fn follow_ups(run: &Run) -> Vec<String> {
    let mut out = Vec::new();
    for inst in &run.insts {
        let title = run.title_of(inst);
        match (inst.status(), &inst.skip) {
            (Status::Skipped, Some(SkipReason::Operator { reason, .. })) => {
                let why = reason.as_ref().map_or_else(String::new, |reason| {
                    format!(" ({})", escape_controls(reason))
                });
                let doubt = match inst.left_in_doubt {
                    true => "; find out whether this happened",
                    false => "",
                };
                out.push(format!("left out by the operator: {title}{why}{doubt}"));
            }
            (Status::Unknown, _) => {
                out.push(format!("find out whether this happened: {title}"));
            }
            (Status::UndoFailed, _) => out.push(format!("take back by hand: {title}")),
            (Status::Cancelled, _) => {}
            // Of a block or a loop, the steps are named that failed.
            (status, _) if status.is_bad() && inst.children.is_empty() => {
                let why = inst.failure.as_ref().map_or_else(String::new, |failure| {
                    format!(": {}", clip(&escape_controls(&failure.message), 160))
                });
                out.push(format!("look at what failed: {title}{why}"));
            }
            _ => {}
        }
    }
    for (ix, why) in run.left_in_place() {
        let words = match why {
            // Said above, with all that went wrong.
            WhyPending::Failed => continue,
            WhyPending::NotDone => "take back by hand: ",
            WhyPending::InPlace => LEFT_AS_IT_IS,
            WhyPending::Later => "undo when the time has come: ",
        };
        let how = how_to_undo(run, ix).map_or_else(String::new, |how| format!(" ({how})"));
        out.push(format!("{words}{}{how}", run.title_of(run.inst(ix))));
    }
    if let Some(channel) = run.untold() {
        let why = run.waived().unwrap_or_default();
        out.push(format!(
            "tell {} by hand that the glass was broken: {}",
            escape_controls(channel),
            clip(&escape_controls(why), 160)
        ));
    }
    if run.ending.is_some() {
        out.extend(not_reached(run));
    }
    out
}

/// The steps and blocks of the runbook itself that an early end kept from their turn.
fn not_reached(run: &Run) -> Option<String> {
    let root = run.frames.first()?.insts.get(&run.plan.steps)?;
    let left: Vec<String> = run
        .inst(*root)
        .children
        .iter()
        .map(|ix| run.inst(*ix))
        .filter(|inst| matches!(inst.state, State::Pending))
        .map(|inst| run.title_of(inst))
        .collect();
    (!left.is_empty()).then(|| format!("not reached: {}", left.join("; ")))
}

/// What takes a step back, as one would type it; nothing where its values are not known.
fn how_to_undo(run: &Run, ix: InstIx) -> Option<String> {
    let works = run.undo_works(ix)?;
    let words: Vec<String> = works.iter().map(Work::typed).collect();
    let words = words.join("; ");
    (!words.is_empty()).then(|| escape_controls(&clip(&words, 400)).into_owned())
}
