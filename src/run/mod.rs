//! The run as a pure state machine. It does no IO and reads no clock.
//!
//! [`Run::apply`] is the only way its state changes; [`Run::commands`] derives from the state
//! alone what ought to be done now, so that resuming *is* running; [`Run::admit`] turns an outside
//! fact into an event, or says that it is stale. [`fold`] makes a run of its journal.

mod act;
mod admit;
mod advance;
mod apply;
mod asking;
mod command;
mod commands;
mod doubt;
mod due;
mod ending;
mod failure;
mod gate;
mod instances;
pub mod invariants;
mod lanes;
mod legal;
mod names;
mod open_gate;
mod poll;
mod render;
mod request;
mod review;
mod review_afar;
mod state;
mod steps;
mod summary;
mod undo;
mod view;
mod voting;
mod way_back;

pub use admit::{Fact, Input, Replied, Stale};
pub use apply::{IllegalEvent, fold};
pub use command::{Act, Asked, Command, Draft, Need, PersonNeeded};
pub use commands::{DEFAULT_TIMEOUT, MAX_ACTING};
pub use poll::{Look, Next, Poller, Then};
pub use request::{CanUndo, CannotUndo, PendingUndo, UndoPlan, WhyNot, WhyPending};
pub use review::OpenReview;
pub use review_afar::glass_step;
pub use state::{MarkedDone, Phase, Run};
pub use summary::{Counts, LEFT_AS_IT_IS};
pub use view::StepView;
pub use voting::{GivenVote, OperatorYes, Waiting};
