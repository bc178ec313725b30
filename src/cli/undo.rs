//! `runbook undo`.

use serde_json::json;

use super::args::UndoArgs;
use super::context::Context;
use super::drive::{Drive, Wanted, drive};
use super::exit::{CliError, Exit};
use super::locks::explained;
use super::run::{prepared, pretty, setting};
use super::screen::Screen;
use crate::audit::replay;
use crate::engine::{EngineError, Terminal, undone_run};
use crate::model::Timestamp;
use crate::model::text::escape_controls;
use crate::report::{self, Line, TakenBack};
use crate::run::{Phase, Run};

/// `runbook undo`
pub fn undo(context: &Context, args: &UndoArgs) -> Result<Exit, CliError> {
    let screen = &context.screen;
    let store = context.store_of_runs()?;
    let id = store.resolve(&args.run)?;
    // Who drives it decides what becomes of it.
    store.check_free(&id)?;
    let dir = store.run(&id)?;
    let report = dir.read().map_err(crate::journal::StoreError::Disk)?;
    let run = replay(&dir, &report).map_err(EngineError::Replay)?;
    let back = report::taken_back(&run);
    if args.dry_run && args.json {
        let json = json!({ "version": 1, "run": id, "back": back.steps, "stays": back.stays });
        screen.print(&pretty(&json));
        return Ok(Exit::Done);
    }
    refuse_if_under_way(&run)?;
    if !args.json {
        screen.say(&report::brief(run.plan(), &screen.err));
        show(screen, &back);
    }
    if back.steps.is_empty() {
        screen.say(&format!("Nothing of {id} can be taken back."));
        let exit = if back.stays.is_empty() {
            Exit::Done
        } else {
            Exit::Failed
        };
        return Ok(exit);
    }
    if args.dry_run {
        return Ok(Exit::Done);
    }
    let prepared = prepared(&args.answers, run.plan())?;
    if !prepared.yes && !agreed(&run)? {
        screen.say("Nothing was taken back.");
        return Ok(Exit::Refused);
    }
    let mut setting = setting(Timestamp::now())?;
    setting.take_lock.clone_from(&args.take_lock);
    let reason = args
        .reason
        .clone()
        .unwrap_or_else(|| "by request".to_owned());
    let held = undone_run(&store, &id, &setting, reason);
    let mut held = held.map_err(|error| explained(error, setting.now))?;
    if report::taken_back(&held.run) != back {
        return Err(CliError::Held {
            message: format!("{id} has changed since it was shown"),
            help: vec![format!("look again: runbook undo {id}")],
        });
    }
    let simulation = held.opened.take().and_then(|opened| opened.simulation);
    drive(Drive {
        screen,
        store: &store,
        held,
        setting,
        simulation,
        prepared,
        base_env: context.surroundings.vars.clone(),
        json: args.json,
        wanted: Wanted::Undone,
    })
}

/// What is being taken back already, or is about to end, goes on by itself.
fn refuse_if_under_way(run: &Run) -> Result<(), CliError> {
    let id = run.id();
    let message = match run.phase() {
        Phase::Undo => "what was done is being taken back already",
        Phase::Finally | Phase::Closing => "the run is about to end; ask again once it has",
        Phase::New | Phase::Steps | Phase::Closed => return Ok(()),
    };
    Err(CliError::usage_help(
        format!("{id}: {message}"),
        format!("go on with it: runbook resume {id}"),
    ))
}

fn show(screen: &Screen, back: &TakenBack) {
    let list = |title: &str, items: &[String], numbered: bool| {
        if items.is_empty() {
            return;
        }
        screen.say("");
        screen.say(title);
        for (n, item) in items.iter().enumerate() {
            let mark = match numbered {
                true => format!("  {}. ", n + 1),
                false => "  - ".to_owned(),
            };
            screen.say(&Line::new().text(&mark).text(item).wrap(&screen.err, 5));
        }
    };
    list("Is taken back, in this order:", &back.steps, true);
    list("Stays as it is:", &back.stays, false);
    screen.say("");
}

/// Asks at the terminal. Each undo that a gate stands before is asked about once more.
fn agreed(run: &Run) -> Result<bool, CliError> {
    let Some(terminal) = Terminal::open() else {
        return Err(CliError::Refused {
            message: "somebody must say yes to this, and there is no terminal to ask at".to_owned(),
            help: vec![
                "run it from a terminal".to_owned(),
                "or with --yes, where the environment's policy allows it".to_owned(),
            ],
        });
    };
    let plan = run.plan();
    let place = match plan.real {
        true => format!("REAL {} ", escape_controls(plan.environment.as_str())),
        false => String::new(),
    };
    let mut text = format!("Take this back? y yes · n no\n{place}> ");
    loop {
        let Some(line) = terminal.line(&text) else {
            return Ok(false);
        };
        match line.trim() {
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => text = format!("type y or n\n{place}> "),
        }
    }
}
