//! Asking the process that drives a run, from another one.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::address::Address;
use super::words::{self, MAX_LINE, Reply, Request};

/// How long the process may take to let us in, or to take what we say.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it may take to answer: a signature is looked at meanwhile, or the disk is slow.
const ANSWER: Duration = Duration::from_secs(30);

/// Why no answer came.
#[derive(Debug)]
pub enum Unreached {
    /// No process listens there.
    Nobody,
    /// There is one, and it does not answer. What was asked may have happened all the same.
    Silent(io::Error),
    /// It let go of the run before it answered. What was asked may have happened all the same.
    LetGo,
    /// Its answer is not understood.
    Garbled(String),
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("no process listens for this run"),
            Self::Silent(error) => {
                write!(
                    f,
                    "the process that drives the run does not answer: {error}"
                )
            }
            Self::LetGo => {
                f.write_str("the process that drove the run let go of it before it answered")
            }
            Self::Garbled(why) => {
                write!(
                    f,
                    "the process that drives the run answers strangely: {why}"
                )
            }
        }
    }
}

impl std::error::Error for Unreached {}

/// Asks the process that drives a run, and waits for its answer.
///
/// # Errors
/// No answer came; see [`Unreached`].
pub fn ask(dir: &Path, request: &Request) -> Result<Reply, Unreached> {
    let mut stream = reach(dir)?;
    let silent = Unreached::Silent;
    stream.write_all(&words::write(request)).map_err(silent)?;
    stream.set_read_timeout(Some(ANSWER)).map_err(silent)?;
    let mut line = Vec::new();
    BufReader::new(stream.take(MAX_LINE as u64 + 1))
        .read_until(b'\n', &mut line)
        .map_err(silent)?;
    match line.is_empty() {
        true => Err(Unreached::LetGo),
        false => words::read(&line).map_err(Unreached::Garbled),
    }
}

fn reach(dir: &Path) -> Result<UnixStream, Unreached> {
    let reached = || -> io::Result<UnixStream> {
        let address = Address::of(dir)?;
        let name = SocketAddrUnix::new(address.path())?;
        let socket = socket_with(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        // A process that is stopped must not hold us up: the kernel keeps to this while connecting.
        set_socket_timeout(&socket, Timeout::Send, Some(PATIENCE))?;
        connect(&socket, &name)?;
        Ok(UnixStream::from(socket))
    };
    reached().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Unreached::Nobody,
        _ => Unreached::Silent(error),
    })
}
