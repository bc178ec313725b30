//! The ids of steps: each once in a runbook, and `step_N` where the file gives none.

use std::collections::{HashMap, HashSet};

use crate::model::ids::StepId;
use crate::spec::decode::Decoder;
use crate::spec::source::{Span, Spanned};
use crate::spec::step::{Does, Runbook, Step, Undo};

/// Stands for an id until all steps are known.
pub(super) fn unnumbered(span: Span) -> Option<Spanned<StepId>> {
    let id = "step".parse().ok()?;
    Some(Spanned::new(id, span))
}

/// Numbers the steps without an id and reports ids that are there twice.
pub(super) fn settle(decoder: &Decoder, runbook: &mut Runbook) {
    let mut all: Vec<(Span, Option<Spanned<StepId>>)> = Vec::new();
    visit(runbook, &mut |step| {
        all.push((step.span, step.named.then(|| step.id.clone())));
    });
    // Steps are numbered as they are read, and a mapping may have its keys in any order.
    all.sort_by_key(|(span, _)| span.start);
    let mut taken: HashMap<&StepId, Span> = HashMap::with_capacity(all.len());
    for id in all.iter().filter_map(|(_, id)| id.as_ref()) {
        match taken.get(&id.value) {
            None => {
                taken.insert(&id.value, id.span);
            }
            Some(first) => {
                let error = decoder.error(id.span, format!("the id `{id}` is there twice"));
                decoder.report(
                    error
                        .code("duplicate-id")
                        .also(*first, "here first")
                        .help("an id is used once in a runbook, whichever block it stands in"),
                );
            }
        }
    }
    let taken: HashSet<&str> = taken.keys().map(|id| id.as_str()).collect();
    let mut numbered: HashMap<u32, StepId> = HashMap::new();
    let mut last = 0;
    for (place, (span, id)) in (1_usize..).zip(&all) {
        if id.is_some() {
            continue;
        }
        // Numbers only grow, so that a file full of taken ones is still read in one go.
        last = place.max(last + 1);
        while taken.contains(format!("step_{last}").as_str()) {
            last += 1;
        }
        if let Ok(id) = format!("step_{last}").parse() {
            numbered.insert(span.start, id);
        }
    }
    let mut number = |step: &mut Step| {
        if let Some(id) = numbered.get(&step.span.start).filter(|_| !step.named) {
            step.id.value = id.clone();
        }
    };
    change(&mut runbook.steps, &mut number);
    change(&mut runbook.finally, &mut number);
}

fn visit<'a>(runbook: &'a Runbook, seen: &mut dyn FnMut(&'a Step)) {
    for steps in [&runbook.steps, &runbook.finally] {
        for step in steps {
            step.visit(seen);
        }
    }
}

fn change(steps: &mut [Step], with: &mut dyn FnMut(&mut Step)) {
    for step in steps {
        with(step);
        if let Does::Block { steps, .. } = &mut step.does {
            change(steps, with);
        }
        if let Some(Undo::Steps { steps, .. }) = &mut step.how.undo {
            change(steps, with);
        }
    }
}

impl Step {
    /// This step, those in it and those that take it back. Blocks do not lie deep.
    pub fn visit<'a>(&'a self, seen: &mut dyn FnMut(&'a Self)) {
        seen(self);
        let inner = match &self.does {
            Does::Block { steps, .. } => steps.as_slice(),
            _ => &[],
        };
        let undo = match &self.how.undo {
            Some(Undo::Steps { steps, .. }) => steps.as_slice(),
            _ => &[],
        };
        for step in inner.iter().chain(undo) {
            step.visit(seen);
        }
    }
}
