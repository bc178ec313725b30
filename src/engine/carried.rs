//! Calls that a person carries out: the tool is bound to somebody, not to something.

use crate::model::call::{Ended, Failure, FailureKind, Reply, Request, Work};
use crate::model::event::ManualOutcome;
use crate::model::{Shape, Value};
use crate::report::typed_words;
use crate::run::{Fact, Need};

/// What the person is asked to do. Later steps read its output, so they type in its fields, but
/// for those that are secrets: what is typed is recorded.
pub fn need(request: &Request, example: Option<&Value>, issued: &[String]) -> Need {
    let words = match &request.work {
        Work::Call(call) => format!(
            "{} {}",
            call.tool,
            typed_words(call.words.iter().map(String::as_str))
        ),
        Work::Process(_) => "this command".to_owned(),
    };
    let mut items = vec![format!("Do this by hand: {words}")];
    if let Some(example) = example {
        // Later steps read what it would have answered.
        items.push(format!(
            "Then type d and what you saw, as JSON, for later steps read it: d {}",
            example.to_plain()
        ));
    }
    if !issued.is_empty() {
        items.push(format!(
            "Keep {} to yourself: what you type here is recorded",
            issued.join(", ")
        ));
    }
    Need::Manual {
        items,
        by: None,
        reveal: None,
    }
}

/// What the person reported, as the reply to the call. Of the fields that are secrets nothing is
/// kept, whoever typed them all the same.
pub fn reply(fact: Fact, shape: &Shape, issued: &[String]) -> Option<Reply> {
    let Fact::Reported {
        outcome,
        mut output,
        note,
        ..
    } = fact
    else {
        return None;
    };
    let mut notes = Vec::new();
    if let Value::Map(map) = &mut output {
        let typed = issued
            .iter()
            .filter(|field| map.shift_remove(*field).is_some());
        notes.extend(
            typed.map(|field| format!("`{field}` was typed in and is not kept: it is a secret")),
        );
    }
    let note = note.unwrap_or_else(|| "the person said that it failed".to_owned());
    let ended = match outcome {
        ManualOutcome::Done => match fitted(shape, &output) {
            Ok(output) => Ended::Succeeded(output),
            Err(message) => Ended::Failed(Failure::new(FailureKind::Output, message), Some(output)),
        },
        // What was not done leaves nothing behind that would be taken back.
        ManualOutcome::Skipped => Ended::Failed(Failure::new(FailureKind::NotStarted, note), None),
        ManualOutcome::Failed => Ended::Failed(Failure::new(FailureKind::Person, note), None),
    };
    Some(Reply {
        notes,
        ..Reply::of(ended)
    })
}

fn fitted(shape: &Shape, output: &Value) -> Result<Value, String> {
    match output {
        // Nothing was typed in: what later steps would read is not there.
        Value::None => Ok(Value::Map(crate::model::Map::new())),
        output => shape
            .fit(&output.to_plain())
            .map_err(|misfit| format!("what was typed in does not fit: {misfit}")),
    }
}
