//! Adapters: `adapters/<tool>/<adapter>.yaml`.

mod check;
mod files;
mod http;
#[cfg(test)]
mod http_tests;
mod plugin;
#[cfg(test)]
mod plugin_tests;
mod read;
mod settings;
#[cfg(test)]
mod tests;
mod types;

pub use files::{FilePath, Files, named};
pub use http::{Http, HttpBody};
pub use plugin::{Plugin, PluginAction};
pub use read::read;
pub use types::{Adapter, AdapterAction, Command, OutputSpec, Plan, Requires, Setting};
