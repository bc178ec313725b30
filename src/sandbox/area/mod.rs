//! The areas of the simulated production: each its state, and what can be asked of it.

pub(super) mod balancer;
pub(super) mod chat;
pub(super) mod cloud;
pub(super) mod cluster;
pub(super) mod config;
pub(super) mod database;
pub(super) mod deploys;
pub(super) mod evidence;
pub(super) mod firewall;
pub(super) mod flags;
pub(super) mod gateway;
pub(super) mod health;
pub(super) mod logs;
pub(super) mod mesh;
pub(super) mod metrics;
pub(super) mod pager;
pub(super) mod payments;
pub(super) mod query;
pub(super) mod services;
pub(super) mod status_page;
pub(super) mod support;
pub(super) mod tests;
pub(super) mod tickets;
pub(super) mod vcs;

use super::operation::Operations;

/// Everything that can be asked, area by area.
pub(super) const ALL: [Operations; 23] = [
    balancer::OPERATIONS,
    chat::OPERATIONS,
    cloud::OPERATIONS,
    config::OPERATIONS,
    database::OPERATIONS,
    deploys::OPERATIONS,
    evidence::OPERATIONS,
    firewall::OPERATIONS,
    flags::OPERATIONS,
    gateway::OPERATIONS,
    health::OPERATIONS,
    logs::OPERATIONS,
    mesh::OPERATIONS,
    metrics::OPERATIONS,
    pager::OPERATIONS,
    payments::OPERATIONS,
    query::OPERATIONS,
    services::OPERATIONS,
    status_page::OPERATIONS,
    support::OPERATIONS,
    tests::OPERATIONS,
    tickets::OPERATIONS,
    vcs::OPERATIONS,
];
