//! What runbooks ask of their surroundings: tools with their actions, and commands of their own.

use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};

use super::load::Defined;
use crate::model::Effect;
use crate::model::ids::{ActionName, ToolName, ToolRef};
use crate::spec::contract::Contract;
use crate::spec::resolve::resolve;
use crate::spec::source::Source;
use crate::spec::step::{Call, Does, Runbook, Step, Undo};

/// What runbooks ask of their surroundings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// The tools in the order of their first use, each with the actions that must be answered:
    /// those that are called, and those that the contract takes them back with.
    pub tools: Vec<(ToolRef, Vec<ActionName>)>,
    /// Whether a `run:` step changes something. Such steps are always real.
    pub changing_run_steps: bool,
}

impl Uses {
    /// What these runbooks use. The actions of calls that a contract does not explain are left
    /// out: such a call is an error of `check`.
    pub fn of<'a>(
        runbooks: impl IntoIterator<Item = &'a Defined>,
        contracts: &IndexMap<ToolName, Contract>,
    ) -> Self {
        let mut tools: IndexMap<ToolRef, IndexSet<ActionName>> = IndexMap::new();
        let mut changing_run_steps = false;
        for (source, runbook) in runbooks {
            each_step(runbook, &mut |step| match &step.does {
                Does::Call(call) => {
                    let actions = tools.entry(call.tool.value.clone()).or_default();
                    if let Some(contract) = contracts.get(&call.tool.tool) {
                        actions.extend(asked_of(source, contract, call, step));
                    }
                }
                Does::Run(_) => {
                    // A step that does not say what it does could do anything.
                    let effect = step.how.effect.map_or(Effect::Destructive, |own| own.value);
                    changing_run_steps |= effect >= Effect::Change;
                }
                _ => {}
            });
        }
        let tools = tools
            .into_iter()
            .map(|(tool, actions)| (tool, actions.into_iter().collect()));
        Self {
            tools: tools.collect(),
            changing_run_steps,
        }
    }
}

fn asked_of(
    source: &Arc<Source>,
    contract: &Contract,
    call: &Call,
    step: &Step,
) -> Vec<ActionName> {
    let Ok(call) = resolve(call, contract, source) else {
        return Vec::new();
    };
    let action = contract.actions.get(&call.action);
    let inverse = action
        .and_then(|action| action.undo.as_ref())
        .filter(|_| step.how.undo.is_none())
        .map(|undo| undo.action.value.clone());
    [call.action].into_iter().chain(inverse).collect()
}

/// Every step of a runbook: those in blocks, those of `finally` and of undos too.
pub(super) fn each_step<'a>(runbook: &'a Runbook, visit: &mut impl FnMut(&'a Step)) {
    let mut waiting: Vec<&Step> = runbook.steps.iter().chain(&runbook.finally).rev().collect();
    while let Some(step) = waiting.pop() {
        visit(step);
        if let Some(Undo::Steps { steps, .. }) = &step.how.undo {
            waiting.extend(steps.iter().rev());
        }
        if let Does::Block { steps, .. } = &step.does {
            waiting.extend(steps.iter().rev());
        }
    }
}
