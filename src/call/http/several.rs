//! Several requests for one action, one after another, and what is known when one of them fails.
//!
//! Those that look (GET, HEAD) change nothing, whatever becomes of them. Of those that act it is
//! counted which succeeded, because that is what has happened when a later one does not.

use super::adapter::HttpSpec;
use super::answer::HttpOutput;
use super::request::Filled;
use super::sending::{Calling, Sending};
use crate::call::capture::{DEFAULT_CAP, Keep};
use crate::call::judge::{fields, hinted};
use crate::expr::{ExprError, Expression, Lookup, Names, Scope};
use crate::model::call::{Captured, Ended, Failure, FailureKind};
use crate::model::text::{clip, escape_controls};
use crate::model::{Digest, Map, Value};

/// How many items a request is sent for at most: more is a mistake, and none of them is sent.
const MOST_ITEMS: usize = 1000;

/// One of several requests.
#[derive(Clone, Debug)]
pub struct NamedSending {
    /// What its answer is called in what follows: `status`, `headers` and `body`, `none` where it
    /// was not sent; in a loop a list of these, each with its `item`.
    pub id: String,
    /// Where it is sent once for each item of a list.
    pub each: Option<Each>,
    /// Where this is false it is not sent.
    pub condition: Option<Expression>,
    /// The request.
    pub sending: Sending,
}

/// A request for each item of a list.
#[derive(Clone, Debug)]
pub struct Each {
    /// The list.
    pub over: Expression,
    /// What an item is called.
    pub name: String,
}

/// What has come of the requests so far.
struct SoFar {
    /// The answers by id.
    answers: Map,
    /// Which of those that act have succeeded.
    done: Vec<Done>,
    bodies: Keep,
}

/// How many times a request that acts has succeeded.
struct Done {
    id: String,
    times: usize,
    /// Of how many, in a loop.
    of: Option<usize>,
}

/// A request that is about to be sent.
struct Ready {
    item: Option<Value>,
    filled: Filled,
}

impl Calling<'_> {
    /// Several requests, and the output that their answers make.
    pub(super) fn several(&self, list: &[NamedSending], spec: &HttpSpec) -> (Ended, Captured) {
        let mut so_far = SoFar {
            answers: Map::new(),
            done: Vec::new(),
            bodies: Keep::new(DEFAULT_CAP),
        };
        let failed = list
            .iter()
            .find_map(|one| self.each(one, &mut so_far).err());
        let ended = failed.map_or_else(|| self.output(spec, &so_far), |ended| *ended);
        (ended, so_far.bodies.finish())
    }

    fn output(&self, spec: &HttpSpec, so_far: &SoFar) -> Ended {
        let HttpOutput::Fields(expressions) = &spec.output else {
            return Ended::Succeeded(Value::Map(Map::new()));
        };
        let names = over(self.names, &so_far.answers);
        match fields(expressions, &names, "the answers", &spec.promise) {
            Ok(output) => Ended::Succeeded(output),
            Err(failure) => Ended::Failed(failure, None),
        }
    }

    /// One of the requests, for each of its items.
    fn each(&self, one: &NamedSending, so_far: &mut SoFar) -> Result<(), Box<Ended>> {
        let acts = self.acts && !one.sending.request.method.looks();
        let ready = self
            .ready(one, acts, &so_far.answers)
            .map_err(|failure| so_far.told(Ended::Failed(failure, None), None, false, self))?;
        let of = ready.len();
        if acts {
            so_far.done.push(Done {
                id: one.id.clone(),
                times: 0,
                of: one.each.is_some().then_some(of),
            });
        }
        let mut answers = Vec::with_capacity(of);
        for Ready { item, filled } in ready {
            let ended =
                |ended: Box<Ended>, so_far: &SoFar| so_far.told(*ended, item.as_ref(), acts, self);
            let got = self
                .send(filled, one.sending.reading.redirects)
                .map_err(|why| ended(why, so_far))?;
            if !got.answer.body.bytes.is_empty() {
                so_far.bodies.push(&got.answer.body.bytes);
                so_far.bodies.push(b"\n");
            }
            let names = over(self.names, &so_far.answers);
            let names = with_item(&names, one, item.as_ref());
            let asked = self.asked(&got, &one.sending, &names, acts);
            let mut notes = self.notes.take();
            let answer = asked.value(&got, &mut notes);
            self.notes.set(notes);
            let mut answer = answer.map_err(|why| ended(why, so_far))?;
            if let Some(done) = so_far.done.last_mut().filter(|_| acts) {
                done.times += 1;
            }
            if let Some(item) = item {
                answer.insert("item".to_owned(), item);
            }
            answers.push(Value::Map(answer));
        }
        let value = match one.each {
            Some(_) => Value::List(answers),
            None => answers.pop().unwrap_or_default(),
        };
        so_far.answers.insert(one.id.clone(), value);
        Ok(())
    }

    /// All that is to be sent, before any of it is: what cannot be filled in is known before
    /// anything was done.
    fn ready(&self, one: &NamedSending, acts: bool, answers: &Map) -> Result<Vec<Ready>, Failure> {
        let shut = over(self.names, answers);
        let items = match &one.each {
            None => vec![None],
            Some(each) => list(each, &one.id, &shut)?.into_iter().map(Some).collect(),
        };
        let mut ready = Vec::with_capacity(items.len());
        for item in items {
            let names = with_item(&shut, one, item.as_ref());
            if let Some(condition) = &one.condition {
                let holds = condition.eval_bool(&names);
                if !holds.map_err(|e| unfit(&format!("`if` of `{}`", one.id), &e))? {
                    continue;
                }
            }
            let key = self.key_of(&part(&one.id, item.as_ref())?);
            let run = with_key(self.open, &key.0);
            let open = over(self.open, answers).with("run", &run);
            let open = with_item(&open, one, item.as_ref());
            let key = Some(&key).filter(|key| acts && !key.0.is_empty());
            let filled = one
                .sending
                .request
                .fill(&open, key)
                .map_err(|mut failure| {
                    failure.message = format!("`{}`: {}", one.id, failure.message);
                    failure
                })?;
            ready.push(Ready { item, filled });
        }
        Ok(ready)
    }
}

impl SoFar {
    /// How the action ended with a request that did not succeed: `acts` is whether that one was to
    /// change something.
    fn told(
        &self,
        ended: Ended,
        item: Option<&Value>,
        acts: bool,
        calling: &Calling<'_>,
    ) -> Box<Ended> {
        let acted = self.done.iter().any(|done| done.times > 0);
        let say = |message: &str| self.say(item, message);
        // What only looked changed nothing, so it is known what has happened.
        let known = |mut failure: Failure, output| {
            failure.message = say(&failure.message);
            if acted {
                failure.kind = FailureKind::Answer;
            } else if calling.acts && !acts && failure.kind != FailureKind::Expression {
                failure.kind = FailureKind::NotStarted;
            }
            Ended::Failed(failure, output)
        };
        let over = || format!("the time of {} was over", calling.request.timeout);
        Box::new(match ended {
            Ended::Failed(failure, output) => known(failure, output),
            Ended::Unknown(why) if acts || !calling.acts => Ended::Unknown(say(&why)),
            Ended::Unknown(why) => known(Failure::new(FailureKind::Answer, why), None),
            Ended::TimedOut if acts => Ended::Unknown(say(&format!(
                "{} after it was sent: it may have acted",
                over()
            ))),
            Ended::TimedOut if calling.acts => {
                known(Failure::new(FailureKind::Within, over()), None)
            }
            Ended::Cancelled if calling.acts && !acts && !acted => known(
                Failure::new(
                    FailureKind::NotStarted,
                    "it was ended on request, before anything was changed",
                ),
                None,
            ),
            ended => ended,
        })
    }

    /// A message that begins with what has been done before.
    fn say(&self, item: Option<&Value>, message: &str) -> String {
        let mut text = String::new();
        for done in self.done.iter().filter(|done| done.times > 0) {
            match done.of {
                Some(of) => text.push_str(&format!(
                    "`{}`: {} of {of} were sent and succeeded; ",
                    done.id, done.times
                )),
                None => text.push_str(&format!("`{}` was sent and succeeded; ", done.id)),
            }
        }
        if let Some(item) = item {
            let item = clip(&item.to_string(), 60).into_owned();
            text.push_str(&format!("for `{}`: ", escape_controls(&item)));
        }
        text.push_str(message);
        text
    }
}

/// The names of the adapter's file with the answers so far.
fn over<'a>(names: &'a dyn Names, answers: &'a Map) -> Scope<'a> {
    let over = Scope::over(names);
    let mut answers = answers.iter();
    answers
        .by_ref()
        .fold(over, |scope, (id, answer)| scope.with(id, answer))
}

fn with_item<'a>(
    names: &'a Scope<'a>,
    one: &'a NamedSending,
    item: Option<&'a Value>,
) -> Scope<'a> {
    let over = Scope::over(names);
    match (&one.each, item) {
        (Some(each), Some(item)) => over.with(&each.name, item),
        _ => over,
    }
}

/// `run` with the key of one of several requests.
fn with_key(names: &dyn Names, key: &str) -> Value {
    let mut run = match names.get(&["run"]) {
        Lookup::Found { value, .. } => match value.into_owned() {
            Value::Map(run) => run,
            _ => Map::new(),
        },
        _ => Map::new(),
    };
    run.insert("idempotency_key".to_owned(), key.into());
    Value::Map(run)
}

/// What tells a request from the others of its call, whatever else is to be done: its id, and in a
/// loop a digest of its item.
fn part(id: &str, item: Option<&Value>) -> Result<String, Failure> {
    let Some(item) = item else {
        return Ok(id.to_owned());
    };
    let digest = Digest::of_json(&item.to_plain()).map_err(|e| {
        let message = format!("`for_each` of `{id}`: an item cannot be told from others: {e}");
        Failure::new(FailureKind::Expression, message)
    })?;
    let digest = digest.to_string();
    let hex = digest.rsplit(':').next().unwrap_or_default();
    Ok(format!("{id}/{}", hex.get(..16).unwrap_or(hex)))
}

/// The items of a loop.
fn list(each: &Each, id: &str, names: &dyn Names) -> Result<Vec<Value>, Failure> {
    let what = format!("`for_each` of `{id}`");
    let wrong = |why: String| Failure::new(FailureKind::Expression, format!("{what}: {why}"));
    match each.over.eval(names).map_err(|e| unfit(&what, &e))? {
        Value::List(items) if items.len() > MOST_ITEMS => Err(wrong(format!(
            "{} items are more than the {MOST_ITEMS} that are sent at most",
            items.len()
        ))),
        Value::List(mut items) => {
            // Who is named twice is asked once.
            let mut seen: Vec<Value> = Vec::with_capacity(items.len());
            items.retain(|item| {
                let new = !seen.contains(item);
                if new {
                    seen.push(item.clone());
                }
                new
            });
            Ok(items)
        }
        other => Err(wrong(format!(
            "this is no list: {}",
            clip(&other.to_string(), 60)
        ))),
    }
}

/// What could not be evaluated, so that nothing of it was sent.
fn unfit(what: &str, e: &ExprError) -> Failure {
    hinted(
        Failure::new(FailureKind::Expression, format!("{what}: {e}")),
        e,
    )
}
