//! What a run that is not closed waits for, step by step.

use crate::model::Status;
use crate::model::ids::StepKey;
use crate::plan::NodeDoes;
use crate::run::{Run, StepView};

/// Something that a run waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waits {
    /// At which step.
    pub step: StepKey,
    /// What for, in one word for programs.
    pub kind: WaitsFor,
    /// What for, in words; not escaped.
    pub words: String,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// Somebody says what became of it.
    Doubt,
    /// The operator decides.
    Gate,
    /// Others approve.
    Approval,
    /// The clock.
    Clock,
    /// Somebody decides what its failure leads to.
    Failure,
    /// Somebody answers.
    Answer,
    /// Somebody does it.
    Manual,
    /// It was under way.
    Running,
    /// Its turn.
    Turn,
}

impl WaitsFor {
    /// The word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Doubt => "doubt",
            Self::Gate => "gate",
            Self::Approval => "approval",
            Self::Clock => "clock",
            Self::Failure => "failure",
            Self::Answer => "answer",
            Self::Manual => "manual",
            Self::Running => "running",
            Self::Turn => "turn",
        }
    }
}

/// What a run waits for; nothing where it is closed.
pub fn waits_for(run: &Run) -> Vec<Waits> {
    if run.closing().is_some() {
        return Vec::new();
    }
    run.steps().filter_map(|step| waits(run, &step)).collect()
}

fn waits(run: &Run, step: &StepView<'_>) -> Option<Waits> {
    let waits = |kind, words: String| {
        Some(Waits {
            step: step.key().clone(),
            kind,
            words,
        })
    };
    if run.in_doubt().any(|key| key == step.key()) {
        let words = "was started, and nobody can say what it did";
        return waits(WaitsFor::Doubt, words.to_owned());
    }
    if step.is_group() && step.gate().is_none() || !step.is_active() {
        return None;
    }
    if let Some(gate) = step.gate() {
        let others = run.waiting();
        let others = others.iter().find(|waiting| waiting.step == step.key());
        return match others.filter(|waiting| waiting.operator.is_some()) {
            Some(waiting) => waits(
                WaitsFor::Approval,
                format!("{} more to approve: {}", waiting.missing, gate.confirm),
            ),
            None => waits(WaitsFor::Gate, format!("a decision: {}", gate.confirm)),
        };
    }
    if let Some(until) = step.pauses_until() {
        return waits(WaitsFor::Clock, format!("the clock, until {until}"));
    }
    let (kind, words) = match (&step.node().does, step.status()) {
        (_, status) if status.is_bad() => (WaitsFor::Failure, "what to do after its failure"),
        (NodeDoes::Ask(_), _) => (WaitsFor::Answer, "an answer"),
        (NodeDoes::Manual(_), _) => (WaitsFor::Manual, "a person's work"),
        (_, Status::Running) => (WaitsFor::Running, "it was under way"),
        _ => (WaitsFor::Turn, "its turn"),
    };
    waits(kind, words.to_owned())
}
