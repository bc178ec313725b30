//! One call by itself, outside any run: what a preflight asks, and what an adapter is proven with.
//!
//! It is answered by who would answer it in a run, in the same way. Nothing is recorded.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;

use super::answerers::{Answerer, Answerers};
use crate::call::{Processes, Simulation};
use crate::model::call::{Adapter, Cancel, Failure, Purpose, Reply, Request, Sink, ToolCall, Work};
use crate::model::ids::{
    ActionName, Attempt, IdempotencyKey, RunId, RunbookName, StepKey, ToolName, ToolRef,
};
use crate::model::{Digest, Duration, Effect, Map, SecretRef, Timestamp};
use crate::plan::{Ingredients, Plan, tools_only};
use crate::spec::Contract;
use crate::workspace::Bound;

/// How long a process has between TERM and KILL.
const GRACE: Duration = Duration::from_secs(2);

/// The tools of an environment, ready to be called one by one.
pub struct Alone {
    plan: Arc<Plan>,
    answerers: Answerers,
}

/// What one call asks for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Which tool, and which binding of it.
    pub tool: ToolRef,
    /// Which action.
    pub action: ActionName,
    /// Its arguments by their names in the contract, as JSON. A bare command gets the action's
    /// name only.
    pub args: serde_json::Map<String, serde_json::Value>,
    /// For whom.
    pub run: RunId,
    /// What tells the target that two requests mean one act.
    pub key: IdempotencyKey,
    /// How long it may take.
    pub timeout: Duration,
    /// When.
    pub now: Timestamp,
}

/// Why a call cannot be made at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AloneError {
    /// The tools make no plan.
    NoPlan(String),
    /// The contract does not know the action.
    NoAction(ActionName),
    /// An argument that the contract does not know.
    NoArgument(String),
    /// An argument that is missing.
    Missing(String),
    /// An argument that is not of its type.
    Misfit {
        /// Its name.
        argument: String,
        /// What was expected and what was found.
        why: String,
    },
    /// A person carries it out, or nothing is bound.
    NobodyAnswers(ToolRef),
}

impl fmt::Display for AloneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlan(why) => f.write_str(why),
            Self::NoAction(action) => write!(f, "the contract has no action `{action}`"),
            Self::NoArgument(name) => write!(f, "the action has no argument `{name}`"),
            Self::Missing(name) => write!(f, "the argument `{name}` is missing"),
            Self::Misfit { argument, why } => write!(f, "the argument `{argument}`: {why}"),
            Self::NobodyAnswers(tool) => write!(f, "no program answers for {tool}"),
        }
    }
}

impl std::error::Error for AloneError {}

impl Drop for Alone {
    /// What stays for further calls has none: it ends as it does with a run.
    fn drop(&mut self) {
        self.answerers.end();
    }
}

impl Alone {
    /// Makes bound tools ready.
    ///
    /// # Errors
    /// The tools make no plan.
    pub fn new(
        name: &RunbookName,
        bound: Bound,
        contracts: &IndexMap<ToolName, Contract>,
        processes: Processes,
        simulation: Option<Simulation>,
    ) -> Result<Self, AloneError> {
        let plan = tools_only(Ingredients {
            runbook: name,
            runbooks: &IndexMap::new(),
            contracts,
            params: Map::new(),
            environment: bound.environment,
            real: bound.real,
            bindings: bound.bindings,
            policy: bound.policy,
            announcement: None,
        })
        .map_err(|e| AloneError::NoPlan(e.to_string()))?;
        let plan = Arc::new(plan);
        let answerers = Answerers::new(&plan, processes, simulation);
        Ok(Self { plan, answerers })
    }

    /// Makes one call and waits for its end. No secret is in what comes back.
    ///
    /// # Errors
    /// The call does not fit the contract, or no program answers it; nothing was done.
    pub fn call(
        &self,
        asked: Asked,
        sink: &dyn Sink,
        cancel: &dyn Cancel,
    ) -> Result<Reply, AloneError> {
        let action = self
            .plan
            .action(&asked.tool.tool, &asked.action)
            .ok_or_else(|| AloneError::NoAction(asked.action.clone()))?;
        let effect = action.effect;
        let args = self.args(&asked)?;
        let nobody = || AloneError::NobodyAnswers(asked.tool.clone());
        let binding = self.plan.binding(&asked.tool).ok_or_else(nobody)?;
        let binding = binding
            .digest()
            .map_err(|e| AloneError::NoPlan(e.to_string()))?;
        let tool = asked.tool.clone();
        let request = self.request(asked, args, effect, binding);
        let reply = match self.answerers.tool(&tool) {
            Some(Answerer::Simulated(simulated)) => simulated.call(&request, sink, cancel),
            Some(Answerer::Blocking(adapter)) => adapter.call(&request, sink, cancel),
            Some(Answerer::Person) | None => return Err(AloneError::NobodyAnswers(tool)),
        };
        Ok(self.answerers.redactor().reply(reply))
    }

    /// Looks up each secret that the bindings name; a program is asked only where `programs` says so.
    pub fn secrets(
        &self,
        asked: Asked,
        programs: bool,
        cancel: &dyn Cancel,
    ) -> Vec<(SecretRef, Result<(), Failure>)> {
        let request = self.request(asked, Map::new(), Effect::Read, Digest::of(b""));
        self.answerers.look_up(&request, cancel, |place| {
            programs || !matches!(place, SecretRef::Command(_))
        })
    }

    fn request(&self, asked: Asked, args: Map, effect: Effect, binding: Digest) -> Request {
        Request {
            run: asked.run,
            environment: self.plan.environment.clone(),
            step: StepKey::from_text(asked.action.as_str()),
            attempt: Attempt(1),
            key: asked.key,
            purpose: Purpose::Act,
            work: Work::Call(ToolCall {
                tool: asked.tool,
                words: vec![asked.action.to_string()],
                action: asked.action,
                args,
                binding,
            }),
            effect,
            timeout: asked.timeout,
            grace: GRACE,
            now: asked.now,
        }
    }

    fn args(&self, asked: &Asked) -> Result<Map, AloneError> {
        let action = self.plan.action(&asked.tool.tool, &asked.action);
        let specs = action.map(|action| &action.args);
        let mut args = Map::new();
        for (name, json) in &asked.args {
            let known = specs.and_then(|specs| {
                specs
                    .iter()
                    .find(|(known, _)| known.as_str() == name.as_str())
            });
            let Some((known, spec)) = known else {
                return Err(AloneError::NoArgument(name.clone()));
            };
            let value = spec.value_shape().fit(json);
            let value = value.map_err(|misfit| AloneError::Misfit {
                argument: name.clone(),
                why: misfit.to_string(),
            })?;
            args.insert(known.variable(), value);
        }
        for (name, spec) in specs.into_iter().flatten() {
            if args.contains_key(&name.variable()) {
                continue;
            }
            match &spec.default {
                Some(default) => {
                    args.insert(name.variable(), default.clone());
                }
                None if spec.is_required() => return Err(AloneError::Missing(name.to_string())),
                None => {}
            }
        }
        Ok(args)
    }
}
