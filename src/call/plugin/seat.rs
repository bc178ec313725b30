//! One call at a time: whoever has the seat has the plugin's process.
//!
//! Several at once would share the process's fate: one that hangs or ends would leave all of them
//! in doubt, those too that it had not begun.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::living::Living;
use crate::call::group::TICK;
use crate::model::call::Cancel;

/// Where a plugin's process is between calls.
#[derive(Default)]
pub(super) struct Seat {
    state: Mutex<State>,
    left: Condvar,
}

#[derive(Default)]
enum State {
    /// Nobody calls, and nothing was started, or it ended.
    #[default]
    Empty,
    /// Nobody calls, and it waits for the next.
    Waiting(Box<Living>),
    /// Somebody calls.
    Taken,
    /// The run is over.
    Closed,
}

/// Why there is no turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoTurn {
    Cancelled,
    Closed,
}

/// The right to call. Dropped, it is the next one's; a process that was not given back is ended.
pub(super) struct Turn<'a> {
    seat: &'a Seat,
    pub(super) living: Option<Box<Living>>,
    whole: bool,
}

impl Seat {
    /// Waits for its turn.
    pub(super) fn take(&self, cancel: &dyn Cancel) -> Result<Turn<'_>, NoTurn> {
        let mut state = self.lock();
        loop {
            if cancel.is_cancelled() {
                return Err(NoTurn::Cancelled);
            }
            match std::mem::replace(&mut *state, State::Taken) {
                State::Empty => return Ok(self.turn(None)),
                State::Waiting(living) => return Ok(self.turn(Some(living))),
                State::Closed => {
                    *state = State::Closed;
                    return Err(NoTurn::Closed);
                }
                State::Taken => {}
            }
            let waited = self.left.wait_timeout(state, TICK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Lets nobody call any more; the process, where there is one and nobody calls it.
    pub(super) fn close(&self) -> Option<Box<Living>> {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, State::Closed) {
            State::Waiting(living) => Some(living),
            State::Empty | State::Taken | State::Closed => None,
        }
    }

    fn turn(&self, living: Option<Box<Living>>) -> Turn<'_> {
        Turn {
            seat: self,
            living,
            whole: false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No state is ever half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// The call is over, and what of the process is left can be called again.
    pub(super) fn give_back(mut self) {
        self.whole = true;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // After a panic nobody knows what the process was told.
        let living = self.living.take().filter(|_| self.whole);
        let mut state = self.seat.lock();
        if !matches!(*state, State::Closed) {
            *state = match living {
                Some(living) => State::Waiting(living),
                None => State::Empty,
            };
        }
        drop(state);
        self.seat.left.notify_one();
    }
}
