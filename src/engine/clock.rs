//! The run's time: the wall clock's, or in the sandbox a clock that waits for nothing.

use std::sync::Mutex;
use std::time::Duration;

use crate::model::Timestamp;

/// The run's time.
pub trait Clock: Send + Sync {
    /// The run's time now.
    fn now(&self) -> Timestamp;

    /// Real time has gone by while the engine waited for something real.
    fn elapsed(&self, real: Duration);

    /// Goes to a moment without waiting, where this clock can; false where it cannot.
    fn skip_to(&self, moment: Timestamp) -> bool;
}

/// The wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self, _real: Duration) {}

    fn skip_to(&self, _moment: Timestamp) -> bool {
        false
    }
}

/// The sandbox's clock. It goes by itself only while a person or a real process is waited for;
/// what is simulated takes simulated time, and a pause is over at once.
#[derive(Debug)]
pub struct SimulatedClock(Mutex<Timestamp>);

impl SimulatedClock {
    /// A clock that shows this moment.
    pub fn new(start: Timestamp) -> Self {
        Self(Mutex::new(start))
    }

    fn change(&self, f: impl FnOnce(Timestamp) -> Timestamp) -> Timestamp {
        let mut now = match self.0.lock() {
            Ok(now) => now,
            // A moment is always a whole one, whoever panicked while holding it.
            Err(poisoned) => poisoned.into_inner(),
        };
        *now = f(*now);
        *now
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        self.change(|now| now)
    }

    fn elapsed(&self, real: Duration) {
        self.change(|now| now.checked_add(real).unwrap_or(now));
    }

    fn skip_to(&self, moment: Timestamp) -> bool {
        self.change(|now| now.max(moment));
        true
    }
}
