//! The controlling terminal: prompts are shown there and read from there, and from nowhere else.
//!
//! What was typed before the prompt stood there is thrown away. The end of input is never an
//! answer: the terminal is gone, and the run is parked. Waiting costs nothing: the thread sleeps
//! until a line comes in, the question is withdrawn, or it is to be shown anew.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetwinsize,
    tcsetattr,
};

use super::halting::{Halted, WhatNow};
use super::pager::{Key, Pager, Printed};
use super::people::{People, Question, Said};
use super::prompt::{self, Typed};
use super::reveal;
use crate::call::Secret;

/// The terminal that controls this process.
#[derive(Debug)]
pub struct Terminal {
    device: File,
    /// What wakes who waits for an answer, and what they wait at.
    wake: (File, OwnedFd),
    /// How the terminal was set before single keys were read from it, while they are.
    before_keys: Mutex<Option<Termios>>,
    /// Whether something is on the screen that is to be seen by nobody else.
    revealing: AtomicBool,
    /// Whether the cursor stands behind a prompt or a page, in the middle of a line.
    mid_line: AtomicBool,
}

/// What came of waiting for something to be typed.
enum Heard {
    Typed(Vec<u8>),
    /// What is on the screen was left there before the process was stopped.
    ShowAgain,
    Gone,
    Withdrawn,
}

/// What wakes who waits: the question is withdrawn, or is to be shown again.
const WITHDRAW: u8 = b'x';
const AGAIN: u8 = b'r';

impl Terminal {
    /// Opens the controlling terminal; none where the process has none.
    pub fn open() -> Option<Self> {
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/tty")
            .ok()?;
        let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).ok()?;
        Some(Self {
            device,
            wake: (File::from(write), read),
            before_keys: Mutex::new(None),
            revealing: AtomicBool::new(false),
            mid_line: AtomicBool::new(false),
        })
    }

    /// How wide it is, in columns; 80 where it does not say.
    pub fn width(&self) -> usize {
        self.size().1
    }

    /// Rows and columns.
    fn size(&self) -> (usize, usize) {
        let size = tcgetwinsize(&self.device).ok();
        let or = |n: Option<u16>, or: usize| n.filter(|n| *n > 0).map_or(or, usize::from);
        (
            or(size.map(|size| size.ws_row), 24),
            or(size.map(|size| size.ws_col), 80),
        )
    }

    /// Shows a text and reads one line; none where the terminal is gone.
    pub fn line(&self, text: &str) -> Option<String> {
        loop {
            return match self.heard_after(text) {
                Heard::Typed(line) => Some(String::from_utf8_lossy(&line).into_owned()),
                Heard::ShowAgain => continue,
                Heard::Gone | Heard::Withdrawn => None,
            };
        }
    }

    fn show(&self, text: &str) -> bool {
        let mut device = &self.device;
        device.write_all(text.as_bytes()).is_ok() && device.flush().is_ok()
    }

    fn heard_after(&self, text: &str) -> Heard {
        // Whatever was typed before this was on the screen was meant for something else.
        let _ = tcflush(&self.device, QueueSelector::IFlush);
        self.mid_line.store(true, Ordering::SeqCst);
        if !self.show(text) {
            return Heard::Gone;
        }
        match self.heard() {
            // The terminal gives whole lines: one read is one line, whatever its bytes are. The
            // end of input is never an answer.
            Heard::Typed(typed) if typed.last() != Some(&b'\n') => {
                self.leave_line();
                Heard::Gone
            }
            Heard::Typed(typed) => {
                self.mid_line.store(false, Ordering::SeqCst);
                Heard::Typed(typed)
            }
            heard => heard,
        }
    }

    /// Leaves the line of a prompt, so that what is told next begins a line of its own. Whatever
    /// was half typed there was meant for the prompt: nothing else may get it, least of all a
    /// shell.
    fn leave_line(&self) {
        if self.mid_line.swap(false, Ordering::SeqCst) {
            let _ = tcflush(&self.device, QueueSelector::IFlush);
            self.show("\n");
        }
    }

    /// Waits for what is typed: a line, or keys where the terminal is set to give them.
    fn heard(&self) -> Heard {
        loop {
            let mut ready = [
                PollFd::new(&self.device, PollFlags::IN),
                PollFd::new(&self.wake.1, PollFlags::IN),
            ];
            match poll(&mut ready, None) {
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => return Heard::Gone,
            }
            if ready[1].revents().contains(PollFlags::IN) {
                return self.woken();
            }
            if !ready[0].revents().is_empty() {
                break;
            }
        }
        let mut typed = vec![0; 4096];
        let mut device = &self.device;
        match device.read(&mut typed) {
            Ok(read) if read > 0 => {
                typed.truncate(read);
                Heard::Typed(typed)
            }
            Ok(_) | Err(_) => Heard::Gone,
        }
    }

    fn woken(&self) -> Heard {
        let mut bytes = [0; 16];
        let read = rustix::io::read(&self.wake.1, &mut bytes).unwrap_or(0);
        match bytes.get(..read).unwrap_or_default().contains(&WITHDRAW) {
            true => Heard::Withdrawn,
            false => Heard::ShowAgain,
        }
    }

    fn wake(&self, why: u8) {
        let mut waiting = &self.wake.0;
        let _ = waiting.write_all(&[why]);
    }

    fn before_keys(&self) -> MutexGuard<'_, Option<Termios>> {
        self.before_keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the terminal give single keys, unseen. Its own keys for signals stay.
    fn give_keys(&self) -> bool {
        let mut before = self.before_keys();
        let Ok(now) = tcgetattr(&self.device) else {
            return false;
        };
        let mut keys = now.clone();
        keys.local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO);
        let set = tcsetattr(&self.device, OptionalActions::Now, &keys).is_ok();
        before.get_or_insert(now);
        set
    }

    /// Lets the terminal give lines again, as it was found.
    fn give_lines(&self) {
        if let Some(before) = self.before_keys().take() {
            let _ = tcsetattr(&self.device, OptionalActions::Now, &before);
        }
    }

    /// Shows all that was printed, a screenful at a time; none once the person has seen enough.
    fn page(&self, printed: &Printed) -> Option<Said> {
        let left = self.turn_pages(printed);
        self.give_lines();
        self.leave_line();
        left
    }

    /// Shows what is for the person alone, until a key is typed; none then.
    fn reveal(&self, secret: &Secret) -> Option<Said> {
        if !self.give_keys() {
            return Some(Said::Gone);
        }
        let _ = tcflush(&self.device, QueueSelector::IFlush);
        self.revealing.store(true, Ordering::SeqCst);
        let heard = match self.show(&reveal::shown(secret)) {
            true => self.heard(),
            false => Heard::Gone,
        };
        self.hide();
        self.give_lines();
        match heard {
            Heard::Typed(_) | Heard::ShowAgain => None,
            Heard::Gone => Some(Said::Gone),
            Heard::Withdrawn => Some(Said::Withdrawn),
        }
    }

    /// Takes from the screen what nobody else is to see.
    fn hide(&self) {
        if self.revealing.swap(false, Ordering::SeqCst) {
            self.show(reveal::GONE);
        }
    }

    fn turn_pages(&self, printed: &Printed) -> Option<Said> {
        if !self.give_keys() {
            return Some(Said::Gone);
        }
        let (rows, columns) = self.size();
        let mut pager = Pager::new(printed, rows, columns);
        let mut text = pager.shown();
        loop {
            if !self.show(&text) {
                return Some(Said::Gone);
            }
            self.mid_line.store(true, Ordering::SeqCst);
            text = match self.heard() {
                Heard::Gone => return Some(Said::Gone),
                Heard::Withdrawn => return Some(Said::Withdrawn),
                Heard::ShowAgain => {
                    self.give_keys();
                    pager.shown()
                }
                Heard::Typed(keys) => {
                    let (rows, columns) = self.size();
                    pager.turned(Key::read(&keys), rows, columns)?
                }
            };
        }
    }
}

impl People for Terminal {
    fn make_ready(&self) {
        let mut waits = [PollFd::new(&self.wake.1, PollFlags::IN)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        while poll(&mut waits, Some(&now)).is_ok_and(|ready| ready > 0) {
            self.woken();
            waits[0].clear_revents();
        }
    }

    fn ask(&self, question: &Question) -> Said {
        let whole = || prompt::shown(question, self.width().min(100));
        let mut text = whole();
        let mut revealed = false;
        let mut refused = false;
        loop {
            // The place stands beside the cursor, whatever has scrolled away above it.
            if question.real {
                text.push_str(&format!("REAL {} ", question.environment));
            }
            text.push_str("> ");
            let typed = match self.heard_after(&text) {
                Heard::Typed(typed) => String::from_utf8_lossy(&typed).into_owned(),
                Heard::ShowAgain => {
                    text = whole();
                    continue;
                }
                Heard::Gone => return Said::Gone,
                Heard::Withdrawn => return Said::Withdrawn,
            };
            let read = prompt::read(question, &typed);
            // What must be said twice must be said twice in a row.
            let before = std::mem::replace(&mut refused, matches!(read, Typed::Twice(_)));
            match read {
                Typed::Said(said) => return *said,
                Typed::Again(message) => text = format!("{message}\n"),
                Typed::Twice(fact) if before => return Said::Fact(fact),
                Typed::Twice(_) => text = prompt::ENDS_ALL.to_owned(),
                Typed::Help => text = prompt::help(question, self.width().min(100)),
                Typed::Reveal if revealed => {
                    text =
                        "it was shown once: park, and resume the run, to see it again\n".to_owned();
                }
                Typed::Reveal => {
                    if let Some(Ok(secret)) = &question.revealed {
                        if let Some(said) = self.reveal(secret) {
                            return said;
                        }
                        revealed = true;
                    }
                    text = whole();
                }
                Typed::Output => {
                    if let Some(said) = question.printed.as_deref().and_then(|all| self.page(all)) {
                        return said;
                    }
                    text = whole();
                }
            }
        }
    }

    fn what_now(&self, halted: &Halted) -> WhatNow {
        let whole = || prompt::shown_halt(halted, self.width().min(100));
        let mut text = whole();
        loop {
            text = match self.heard_after(&text) {
                Heard::Typed(typed) => {
                    let typed = String::from_utf8_lossy(&typed);
                    match prompt::read_halt(halted, &typed) {
                        Ok(what) => return what,
                        Err(message) => format!("{message}\n> "),
                    }
                }
                Heard::ShowAgain => whole(),
                Heard::Gone => return WhatNow::Gone,
                Heard::Withdrawn => return WhatNow::Withdrawn,
            };
        }
    }

    fn withdraw(&self) {
        // Here and not only where the keys are read: this process may end before that thread.
        self.hide();
        self.give_lines();
        self.leave_line();
        self.wake(WITHDRAW);
    }

    fn put_away(&self) {
        self.hide();
        self.give_lines();
        self.leave_line();
    }

    fn show_again(&self) {
        self.wake(AGAIN);
    }
}
