//! Adapters: `adapters/<tool>/<adapter>.yaml`.

mod check;
mod files;
mod http;
#[cfg(test)]
mod http_tests;
mod read;
mod requests;
#[cfg(test)]
mod requests_tests;
mod settings;
#[cfg(test)]
mod tests;
mod types;

pub use files::{FilePath, Files, named};
pub use http::{Http, HttpBody, HttpRequest};
pub use read::read;
pub use requests::{NamedRequest, Repeated, Requests};
pub use types::{Adapter, AdapterAction, Command, OutputSpec, Plan, Requires, Setting};
