//! The journal: record, chain, write, read, verify, store.
//!
//! A run *is* its journal. This floor writes it, reads it and proves it; it does not know what may
//! follow what, nor what a run or a plan is (as etcd's write-ahead log does not know raft).
//!
//! ```text
//! record, envelope, strict, chain   a line and its hash (pure)
//! read, lines, repair               a file of lines, as far as it can be believed
//! write, poison, blobs              the one writer
//! store, run_dir, holder            where things lie, and whose they are
//! ledger, ledger_event              the record of all runs
//! locks                             what one run at a time has
//! finding, verify                   what was proven, and what was not (pure)
//! disk, real, sim                   what is asked of a disk, the machine's, and one that fails
//! ```

mod blobs;
mod chain;
#[cfg(debug_assertions)]
mod crashing;
mod disk;
mod envelope;
mod error;
mod files;
mod finding;
mod holder;
mod ledger;
mod ledger_error;
mod ledger_event;
mod lines;
mod locks;
mod poison;
mod read;
mod real;
mod record;
mod repair;
mod run_dir;
mod sim;
mod sim_disk;
mod stamp;
mod store;
mod store_error;
mod strict;
mod verify;
mod write;

pub use blobs::{BlobError, BlobState, Blobs, named_by};
pub use chain::{DOMAIN, link};
#[cfg(debug_assertions)]
pub use crashing::{Blow, CrashingDisk};
pub use disk::{
    DIR_MODE, Disk, DiskError, DiskFile, Doing, FILE_MODE, How, Kind, Refused, Stat, SyncPoint, Why,
};
pub use error::{DecodeError, EncodeError, Newer};
pub use finding::{Code, Finding, Flaw};
pub use holder::Holder;
pub use ledger::{Closing, Ledger, Mended, Standing, standings};
pub use ledger_error::LedgerError;
pub use ledger_event::{LedgerEntry, LedgerEvent, LedgerId, NotTheLedger};
pub use locks::{Claim, Grip, HeldLock, Locked, Locks, Taken};
pub use poison::WriteError;
pub use read::{ReadReport, Tail, Warning};
pub use real::RealDisk;
pub use record::{Entry, Head, MAX_RECORD, Place, Record, VERSION, decode, encode};
pub use repair::Torn;
pub use run_dir::RunDir;
pub use sim::{Crash, Fault};
pub use sim_disk::SimDisk;
pub use stamp::{KernelStamps, NoBootId, Stamp, Stamps};
pub use store::{Resumed, Store};
pub use store_error::StoreError;
pub use verify::{Evidence, Proven, Verdict, verify_ledger, verify_run};
pub use write::{Durable, RESERVE, Writer};
