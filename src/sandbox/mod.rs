//! The simulated production: a pure world and its laws.
