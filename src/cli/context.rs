//! What every verb has: where it is, what it sees, where output goes.

use std::path::PathBuf;

use super::args::Cli;
use super::exit::CliError;
use super::screen::Screen;
use crate::journal::{Store, StoreError};
use crate::workspace::{StatePlace, Surroundings, Workspace, WorkspaceError, state_dir};

/// What every verb has.
#[derive(Debug)]
pub struct Context {
    /// Where output goes.
    pub screen: Screen,
    /// What this process stands in.
    pub surroundings: Surroundings,
    /// What can be found from here.
    pub workspace: Workspace,
    state_dir: Option<PathBuf>,
}

impl Context {
    /// The context of this process.
    pub fn of(cli: &Cli) -> Result<Self, CliError> {
        let surroundings = Surroundings::of_this_process()?;
        Ok(Self {
            screen: Screen::of(cli),
            workspace: Workspace::open(&surroundings),
            surroundings,
            state_dir: cli.state_dir.clone(),
        })
    }

    /// The state directory; made where it is missing.
    pub fn store(&self) -> Result<Store, CliError> {
        open_store(&self.state_place()?)
    }

    /// Where the state directory is, and whose.
    pub fn state_place(&self) -> Result<StatePlace, CliError> {
        let (shared, found) = self.workspace.shared_state();
        super::prepare::refuse_errors(self, &found)?;
        Ok(state_dir(
            self.state_dir.as_deref(),
            shared.as_ref(),
            &self.surroundings,
        )?)
    }

    /// The state directory, for who is after a run that is there: they make none.
    pub fn store_of_runs(&self) -> Result<Store, CliError> {
        let store = self.store_if_there()?;
        store.ok_or(CliError::Store(StoreError::NoRuns))
    }

    /// The state directory, where there is one: who only looks makes none.
    pub fn store_if_there(&self) -> Result<Option<Store>, CliError> {
        let place = self.state_place()?;
        match place.path.exists() {
            true => open_store(&place).map(Some),
            false => Ok(None),
        }
    }
}

/// In a debug build, a variable can end the process at the n-th change of the disk, or let the
/// disk fail from then on.
#[cfg(debug_assertions)]
fn open_store(place: &StatePlace) -> Result<Store, CliError> {
    use crate::journal::{Blow, CrashingDisk, RealDisk};
    let blows = [
        ("RUNBOOK_CRASH_AT", Blow::Kill),
        ("RUNBOOK_BREAK_AT", Blow::Broken),
        ("RUNBOOK_FILL_AT", Blow::Full),
    ];
    for (name, blow) in blows {
        let n = std::env::var(name).ok().and_then(|n| n.parse().ok());
        if let Some(n) = n {
            let real = match &place.group {
                Some(shared) => RealDisk::shared(shared.gid),
                None => RealDisk::ours(),
            };
            let disk = std::sync::Arc::new(CrashingDisk::new(real, n, blow));
            return Ok(Store::open_on(disk, &place.path)?);
        }
    }
    open_real(place)
}

#[cfg(not(debug_assertions))]
fn open_store(place: &StatePlace) -> Result<Store, CliError> {
    open_real(place)
}

fn open_real(place: &StatePlace) -> Result<Store, CliError> {
    match &place.group {
        Some(shared) => Ok(Store::open_shared(&place.path, shared.gid)?),
        None => Ok(Store::open(&place.path)?),
    }
}

impl From<WorkspaceError> for CliError {
    fn from(error: WorkspaceError) -> Self {
        let help = error.hints();
        Self::Usage {
            message: error.to_string(),
            help,
        }
    }
}
