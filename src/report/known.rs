//! What names stand for before a run: the parameters, and where it acts.

use crate::expr::{Expression, Lookup, Names};
use crate::model::{Map, Value};
use crate::plan::{NodeDoes, Plan, ScopeIx};
use crate::spec::step::Literal;

/// What is known of a plan's names before anything has run, runbook by runbook.
pub(super) struct Known<'a> {
    plan: &'a Plan,
    params: Vec<Map>,
    vars: Vec<Map>,
}

/// The names of one of the runbooks.
pub(super) struct InScope<'a> {
    known: &'a Known<'a>,
    scope: usize,
}

impl<'a> Known<'a> {
    pub(super) fn of(plan: &'a Plan) -> Self {
        let mut known = Self {
            plan,
            params: plan.scopes.iter().map(|s| s.params.clone()).collect(),
            vars: vec![Map::new(); plan.scopes.len()],
        };
        known.vars_of(0);
        // An include lies in a scope that was planned before its own.
        for node in &plan.nodes {
            if let NodeDoes::Include { scope, with, .. } = &node.does {
                let inner = scope.0 as usize;
                for (name, literal) in with {
                    let value = known.value(node.scope, literal);
                    let param = plan.scope(*scope).accepts.get(name);
                    let value = value.and_then(|value| match param {
                        Some(param) => param.admit(&value).ok(),
                        None => Some(value),
                    });
                    match value {
                        Some(value) => known.params[inner].insert(name.to_string(), value),
                        None => known.params[inner].shift_remove(name.as_str()),
                    };
                }
                known.vars_of(inner);
            }
        }
        known
    }

    /// The names that the steps of a runbook see.
    pub(super) fn names(&'a self, scope: ScopeIx) -> InScope<'a> {
        InScope {
            known: self,
            scope: scope.0 as usize,
        }
    }

    fn vars_of(&mut self, scope: usize) {
        let Some(of) = self.plan.scopes.get(scope) else {
            return;
        };
        for (name, literal) in &of.vars {
            let ix = ScopeIx(u32::try_from(scope).unwrap_or(u32::MAX));
            if let Some(value) = self.value(ix, literal) {
                self.vars[scope].insert(name.to_string(), value);
            }
        }
    }

    fn value(&self, scope: ScopeIx, literal: &Literal) -> Option<Value> {
        let names = self.names(scope);
        match literal {
            Literal::Template(template) => template.eval(&names).ok(),
            Literal::Value(value) => Some(value.clone()),
            Literal::List(items) => items
                .iter()
                .map(|item| self.value(scope, item))
                .collect::<Option<Vec<_>>>()
                .map(Value::List),
            Literal::Map(map) => map
                .iter()
                .map(|(name, item)| Some((name.clone(), self.value(scope, item)?)))
                .collect::<Option<Map>>()
                .map(Value::Map),
        }
    }
}

impl InScope<'_> {
    /// A literal as it reads before the run: what is not known yet is named.
    pub(super) fn shown(&self, literal: &Literal) -> String {
        match literal {
            Literal::Template(template) => template.render_known(self),
            Literal::Value(value) => value.to_string(),
            Literal::List(items) => {
                let items: Vec<String> = items.iter().map(|item| self.shown(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Literal::Map(map) => {
                let fields: Vec<String> = map
                    .iter()
                    .map(|(name, item)| format!("{name}: {}", self.shown(item)))
                    .collect();
                format!("{{{}}}", fields.join(", "))
            }
        }
    }

    /// Whether an expression is decided before the run.
    pub(super) fn decided(&self, expression: &Expression) -> Option<bool> {
        expression.eval_bool(self).ok()
    }
}

impl Names for InScope<'_> {
    fn get(&self, path: &[&str]) -> Lookup<'_> {
        let map = match path.first().copied() {
            Some("params") => self.known.params.get(self.scope),
            Some("vars") => self.known.vars.get(self.scope),
            Some("run") if path.get(1).copied() == Some("environment") => {
                return Lookup::made(self.known.plan.environment.as_str(), 2);
            }
            _ => None,
        };
        match (map, path.get(1)) {
            (Some(map), Some(name)) => map
                .get(*name)
                .map_or(Lookup::NotYet, |value| Lookup::found(value, 2)),
            _ => Lookup::NotYet,
        }
    }
}
