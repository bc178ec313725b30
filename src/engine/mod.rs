//! The one loop that touches the world.
//!
//! [`open`] makes a run of a plan, or takes one up again from its journal; [`Driver`] drives it
//! until it is closed or must wait for a person. Only the driver appends to the journal.
//!
//! ```text
//! clock                    the run's time: the wall's, or the sandbox's
//! people, terminal         who is asked: prepared answers, the controlling terminal, nobody
//! approver                 what another person is shown of a gate
//! prompt, menu, pager      what is shown when somebody is asked, and what may be typed
//! carried                  calls that a person carries out
//! answerers, adapter_file  who answers each call
//! alone                    a call outside any run
//! redacted                 what people say, without secrets
//! signals                  what ends a run's process
//! driver                   the loop, and what it is driven with
//! asking, calls, waiting   its three kinds of business: people, calls, time
//! control                  what other people say to a run
//! halting                  what a signal leads to
//! open                     a first run and a resumed one, on the same way
//! ```

mod adapter_file;
mod alone;
pub mod answerers;
pub mod approver;
mod asking;
mod beforehand;
mod calls;
mod carried;
mod clock;
pub mod control;
mod defect;
mod driver;
mod error;
mod halting;
mod http;
mod menu;
mod open;
mod pager;
mod people;
mod prompt;
mod prompt_evidence;
mod prompt_gate;
mod prompt_help;
mod prompt_others;
mod redacted;
mod reveal;
mod signals;
mod terminal;
mod waiting;
mod wiping;

pub use alone::{Alone, AloneError, Asked};
pub use answerers::Answerers;
pub use beforehand::{Missing, missing_secrets};
pub use clock::{Clock, SimulatedClock, WallClock};
pub use driver::{Driven, Driver};
pub use error::EngineError;
pub use halting::{Halted, WhatNow};
pub use open::{First, Held, Setting, VERSION, first_run, resumed_run, undone_run};
pub use pager::{Part, Printed};
pub use people::{People, Prepared, Question, Said, Unanswered};
pub use signals::{Signalled, listen};
pub use terminal::Terminal;
