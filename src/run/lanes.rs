//! Where the active instances stand in line, so that nobody has to look at all of them.
//!
//! Which lane an instance is in follows from its state alone; [`Run::set`] is the only way to
//! change a state, so the lanes cannot drift.

use std::collections::BTreeSet;

use super::render::calls_out;
use super::state::{InstIx, Run, State};
use crate::model::Timestamp;

/// What is waited for or to be done, by kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Lanes {
    /// Would act as soon as there is room.
    callers: BTreeSet<InstIx>,
    /// Act.
    acting: BTreeSet<InstIx>,
    /// Wait for the clock.
    timed: BTreeSet<(Timestamp, InstIx)>,
    /// Everything else: people, failures, doubts, blocks whose turn has come.
    others: BTreeSet<InstIx>,
}

/// One of the lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    Callers,
    Acting,
    Timed(Timestamp),
    Others,
}

impl Lanes {
    /// How many act.
    pub(super) fn acting(&self) -> usize {
        self.acting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.active().next().is_none()
    }

    /// All active instances.
    pub(super) fn active(&self) -> impl Iterator<Item = InstIx> + '_ {
        let timed = self.timed.iter().map(|(_, ix)| *ix);
        let others = self.others.iter().chain(&self.callers).chain(&self.acting);
        others.copied().chain(timed)
    }

    pub(super) fn callers(&self) -> impl Iterator<Item = InstIx> + '_ {
        self.callers.iter().copied()
    }

    pub(super) fn others(&self) -> impl Iterator<Item = InstIx> + '_ {
        self.others.iter().copied()
    }

    /// Those that wait for the clock, the earliest first.
    pub(super) fn timed(&self) -> impl Iterator<Item = (Timestamp, InstIx)> + '_ {
        self.timed.iter().copied()
    }

    /// Whether an instance stands in a lane.
    pub(super) fn holds(&self, lane: Lane, ix: InstIx) -> bool {
        match lane {
            Lane::Callers => self.callers.contains(&ix),
            Lane::Acting => self.acting.contains(&ix),
            Lane::Timed(moment) => self.timed.contains(&(moment, ix)),
            Lane::Others => self.others.contains(&ix),
        }
    }

    fn leave(&mut self, lane: Lane, ix: InstIx) {
        match lane {
            Lane::Callers => self.callers.remove(&ix),
            Lane::Acting => self.acting.remove(&ix),
            Lane::Timed(moment) => self.timed.remove(&(moment, ix)),
            Lane::Others => self.others.remove(&ix),
        };
    }

    fn enter(&mut self, lane: Lane, ix: InstIx) {
        match lane {
            Lane::Callers => self.callers.insert(ix),
            Lane::Acting => self.acting.insert(ix),
            Lane::Timed(moment) => self.timed.insert((moment, ix)),
            Lane::Others => self.others.insert(ix),
        };
    }
}

impl Run {
    /// The lane that an instance's state puts it into.
    pub(super) fn lane(&self, ix: InstIx) -> Option<Lane> {
        let inst = self.inst(ix);
        Some(match &inst.state {
            State::Pending | State::Entered | State::Settled(_) => return None,
            State::Started { .. } => Lane::Acting,
            State::Ready {
                not_before: Some(moment),
            }
            | State::Pausing { until: moment } => Lane::Timed(*moment),
            State::Ready { .. } | State::Approved(_)
                if calls_out(&self.plan.node(inst.node).does) =>
            {
                Lane::Callers
            }
            State::Ready { .. }
            | State::Approved(_)
            | State::Gated(_)
            | State::Failing { .. }
            | State::Doubt { .. } => Lane::Others,
        })
    }

    /// The only way an instance's state changes.
    pub(super) fn set(&mut self, ix: InstIx, state: State) {
        let was = self.lane(ix);
        self.inst_mut(ix).state = state;
        let is = self.lane(ix);
        if was == is {
            return;
        }
        if let Some(lane) = was {
            self.lanes.leave(lane, ix);
        }
        if let Some(lane) = is {
            self.lanes.enter(lane, ix);
        }
    }
}
