//! A run's beginning, and its being taken up again: from here on both go the same way.

use std::sync::Arc;

use super::control::{Heads, remember_head};
use super::error::EngineError;
use crate::audit::replay;
use crate::journal::{Holder, Stamps, Store, Writer};
use crate::model::Timestamp;
use crate::model::event::{Happened, RunOpened, Simulated};
use crate::model::ids::RunId;
use crate::model::people::Person;
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
}

/// A run and its journal, held by this process.
#[derive(Debug)]
pub struct Held {
    /// The run, as its journal has it.
    pub run: Run,
    /// Its journal.
    pub writer: Writer,
    /// What is to be recorded before anything else.
    pub first: Vec<Happened>,
    /// Who it belongs to and what it acts on, as record 0 says; none for a first run.
    pub opened: Option<RunOpened>,
    /// The records that opened its gates.
    pub heads: Heads,
}

/// Opens a new run: its directory and the blobs that record 0 names. The record itself is the
/// first that the driver writes.
///
/// # Errors
/// The state directory or the disk refused; nothing was started.
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
    Ok(Held {
        run: Run::new(id, Arc::clone(plan)),
        writer,
        first: vec![Happened::RunOpened(Box::new(opened))],
        opened: None,
        heads: Heads::new(),
    })
}

/// Takes a run up again: verifies its journal and folds it.
///
/// # Errors
/// Somebody else holds it, its journal or its blobs cannot be believed, or a newer version made
/// it. Nothing was started.
pub fn resumed_run(store: &Store, id: &RunId, setting: &Setting) -> Result<Held, EngineError> {
    let taken = taken(store, id, setting)?;
    let opened = taken.run.opening().cloned();
    let mut first = taken.recovered;
    if taken.run.closing().is_none() {
        first.push(Happened::RunResumed {
            operator: setting.operator.clone(),
            version: VERSION.to_owned(),
        });
    }
    Ok(Held {
        run: taken.run,
        writer: taken.writer,
        first,
        opened,
        heads: taken.heads,
    })
}

/// A run that no process drove, and which is this process's now.
pub(super) struct Taken {
    pub(super) run: Run,
    pub(super) writer: Writer,
    /// What must be appended before anything else.
    pub(super) recovered: Vec<Happened>,
    pub(super) heads: Heads,
}

/// Takes a run's lock, verifies its journal and folds it.
pub(super) fn taken(store: &Store, id: &RunId, setting: &Setting) -> Result<Taken, EngineError> {
    let ledger = store.ledger();
    ledger.mend(store, &*setting.stamps)?;
    let holder = Holder::this_process(setting.now);
    let resumed = store.resume_run(id, Arc::clone(&setting.stamps), &holder)?;
    let run = replay(&store.run(id)?, &resumed.report)?;
    let mut heads = Heads::new();
    for record in &resumed.report.records {
        remember_head(&mut heads, record);
    }
    Ok(Taken {
        run,
        writer: resumed.writer,
        recovered: resumed.recovered,
        heads,
    })
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, EngineError> {
    serde_json::to_vec(value)
        .map_err(|e| EngineError::Files(format!("the plan cannot be written: {e}")))
}
