//! The tools of an environment: whether their programs and secrets are there, and whether they
//! answer to something that only reads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use indexmap::IndexMap;

use super::Context;
use super::finding::Finding;
use crate::call::{Processes, program_path};
use crate::cli::standing::{Answering, Here, Standing};
use crate::cli::tools::answerer;
use crate::engine::{Alone, AloneError, Asked};
use crate::model::call::{Cancel, Ended, Sink, Stream};
use crate::model::ids::{ActionName, IdempotencyKey, RunId, RunbookName};
use crate::model::{Duration, Effect, SecretRef, Timestamp};
use crate::plan::Answers;
use crate::spec::Contract;

/// How many tools are asked at once: all of them, where nothing answers.
const AT_ONCE: usize = 32;

/// How long one of them may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Nobody listens, and nobody stops it: each call has its own end.
struct Quiet;

impl Sink for Quiet {
    fn line(&self, _: Stream, _: &[u8]) {}
}

impl Cancel for Quiet {
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Looks at all tools of the environment at once.
pub fn look(context: &Context, here: &Here, no_calls: bool, now: Timestamp) -> Vec<Finding> {
    let (contracts, broken) = context.workspace.contracts();
    let mut findings = Vec::new();
    if broken.has_errors() {
        let all = broken.render(false, 100);
        findings.push(Finding::problem("contracts", all.trim_end()).help("runbook check"));
    }
    let standings: Vec<Standing> = contracts
        .values()
        .flat_map(|contract| here.standings(context, contract))
        .collect();
    let simulated = |standing: &&Standing| {
        let answers = standing.binding().map(|binding| &binding.answers);
        matches!(answers, Some(Answers::Sandbox { .. }))
    };
    match standings.iter().filter(simulated).count() {
        0 => {}
        n => findings.push(Finding::ok("tools", format!("{n} are simulated"))),
    }
    let unbound = |standing: &&Standing| matches!(standing.answers, Answering::Nothing(_));
    let names: Vec<String> = standings
        .iter()
        .filter(unbound)
        .map(|standing| standing.tool.to_string())
        .collect();
    if !names.is_empty() {
        findings.push(
            Finding::warning("tools", format!("nothing answers for {}", names.join(", ")))
                .help("a runbook that uses one of them does not start; bind it in runbook.yaml"),
        );
    }
    let asking = Asking {
        context,
        no_calls,
        now,
    };
    let real: Vec<&Standing> = standings
        .iter()
        .filter(|standing| !simulated(standing) && !unbound(standing))
        .collect();
    findings.extend(asking.all(&real));
    findings
}

struct Asking<'a> {
    context: &'a Context,
    no_calls: bool,
    now: Timestamp,
}

impl Asking<'_> {
    /// Asks several at once; what was found comes in the order of the tools.
    fn all(&self, standings: &[&Standing]) -> Vec<Finding> {
        let next = AtomicUsize::new(0);
        let found = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE.min(standings.len()) {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(standing) = standings.get(at) else {
                            return;
                        };
                        let findings = self.one(standing);
                        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                        found.push((at, findings));
                    }
                });
            }
        });
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.sort_by_key(|(at, _)| *at);
        found
            .into_iter()
            .flat_map(|(_, findings)| findings)
            .collect()
    }

    fn one(&self, standing: &Standing) -> Vec<Finding> {
        let about = standing.tool.to_string();
        let (answers, by) = match (&standing.answers, standing.binding()) {
            (Answering::Bound { by, .. }, Some(binding)) => (&binding.answers, by),
            (Answering::Wrong { message, help }, _) => {
                let finding = Finding::problem(about, message.clone());
                let finding = help.iter().cloned().fold(finding, Finding::help);
                return vec![finding];
            }
            _ => return Vec::new(),
        };
        let bound = format!("{} by {by}", answerer(answers));
        if let Answers::Person = answers {
            return vec![Finding::ok(about, bound)];
        }
        let mut findings = self.programs(&about, answers);
        let missing = findings.len();
        match self.alone(standing) {
            Ok((alone, _work)) => {
                let asked = |action| self.asked(standing, action);
                findings.extend(self.secrets(&about, standing, &alone));
                // Without its programs or its secrets it cannot answer, which was said.
                if missing == 0 && findings.is_empty() {
                    findings.push(self.reach(&about, &bound, standing, answers, &alone, asked));
                }
            }
            Err(why) => findings.push(Finding::problem(about, why)),
        }
        findings
    }

    /// The programs that it needs and that are not there.
    fn programs(&self, about: &str, answers: &Answers) -> Vec<Finding> {
        let needed: Vec<&String> = match answers {
            Answers::Command { argv } => argv.first().into_iter().collect(),
            Answers::Adapter { adapter, .. } => adapter.requires.commands.iter().collect(),
            Answers::Sandbox { .. } | Answers::Person => Vec::new(),
        };
        let surroundings = &self.context.surroundings;
        let missing = needed
            .into_iter()
            .filter_map(|name| program_path(name, &surroundings.vars, &surroundings.cwd).err());
        missing
            .map(|failure| {
                let hint = failure.hint;
                let finding = Finding::problem(about, failure.message);
                hint.into_iter().fold(finding, Finding::help)
            })
            .collect()
    }

    /// The tool, ready to be called, with a directory for the time of the call.
    fn alone(&self, standing: &Standing) -> Result<(Alone, tempfile::TempDir), String> {
        let Answering::Bound { bound, .. } = &standing.answers else {
            return Err("nothing is bound".to_owned());
        };
        let work = tempfile::Builder::new()
            .prefix("runbook-doctor")
            .tempdir()
            .map_err(|e| format!("no directory for the time of a call: {e}"))?;
        let contracts =
            IndexMap::from([(standing.contract.tool.clone(), standing.contract.clone())]);
        let vars = self.context.surroundings.vars.clone();
        let processes = Processes::new(vars, work.path().to_owned());
        let name = name()?;
        let alone = Alone::new(&name, (**bound).clone(), &contracts, processes, None);
        Ok((alone.map_err(|e| e.to_string())?, work))
    }

    fn asked(&self, standing: &Standing, action: ActionName) -> Result<Asked, String> {
        let timeout = standing
            .contract
            .actions
            .get(&action)
            .and_then(|a| a.timeout);
        Ok(Asked {
            tool: standing.tool.clone(),
            action,
            args: serde_json::Map::new(),
            run: RunId::new(&name()?, self.now, [0; 4]),
            key: IdempotencyKey(String::new()),
            timeout: timeout.unwrap_or(PATIENCE).min(PATIENCE),
            now: self.now,
        })
    }

    /// The secrets that cannot be looked up.
    fn secrets(&self, about: &str, standing: &Standing, alone: &Alone) -> Vec<Finding> {
        let Some(action) = standing.contract.actions.keys().next() else {
            return Vec::new();
        };
        let asked = match self.asked(standing, action.clone()) {
            Ok(asked) => asked,
            Err(why) => return vec![Finding::problem(about, why)],
        };
        let found = alone.secrets(asked, !self.no_calls, &Quiet);
        found
            .into_iter()
            .filter_map(|(place, looked): (SecretRef, _)| {
                let failure = looked.err()?;
                let says = format!("the secret {place}: {}", failure.message);
                let hint = failure.hint;
                let finding = Finding::problem(about, says);
                Some(hint.into_iter().fold(finding, Finding::help))
            })
            .collect()
    }

    /// Whether it answers to something that only reads.
    fn reach(
        &self,
        about: &str,
        bound: &str,
        standing: &Standing,
        answers: &Answers,
        alone: &Alone,
        asked: impl Fn(ActionName) -> Result<Asked, String>,
    ) -> Finding {
        if self.no_calls {
            return Finding::ok(about, format!("{bound}; not called"));
        }
        let Some(action) = harmless(&standing.contract, answers) else {
            return Finding::ok(
                about,
                format!("{bound}; nothing of it can be called unasked"),
            );
        };
        let begun = std::time::Instant::now();
        let reply = asked(action.clone()).and_then(|asked| {
            alone
                .call(asked, &Quiet, &Quiet)
                .map_err(|e: AloneError| e.to_string())
        });
        let took = Duration::from_std(begun.elapsed()).rounded();
        match reply.map(|reply| reply.ended) {
            Ok(Ended::Succeeded(_)) => {
                Finding::ok(about, format!("{bound}; `{action}` answered in {took}"))
            }
            Ok(Ended::Failed(failure, _)) => {
                let says = format!("{bound}; `{action}` failed: {}", failure.message);
                let hint = failure.hint;
                hint.into_iter()
                    .fold(Finding::problem(about, says), Finding::help)
            }
            Ok(Ended::TimedOut) => Finding::problem(
                about,
                format!("{bound}; `{action}` did not answer in {took}"),
            )
            .help("look whether it is up, and whether it can be reached from here"),
            Ok(Ended::Cancelled) => {
                Finding::problem(about, format!("{bound}; `{action}` was ended"))
            }
            Ok(Ended::Unknown(why)) | Err(why) => {
                Finding::problem(about, format!("{bound}; `{action}`: {why}"))
            }
        }
    }
}

/// For whom the calls of a preflight are made.
fn name() -> Result<RunbookName, String> {
    "doctor".parse().map_err(|e| format!("{e}"))
}

/// The first action that only reads, asks for nothing, and is done by what the tool is bound to.
fn harmless(contract: &Contract, answers: &Answers) -> Option<ActionName> {
    let does = |name: &ActionName| match answers {
        Answers::Adapter { adapter, .. } => adapter.actions.contains_key(name),
        Answers::Command { .. } | Answers::Sandbox { .. } | Answers::Person => true,
    };
    contract
        .actions
        .iter()
        .filter(|(_, action)| action.effect == Effect::Read)
        .filter(|(_, action)| !action.args.values().any(|arg| arg.is_required()))
        .map(|(name, _)| name)
        .find(|name| does(name))
        .cloned()
}
