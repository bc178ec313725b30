//! The run as a pure state machine: state, apply, commands, admit.
