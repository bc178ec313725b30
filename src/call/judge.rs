//! What a process's end means: whether it did what it should, and what its output is.

use std::borrow::Cow;
use std::cell::OnceCell;

use indexmap::IndexMap;

use super::group::{End, Finished};
use super::reading::{
    Promise, fit, json, last_line, lines, misfit, plain, table, whole, whole_text, with_example,
};
use super::signal;
use crate::expr::{ExprError, Expression, Lookup, Names};
use crate::model::call::{Captured, Ended, Failure, FailureKind, Reply};
use crate::model::suggest::nearest;
use crate::model::text::{clip, escape_controls};
use crate::model::{Map, Value};

/// How a process's end is read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What success is, over [`OUTPUT_NAMES`]; exit status 0 where nothing is said.
    pub ok: Option<Expression>,
    /// What the output is.
    pub output: Output,
    /// Whether what was printed must stay out of messages, as it stays out of journal and screen.
    pub sensitive: bool,
}

/// What a process's output becomes.
#[derive(Clone, Debug, Default)]
pub enum Output {
    /// `{exit, stdout, stderr}`, each text up to 16 KiB and without its last newline.
    #[default]
    Plain,
    /// Its stdout is one JSON value.
    Json,
    /// A list of its stdout's lines.
    Lines,
    /// One expression for each field, over [`OUTPUT_NAMES`].
    Fields(IndexMap<String, Expression>),
}

/// The names that `ok` and an output's fields have beside those of the caller.
///
/// `stdout` and `stderr` are whole texts, without their last newline; `json`, `lines` and `table` are
/// stdout read as such. One that was longer than what is kept has no value: half an answer decides
/// nothing.
pub const OUTPUT_NAMES: [&str; 6] = ["exit", "stdout", "stderr", "json", "lines", "table"];

/// What stands behind an answer, for the messages.
pub(super) struct Asked<'a> {
    /// Who answered: `` `deployctl` ``, `the script`.
    pub who: &'a str,
    /// How the answer is read.
    pub reading: &'a Reading,
    /// What a contract promises of it.
    pub promise: &'a Promise,
    /// The names that expressions have beside [`OUTPUT_NAMES`].
    pub names: &'a dyn Names,
}

/// A failure before anything was done, as a reply.
pub(super) fn nothing_done(failure: Failure) -> Reply {
    Reply::of(Ended::Failed(failure, None))
}

/// A template or expression that could not be evaluated, so that nothing was done.
pub(super) fn unevaluated(what: &str, e: &ExprError) -> Reply {
    let failure = Failure::new(FailureKind::Expression, format!("{what}: {e}"));
    nothing_done(hinted(failure, e))
}

pub(super) fn hinted(failure: Failure, e: &ExprError) -> Failure {
    match &e.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

impl Asked<'_> {
    /// The reply to the request for which the process was started.
    pub(super) fn judge(&self, done: Finished) -> Reply {
        let Finished {
            end,
            stdout,
            stderr,
            mut notes,
        } = done;
        let ended = match end {
            End::TimedOut => Ended::TimedOut,
            End::Cancelled => Ended::Cancelled,
            End::Lost(why) => Ended::Unknown(why),
            End::Signalled(signal) => {
                let text = format!("{} was ended by {}", self.who, signal::name(signal));
                let mut failure = Failure::new(FailureKind::Signal, text);
                failure.hint = signal::hint(signal).map(str::to_owned);
                Ended::Failed(failure, Some(plain(None, &stdout, &stderr, &mut notes)))
            }
            End::Exited(exit) => {
                let printed = Printed::new(exit, &stdout, &stderr, self.names);
                match self.accepted(&printed).and_then(|()| self.read(&printed)) {
                    Ok(Some(value)) => Ended::Succeeded(value),
                    Ok(None) => Ended::Succeeded(plain(Some(exit), &stdout, &stderr, &mut notes)),
                    Err(failure) => {
                        let failure = self.discreet(failure, exit);
                        let output = plain(Some(exit), &stdout, &stderr, &mut notes);
                        Ended::Failed(failure, Some(output))
                    }
                }
            }
        };
        Reply {
            ended,
            stdout,
            stderr,
            took: None,
            notes,
        }
    }

    /// A failure that quotes nothing of what a `sensitive` step printed.
    fn discreet(&self, failure: Failure, exit: i32) -> Failure {
        if !self.reading.sensitive {
            return failure;
        }
        let what = match failure.kind {
            FailureKind::Exit => format!("ended with exit status {exit}"),
            FailureKind::Answer => "did not answer as `ok` asks".to_owned(),
            _ => "printed something else than its output should be".to_owned(),
        };
        let message = format!("{} {what}; more is not shown: it is `sensitive`", self.who);
        Failure::new(failure.kind, message)
    }

    fn accepted(&self, printed: &Printed<'_>) -> Result<(), Failure> {
        let Some(ok) = &self.reading.ok else {
            return match printed.exit {
                0 => Ok(()),
                status => Err(self.exited(status, printed.stderr)),
            };
        };
        accepted(ok, printed, self.who)
    }

    fn exited(&self, status: i32, stderr: &Captured) -> Failure {
        let mut message = format!("{} ended with exit status {status}", self.who);
        if let Some(line) = last_line(stderr) {
            message.push_str(": ");
            message.push_str(&line);
        }
        let failure = Failure::new(FailureKind::Exit, message);
        match status {
            126 => failure.hint("a shell says 126 when a command is not executable"),
            127 => failure.hint("a shell says 127 when a command was not found"),
            129..=159 => failure.hint(format!(
                "a shell says {status} when a command was ended by {}",
                signal::name(status - 128)
            )),
            _ => failure,
        }
    }

    /// The output, or nothing where it is the plain one.
    fn read(&self, printed: &Printed<'_>) -> Result<Option<Value>, Failure> {
        match &self.reading.output {
            Output::Plain => Ok(None),
            Output::Lines => lines(printed.stdout).map(Some),
            Output::Json => json(printed.stdout)
                .and_then(|json| fit(&json, self.promise))
                .map_err(|failure| with_example(failure, self.promise))
                .map(Some),
            Output::Fields(expressions) => {
                fields(expressions, printed, self.who, self.promise).map(Some)
            }
        }
    }
}

/// Whether `ok` is true of an answer.
pub(super) fn accepted(ok: &Expression, answer: &dyn Names, who: &str) -> Result<(), Failure> {
    match ok.eval_bool(answer) {
        Ok(true) => Ok(()),
        Ok(false) => Err(refused(ok, answer, who)),
        // It acted already, so this is no `expression` failure: those have done nothing.
        Err(e) => {
            let message = format!("{who}: `ok` cannot be evaluated: {e}");
            Err(hinted(Failure::new(FailureKind::Answer, message), &e))
        }
    }
}

fn refused(ok: &Expression, answer: &dyn Names, who: &str) -> Failure {
    let seen: Vec<_> = ok
        .explain(answer)
        .into_iter()
        .map(|(name, value)| format!("{name} is {}", shown(&value)))
        .collect();
    let mut message = format!("{who}: `ok` is false: {}", ok.source());
    if !seen.is_empty() {
        message.push_str(&format!(" ({})", seen.join(", ")));
    }
    Failure::new(FailureKind::Answer, message)
}

/// The output that these expressions make of an answer, which keeps the contract's promise.
pub(super) fn fields(
    expressions: &IndexMap<String, Expression>,
    answer: &dyn Names,
    who: &str,
    promise: &Promise,
) -> Result<Value, Failure> {
    let mut map = Map::new();
    for (name, expression) in expressions {
        let value = expression.eval(answer).map_err(|e| {
            let message = format!("{who}: output field `{name}`: {e}");
            hinted(misfit(message), &e)
        })?;
        map.insert(name.clone(), value);
    }
    let value = Value::Map(map);
    match &promise.shape {
        None => Ok(value),
        Some(shape) => shape
            .accept(&value)
            .map_err(|e| misfit(format!("the output does not fit the contract: {e}"))),
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    let text = escape_controls(&clip(&text, 80)).into_owned();
    match value {
        Value::Str(_) => format!("`{text}`"),
        _ => text,
    }
}

/// What a process left behind, by name. What costs something is made when it is asked for.
struct Printed<'a> {
    exit: i32,
    exit_value: Value,
    stdout: &'a Captured,
    stderr: &'a Captured,
    names: &'a dyn Names,
    stdout_text: OnceCell<Result<Value, Failure>>,
    stderr_text: OnceCell<Result<Value, Failure>>,
    json: OnceCell<Result<Value, Failure>>,
    lines: OnceCell<Result<Value, Failure>>,
    table: OnceCell<Result<Value, Failure>>,
}

impl<'a> Printed<'a> {
    fn new(exit: i32, stdout: &'a Captured, stderr: &'a Captured, names: &'a dyn Names) -> Self {
        Self {
            exit,
            exit_value: Value::Int(exit.into()),
            stdout,
            stderr,
            names,
            stdout_text: OnceCell::new(),
            stderr_text: OnceCell::new(),
            json: OnceCell::new(),
            lines: OnceCell::new(),
            table: OnceCell::new(),
        }
    }
}

fn text(captured: &Captured) -> Result<Value, Failure> {
    whole(captured).map(|bytes| Value::Str(whole_text(bytes)))
}

fn made(value: &Result<Value, Failure>) -> Lookup<'_> {
    match value {
        Ok(value) => Lookup::Found {
            value: Cow::Borrowed(value),
            used: 1,
        },
        Err(failure) => Lookup::Unavailable {
            message: failure.message.clone(),
            hint: failure.hint.clone(),
        },
    }
}

impl Names for Printed<'_> {
    fn get(&self, path: &[&str]) -> Lookup<'_> {
        let root = path.first().copied().unwrap_or_default();
        match root {
            "exit" => Lookup::found(&self.exit_value, 1),
            "stdout" => made(self.stdout_text.get_or_init(|| text(self.stdout))),
            "stderr" => made(self.stderr_text.get_or_init(|| text(self.stderr))),
            "lines" => made(self.lines.get_or_init(|| lines(self.stdout))),
            "table" => made(self.table.get_or_init(|| table(self.stdout))),
            "json" => made(
                self.json
                    .get_or_init(|| Ok(Value::from_plain(&json(self.stdout)?))),
            ),
            _ => match self.names.get(path) {
                Lookup::Missing(mut error) if error.nearest.is_none() => {
                    error.nearest = nearest(root, OUTPUT_NAMES).map(str::to_owned);
                    Lookup::Missing(error)
                }
                lookup => lookup,
            },
        }
    }

    fn is_secret(&self, path: &[&str]) -> bool {
        let root = path.first().copied().unwrap_or_default();
        !OUTPUT_NAMES.contains(&root) && self.names.is_secret(path)
    }
}
