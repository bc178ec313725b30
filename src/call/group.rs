//! Watching a started process to its end, and ending all of it when its time is over.
//!
//! One thread waits on everything at once (both streams, the process's end, the time), so that a
//! step costs no threads, and a drain can be given up without leaving a reader behind. What the
//! process prints is therefore handed to the sink by the thread that watches its time: a sink must
//! not block.
//!
//! A process is reaped last. Until then its id, which is also that of its group and session, cannot
//! become another's, so no signal can go astray.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use super::capture::{Tap, buffer};
use super::session::{Process, list, members, strays};
use super::spawn::Child;
use crate::model::call::{Cancel, Captured, Sink, Stream};

/// How often the request to cancel is looked at: what a person does not notice, and what costs 20
/// wake-ups a second.
const TICK: Duration = Duration::from_millis(50);

/// How long a group may take to vanish after KILL. Only one that waits inside the kernel, or that
/// became another user's, takes longer.
const KILL_WAIT: Duration = Duration::from_secs(2);

/// What a process is held to.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// From its start to TERM.
    pub timeout: Duration,
    /// From TERM to KILL.
    pub grace: Duration,
    /// From its end to giving up on its output.
    pub drain: Duration,
    /// How much of each stream is kept, in bytes.
    pub cap: usize,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal, sent by somebody else.
    Signalled(i32),
    /// We ended it because its time was over.
    TimedOut,
    /// We ended it because that was asked.
    Cancelled,
    /// It ran, and the system does not say how it ended.
    Lost(String),
}

/// What came of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// How it ended.
    pub end: End,
    /// What it printed.
    pub stdout: Captured,
    /// What it complained about.
    pub stderr: Captured,
    /// What a person should know: survivors, a pipe that was held open, a KILL.
    pub notes: Vec<String>,
}

impl Finished {
    /// It ran, and that is all that is known.
    pub(super) fn lost(why: String) -> Self {
        Self {
            end: End::Lost(why),
            stdout: Captured::default(),
            stderr: Captured::default(),
            notes: Vec::new(),
        }
    }
}

/// Waits for a process, and ends it where its time is over or that is asked for.
///
/// `mark` is what the environment of all its children holds, as `NAME=value`.
pub(super) fn watch(
    child: Child,
    limits: &Limits,
    mark: &[Vec<u8>],
    sink: &dyn Sink,
    cancel: &dyn Cancel,
) -> Finished {
    let Child {
        handle,
        pid,
        ended,
        stdout,
        stderr,
    } = child;
    let mut watch = Watch {
        pid,
        ended,
        taps: [
            Tap::new(stdout, Stream::Stdout, limits.cap),
            Tap::new(stderr, Stream::Stderr, limits.cap),
        ],
        buffer: buffer(),
        sink,
        notes: Vec::new(),
    };
    let deadline = after(limits.timeout);
    let end = match watch.until_any(&[], true, deadline, &|| cancel.is_cancelled()) {
        Woke::Ready | Woke::Quiet => {
            // Reaped first: a dead leader still counts as one of its group.
            let end = reap(&handle);
            watch.after_its_end(limits, mark);
            end
        }
        woke => {
            if watch.end_all(limits, mark) {
                let _ = reap(&handle);
            }
            match woke {
                Woke::Stopped => End::Cancelled,
                _ => End::TimedOut,
            }
        }
    };
    let [stdout, stderr] = watch.taps;
    Finished {
        end,
        stdout: stdout.finish(sink),
        stderr: stderr.finish(sink),
        notes: watch.notes,
    }
}

fn after(duration: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    Instant::now() + duration.min(FAR)
}

fn reap(handle: &duct::Handle) -> End {
    match handle.wait() {
        Ok(output) => end_of(output.status),
        Err(e) => End::Lost(format!("how it ended cannot be found out: {e}")),
    }
}

fn end_of(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exited(code),
        (None, Some(signal)) => End::Signalled(signal),
        (None, None) => End::Lost(format!("it ended with {status}")),
    }
}

/// Why a wait came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Woke {
    /// One of the awaited processes ended.
    Ready,
    /// The time is over.
    Time,
    /// That was asked for.
    Stopped,
    /// There is nothing more to wait for.
    Quiet,
}

struct Watch<'a> {
    pid: Pid,
    ended: OwnedFd,
    taps: [Tap; 2],
    buffer: Vec<u8>,
    sink: &'a dyn Sink,
    notes: Vec<String>,
}

impl Watch<'_> {
    /// Takes what is printed until one of the processes, or the leader where that is asked, ends.
    fn until_any(
        &mut self,
        processes: &[OwnedFd],
        leader: bool,
        deadline: Instant,
        stop: &dyn Fn() -> bool,
    ) -> Woke {
        loop {
            if stop() {
                return Woke::Stopped;
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                return Woke::Time;
            };
            let mut open = [false; 2];
            let mut fds: Vec<PollFd<'_>> = Vec::with_capacity(3);
            let mut add = |fd| fds.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
            leader.then(|| add(self.ended.as_fd()));
            processes.iter().map(AsFd::as_fd).for_each(&mut add);
            for (tap, open) in self.taps.iter().zip(&mut open) {
                if let Some(source) = tap.source() {
                    *open = true;
                    add(source);
                }
            }
            if fds.is_empty() {
                return Woke::Quiet;
            }
            let awaited = usize::from(leader) + processes.len();
            let ready = wait(&mut fds, left.min(TICK));
            let mut readable = ready[awaited..].iter();
            let one_ended = ready[..awaited].contains(&true);
            for (tap, open) in self.taps.iter_mut().zip(open) {
                if open && readable.next() == Some(&true) {
                    tap.read(&mut self.buffer, self.sink);
                }
            }
            if one_ended {
                return Woke::Ready;
            }
        }
    }

    /// Takes what is still in the pipes; whether both came to their end.
    fn drain(&mut self, limits: &Limits) -> bool {
        self.until_any(&[], false, after(limits.drain), &|| false) == Woke::Quiet
    }

    /// After an end of its own accord: what is left running is named, and left running. Whoever
    /// starts a daemon wants one.
    fn after_its_end(&mut self, limits: &Limits, mark: &[Vec<u8>]) {
        if !self.drain(limits) {
            let mut holders = members(self.pid);
            holders.extend(strays(self.pid, mark));
            self.leaked(&holders);
        } else if test_kill_process_group(self.pid).is_ok() {
            // The cheap question first: reading all of /proc costs more than /bin/true.
            let left = members(self.pid);
            if !left.is_empty() {
                self.notes
                    .push(format!("left running in the background: {}", list(&left)));
            }
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

    /// TERM to the whole session, KILL after the grace; whether the leader can be reaped.
    fn end_all(&mut self, limits: &Limits, mark: &[Vec<u8>]) -> bool {
        // Looked for now, while their parents still show where they come from.
        let known: Vec<_> = strays(self.pid, mark)
            .into_iter()
            .filter_map(|p| p.hold().map(|fd| (p, fd)))
            .collect();
        self.signal(Signal::TERM);
        // A stopped process takes its TERM only when it goes on.
        self.signal(Signal::CONT);
        let mut gone = self.gone(after(limits.grace));
        if !gone {
            let grace = crate::model::Duration::from_std(limits.grace);
            self.notes.push(format!(
                "did not end within {grace} of TERM, so it was killed"
            ));
            let deadline = after(KILL_WAIT);
            while !gone && Instant::now() < deadline {
                // Again and again: one that forks fast can slip through a single round.
                self.signal(Signal::KILL);
                gone = self.gone(after(TICK).min(deadline));
            }
        }
        let reapable = self.leader_ended();
        let drained = self.drain(limits);
        if !gone {
            let mut left = members(self.pid);
            if !reapable {
                left.extend(Process::read(self.pid));
            }
            if !left.is_empty() {
                self.notes.push(format!(
                    "could not be ended and still runs: {}",
                    list(&left)
                ));
            }
        }
        // Looked for again: one may have left since, or was inside exec, where it has no
        // environment to be known by.
        let mut outside: Vec<_> = known
            .into_iter()
            .filter(|(_, fd)| !ended(fd.as_fd()))
            .map(|(process, _)| process)
            .collect();
        for stray in strays(self.pid, mark) {
            if !outside.iter().any(|known| known.pid == stray.pid) {
                outside.push(stray);
            }
        }
        if !outside.is_empty() {
            self.notes.push(format!(
                "left the step's session and still runs: {}",
                list(&outside)
            ));
        }
        if !drained {
            self.leaked(&outside);
        }
        reapable
    }

    /// To the group at once, and to those of the session that have a group of their own.
    fn signal(&self, signal: Signal) {
        // "No such process" is what is wanted; a refusal shows later, as a survivor.
        let _ = kill_process_group(self.pid, signal);
        for member in members(self.pid) {
            if !member.in_group(self.pid) {
                member.signal(signal);
            }
        }
    }

    /// Waits until no living process of the session is left; whether that came in time.
    fn gone(&mut self, deadline: Instant) -> bool {
        if !self.leader_ended() && self.until_any(&[], true, deadline, &|| false) == Woke::Time {
            return false;
        }
        loop {
            let left = members(self.pid);
            if left.is_empty() {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            let held: Vec<_> = left.iter().filter_map(Process::hold).collect();
            if held.is_empty() {
                // They ended just now, or the kernel has no pidfd: look again, in no hurry.
                std::thread::sleep(TICK.min(deadline.saturating_duration_since(Instant::now())));
            } else {
                self.until_any(&held, false, deadline, &|| false);
            }
        }
    }

    fn leader_ended(&self) -> bool {
        ended(self.ended.as_fd())
    }
}

fn ended(process: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(process, PollFlags::IN)];
    wait(&mut fds, Duration::ZERO) == [true]
}

/// Which of them have something, after at most so long.
fn wait(fds: &mut [PollFd<'_>], at_most: Duration) -> Vec<bool> {
    let timeout = Timespec {
        tv_sec: i64::try_from(at_most.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: at_most.subsec_nanos().into(),
    };
    match poll(fds, Some(&timeout)) {
        Ok(_) => fds.iter().map(|fd| !fd.revents().is_empty()).collect(),
        Err(e) => {
            if e != rustix::io::Errno::INTR {
                // Out of memory is all that is left: go on slowly rather than not at all.
                std::thread::sleep(at_most);
            }
            vec![false; fds.len()]
        }
    }
}
