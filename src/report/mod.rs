//! What people see: live view, plain lines, JSON lines, summaries, plans, graphs.
