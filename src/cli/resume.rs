//! `runbook resume`.

use super::args::ResumeArgs;
use super::context::Context;
use super::drive::{Drive, Wanted, drive};
use super::exit::{CliError, Exit};
use super::glass::{broken, warn};
use super::locks::explained;
use super::reach::load;
use super::run::{prepared, setting};
use super::wanting::refuse_missing_secrets;
use crate::engine::resumed_run;
use crate::model::Timestamp;
use crate::report;

/// `runbook resume`
pub fn resume(context: &Context, args: &ResumeArgs) -> Result<Exit, CliError> {
    let screen = &context.screen;
    let store = context.store_of_runs()?;
    let id = store.resolve(&args.run)?;
    let mut setting = setting(Timestamp::now())?;
    setting.take_lock.clone_from(&args.take_lock);
    // Before anything of the run is touched: what is wrong with the command line takes no lock.
    let run = load(&store, &id)?;
    let prepared = prepared(&args.answers, run.plan())?;
    let glass = match &args.break_glass {
        Some(reason) => {
            if run.is_glass_broken() {
                return Err(CliError::usage_help(
                    format!("the glass of {id} is broken already"),
                    format!("runbook resume {id}"),
                ));
            }
            Some(broken(run.plan(), &setting.operator, reason)?)
        }
        None => None,
    };
    if run.closing().is_none() {
        refuse_missing_secrets(context, run.plan())?;
    }
    let held = resumed_run(&store, &id, &setting);
    let mut held = held.map_err(|error| explained(error, setting.now))?;
    if let Some(closed) = held.run.closing() {
        let mut said = closed.outcome.word().replace('_', " ");
        if held.torn {
            said.push_str("; a torn line after its end was set aside");
        }
        screen.say(&format!(
            "{id} is closed: {said}. There is nothing to resume."
        ));
        screen.say(&format!("→ runbook audit show {id}"));
        let exit = Exit::of_outcome(closed.outcome);
        return Ok(exit);
    }
    let plan = std::sync::Arc::clone(held.run.plan());
    let opened = held.opened.take();
    let simulation = opened.and_then(|opened| opened.simulation);
    if let Some(glass) = glass {
        held.first.push(glass);
        warn(&plan, screen, true);
    }
    if !screen.quiet && !args.json {
        screen.say(&report::brief(&plan, &screen.err));
        screen.say(&format!("Going on with {id}."));
        screen.say("");
    }
    drive(Drive {
        screen,
        store: &store,
        held,
        setting,
        simulation,
        prepared,
        base_env: context.surroundings.vars.clone(),
        json: args.json,
        wanted: Wanted::Done,
    })
}
