//! Watching a started process to its end, and ending all of it when its time is over.
//!
//! One thread waits on everything at once (both streams, the process's end, the time), so that a
//! step costs no threads, and a drain can be given up without leaving a reader behind. What the
//! process prints is therefore handed to the sink by the thread that watches its time: a sink must
//! not block.
//!
//! How all of it is ended, and what is said about who is left, is in `ending`.
//!
//! A process is reaped last. Until then its id, which is also that of its group and session, cannot
//! become another's, so no signal can go astray.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use super::adopt;
use super::capture::{Tap, buffer};
use super::cgroup::Cgroup;
use super::environ::Mark;
use super::family::Family;
use super::secrets::Secrets;
use super::spawn::Child;
use crate::model::call::{Cancel, Captured, Sink, Stream};

/// How often the request to cancel is looked at: what a person does not notice, and what costs 20
/// wake-ups a second.
pub(super) const TICK: Duration = Duration::from_millis(50);

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

/// What the processes of a step are known by.
pub(super) struct Ours {
    /// What the environment of all its children holds.
    pub mark: Mark,
    /// Where all its children are.
    pub cgroup: Option<Cgroup>,
}

/// Waits for a process, and ends it where its time is over or that is asked for. Of what it prints,
/// `secrets` are taken out.
pub(super) fn watch(
    child: Child,
    ours: Ours,
    limits: &Limits,
    secrets: Option<&Arc<Secrets>>,
    (sink, cancel): (&dyn Sink, &dyn Cancel),
) -> Finished {
    let Child {
        handle,
        pid,
        ended,
        stdout,
        stderr,
    } = child;
    let unwatched = Unwatched {
        leader: pid,
        cgroup: ours.cgroup.as_ref(),
    };
    let mut watch = Watch {
        pid,
        ended,
        cgroup: ours.cgroup.as_ref(),
        taps: [
            Tap::new(stdout, Stream::Stdout, limits.cap, secrets),
            Tap::new(stderr, Stream::Stderr, limits.cap, secrets),
        ],
        buffer: buffer(),
        sink,
        notes: Vec::new(),
    };
    let deadline = after(limits.timeout);
    let end = match watch.until_any(&[], true, deadline, &|| cancel.is_cancelled()) {
        Woke::Ready | Woke::Quiet => {
            let mut family = watch.family(ours.mark);
            // Reaped first: a dead leader still counts as one of its group.
            let end = reap(pid, &handle);
            watch.after_its_end(limits, &mut family);
            end
        }
        woke => {
            let mut family = watch.family(ours.mark);
            if watch.end_all(limits, &mut family) {
                let _ = reap(pid, &handle);
            }
            match woke {
                Woke::Stopped => End::Cancelled,
                _ => End::TimedOut,
            }
        }
    };
    adopt::reap_adopted();
    drop(unwatched);
    let [stdout, stderr] = watch.taps;
    Finished {
        end,
        stdout: stdout.finish(sink),
        stderr: stderr.finish(sink),
        notes: watch.notes,
    }
}

/// Should the watching panic, nobody would be left to end the process at its time.
struct Unwatched<'a> {
    leader: Pid,
    cgroup: Option<&'a Cgroup>,
}

impl Drop for Unwatched<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = kill_process_group(self.leader, Signal::KILL);
            if let Some(cgroup) = self.cgroup {
                cgroup.kill();
            }
        }
    }
}

pub(super) fn after(duration: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    Instant::now() + duration.min(FAR)
}

fn reap(leader: Pid, handle: &duct::Handle) -> End {
    match adopt::reap(leader, || handle.wait()) {
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
pub(super) enum Woke {
    /// One of the awaited processes ended.
    Ready,
    /// The time is over.
    Time,
    /// That was asked for.
    Stopped,
    /// There is nothing more to wait for.
    Quiet,
}

pub(super) struct Watch<'a> {
    pub(super) pid: Pid,
    ended: OwnedFd,
    pub(super) cgroup: Option<&'a Cgroup>,
    taps: [Tap; 2],
    buffer: Vec<u8>,
    sink: &'a dyn Sink,
    pub(super) notes: Vec<String>,
}

impl Watch<'_> {
    /// Takes what is printed until one of the processes, or the leader where that is asked, ends.
    pub(super) fn until_any(
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

    /// Who belongs to the process, which must not have been reaped.
    fn family(&self, mark: Mark) -> Family {
        let pipes: Vec<_> = self.taps.iter().filter_map(Tap::source).collect();
        Family::of(self.pid, mark, &pipes)
    }

    /// Takes what is still in the pipes; whether both came to their end.
    pub(super) fn drain(&mut self, at_most: Duration) -> bool {
        self.until_any(&[], false, after(at_most), &|| false) == Woke::Quiet
    }

    pub(super) fn leader_ended(&self) -> bool {
        ended(self.ended.as_fd())
    }
}

fn ended(process: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(process, PollFlags::IN)];
    wait(&mut fds, Duration::ZERO) == [true]
}

/// Which of them have something, after at most so long.
pub(super) fn wait(fds: &mut [PollFd<'_>], at_most: Duration) -> Vec<bool> {
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
