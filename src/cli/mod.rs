//! One file a verb; an error becomes an exit code in exactly one place ([`exit`]).

mod approve;
mod args;
mod astray;
mod audit;
mod ballot;
mod cancel;
mod check;
mod context;
mod defect;
mod dispatch;
mod doctor;
mod drive;
mod exit;
mod files;
mod find;
mod glass;
mod init;
mod locks;
mod prepare;
mod reach;
mod resume;
mod review;
mod run;
mod runs;
mod screen;
mod standing;
mod tools;
mod tools_one;
mod undo;
mod waits;
mod wanting;
mod watch;

pub use dispatch::main;
