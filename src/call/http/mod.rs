//! The `http` and `requests` actions of an adapter's file: one request on one connection, one
//! answer, and several of them one after another.
//!
//! `request` fills templates, `hosts` says who may be asked, `connect` makes the connection (a name
//! is looked up once, and exactly what was checked is connected to), `tls` says who is trusted,
//! `exchange` sends and reads, `answer` judges, `sending` goes all of that way for one request,
//! `several` for each of a list, and [`HttpAdapter`] makes a reply of it.
//!
//! What was never sent is `not_started`. Once anything of a request was written, only a whole
//! answer says what came of it; all else is in doubt, and the run settles it.

mod adapter;
mod answer;
mod connect;
mod exchange;
mod hosts;
mod network;
mod redirect;
mod request;
mod retry_after;
mod sending;
mod several;
mod tls;

pub use adapter::{HttpAdapter, HttpSpec, Sends};
pub use answer::{ANSWER_NAMES, HttpOutput, HttpReading};
pub use hosts::HostRule;
pub use network::{Network, Resolver};
pub use request::{Json, RequestBody, RequestSpec};
pub use sending::Sending;
pub use several::{Each, NamedSending};
