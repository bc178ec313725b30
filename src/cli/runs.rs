//! `runbook runs`: where each run stands, what it waits for, and who has which lock.

use std::collections::HashMap;

use serde_json::json;

use super::args::RunsArgs;
use super::context::Context;
use super::exit::{CliError, Exit};
use super::locks;
use super::run::pretty;
use crate::audit::replay;
use crate::journal::{Holder, Store, StoreError};
use crate::model::Timestamp;
use crate::model::ids::{RunId, StepKey};
use crate::report::{Line, Look, Waits, waits_for};

/// `runbook runs`
pub fn runs(context: &Context, args: &RunsArgs) -> Result<Exit, CliError> {
    let screen = &context.screen;
    let now = Timestamp::now();
    let (mut all, mut held) = (Vec::new(), Vec::new());
    if let Some(store) = context.store_if_there()? {
        for id in store.list_runs()?.into_iter().take(args.limit) {
            all.push(standing(&store, id)?);
        }
        held = store.locks().all()?;
    }
    if args.json {
        let runs: Vec<_> = all.iter().map(Standing::json).collect();
        let locks: Vec<_> = held.iter().map(locks::json).collect();
        screen.print(&pretty(
            &json!({ "version": 1, "runs": runs, "locks": locks }),
        ));
        return Ok(Exit::Done);
    }
    if all.is_empty() && args.limit > 0 {
        let place = super::astray::shown(&context.state_place()?);
        screen.say(&format!("there are no runs in {place}"));
    }
    for standing in &all {
        standing.print(&screen.out, now, |line| screen.print(&line));
    }
    if !held.is_empty() {
        screen.print("");
    }
    for locked in &held {
        let text = format!(
            "{} is held by {}",
            locked.claim.name,
            locks::held(locked, now)
        );
        screen.print(&Line::new().text(&text).wrap(&screen.out, 4));
    }
    Ok(Exit::Done)
}

/// Where a run stands, as far as its journal can be believed.
struct Standing {
    id: RunId,
    status: String,
    environment: String,
    started: Option<Timestamp>,
    /// What it waits for, each since when; in the run's time.
    waits: Vec<(Waits, Option<Timestamp>)>,
    /// Steps that it left in place and somebody should take back.
    pending_undos: Vec<StepKey>,
    /// How many of them `runbook undo` would take back.
    to_take_back: usize,
    /// Until when somebody else must have looked at it, where something waits for that.
    review_due: Option<Timestamp>,
    /// The process that drives it now.
    holder: Option<Holder>,
    /// Whether its times are those of a clock that is simulated.
    simulated: bool,
}

fn standing(store: &Store, id: RunId) -> Result<Standing, CliError> {
    let mut standing = Standing {
        id,
        status: "unreadable".to_owned(),
        environment: String::new(),
        started: None,
        waits: Vec::new(),
        pending_undos: Vec::new(),
        to_take_back: 0,
        review_due: None,
        holder: None,
        simulated: false,
    };
    let living = match store.check_free(&standing.id) {
        Err(StoreError::Held { holder, .. }) => {
            standing.holder = holder;
            true
        }
        _ => false,
    };
    let dir = store.run(&standing.id)?;
    let Ok(report) = dir.read() else {
        return Ok(standing);
    };
    let run = match replay(&dir, &report) {
        Ok(run) => run,
        Err(_) => {
            standing.status = match (report.records.is_empty(), living) {
                (true, true) => "beginning",
                (true, false) => "never begun",
                (false, _) => "cannot be believed",
            }
            .to_owned();
            return Ok(standing);
        }
    };
    let doubt = run.in_doubt().next().is_some();
    standing.status = match (run.closing(), living) {
        (Some(closed), _) => closed.outcome.word().replace('_', " "),
        (None, true) => "running".to_owned(),
        (None, false) if doubt => "in doubt".to_owned(),
        (None, false) if run.is_parked() => "parked".to_owned(),
        (None, false) => "its process died".to_owned(),
    };
    standing.environment = run.plan().environment.to_string();
    standing.simulated = !run.plan().real;
    standing.started = report.events().next().map(|event| event.at);
    let mut last: HashMap<&StepKey, Timestamp> = HashMap::new();
    for event in report.events() {
        if let Some(step) = &event.step {
            last.insert(step, event.at);
        }
    }
    let waits = waits_for(&run).into_iter();
    standing.waits = waits
        .map(|waits| {
            let since = last.get(&waits.step).copied();
            (waits, since)
        })
        .collect();
    let pending = run.pending_undos().into_iter();
    standing.pending_undos = pending.map(|undo| undo.step).collect();
    let reviews = run.reviews_open().into_iter();
    standing.review_due = reviews.map(|open| open.due).min();
    standing.to_take_back = run.to_take_back().len();
    Ok(standing)
}

impl Standing {
    fn json(&self) -> serde_json::Value {
        let waits: Vec<_> = self
            .waits
            .iter()
            .map(|(waits, since)| {
                json!({
                    "step": waits.step, "for": waits.kind.word(), "what": waits.words,
                    "since": since.map(|at| at.to_string()),
                })
            })
            .collect();
        json!({
            "run": self.id, "status": self.status, "environment": self.environment,
            "started": self.started.map(|at| at.to_string()),
            "waits": waits, "pending_undos": self.pending_undos, "holder": self.holder,
        })
    }

    fn print(&self, look: &Look, now: Timestamp, print: impl Fn(String)) {
        let zone = jiff::tz::TimeZone::system();
        let local = |at: Timestamp| at.to_zoned(zone.clone());
        let started = self.started.map_or_else(String::new, |at| {
            local(at).strftime("%Y-%m-%d %H:%M").to_string()
        });
        print(format!(
            "{started:<16}  {:<26}  {:<12}  {}",
            self.status, self.environment, self.id
        ));
        let mut more = Vec::new();
        if let Some(holder) = &self.holder {
            more.push(format!("driven by {holder}"));
        }
        for (waits, since) in &self.waits {
            let since = match (since, self.simulated) {
                // A simulated clock says nothing about how long somebody has been waiting.
                (Some(_), true) | (None, _) => String::new(),
                (Some(at), false) => {
                    let for_ = crate::model::Duration::between(*at, now).rounded();
                    format!(" (for {for_})")
                }
            };
            more.push(format!("waits at {}: {}{since}", waits.step, waits.words));
        }
        if let Some(due) = self.review_due {
            let due = local(due).strftime("%Y-%m-%d %H:%M").to_string();
            more.push(format!(
                "somebody else must review it by {due}: runbook audit review {}",
                self.id
            ));
        }
        match self.to_take_back {
            0 => {}
            n => more.push(format!("{n} to take back: runbook undo {}", self.id)),
        }
        for more in more {
            print(Line::new().column(18).text(&more).wrap(look, 20));
        }
    }
}
