//! Signals, brought into the engine's loop.

use rustix::process::{Signal, getpid, kill_process};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::call::reap_adopted;

/// A signal that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signalled {
    /// Ctrl-C.
    Interrupt,
    /// A request to end.
    Terminate,
    /// The terminal is gone.
    Hangup,
    /// Ctrl-\: what runs is ended at once. A process that dies of it would leave its memory in a
    /// file, secrets and all, and a step in doubt.
    Quit,
    /// Ctrl-Z: this process is to stop until its shell brings it back.
    Stop,
}

impl Signalled {
    /// Its name, for the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "interrupt",
            Self::Terminate => "termination",
            Self::Hangup => "hangup",
            Self::Quit => "quit",
            Self::Stop => "stop",
        }
    }
}

/// Stops this process alone, with all its threads, until somebody lets it go on.
pub fn stop_here() {
    // The signal that a shell waits for, and that cannot be caught: the handler of TSTP has run.
    let _ = kill_process(getpid(), Signal::STOP);
}

/// Listens for the signals that end or stop a run's process, and for children that end: those of steps that
/// went on in the background are reaped however long the run goes on or waits.
///
/// # Errors
/// The system refused a handler.
pub fn listen() -> std::io::Result<mpsc::UnboundedReceiver<Signalled>> {
    let (out, signals) = mpsc::unbounded_channel();
    for (kind, signalled) in [
        (SignalKind::interrupt(), Signalled::Interrupt),
        (SignalKind::terminate(), Signalled::Terminate),
        (SignalKind::hangup(), Signalled::Hangup),
        (SignalKind::quit(), Signalled::Quit),
        (SignalKind::from_raw(Signal::TSTP.as_raw()), Signalled::Stop),
    ] {
        let mut stream = signal(kind)?;
        let out = out.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                if out.send(signalled).is_err() {
                    break;
                }
            }
        });
    }
    let mut children = signal(SignalKind::child())?;
    tokio::spawn(async move {
        while children.recv().await.is_some() {
            reap_adopted();
        }
    });
    Ok(signals)
}
