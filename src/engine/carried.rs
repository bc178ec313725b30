//! Calls that a person carries out: the tool is bound to somebody, not to something.

use crate::model::call::{Ended, Failure, FailureKind, Reply, Request, Work};
use crate::model::event::ManualOutcome;
use crate::model::{Shape, Value};
use crate::report::typed_words;
use crate::run::{Fact, Need};

/// What the person is asked to do. Later steps read its output, so they type in its fields.
pub fn need(request: &Request, example: Option<&Value>) -> Need {
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
    Need::Manual { items, by: None }
}

/// What the person reported, as the reply to the call.
pub fn reply(fact: Fact, shape: &Shape) -> Option<Reply> {
    let Fact::Reported {
        outcome,
        output,
        note,
        ..
    } = fact
    else {
        return None;
    };
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
    Some(Reply::of(ended))
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
