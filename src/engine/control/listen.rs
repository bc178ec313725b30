//! The socket of the process that drives a run. Whatever a peer does, it holds up nobody but
//! itself: lines are bounded in length and time, connections in number, for each user too.

use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::address::Address;
use super::peer::peer;
use super::words::{self, MAX_LINE, Reply, Request};
use crate::model::people::Person;

/// How long a peer has to say what it wants, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long those who have an answer may take to get it once the run is let go of.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How many may be connected at once.
const MOST: usize = 16;

/// How many of them may be one user's: nobody keeps others out.
const MOST_OF_ONE: usize = 4;

/// Somebody wants something of the run.
#[derive(Debug)]
pub struct Asked {
    /// Who.
    pub(in crate::engine) from: Person,
    /// What.
    pub(in crate::engine) request: Request,
    /// Where they wait for what becomes of it.
    pub(in crate::engine) answer: oneshot::Sender<Reply>,
}

/// A bound socket. It goes with this.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    address: Address,
}

impl Listener {
    /// Binds the socket of a run's directory. Whoever does so holds the run's lock: what is there
    /// already was left by a process that is gone.
    ///
    /// # Errors
    /// Something else than a socket is there, or the system refused.
    pub fn bind(dir: &Path) -> io::Result<Self> {
        let address = Address::of(dir)?;
        let path = address.path();
        match fs::symlink_metadata(&path) {
            Ok(there) if there.file_type().is_socket() => fs::remove_file(&path)?,
            Ok(_) => return Err(io::Error::other("something else stands in its place")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let socket = UnixListener::bind(&path)?;
        // Until now nobody could come past the directory but those who may.
        const SHARED: u32 = 0o070;
        let mode = match fs::metadata(dir)?.mode() & SHARED {
            SHARED => 0o660,
            _ => 0o600,
        };
        fs::set_permissions(&path, Permissions::from_mode(mode))?;
        Ok(Self { socket, address })
    }

    /// Lets peers in and hands on what they want, until that is ended.
    pub(in crate::engine) fn serve(
        self,
        hand_on: impl Fn(Asked) + Clone + Send + 'static,
    ) -> Serving {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut guests = JoinSet::new();
            tokio::select! {
                _ = stopped => {}
                () = self.let_in(hand_on, &mut guests) => {}
            }
            // From here on who comes finds the run's lock free, or waits for it to be.
            drop(self);
            let _ = timeout(LAST_WORDS, async {
                while guests.join_next().await.is_some() {}
            })
            .await;
        });
        Serving { stop, task }
    }

    async fn let_in(
        &self,
        hand_on: impl Fn(Asked) + Clone + Send + 'static,
        guests: &mut JoinSet<()>,
    ) {
        let seats = Seats::default();
        loop {
            while guests.try_join_next().is_some() {}
            let stream = match self.socket.accept().await {
                Ok((stream, _)) => stream,
                // Too many files are open, or the peer is gone already: others may have more luck.
                Err(error) => {
                    tracing::debug!("nobody could be let in: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(who) = stream.peer_cred() else {
                continue;
            };
            match seats.take(who.uid()) {
                Some(seat) => {
                    let hand_on = hand_on.clone();
                    guests.spawn(async move {
                        let from = peer(who.uid(), who.pid());
                        serve_one(stream, from, hand_on).await;
                        drop(seat);
                    });
                }
                None => {
                    let busy = Reply::Refused("too many are connected: try again".to_owned());
                    // Who does not take it at once goes without.
                    let _ = stream.try_write(&words::write(&busy));
                }
            }
        }
    }
}

/// A socket at which peers are let in.
#[derive(Debug)]
pub(in crate::engine) struct Serving {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Serving {
    /// Lets nobody in any more, and lets those who have an answer take it.
    pub(in crate::engine) async fn end(self) {
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // A socket that is left behind is replaced by whoever takes the run up.
        let _ = fs::remove_file(self.address.path());
    }
}

async fn serve_one(mut stream: UnixStream, from: Person, hand_on: impl Fn(Asked)) {
    let reply = match timeout(PATIENCE, line(&mut stream)).await {
        Ok(Ok(line)) => match words::read(&line) {
            Ok(request) => {
                let (answer, answered) = oneshot::channel();
                hand_on(Asked {
                    from,
                    request,
                    answer,
                });
                match answered.await {
                    Ok(reply) => reply,
                    // Who lets go of the run does not answer: the journal says what became of it.
                    Err(_) => return,
                }
            }
            Err(why) => Reply::Refused(why),
        },
        Ok(Err(why)) => Reply::Refused(why),
        Err(_) => Reply::Refused("nothing was asked in time".to_owned()),
    };
    let _ = timeout(PATIENCE, stream.write_all(&words::write(&reply))).await;
    let _ = stream.shutdown().await;
}

/// One line; the peer may send no more than that.
async fn line(stream: &mut UnixStream) -> Result<Vec<u8>, String> {
    let mut line = Vec::new();
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let read = stream.read(&mut chunk).await.map_err(|e| e.to_string())?;
        let new = chunk.get(..read).unwrap_or_default();
        if new.is_empty() {
            return Err("the line has no end".to_owned());
        }
        let end = new.iter().position(|byte| *byte == b'\n');
        line.extend_from_slice(new.get(..end.unwrap_or(new.len())).unwrap_or_default());
        if line.len() > MAX_LINE {
            return Err(format!("the line is longer than {MAX_LINE} bytes"));
        }
        if end.is_some() {
            return Ok(line);
        }
    }
}

/// Who is connected, by user.
#[derive(Clone, Debug, Default)]
struct Seats(Arc<Mutex<HashMap<u32, usize>>>);

/// A place among those who are connected, until it is dropped.
struct Seat(Seats, u32);

impl Seats {
    fn take(&self, uid: u32) -> Option<Seat> {
        let mut seated = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = seated.values().sum();
        let theirs = seated.entry(uid).or_default();
        if all >= MOST || *theirs >= MOST_OF_ONE {
            return None;
        }
        *theirs += 1;
        Some(Seat(self.clone(), uid))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seated = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(theirs) = seated.get_mut(&self.1) {
            *theirs -= 1;
        }
        seated.retain(|_, theirs| *theirs > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_keeps_others_out() {
        let seats = Seats::default();
        let taken: Vec<Seat> = (0..MOST_OF_ONE).filter_map(|_| seats.take(1)).collect();
        assert_eq!(taken.len(), MOST_OF_ONE);
        assert!(seats.take(1).is_none());
        assert!(seats.take(2).is_some());
        drop(taken);
        assert!(seats.take(1).is_some());
        let all: Vec<Seat> = (0..100).filter_map(|uid| seats.take(uid)).collect();
        assert_eq!(all.len(), MOST);
    }
}
