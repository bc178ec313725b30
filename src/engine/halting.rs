//! What a signal leads to: the operator is asked, the run is parked, what runs is ended, or only
//! this process stops.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use super::driver::{Driven, Driver, Flight, Incoming};
use super::error::EngineError;
use super::signals::{Signalled, stop_here};
use crate::call::has_shell;
use crate::model::event::{Happened, ParkReason};
use crate::model::people::Actor;
use crate::report::{Leaving, Notice};
use crate::run::{Draft, Phase};
use crate::spec::step::OnCancel;

/// How far the question is that an interrupt leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    /// What acts is waited for first.
    Wanted,
    /// The operator is being asked.
    Asked,
}

/// What the operator wants after an interrupt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhatNow {
    /// The run goes on.
    GoOn,
    /// They leave; the run is parked.
    Park,
    /// The run ends, for this reason.
    Stop(String),
    /// The question was withdrawn before they said anything.
    Withdrawn,
    /// The terminal is gone.
    Gone,
}

/// What the operator is told when they are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halted {
    /// Where the run acts.
    pub environment: String,
    /// Whether anything real can be touched.
    pub real: bool,
    /// What stopping leads to; none where the run is at its end, and is not stopped any more.
    pub stop: Option<&'static str>,
}

impl Driver<'_> {
    /// Nothing new starts; what acts is waited for. The first interrupt asks the operator, the
    /// second ends what acts.
    pub(super) fn signalled(&mut self, signal: Signalled, flight: &mut Flight) {
        match signal {
            Signalled::Stop => self.stop(flight),
            Signalled::Interrupt if self.asks_after_interrupt(flight) => {
                flight.interrupts = 1;
                flight.halt = Some(Halt::Wanted);
                self.withdraw_question();
                self.reporter.notice(Notice::Leaving {
                    signal: signal.name(),
                    acting: flight.real,
                    how: Leaving::Asking,
                });
            }
            _ => self.reporter.notice(flight.note(signal)),
        }
    }

    /// Who interrupts for the first time is asked what they want, at a question as anywhere else:
    /// the same key does the same thing on every screen.
    fn asks_after_interrupt(&self, flight: &Flight) -> bool {
        flight.interrupts == 0 && flight.leave.is_none() && self.people.is_some()
    }

    /// Asks what is to be done, once nothing acts any more.
    pub(super) fn ask_what_now(&mut self, flight: &mut Flight) {
        let wanted = flight.halt == Some(Halt::Wanted) && flight.leave.is_none();
        if !wanted || flight.is_busy() || flight.asking.is_some() {
            return;
        }
        let Some(people) = self.people.clone() else {
            return;
        };
        let plan = self.run.plan();
        let ends = self.run.phase() == Phase::Steps && self.run.ended_because().is_none();
        let halted = Halted {
            environment: plan.environment.to_string(),
            real: plan.real,
            stop: ends.then_some(match plan.on_cancel {
                OnCancel::Undo => "ends the run here and takes back what was done",
                OnCancel::Stop => "ends the run here; what was done stays",
            }),
        };
        flight.halt = Some(Halt::Asked);
        let out = flight.out.clone();
        self.reporter.suspend();
        people.make_ready();
        tokio::task::spawn_blocking(move || {
            let ask = AssertUnwindSafe(|| people.what_now(&halted));
            let what = catch_unwind(ask).unwrap_or(WhatNow::Gone);
            let _ = out.send(Incoming::WhatNow(what));
        });
    }

    /// The operator has said what they want.
    pub(super) fn what_now(
        &mut self,
        what: WhatNow,
        flight: &mut Flight,
    ) -> Result<(), EngineError> {
        self.reporter.resume();
        flight.halt = None;
        match what {
            // They had pressed Ctrl-C again, which counts.
            _ if flight.leave.is_some() => {}
            WhatNow::GoOn => flight.interrupts = 0,
            WhatNow::Park => {
                flight.leave.get_or_insert(ParkReason::Operator);
            }
            WhatNow::Stop(reason) => {
                flight.interrupts = 0;
                let operator = Actor::Person(self.operator.clone());
                let what = Happened::CancelRequested { reason };
                self.record(whole_run(what), operator)?;
            }
            // The run is being left.
            WhatNow::Withdrawn => {}
            WhatNow::Gone => {
                self.people = None;
                flight
                    .leave
                    .get_or_insert(ParkReason::Signal(Signalled::Hangup.name().to_owned()));
            }
        }
        Ok(())
    }

    /// Stops this process: what runs has a session of its own and goes on. Before that it is said
    /// what stops and what does not, a question's line is left for it, and the terminal is given
    /// back as it was found. When the process is brought back, the screen is drawn anew.
    fn stop(&mut self, flight: &Flight) {
        let how = match has_shell() {
            true => Leaving::Stopping,
            false => Leaving::Staying,
        };
        if let Some(people) = &self.people {
            people.put_away();
        }
        // At a question this tells what was held back for it, too.
        self.reporter.resume();
        self.reporter.notice(Notice::Leaving {
            signal: Signalled::Stop.name(),
            acting: flight.real,
            how,
        });
        self.reporter.suspend();
        if how == Leaving::Stopping {
            stop_here();
        }
        let asking = flight.asking.is_some() || flight.halt == Some(Halt::Asked);
        if !asking {
            self.reporter.resume();
        }
        if let Some(people) = &self.people {
            people.show_again();
        }
    }

    /// Lets go of the run, once what acts has been waited for.
    pub(super) fn leave(&mut self, flight: &mut Flight) -> Result<Option<Driven>, EngineError> {
        let Some(reason) = flight.leave.clone() else {
            return Ok(None);
        };
        if flight.is_busy() {
            return Ok(None);
        }
        for (_, running) in std::mem::take(&mut flight.carried) {
            self.left_undone(running, flight)?;
        }
        self.withdraw_question();
        let reported = reason.clone();
        self.record(
            whole_run(Happened::RunParked { reason: reported }),
            Actor::Engine,
        )?;
        self.make_durable()?;
        Ok(Some(if flight.interrupts > 1 {
            Driven::Interrupted
        } else {
            Driven::Parked(reason)
        }))
    }
}

impl Flight {
    /// Takes note of a signal after which the run is left: what is to be told about it.
    pub(super) fn note(&mut self, signal: Signalled) -> Notice<'static> {
        self.leave
            .get_or_insert(ParkReason::Signal(signal.name().to_owned()));
        self.interrupts += match signal {
            Signalled::Interrupt => 1,
            Signalled::Quit => 2,
            Signalled::Terminate | Signalled::Hangup | Signalled::Stop => 0,
        };
        let how = match self.interrupts {
            0 | 1 => Leaving::Waiting,
            _ => Leaving::Ending,
        };
        if how == Leaving::Ending {
            self.cancel.0.store(true, Ordering::SeqCst);
        }
        Notice::Leaving {
            signal: signal.name(),
            acting: self.real,
            how,
        }
    }
}

fn whole_run(what: Happened) -> Draft {
    Draft {
        step: None,
        attempt: None,
        what,
    }
}
