//! Starting a process: its own session, no terminal, nothing on stdin, a given environment.
//!
//! The only place that starts one, so that how it is started can be replaced by a measurement.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::adopt;
use super::cgroup::Cgroup;
use super::find::{check_dir, not_started, program, shown};
use crate::model::call::Failure;

/// Everything that a process is started with. Nothing else reaches it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Start {
    /// The program and its words.
    pub argv: Vec<OsString>,
    /// Its whole environment.
    pub env: BTreeMap<OsString, OsString>,
    /// Its working directory, absolute. A program's name with a `/` in it is relative to this.
    pub dir: PathBuf,
}

impl fmt::Debug for Start {
    /// Its environment may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Start")
            .field("argv", &self.argv)
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

/// A process that was started and has not been waited for.
pub(super) struct Child {
    /// Knows how to reap it.
    pub handle: Arc<duct::Handle>,
    /// Its id, which is that of its process group and of its session too.
    pub pid: Pid,
    /// Readable as soon as it has ended, which it stays until it is reaped: until then no other
    /// process can get its id.
    pub ended: OwnedFd,
    /// What it prints; reading never blocks.
    pub stdout: PipeReader,
    /// What it complains about; reading never blocks.
    pub stderr: PipeReader,
}

/// What came of starting a process.
pub(super) enum Spawned {
    /// It runs.
    Running(Child),
    /// It ran and was ended at once, since nothing could be had to watch it with. What it did
    /// until then is not known.
    Lost(String),
}

/// How often, and from how short a pause on, a program that is just being written is tried again.
const BUSY_TRIES: u32 = 6;
const BUSY_PAUSE: Duration = Duration::from_millis(1);

/// Starts it with nothing to read, inside a cgroup where it gets one. Where this fails nothing has
/// been done, and the failure says why in plain words.
pub(super) fn spawn(start: &Start, cgroup: Option<&Cgroup>) -> Result<Spawned, Failure> {
    spawn_reading(start, None, cgroup)
}

/// The same with something to read: what comes out of this pipe.
pub(super) fn spawn_reading(
    start: &Start,
    stdin: Option<PipeReader>,
    cgroup: Option<&Cgroup>,
) -> Result<Spawned, Failure> {
    let Some((name, words)) = start.argv.split_first() else {
        return Err(not_started("the command has no program"));
    };
    check_dir(&start.dir)?;
    let _turn = Turn::take();
    let path = program(name, &start.env, &start.dir)?;
    let plain = |e: io::Error| explain(&e, name);
    let (stdout, out) = pipe().map_err(plain)?;
    let (stderr, err) = pipe().map_err(plain)?;

    let arg0 = name.clone();
    let env: HashMap<_, _> = start.env.iter().collect();
    let entry = cgroup.and_then(Cgroup::entry).map(Arc::new);
    // The expression holds writers of both pipes: while it lives there is no end of file.
    let expression = duct::cmd(path, words)
        .full_env(env)
        .dir(&start.dir)
        .stdout_file(File::from(OwnedFd::from(out)))
        .stderr_file(File::from(OwnedFd::from(err)))
        .unchecked()
        .before_spawn(move |command| {
            command.arg0(&arg0);
            own_session(command, entry.clone());
            Ok(())
        });
    let expression = match stdin {
        Some(pipe) => expression.stdin_file(File::from(OwnedFd::from(pipe))),
        None => expression.stdin_null(),
    };
    let handle = Arc::new(start_patiently(&expression).map_err(plain)?);
    drop(expression);

    // It runs from here on: whatever fails now, it is not "not started".
    Ok(match watched(&handle) {
        Ok((pid, ended)) => Spawned::Running(Child {
            handle,
            pid,
            ended,
            stdout,
            stderr,
        }),
        Err(e) => {
            let _ = handle.kill();
            let _ = handle.wait();
            if let Some(pid) = id(&handle) {
                adopt::reap(pid, || ());
            }
            Spawned::Lost(format!("it was ended at once, nothing can watch it: {e}"))
        }
    })
}

/// How many are started at once. To start one takes a dozen descriptors for a moment, to watch it
/// three: so a full house of steps stays below the smallest limit that systems have (256).
const STARTS_AT_ONCE: usize = 4;

static STARTING: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

/// The right to start one.
struct Turn;

impl Turn {
    fn take() -> Self {
        let (starting, free) = &STARTING;
        let starting = starting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut starting = free
            .wait_while(starting, |starting| *starting >= STARTS_AT_ONCE)
            .unwrap_or_else(PoisonError::into_inner);
        *starting += 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let (starting, free) = &STARTING;
        *starting.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        free.notify_one();
    }
}

/// Its id, and what becomes readable at its end.
fn watched(handle: &Arc<duct::Handle>) -> io::Result<(Pid, OwnedFd)> {
    let pid = id(handle).ok_or_else(|| io::Error::other("the started process has no id"))?;
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(fd) => Ok((pid, fd)),
        // Kernels before 5.3 and some sandboxes do not have it.
        Err(_) => Ok((pid, ended_by_thread(Arc::clone(handle))?)),
    }
}

fn id(handle: &duct::Handle) -> Option<Pid> {
    let pids = handle.pids();
    Pid::from_raw(pids.first()?.cast_signed())
}

/// The pidfd's stand-in: a pipe that a thread closes when the process has ended and is reaped.
fn ended_by_thread(handle: Arc<duct::Handle>) -> io::Result<OwnedFd> {
    let (reader, writer) = io::pipe()?;
    std::thread::Builder::new()
        .name("wait".into())
        .spawn(move || {
            let _ = handle.wait();
            drop(writer);
        })?;
    Ok(reader.into())
}

/// Takes the terminal, and every signal that is typed into it, away from the process. Puts it into
/// its cgroup before it can start anything; where that fails, it goes on without.
#[allow(
    unsafe_code,
    reason = "nothing safe gives a child a session of its own"
)]
fn own_session(command: &mut std::process::Command, cgroup: Option<Arc<File>>) {
    let hook = move || {
        rustix::process::setsid()?;
        if let Some(entry) = &cgroup {
            let _ = rustix::io::write(entry, b"0");
        }
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. The hook is two
    // system calls without allocation, lock or environment; its error carries a number only.
    unsafe {
        command.pre_exec(hook);
    }
}

/// Starts it, again where another thread's fork still held the program's file open for writing
/// (ETXTBSY, golang/go#22315): that lasts until that fork's exec.
fn start_patiently(expression: &duct::Expression) -> io::Result<duct::Handle> {
    let mut pause = BUSY_PAUSE;
    let start = || adopt::start(|| expression.start(), id);
    for _ in 1..BUSY_TRIES {
        match start() {
            Err(e) if e.kind() == io::ErrorKind::ExecutableFileBusy => std::thread::sleep(pause),
            other => return other,
        }
        pause *= 2;
    }
    start()
}

fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    never_blocks(&reader)?;
    Ok((reader, writer))
}

/// Only this end: the two ends of a pipe have flags of their own.
pub(super) fn never_blocks(end: impl AsFd) -> io::Result<()> {
    let flags = fcntl_getfl(&end)? | OFlags::NONBLOCK;
    Ok(fcntl_setfl(&end, flags)?)
}

/// What a full pipe is widened to, in bytes: `/proc/sys/fs/pipe-max-size` as Linux sets it.
const WIDE: usize = 1 << 20;

/// Makes a pipe hold more, as far as the system lets us.
///
/// Only worth its price for a process that fills its pipe. Done for all, 33 steps at once would
/// use up what the kernel allows a user (`pipe-user-pages-soft`), and every further pipe of that
/// user, in other programs too, would shrink to 8 KiB.
pub(super) fn widen(pipe: impl AsFd) {
    let _ = rustix::pipe::fcntl_setpipe_size(pipe, WIDE);
}

fn explain(e: &io::Error, name: &std::ffi::OsStr) -> Failure {
    let name = shown(name);
    match e.kind() {
        // The file itself is there: it was looked for just before.
        io::ErrorKind::NotFound => not_started(format!(
            "`{name}` could not be started: its interpreter or loader was not found"
        ))
        .hint("look at its first line (`#!…`), which must name a program that is there"),
        io::ErrorKind::PermissionDenied => {
            not_started(format!("`{name}` could not be started: permission denied"))
                .hint("look at the modes of the file and of its `#!` interpreter, and at noexec")
        }
        io::ErrorKind::InvalidInput => not_started(format!(
            "`{name}` could not be started: a word, a variable or the directory holds a NUL byte"
        )),
        io::ErrorKind::ArgumentListTooLong => not_started(format!(
            "`{name}` could not be started: its words and variables are too long together"
        ))
        .hint("give long values in a file"),
        _ => not_started(format!("`{name}` could not be started: {e}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_pidfd_a_thread_tells_the_end() {
        let (hold, held) = io::pipe().unwrap();
        let expression = duct::cmd("cat", [""; 0]).stdin_file(File::from(OwnedFd::from(hold)));
        let handle = Arc::new(expression.start().unwrap());
        drop(expression);
        let mut ended = PipeReader::from(ended_by_thread(Arc::clone(&handle)).unwrap());
        drop(held);
        let mut nothing = Vec::new();
        io::Read::read_to_end(&mut ended, &mut nothing).unwrap();
        assert!(handle.try_wait().unwrap().is_some());
    }
}
