//! What a plugin's answer means: whether it did what it should, and what its output is.

use indexmap::IndexMap;
use serde_json::{Map as JsonMap, Value as Json};

use crate::call::judge::{accepted, fields};
use crate::call::reading::{Promise, fit};
use crate::expr::{Expression, Lookup, Names};
use crate::model::Value;
use crate::model::call::{Ended, Failure};
use crate::model::suggest::nearest;

/// How an answer is read.
#[derive(Clone, Debug, Default)]
pub struct PluginReading {
    /// What success is, over `answer`; any answer that is no failure where nothing is said.
    pub ok: Option<Expression>,
    /// One expression for each field of the output, over `answer`; the answer as it is where
    /// nothing is said.
    pub output: Option<IndexMap<String, Expression>>,
}

/// The name that `ok` and an output's fields have beside those of the caller.
const ANSWER: &str = "answer";

/// What stands behind an answer, for the messages.
pub(super) struct Asked<'a> {
    /// Who answered.
    pub(super) who: &'a str,
    /// How the answer is read.
    pub(super) reading: &'a PluginReading,
    /// What a contract promises of it.
    pub(super) promise: &'a Promise,
    /// The names that expressions have beside [`ANSWER`].
    pub(super) names: &'a dyn Names,
}

impl Asked<'_> {
    /// How a call ended that has this output.
    pub(super) fn judge(&self, output: JsonMap<String, Json>) -> Ended {
        let json = Json::Object(output);
        let answered = Answered {
            answer: Value::from_plain(&json),
            names: self.names,
        };
        let good = match &self.reading.ok {
            Some(ok) => accepted(ok, &answered, self.who),
            None => Ok(()),
        };
        let read = good.and_then(|()| match &self.reading.output {
            Some(expressions) => fields(expressions, &answered, self.who, self.promise),
            None => fit(&json, self.promise).map_err(|failure| self.expected(failure)),
        });
        match read {
            Ok(value) => Ended::Succeeded(value),
            Err(failure) => Ended::Failed(failure, Some(answered.answer)),
        }
    }

    fn expected(&self, failure: Failure) -> Failure {
        match &self.promise.example {
            Some(example) => {
                let example = example.to_plain();
                failure.hint(format!("expected as `output`, for example: {example}"))
            }
            None => failure,
        }
    }
}

/// An answer, by name.
struct Answered<'a> {
    answer: Value,
    names: &'a dyn Names,
}

impl Names for Answered<'_> {
    fn get(&self, path: &[&str]) -> Lookup<'_> {
        let root = path.first().copied().unwrap_or_default();
        if root == ANSWER {
            return Lookup::found(&self.answer, 1);
        }
        match self.names.get(path) {
            Lookup::Missing(mut error) if error.nearest.is_none() => {
                error.nearest = nearest(root, [ANSWER]).map(str::to_owned);
                Lookup::Missing(error)
            }
            lookup => lookup,
        }
    }

    fn is_secret(&self, path: &[&str]) -> bool {
        path.first() != Some(&ANSWER) && self.names.is_secret(path)
    }
}
