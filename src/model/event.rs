//! What happened, in the past tense. A run is the fold of these; the journal is their record.
//!
//! A new kind, or a new field that a reader must understand, is a new version of the format:
//! specimens of each version are kept under `tests/journals/` for ever.

use serde::{Deserialize, Serialize};

pub use super::gate::{Decision, Expires, GateOpened};

use super::approval::{Principal, Vote, Voter};
use super::call::{Failure, Work};
use super::ids::{
    Attempt, EnvironmentName, GroupName, IdempotencyKey, RunId, RunbookName, ScenarioName, StepKey,
};
use super::output::{Stored, Streams};
use super::people::{Actor, Person, Way};
use super::{Digest, Duration, Effect, Map, Severity, Status, Value};

/// One thing that happened, with when, where and by whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When, in the run's time: the wall clock's, or in the sandbox the simulated clock's.
    pub at: jiff::Timestamp,
    /// To which step.
    pub step: Option<StepKey>,
    /// To which try of it.
    pub attempt: Option<Attempt>,
    /// By whom.
    pub actor: Actor,
    /// What.
    pub what: Happened,
}

/// What happened. The variant's name in `snake_case` is the record's `kind`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum Happened {
    /// Record 0: everything the run was started with.
    RunOpened(Box<RunOpened>),
    /// A process took the run up again.
    RunResumed {
        /// Who.
        operator: Person,
        /// The version that goes on with it.
        version: String,
    },
    /// The process let go of the run, which waits.
    RunParked {
        /// What it waits for.
        reason: ParkReason,
    },
    /// The end; nothing may follow.
    RunClosed(RunClosed),

    /// The runbook's `vars` were evaluated, once.
    VarsSet {
        /// Their values.
        vars: Map,
    },
    /// A block was entered: its `if` and `require` held and its gate was passed.
    BlockEntered {
        /// The parameters of an included runbook.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        params: Map,
        /// The variables of an included runbook.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        vars: Map,
    },
    /// A loop's items were frozen.
    LoopOpened {
        /// The items, in order.
        items: Vec<Value>,
        /// What names each instance: the `key`, or the index.
        keys: Vec<String>,
    },

    /// A step was left out.
    StepSkipped {
        /// Why.
        why: SkipReason,
    },
    /// A step failed before it did anything: its condition, a template, or a precondition.
    StepRefused {
        /// Why.
        failure: Failure,
    },
    /// A person is asked to decide about exactly this.
    GateOpened(Box<GateOpened>),
    /// A person, or the expiry of the gate, decided.
    GateDecided {
        /// What the decision is bound to.
        digest: Digest,
        /// What was decided.
        decision: Decision,
        /// By which way.
        way: Way,
        /// In the person's own words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Another than the operator said yes or no to what a gate shows.
    ApprovalGiven {
        /// What it is bound to.
        digest: Digest,
        /// What they said.
        vote: Vote,
        /// Who, and how we know.
        voter: Voter,
        /// In their own words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Nobody approved in time: one group more may, and the time begins anew.
    GateEscalated {
        /// What it is bound to.
        digest: Digest,
        /// Who may approve from now on, too.
        to: GroupName,
        /// The people of that group.
        people: Vec<Principal>,
    },
    /// The state just before acting was looked at, for `verify` and `undo`.
    BeforeSeen {
        /// What was seen; none where the look failed.
        output: Option<Value>,
        /// Why the look failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// The step is about to act. Durable before anything else happens, where it may change the world.
    StepStarted(Box<StepStarted>),
    /// A poll looked, and its verdict is another than before, or it is the first or the last.
    PollSeen {
        /// Whether the `until` held.
        met: bool,
        /// What was seen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<Value>,
        /// Why the look failed: counts as "not yet".
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// The step's result is known.
    StepFinished(Box<StepFinished>),
    /// The step was started and nobody can say what it did.
    StepUnknown {
        /// Why nobody can.
        reason: String,
        /// What it had printed.
        #[serde(default, skip_serializing_if = "Streams::is_empty")]
        streams: Streams,
    },
    /// The doubt about a step was settled.
    StepResolved {
        /// What is taken to have happened, or what is to be done.
        resolution: Resolution,
        /// Who or what settled it.
        by: ResolvedBy,
        /// The person's reason, or what `verify` saw.
        reason: String,
        /// The output that later steps read, where it happened.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<Value>,
    },
    /// What happens after a step's failure was decided.
    FailureDecided {
        /// What.
        choice: FailureChoice,
        /// By which way.
        way: Way,
        /// In the person's own words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A person answered an `ask`.
    AnswerGiven {
        /// The answer.
        answer: Value,
        /// What the runbook had suggested.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        suggested: Option<Value>,
        /// By which way.
        way: Way,
    },
    /// A person reported about a `manual` step, or about a call that a person carries out.
    ManualReported {
        /// How it went.
        outcome: ManualOutcome,
        /// The output fields that were typed in.
        output: Value,
        /// By which way.
        way: Way,
        /// In the person's own words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// A pause has an end, from now on.
    PauseBegun {
        /// When it is over.
        until: jiff::Timestamp,
    },
    /// A pause is over.
    PauseEnded {
        /// Why it was cut short, where it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cut: Option<String>,
    },

    /// What was done is being taken back, in this order.
    UndoBegun {
        /// The block whose steps are undone; the whole run where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scope: Option<StepKey>,
        /// The steps, last done first.
        steps: Vec<StepKey>,
        /// Why.
        why: UndoReason,
    },

    /// What was done is to be taken back, by a person's decision, although the run has ended.
    UndoRequested {
        /// Why.
        reason: String,
    },
    /// The run has the resource that its runbook's `lock` names, and keeps it while it is parked.
    LockTaken {
        /// Which.
        name: String,
        /// From whom it was taken, where somebody else had it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<LockTakeover>,
    },
    /// Somebody who may do so goes on without the approvals that gates ask for.
    GlassBroken {
        /// Why.
        reason: String,
        /// The group that they are in.
        group: GroupName,
    },
    /// Another than the operator has looked at what was done without an approval.
    ReviewSigned {
        /// What they looked at.
        of: Reviewed,
        /// Who, and how we know.
        voter: Voter,
        /// What they say about it.
        reason: String,
    },

    /// A person wrote something down.
    NoteAdded {
        /// What.
        text: String,
    },
    /// The run is to end.
    CancelRequested {
        /// Why.
        reason: String,
    },
    /// A torn last line was set aside and cut off.
    Recovered {
        /// Where in the file it began, in bytes.
        offset: u64,
        /// How long it was, in bytes.
        length: u64,
        /// What it was.
        sha256: Digest,
    },
}

impl Happened {
    /// The record's `kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RunOpened(_) => "run_opened",
            Self::RunResumed { .. } => "run_resumed",
            Self::RunParked { .. } => "run_parked",
            Self::RunClosed(_) => "run_closed",
            Self::VarsSet { .. } => "vars_set",
            Self::BlockEntered { .. } => "block_entered",
            Self::LoopOpened { .. } => "loop_opened",
            Self::StepSkipped { .. } => "step_skipped",
            Self::StepRefused { .. } => "step_refused",
            Self::GateOpened(_) => "gate_opened",
            Self::GateDecided { .. } => "gate_decided",
            Self::ApprovalGiven { .. } => "approval_given",
            Self::GateEscalated { .. } => "gate_escalated",
            Self::BeforeSeen { .. } => "before_seen",
            Self::StepStarted(_) => "step_started",
            Self::PollSeen { .. } => "poll_seen",
            Self::StepFinished(_) => "step_finished",
            Self::StepUnknown { .. } => "step_unknown",
            Self::StepResolved { .. } => "step_resolved",
            Self::FailureDecided { .. } => "failure_decided",
            Self::AnswerGiven { .. } => "answer_given",
            Self::ManualReported { .. } => "manual_reported",
            Self::PauseBegun { .. } => "pause_begun",
            Self::PauseEnded { .. } => "pause_ended",
            Self::UndoBegun { .. } => "undo_begun",
            Self::UndoRequested { .. } => "undo_requested",
            Self::LockTaken { .. } => "lock_taken",
            Self::GlassBroken { .. } => "glass_broken",
            Self::ReviewSigned { .. } => "review_signed",
            Self::NoteAdded { .. } => "note_added",
            Self::CancelRequested { .. } => "cancel_requested",
            Self::Recovered { .. } => "recovered",
        }
    }

    /// Every kind that this version writes.
    pub const KINDS: [&'static str; 32] = [
        "run_opened",
        "run_resumed",
        "run_parked",
        "run_closed",
        "vars_set",
        "block_entered",
        "loop_opened",
        "step_skipped",
        "step_refused",
        "gate_opened",
        "gate_decided",
        "approval_given",
        "gate_escalated",
        "before_seen",
        "step_started",
        "poll_seen",
        "step_finished",
        "step_unknown",
        "step_resolved",
        "failure_decided",
        "answer_given",
        "manual_reported",
        "pause_begun",
        "pause_ended",
        "undo_begun",
        "undo_requested",
        "lock_taken",
        "glass_broken",
        "review_signed",
        "note_added",
        "cancel_requested",
        "recovered",
    ];
}

/// Everything a run was started with. The four digests name blobs that are durable before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOpened {
    /// Which runbook.
    pub runbook: RunbookName,
    /// The runbook's file, as it was read.
    pub runbook_blob: Digest,
    /// The resolved plan: what resume reads instead of files that may have been edited.
    pub plan_blob: Digest,
    /// What every tool was bound to.
    pub bindings_blob: Digest,
    /// The policy that held.
    pub policy_blob: Digest,
    /// The parameters.
    pub params: Map,
    /// Where the run acts.
    pub environment: EnvironmentName,
    /// Whether anything real can be touched.
    pub real: bool,
    /// The incident's severity, where the runbook names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// What the simulated production started in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulation: Option<Simulated>,
    /// Who started it.
    pub operator: Person,
    /// Whether every gate, question and manual step is answered by its suggestion.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub yes: bool,
    /// The version that writes this journal.
    pub version: String,
    /// The host ledger's head at the opening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Digest>,
}

/// From whom a lock was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockTakeover {
    /// The run that had it.
    pub run: RunId,
    /// Why it was taken: a person's words, or that its holder had died.
    pub reason: String,
}

/// What another person looks at after the fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reviewed {
    /// That the glass was broken.
    BreakGlass,
    /// What a gate let through although approvals were owed.
    Gate {
        /// Its step.
        step: StepKey,
        /// Which try of it.
        attempt: Attempt,
    },
}

/// Which simulated production a run acts on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulated {
    /// The state it started in.
    pub scenario: ScenarioName,
    /// What its chance is drawn from.
    pub seed: u64,
    /// Its file under `worlds/`, without the ending.
    pub world: String,
}

/// What a parked run waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParkReason {
    /// The operator left at a gate or a question.
    Operator,
    /// Nobody can be asked, and somebody must be.
    NeedsPerson,
    /// A step is in doubt and nobody can be asked.
    InDoubt,
    /// The process was told to end: by a hangup, a termination or an interrupt.
    Signal(String),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// Everything succeeded or was rightly skipped.
    Succeeded,
    /// It went to its end, but steps that may fail did.
    SucceededWithFailures,
    /// A step failed.
    Failed,
    /// A person said no at a gate, or the gate expired.
    Declined,
    /// It was cancelled.
    Cancelled,
}

impl RunOutcome {
    /// The word for people and for `run.status` in expressions.
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::SucceededWithFailures => "succeeded_with_failures",
            Self::Failed => "failed",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunClosed {
    /// How it ended.
    pub outcome: RunOutcome,
    /// What remains to be done, in words: open undos, skipped steps, failures that were accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follow_ups: Vec<String>,
}

/// Why a step was left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Its `if` was false; with the names it mentions and their values.
    If {
        /// The expression.
        expression: String,
        /// What its names stood for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        values: Vec<(String, Value)>,
    },
    /// Its list was empty.
    EmptyLoop,
    /// A person left it out.
    Operator {
        /// By which way.
        way: Way,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// A step is about to act.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepStarted {
    /// The digest of the exact rendered work.
    pub digest: Digest,
    /// What tells the target that two requests mean one act.
    pub key: IdempotencyKey,
    /// How much it can do to the world.
    pub effect: Effect,
    /// What is done.
    pub work: Work,
    /// Who answers: `sandbox`, `postgres`, a bare command's name, `person`; none for `run:`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<String>,
}

/// How a step ended, where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did what it should.
    Succeeded,
    /// It did not.
    Failed,
    /// Its time ran out.
    TimedOut,
    /// It was ended on request.
    Cancelled,
}

impl Outcome {
    /// The status that a step has after it.
    pub fn status(self) -> Status {
        match self {
            Self::Succeeded => Status::Succeeded,
            Self::Failed => Status::Failed,
            Self::TimedOut => Status::TimedOut,
            Self::Cancelled => Status::Cancelled,
        }
    }
}

/// A step's result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepFinished {
    /// How it ended.
    pub outcome: Outcome,
    /// Its structured output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Stored>,
    /// Why it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What it printed.
    #[serde(default, skip_serializing_if = "Streams::is_empty")]
    pub streams: Streams,
    /// What a person should know beside: a survivor, a pipe that was held open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// How long it took, in the run's time.
    pub took: Duration,
}

/// How the doubt about a step was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// It happened: the step succeeded.
    Happened,
    /// It did not happen: the step may be started again, as a new attempt.
    DidNotHappen,
    /// Nobody knows, and doing it again does no harm: a new attempt with the same key.
    Again,
    /// The step is left out.
    Skip,
    /// The run ends here.
    Stop,
}

/// Who or what settled a doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResolvedBy {
    /// It only looks, so it is done again.
    Read,
    /// The contract's `verify`.
    Verify,
    /// It is declared idempotent.
    Idempotent,
    /// A person.
    Person,
}

/// What happens after a step's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureChoice {
    /// Another attempt, by a person's decision: with a new idempotency key.
    Retry,
    /// Another attempt, by the step's own `retry`: with the same key.
    RetryByRule,
    /// The step is left out, and the run goes on.
    Skip,
    /// A person did it by other means, or says that it is done.
    MarkDone,
    /// The failure is accepted and the run goes on.
    Continue,
    /// The block around it fails, which has its own way to deal with that.
    Propagate,
    /// What was done is taken back.
    Undo,
    /// The run ends here.
    Stop,
}

/// Why something is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoReason {
    /// A step failed, and its `on_failure` is `undo`.
    Failure,
    /// The run was cancelled, and its `on_cancel` is `undo`.
    Cancel,
    /// The undo says `when: end`.
    End,
    /// A person asked for it.
    Request,
}

/// How a person's work went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManualOutcome {
    /// Done.
    Done,
    /// Left out.
    Skipped,
    /// Tried, and failed.
    Failed,
}
