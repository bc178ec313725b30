//! A tool that is bound to a command line: `DEPLOY_TOOL: { command: [deployctl] }`, or a variable
//! of the environment. The command gets the words of the call as they stand in the runbook.

use std::sync::Arc;

use indexmap::IndexMap;

use super::in_adapter::call_of;
use super::job::{Job, Processes};
use super::judge::{Asked, Output, Reading, nothing_done};
use super::process::who;
use super::reading::Promise;
use super::secrets::unusable;
use crate::model::call::{Adapter, Cancel, Reply, Request, Sink};
use crate::model::ids::ActionName;
use crate::model::{Map, Value};

/// Answers a tool's calls by starting the team's own command.
///
/// Success is exit status 0. Where the contract declares fields of an action's output, stdout is
/// read as JSON and must fit them; else the output is `{exit, stdout, stderr}`.
#[derive(Clone, Debug)]
pub struct BareCommand {
    /// Where and with what processes are started.
    pub processes: Arc<Processes>,
    /// The program, and words before those of the call.
    pub command: Vec<String>,
    /// What the contract promises of each action's output.
    pub promises: IndexMap<ActionName, Promise>,
}

impl Adapter for BareCommand {
    fn call(&self, request: &Request, sink: &dyn Sink, cancel: &dyn Cancel) -> Reply {
        let call = match call_of(request) {
            Ok(call) => call,
            Err(failure) => return nothing_done(failure),
        };
        if let Some(secret) = call.args.values().find_map(Value::secret) {
            let why = "cannot be handed to a bare command: others could see its words";
            return nothing_done(
                unusable(secret, why)
                    .hint("write an adapter for the tool, which gives it to the command by `env:`"),
            );
        }
        let job = Job {
            argv: self.command.iter().chain(&call.words).cloned().collect(),
            ..Job::default()
        };
        let nothing = Promise::default();
        let promise = self.promises.get(&call.action).unwrap_or(&nothing);
        let output = match promise.shape {
            Some(_) => Output::Json,
            None => Output::Plain,
        };
        let asked = Asked {
            who: &who(self.command.first().map(String::as_str).unwrap_or_default()),
            reading: &Reading {
                output,
                ..Reading::default()
            },
            promise,
            names: &Map::new(),
        };
        match self.processes.run(&job, request, sink, cancel) {
            Ok(done) => asked.judge(done),
            Err(failure) => nothing_done(failure),
        }
    }
}
