//! How large a runbook may be. What an emergency needs is far smaller; these hold hostile files.

/// The most steps of a runbook: those of its file, and with what it includes.
pub const MAX_STEPS: usize = 100_000;

/// How many blocks may lie in each other.
pub const MAX_NESTING: usize = 16;

/// The longest value of a parameter, in bytes: it becomes a word of a command line.
pub const MAX_VALUE: usize = 64 * 1024;

/// How many names are held against a misspelt one to find the nearest.
pub(super) const MAX_NEAR: usize = 2_000;
