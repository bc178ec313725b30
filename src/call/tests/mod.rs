//! Real processes, and no test that sleeps: each waits for what the process says.

mod ends;
mod start;
mod streams;
mod support;
