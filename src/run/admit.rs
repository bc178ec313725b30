//! An outside fact becomes an event, or is stale.

use std::fmt;

use super::due::told;
use super::names::At;
use super::render::broken;
use super::state::{Inst, InstIx, Run, State};
use crate::expr::Scope;
use crate::model::approval::{Vote, Voter};
use crate::model::call::{Ended, Failure, FailureKind, Work};
use crate::model::event::{
    Decision, FailureChoice, Happened, ManualOutcome, Outcome, Resolution, ResolvedBy, StepFinished,
};
use crate::model::ids::{Attempt, StepKey};
use crate::model::output::{Stored, Streams};
use crate::model::people::Way;
use crate::model::{Digest, Duration, Effect, Timestamp, Value};

use super::command::Draft;

/// Something that came in from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// For which step.
    pub step: StepKey,
    /// For which try of it.
    pub attempt: Attempt,
    /// What.
    pub fact: Fact,
}

/// What came in.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// What a step did has ended.
    Replied(Replied),
    /// A poll came to the end of its time.
    GaveUp {
        /// What did not hold, and what the last look saw.
        failure: Failure,
        /// What the last look saw.
        output: Option<Value>,
        /// What the last look printed.
        streams: Streams,
        /// What a person should know beside.
        notes: Vec<String>,
        /// How long it took, in the run's time.
        took: Duration,
    },
    /// The look before acting has ended.
    Looked(Ended),
    /// The contract's `verify` has ended.
    Verified(Ended),
    /// A person decided at a gate.
    Gate {
        /// What they saw.
        digest: Digest,
        /// What they said.
        decision: Decision,
        /// How.
        way: Way,
        /// Why.
        reason: Option<String>,
    },
    /// Another person said something about a gate.
    Vote {
        /// What they saw.
        digest: Digest,
        /// What they said.
        vote: Vote,
        /// Who, and how we know. Whether a signature is good was found out before.
        voter: Box<Voter>,
        /// Why.
        reason: Option<String>,
    },
    /// A person answered a question.
    Answer {
        /// The answer.
        answer: Value,
        /// What had been suggested.
        suggested: Option<Value>,
        /// How.
        way: Way,
    },
    /// A person reported about their work.
    Reported {
        /// How it went.
        outcome: ManualOutcome,
        /// What they typed in.
        output: Value,
        /// How.
        way: Way,
        /// Their note.
        note: Option<String>,
    },
    /// A person decided what a failure leads to.
    Chosen {
        /// What.
        choice: FailureChoice,
        /// How.
        way: Way,
        /// Why.
        reason: Option<String>,
    },
    /// A person said what became of a step in doubt.
    Settled {
        /// What.
        resolution: Resolution,
        /// Why they think so.
        reason: String,
    },
    /// A person cut a pause short.
    Cut {
        /// Why.
        reason: String,
    },
}

/// How a step's work ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Replied {
    /// How.
    pub ended: Ended,
    /// What was printed, kept as blobs.
    pub streams: Streams,
    /// What a person should know beside.
    pub notes: Vec<String>,
    /// How long it took, in the run's time.
    pub took: Duration,
}

/// An input that no longer means anything: the step has moved on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// Which step.
    pub step: StepKey,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}: {}", self.step, self.reason)
    }
}

impl std::error::Error for Stale {}

impl Run {
    /// Turns an outside fact into the event that records it, at this moment.
    ///
    /// # Errors
    /// The step has moved on, or what was said is not for them to say: the reason is written for
    /// whoever said it.
    pub fn admit(&self, input: Input, at: Timestamp) -> Result<Draft, Stale> {
        let step = input.step.clone();
        let stale = |reason: String| Stale {
            step: step.clone(),
            reason,
        };
        let ix = *self
            .by_key
            .get(&input.step)
            .ok_or_else(|| stale("it is not part of the run".to_owned()))?;
        let inst = self.inst(ix);
        if inst.attempt != input.attempt {
            return Err(stale(format!(
                "this is about attempt {}, and it is at attempt {}",
                input.attempt, inst.attempt
            )));
        }
        let what = self
            .happened(ix, inst, input.fact)
            .map_err(|reason| stale(reason.to_owned()))?;
        if !inst.state.is_active() {
            return Err(stale(format!("it is {}", inst.status())));
        }
        self.legal(ix, &what, at).map_err(stale)?;
        Ok(Draft {
            step: Some(input.step),
            attempt: Some(input.attempt),
            what,
        })
    }

    fn happened(&self, ix: InstIx, inst: &Inst, fact: Fact) -> Result<Happened, &'static str> {
        Ok(match fact {
            Fact::Replied(replied) => self.result(ix, replied),
            Fact::GaveUp {
                failure,
                output,
                streams,
                notes,
                took,
            } => Happened::StepFinished(Box::new(StepFinished {
                outcome: Outcome::TimedOut,
                output: output.map(Stored::Inline),
                failure: Some(failure),
                streams,
                notes,
                took,
            })),
            Fact::Looked(Ended::Succeeded(output)) => Happened::BeforeSeen {
                output: Some(output),
                failure: None,
            },
            Fact::Looked(other) => Happened::BeforeSeen {
                output: None,
                failure: Some(why_not(other)),
            },
            Fact::Verified(ended) => match &inst.state {
                State::Doubt { reason, .. } => self.verdict(ix, inst, ended, reason),
                _ => return Err("there is no doubt about it any more"),
            },
            Fact::Gate {
                digest,
                decision,
                way,
                reason,
            } => Happened::GateDecided {
                digest,
                decision,
                way,
                reason,
            },
            Fact::Vote {
                digest,
                vote,
                voter,
                reason,
            } => Happened::ApprovalGiven {
                digest,
                vote,
                voter: *voter,
                reason,
            },
            Fact::Answer {
                answer,
                suggested,
                way,
            } => Happened::AnswerGiven {
                answer,
                suggested,
                way,
            },
            Fact::Reported {
                outcome,
                output,
                way,
                note,
            } => Happened::ManualReported {
                outcome,
                output,
                way,
                note,
            },
            Fact::Chosen {
                choice,
                way,
                reason,
            } => Happened::FailureDecided {
                choice,
                way,
                reason,
            },
            Fact::Settled { resolution, reason } => Happened::StepResolved {
                resolution,
                by: ResolvedBy::Person,
                reason,
                output: None,
            },
            Fact::Cut { reason } => Happened::PauseEnded { cut: Some(reason) },
        })
    }

    /// A step's result, judged by what it expects.
    fn result(&self, ix: InstIx, replied: Replied) -> Happened {
        let node = self.plan.node(self.inst(ix).node);
        let reads = node.effect == Effect::Read;
        let Replied {
            ended,
            streams,
            notes,
            took,
        } = replied;
        let unknown = |reason: String, streams: Streams| Happened::StepUnknown { reason, streams };
        let (outcome, output, failure) = match ended {
            Ended::Succeeded(output) => match self.expected(ix, &output) {
                Ok(()) => (Outcome::Succeeded, Some(output), None),
                Err(failure) => (Outcome::Failed, Some(output), Some(failure)),
            },
            Ended::Failed(failure, output) => (Outcome::Failed, output, Some(failure)),
            Ended::TimedOut if reads => {
                let timeout = node.timeout.unwrap_or_default();
                let failure =
                    Failure::new(FailureKind::Within, format!("no answer within {timeout}"));
                (Outcome::TimedOut, None, Some(failure))
            }
            Ended::TimedOut => {
                let timeout = node.timeout.unwrap_or_default();
                return unknown(
                    format!("it was ended after its timeout of {timeout}: it may have acted"),
                    streams,
                );
            }
            // Where the run goes on, a look that was cut short is looked at again.
            Ended::Cancelled if reads && self.halted(ix) => (Outcome::Cancelled, None, None),
            Ended::Cancelled if reads => {
                return unknown("it was ended on request".to_owned(), streams);
            }
            Ended::Cancelled => {
                return unknown(
                    "it was ended on request: it may have acted".to_owned(),
                    streams,
                );
            }
            // Whatever happened, a look changed nothing: it failed, and its `retry` holds.
            Ended::Unknown(reason) if reads => {
                let failure = Failure::new(FailureKind::Answer, reason);
                (Outcome::Failed, None, Some(failure))
            }
            Ended::Unknown(reason) => return unknown(reason, streams),
        };
        Happened::StepFinished(Box::new(StepFinished {
            outcome,
            output: output.map(Stored::Inline),
            failure,
            streams,
            notes,
            took,
        }))
    }

    fn expected(&self, ix: InstIx, output: &Value) -> Result<(), Failure> {
        let node = self.plan.node(self.inst(ix).node);
        let Some(expect) = &node.how.expect else {
            return Ok(());
        };
        let at = At {
            run: self,
            inst: ix,
        };
        let names = Scope::over(&at).with("output", output);
        match expect.value.eval_bool(&names) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::new(
                FailureKind::Expect,
                format!(
                    "expected `{}`{}",
                    expect.value.source(),
                    told(&expect.value.explain(&names))
                ),
            )),
            Err(error) => Err(broken("its `expect`", &error)),
        }
    }

    /// What the contract's `verify` says about a step in doubt. Anything but one clear answer is
    /// "cannot tell".
    fn verdict(&self, ix: InstIx, inst: &Inst, ended: Ended, doubt: &str) -> Happened {
        let cannot_tell = |why: String| Happened::StepUnknown {
            reason: format!("{doubt}; looking at it could not tell: {why}"),
            streams: Streams::default(),
        };
        let output = match ended {
            Ended::Succeeded(output) => output,
            other => return cannot_tell(why_not(other).message),
        };
        let Some((_, verify)) = self.verify_of(ix) else {
            return cannot_tell("the contract has no `verify`".to_owned());
        };
        let at = At {
            run: self,
            inst: ix,
        };
        let args = match inst.work.as_deref() {
            Some(Work::Call(call)) => self.all_args(call),
            _ => Value::default(),
        };
        let names = Scope::over(&at).with("output", &output).with("args", &args);
        let done = verify.done.eval_bool(&names);
        let not_done = verify.not_done.eval_bool(&names);
        let resolution = match (&done, &not_done) {
            (Ok(true), Ok(false)) => Resolution::Happened,
            (Ok(false), Ok(true)) => Resolution::DidNotHappen,
            (Err(error), _) | (_, Err(error)) => return cannot_tell(error.to_string()),
            _ => {
                return cannot_tell(format!(
                    "neither clearly done nor clearly not{}",
                    told(&verify.done.explain(&names))
                ));
            }
        };
        let expression = match resolution {
            Resolution::Happened => &verify.done,
            _ => &verify.not_done,
        };
        let told_output = match resolution {
            Resolution::Happened => verify.told_output(&names),
            _ => None,
        };
        // What happened must also be known by its answer, where later steps may read that: to
        // ask again with the same key does no harm if the action says so.
        if resolution == Resolution::Happened && told_output.is_none() && self.answer_is_lost(inst)
        {
            return cannot_tell("it happened, and its answer is lost".to_owned());
        }
        Happened::StepResolved {
            resolution,
            by: ResolvedBy::Verify,
            reason: format!(
                "`{}` holds{}",
                expression.source(),
                told(&expression.explain(&names))
            ),
            output: told_output,
        }
    }

    /// Whether an action promises an answer that a second request with the same key would give.
    fn answer_is_lost(&self, inst: &Inst) -> bool {
        let action = match inst.work.as_deref() {
            Some(Work::Call(call)) => self.plan.action(&call.tool.tool, &call.action),
            _ => None,
        };
        action.is_some_and(|action| action.idempotent && !action.output.is_empty())
    }

    /// A call's arguments by name, those that were not given as `none`.
    fn all_args(&self, call: &crate::model::call::ToolCall) -> Value {
        let mut args = call.args.clone();
        if let Some(action) = self.plan.action(&call.tool.tool, &call.action) {
            for name in action.args.keys() {
                args.entry(name.variable()).or_default();
            }
        }
        Value::Map(args)
    }

    /// Whether a poll's look meets what it waits for.
    pub fn poll_met(&self, step: &StepKey, output: &Value) -> Result<bool, Failure> {
        let ix = self.by_key.get(step).copied();
        let poll = ix.and_then(|ix| {
            let node = self.plan.node(self.inst(ix).node);
            Some((ix, node.how.poll.as_ref()?))
        });
        let Some((ix, poll)) = poll else {
            return Err(Failure::new(
                FailureKind::Expression,
                "the step does not poll",
            ));
        };
        let at = At {
            run: self,
            inst: ix,
        };
        let names = Scope::over(&at).with("output", output);
        poll.until
            .value
            .eval_bool(&names)
            .map_err(|e| broken("its `until`", &e))
    }
}

/// Why something that should have an output has none.
fn why_not(ended: Ended) -> Failure {
    match ended {
        Ended::Failed(failure, _) => failure,
        Ended::TimedOut => Failure::new(FailureKind::Within, "no answer in time"),
        Ended::Cancelled => Failure::new(FailureKind::Within, "it was ended on request"),
        Ended::Unknown(reason) => Failure::new(FailureKind::Answer, reason),
        Ended::Succeeded(_) => Failure::new(FailureKind::Answer, "it succeeded"),
    }
}
