//! How far a run is: steps of the plan that are over, counted as events come in.
//!
//! Counted on from event to event, for a look at all steps at each event would be quadratic.

use std::collections::HashSet;

use super::describe::below;
use super::plan_view::leaves;
use crate::model::ids::StepKey;
use crate::model::{Event, Timestamp};
use crate::plan::{NodeIx, Plan};
use crate::run::{Run, StepView};

/// How far a run is.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// Steps of the plan that are over, a loop being one, what was skipped with its block included.
    pub(super) done: usize,
    /// Steps of the plan.
    pub(super) total: usize,
    /// When the run began, in its own time.
    pub(super) began: Option<Timestamp>,
    counted: HashSet<StepKey>,
}

impl Progress {
    /// Something happened; the run is as it was after it.
    pub(super) fn event(&mut self, event: &Event, run: &Run) {
        if self.began.is_none() {
            self.total = leaves(run.plan()).len();
            let first = run.steps().filter_map(|step| step.started()).min();
            self.began = Some(first.unwrap_or(event.at));
            for step in run.steps() {
                self.count(run.plan(), step);
            }
        }
        let Some(key) = &event.step else { return };
        // What happens to an item may end the loop around it.
        let around = key.as_str().find('[').map(|end| &key.as_str()[..end]);
        let around = around.map(StepKey::from_text);
        for key in around.iter().chain([key]) {
            if let Some(step) = run.step(key) {
                self.count(run.plan(), step);
            }
        }
    }

    fn count(&mut self, plan: &Plan, step: StepView<'_>) {
        let over = step.status().is_settled();
        let inside_loop = step.key().as_str().contains('[');
        if !over || inside_loop || step.is_undo() || in_undo(step.key()) {
            return;
        }
        let node = step.node();
        let whole = node.how.for_each.is_some() || step.skip().is_some();
        if (!node.does.is_block() || whole) && self.counted.insert(step.key().clone()) {
            self.done += weight(plan, step.node_ix());
        }
    }
}

fn in_undo(key: &StepKey) -> bool {
    key.as_str().starts_with("undo/")
}

fn weight(plan: &Plan, ix: NodeIx) -> usize {
    if !plan.node(ix).does.is_block() {
        return 1;
    }
    let inside = below(plan, ix).into_iter();
    inside.filter(|p| !plan.node(p.ix).does.is_block()).count()
}
