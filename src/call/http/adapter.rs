//! The `http` and `requests` actions of an adapter's file: from a call to its reply.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use indexmap::IndexMap;

use super::answer::HttpOutput;
use super::network::Network;
use super::sending::{Calling, Sending, Told};
use super::several::NamedSending;
use crate::call::in_adapter::{InAdapter, action_of};
use crate::call::job::Processes;
use crate::call::judge::nothing_done;
use crate::call::reading::Promise;
use crate::expr::Template;
use crate::model::call::{Adapter, Cancel, Purpose, Reply, Request, Sink};
use crate::model::ids::{ActionName, ArgName};
use crate::model::{Map, SecretRef};

/// One `http` action, or one of `requests`.
#[derive(Clone, Debug)]
pub struct HttpSpec {
    /// What is sent.
    pub sends: Sends,
    /// What the output is.
    pub output: HttpOutput,
    /// What the contract promises of the output.
    pub promise: Promise,
    /// The contract's arguments: one that was not given reads `none`.
    pub arguments: Vec<ArgName>,
}

/// What an action sends.
#[derive(Clone, Debug)]
pub enum Sends {
    /// One request; the output's fields see its answer.
    One(Sending),
    /// Several in this order; the output's fields see their answers by their ids.
    Several(Vec<NamedSending>),
}

/// Answers a tool's calls by HTTP, as its adapter's file says.
///
/// Templates and expressions see what those of a [`CommandAdapter`](crate::call::CommandAdapter)
/// do. The bodies of the answers are what is kept as stdout; the request lines, the statuses and
/// the sizes are kept as stderr. Headers are never kept.
#[derive(Clone, Debug)]
pub struct HttpAdapter {
    /// Who may be asked, and how they are reached.
    pub network: Arc<Network>,
    /// The run's directory, for `run.work`.
    pub processes: Arc<Processes>,
    /// The environment's settings; of secrets, where they are found.
    pub settings: Map,
    /// Further names: the adapter's own directory.
    pub names: Map,
    /// The actions.
    pub actions: IndexMap<ActionName, HttpSpec>,
}

impl Adapter for HttpAdapter {
    fn call(&self, request: &Request, sink: &dyn Sink, cancel: &dyn Cancel) -> Reply {
        let began = Instant::now();
        let (call, spec) = match action_of(&self.actions, request) {
            Ok(found) => found,
            Err(failure) => return nothing_done(failure),
        };
        let names = InAdapter::new(
            self.names.clone(),
            &self.settings,
            call,
            &spec.arguments,
            request,
            &self.processes,
        );
        let look_up = |place: &SecretRef| self.processes.secret(place, request, cancel);
        let open = match names.opened(spec.sends.sent(), look_up) {
            Ok(open) => open,
            Err(failure) => return nothing_done(failure),
        };
        let secrets = self.processes.secrets.redactor();
        let calling = Calling {
            network: &self.network,
            names: &names,
            open: &open,
            request,
            cancel,
            acts: request.effect.acts() && request.purpose == Purpose::Act,
            until: began.checked_add(request.timeout.as_std()),
            secrets: &self.processes.secrets,
            told: Told::new(sink, &secrets),
            notes: Cell::default(),
        };
        let (ended, stdout) = match &spec.sends {
            Sends::One(sending) => calling.one(sending, spec),
            Sends::Several(list) => calling.several(list, spec),
        };
        let (stderr, notes) = calling.finish();
        Reply {
            ended,
            stdout,
            stderr,
            took: None,
            notes,
        }
    }
}

impl Sends {
    /// All templates whose text is sent.
    fn sent(&self) -> Vec<&Template> {
        match self {
            Self::One(sending) => sending.request.sent(),
            Self::Several(list) => {
                let sent = list.iter().map(|one| one.sending.request.sent());
                sent.flatten().collect()
            }
        }
    }
}
