//! What an undo would take back now, and what would stay, in words: for whoever has to decide it.

use super::describe::undo_words;
use super::words::work_words;
use crate::model::call::Work;
use crate::model::ids::StepKey;
use crate::run::Run;

/// What an undo would take back now. All of it is escaped for the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenBack {
    /// What is taken back, in this order.
    pub steps: Vec<String>,
    /// What stays, each with why.
    pub stays: Vec<String>,
}

/// What an undo of the whole run would take back, and what would stay.
pub fn taken_back(run: &Run) -> TakenBack {
    let undo = run.undo_plan();
    let plan = run.plan();
    let named = |step: &StepKey| match run.step(step) {
        Some(view) if view.node().how.title.is_some() => format!("{} ({step})", view.title()),
        _ => step.to_string(),
    };
    let steps = undo.back.iter().map(|back| {
        let view = run.step(&back.step);
        let args = view.as_ref().and_then(|view| match view.work() {
            Some(Work::Call(call)) => Some(&call.args),
            Some(Work::Process(_)) | None => None,
        });
        let gate = match plan.node(back.undo).gate {
            Some(_) => "; a gate asks first",
            None => "",
        };
        let failed = match back.failed {
            true => "; that failed before",
            false => "",
        };
        let how = match run.way_back(&back.step) {
            Some(works) if !works.is_empty() => {
                let words: Vec<String> = works.iter().map(work_words).collect();
                words.join("; ")
            }
            Some(_) => "there is nothing to put back".to_owned(),
            None => undo_words(plan, back.node, args),
        };
        format!("{}: {how}{gate}{failed}", named(&back.step))
    });
    let stays = undo
        .not
        .iter()
        .map(|not| format!("{}: {}", named(&not.step), not.why.words()));
    TakenBack {
        steps: steps.collect(),
        stays: stays.collect(),
    }
}
