//! The `http` actions of an adapter's file: from a call to its reply.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indexmap::IndexMap;

use super::answer::{Asked, HttpReading};
use super::connect::{is_private, not_sent};
use super::exchange::{Answer, exchange, written};
use super::network::Network;
use super::redirect::{AT_MOST, Sent, sends};
use super::request::{Filled, RequestSpec};
use crate::call::in_adapter::{InAdapter, action_of};
use crate::call::job::Processes;
use crate::call::judge::nothing_done;
use crate::call::reading::Promise;
use crate::call::redact::Redactor;
use crate::model::call::{
    Adapter, Cancel, Captured, Ended, Failure, Purpose, Reply, Request, Sink, Stream,
};
use crate::model::http::Redirects;
use crate::model::ids::{ActionName, ArgName};
use crate::model::{Map, SecretRef, Size};

/// How often somebody who wants to stop is listened to.
const LISTEN: Duration = Duration::from_millis(50);

/// One `http` action.
#[derive(Clone, Debug)]
pub struct HttpSpec {
    /// What is sent.
    pub request: RequestSpec,
    /// What success is, and what the output is.
    pub reading: HttpReading,
    /// What the contract promises of the output.
    pub promise: Promise,
    /// The contract's arguments: one that was not given reads `none`.
    pub arguments: Vec<ArgName>,
}

/// Answers a tool's calls by HTTP, as its adapter's file says.
///
/// Templates and expressions see what those of a [`CommandAdapter`](crate::call::CommandAdapter)
/// do. The body of the answer is what is kept as stdout; the request line, the status and the size
/// are kept as stderr. Headers are never kept.
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
        let acts = request.effect.acts() && request.purpose == Purpose::Act;
        let key = acts.then_some(&request.key).filter(|key| !key.0.is_empty());
        let look_up = |place: &SecretRef| self.processes.secret(place, request, cancel);
        let open = names.opened(spec.request.sent(), look_up);
        let filled = match open.and_then(|open| spec.request.fill(&open, key)) {
            Ok(filled) => filled,
            Err(failure) => return nothing_done(failure),
        };
        let what = format!("{} {}", filled.method.word(), filled.url.shown);
        let secrets = self.processes.secrets.redactor();
        let told = Told::new(sink, &secrets);
        let tried = Trying {
            network: &self.network,
            redirects: spec.reading.redirects,
            stage: Cell::new(Stage::Reaching),
            told: &told,
        };
        let mut notes = Vec::new();
        let (ended, stdout) = match tried.within(filled, request, cancel) {
            Ok((answer, sent)) => {
                let asked = Asked {
                    what: &what,
                    reading: &spec.reading,
                    promise: &spec.promise,
                    names: &names,
                    acts,
                };
                let ended = asked.judge(&answer, &sent, &mut notes);
                (ended, answer.body)
            }
            Err(ended) => (*ended, Captured::default()),
        };
        Reply {
            ended,
            stdout,
            stderr: told.finish(),
            took: None,
            notes,
        }
    }
}

/// How far a request has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing of it was sent.
    Reaching,
    /// Something of it may have been.
    Sent,
}

/// One request under way, with all that it is sent on to.
struct Trying<'a> {
    network: &'a Network,
    redirects: Redirects,
    stage: Cell<Stage>,
    told: &'a Told<'a>,
}

impl Trying<'_> {
    /// The answer and where it sends, or how the request ended without one.
    fn within(
        &self,
        filled: Filled,
        request: &Request,
        cancel: &dyn Cancel,
    ) -> Result<(Answer, Sent), Box<Ended>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime
            .map_err(|e| Ended::Failed(not_sent(format!("no request can be made: {e}")), None))?;
        let who = filled.url.shown_origin.clone();
        let got = runtime.block_on(async {
            tokio::select! {
                biased;
                () = cancelled(cancel) => Err(Box::new(self.cancelled(request))),
                got = self.answer(filled) => got,
                () = tokio::time::sleep(request.timeout.as_std()) => Err(Box::new(self.late(request, &who))),
            }
        });
        // A lookup that does not come to an end is left to end by itself.
        runtime.shutdown_background();
        got
    }

    async fn answer(&self, mut filled: Filled) -> Result<(Answer, Sent), Box<Ended>> {
        let origin = filled.url.origin.clone();
        let tls = match is_private(&origin) {
            true => {
                let trusted = self.network.trust(filled.ca_file.as_deref());
                Some(trusted.map_err(|why| self.unsent(not_sent(why)))?)
            }
            false => None,
        };
        let way = self.network.way(&origin, &filled.url.shown_origin);
        let way = way.await.map_err(|failure| self.unsent(failure))?;
        let mut followed = 0;
        loop {
            let connection = way.connect(tls.clone()).await;
            let connection = connection.map_err(|failure| self.unsent(failure))?;
            let what = format!("{} {}", filled.method.word(), filled.url.shown);
            let request = written(&filled, &connection.form)
                .map_err(|e| self.unsent(not_sent(format!("{what} cannot be sent: {e}"))))?;
            self.told.line(what.clone());
            let began = Instant::now();
            self.stage.set(Stage::Sent);
            let answer = exchange(connection, request).await.map_err(|why| {
                Ended::Unknown(format!("{what} was sent, and has no whole answer: {why}"))
            })?;
            self.told.line(summary(&answer, began.elapsed()));
            let sent = sends(&answer, &origin, &filled.url.path);
            match sent {
                Sent::Same(path) if self.redirects == Redirects::SameHost && followed < AT_MOST => {
                    followed += 1;
                    filled.sent_on(answer.status, path);
                }
                sent => return Ok((answer, sent)),
            }
        }
    }

    /// What it means that a request could not be sent: nothing was done, unless an earlier one sent
    /// it on, which may have acted already.
    fn unsent(&self, failure: Failure) -> Box<Ended> {
        Box::new(match self.stage.get() {
            Stage::Reaching => Ended::Failed(failure, None),
            Stage::Sent => Ended::Unknown(failure.message),
        })
    }

    fn late(&self, request: &Request, who: &str) -> Ended {
        match self.stage.get() {
            Stage::Sent => Ended::TimedOut,
            Stage::Reaching => Ended::Failed(
                not_sent(format!("no connection to {who} within {}", request.timeout))
                    .hint("nothing was sent: look whether it can be reached from here"),
                None,
            ),
        }
    }

    /// A look that is cut short says no more than that; of what acts, it is worth knowing that it
    /// did not.
    fn cancelled(&self, request: &Request) -> Ended {
        match self.stage.get() {
            Stage::Reaching if request.effect.acts() => Ended::Failed(
                not_sent("it was ended on request, before anything was sent".to_owned()),
                None,
            ),
            _ => Ended::Cancelled,
        }
    }
}

/// Comes to an end when somebody wants to stop.
async fn cancelled(cancel: &dyn Cancel) {
    while !cancel.is_cancelled() {
        tokio::time::sleep(LISTEN).await;
    }
}

/// `200 OK, application/json, 1.2 KiB in 34 ms`
fn summary(answer: &Answer, took: Duration) -> String {
    let cut = answer.body.cut.map_or(0, |cut| cut.bytes);
    let size = Size::from_bytes(answer.body.bytes.len() as u64 + cut);
    let kept = match cut {
        0 => String::new(),
        cut => format!(", {} of it left out", Size::from_bytes(cut)),
    };
    format!("{}, {size}{kept} in {} ms", answer.status, took.as_millis())
}

/// What a request says of itself: to the live view at once, and to be kept.
struct Told<'a> {
    sink: &'a dyn Sink,
    secrets: &'a Redactor,
    lines: Cell<Vec<u8>>,
}

impl<'a> Told<'a> {
    fn new(sink: &'a dyn Sink, secrets: &'a Redactor) -> Self {
        Self {
            sink,
            secrets,
            lines: Cell::default(),
        }
    }

    fn line(&self, line: String) {
        let line = self.secrets.text(&line);
        self.sink.line(Stream::Stderr, line.as_bytes());
        let mut lines = self.lines.take();
        lines.extend_from_slice(line.as_bytes());
        lines.push(b'\n');
        self.lines.set(lines);
    }

    fn finish(self) -> Captured {
        Captured {
            bytes: self.lines.into_inner(),
            cut: None,
        }
    }
}
