//! The laws as stories, and every operation against its contract.

mod bench;
mod contracts;
mod incidents;
mod laws;
mod promises;
