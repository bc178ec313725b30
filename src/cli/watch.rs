//! `runbook watch`: a run as it goes on, from another terminal. Nothing is changed by looking.

use std::time::{Duration, Instant};

use super::args::WatchArgs;
use super::astray::carried;
use super::context::Context;
use super::drive::reporter;
use super::exit::{CliError, Exit};
use super::screen::{Screen, terminal_width};
use super::waits;
use crate::audit::{Followed, Lost};
use crate::engine::EngineError;
use crate::engine::control::{Reply, Request, Unreached, ask};
use crate::journal::RunDir;
use crate::report::{Live, Notice, Reporter};
use crate::run::Run;
use crate::workspace::StatePlace;

/// How often it is looked whether the journal has grown.
const LOOK: Duration = Duration::from_millis(250);

/// How long nothing may happen before it is asked whether the run's process is still there.
const QUIET: Duration = Duration::from_secs(2);

/// `runbook watch`
pub fn watch(context: &Context, args: &WatchArgs) -> Result<Exit, CliError> {
    let store = context.store_of_runs()?;
    let id = store.resolve(&args.run)?;
    let dir = store.run(&id)?;
    let screen = &context.screen;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(EngineError::System)?;
    let mut watch = Watch {
        screen,
        json: args.json,
        followed: Followed::new(dir.clone()),
        reporter: seat(screen, args.json),
        place: context.state_place()?,
        said: None,
    };
    if !args.json && !screen.quiet {
        screen.say(&driven_by(&dir));
    }
    runtime.block_on(async {
        let mut moved = Instant::now();
        loop {
            match watch.look().map_err(lost)? {
                Seen::Closed(exit) => return Ok(exit),
                Seen::Something => moved = Instant::now(),
                Seen::Nothing if moved.elapsed() >= QUIET => {
                    if watch.is_orphan(&dir) {
                        watch.tell_orphan(&dir);
                        return Ok(Exit::Parked);
                    }
                    moved = Instant::now();
                }
                Seen::Nothing => {}
            }
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {
                    watch.reporter.suspend();
                    return Ok(Exit::Interrupted);
                }
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    })
}

/// Who tells it. The live view says that an interrupt ends the looking, and not the run.
fn seat(screen: &Screen, json: bool) -> Box<dyn Reporter> {
    match screen.live && !screen.quiet && !json {
        true => {
            let zone = jiff::tz::TimeZone::system();
            Box::new(Live::stderr(screen.err, zone, terminal_width).watching())
        }
        false => reporter(screen, json),
    }
}

/// What a look at the journal has shown.
enum Seen {
    Closed(Exit),
    Something,
    Nothing,
}

struct Watch<'a> {
    screen: &'a Screen,
    json: bool,
    followed: Followed,
    reporter: Box<dyn Reporter>,
    place: StatePlace,
    /// What was said last that the run waits for.
    said: Option<String>,
}

impl Watch<'_> {
    fn look(&mut self) -> Result<Seen, Lost> {
        let reporter = &mut self.reporter;
        let count = self.followed.more(|event, json, run| {
            reporter.notice(Notice::Recorded { event, json, run });
        })?;
        let Some(run) = self.followed.run() else {
            return Ok(Seen::Nothing);
        };
        if let Some(closed) = run.closing() {
            self.reporter.finish(run);
            return Ok(Seen::Closed(Exit::of_outcome(closed.outcome)));
        }
        if count == 0 {
            return Ok(Seen::Nothing);
        }
        let waits = waits::told(run, &self.place);
        if waits != self.said {
            if let (Some(waits), false) = (&waits, self.json) {
                self.reporter.suspend();
                self.screen.say(waits);
                self.reporter.resume();
            }
            self.said = waits;
        }
        Ok(Seen::Something)
    }

    /// Whether the process that drove the run is gone and did not say so.
    fn is_orphan(&self, dir: &RunDir) -> bool {
        let open = |run: &Run| !run.is_parked();
        self.followed.run().is_none_or(open) && !is_driven(dir)
    }

    fn tell_orphan(&mut self, dir: &RunDir) {
        self.reporter.suspend();
        let id = dir.id();
        self.screen.say(&format!(
            "The process that drove {id} is gone, and the run is not at its end. Go on with it: runbook resume {id}{}",
            carried(&self.place)
        ));
    }
}

/// Whether a process drives the run, as far as that can be seen without touching its lock: one
/// answers at its socket, or the one that left word of holding it is alive.
fn is_driven(dir: &RunDir) -> bool {
    match ask(dir.path(), &Request::Status) {
        Err(Unreached::Nobody) => dir.holder().is_some_and(|holder| holder.is_alive()),
        // One that is busy, or lets go of the run just now, is looked at again.
        _ => true,
    }
}

fn driven_by(dir: &RunDir) -> String {
    let id = dir.id();
    match ask(dir.path(), &Request::Status) {
        Ok(Reply::Standing(standing)) => {
            let operator = standing.operator.to_string();
            format!(
                "{id} is driven by {} (process {}). Watching changes nothing; Ctrl-C ends it.",
                crate::model::text::escape_controls(&operator),
                standing.pid
            )
        }
        _ => format!("Watching {id}. That changes nothing; Ctrl-C ends it."),
    }
}

fn lost(error: Lost) -> CliError {
    CliError::System(format!(
        "the run cannot be watched any further: {error}; `runbook audit verify` says more"
    ))
}
