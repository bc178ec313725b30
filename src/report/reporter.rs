//! What a run is told to people by: the live view, plain lines, or JSON lines.

use crate::model::call::Stream;
use crate::model::ids::StepKey;
use crate::model::{Event, Timestamp};
use crate::run::Run;

/// Something that people may be told. Nothing here is state: a reporter that fails to write, for
/// the terminal is gone, changes nothing about the run.
#[derive(Clone, Copy, Debug)]
pub enum Notice<'a> {
    /// An event that is durable, and the run after it.
    Recorded {
        /// The event.
        event: &'a Event,
        /// The journal's record, byte for byte, without its line end.
        json: &'a [u8],
        /// The run after it.
        run: &'a Run,
    },
    /// A line that a step's work printed, raw as it came.
    Line {
        /// Which step.
        step: &'a StepKey,
        /// Where it was printed.
        stream: Stream,
        /// The line, without its end.
        line: &'a [u8],
    },
    /// The run is being left, or this process is.
    Leaving {
        /// Why: the signal's name.
        signal: &'a str,
        /// How many real calls are still under way.
        acting: usize,
        /// What becomes of them and of the run.
        how: Leaving,
    },
    /// The run is left, and this is what a person should know of the programs that worked for it.
    Left {
        /// It.
        note: &'a str,
    },
    /// Nothing is to be done before this moment: a pause, a retry's delay, the next look of a poll.
    Waiting {
        /// Until when, in the run's time.
        until: Timestamp,
        /// The run's time now.
        now: Timestamp,
        /// The run.
        run: &'a Run,
    },
}

/// What becomes of a run that a signal came in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// What acts is waited for, and the run is parked.
    Waiting,
    /// What acts is waited for, and then the operator is asked what to do.
    Asking,
    /// What acts is ended.
    Ending,
    /// Only this process stops, until its shell brings it back.
    Stopping,
    /// It would stop, but no shell would bring it back.
    Staying,
}

/// Tells people what happens.
pub trait Reporter {
    /// Tells it. A failure to write is not the run's: it is swallowed.
    fn notice(&mut self, notice: Notice<'_>);

    /// The terminal is needed for a question: nothing may be drawn until `resume`.
    fn suspend(&mut self);

    /// The terminal is free again.
    fn resume(&mut self);

    /// The process lets go of the run: what is drawn is cleared, and the summary is told.
    fn finish(&mut self, run: &Run);
}
