//! Checked definitions become a plan: runbooks inlined, gates made strict, undos attached.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;

use super::announce::Announcement;
use super::bind::Bindings;
use super::node::{Node, NodeDoes, NodeIx, Order, PlannedGate, PlannedUndo, Scope, ScopeIx};
use super::plan::{FORMAT, Plan};
use super::{gates, lock};
use crate::model::ids::{EnvironmentName, RunbookName, StepId, ToolName};
use crate::model::{Duration, Effect, Map};
use crate::spec::contract::Contract;
use crate::spec::environment::{GateNeeds, GateRule, Policy};
use crate::spec::source::Source;
use crate::spec::step::{
    Call, Does, Include, Literal, OnCancel, ResolvedCall, Runbook, Step, Undo,
};

/// A runbook with the file it was read from.
pub type Defined = (Arc<Source>, Runbook);

/// What a plan is made of.
pub struct Ingredients<'a> {
    /// The runbook that was asked for.
    pub runbook: &'a RunbookName,
    /// All runbooks that it includes, and itself.
    pub runbooks: &'a IndexMap<RunbookName, Defined>,
    /// All contracts.
    pub contracts: &'a IndexMap<ToolName, Contract>,
    /// The parameters of the runbook that was asked for, typed.
    pub params: Map,
    /// Where the run acts.
    pub environment: EnvironmentName,
    /// Whether anything real can be touched.
    pub real: bool,
    /// What stands behind each tool that is used.
    pub bindings: Bindings,
    /// The environment's policy.
    pub policy: Policy,
    /// What a channel is told first, where the glass is broken and `CHAT_TOOL` is bound.
    pub announcement: Option<Announcement>,
}

/// Definitions that do not make a plan although they passed `check`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError {
    /// Which step, or which runbook.
    pub at: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.message)
    }
}

impl std::error::Error for PlanError {}

/// Makes the plan. The definitions must have passed `check`.
pub fn build(ingredients: Ingredients<'_>) -> Result<Plan, PlanError> {
    let Some((source, runbook)) = ingredients.runbooks.get(ingredients.runbook) else {
        return Err(PlanError {
            at: ingredients.runbook.to_string(),
            message: "there is no such runbook".to_owned(),
        });
    };
    let lock = match &runbook.lock {
        Some(lock) => {
            let name = lock::name(lock, &ingredients.params, &ingredients.environment);
            Some(name.map_err(|message| PlanError {
                at: format!("{}: lock", ingredients.runbook),
                message,
            })?)
        }
        None => None,
    };
    let mut builder = Builder {
        ingredients: &ingredients,
        nodes: Vec::new(),
        scopes: Vec::new(),
        used: BTreeMap::new(),
        including: Vec::new(),
    };
    let scope = builder.scope(runbook, ingredients.params.clone());
    let around = Around {
        source,
        scope,
        prefix: "",
        parent: None,
        in_undo: false,
    };
    let steps = builder.root("steps", &runbook.steps, Order::Listed, &around)?;
    let finally = builder.root("finally", &runbook.finally, Order::Independent, &around)?;
    let announcement = match &ingredients.announcement {
        Some(told) => Some(builder.announce(told, steps, scope)?),
        None => None,
    };
    let Builder {
        nodes,
        scopes,
        used,
        ..
    } = builder;
    let contracts = ingredients
        .contracts
        .iter()
        .filter(|(tool, _)| used.contains_key(*tool))
        .map(|(tool, contract)| (tool.clone(), contract.clone()))
        .collect();
    Ok(Plan {
        format: FORMAT,
        runbook: ingredients.runbook.clone(),
        title: runbook.title.clone(),
        description: runbook.description.clone(),
        severity: runbook.severity,
        environment: ingredients.environment.clone(),
        real: ingredients.real,
        timeout: runbook.timeout,
        on_cancel: runbook.on_cancel,
        nodes,
        steps,
        finally,
        scopes,
        contracts,
        bindings: ingredients.bindings.clone(),
        policy: ingredients.policy.clone(),
        lock,
        announcement,
    })
}

/// A plan without steps, of all its contracts: what it takes to call a tool by itself. The runbook
/// is but a name.
///
/// # Errors
/// None that the ingredients can be the reason of.
pub fn tools_only(ingredients: Ingredients<'_>) -> Result<Plan, PlanError> {
    let mut builder = Builder {
        ingredients: &ingredients,
        nodes: Vec::new(),
        scopes: vec![Scope {
            runbook: ingredients.runbook.clone(),
            params: ingredients.params.clone(),
            accepts: IndexMap::new(),
            vars: IndexMap::new(),
            on_failure: None,
            env: IndexMap::new(),
            dir: None,
            ids: IndexMap::new(),
        }],
        used: BTreeMap::new(),
        including: Vec::new(),
    };
    let around = Around {
        source: &Arc::default(),
        scope: ScopeIx(0),
        prefix: "",
        parent: None,
        in_undo: false,
    };
    let steps = builder.root("steps", &[], Order::Listed, &around)?;
    let finally = builder.root("finally", &[], Order::Independent, &around)?;
    let Builder { nodes, scopes, .. } = builder;
    Ok(Plan {
        format: FORMAT,
        runbook: ingredients.runbook.clone(),
        title: ingredients.runbook.to_string(),
        description: None,
        severity: None,
        environment: ingredients.environment,
        real: ingredients.real,
        timeout: None,
        on_cancel: OnCancel::default(),
        nodes,
        steps,
        finally,
        scopes,
        contracts: ingredients.contracts.clone(),
        bindings: ingredients.bindings,
        policy: ingredients.policy,
        lock: None,
        announcement: None,
    })
}

struct Builder<'a> {
    ingredients: &'a Ingredients<'a>,
    nodes: Vec<Node>,
    scopes: Vec<Scope>,
    used: BTreeMap<ToolName, ()>,
    including: Vec<RunbookName>,
}

/// What is around a step.
struct Around<'a> {
    source: &'a Arc<Source>,
    scope: ScopeIx,
    /// What its path begins with.
    prefix: &'a str,
    parent: Option<NodeIx>,
    in_undo: bool,
}

impl Builder<'_> {
    fn scope(&mut self, runbook: &Runbook, params: Map) -> ScopeIx {
        let ix = ScopeIx(index(self.scopes.len()));
        self.scopes.push(Scope {
            runbook: runbook.name.value.clone(),
            params,
            accepts: runbook.params.clone(),
            vars: runbook
                .vars
                .iter()
                .map(|(name, value)| (name.clone(), value.value.clone()))
                .collect(),
            on_failure: runbook.on_failure,
            env: runbook.env.clone(),
            dir: runbook.dir.clone(),
            ids: IndexMap::new(),
        });
        ix
    }

    fn root(
        &mut self,
        id: &str,
        steps: &[Step],
        order: Order,
        around: &Around<'_>,
    ) -> Result<NodeIx, PlanError> {
        let id: StepId = id.parse().map_err(|e| PlanError {
            at: id.to_owned(),
            message: format!("{e}"),
        })?;
        let ix = self.reserve(id, around, String::new());
        let inside = Around {
            parent: Some(ix),
            ..*around
        };
        let children = self.steps(steps, &inside)?;
        self.finish_block(ix, NodeDoes::Block { order, children });
        Ok(ix)
    }

    /// A node whose contents follow.
    fn reserve(&mut self, id: StepId, around: &Around<'_>, path: String) -> NodeIx {
        let ix = NodeIx(index(self.nodes.len()));
        self.nodes.push(Node {
            id,
            path,
            named: false,
            place: around.source.name.clone(),
            scope: around.scope,
            parent: around.parent,
            how: crate::spec::step::How::default(),
            does: NodeDoes::Block {
                order: Order::Listed,
                children: Vec::new(),
            },
            needs: Vec::new(),
            effect: Effect::Read,
            gate: None,
            undo: PlannedUndo::None,
            timeout: None,
        });
        ix
    }

    fn node(&mut self, ix: NodeIx) -> &mut Node {
        &mut self.nodes[ix.0 as usize]
    }

    fn finish_block(&mut self, ix: NodeIx, does: NodeDoes) {
        let effect = does
            .children()
            .iter()
            .map(|child| self.nodes[child.0 as usize].effect)
            .max()
            .unwrap_or(Effect::Read);
        let node = self.node(ix);
        node.does = does;
        node.effect = effect;
    }

    fn steps(&mut self, steps: &[Step], around: &Around<'_>) -> Result<Vec<NodeIx>, PlanError> {
        let mut children = Vec::with_capacity(steps.len());
        let mut by_id: BTreeMap<&StepId, NodeIx> = BTreeMap::new();
        for step in steps {
            let ix = self.step(step, around)?;
            by_id.insert(&step.id.value, ix);
            children.push(ix);
        }
        for (step, ix) in steps.iter().zip(&children) {
            let needs = step
                .how
                .needs
                .iter()
                .filter_map(|need| by_id.get(&need.value).copied())
                .collect();
            self.node(*ix).needs = needs;
        }
        Ok(children)
    }

    fn step(&mut self, step: &Step, around: &Around<'_>) -> Result<NodeIx, PlanError> {
        let path = format!("{}{}", around.prefix, step.id.value);
        let ix = self.reserve(step.id.value.clone(), around, path.clone());
        if !around.in_undo {
            let ids = &mut self.scopes[around.scope.0 as usize].ids;
            ids.insert(step.id.value.clone(), ix);
        }
        let place = around.source.position(step.span.start);
        let node = self.node(ix);
        node.named = step.named;
        node.place = format!("{}:{}", around.source.name, place.line);
        node.how = step.how.clone();
        let inside = Around {
            parent: Some(ix),
            ..*around
        };
        let fail = |message: String| PlanError {
            at: path.clone(),
            message,
        };
        match &step.does {
            Does::Block { parallel, steps } => {
                let children = self.steps(steps, &inside)?;
                let order = if *parallel {
                    Order::Parallel
                } else {
                    Order::Listed
                };
                self.finish_block(ix, NodeDoes::Block { order, children });
            }
            Does::Include(include) => self.include(ix, include, &path, &inside)?,
            Does::Call(call) => {
                let resolved = self.resolve(&call.value, around).map_err(fail)?;
                let contract = &self.ingredients.contracts[&resolved.tool.tool];
                let action = &contract.actions[&resolved.action];
                let binding = self.ingredients.bindings.get(&resolved.tool);
                if let Some(why) = binding.and_then(|b| b.answers.unfit(&resolved, action)) {
                    return Err(fail(why));
                }
                let effect = step.how.effect.map_or(action.effect, |own| own.value);
                let timeout = step.how.timeout.map(|own| own.value).or(action.timeout);
                let node = self.node(ix);
                node.effect = effect.max(action.effect);
                node.timeout = Some(timeout.unwrap_or(Duration::from_secs(300)));
                node.does = NodeDoes::Call(resolved);
            }
            Does::Run(run) => {
                let effect = step.how.effect.map_or(Effect::Destructive, |own| own.value);
                let timeout = step.how.timeout.map(|own| own.value);
                let node = self.node(ix);
                node.effect = effect;
                node.timeout = Some(timeout.unwrap_or(Duration::from_secs(300)));
                node.does = NodeDoes::Run(run.clone());
            }
            Does::Manual(manual) => self.node(ix).does = NodeDoes::Manual(manual.clone()),
            Does::Ask(ask) => self.node(ix).does = NodeDoes::Ask(ask.clone()),
            Does::Pause(pause) => self.node(ix).does = NodeDoes::Pause(pause.clone()),
        }
        let gate = self.gate(ix, step).map_err(fail)?;
        let undo = self.undo(ix, step, around, &path)?;
        let node = self.node(ix);
        node.gate = gate;
        node.undo = undo;
        Ok(ix)
    }

    /// The step that tells a channel of the broken glass, before all others of the run. No gate of
    /// the policy stands before it: it is the policy that asks for it.
    fn announce(
        &mut self,
        told: &Announcement,
        steps: NodeIx,
        own: ScopeIx,
    ) -> Result<NodeIx, PlanError> {
        let fail = |message: String| PlanError {
            at: "the announcement of the broken glass".to_owned(),
            message,
        };
        let (source, runbook) =
            Announcement::runbook().map_err(|found| fail(found.render(false, 100)))?;
        let [step] = runbook.steps.as_slice() else {
            return Err(fail("it is not one step".to_owned()));
        };
        let mut step = step.clone();
        // Beside the runbook's own steps, whose names are anybody's.
        let taken = &self.scopes[own.0 as usize].ids;
        while taken.contains_key(&step.id.value) {
            let longer = format!("{}_", step.id.value);
            step.id.value = longer.parse().map_err(|e| fail(format!("{e}")))?;
        }
        let scope = self.scope(&runbook, told.params(self.ingredients.runbook.as_str()));
        let around = Around {
            source: &source,
            scope,
            prefix: "",
            parent: Some(steps),
            in_undo: false,
        };
        let ix = self.step(&step, &around)?;
        self.node(ix).gate = None;
        let NodeDoes::Block { order, children } = self.nodes[steps.0 as usize].does.clone() else {
            return Err(fail("the plan does not begin with a block".to_owned()));
        };
        let children = [ix].into_iter().chain(children).collect();
        self.finish_block(steps, NodeDoes::Block { order, children });
        Ok(ix)
    }

    fn resolve(&mut self, call: &Call, around: &Around<'_>) -> Result<ResolvedCall, String> {
        let tool = &call.tool.value;
        let contract = self
            .ingredients
            .contracts
            .get(&tool.tool)
            .ok_or_else(|| format!("there is no tool `{}`", tool.tool))?;
        self.used.insert(tool.tool.clone(), ());
        crate::spec::resolve::resolve(call, contract, around.source).map_err(|found| {
            found.first().map_or_else(
                || "its call cannot be read".to_owned(),
                |d| d.message.clone(),
            )
        })
    }

    fn include(
        &mut self,
        ix: NodeIx,
        include: &Include,
        path: &str,
        around: &Around<'_>,
    ) -> Result<(), PlanError> {
        let name = &include.runbook.value;
        let fail = |message: String| PlanError {
            at: path.to_owned(),
            message,
        };
        if self.including.contains(name) || name == self.ingredients.runbook {
            return Err(fail(format!("`{name}` includes itself")));
        }
        let ingredients = self.ingredients;
        let Some((source, runbook)) = ingredients.runbooks.get(name) else {
            return Err(fail(format!("there is no runbook `{name}`")));
        };
        let defaults = runbook
            .params
            .iter()
            .filter_map(|(name, param)| Some((name.to_string(), param.default.clone()?)))
            .collect();
        let scope = self.scope(runbook, defaults);
        let prefix = format!("{path}/");
        let inside = Around {
            source,
            scope,
            prefix: &prefix,
            parent: Some(ix),
            in_undo: around.in_undo,
        };
        self.including.push(name.clone());
        let children = self.steps(&runbook.steps, &inside)?;
        self.including.pop();
        let with = include
            .with
            .iter()
            .map(|(name, value)| (name.clone(), value.value.clone()))
            .collect::<IndexMap<_, Literal>>();
        self.finish_block(
            ix,
            NodeDoes::Include {
                scope,
                with,
                children,
            },
        );
        Ok(())
    }

    /// What the environment's policy demands of a node. It asks nothing of what acts not itself.
    fn needs(&self, ix: NodeIx) -> GateNeeds {
        let node = &self.nodes[ix.0 as usize];
        let acts = matches!(
            node.does,
            NodeDoes::Call(_) | NodeDoes::Run(_) | NodeDoes::Inverse { .. }
        );
        match acts {
            true => self.ingredients.policy.gates.of(node.effect),
            false => GateRule::None.into(),
        }
    }

    fn gate(&self, ix: NodeIx, step: &Step) -> Result<Option<PlannedGate>, String> {
        let gate = step.how.gate.as_ref().map(|gate| &gate.value);
        let effect = self.nodes[ix.0 as usize].effect;
        gates::of_step(&self.needs(ix), effect, gate)
            .map_err(|e| format!("the conditions of its gate, taken together: {}", e.message))
    }

    fn undo(
        &mut self,
        ix: NodeIx,
        step: &Step,
        around: &Around<'_>,
        path: &str,
    ) -> Result<PlannedUndo, PlanError> {
        match &step.how.undo {
            Some(Undo::None) => Ok(PlannedUndo::None),
            Some(Undo::Barrier) => Ok(PlannedUndo::Barrier),
            Some(Undo::Steps {
                steps,
                when,
                on_failure,
            }) => {
                let prefix = format!("undo/{path}/");
                let inside = Around {
                    prefix: &prefix,
                    parent: None,
                    in_undo: true,
                    ..*around
                };
                let block = self.reserve(step.id.value.clone(), &inside, format!("undo/{path}"));
                let inside = Around {
                    parent: Some(block),
                    ..inside
                };
                let children = self.steps(steps, &inside)?;
                for child in &children {
                    self.gate_for_undo(*child);
                }
                self.finish_block(
                    block,
                    NodeDoes::Block {
                        order: Order::Listed,
                        children,
                    },
                );
                self.node(block).how.title = step.how.title.clone();
                Ok(PlannedUndo::Node {
                    node: block,
                    when: *when,
                    on_failure: *on_failure,
                    from_contract: false,
                })
            }
            None => Ok(self.inverse(ix, step, around, path)),
        }
    }

    /// The inverse that the contract names, as a node of its own.
    fn inverse(&mut self, ix: NodeIx, step: &Step, around: &Around<'_>, path: &str) -> PlannedUndo {
        let NodeDoes::Call(call) = &self.nodes[ix.0 as usize].does else {
            return PlannedUndo::None;
        };
        let tool = call.tool.clone();
        let contract = &self.ingredients.contracts[&tool.tool];
        let action = &contract.actions[&call.action];
        let (Some(undo), true) = (&action.undo, action.effect.acts()) else {
            return PlannedUndo::None;
        };
        let Some(inverse) = contract.actions.get(&undo.action.value) else {
            return PlannedUndo::None;
        };
        let with = undo
            .with
            .iter()
            .map(|(name, value)| (name.clone(), value.value.clone()))
            .collect();
        let inside = Around {
            parent: None,
            in_undo: true,
            ..*around
        };
        let node_ix = self.reserve(step.id.value.clone(), &inside, format!("undo/{path}"));
        let timeout = inverse.timeout.unwrap_or(Duration::from_secs(300));
        let (effect, name) = (inverse.effect, undo.action.value.clone());
        let node = self.node(node_ix);
        node.how.title = step.how.title.clone();
        node.effect = effect;
        node.timeout = Some(timeout);
        node.does = NodeDoes::Inverse { action: name, with };
        self.gate_for_undo(node_ix);
        PlannedUndo::Node {
            node: node_ix,
            when: crate::spec::step::UndoWhen::Failure,
            on_failure: None,
            from_contract: true,
        }
    }

    /// A destructive undo is always asked about, however deep in blocks it stands.
    fn gate_for_undo(&mut self, ix: NodeIx) {
        let children = self.nodes[ix.0 as usize].does.children().to_vec();
        for child in children {
            self.gate_for_undo(child);
        }
        let node = &self.nodes[ix.0 as usize];
        if node.gate.is_none() && !node.does.is_block() {
            let needs = self.needs(ix);
            let gate = gates::of_undo(&needs, node.effect);
            self.node(ix).gate = gate;
        }
    }
}

/// Indices are 32 bits: a plan with more nodes was refused when it was read.
fn index(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
