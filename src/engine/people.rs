//! Who is asked when a person is needed: prepared answers first, then the terminal, else nobody.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::halting::{Halted, WhatNow};
use super::pager::Printed;
use crate::call::Secret;
use crate::model::Value;
use crate::model::approval::Principal;
use crate::model::call::Failure;
use crate::model::event::{Decision, FailureChoice, ManualOutcome};
use crate::model::ids::{Attempt, GroupName, RunId, StepKey};
use crate::model::people::Way;
use crate::report::TakenBack;
use crate::run::{Fact, Need, PersonNeeded};

/// Answers that were given before the run, as far as the environment's policy allows them.
#[derive(Clone, Debug, Default)]
pub struct Prepared {
    /// `--yes`: every gate, question and manual step gets its affirmative or suggested answer.
    pub yes: bool,
    /// `--answer STEP=VALUE` and `--answers FILE`, by the step's key.
    pub answers: BTreeMap<String, String>,
}

/// Why nobody can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered(pub String);

impl Prepared {
    /// The prepared answer to a need, if there is one. None of them ever settles a step in doubt
    /// or decides about a failure; at a gate they stand in for others, too.
    pub fn answer(&self, needed: &PersonNeeded) -> Result<Option<Fact>, Unanswered> {
        let given = self.given(&needed.step);
        match (&needed.need, given) {
            (Need::Failure { .. } | Need::Doubt { .. }, _) => Ok(None),
            (Need::Gate(gate) | Need::Approvals { gate, .. }, Some(given)) => {
                let decision = match given.as_str() {
                    "approve" | "yes" => Decision::Approve,
                    "decline" | "no" => Decision::Decline,
                    "skip" => Decision::Skip,
                    typed if gate.challenge.as_deref() == Some(typed) => Decision::Approve,
                    other => {
                        return Err(Unanswered(format!(
                            "the prepared answer `{other}` is no decision: write approve, decline or skip"
                        )));
                    }
                };
                Ok(Some(Fact::Gate {
                    digest: gate.digest,
                    decision,
                    way: Way::Answers,
                    reason: None,
                }))
            }
            (Need::Gate(gate) | Need::Approvals { gate, .. }, None) if self.yes => {
                Ok(Some(Fact::Gate {
                    digest: gate.digest,
                    decision: Decision::Approve,
                    way: Way::Yes,
                    reason: None,
                }))
            }
            (
                Need::Ask {
                    shape, suggested, ..
                },
                Some(given),
            ) => match shape.read(given) {
                Ok(answer) => Ok(Some(Fact::Answer {
                    answer,
                    suggested: suggested.clone().ok().flatten(),
                    way: Way::Answers,
                })),
                Err(misfit) => Err(Unanswered(format!(
                    "the prepared answer does not fit: {misfit}"
                ))),
            },
            (
                Need::Ask {
                    choices, suggested, ..
                },
                None,
            ) if self.yes => affirmative(choices, suggested).map(Some),
            (Need::Manual { reveal, .. }, Some(given)) => {
                let outcome = match given.as_str() {
                    "done" | "yes" => ManualOutcome::Done,
                    "skip" | "skipped" => ManualOutcome::Skipped,
                    "failed" | "no" => ManualOutcome::Failed,
                    other => {
                        return Err(Unanswered(format!(
                            "the prepared answer `{other}` is no report: write done, skip or failed"
                        )));
                    }
                };
                match (outcome, reveal) {
                    (ManualOutcome::Done, Some(_)) => Err(for_a_person()),
                    _ => Ok(Some(reported(outcome, Way::Answers))),
                }
            }
            (Need::Manual { reveal, .. }, None) if self.yes => match reveal {
                Some(_) => Err(for_a_person()),
                None => Ok(Some(reported(ManualOutcome::Done, Way::Yes))),
            },
            (
                Need::Gate(_) | Need::Approvals { .. } | Need::Ask { .. } | Need::Manual { .. },
                None,
            ) => Ok(None),
        }
    }

    /// The answer for a step, or for all items of the loops that it is in.
    fn given(&self, step: &StepKey) -> Option<&String> {
        let exact = self.answers.get(step.as_str());
        exact.or_else(|| self.answers.get(&step.without_items()))
    }

    /// Whether a step of this key certainly has an answer.
    pub fn covers(&self, key: &str) -> bool {
        self.yes || self.answers.contains_key(key)
    }
}

/// What is revealed is shown to nobody but who is there.
fn for_a_person() -> Unanswered {
    Unanswered(
        "it reveals a secret to a person: resume the run from a terminal, or skip the step"
            .to_owned(),
    )
}

fn reported(outcome: ManualOutcome, way: Way) -> Fact {
    Fact::Reported {
        outcome,
        output: Value::None,
        way,
        note: None,
    }
}

/// What `--yes` answers: the suggestion, else `yes`, else the first choice.
fn affirmative(
    choices: &[(String, String)],
    suggested: &Result<Option<Value>, Failure>,
) -> Result<Fact, Unanswered> {
    let suggestion = match suggested {
        Ok(suggestion) => suggestion.clone(),
        Err(failure) => return Err(Unanswered(failure.message.clone())),
    };
    let yes = choices.iter().find(|(choice, _)| choice == "yes");
    let first = yes
        .or(choices.first())
        .map(|(choice, _)| Value::from(choice.as_str()));
    match suggestion.clone().or(first) {
        Some(answer) => Ok(Fact::Answer {
            answer,
            suggested: suggestion,
            way: Way::Yes,
        }),
        None => Err(Unanswered(
            "the question has neither a suggestion nor choices".to_owned(),
        )),
    }
}

/// What holds where nobody can be asked: only what the runbook's rules say.
pub fn unattended(need: &Need) -> Option<Fact> {
    match need {
        Need::Failure {
            unattended: Some(choice),
            ..
        } => Some(Fact::Chosen {
            choice: *choice,
            way: Way::Rule,
            reason: None,
        }),
        Need::Gate(_)
        | Need::Ask { .. }
        | Need::Manual { .. }
        | Need::Failure { .. }
        | Need::Approvals { .. }
        | Need::Doubt { .. } => None,
    }
}

/// What a person at a terminal may do with a need: an answer, or leave.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// An answer.
    Fact(Fact),
    /// They leave; the run is parked.
    Park,
    /// The terminal is gone.
    Gone,
    /// The question was withdrawn before they said anything.
    Withdrawn,
}

/// Somebody who can be asked.
pub trait People: Send + Sync {
    /// A question comes next: a withdrawal that came when the one before was answered already, is
    /// forgotten.
    fn make_ready(&self);

    /// Asks, and blocks until they have said something or the question is withdrawn.
    fn ask(&self, question: &Question) -> Said;

    /// Asks what is to be done after an interrupt, and blocks as `ask` does.
    fn what_now(&self, halted: &Halted) -> WhatNow;

    /// Withdraws the question that is being asked, if one is.
    fn withdraw(&self);

    /// This process is about to be stopped: the terminal is left as it was found.
    fn put_away(&self);

    /// This process goes on: the question that is being asked, if one is, is shown anew.
    fn show_again(&self);
}

/// What is asked, with what the screen shows around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The need.
    pub needed: PersonNeeded,
    /// The run, for the commands that others type.
    pub run: RunId,
    /// The step's title, escaped.
    pub title: String,
    /// Why it is done, escaped.
    pub why: Option<String>,
    /// Where the run acts, and whether that is real.
    pub environment: String,
    /// Whether anything real can be touched.
    pub real: bool,
    /// Whether the policy lets people be stood in for, as in a rehearsal.
    pub unattended: bool,
    /// How the step is taken back, in words.
    pub undo: String,
    /// Who would do it: tool, adapter.
    pub answered_by: Option<String>,
    /// Until when the gate waits, as the screen shows times.
    pub until: Option<String>,
    /// The group that may approve too from then on.
    pub next_group: Option<GroupName>,
    /// The last lines of output, escaped, where something failed.
    pub last_lines: Vec<String>,
    /// All that was kept of what it printed, where something failed or is in doubt.
    pub printed: Option<Arc<Printed>>,
    /// What a tool gave out for the person who is asked; or why it cannot be shown.
    pub revealed: Option<Result<Secret, Failure>>,
    /// What would be taken back, where that can be chosen.
    pub back: TakenBack,
    /// The number of another attempt.
    pub next_attempt: Attempt,
    /// Whether a gate is asked before it.
    pub gated: bool,
    /// What the attempt before said, escaped, where it failed.
    pub earlier: Option<String>,
    /// What a block lets through, a line each, escaped.
    pub inside: Vec<String>,
    /// Whether what is suggested follows from what steps found or people answered.
    pub measured: bool,
    /// Who may still approve: not who operates the run, nor who has spoken.
    pub others: Vec<Principal>,
    /// Whether somebody may go on without others' approvals.
    pub glass: bool,
    /// Whether the run has changed something already.
    pub acted: bool,
}

/// The words of a choice after a failure.
pub fn choice_word(choice: FailureChoice) -> &'static str {
    match choice {
        FailureChoice::Retry => "retry",
        FailureChoice::RetryByRule => "retry by rule",
        FailureChoice::Skip => "skip",
        FailureChoice::MarkDone => "mark done",
        FailureChoice::Continue => "continue",
        FailureChoice::Propagate => "fail the block",
        FailureChoice::Undo => "undo",
        FailureChoice::Stop => "stop",
    }
}
