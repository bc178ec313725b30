//! The plan's graph: nodes in an arena, children by index, nothing recursive.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::expr::{Expression, Template};
use crate::model::approval::Principal;
use crate::model::gate::Expires;
use crate::model::ids::{ActionName, ArgName, GroupName, Name, RunbookName, StepId};
use crate::model::{Duration, Effect, Map};
use crate::spec::source::Spanned;
use crate::spec::step::{
    Ask, How, Literal, Manual, OnFailure, Param, Pause, ResolvedCall, RunStep, UndoWhen,
};

/// A node's place in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeIx(pub u32);

/// A runbook's place among those that are inlined: 0 is the one that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScopeIx(pub u32);

/// A step of the plan. A loop is one node; its instances exist only in a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Node {
    /// Its id in its runbook.
    pub id: StepId,
    /// Its way from the root, as plans and messages show it: `verify/connect`.
    pub path: String,
    /// Whether the file gave the id.
    pub named: bool,
    /// Where it was written: file and line, for messages.
    pub place: String,
    /// The runbook it belongs to.
    pub scope: ScopeIx,
    /// The block around it; none for the two roots and for undos.
    pub parent: Option<NodeIx>,
    /// How it is done.
    pub how: How,
    /// What is done.
    pub does: NodeDoes,
    /// Among the steps of its parallel block: what must have ended well before.
    pub needs: Vec<NodeIx>,
    /// How much it can do to the world; for a block the most of what is in it.
    pub effect: Effect,
    /// The decision that a person must take, runbook and policy taken together.
    pub gate: Option<PlannedGate>,
    /// How it is taken back.
    pub undo: PlannedUndo,
    /// Of one attempt; none for blocks and for what people do.
    pub timeout: Option<Duration>,
}

/// What a node does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeDoes {
    /// Several steps.
    Block {
        /// In which order.
        order: Order,
        /// The steps, as written.
        children: Vec<NodeIx>,
    },
    /// Another runbook, inlined.
    Include {
        /// Its own scope.
        scope: ScopeIx,
        /// Its parameters; evaluated when it is entered.
        with: IndexMap<Name, Literal>,
        /// Its steps.
        children: Vec<NodeIx>,
    },
    /// A tool's action.
    Call(ResolvedCall),
    /// A command of the runbook's own.
    Run(Box<RunStep>),
    /// A person's work.
    Manual(Manual),
    /// A question to a person.
    Ask(Ask),
    /// A wait.
    Pause(Pause),
    /// The inverse that the contract names for another node's call.
    Inverse {
        /// The action of the same tool.
        action: ActionName,
        /// Its arguments, over the original's `args`, `before` and `output`.
        with: IndexMap<ArgName, Template>,
    },
}

impl NodeDoes {
    /// The steps inside, where it is a block.
    pub fn children(&self) -> &[NodeIx] {
        match self {
            Self::Block { children, .. } | Self::Include { children, .. } => children,
            _ => &[],
        }
    }

    /// Whether it holds other steps.
    pub fn is_block(&self) -> bool {
        matches!(self, Self::Block { .. } | Self::Include { .. })
    }
}

/// In which order the steps of a block are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// One after another.
    Listed,
    /// At once, but for `needs`.
    Parallel,
    /// One after another, each whether or not the others succeed: `finally`.
    Independent,
}

/// A gate, runbook and policy taken together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedGate {
    /// The question; a default one is made where only the policy asks.
    pub confirm: Option<Template>,
    /// What must be typed.
    pub challenge: Option<Challenge>,
    /// Evidence.
    pub show: Vec<Expression>,
    /// False drops the challenge; without `keep`, the whole gate. Whether others are asked is said
    /// by the approvals' own condition, which holds this one where the runbook alone asks them.
    pub condition: Option<Expression>,
    /// A confirmation remains even where the condition is false.
    pub keep: bool,
    /// Asked once for all items of the loop.
    pub once: bool,
    /// Who demands it.
    pub by: GateBy,
    /// What others must say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals: Option<PlannedApprovals>,
    /// How long it waits, and how long a decision holds.
    #[serde(default, skip_serializing_if = "Expires::is_never")]
    pub expires: Expires,
}

/// What others must say at a gate, runbook and policy taken together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedApprovals {
    /// How many different people, the operator not counted; at least 1.
    pub count: u32,
    /// Of which groups of the plan's policy; anybody else where there is none.
    pub from: Vec<GroupName>,
    /// Who may not, beside the operator.
    pub exclude: Vec<Principal>,
    /// Whether they are asked for at all; always, where the policy demands them. It stands for the
    /// gate's own condition too.
    pub condition: Option<Expression>,
}

/// What must be typed at a gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Challenge {
    /// What the runbook says.
    Text(Template),
    /// The call's target: the argument that the contract marks, else the environment's name.
    Target,
}

/// Who demands a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GateBy {
    /// The runbook.
    Runbook,
    /// The environment's policy.
    Policy,
}

/// How a node is taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlannedUndo {
    /// Nothing to undo, or no way that is known.
    None,
    /// A point of no return.
    Barrier,
    /// By another node: a block of the undo's steps, or the contract's inverse.
    Node {
        /// Which.
        node: NodeIx,
        /// When.
        when: UndoWhen,
        /// Whether a failed undo lets the others go on.
        on_failure: Option<OnFailure>,
        /// Whether the contract brings it, rather than the runbook.
        from_contract: bool,
    },
}

/// A runbook that is inlined in the plan, or the one that was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scope {
    /// Which.
    pub runbook: RunbookName,
    /// Its parameters' values where they are known before the run: those of the runbook that was
    /// asked for, and the defaults of an inlined one.
    pub params: Map,
    /// What its parameters accept, which holds for the values that an include gives as well.
    pub accepts: IndexMap<Name, Param>,
    /// Its variables.
    pub vars: IndexMap<Name, Literal>,
    /// What a failure leads to where a step does not say.
    pub on_failure: Option<OnFailure>,
    /// For its `run:` steps.
    pub env: IndexMap<String, Spanned<Template>>,
    /// The working directory of its `run:` steps.
    pub dir: Option<Spanned<Template>>,
    /// Its steps by id, blocks and what is in them alike.
    pub ids: IndexMap<StepId, NodeIx>,
}
