//! A run that other people reach: what may be said to it, and what becomes of it.
//!
//! While a process drives a run it listens on a socket in the run's directory. Who may connect is
//! the directory's to say; who somebody is, the kernel says. Only the driver appends to the
//! journal: what a peer says becomes a fact like any other, and the peer is told what became of it
//! once that is on the disk. Of a run that no process holds, whoever acts takes the lock.
//!
//! ```text
//! words      requests and replies: one line of JSON each (pure)
//! weigh      what a request means to a run: a record, or a refusal (pure)
//! address    where the socket is, however long its path
//! peer       who is at the other end
//! listen     the socket of the process that drives a run
//! answer     the driver's part
//! ask        the other end's part
//! aside      the same for a run that no process holds
//! ```

mod address;
mod answer;
mod aside;
mod ask;
mod listen;
mod peer;
mod weigh;
mod words;

pub(super) use answer::{Owed, Weighed, remember_head};
pub use aside::aside;
pub use ask::{Unreached, ask};
pub use listen::Listener;
pub(super) use listen::{Asked, Serving};
pub use peer::human;
pub use weigh::{Heads, weighed};
pub use words::{Reply, Request, Standing};
