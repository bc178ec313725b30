//! What a run knows of itself: instances of the plan's nodes, and where each of them stands.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::model::call::{Failure, Work};
use crate::model::event::{RunClosed, RunOpened, RunOutcome, SkipReason};
use crate::model::ids::{Attempt, IdempotencyKey, Name, RunId, StepKey};
use crate::model::people::{Actor, Person};
use crate::model::{Digest, Map, Status, Timestamp, Value};
use crate::plan::{NodeIx, Plan};

use super::lanes::Lanes;
use super::open_gate::{OpenGate, Passed};
use super::review::{Glass, Owed};

/// An instance's place in the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstIx(pub(super) u32);

/// A frame's place in the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FrameIx(pub(super) u32);

/// One execution of a plan. It changes only through [`Run::apply`](super::Run::apply).
#[derive(Clone, Debug)]
pub struct Run {
    pub(super) plan: Arc<Plan>,
    pub(super) id: RunId,
    pub(super) opened: Option<Opened>,
    pub(super) phase: Phase,
    pub(super) vars: Map,
    pub(super) insts: Vec<Inst>,
    pub(super) frames: Vec<Frame>,
    pub(super) by_key: HashMap<StepKey, InstIx>,
    /// Instances about which something is to be done or waited for, by what that is.
    pub(super) lanes: Lanes,
    /// Blocks and loops in which something failed, and which wait for what still acts in them.
    pub(super) failing: BTreeSet<InstIx>,
    /// Instances that were started and may be undone, in the order of completion.
    pub(super) acted: BTreeMap<u64, InstIx>,
    /// What the next of them is numbered with.
    pub(super) next_acted: u64,
    /// Why nothing new starts, once that is so.
    pub(super) ending: Option<Ending>,
    /// What is being taken back.
    pub(super) undoing: Option<Undoing>,
    /// The first step that the operator left out: what follows it asks again.
    pub(super) left_out: Option<StepKey>,
    /// The last moment of an event.
    pub(super) latest: Option<Timestamp>,
    pub(super) closed: Option<RunClosed>,
    /// Everybody who opened the run or took it up: whoever approves is another.
    pub(super) operators: Vec<Person>,
    /// Whether the process that has the run holds its lock.
    pub(super) locked: bool,
    /// That somebody goes on without approvals.
    pub(super) glass: Option<Glass>,
    /// What acted before its approvals were there.
    pub(super) owed: Vec<Owed>,
    /// How the run had ended before it was opened again to take back what was done.
    pub(super) reopened: Option<RunOutcome>,
}

/// What record 0 said, and since when the present process has the run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Opened {
    pub(super) facts: RunOpened,
    pub(super) at: Timestamp,
    pub(super) operator: Person,
    /// Who had it before them, where that was another.
    pub(super) before: Option<Person>,
    /// When it was opened or last resumed: the run's timeout counts from here.
    pub(super) taken_up: Timestamp,
    pub(super) parked: bool,
}

/// What a run is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not opened yet.
    New,
    /// The runbook's steps.
    Steps,
    /// Taking back what was done.
    Undo,
    /// What is done however the run ends.
    Finally,
    /// Everything is done but the closing.
    Closing,
    /// Closed.
    Closed,
}

/// Why nothing new starts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ending {
    pub(super) outcome: RunOutcome,
    /// Why, for the summary: the step and what happened to it.
    pub(super) because: String,
    /// Whether what was done is taken back, and what of it.
    pub(super) undo: Option<UndoScope>,
}

/// What is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UndoScope {
    /// A block that has an undo of its own.
    Block(InstIx),
    /// Everything that is taken back by itself.
    Run,
    /// Everything that can be taken back, by a person's decision.
    Asked,
}

/// What is being taken back.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Undoing {
    /// The undos, in order; an original and the instance that undoes it.
    pub(super) queue: Vec<(InstIx, InstIx)>,
    /// How many of them are settled.
    pub(super) done: usize,
}

/// A namespace of ids: the run itself, an item of a loop, or an included runbook.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Frame {
    pub(super) parent: Option<FrameIx>,
    /// What the keys of its steps begin with.
    pub(super) prefix: Option<StepKey>,
    /// Its instances by node.
    pub(super) insts: HashMap<NodeIx, InstIx>,
    /// The loop's item, where it is one.
    pub(super) item: Option<(Name, Value)>,
    /// Parameters and variables, where it is an included runbook.
    pub(super) include: Option<(Map, Map)>,
}

/// An instance of a node.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Inst {
    pub(super) node: NodeIx,
    pub(super) key: StepKey,
    pub(super) parent: Option<InstIx>,
    /// Its place among its parent's children.
    pub(super) position: usize,
    pub(super) frame: FrameIx,
    pub(super) role: Role,
    pub(super) state: State,
    /// The attempt that is under way, or the next one.
    pub(super) attempt: Attempt,
    /// Whether `attempt` was started, so that the next one has another number.
    pub(super) attempt_used: bool,
    /// How often its turn came anew: what was decided at an earlier gate says nothing now.
    pub(super) turns: u32,
    /// Attempts since the last success or the last decision of a person: what `retry` counts.
    pub(super) tries: u32,
    /// Passes of `repeat` that are done.
    pub(super) passes: u32,
    /// Decisions of a person to try again: part of the idempotency key.
    pub(super) retries_decided: u32,
    /// How often it was done, as a pass of its `repeat` or as a part of a block that is tried
    /// again: doing it once more is another act, with another idempotency key.
    pub(super) times_done: u32,
    pub(super) first_started: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
    pub(super) output: Option<Arc<Value>>,
    pub(super) answer: Option<Value>,
    pub(super) failure: Option<Failure>,
    /// What was seen just before acting; `Some(None)` where the look failed.
    pub(super) before: Option<Option<Arc<Value>>>,
    /// What is, or was last, done.
    pub(super) work: Option<Arc<Work>>,
    pub(super) skip: Option<SkipReason>,
    /// Children of a block, or the bodies of a loop, in order.
    pub(super) children: Vec<InstIx>,
    pub(super) block: BlockState,
    /// A failure of this one was accepted by its `on_failure: continue`, or by a person.
    pub(super) accepted: bool,
    /// Its number in [`Run::acted`], where it may have to be undone.
    pub(super) acted: Option<u64>,
    /// Whether something inside it was started.
    pub(super) acted_inside: bool,
    /// Whether a person left it out while nobody knew what it had done: it is not taken back by
    /// itself.
    pub(super) left_in_doubt: bool,
    /// That a person counts it as done, whatever its command said of itself.
    pub(super) marked: Option<MarkedDone>,
    /// What it last did, kept for its undo although the block around it is tried again.
    pub(super) done: Option<Arc<Done>>,
}

/// That a person counts a step as done which failed, or of which nobody knew what it did.
#[derive(Clone, Debug, PartialEq)]
pub struct MarkedDone {
    /// Who.
    pub by: Actor,
    /// Why, in their words.
    pub reason: Option<String>,
    /// Whether they say that it happened, rather than that it need not.
    pub happened: bool,
}

/// What an instance did: what its undo is rendered over.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Done {
    pub(super) work: Option<Arc<Work>>,
    pub(super) output: Option<Arc<Value>>,
    pub(super) before: Option<Option<Arc<Value>>>,
}

/// What an instance is to its node.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Role {
    /// The node's only instance in its frame.
    Plain,
    /// All items of a loop together.
    Loop {
        /// The digests of all items' work, where a gate was asked once for all.
        once: BTreeSet<Digest>,
        /// The last moment at which an item may start without asking for itself.
        until: Option<Timestamp>,
    },
    /// One item of a loop.
    Body,
    /// The undo of another instance.
    Undo { of: InstIx },
}

/// How far a block or a loop is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct BlockState {
    /// The next child of a listed block or the next item of a loop to begin.
    pub(super) next: usize,
    /// Children that have begun and are not settled.
    pub(super) open: usize,
    /// Children that are settled.
    pub(super) settled: usize,
    /// Children that failed and were not accepted.
    pub(super) failed: usize,
    /// For each child of a parallel block: needs that are not met yet.
    pub(super) unmet: Vec<usize>,
    /// For each child of a parallel block: the children that need it. Empty where none does.
    pub(super) dependents: Vec<Vec<usize>>,
    /// The first failure inside, once there is one that fails the block.
    pub(super) failing: Option<Failure>,
    /// The items of a loop.
    pub(super) items: Vec<Value>,
}

/// Where an instance stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// Its turn has not come.
    Pending,
    /// Its turn has come; at the earliest at this moment, after a failed attempt.
    Ready { not_before: Option<Timestamp> },
    /// A person is to decide about exactly this.
    Gated(Box<OpenGate>),
    /// Everybody who had to said yes to exactly this.
    Approved(Box<Passed>),
    /// It acts.
    Started { key: IdempotencyKey, at: Timestamp },
    /// It has children that are not settled.
    Entered,
    /// It waits for the clock.
    Pausing { until: Timestamp },
    /// It failed, and what that leads to is not decided.
    Failing { at: Timestamp, status: Status },
    /// It was started and nobody knows what it did.
    Doubt {
        reason: String,
        /// Whether the process that started it still lived when the doubt arose.
        live: bool,
        /// Whether the contract's `verify` was asked and could not tell.
        verified: bool,
    },
    /// The end.
    Settled(Status),
}

impl State {
    pub(super) const READY: Self = Self::Ready { not_before: None };

    /// Whether something is to be done about it, or waited for.
    pub(super) fn is_active(&self) -> bool {
        !matches!(self, Self::Pending | Self::Entered | Self::Settled(_))
    }

    /// Whether the world may change through it, or nobody knows whether it did.
    pub(super) fn is_acting(&self) -> bool {
        matches!(self, Self::Started { .. } | Self::Doubt { .. })
    }
}

impl Inst {
    /// The status that expressions and people see.
    pub(super) fn status(&self) -> Status {
        match &self.state {
            State::Pending | State::Ready { .. } | State::Approved(_) => Status::Pending,
            State::Gated(_) | State::Pausing { .. } => Status::Waiting,
            State::Started { .. } | State::Entered => Status::Running,
            State::Failing { status, .. } => *status,
            State::Doubt { .. } => Status::Unknown,
            State::Settled(status) => *status,
        }
    }
}

/// Two runs of the same plan that are at the same point: a fold and the run that it retells.
impl PartialEq for Run {
    fn eq(&self, other: &Self) -> bool {
        // The indices made of the instances follow from them.
        let Self {
            plan: _,
            id,
            opened,
            phase,
            vars,
            insts,
            frames,
            by_key: _,
            lanes,
            failing,
            acted,
            next_acted,
            ending,
            undoing,
            left_out,
            latest,
            closed,
            operators,
            locked,
            glass,
            owed,
            reopened,
        } = self;
        *id == other.id
            && *opened == other.opened
            && *phase == other.phase
            && *vars == other.vars
            && *insts == other.insts
            && *frames == other.frames
            && *lanes == other.lanes
            && *failing == other.failing
            && *acted == other.acted
            && *next_acted == other.next_acted
            && *ending == other.ending
            && *undoing == other.undoing
            && *left_out == other.left_out
            && *latest == other.latest
            && *closed == other.closed
            && *operators == other.operators
            && *locked == other.locked
            && *glass == other.glass
            && *owed == other.owed
            && *reopened == other.reopened
    }
}

impl Run {
    /// A run that has not been opened.
    pub fn new(id: RunId, plan: Arc<Plan>) -> Self {
        Self {
            plan,
            id,
            opened: None,
            phase: Phase::New,
            vars: IndexMap::new(),
            insts: Vec::new(),
            frames: Vec::new(),
            by_key: HashMap::new(),
            lanes: Lanes::default(),
            failing: BTreeSet::new(),
            acted: BTreeMap::new(),
            next_acted: 0,
            ending: None,
            undoing: None,
            left_out: None,
            latest: None,
            closed: None,
            operators: Vec::new(),
            locked: false,
            glass: None,
            owed: Vec::new(),
            reopened: None,
        }
    }

    /// The plan that it executes.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Its id.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// What it is at.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// What record 0 said.
    pub fn opening(&self) -> Option<&RunOpened> {
        self.opened.as_ref().map(|opened| &opened.facts)
    }

    /// Who operates it: who opened it, or took it up last.
    pub fn operator(&self) -> Option<&Person> {
        self.opened.as_ref().map(|opened| &opened.operator)
    }

    /// From whom its operator took it up, where that was somebody else.
    pub fn taken_over_from(&self) -> Option<&Person> {
        self.opened.as_ref()?.before.as_ref()
    }

    /// How it ended, once it has.
    pub fn closing(&self) -> Option<&RunClosed> {
        self.closed.as_ref()
    }

    /// Whether the process let go of it.
    pub fn is_parked(&self) -> bool {
        self.opened.as_ref().is_some_and(|opened| opened.parked)
    }

    /// Whether a step was started and nobody knows what it did.
    pub fn in_doubt(&self) -> impl Iterator<Item = &StepKey> {
        self.lanes
            .active()
            .map(|ix| self.inst(ix))
            .filter(|inst| matches!(inst.state, State::Doubt { .. }))
            .map(|inst| &inst.key)
    }

    /// Steps that act at this moment.
    pub fn acting(&self) -> usize {
        self.lanes.acting()
    }

    pub(super) fn inst(&self, ix: InstIx) -> &Inst {
        &self.insts[ix.0 as usize]
    }

    pub(super) fn inst_mut(&mut self, ix: InstIx) -> &mut Inst {
        &mut self.insts[ix.0 as usize]
    }

    pub(super) fn frame(&self, ix: FrameIx) -> &Frame {
        &self.frames[ix.0 as usize]
    }

    /// The frames from this one outward.
    pub(super) fn frames_from(&self, ix: FrameIx) -> impl Iterator<Item = &Frame> {
        std::iter::successors(Some(self.frame(ix)), |frame| {
            frame.parent.map(|parent| self.frame(parent))
        })
    }

    /// Whether an instance lies inside another.
    pub(super) fn is_inside(&self, ix: InstIx, around: InstIx) -> bool {
        self.ancestors(ix).any(|ancestor| ancestor == around)
    }

    /// The instances around this one, from the inside out.
    pub(super) fn ancestors(&self, ix: InstIx) -> impl Iterator<Item = InstIx> + '_ {
        std::iter::successors(self.inst(ix).parent, |at| self.inst(*at).parent)
    }
}
