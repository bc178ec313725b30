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
mod prepare;
mod resume;
mod run;
mod screen;

pub use dispatch::main;
