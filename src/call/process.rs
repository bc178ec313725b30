//! A command of the runbook itself: what a `run:` step starts.

use std::path::PathBuf;
use std::sync::Arc;

use super::find::{not_started, shown};
use super::job::{Job, Processes};
use super::judge::{Asked, Reading, nothing_done};
use super::reading::Promise;
use crate::model::Map;
use crate::model::call::{Adapter, Cancel, Command, Reply, Request, Shell, Sink, Work};

/// Answers `run:` steps. It is made for one step, whose `ok` and `output` it holds.
#[derive(Clone, Debug)]
pub struct OwnProcess {
    /// Where and with what processes are started.
    pub processes: Arc<Processes>,
    /// How the step reads the end of its process.
    pub reading: Reading,
    /// What the step's expressions see beside the process's own output.
    pub names: Map,
}

/// Who a command is, in messages.
pub(super) fn who(program: &str) -> String {
    format!("`{}`", shown(program.as_ref()))
}

fn started(command: &Command) -> (Vec<String>, String) {
    match command {
        Command::Argv(argv) => {
            let program = argv.first().map(String::as_str).unwrap_or_default();
            (argv.clone(), who(program))
        }
        Command::Script { text, shell } => {
            // One word, as it was written: no template is filled in a script.
            let options: &[&str] = match shell {
                Shell::Sh => &["sh", "-eu", "-c"],
                Shell::Bash => &["bash", "-euo", "pipefail", "-c"],
            };
            let words = options.iter().copied().chain([text.as_str()]);
            let argv = words.map(str::to_owned).collect();
            (argv, "the script".to_owned())
        }
    }
}

impl Adapter for OwnProcess {
    fn call(&self, request: &Request, sink: &dyn Sink, cancel: &dyn Cancel) -> Reply {
        let Work::Process(process) = &request.work else {
            return nothing_done(not_started(
                "a command of a runbook cannot answer for a tool",
            ));
        };
        let (argv, who) = started(&process.command);
        let job = Job {
            argv,
            env: process.env.clone(),
            pass: Vec::new(),
            dir: process.dir.as_ref().map(PathBuf::from),
        };
        let asked = Asked {
            who: &who,
            reading: &self.reading,
            promise: &Promise::default(),
            names: &self.names,
        };
        match self.processes.run(&job, request, sink, cancel) {
            Ok(done) => asked.judge(done),
            Err(failure) => nothing_done(failure),
        }
    }
}
