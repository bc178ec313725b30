//! `runbook` runs YAML runbooks for people on call.
//!
//! The floors, imports only downward: [`model`] → [`expr`] → [`spec`], [`journal`], [`keys`] →
//! [`plan`] → [`run`], [`sandbox`] → [`call`], [`audit`], [`workspace`] → [`report`] → [`engine`] →
//! [`cli`].

pub mod audit;
pub mod call;
pub mod cli;
pub mod engine;
pub mod expr;
pub mod journal;
pub mod keys;
pub mod model;
pub mod plan;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod spec;
pub mod workspace;
