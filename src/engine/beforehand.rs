//! Secrets that are not there, found before anything begins: a fence that is up must not be the
//! moment at which the next step's token turns out to be missing.

use std::collections::BTreeSet;
use std::path::PathBuf;

use indexmap::IndexMap;

use crate::call::{Environment, Processes};
use crate::model::call::Failure;
use crate::model::text::escape_controls;
use crate::model::{SecretRef, Value};
use crate::plan::{Answers, NodeDoes, Plan, ScopeIx};

/// A secret that the plan uses and that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// What names it: settings and parameters, in words.
    pub named: Vec<String>,
    /// Why it cannot be had, and what to do. It shows nothing of the secret.
    pub why: Failure,
}

/// The secrets in variables and files that this plan uses and that cannot be had. Programs are
/// asked when a step needs what they print, not before.
pub fn missing_secrets(plan: &Plan, env: Environment) -> Vec<Missing> {
    let processes = Processes::new(env, PathBuf::new());
    let missing = named(plan).into_iter().filter_map(|(place, named)| {
        let why = processes.missing(&place)?;
        let why = match &place {
            // Nothing is under way yet that would have to be parked.
            SecretRef::Env(name) => why.hint(format!("set {name} where runbook is started")),
            SecretRef::File(_) | SecretRef::Command(_) | SecretRef::Run(_) => why,
        };
        Some(Missing { named, why })
    });
    missing.collect()
}

/// Every secret that the plan uses, and what names it.
fn named(plan: &Plan) -> IndexMap<SecretRef, Vec<String>> {
    let mut all: IndexMap<SecretRef, Vec<String>> = IndexMap::new();
    let mut note = |value: &Value, by: String| {
        for place in mentioned(value) {
            all.entry(place).or_default().push(by.clone());
        }
    };
    for (tool, binding) in &plan.bindings {
        if let Answers::Adapter { settings, .. } = &binding.answers {
            for (name, value) in settings {
                note(value, format!("{tool}: setting `{name}` ({})", binding.by));
            }
        }
    }
    // Nothing of the simulated production, and no person, is handed one.
    if !starts_anything(plan) {
        return all;
    }
    for (ix, scope) in (0u32..).map(ScopeIx).zip(&plan.scopes) {
        for (name, value) in &scope.params {
            if !given_anew(plan, ix, name) {
                let name = escape_controls(name);
                note(value, format!("{}: parameter `{name}`", scope.runbook));
            }
        }
    }
    all
}

/// The secrets that a value names.
fn mentioned(value: &Value) -> BTreeSet<SecretRef> {
    // What cannot be written as JSON could not be frozen into the run either.
    serde_json::to_value(value)
        .map(|json| SecretRef::mentioned(&json))
        .unwrap_or_default()
}

/// Whether anything is started or asked that could be handed a secret.
fn starts_anything(plan: &Plan) -> bool {
    let own = |does: &NodeDoes| matches!(does, NodeDoes::Run(_));
    let real =
        |answers: &Answers| matches!(answers, Answers::Command { .. } | Answers::Adapter { .. });
    plan.nodes.iter().any(|node| own(&node.does))
        || plan.bindings.values().any(|binding| real(&binding.answers))
}

/// Whether an include gives this parameter another value than its default.
fn given_anew(plan: &Plan, of: ScopeIx, param: &str) -> bool {
    plan.nodes.iter().any(|node| match &node.does {
        NodeDoes::Include { scope, with, .. } if *scope == of => {
            with.keys().any(|name| name.as_str() == param)
        }
        _ => false,
    })
}
