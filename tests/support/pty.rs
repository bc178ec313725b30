//! A pseudo-terminal in a test's hands: it can be typed into, resized and torn down, and what the
//! program shows is waited for.
#![allow(clippy::panic, reason = "a test that cannot go on may panic")]

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::Place;

/// The longest that one thing may take: a deadline, not a pause.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program whose session's terminal is ours.
pub struct Pty {
    master: Option<Arc<File>>,
    child: Child,
    shown: Arc<(Mutex<String>, Condvar)>,
    /// What was shown before this was waited for already.
    seen: usize,
    reader: Option<(JoinHandle<()>, OwnedFd)>,
}

impl Pty {
    /// The program in a terminal of 24 rows and 80 columns.
    pub fn runbook(place: &Place, args: &[&str]) -> Self {
        Self::spawn(place, &[&[env!("CARGO_BIN_EXE_runbook")], args].concat())
    }

    /// Any program that sees a place, and nothing else.
    pub fn spawn(place: &Place, words: &[&str]) -> Self {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        place.surround(&mut command);
        Self::of(&command)
    }

    /// A command as it stands, leading the terminal's session; it sees no variables but its own.
    pub fn of(inner: &Command) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = OpenOptions::new()
            .read(true)
            .write(true)
            .open(Path::new(name.to_str().unwrap()))
            .unwrap();
        let stdio = || Stdio::from(slave.try_clone().unwrap());
        let mut command = Command::new("setsid");
        command
            .arg("--ctty")
            .arg(inner.get_program())
            .args(inner.get_args())
            .env_clear();
        for (name, value) in inner.get_envs() {
            command.env(name, value.unwrap());
        }
        if let Some(dir) = inner.get_current_dir() {
            command.current_dir(dir);
        }
        let child = command
            .env("TERM", "xterm")
            .stdin(stdio())
            .stdout(stdio())
            .stderr(stdio())
            .spawn()
            .unwrap();
        let master = Arc::new(File::from(master));
        let shown = Arc::new((Mutex::new(String::new()), Condvar::new()));
        let (stop, stopped) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
        let reader = {
            let (master, shown) = (Arc::clone(&master), Arc::clone(&shown));
            std::thread::spawn(move || read(&master, &stop, &shown))
        };
        let pty = Self {
            master: Some(master),
            child,
            shown,
            seen: 0,
            reader: Some((reader, stopped)),
        };
        pty.resize(24, 80);
        pty
    }

    /// Waits until a text is shown after what was waited for before, and returns what stands
    /// before it.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let (shown, more) = &*self.shown;
        let mut shown = shown.lock().unwrap();
        loop {
            if let Some(at) = shown[self.seen..].find(text) {
                let before = shown[self.seen..self.seen + at].to_owned();
                self.seen += at + text.len();
                return before;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let all = shown[self.seen..].to_owned();
                drop(shown);
                panic!("no `{text}` in:\n{all}");
            }
            shown = more.wait_timeout(shown, left).unwrap().0;
        }
    }

    /// All that was shown.
    pub fn shown(&self) -> String {
        self.shown.0.lock().unwrap().clone()
    }

    /// Types some characters.
    pub fn send(&self, text: &str) {
        let mut master = &**self.master.as_ref().unwrap();
        master.write_all(text.as_bytes()).unwrap();
    }

    /// Types a line.
    pub fn line(&self, text: &str) {
        self.send(&format!("{text}\n"));
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap()).unwrap()
    }

    /// Gives the terminal another size.
    pub fn resize(&self, rows: u16, columns: u16) {
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&**self.master.as_ref().unwrap(), size).unwrap();
    }

    /// Takes all that is shown until the program has ended, which must be in time.
    #[track_caller]
    pub fn rest(&mut self) -> String {
        self.end();
        // What it wrote before its end is there to be read, and then nothing more comes.
        if let Some((reader, _stop)) = self.reader.take() {
            reader.join().unwrap();
        }
        let shown = self.shown.0.lock().unwrap();
        let rest = shown[self.seen..].to_owned();
        self.seen = shown.len();
        rest
    }

    /// Tears the terminal down, as a dropped connection does.
    pub fn hang_up(&mut self) {
        if let Some((reader, stopped)) = self.reader.take() {
            drop(stopped);
            reader.join().unwrap();
        }
        self.master = None;
    }

    /// Waits for the program's end, and says how it was; the terminal stays readable.
    #[track_caller]
    pub fn exits(&mut self, code: i32) {
        let status = self.end();
        let found = status.code().or(status.signal().map(|n| 128 + n));
        assert_eq!(found, Some(code), "{}", self.shown());
    }

    fn end(&mut self) -> ExitStatus {
        if let Some(status) = self.child.try_wait().unwrap() {
            return status;
        }
        let held = pidfd_open(self.pid(), PidfdFlags::empty()).unwrap();
        let patience = Timespec {
            tv_sec: PATIENCE.as_secs().try_into().unwrap(),
            tv_nsec: 0,
        };
        let mut ended = [PollFd::new(&held, PollFlags::IN)];
        let ended = poll(&mut ended, Some(&patience)).unwrap();
        assert_eq!(ended, 1, "it goes on:\n{}", self.shown());
        self.child.wait().unwrap()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        self.hang_up();
        // Of a test that failed; else it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps what the terminal shows, until it is gone or nobody wants it any more.
fn read(master: &File, stop: &OwnedFd, shown: &(Mutex<String>, Condvar)) {
    let mut bytes = [0; 4096];
    let mut partial = Vec::new();
    loop {
        let mut ready = [
            PollFd::new(master, PollFlags::IN),
            PollFd::new(stop, PollFlags::IN),
        ];
        if poll(&mut ready, None).is_err() || !ready[1].revents().is_empty() {
            return;
        }
        let mut from = master;
        let Ok(read) = from.read(&mut bytes) else {
            return;
        };
        partial.extend_from_slice(&bytes[..read]);
        // A character may come in two parts; what can never become one is shown as such.
        let whole = match std::str::from_utf8(&partial) {
            Ok(_) => partial.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => partial.len(),
        };
        let text: Vec<u8> = partial.drain(..whole).collect();
        shown
            .0
            .lock()
            .unwrap()
            .push_str(&String::from_utf8_lossy(&text));
        shown.1.notify_all();
    }
}
