//! A plugin's process: what it is told, what it prints, and its end.
//!
//! Between calls nobody listens to it. What it prints meanwhile waits in its pipes, and belongs to
//! the next call.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, Signal, kill_process_group};
use zeroize::Zeroizing;

use super::heard::Heard;
use super::lines::{Line, Lines};
use super::message::{Described, MessageId};
use crate::call::capture::buffer;
use crate::call::group::{End, Limits, Ours, TICK, wait, watch};
use crate::call::lookup::Nobody;
use crate::call::signal;
use crate::call::spawn::Child;
use crate::model::call::Cancel;

/// How long the end of a process is waited for that has closed its output: it usually is ending.
const ENDING: Duration = Duration::from_millis(500);

/// How much is read at most of what came between two calls, in pieces of what a pipe holds.
const PIECES: usize = 16;

/// A process that was started and not ended.
pub(super) struct Living {
    /// Who it is, for messages: ``the plugin `./flags.py` ``.
    pub(super) who: String,
    /// What it said of itself.
    pub(super) described: Described,
    child: Child,
    stdin: PipeWriter,
    leash: Leash,
    pub(super) lines: Lines,
    buffer: Vec<u8>,
    /// Nothing more comes: it ended, or closed its output.
    over: bool,
    /// It closed its stderr, and may live on.
    uncomplaining: bool,
    asked: u64,
}

/// Should nobody end the process, because what calls it panicked, it is killed.
struct Leash {
    leader: Pid,
    ours: Option<Ours>,
}

impl Drop for Leash {
    fn drop(&mut self) {
        if let Some(ours) = &self.ours {
            let _ = kill_process_group(self.leader, Signal::KILL);
            if let Some(cgroup) = &ours.cgroup {
                cgroup.kill();
            }
        }
    }
}

/// A line on its way to the plugin.
pub(super) struct Outgoing {
    line: Zeroizing<Vec<u8>>,
    written: usize,
    /// The plugin closed its input.
    deaf: bool,
}

impl Outgoing {
    pub(super) fn new(line: Zeroizing<Vec<u8>>) -> Self {
        Self {
            line,
            written: 0,
            deaf: false,
        }
    }

    pub(super) fn nothing() -> Self {
        Self::new(Zeroizing::default())
    }

    /// Whether the plugin may have read a whole line.
    pub(super) fn is_sent(&self) -> bool {
        self.written == self.line.len()
    }

    fn waits(&self) -> bool {
        !self.deaf && !self.is_sent()
    }
}

/// What came of a process.
pub(super) enum Came {
    /// It printed a line.
    Line(Vec<u8>),
    /// It prints one that is longer than any may be; its beginning.
    TooLong(Vec<u8>),
    /// Nothing more comes.
    Over,
    /// It does not read any more.
    Deaf,
    /// The time is over.
    Time,
    /// That was asked for.
    Stopped,
}

/// How a process is brought to its end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    /// It is ending by itself, most likely.
    Over,
    /// It is ended.
    Now,
}

impl Living {
    pub(super) fn new(who: String, child: Child, stdin: PipeWriter, ours: Ours) -> Self {
        Self {
            who,
            described: Described::default(),
            leash: Leash {
                leader: child.pid,
                ours: Some(ours),
            },
            child,
            stdin,
            lines: Lines::default(),
            buffer: buffer(),
            over: false,
            uncomplaining: false,
            asked: 0,
        }
    }

    /// The id of the next question.
    pub(super) fn next_id(&mut self) -> MessageId {
        self.asked += 1;
        MessageId(self.asked)
    }

    /// Sends what is to be sent, until a line or something else comes.
    pub(super) fn until_it_speaks(
        &mut self,
        out: &mut Outgoing,
        heard: &mut Heard<'_>,
        deadline: Instant,
        stop: &dyn Fn() -> bool,
    ) -> Came {
        loop {
            match self.lines.next() {
                Some(Line::Whole(line)) => return Came::Line(line),
                Some(Line::TooLong(begin)) => return Came::TooLong(begin),
                None if self.over => return Came::Over,
                None if out.deaf => return Came::Deaf,
                None => {}
            }
            if stop() {
                return Came::Stopped;
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                return Came::Time;
            };
            self.turn(out, heard, left.min(TICK));
        }
    }

    /// Takes what it printed since it was last listened to; whether it still lives.
    pub(super) fn catch_up(&mut self, heard: &mut Heard<'_>) -> bool {
        let mut nothing = Outgoing::nothing();
        for _ in 0..PIECES {
            if self.over || !self.turn(&mut nothing, heard, Duration::ZERO) {
                break;
            }
        }
        !self.over
    }

    /// Waits once for anything, and takes it; whether something came.
    fn turn(&mut self, out: &mut Outgoing, heard: &mut Heard<'_>, at_most: Duration) -> bool {
        let child = &self.child;
        let mut fds: Vec<PollFd<'_>> = Vec::with_capacity(4);
        let mut watch = |fd, flags| {
            fds.push(PollFd::from_borrowed_fd(fd, flags));
            fds.len() - 1
        };
        let ended = watch(child.ended.as_fd(), PollFlags::IN);
        let printed = watch(child.stdout.as_fd(), PollFlags::IN);
        let complains = !self.uncomplaining;
        let complained = complains.then(|| watch(child.stderr.as_fd(), PollFlags::IN));
        let waits = out.waits();
        let takes = waits.then(|| watch(self.stdin.as_fd(), PollFlags::OUT));
        let ready = wait(&mut fds, at_most);
        let is = |at: Option<usize>| at.and_then(|at| ready.get(at)) == Some(&true);
        let (ended, printed) = (is(Some(ended)), is(Some(printed)));
        let (complained, takes) = (is(complained), is(takes));
        let mut came = false;
        if complained && let Some(length) = piece(&mut self.child.stderr, &mut self.buffer) {
            came |= length > 0;
            self.uncomplaining = length == 0;
            heard.complained(&self.buffer[..length]);
        }
        if printed {
            match piece(&mut self.child.stdout, &mut self.buffer) {
                Some(0) => self.over = true,
                Some(length) => {
                    came = true;
                    heard.printed(&self.buffer[..length]);
                    self.lines.push(&self.buffer[..length]);
                }
                None => {}
            }
        } else if ended {
            // All that it printed itself was read. What it left behind may hold the pipe for ever.
            self.over = true;
        }
        if takes {
            self.write(out);
        }
        came
    }

    fn write(&mut self, out: &mut Outgoing) {
        match self.stdin.write(&out.line[out.written..]) {
            Ok(length) => out.written += length,
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) => {}
            Err(_) => out.deaf = true,
        }
    }

    /// Brings it to its end with all that it started, and says how that was.
    pub(super) fn end(
        mut self: Box<Self>,
        ending: Ending,
        (grace, drain): (Duration, Duration),
        heard: &mut Heard<'_>,
    ) -> String {
        let Some(ours) = self.leash.ours.take() else {
            return "had ended".to_owned();
        };
        let Self {
            child, stdin, who, ..
        } = *self;
        drop(stdin);
        let limits = Limits {
            timeout: ENDING,
            grace,
            drain,
            cap: crate::call::DEFAULT_CAP,
        };
        let at_once = AtOnce(matches!(ending, Ending::Now));
        let secrets = Some(heard.secrets());
        let finished = watch(child, ours, &limits, secrets, (&Nobody, &at_once));
        heard.printed(&finished.stdout.bytes);
        heard.complained(&finished.stderr.bytes);
        for note in finished.notes {
            heard.note(format!("{who}: {note}"));
        }
        match finished.end {
            End::Exited(status) => format!("ended with exit status {status}"),
            End::Signalled(signal) => format!("was ended by {}", signal::name(signal)),
            End::TimedOut => "closed its output, and was ended".to_owned(),
            End::Cancelled => "was ended".to_owned(),
            End::Lost(why) => why,
        }
    }
}

/// Whether the end is asked for from the beginning.
struct AtOnce(bool);

impl Cancel for AtOnce {
    fn is_cancelled(&self) -> bool {
        self.0
    }
}

/// Reads one piece of what is there: nothing now, or how much; 0 is the end.
fn piece(pipe: &mut PipeReader, buffer: &mut [u8]) -> Option<usize> {
    match pipe.read(buffer) {
        Ok(length) => Some(length),
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
            ) =>
        {
            None
        }
        // A pipe has no other errors; if one has, there is nothing more to be had from it.
        Err(_) => Some(0),
    }
}
