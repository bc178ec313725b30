//! What an answer means: whether it did what it should, and what its output is.

use std::cell::OnceCell;

use hyper::header::CONTENT_TYPE;
use indexmap::IndexMap;

use super::exchange::Answer;
use super::redirect::{Sent, hint};
use super::retry_after::left_alone;
use super::sending::Got;
use crate::call::judge::{accepted, fields, in_doubt};
use crate::call::reading::{Promise, fit, misfit, short_text};
use crate::expr::{Expression, Lookup, Names};
use crate::model::call::{Ended, Failure, FailureKind};
use crate::model::http::Redirects;
use crate::model::suggest::nearest;
use crate::model::text::{clip, escape_controls};
use crate::model::{Map, Size, Timestamp, Value};

/// How an answer is read.
#[derive(Clone, Debug, Default)]
pub struct HttpReading {
    /// What success is, over [`ANSWER_NAMES`]; a status from 200 to 299 where nothing is said.
    pub ok: Option<Expression>,
    /// When nobody can know what it did, over [`ANSWER_NAMES`], of what `ok` is not true of.
    pub unknown: Option<Expression>,
    /// What becomes of an answer that sends elsewhere.
    pub redirects: Redirects,
}

/// What an answer becomes.
#[derive(Clone, Debug, Default)]
pub enum HttpOutput {
    /// The body as JSON where the contract declares fields, else `{status, body}`, the body as
    /// text up to 16 KiB.
    #[default]
    Plain,
    /// The body as JSON.
    Json,
    /// One expression for each field, over [`ANSWER_NAMES`].
    Fields(IndexMap<String, Expression>),
}

/// The names that `ok` and an output's fields have beside those of the caller.
///
/// `status` is a number. `headers` has the headers by their names in small letters, `-` written as
/// `_`. `body` is a value where it is JSON, else a text, and `none` where there is none; one that
/// was longer than what is kept has no value: half an answer decides nothing.
pub const ANSWER_NAMES: [&str; 3] = ["status", "headers", "body"];

/// What an answer was asked for, for the messages.
pub(super) struct Asked<'a> {
    /// Which request: `POST https://flags.example.org/api`.
    pub(super) what: &'a str,
    /// How the answer is read.
    pub(super) reading: &'a HttpReading,
    /// The names that expressions have beside [`ANSWER_NAMES`].
    pub(super) names: &'a dyn Names,
    /// Whether the request was to change something.
    pub(super) acts: bool,
    /// The run's time when it was made.
    pub(super) now: Timestamp,
}

impl Asked<'_> {
    /// How a request ended whose answer is all that the output is made of.
    pub(super) fn judge(
        &self,
        got: &Got,
        (output, promise): (&HttpOutput, &Promise),
        notes: &mut Vec<String>,
    ) -> Ended {
        let answered = Answered::new(&got.answer, self.names);
        if let Err(ended) = self.accepted(&answered, &got.sent, notes) {
            return *ended;
        }
        match self.read(&answered, output, promise) {
            Ok(Some(value)) => Ended::Succeeded(value),
            Ok(None) => Ended::Succeeded(plain(&got.answer, notes)),
            Err(failure) => self.turned_down(failure, &got.answer, &got.sent, notes),
        }
    }

    /// Whether an answer is one of success, as a value for the requests that follow.
    pub(super) fn value(&self, got: &Got, notes: &mut Vec<String>) -> Result<Map, Box<Ended>> {
        let answered = Answered::new(&got.answer, self.names);
        self.accepted(&answered, &got.sent, notes)?;
        let body = match body(&got.answer) {
            Ok(body) => body,
            // What was done is done, and whoever only looks has seen nothing.
            Err(failure) if self.acts => {
                notes.push(format!("{}: its body reads none: {failure}", self.what));
                Value::None
            }
            Err(failure) => {
                return Err(Box::new(Ended::Failed(
                    failure,
                    Some(plain(&got.answer, notes)),
                )));
            }
        };
        let Answered {
            status, headers, ..
        } = answered;
        let fields = [("status", status), ("headers", headers), ("body", body)];
        Ok(fields
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect())
    }

    fn accepted(
        &self,
        answered: &Answered<'_>,
        sent: &Sent,
        notes: &mut Vec<String>,
    ) -> Result<(), Box<Ended>> {
        let good = match &self.reading.ok {
            Some(ok) => accepted(ok, answered, self.what),
            None if answered.answer.status.is_success() => Ok(()),
            None => Err(self.unsuccessful(answered.answer)),
        };
        let Err(failure) = good else {
            return Ok(());
        };
        let unknown = self.reading.unknown.as_ref();
        Err(Box::new(
            match in_doubt(unknown, Some(&failure), answered) {
                Some(why) => Ended::Unknown(why),
                None => self.turned_down(failure, answered.answer, sent, notes),
            },
        ))
    }

    fn turned_down(
        &self,
        failure: Failure,
        answer: &Answer,
        sent: &Sent,
        notes: &mut Vec<String>,
    ) -> Ended {
        // A gateway that heard nothing from behind does not know what was done there.
        if self.acts && matches!(answer.status.as_u16(), 502 | 504) {
            return Ended::Unknown(format!(
                "{}: a gateway gave up on what is behind it, which may have acted",
                failure.message
            ));
        }
        let failure = self.patient(self.advised(failure, answer, sent), answer);
        Ended::Failed(failure, Some(plain(answer, notes)))
    }

    fn unsuccessful(&self, answer: &Answer) -> Failure {
        let kind = match answer.status.is_client_error() {
            true => FailureKind::Refused,
            false => FailureKind::Answer,
        };
        let mut message = format!("{} was answered with {}", self.what, answer.status);
        if let Some(begin) = excerpt(answer) {
            message.push_str(&format!(": {begin}"));
        }
        Failure::new(kind, message)
    }

    /// The same with what to do next, where the status tells.
    fn advised(&self, failure: Failure, answer: &Answer, sent: &Sent) -> Failure {
        if failure.hint.is_some() {
            return failure;
        }
        if let Some(hint) = hint(sent, self.reading.redirects) {
            return failure.hint(hint);
        }
        match answer.status.as_u16() {
            401 | 403 => failure.hint(
                "it does not accept the credentials, or they may not do this: look at the settings \
                 of the adapter in runbook.yaml",
            ),
            407 => failure.hint("the proxy wants to know who asks: see `https_proxy`"),
            _ => failure,
        }
    }

    /// The same with how long it asks to be left alone, where it is too busy to answer.
    fn patient(&self, mut failure: Failure, answer: &Answer) -> Failure {
        if !matches!(answer.status.as_u16(), 429 | 503) {
            return failure;
        }
        failure.retry_after = left_alone(&answer.headers, self.now);
        if let Some(wait) = failure.retry_after
            && failure.hint.is_none()
        {
            failure.hint = Some(format!("it asks to be left alone for {wait} (Retry-After)"));
        }
        failure
    }

    /// The output, or nothing where it is the plain one.
    fn read(
        &self,
        answered: &Answered<'_>,
        output: &HttpOutput,
        promise: &Promise,
    ) -> Result<Option<Value>, Failure> {
        match output {
            HttpOutput::Plain if promise.shape.is_none() => Ok(None),
            HttpOutput::Plain | HttpOutput::Json => {
                let json = json(answered.answer)?;
                fit(&json, promise).map(Some)
            }
            HttpOutput::Fields(expressions) => {
                fields(expressions, answered, self.what, promise).map(Some)
            }
        }
    }
}

/// `{status, body}`.
fn plain(answer: &Answer, notes: &mut Vec<String>) -> Value {
    let mut map = Map::new();
    map.insert("status".into(), Value::Int(answer.status.as_u16().into()));
    let body = short_text(&answer.body, "body", notes);
    map.insert("body".into(), Value::Str(body));
    Value::Map(map)
}

/// The beginning of the body in one line.
fn excerpt(answer: &Answer) -> Option<String> {
    let begin = &answer.body.bytes[..answer.body.bytes.len().min(1000)];
    let text = String::from_utf8_lossy(begin);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then(|| format!("`{}`", escape_controls(&clip(&line, 200))))
}

fn whole(answer: &Answer) -> Result<&[u8], Failure> {
    match answer.body.cut {
        None => Ok(&answer.body.bytes),
        Some(cut) => Err(misfit(format!(
            "the body is longer than what is kept: {} are missing",
            Size::from_bytes(cut.bytes)
        ))),
    }
}

fn json(answer: &Answer) -> Result<serde_json::Value, Failure> {
    let bytes = whole(answer)?;
    serde_json::from_slice(bytes).map_err(|e| match excerpt(answer) {
        None => misfit("the answer has no body where JSON is expected"),
        Some(begin) => misfit(format!("the body is not JSON: {e}: {begin}"))
            .hint("a page for people often comes from a proxy or a login on the way"),
    })
}

/// The body as a value: JSON where it says so or looks so, else text.
fn body(answer: &Answer) -> Result<Value, Failure> {
    let bytes = whole(answer)?;
    if bytes.is_empty() {
        return Ok(Value::None);
    }
    let kind = answer.headers.get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let looks = bytes
        .trim_ascii_start()
        .first()
        .is_some_and(|b| b"{[".contains(b));
    if kind.ends_with("/json") || kind.ends_with("+json") {
        return json(answer).map(|json| Value::from_plain(&json));
    }
    if looks && let Ok(json) = serde_json::from_slice(bytes) {
        return Ok(Value::from_plain(&json));
    }
    Ok(Value::Str(String::from_utf8_lossy(bytes).into_owned()))
}

/// An answer, by name. What costs something is made when it is asked for.
struct Answered<'a> {
    answer: &'a Answer,
    status: Value,
    headers: Value,
    body: OnceCell<Result<Value, Failure>>,
    names: &'a dyn Names,
}

impl<'a> Answered<'a> {
    fn new(answer: &'a Answer, names: &'a dyn Names) -> Self {
        let mut headers = Map::new();
        for name in answer.headers.keys() {
            let values = answer.headers.get_all(name).iter();
            let values: Vec<_> = values
                .map(|v| String::from_utf8_lossy(v.as_bytes()))
                .collect();
            headers.insert(
                name.as_str().replace('-', "_"),
                Value::Str(values.join(", ")),
            );
        }
        Self {
            answer,
            status: Value::Int(answer.status.as_u16().into()),
            headers: Value::Map(headers),
            body: OnceCell::new(),
            names,
        }
    }
}

impl Names for Answered<'_> {
    fn get(&self, path: &[&str]) -> Lookup<'_> {
        let root = path.first().copied().unwrap_or_default();
        match root {
            "status" => Lookup::found(&self.status, 1),
            "headers" => Lookup::found(&self.headers, 1),
            "body" => match self.body.get_or_init(|| body(self.answer)) {
                Ok(value) => Lookup::found(value, 1),
                Err(failure) => Lookup::Unavailable {
                    message: failure.message.clone(),
                    hint: failure.hint.clone(),
                },
            },
            _ => match self.names.get(path) {
                Lookup::Missing(mut error) if error.nearest.is_none() => {
                    error.nearest = nearest(root, ANSWER_NAMES).map(str::to_owned);
                    Lookup::Missing(error)
                }
                lookup => lookup,
            },
        }
    }

    fn is_secret(&self, path: &[&str]) -> bool {
        let root = path.first().copied().unwrap_or_default();
        !ANSWER_NAMES.contains(&root) && self.names.is_secret(path)
    }
}
