//! A run's beginning, and its being taken up again: from here on both go the same way.

use std::sync::Arc;

use super::control::{Heads, remember_head};
use super::error::EngineError;
use crate::audit::replay;
use crate::journal::{Claim, HeldLock, Holder, Stamps, Store, Writer};
use crate::model::event::{Happened, LockTakeover, RunOpened, Simulated};
use crate::model::ids::RunId;
use crate::model::people::{Actor, Person};
use crate::model::{Event, Timestamp};
use crate::plan::Plan;
use crate::run::Run;

/// The version that is written into journals.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a first run is opened with.
#[derive(Clone, Debug)]
pub struct First {
    /// The plan.
    pub plan: Arc<Plan>,
    /// The runbook's file, as it was read.
    pub runbook_bytes: Vec<u8>,
    /// Which simulated production it acts on.
    pub simulation: Option<Simulated>,
    /// Whether `--yes` was given.
    pub yes: bool,
}

/// Who and when.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Who operates the run.
    pub operator: Person,
    /// The time, for the lock's message.
    pub now: Timestamp,
    /// The kernel's stamps.
    pub stamps: Arc<dyn Stamps>,
    /// Why the run's lock is taken from a run that is parked, where a person said so.
    pub take_lock: Option<String>,
}

/// A run and its journal, held by this process.
#[derive(Debug)]
pub struct Held {
    /// The run, as its journal has it.
    pub run: Run,
    /// Its journal.
    pub writer: Writer,
    /// Its lock, where its runbook names one.
    pub lock: Option<HeldLock>,
    /// What is to be recorded before anything else.
    pub first: Vec<Happened>,
    /// Whether the end of its journal was torn, and set aside.
    pub torn: bool,
    /// Who it belongs to and what it acts on, as record 0 says; none for a first run.
    pub opened: Option<RunOpened>,
    /// The records that opened its gates.
    pub heads: Heads,
}

/// Opens a new run: its directory and the blobs that record 0 names. The record itself is the
/// first that the driver writes.
///
/// # Errors
/// Another run has the lock, or the state directory or the disk refused; nothing was started.
pub fn first_run(
    store: &Store,
    id: RunId,
    first: First,
    setting: &Setting,
) -> Result<Held, EngineError> {
    let ledger = store.ledger();
    ledger.mend(store, &*setting.stamps)?;
    let plan = &first.plan;
    let plan_bytes = json(&**plan)?;
    let bindings_bytes = json(&plan.bindings)?;
    let policy_bytes = json(&plan.policy)?;
    let head = ledger.head()?;
    let holder = Holder::this_process(setting.now);
    // Before there is anything of the run: where somebody else has the lock, nothing is left behind.
    let (lock, taken) = lock(store, &id, plan, None, setting)?;
    let writer = store.create_run(&id, Arc::clone(&setting.stamps), &holder)?;
    let blobs = writer.blobs();
    let opened = RunOpened {
        runbook: plan.runbook.clone(),
        runbook_blob: blobs.put(&first.runbook_bytes)?,
        plan_blob: blobs.put(&plan_bytes)?,
        bindings_blob: blobs.put(&bindings_bytes)?,
        policy_blob: blobs.put(&policy_bytes)?,
        params: plan
            .scopes
            .first()
            .map(|scope| scope.params.clone())
            .unwrap_or_default(),
        environment: plan.environment.clone(),
        real: plan.real,
        severity: plan.severity,
        simulation: first.simulation,
        operator: setting.operator.clone(),
        yes: first.yes,
        version: VERSION.to_owned(),
        ledger: head,
    };
    let mut first = vec![Happened::RunOpened(Box::new(opened))];
    first.extend(taken);
    Ok(Held {
        run: Run::new(id, Arc::clone(plan)),
        writer,
        lock,
        first,
        torn: false,
        opened: None,
        heads: Heads::new(),
    })
}

/// Takes a run up again: verifies its journal and folds it.
///
/// # Errors
/// Somebody else holds it or has its lock, its journal or its blobs cannot be believed, or a newer version made
/// it. Nothing was started.
pub fn resumed_run(store: &Store, id: &RunId, setting: &Setting) -> Result<Held, EngineError> {
    taken_up(store, id, setting, None)
}

/// Takes a run up again to take back what it did, although it may be closed.
///
/// # Errors
/// As for [`resumed_run`].
pub fn undone_run(
    store: &Store,
    id: &RunId,
    setting: &Setting,
    reason: String,
) -> Result<Held, EngineError> {
    taken_up(store, id, setting, Some(Happened::UndoRequested { reason }))
}

fn taken_up(
    store: &Store,
    id: &RunId,
    setting: &Setting,
    undo: Option<Happened>,
) -> Result<Held, EngineError> {
    let Taken {
        run,
        writer,
        torn,
        takeover,
        heads,
    } = taken(store, id, setting)?;
    let mut first = Vec::new();
    let opened = run.opening().cloned();
    let mut held = None;
    let closed = run.closing().is_some();
    if !closed || undo.is_some() {
        let (lock, taken) = lock(store, id, run.plan(), takeover.as_ref(), setting)?;
        held = lock;
        let resumed = Happened::RunResumed {
            operator: setting.operator.clone(),
            version: VERSION.to_owned(),
        };
        // A closed run is opened again by the request, before its lock means anything.
        match closed {
            true => first.extend(undo.into_iter().chain(taken)),
            false => first.extend([resumed].into_iter().chain(taken).chain(undo)),
        }
    }
    Ok(Held {
        run,
        writer,
        lock: held,
        first,
        torn,
        opened,
        heads,
    })
}

/// A run that no process drove, and which is this process's now.
pub(super) struct Taken {
    pub(super) run: Run,
    pub(super) writer: Writer,
    /// Whether the end of its journal was torn; that is recorded.
    pub(super) torn: bool,
    /// The last of its takeovers of its lock that was recorded.
    takeover: Option<LockTakeover>,
    pub(super) heads: Heads,
}

/// Takes a run's lock, verifies its journal and folds it. Where a torn tail was set aside, that is
/// recorded at once: whatever becomes of what comes next, it was cut off already.
pub(super) fn taken(store: &Store, id: &RunId, setting: &Setting) -> Result<Taken, EngineError> {
    let ledger = store.ledger();
    ledger.mend(store, &*setting.stamps)?;
    let holder = Holder::this_process(setting.now);
    let resumed = store.resume_run(id, Arc::clone(&setting.stamps), &holder)?;
    let mut run = replay(&store.run(id)?, &resumed.report)?;
    let mut writer = resumed.writer;
    let mut heads = Heads::new();
    for record in &resumed.report.records {
        remember_head(&mut heads, record);
    }
    let torn = !resumed.recovered.is_empty();
    for what in resumed.recovered {
        let event = Event {
            at: now_of(&run, setting.now),
            step: None,
            attempt: None,
            actor: Actor::Engine,
            what,
        };
        run.apply(&event)?;
        writer.append(event)?;
    }
    if torn {
        writer.commit()?;
    }
    let before = resumed.report.events();
    Ok(Taken {
        run,
        writer,
        torn,
        takeover: before.filter_map(taken_over).last(),
        heads,
    })
}

/// From whom the run's lock was taken, where this says so.
fn taken_over(event: &Event) -> Option<LockTakeover> {
    match &event.what {
        Happened::LockTaken { from, .. } => from.clone(),
        _ => None,
    }
}

/// The run's time never goes back: in the sandbox it may be ahead of the clock.
pub(super) fn now_of(run: &Run, now: Timestamp) -> Timestamp {
    match run.plan().real {
        true => now,
        false => run.last_moment().map_or(now, |last| last.max(now)),
    }
}

/// Takes the plan's lock, where it has one, and says what is recorded about that. `told` is the
/// takeover that the run's journal has already.
fn lock(
    store: &Store,
    id: &RunId,
    plan: &Plan,
    told: Option<&LockTakeover>,
    setting: &Setting,
) -> Result<(Option<HeldLock>, Option<Happened>), EngineError> {
    let Some(name) = &plan.lock else {
        return Ok((None, None));
    };
    let claim = Claim {
        name: name.clone(),
        run: id.clone(),
        user: setting.operator.user.clone(),
        holder: Holder::this_process(setting.now),
        from: None,
    };
    let taken = store.locks().take(claim, setting.take_lock.as_deref())?;
    let taken_lock = Happened::LockTaken {
        name: name.clone(),
        from: taken.from.filter(|from| Some(from) != told),
    };
    Ok((Some(taken.lock), Some(taken_lock)))
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, EngineError> {
    serde_json::to_vec(value)
        .map_err(|e| EngineError::Files(format!("the plan cannot be written: {e}")))
}
