//! Signals, brought into the engine's loop.

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
}

impl Signalled {
    /// Its name, for the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "interrupt",
            Self::Terminate => "termination",
            Self::Hangup => "hangup",
        }
    }

    /// Whether a person asked for it at the keyboard.
    pub fn is_interrupt(self) -> bool {
        self == Self::Interrupt
    }
}

/// Listens for the signals that end a run's process, and for children that end: those of steps that
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
