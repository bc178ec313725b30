//! The controlling terminal: prompts are shown there and read from there, and from nowhere else.
//!
//! What was typed before the prompt stood there is thrown away. The end of input is never an
//! answer: the terminal is gone, and the run is parked. Waiting costs nothing: the thread sleeps
//! until a line comes in or the question is withdrawn.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{QueueSelector, tcflush, tcgetwinsize};

use super::people::{People, Question, Said};
use super::prompt::{self, Typed};

/// The terminal that controls this process.
#[derive(Debug)]
pub struct Terminal {
    device: File,
    /// What withdraws a question, and what waits for that.
    withdrawn: (File, OwnedFd),
}

/// What came of reading a line.
enum Read1 {
    Line(String),
    Gone,
    Withdrawn,
}

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
            withdrawn: (File::from(write), read),
        })
    }

    /// How wide it is, in columns; 80 where it does not say.
    pub fn width(&self) -> usize {
        match tcgetwinsize(&self.device) {
            Ok(size) if size.ws_col > 0 => usize::from(size.ws_col),
            _ => 80,
        }
    }

    /// Shows a text and reads one line; none where the terminal is gone.
    pub fn line(&self, text: &str) -> Option<String> {
        match self.read_after(text) {
            Read1::Line(line) => Some(line),
            Read1::Gone | Read1::Withdrawn => None,
        }
    }

    fn read_after(&self, text: &str) -> Read1 {
        // Whatever was typed before this was on the screen was meant for something else.
        let _ = tcflush(&self.device, QueueSelector::IFlush);
        let mut device = &self.device;
        if device.write_all(text.as_bytes()).is_err() || device.flush().is_err() {
            return Read1::Gone;
        }
        loop {
            let mut ready = [
                PollFd::new(&self.device, PollFlags::IN),
                PollFd::new(&self.withdrawn.1, PollFlags::IN),
            ];
            match poll(&mut ready, None) {
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => return Read1::Gone,
            }
            if ready[1].revents().contains(PollFlags::IN) {
                self.forget_withdrawal();
                return Read1::Withdrawn;
            }
            if !ready[0].revents().is_empty() {
                break;
            }
        }
        // The terminal gives whole lines: one read is one line, whatever its bytes are.
        let mut typed = vec![0; 4096];
        match device.read(&mut typed) {
            Ok(read) if read > 0 && typed[read - 1] == b'\n' => {
                Read1::Line(String::from_utf8_lossy(&typed[..read]).into_owned())
            }
            // The end of input is never an answer.
            Ok(_) | Err(_) => Read1::Gone,
        }
    }

    fn forget_withdrawal(&self) {
        let mut bytes = [0; 16];
        let _ = rustix::io::read(&self.withdrawn.1, &mut bytes);
    }
}

impl People for Terminal {
    fn ask(&self, question: &Question) -> Said {
        let mut text = prompt::shown(question, self.width().min(100));
        loop {
            // The place stands beside the cursor, whatever has scrolled away above it.
            if question.real {
                text.push_str(&format!("REAL {} ", question.environment));
            }
            text.push_str("> ");
            let typed = match self.read_after(&text) {
                Read1::Line(typed) => typed,
                Read1::Gone => return Said::Gone,
                Read1::Withdrawn => return Said::Withdrawn,
            };
            match prompt::read(question, &typed) {
                Typed::Said(said) => return *said,
                Typed::Again(message) => text = format!("{message}\n"),
            }
        }
    }

    fn withdraw(&self) {
        let mut waiting = &self.withdrawn.0;
        let _ = waiting.write_all(b"x");
    }
}
