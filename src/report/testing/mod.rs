//! A small plan made by hand, and a run of it in which a script stands for the world.

mod plan;
mod story;

pub(in crate::report) use plan::{plan, zone};
pub(in crate::report) use story::{Story, person, report};
