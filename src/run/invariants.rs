//! What holds of every run after every event, one named function each. Tests check them; a run
//! that breaks one of them is a bug, whatever its journal says.

use std::fmt;

use super::open_gate::Given;
use super::state::{Inst, InstIx, Phase, Role, Run, State};
use crate::model::Status;
use crate::plan::Order;
use crate::spec::environment::Unattended;

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The function that found it.
    pub invariant: &'static str,
    /// What is wrong, and where.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.found)
    }
}

impl std::error::Error for Violation {}

type Found = Result<(), String>;

/// An invariant, by its name.
type Named = (&'static str, fn(&Run) -> Found);

/// Checks all of them. It looks at every instance, so that it costs as much as the run is long.
///
/// # Errors
/// The first that does not hold.
pub fn check(run: &Run) -> Result<(), Violation> {
    let all: [Named; 17] = [
        ("lanes_match_states", lanes_match_states),
        ("keys_are_unique", keys_are_unique),
        ("children_come_after_parents", children_come_after_parents),
        ("counters_match_children", counters_match_children),
        ("nothing_lives_under_the_dead", nothing_lives_under_the_dead),
        (
            "what_started_used_its_attempt",
            what_started_used_its_attempt,
        ),
        ("tries_stay_within_the_retry", tries_stay_within_the_retry),
        ("nothing_waits_while_ending", nothing_waits_while_ending),
        (
            "failing_blocks_wait_for_something",
            failing_blocks_wait_for_something,
        ),
        ("what_acted_can_be_found", what_acted_can_be_found),
        ("undos_take_turns", undos_take_turns),
        ("phases_do_not_overlap", phases_do_not_overlap),
        ("it_goes_on", it_goes_on),
        ("what_was_passed_was_approved", what_was_passed_was_approved),
        ("others_are_others", others_are_others),
        (
            "open_gates_wait_for_something",
            open_gates_wait_for_something,
        ),
        (
            "nothing_is_done_without_the_lock",
            nothing_is_done_without_the_lock,
        ),
    ];
    for (invariant, holds) in all {
        holds(run).map_err(|found| Violation { invariant, found })?;
    }
    Ok(())
}

fn indexed(run: &Run) -> impl Iterator<Item = (InstIx, &Inst)> {
    (0u32..).map(InstIx).zip(&run.insts)
}

fn is_settled(inst: &Inst) -> bool {
    matches!(inst.state, State::Settled(_))
}

/// Every active instance stands in the lane of its state, and in no other.
fn lanes_match_states(run: &Run) -> Found {
    let mut active = 0;
    for (ix, inst) in indexed(run) {
        let Some(lane) = run.lane(ix) else {
            continue;
        };
        active += 1;
        if !run.lanes.holds(lane, ix) {
            return Err(format!("{} is not in {lane:?}", inst.key));
        }
    }
    let standing = run.lanes.active().count();
    let started = |inst: &&Inst| matches!(inst.state, State::Started { .. });
    let acting = run.insts.iter().filter(started).count();
    if standing != active || acting != run.acting() {
        return Err(format!(
            "{standing} stand in lanes and {active} are active, {} act and {acting} are started",
            run.acting()
        ));
    }
    Ok(())
}

/// A key names one instance, and that instance has it.
fn keys_are_unique(run: &Run) -> Found {
    if run.by_key.len() != run.insts.len() {
        return Err("there are more instances than keys".to_owned());
    }
    for (ix, inst) in indexed(run) {
        if run.by_key.get(&inst.key) != Some(&ix) {
            return Err(format!("{} is another's key", inst.key));
        }
    }
    Ok(())
}

/// An instance is made after the one around it, and both know of each other.
fn children_come_after_parents(run: &Run) -> Found {
    for (ix, inst) in indexed(run) {
        for (position, child) in inst.children.iter().enumerate() {
            let child_inst = run.inst(*child);
            if *child <= ix || child_inst.parent != Some(ix) || child_inst.position != position {
                return Err(format!("{} is no child of {}", child_inst.key, inst.key));
            }
        }
    }
    Ok(())
}

/// What a block counts is what its children are.
fn counters_match_children(run: &Run) -> Found {
    for (ix, inst) in indexed(run) {
        // Of a block that is ending, what is left is not counted any more.
        if inst.state != State::Entered || inst.block.failing.is_some() || run.halted(ix) {
            continue;
        }
        let children = || inst.children.iter().map(|child| run.inst(*child));
        let settled = children().filter(|child| is_settled(child)).count();
        let begun = |child: &&Inst| !is_settled(child) && child.state != State::Pending;
        let open = children().filter(begun).count();
        let failed = children()
            .filter(|child| is_settled(child) && child.status().is_bad() && !child.accepted)
            .count();
        let block = &inst.block;
        if (block.settled, block.open, block.failed) != (settled, open, failed) {
            return Err(format!(
                "{} counts {} settled, {} open, {} failed, and has {settled}, {open}, {failed}",
                inst.key, block.settled, block.open, block.failed
            ));
        }
        if open == 0 {
            return Err(format!("nothing goes on in {}", inst.key));
        }
        if run.order(ix) != Order::Parallel && open > run.width(ix) {
            return Err(format!("{open} are open in {}", inst.key));
        }
    }
    Ok(())
}

/// What has begun has only blocks around it that were entered and are not settled.
fn nothing_lives_under_the_dead(run: &Run) -> Found {
    for (ix, inst) in indexed(run) {
        let alive = inst.state.is_active() || inst.state == State::Entered;
        let dead = |around: &InstIx| run.inst(*around).state != State::Entered;
        if alive && let Some(around) = run.ancestors(ix).find(dead) {
            let around = run.inst(around);
            return Err(format!(
                "{} is {} in {}, which is {}",
                inst.key,
                inst.status(),
                around.key,
                around.status()
            ));
        }
    }
    Ok(())
}

/// What has started, or may have, is not started again as the same attempt.
fn what_started_used_its_attempt(run: &Run) -> Found {
    for inst in &run.insts {
        let begun =
            inst.state.is_acting() || matches!(inst.state, State::Entered | State::Pausing { .. });
        if begun && !inst.attempt_used {
            return Err(format!("{} acts as an attempt not used", inst.key));
        }
        let waits = matches!(
            inst.state,
            State::Ready { .. } | State::Gated(_) | State::Approved(_)
        );
        if waits && inst.attempt_used {
            return Err(format!("{} waits with an attempt used", inst.key));
        }
    }
    Ok(())
}

/// No rule tries a step more often than its `retry` says.
fn tries_stay_within_the_retry(run: &Run) -> Found {
    for (ix, inst) in indexed(run) {
        let Some(retry) = run.retry(ix) else {
            continue;
        };
        // What does no harm is repeated after a doubt, whatever its `retry` says.
        if inst.tries > retry.attempts && !run.is_idempotent(ix) {
            return Err(format!("{} was tried {} times", inst.key, inst.tries));
        }
    }
    Ok(())
}

/// Once the run is ending, its steps act, or may have acted, or are left.
fn nothing_waits_while_ending(run: &Run) -> Found {
    if run.ending.is_none() || run.phase != Phase::Steps {
        return Ok(());
    }
    match run
        .lanes
        .active()
        .map(|ix| run.inst(ix))
        .find(|inst| !inst.state.is_acting())
    {
        Some(inst) => Err(format!("{} is {}", inst.key, inst.status())),
        None => Ok(()),
    }
}

/// A block that fails has failed, unless something in it still acts or is finished.
fn failing_blocks_wait_for_something(run: &Run) -> Found {
    for (ix, inst) in indexed(run) {
        let fails = inst.state == State::Entered && inst.block.failing.is_some();
        if fails != run.failing.contains(&ix) {
            return Err(format!("{} is not known to fail", inst.key));
        }
        // Where what is around it stops too, it is closed with that.
        let closes = inst.parent.is_some_and(|parent| run.halted(parent));
        if fails && !closes && !run.lanes.active().any(|active| run.is_inside(active, ix)) {
            return Err(format!("{} waits for nothing", inst.key));
        }
    }
    Ok(())
}

/// What may have to be undone is numbered once, and has something to be undone.
fn what_acted_can_be_found(run: &Run) -> Found {
    for (number, ix) in &run.acted {
        let inst = run.inst(*ix);
        if inst.acted != Some(*number) || inst.done.is_none() {
            return Err(format!("{} is not known to have acted", inst.key));
        }
    }
    let numbered = run.insts.iter().filter(|inst| inst.acted.is_some()).count();
    if numbered != run.acted.len() {
        return Err(format!("{numbered} acted, {} are known", run.acted.len()));
    }
    Ok(())
}

/// Undos go one after another, the last done first, and each original knows how its own went.
fn undos_take_turns(run: &Run) -> Found {
    let Some(undoing) = &run.undoing else {
        return Ok(());
    };
    let acted = |ix: InstIx| run.inst(ix).acted;
    for pair in undoing.queue.windows(2) {
        if acted(pair[0].0) <= acted(pair[1].0) {
            return Err(format!(
                "{} is undone before what was done after it",
                run.inst(pair[0].0).key
            ));
        }
    }
    for (place, (of, ix)) in undoing.queue.iter().enumerate() {
        let undo = run.inst(*ix);
        let alive = undo.state.is_active() || undo.state == State::Entered;
        if alive != (place == undoing.done) {
            return Err(format!("it is not the turn of {}", undo.key));
        }
        let told = run.inst(*of).status();
        // What failed to be taken back once may be waiting for its next turn.
        let right = match told {
            Status::Undone => is_settled(undo),
            Status::UndoFailed => true,
            _ => !is_settled(undo),
        };
        if !right {
            return Err(format!("{} is {told}", run.inst(*of).key));
        }
    }
    Ok(())
}

/// Each phase has its own instances, and only they are active in it.
fn phases_do_not_overlap(run: &Run) -> Found {
    for ix in run.lanes.active() {
        let outermost = run.ancestors(ix).last().unwrap_or(ix);
        let outer = run.inst(outermost);
        let phase = match outer.role {
            Role::Undo { .. } => Phase::Undo,
            _ if outer.node == run.plan.finally => Phase::Finally,
            _ => Phase::Steps,
        };
        if phase != run.phase {
            return Err(format!(
                "{} is active, and the run is at {:?}",
                run.inst(ix).key,
                run.phase
            ));
        }
    }
    let entered = run.insts.iter().find(|inst| inst.state == State::Entered);
    match (run.phase, entered) {
        (Phase::Closing | Phase::Closed, Some(inst)) => {
            Err(format!("{} was entered and is not settled", inst.key))
        }
        _ => Ok(()),
    }
}

/// A run that is not closed has something to do, or waits for something.
fn it_goes_on(run: &Run) -> Found {
    let idle = match run.phase {
        Phase::Steps | Phase::Finally => run.lanes.is_empty(),
        Phase::Undo => run.undoing.is_some() && run.lanes.is_empty(),
        Phase::New | Phase::Closing | Phase::Closed => false,
    };
    if idle {
        return Err(format!("nothing is to be done at {:?}", run.phase));
    }
    Ok(())
}

/// What was passed had all that it asked for: the operator's yes, and enough others', unless the
/// policy lets them come later or be stood in for.
fn what_was_passed_was_approved(run: &Run) -> Found {
    for inst in &run.insts {
        let State::Approved(passed) = &inst.state else {
            continue;
        };
        let Some(asked) = &passed.asked else {
            continue;
        };
        let allowed = run.plan.policy.unattended == Unattended::Allow;
        let excused = asked.afterwards || (passed.yes.stands_in() && allowed);
        if !excused && passed.votes.len() < asked.count as usize {
            return Err(format!(
                "{} was passed with {} of {} approvals",
                inst.key,
                passed.votes.len(),
                asked.count
            ));
        }
    }
    Ok(())
}

/// Those whose word counts at a gate are different people whom it asks, and none of them decided
/// there.
fn others_are_others(run: &Run) -> Found {
    for inst in &run.insts {
        let (asked, yes, votes) = match &inst.state {
            State::Gated(open) => (&open.asked, open.yes.as_ref(), &open.votes),
            State::Approved(passed) => (&passed.asked, Some(&passed.yes), &passed.votes),
            _ => continue,
        };
        let passed = matches!(inst.state, State::Approved(_));
        let decided = |given: &Given| yes.is_some_and(|yes| given.voter.may_be(&yes.by));
        if passed && votes.iter().any(decided) {
            return Err(format!("at {} the operator counts as another", inst.key));
        }
        for (place, one) in votes.iter().enumerate() {
            let again = |two: &Given| two.voter.is_same_person(&one.voter);
            let principal = &one.voter.principal;
            let asked = asked.as_ref().is_some_and(|asked| asked.may(principal));
            if !asked || votes[place + 1..].iter().any(again) {
                return Err(format!("at {}, {principal} does not count", inst.key));
            }
        }
    }
    Ok(())
}

/// A gate that stands open lacks somebody's word.
fn open_gates_wait_for_something(run: &Run) -> Found {
    for inst in &run.insts {
        if let State::Gated(open) = &inst.state
            && open.yes.is_some()
            && run.missing(open) == 0
        {
            return Err(format!("the gate of {} waits for nobody", inst.key));
        }
    }
    Ok(())
}

/// Where the run has a lock to take, nothing acts but what acted when it was taken up.
fn nothing_is_done_without_the_lock(run: &Run) -> Found {
    if run.lock_due().is_some() && run.acting() > 0 {
        return Err(format!("{} act without the run's lock", run.acting()));
    }
    Ok(())
}
