//! Ending all that a step started, and saying who is left.
//!
//! A step that ends by itself leaves in the background what it put there: whoever starts a daemon
//! wants one, so it is named and left running. A step whose time is over, or that is to end, ends
//! with all that is certainly its own: TERM to everyone, KILL after the grace, wherever they went.
//! Those that only may be its own are named, see [`Family`].

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process_group, test_kill_process_group};

use super::family::{Family, Found};
use super::group::{Limits, TICK, Watch, Woke, after};
use super::session::{Process, list};

/// How long all may take to vanish after KILL. Only who waits inside the kernel, frees very much
/// memory, or became another user's, takes longer.
const KILL_WAIT: Duration = Duration::from_millis(600);

/// How long output is waited for once all were killed: together with the above less than a second,
/// so that a step is over within its grace and one second.
const LAST_DRAIN: Duration = Duration::from_millis(200);

/// How many are waited for at once: each takes a descriptor.
const HELD: usize = 4;

/// How often it is looked who is left, before those are named that nothing certain is known of. One
/// that is just ending, or is inside exec, has no environment.
const LOOKS: usize = 3;

impl Watch<'_> {
    /// After an end of its own accord.
    pub(super) fn after_its_end(&mut self, limits: &Limits, family: &mut Family) {
        let drained = self.drain(limits.drain);
        let group = test_kill_process_group(self.pid).is_ok();
        if drained && !group && !family.may_be_left() {
            return;
        }
        let left = self.who_is_left(family);
        if !drained {
            self.leaked(&left.ours);
        } else if !left.ours.is_empty() {
            let who = list(&left.ours);
            self.notes
                .push(format!("left running in the background: {who}"));
        }
        self.unclear(&left.unclear);
    }

    /// TERM to all, KILL after the grace; whether the leader can be reaped.
    pub(super) fn end_all(&mut self, limits: &Limits, family: &mut Family) -> bool {
        let mut strays = Vec::new();
        self.signal(&[Signal::TERM, Signal::CONT], family, &mut strays);
        let grace = after(limits.grace);
        let mut kill: Option<Instant> = None;
        let (drained, mut left) = loop {
            if kill.is_none() && !self.gone(grace, family) {
                let grace = crate::model::Duration::from_std(limits.grace);
                self.notes.push(format!(
                    "did not end within {grace} of TERM, so it was killed"
                ));
                kill = Some(after(KILL_WAIT));
            }
            if let Some(until) = kill {
                self.kill_all(until, family, &mut strays);
            }
            let drained = self.drain(limits.drain.min(LAST_DRAIN));
            let left = self.who_is_left(family);
            // One that forks and leaves all the time may turn up late.
            if left.ours.is_empty() || kill.is_some_and(|until| Instant::now() >= until) {
                break (drained, left);
            }
        };
        let reapable = self.leader_ended();
        if !reapable {
            left.ours.extend(Process::read(self.pid));
        }
        strays.retain(|stray| !left.ours.iter().any(|p| p.identity() == stray.identity()));
        if !strays.is_empty() {
            self.notes.push(format!(
                "had left the step's session and was ended too: {}",
                list(&strays)
            ));
        }
        if !left.ours.is_empty() {
            self.notes.push(format!(
                "could not be ended and still runs: {}",
                list(&left.ours)
            ));
        }
        if !drained {
            self.leaked(&left.ours);
        }
        self.unclear(&left.unclear);
        reapable
    }

    /// KILL again and again: one that forks fast can slip through a single round.
    fn kill_all(&mut self, until: Instant, family: &mut Family, strays: &mut Vec<Process>) {
        loop {
            if let Some(cgroup) = self.cgroup {
                cgroup.kill();
            }
            self.signal(&[Signal::KILL], family, strays);
            if self.gone(after(TICK).min(until), family) || Instant::now() >= until {
                break;
            }
        }
    }

    /// Who lives, once it was given a moment to show.
    fn who_is_left(&mut self, family: &mut Family) -> Found {
        let mut left = family.look(self.cgroup);
        for _ in 1..LOOKS {
            let held = match &left {
                Ok(left) if left.unclear.is_empty() => break,
                Ok(left) => hold(&left.unclear),
                Err(_) => Vec::new(),
            };
            self.pause(&held, after(TICK));
            left = family.look(self.cgroup);
        }
        left.unwrap_or_else(|e| {
            self.notes
                .push(format!("who is left of it cannot be found out: {e}"));
            Found::default()
        })
    }

    /// Until one of them ends; a moment, where none of them can be held.
    fn pause(&mut self, held: &[OwnedFd], deadline: Instant) {
        if held.is_empty() {
            std::thread::sleep(TICK.min(deadline.saturating_duration_since(Instant::now())));
        } else {
            self.until_any(held, false, deadline, &|| false);
        }
    }

    fn leaked(&mut self, holders: &[Process]) {
        let mut note = "leaked: a process still holds the output open".to_owned();
        if !holders.is_empty() {
            note.push_str(": ");
            note.push_str(&list(holders));
        }
        self.notes.push(note);
    }

    fn unclear(&mut self, unclear: &[Process]) {
        if !unclear.is_empty() {
            self.notes.push(format!(
                "still runs, and may be this step's or that of another which ran at the same \
                 time: {}",
                list(unclear)
            ));
        }
    }

    /// To the group at once, and to those of the family that left it; who left even the session is
    /// remembered.
    fn signal(&self, signals: &[Signal], family: &mut Family, strays: &mut Vec<Process>) {
        // Before anybody ends: while their parents live it shows where they come from.
        let found = family.look(self.cgroup).unwrap_or_default();
        for signal in signals {
            // "No such process" is what is wanted; a refusal shows later, as a survivor.
            let _ = kill_process_group(self.pid, *signal);
        }
        for process in &found.ours {
            if process.group != self.pid.as_raw_nonzero().get() {
                process.signal(signals);
            }
            let known = strays.iter().any(|p| p.identity() == process.identity());
            if !family.at_home(process) && !known {
                strays.push(process.clone());
            }
        }
    }

    /// Waits until nobody of the family is left; whether that came in time.
    fn gone(&mut self, deadline: Instant, family: &mut Family) -> bool {
        if !self.leader_ended() && self.until_any(&[], true, deadline, &|| false) == Woke::Time {
            return false;
        }
        let mut nobody = false;
        loop {
            let left = family.look(self.cgroup).map(|found| found.ours);
            let nobody_now = left.as_ref().is_ok_and(Vec::is_empty);
            // Twice, for one that forks and ends can be missed: the child is too young for the
            // list that is gone through, and the parent has ended when it is its turn.
            if nobody_now && nobody {
                return true;
            }
            nobody = nobody_now;
            if Instant::now() >= deadline {
                return false;
            }
            if !nobody {
                self.pause(&hold(&left.unwrap_or_default()), deadline);
            }
        }
    }
}

fn hold(processes: &[Process]) -> Vec<OwnedFd> {
    let processes = processes.iter().take(HELD);
    processes.filter_map(Process::hold).collect()
}
