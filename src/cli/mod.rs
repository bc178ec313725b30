//! One file a verb; an error becomes an exit code in exactly one place ([`exit`]).

mod args;
mod audit;
pub mod ballot;
mod check;
mod context;
mod defect;
mod dispatch;
mod drive;
mod exit;
mod files;
mod find;
mod locks;
mod prepare;
mod resume;
mod run;
mod runs;
mod screen;
mod undo;

pub use dispatch::main;
