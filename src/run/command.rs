//! What ought to be done, as data.

use crate::model::approval::Principal;
use crate::model::call::{Failure, Work};
use crate::model::event::{FailureChoice, GateOpened, Happened, StepStarted};
use crate::model::ids::{Attempt, StepKey, ToolRef};
use crate::model::{Duration, SecretRef, Shape, Timestamp, Value};

/// Something that ought to be done now.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Write this down: it follows from the state alone.
    Record(Draft),
    /// Write down that the step starts, make that durable if it may change the world, and do it.
    Act(Box<Act>),
    /// Look at the state just before acting.
    Look(Asked),
    /// Find out whether a step in doubt happened.
    Verify(Asked),
    /// Ask a person. The need stands until it is answered; asking twice is harmless.
    Person(PersonNeeded),
    /// Nothing more before this moment, unless something comes in.
    WaitUntil(Timestamp),
}

/// An event before it has a time and an actor.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Which step.
    pub step: Option<StepKey>,
    /// Which try of it.
    pub attempt: Option<Attempt>,
    /// What.
    pub what: Happened,
}

/// A step that is to start.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// Which step.
    pub step: StepKey,
    /// Which try of it.
    pub attempt: Attempt,
    /// What is written down before it starts.
    pub started: StepStarted,
    /// Of this attempt, or of each look of a poll.
    pub timeout: Duration,
    /// Whether it is looked at again and again.
    pub polled: bool,
}

/// A read that the engine makes for a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// For which step.
    pub step: StepKey,
    /// For which try of it.
    pub attempt: Attempt,
    /// What is read.
    pub work: Work,
    /// How long it may take.
    pub timeout: Duration,
}

/// A person is needed.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonNeeded {
    /// For which step.
    pub step: StepKey,
    /// For which try of it.
    pub attempt: Attempt,
    /// What for.
    pub need: Need,
}

/// What a person is needed for.
#[derive(Clone, Debug, PartialEq)]
pub enum Need {
    /// To decide at a gate.
    Gate(Box<GateOpened>),
    /// To say about another's gate what they think of it. The operator has said yes; they can still
    /// decline, or leave.
    Approvals {
        /// The gate.
        gate: Box<GateOpened>,
        /// Who has approved.
        given: Vec<Principal>,
        /// Who still may, of the gate's people and those of the groups that it was escalated to.
        people: Vec<Principal>,
        /// How many more have to.
        missing: usize,
        /// When it is declined or escalated.
        until: Option<Timestamp>,
    },
    /// To answer a question.
    Ask {
        /// The question.
        question: String,
        /// The answers to choose from, with what they mean.
        choices: Vec<(String, String)>,
        /// The answer's type.
        shape: Shape,
        /// What the measurements suggest; or why nothing could be suggested.
        suggested: Result<Option<Value>, Failure>,
    },
    /// To do something.
    Manual {
        /// What.
        items: Vec<String>,
        /// Who should.
        by: Option<String>,
        /// What a tool gave out and they may see, where they are at a terminal.
        reveal: Option<SecretRef>,
    },
    /// To decide what a failure leads to.
    Failure {
        /// What happened.
        failure: Failure,
        /// What can be chosen.
        choices: Vec<FailureChoice>,
        /// What holds where nobody can be asked; none means that the run must wait.
        unattended: Option<FailureChoice>,
    },
    /// To say what became of a step.
    Doubt {
        /// Why nobody knows.
        reason: String,
        /// What was started.
        work: Option<Work>,
        /// The tool that could be looked at by hand.
        tool: Option<ToolRef>,
    },
}
