//! What is started, and what is read around it.

use super::command::{Act, Asked, Command};
use super::commands::DEFAULT_TIMEOUT;
use super::state::{Inst, InstIx, Run};
use crate::expr::{Lookup, NameError, Names};
use crate::model::call::{Failure, FailureKind, ToolCall, Work};
use crate::model::event::StepStarted;
use crate::model::ids::IdempotencyKey;
use crate::model::{Digest, Map, Value};
use crate::plan::Node;
use crate::spec::contract::Call as ContractCall;
use crate::spec::step::Literal;

impl Run {
    pub(super) fn act(&self, ix: InstIx, inst: &Inst, node: &Node) -> Result<Command, Failure> {
        let Some(work) = self.work(ix)? else {
            return Err(Failure::new(
                FailureKind::Expression,
                "there is nothing to do",
            ));
        };
        if let Some(look) = self.look_before(inst, &work)? {
            return Ok(Command::Look(look));
        }
        let digest = work
            .digest()
            .map_err(|e| Failure::new(FailureKind::Expression, format!("no digest: {e}")))?;
        let adapter = match &work {
            Work::Call(call) => self.plan.binding(&call.tool).map(|b| b.answers.name()),
            Work::Process(_) => None,
        };
        Ok(Command::Act(Box::new(Act {
            step: inst.key.clone(),
            attempt: inst.attempt,
            started: StepStarted {
                digest,
                key: self.idempotency_key(ix),
                effect: node.effect,
                work,
                adapter,
            },
            timeout: node.timeout.unwrap_or(DEFAULT_TIMEOUT),
            polled: node.how.poll.is_some(),
        })))
    }

    /// The read that is made just before acting, where `verify` or `undo` need what it shows.
    fn look_before(&self, inst: &Inst, work: &Work) -> Result<Option<Asked>, Failure> {
        let Work::Call(call) = work else {
            return Ok(None);
        };
        let Some(action) = self.plan.action(&call.tool.tool, &call.action) else {
            return Ok(None);
        };
        let Some(read) = action.reads_before() else {
            return Ok(None);
        };
        if !action.effect.acts() || inst.before.is_some() || self.answered_by_person(call) {
            return Ok(None);
        }
        self.read_for(inst, call, read).map(Some)
    }

    pub(super) fn read_for(
        &self,
        inst: &Inst,
        call: &ToolCall,
        read: &ContractCall,
    ) -> Result<Asked, Failure> {
        let args = Value::Map(call.args.clone());
        let names = ArgsOnly {
            args: &call.args,
            all: &args,
        };
        let with = read
            .with
            .iter()
            .map(|(name, template)| (name.clone(), Literal::Template(template.value.clone())))
            .collect();
        let work = self.contract_call(&call.tool, &read.action.value, &with, &names)?;
        let timeout = self
            .plan
            .action(&call.tool.tool, &read.action.value)
            .and_then(|action| action.timeout)
            .unwrap_or(DEFAULT_TIMEOUT);
        Ok(Asked {
            step: inst.key.clone(),
            attempt: inst.attempt,
            work: Work::Call(work),
            timeout,
        })
    }

    /// What tells the target that two requests mean one act: run, step instance, how often it
    /// was done before, and how often a person decided to try it, or a block around it, again.
    /// Never the attempt. A step that was done and comes again, as the next pass of its `repeat`
    /// or because its block is tried again, is another act.
    fn idempotency_key(&self, ix: InstIx) -> IdempotencyKey {
        let inst = self.inst(ix);
        let decided = |ix: InstIx| self.inst(ix).retries_decided;
        let retries: u32 = decided(ix) + self.ancestors(ix).map(decided).sum::<u32>();
        let text = format!("{}\n{}\n{}\n{retries}", self.id, inst.key, inst.times_done);
        IdempotencyKey(Digest::of(text.as_bytes()).to_string()[..32].to_owned())
    }
}

/// The names that a contract's own calls see.
struct ArgsOnly<'a> {
    args: &'a Map,
    all: &'a Value,
}

impl Names for ArgsOnly<'_> {
    fn get(&self, path: &[&str]) -> Lookup<'_> {
        match path {
            ["args"] => Lookup::found(self.all, 1),
            ["args", rest @ ..] => super::names::args(self.args, rest),
            _ => Lookup::Missing(NameError::unknown(
                path.first().copied().unwrap_or_default(),
                ["args"],
            )),
        }
    }
}
