//! Calls, people and decisions in words. Nothing here is escaped: `Line` does that.

use super::reporter::Leaving;
use super::style::Mark;
use crate::model::approval::{Proof, Voter};
use crate::model::call::{Failure, Work};
use crate::model::event::{
    Decision, FailureChoice, ManualOutcome, ParkReason, Resolution, ResolvedBy, RunOutcome,
    SkipReason, UndoReason,
};
use crate::model::people::{Actor, Way};
use crate::model::text::clip;
pub use crate::model::typed::typed_words;
pub(super) use crate::model::typed::{quoted, script};
use crate::model::{Status, Value};
use crate::run::MarkedDone;

/// Words of a plan, in which `‹…›` stands for what is not known yet: such a word is left as it is.
/// Only for a plan: what a person decides about is shown by [`typed_words`].
pub(super) fn planned_words<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> String {
    let word = |word: S| match word.as_ref() {
        unknown if unknown.contains('‹') => unknown.to_owned(),
        known => quoted(known),
    };
    let words: Vec<String> = words.into_iter().map(word).collect();
    words.join(" ")
}

/// What is done: `$DATABASE_TOOL failover --to-replica=replica-2`.
pub(super) fn work(work: &Work) -> String {
    work.typed()
}

/// What is done, escaped for the screen.
pub fn work_words(work: &Work) -> String {
    crate::model::text::escape_controls(&self::work(work)).into_owned()
}

/// A value in a sentence, cut to a readable length.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Str(text) => format!("'{}'", clip(text, 120)),
        Value::Map(_) | Value::List(_) => clip(&value_facts(value), 120).into_owned(),
        other => other.to_string(),
    }
}

/// What a value says, as a person reads it: `state stopped, lag 4s`, not as JSON. Not escaped.
pub fn value_facts(value: &Value) -> String {
    match value {
        Value::Map(map) => {
            let facts: Vec<String> = map
                .iter()
                .filter(|(_, field)| !field.is_none() && field.as_str() != Some(""))
                .map(|(name, field)| match field {
                    Value::Bool(true) => name.clone(),
                    Value::Bool(false) => format!("not {name}"),
                    Value::Map(_) => format!("{name} ({})", value_facts(field)),
                    field => format!("{name} {}", value_facts(field)),
                })
                .collect();
            facts.join(", ")
        }
        Value::List(items) if items.is_empty() => "none".to_owned(),
        Value::List(items) if items.iter().any(|item| matches!(item, Value::Map(_))) => {
            let items: Vec<String> = items
                .iter()
                .map(|item| format!("({})", value_facts(item)))
                .collect();
            items.join(" ")
        }
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(value_facts).collect();
            items.join(" ")
        }
        other => super::clock::to_the_second(&other.to_string()).into_owned(),
    }
}

/// The names of an expression with what they stand for.
pub(super) fn values(values: &[(String, Value)]) -> String {
    let said: Vec<String> = values
        .iter()
        .map(|(name, of)| format!("{name} is {}", value(of)))
        .collect();
    said.join(", ")
}

/// Who.
pub(super) fn actor(actor: &Actor) -> String {
    match actor {
        Actor::Engine => "runbook".to_owned(),
        Actor::Person(person) => person.to_string(),
    }
}

/// Who and by which way, for a decision: `by ana@db-ops at the terminal`.
pub(super) fn who(by: &Actor, way: Way) -> String {
    match by {
        Actor::Engine => way.to_string(),
        Actor::Person(person) if way == Way::Terminal => format!("by {person} {way}"),
        Actor::Person(person) => format!("by {person}, {way}"),
    }
}

/// What happens now that the run is being left.
pub(super) fn leaving(signal: &str, acting: usize, how: Leaving) -> String {
    match (how, acting) {
        (Leaving::Waiting | Leaving::Asking, 0) => format!("{signal}: nothing new starts"),
        (Leaving::Waiting, _) => format!(
            "{signal}: nothing new starts; waiting for what runs ({acting}). Ctrl-C twice ends it, \
             and leaves a change in doubt"
        ),
        (Leaving::Asking, _) => format!(
            "{signal}: nothing new starts; when what runs ({acting}) has ended, you are asked what \
             to do. Ctrl-C again ends it, and leaves a change in doubt"
        ),
        (Leaving::Ending, 0) => format!("{signal}: leaving"),
        (Leaving::Ending, _) => {
            format!("{signal}: ending what runs ({acting}); a change is in doubt then")
        }
        (Leaving::Stopping, 0) => {
            format!("{signal}: nothing starts until you come back with fg; time goes on")
        }
        (Leaving::Stopping, _) => format!(
            "{signal}: nothing new starts until you come back with fg; what runs ({acting}) goes \
             on, and its time too"
        ),
        (Leaving::Staying, _) => format!(
            "{signal}: not stopped, for no shell would bring the run back; Ctrl-C stops it, p at a \
             question parks it"
        ),
    }
}

/// A person's own words, where there are any.
pub(super) fn because(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

/// Why a step was left out.
pub(super) fn skipped(why: &SkipReason) -> String {
    match why {
        SkipReason::If {
            expression,
            values: of,
        } if of.is_empty() => format!("`{expression}` is false"),
        SkipReason::If {
            expression,
            values: of,
        } => format!("`{expression}` is false: {}", values(of)),
        SkipReason::EmptyLoop => "there is no item".to_owned(),
        SkipReason::Operator { way, reason } => {
            format!("left out {way}{}", because(reason.as_deref()))
        }
    }
}

/// Another person, and how we know who they are.
pub(super) fn voter(voter: &Voter) -> String {
    match &voter.proof {
        Proof::Login(person) => format!("{} (login {person})", voter.principal),
        Proof::Signature(signed) => format!("{} (key {})", voter.principal, signed.key),
    }
}

/// What was decided at a gate.
pub(super) fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Approve => "approved",
        Decision::Decline => "declined",
        Decision::Skip => "left out",
        Decision::Expire => "expired",
    }
}

/// What a failure leads to.
pub(super) fn choice(choice: FailureChoice) -> &'static str {
    match choice {
        FailureChoice::Retry => "try again",
        FailureChoice::RetryByRule => "try again, by its `retry`",
        FailureChoice::Skip => "leave it out and go on",
        FailureChoice::MarkDone => "count it as done",
        FailureChoice::Continue => "accept the failure and go on",
        FailureChoice::Propagate => "the block around it fails",
        FailureChoice::Undo => "take back what was done",
        FailureChoice::Stop => "stop the run",
    }
}

/// Who counts a step as done, and why.
pub(super) fn marked(marked: &MarkedDone) -> String {
    let by = match &marked.by {
        Actor::Engine => "runbook".to_owned(),
        Actor::Person(person) => person.user.clone(),
    };
    let how = match marked.happened {
        true => "it happened, says",
        false => "marked done by",
    };
    format!("{how} {by}{}", because(marked.reason.as_deref()))
}

/// How a person's work went.
pub(super) fn outcome(outcome: ManualOutcome) -> (Status, &'static str) {
    match outcome {
        ManualOutcome::Done => (Status::Succeeded, "done by hand"),
        ManualOutcome::Skipped => (Status::Skipped, "left out"),
        ManualOutcome::Failed => (Status::Failed, "failed, a person says"),
    }
}

/// How a doubt was settled.
pub(super) fn resolution(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Happened => "it happened",
        Resolution::DidNotHappen => "it did not happen",
        Resolution::Again => "it is done again",
        Resolution::Skip => "it is left out",
        Resolution::Stop => "the run stops here",
    }
}

/// Who or what settled a doubt.
pub(super) fn resolved_by(by: ResolvedBy) -> &'static str {
    match by {
        ResolvedBy::Read => "it only looks",
        ResolvedBy::Verify => "the tool was asked",
        ResolvedBy::Idempotent => "doing it twice does no harm",
        ResolvedBy::Person => "a person said so",
    }
}

/// Why something is taken back.
pub(super) fn undo_reason(why: UndoReason) -> &'static str {
    match why {
        UndoReason::Failure => "a step failed",
        UndoReason::Cancel => "the run was cancelled",
        UndoReason::End => "the run is at its end",
        UndoReason::Request => "somebody asked for it",
    }
}

/// What a parked run waits for.
pub(super) fn parked(reason: &ParkReason) -> String {
    match reason {
        ParkReason::Operator => "the operator left at a question".to_owned(),
        ParkReason::NeedsPerson => "a person must decide, and nobody is there".to_owned(),
        ParkReason::InDoubt => "a step is in doubt, and nobody is there to settle it".to_owned(),
        ParkReason::Signal(signal) => format!("the process was told to end ({signal})"),
    }
}

/// How a run ended, with its mark.
pub(super) fn ended(outcome: RunOutcome) -> (Mark, &'static str) {
    match outcome {
        RunOutcome::Succeeded => (Mark::of(Status::Succeeded), "succeeded"),
        RunOutcome::SucceededWithFailures => (
            Mark::FORESEEN,
            "went to its end, with failures that it provides for",
        ),
        RunOutcome::Failed => (Mark::of(Status::Failed), "FAILED"),
        RunOutcome::Declined => (
            Mark::of(Status::Declined),
            "was stopped: declined at a gate",
        ),
        RunOutcome::Cancelled => (Mark::of(Status::Cancelled), "was cancelled"),
    }
}

/// A failure's kind as a record says it.
pub(super) fn failure(failure: &Failure) -> String {
    match &failure.hint {
        None => failure.message.clone(),
        Some(hint) => format!("{} — {hint}", failure.message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_need_it() {
        assert_eq!(
            planned_words([
                "failover",
                "--to=a b",
                "it's",
                "",
                "‹steps.x.output.y | length›"
            ]),
            "failover --to='a b' 'it'\\''s' '' ‹steps.x.output.y | length›"
        );
        assert_eq!(typed_words(["x‹ --force›"]), "'x‹ --force›'");
        assert_eq!(
            script("set -x\n\necho a\necho b\n"),
            "script: set -x … (3 lines)"
        );
    }
}
