//! One question to a plugin's process, and its answer.

use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::heard::Heard;
use super::lines::Line;
use super::living::{Came, Ending, Living, Outgoing};
use super::message::{Answer, MessageId, Said, Told, read};
use crate::call::group::after;
use crate::model::call::Cancel;

/// What came of a question.
#[derive(Debug)]
pub(super) enum Exchanged {
    /// It was answered.
    Answered(Answer),
    /// Nothing of it reached the plugin, for this reason.
    Unsent(String),
    /// It was sent, and nobody can say what came of it.
    Lost(String),
    /// It was sent, and not answered in time.
    TimedOut,
    /// It was sent, and ended on request.
    Cancelled,
}

/// How long a question may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    pub(super) deadline: Instant,
    /// From the deadline to KILL.
    pub(super) grace: Duration,
    /// From the process's end to giving up on its output.
    pub(super) drain: Duration,
}

impl Time {
    /// Of the grace one half is for the plugin to end the call, the other for its process to end.
    fn half(self) -> Duration {
        self.grace / 2
    }
}

/// Why a question is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Because {
    Late,
    Asked,
}

/// A question that is open.
struct Open {
    id: MessageId,
    out: Outgoing,
    /// The plugin may have read it.
    sent: bool,
    back: Option<Because>,
}

/// What a line means while a question is open.
enum Means {
    NothingYet,
    Answer(Answer),
}

impl Living {
    /// Asks, and waits for the answer. The process comes back where it can be asked again; else it
    /// was ended.
    ///
    /// A question whose time is over is taken back first: who answers even then has said what
    /// happened, which is worth more than that it was late.
    pub(super) fn ask(
        mut self: Box<Self>,
        id: MessageId,
        line: Zeroizing<Vec<u8>>,
        time: Time,
        heard: &mut Heard<'_>,
        cancel: &dyn Cancel,
    ) -> (Option<Box<Self>>, Exchanged) {
        let mut deadline = time.deadline;
        let mut open = Open {
            id,
            out: Outgoing::new(line),
            sent: false,
            back: None,
        };
        loop {
            let stop = || open.back.is_none() && cancel.is_cancelled();
            let came = self.until_it_speaks(&mut open.out, heard, deadline, &stop);
            open.sent |= open.out.is_sent();
            let because = match came {
                Came::Line(line) => match open.means(&line, heard) {
                    Ok(Means::NothingYet) => continue,
                    Ok(Means::Answer(answer)) => match self.says_no_more(heard) {
                        Ok(()) => {
                            if let Some(back) = open.back {
                                heard.note(format!("{} {}", self.who, back.answered()));
                            }
                            return (Some(self), Exchanged::Answered(answer));
                        }
                        Err(nonsense) => return self.nonsense(&open, &nonsense, time, heard),
                    },
                    Err(why) => {
                        let nonsense = nonsense(&why, &line, heard);
                        return self.nonsense(&open, &nonsense, time, heard);
                    }
                },
                Came::TooLong(line) => {
                    let nonsense = nonsense(TOO_LONG, &line, heard);
                    return self.nonsense(&open, &nonsense, time, heard);
                }
                // It does not hear that the question is taken back, and may answer all the same.
                Came::Deaf if open.sent => {
                    open.out = Outgoing::nothing();
                    continue;
                }
                Came::Over | Came::Deaf => {
                    let who = self.who.clone();
                    let how = self.end(Ending::Over, (time.half(), time.drain), heard);
                    let reason = heard.reason();
                    let why = format!("{who} {how} before it answered{reason}");
                    return (None, open.lost(why));
                }
                Came::Time => Because::Late,
                Came::Stopped => Because::Asked,
            };
            if open.sent
                && open.back.is_none()
                && let Ok(line) = (Told::Cancel { id }).line()
            {
                open.back = Some(because);
                open.out = Outgoing::new(line);
                deadline = after(time.half());
                continue;
            }
            let because = open.back.unwrap_or(because);
            let who = self.who.clone();
            self.end(Ending::Now, (time.half(), time.drain), heard);
            return (None, open.taken_back(because, &who));
        }
    }

    /// Whether nothing is there that takes the last answer back.
    pub(super) fn says_no_more(&mut self, heard: &mut Heard<'_>) -> Result<(), String> {
        while let Some(line) = self.lines.next() {
            let line = match line {
                Line::TooLong(line) => return Err(nonsense(TOO_LONG, &line, heard)),
                Line::Whole(line) => line,
            };
            match read(&line) {
                Ok(Said::Progress(..)) => {}
                Ok(Said::Log(text)) => heard.log(&text),
                Ok(Said::Result(of, _)) => {
                    let why = format!(
                        "it answered {}, which had its answer or was never asked",
                        of.0
                    );
                    return Err(nonsense(&why, &line, heard));
                }
                Err(why) => return Err(nonsense(&why, &line, heard)),
            }
        }
        Ok(())
    }

    /// Ends a process that makes no sense: what it says next could not be believed.
    fn nonsense(
        self: Box<Self>,
        open: &Open,
        nonsense: &str,
        time: Time,
        heard: &mut Heard<'_>,
    ) -> (Option<Box<Self>>, Exchanged) {
        let why = format!(
            "{} was ended, for it broke the protocol: {nonsense}",
            self.who
        );
        self.end(Ending::Now, (time.half(), time.drain), heard);
        (None, open.lost(why))
    }
}

impl Open {
    fn means(&self, line: &[u8], heard: &mut Heard<'_>) -> Result<Means, String> {
        match read(line)? {
            // That of a call that is over comes late, and is nobody's any more.
            Said::Progress(of, _) if of != self.id => Ok(Means::NothingYet),
            Said::Progress(_, text) => {
                heard.progress(&text);
                Ok(Means::NothingYet)
            }
            Said::Log(text) => {
                heard.log(&text);
                Ok(Means::NothingYet)
            }
            Said::Result(of, _) if of != self.id => {
                Err(format!("it answered {}, and {} was asked", of.0, self.id.0))
            }
            Said::Result(..) if !self.sent => {
                Err(format!("it answered {} before it was asked", self.id.0))
            }
            Said::Result(_, answer) => Ok(Means::Answer(answer)),
        }
    }

    /// There is no answer, and none will come.
    fn lost(&self, why: String) -> Exchanged {
        match self.sent {
            true => Exchanged::Lost(why),
            false => Exchanged::Unsent(why),
        }
    }

    fn taken_back(&self, because: Because, who: &str) -> Exchanged {
        match (self.sent, because) {
            (true, Because::Late) => Exchanged::TimedOut,
            (true, Because::Asked) => Exchanged::Cancelled,
            (false, Because::Late) => {
                Exchanged::Unsent(format!("{who} did not read its input in time"))
            }
            (false, Because::Asked) => {
                Exchanged::Unsent(format!("cancelled before {who} was asked"))
            }
        }
    }
}

impl Because {
    /// What is noted where the answer came nevertheless.
    fn answered(self) -> &'static str {
        match self {
            Self::Late => "answered only when its time was over and it was told to stop",
            Self::Asked => "answered when it was told to stop",
        }
    }
}

const TOO_LONG: &str = "it began a line that is longer than 4 MiB";

fn nonsense(why: &str, line: &[u8], heard: &Heard<'_>) -> String {
    // Why names what was found, which may be as long as the line.
    let why = heard.quoted(why.as_bytes(), 200);
    format!("{why}: `{}`", heard.quoted(line, 120))
}
