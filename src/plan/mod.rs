//! Definitions, environment and parameters become a plan: a validated graph with a digest. Pure.
//!
//! A [`Plan`] holds everything a run needs, so that a run can be resumed from its own directory
//! alone. Runbooks that are included are inlined; gates are those of the runbook and of the
//! environment's policy, taken together; every tool is bound.

mod announce;
pub mod bind;
mod build;
mod gates;
mod lock;
pub mod node;
pub mod params;
mod plan;

pub use announce::Announcement;
pub use bind::{Answers, Binding, Bindings, BoundBy};
pub use build::{Defined, Ingredients, PlanError, build, tools_only};
pub use node::{
    Challenge, GateBy, Node, NodeDoes, NodeIx, Order, PlannedApprovals, PlannedGate, PlannedUndo,
    Scope, ScopeIx,
};
pub use plan::{FORMAT, Plan};
