//! Driving a run that is held: what `run` and `resume` have in common.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::exit::{CliError, Exit};
use super::screen::{Screen, terminal_width};
use crate::call::{Processes, Simulation};
use crate::engine::control::Listener;
use crate::engine::{
    Answerers, Clock, Driven, Driver, EngineError, Held, People, Prepared, Setting, SimulatedClock,
    Terminal, WallClock, listen,
};
use crate::journal::Store;
use crate::model::Timestamp;
use crate::model::event::{ParkReason, Simulated};
use crate::report::{JsonLines, Live, Plain, Quiet, Reporter};
use crate::run::Run;

/// What a held run is driven with.
pub struct Drive<'a> {
    /// Where output goes.
    pub screen: &'a Screen,
    /// The record of all runs.
    pub store: &'a Store,
    /// The run.
    pub held: Held,
    /// Who and when.
    pub setting: Setting,
    /// Which simulated production it acts on.
    pub simulation: Option<Simulated>,
    /// Prepared answers.
    pub prepared: Prepared,
    /// The environment that children may get parts of.
    pub base_env: BTreeMap<std::ffi::OsString, std::ffi::OsString>,
    /// Whether records go to standard output.
    pub json: bool,
    /// What the run is driven for.
    pub wanted: Wanted,
}

/// What a run is driven for: by that its end is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What its runbook says.
    Done,
    /// That what was done is taken back.
    Undone,
}

/// Drives the run to its end, or until it must wait.
pub fn drive(drive: Drive<'_>) -> Result<Exit, CliError> {
    let Drive {
        screen,
        store,
        held,
        setting,
        simulation,
        prepared,
        base_env,
        json,
        wanted,
    } = drive;
    let plan = Arc::clone(held.run.plan());
    let work = held.writer.run().work();
    let world = simulation.as_ref().map(|simulated| {
        let path: PathBuf = store.worlds().join(format!("{}.json", simulated.world));
        with_crash_point(Simulation::open(path))
    });
    let clock: Arc<dyn Clock> = if simulation.is_some() && !plan.real {
        let last = held.run.last_moment().unwrap_or(Timestamp::MIN);
        Arc::new(SimulatedClock::new(last.max(Timestamp::now())))
    } else {
        Arc::new(WallClock)
    };
    let people: Option<Arc<dyn People>> = match Terminal::open() {
        Some(terminal) => Some(Arc::new(terminal)),
        None => None,
    };
    let processes = Processes {
        issued: Some(held.writer.run().secrets()),
        ..Processes::new(base_env, work)
    };
    let answerers = Answerers::new(&plan, processes, world);
    let mut reporter = with_panic_point(reporter(screen, json));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Signals are looked for at each turn, however much there is to do.
        .event_interval(1)
        .build()
        .map_err(EngineError::System)?;
    let id = held.run.id().clone();
    let dir = held.writer.run().path().to_owned();
    let driving = async {
        let signals = listen().map_err(EngineError::System)?;
        let listener = reachable(&dir);
        let driver = Driver {
            run: held.run,
            writer: held.writer,
            store,
            stamps: Arc::clone(&setting.stamps),
            clock,
            answerers,
            prepared,
            people,
            reporter: &mut *reporter,
            operator: setting.operator.clone(),
            signals,
            unsaved: Vec::new(),
            heads: held.heads,
            listener,
        };
        driver.drive(held.first).await
    };
    // What panics beyond the driver's own care must not keep the process waiting for its threads.
    let driven =
        catch_unwind(AssertUnwindSafe(|| runtime.block_on(driving))).unwrap_or_else(|_| {
            Err(EngineError::Defect {
                unrecorded: Vec::new(),
            })
        });
    // A thread may still wait at the terminal for an answer that nobody needs any more.
    runtime.shutdown_background();
    drop(reporter);
    match driven {
        Ok((driven, run)) => {
            if let (Driven::Closed, Some(lock)) = (&driven, held.lock) {
                // The claim of a closed run is void, whether or not it can be struck out.
                let _ = lock.release();
            }
            Ok(ended(&driven, &run, wanted))
        }
        Err(error) => {
            screen.say("");
            screen.error(&error.to_string(), &journal_help(&error, id.as_str()));
            Ok(CliError::Engine(error).exit())
        }
    }
}

/// Where other people reach the run. Without it the run goes on: they can still act while it is
/// parked.
fn reachable(dir: &Path) -> Option<Listener> {
    match Listener::bind(dir) {
        Ok(listener) => Some(listener),
        Err(error) => {
            tracing::warn!("nobody else can reach this run while it goes on: {error}");
            None
        }
    }
}

fn journal_help(error: &EngineError, id: &str) -> Vec<String> {
    match error {
        EngineError::Journal(_) | EngineError::Ledger(_) => vec![
            "nothing new was started after this".to_owned(),
            format!("free the disk, then: runbook resume {id}"),
        ],
        EngineError::Defect { .. } => vec![
            format!("what is recorded: runbook audit show {id}"),
            format!("go on, it asks about what is in doubt: runbook resume {id}"),
        ],
        _ => vec![format!("runbook audit show {id}")],
    }
}

fn ended(driven: &Driven, run: &Run, wanted: Wanted) -> Exit {
    match driven {
        Driven::Closed if wanted == Wanted::Undone => match run.undo_plan().back.is_empty() {
            true => Exit::Done,
            false => Exit::Failed,
        },
        Driven::Closed => run
            .closing()
            .map_or(Exit::Failed, |closed| Exit::of_outcome(closed.outcome)),
        Driven::Interrupted => Exit::Interrupted,
        // Something is half taken back, whoever could not be asked.
        Driven::Parked(_) if wanted == Wanted::Undone => Exit::Parked,
        Driven::Parked(ParkReason::NeedsPerson) => Exit::Refused,
        Driven::Parked(ParkReason::Operator | ParkReason::InDoubt | ParkReason::Signal(_)) => {
            Exit::Parked
        }
    }
}

/// Who tells people what happens in a run.
pub fn reporter(screen: &Screen, json: bool) -> Box<dyn Reporter> {
    let zone = jiff::tz::TimeZone::system();
    if json {
        return Box::new(JsonLines::new(std::io::stdout()));
    }
    if screen.quiet {
        return Box::new(Quiet::new(std::io::stderr(), screen.err));
    }
    if screen.live {
        return Box::new(Live::stderr(screen.err, zone, terminal_width));
    }
    Box::new(Plain::new(std::io::stderr(), screen.err, zone))
}

/// In a debug build, a variable can end the process in the middle of a simulated act.
#[cfg(debug_assertions)]
fn with_crash_point(simulation: Simulation) -> Simulation {
    let after = std::env::var("RUNBOOK_CRASH_IN_WORLD").ok();
    simulation.crashing(after.and_then(|n| n.parse().ok()))
}

#[cfg(not(debug_assertions))]
fn with_crash_point(simulation: Simulation) -> Simulation {
    simulation
}

/// In a debug build, a variable can let the n-th notice panic, in the driver's own thread.
#[cfg(debug_assertions)]
fn with_panic_point(reporter: Box<dyn Reporter>) -> Box<dyn Reporter> {
    let at = std::env::var("RUNBOOK_PANIC_AT_NOTICE").ok();
    match at.and_then(|n| n.parse().ok()) {
        Some(left) => Box::new(crate::report::Panicking { reporter, left }),
        None => reporter,
    }
}

#[cfg(not(debug_assertions))]
fn with_panic_point(reporter: Box<dyn Reporter>) -> Box<dyn Reporter> {
    reporter
}
