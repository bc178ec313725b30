//! One request of an action on its way, within the time and under the cancel of the whole call.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::adapter::HttpSpec;
use super::answer::{Asked, HttpReading};
use super::connect::{is_private, not_sent};
use super::exchange::{Answer, exchange, written};
use super::network::Network;
use super::redirect::{AT_MOST, Sent, sends};
use super::request::{Filled, RequestSpec};
use crate::call::in_adapter::InAdapter;
use crate::call::redact::Redactor;
use crate::call::secrets::Secrets;
use crate::expr::Names;
use crate::model::Size;
use crate::model::call::{Cancel, Captured, Ended, Failure, Request, Sink, Stream};
use crate::model::http::Redirects;
use crate::model::ids::IdempotencyKey;

/// How often somebody who wants to stop is listened to.
const LISTEN: Duration = Duration::from_millis(50);

/// One request, and how its answer is read.
#[derive(Clone, Debug)]
pub struct Sending {
    /// What is sent.
    pub request: RequestSpec,
    /// What success is.
    pub reading: HttpReading,
}

/// One call of an adapter, for which requests are sent.
pub(super) struct Calling<'a> {
    pub(super) network: &'a Network,
    /// The names of the adapter's file; of secrets they hold the place.
    pub(super) names: &'a InAdapter,
    /// The same with the secrets that are sent.
    pub(super) open: &'a InAdapter,
    pub(super) request: &'a Request,
    pub(super) cancel: &'a dyn Cancel,
    /// Whether the call is to change something.
    pub(super) acts: bool,
    /// When its time is over.
    pub(super) until: Option<Instant>,
    pub(super) secrets: &'a Arc<Secrets>,
    pub(super) told: Told<'a>,
    pub(super) notes: Cell<Vec<String>>,
}

/// An answer, what was asked, and where it sends.
pub(super) struct Got {
    pub(super) what: String,
    pub(super) answer: Answer,
    pub(super) sent: Sent,
}

impl Calling<'_> {
    /// One request that is all of the action.
    pub(super) fn one(&self, sending: &Sending, spec: &HttpSpec) -> (Ended, Captured) {
        let key = Some(&self.request.key).filter(|key| self.acts && !key.0.is_empty());
        let filled = match sending.request.fill(self.open, key) {
            Ok(filled) => filled,
            Err(failure) => return (Ended::Failed(failure, None), Captured::default()),
        };
        match self.send(filled, sending.reading.redirects) {
            Ok(got) => {
                let asked = self.asked(&got, sending, self.names, self.acts);
                let mut notes = self.notes.take();
                let ended = asked.judge(&got, (&spec.output, &spec.promise), &mut notes);
                self.notes.set(notes);
                (ended, got.answer.body)
            }
            Err(ended) => (*ended, Captured::default()),
        }
    }

    /// What an answer was asked for.
    pub(super) fn asked<'a>(
        &self,
        got: &'a Got,
        sending: &'a Sending,
        names: &'a dyn Names,
        acts: bool,
    ) -> Asked<'a> {
        Asked {
            what: &got.what,
            reading: &sending.reading,
            names,
            acts,
            now: self.request.now,
        }
    }

    /// The key of one of several requests: it stands for this act whatever the others are, so that
    /// another attempt, which may have fewer left to do, sends the same one.
    pub(super) fn key_of(&self, part: &str) -> IdempotencyKey {
        let IdempotencyKey(key) = &self.request.key;
        IdempotencyKey(match key.is_empty() {
            true => String::new(),
            false => format!("{key}/{part}"),
        })
    }

    /// The answer, or how the request ended without one.
    pub(super) fn send(&self, filled: Filled, redirects: Redirects) -> Result<Got, Box<Ended>> {
        let what = format!("{} {}", filled.method.word(), filled.url.shown);
        let tried = Trying {
            calling: self,
            redirects,
            stage: Cell::new(Stage::Reaching),
        };
        let (answer, sent) = tried.within(filled)?;
        Ok(Got { what, answer, sent })
    }

    fn time_left(&self) -> Duration {
        match self.until {
            Some(until) => until.saturating_duration_since(Instant::now()),
            None => self.request.timeout.as_std(),
        }
    }

    /// What was said meanwhile: what is kept as stderr, and the notes.
    pub(super) fn finish(self) -> (Captured, Vec<String>) {
        (self.told.finish(), self.notes.take())
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
    calling: &'a Calling<'a>,
    redirects: Redirects,
    stage: Cell<Stage>,
}

impl Trying<'_> {
    /// The answer and where it sends, or how the request ended without one.
    fn within(&self, filled: Filled) -> Result<(Answer, Sent), Box<Ended>> {
        let who = filled.url.shown_origin.clone();
        let left = self.calling.time_left();
        if left.is_zero() {
            return Err(Box::new(self.late(&who)));
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime
            .map_err(|e| Ended::Failed(not_sent(format!("no request can be made: {e}")), None))?;
        let got = runtime.block_on(async {
            tokio::select! {
                biased;
                () = cancelled(self.calling.cancel) => Err(Box::new(self.cancelled())),
                got = self.answer(filled) => got,
                () = tokio::time::sleep(left) => Err(Box::new(self.late(&who))),
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
                let trusted = self.calling.network.trust(filled.ca_file.as_deref());
                Some(trusted.map_err(|why| self.unsent(not_sent(why)))?)
            }
            false => None,
        };
        let way = self.calling.network.way(&origin, &filled.url.shown_origin);
        let way = way.await.map_err(|failure| self.unsent(failure))?;
        let mut followed = 0;
        loop {
            let connection = way.connect(tls.clone()).await;
            let connection = connection.map_err(|failure| self.unsent(failure))?;
            let what = format!("{} {}", filled.method.word(), filled.url.shown);
            let request = written(&filled, &connection.form)
                .map_err(|e| self.unsent(not_sent(format!("{what} cannot be sent: {e}"))))?;
            self.calling.told.line(what.clone());
            let began = Instant::now();
            self.stage.set(Stage::Sent);
            let secrets = self.calling.secrets;
            let answer = exchange(connection, request, secrets).await;
            let answer = answer.map_err(|why| {
                Ended::Unknown(format!("{what} was sent, and has no whole answer: {why}"))
            })?;
            self.calling.told.line(summary(&answer, began.elapsed()));
            let sent = sends(&answer, &origin, &filled.url.path);
            match sent {
                Sent::Same(path) if self.redirects == Redirects::SameHost && followed < AT_MOST => {
                    followed += 1;
                    filled.sent_on(answer.status, path);
                }
                // Not before: where it sends is followed as it stands.
                sent => return Ok((answer.without_secrets(&secrets.redactor()), sent)),
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

    fn late(&self, who: &str) -> Ended {
        match self.stage.get() {
            Stage::Sent => Ended::TimedOut,
            Stage::Reaching => Ended::Failed(
                not_sent(format!(
                    "no connection to {who} within {}",
                    self.calling.request.timeout
                ))
                .hint("nothing was sent: look whether it can be reached from here"),
                None,
            ),
        }
    }

    /// A look that is cut short says no more than that; of what acts, it is worth knowing that it
    /// did not.
    fn cancelled(&self) -> Ended {
        match self.stage.get() {
            Stage::Reaching if self.calling.request.effect.acts() => Ended::Failed(
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
pub(super) struct Told<'a> {
    sink: &'a dyn Sink,
    secrets: &'a Redactor,
    lines: Cell<Vec<u8>>,
}

impl<'a> Told<'a> {
    pub(super) fn new(sink: &'a dyn Sink, secrets: &'a Redactor) -> Self {
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
