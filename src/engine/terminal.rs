//! The controlling terminal: prompts are shown there and read from there, and from nowhere else.
//!
//! What was typed before the prompt stood there is thrown away. The end of input is never an
//! answer: the terminal is gone, and the run is parked.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};

use rustix::termios::{QueueSelector, tcflush, tcgetwinsize};

use super::people::{People, Question, Said};
use super::prompt::{self, Typed};

/// The terminal that controls this process.
#[derive(Debug)]
pub struct Terminal {
    device: File,
}

impl Terminal {
    /// Opens the controlling terminal; none where the process has none.
    pub fn open() -> Option<Self> {
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/tty")
            .ok()?;
        Some(Self { device })
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
        // Whatever was typed before this was on the screen was meant for something else.
        let _ = tcflush(&self.device, QueueSelector::IFlush);
        let mut device = &self.device;
        device.write_all(text.as_bytes()).ok()?;
        device.flush().ok()?;
        let mut typed = String::new();
        match BufReader::new(&self.device).read_line(&mut typed) {
            Ok(read) if read > 0 && typed.ends_with('\n') => Some(typed),
            // The end of input is never an answer.
            Ok(_) | Err(_) => None,
        }
    }
}

impl People for Terminal {
    fn ask(&self, question: &Question) -> Said {
        let mut text = prompt::shown(question, self.width().min(100));
        loop {
            text.push_str("> ");
            let Some(typed) = self.line(&text) else {
                return Said::Gone;
            };
            match prompt::read(question, &typed) {
                Typed::Said(said) => return *said,
                Typed::Again(message) => text = format!("{message}\n"),
            }
        }
    }
}
