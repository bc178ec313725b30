//! Real processes, and no test that sleeps: each waits for what the process says.

mod commands;
mod ends;
mod own;
mod start;
mod streams;
mod support;
