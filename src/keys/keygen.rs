//! The one place that starts `ssh-keygen`.
//!
//! It is not started by `call/spawn.rs`, which gives a child neither a terminal nor anything to
//! read: to sign, `ssh-keygen` may have to ask for a passphrase at the terminal, to speak with an
//! agent, or to wait for a touch of a hardware key. What it is told comes from no runbook: the
//! words are ours, and files are private copies.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

use crate::model::text::escape_controls;

/// What `ssh-keygen` gets to see of the environment: where programs, keys and agents are, and how
/// to ask a person.
const VARIABLES: &[&str] = &[
    "PATH",
    "HOME",
    "SSH_AUTH_SOCK",
    "SSH_ASKPASS",
    "SSH_SK_PROVIDER",
    "DISPLAY",
    "TERM",
];

/// `ssh-keygen`, and the environment that it is started in.
#[derive(Clone, Debug)]
pub struct Keygen {
    environment: Vec<(OsString, OsString)>,
}

/// Why `ssh-keygen` could not be asked. What was to be found out is still open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeygenError {
    /// It is not installed.
    Missing,
    /// It does not know what it is asked for.
    TooOld(String),
    /// It could not be started, or what it needs could not be written.
    System(String),
}

impl KeygenError {
    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing | Self::TooOld(_) => {
                "install OpenSSH 8.7 or newer; on Debian and Ubuntu: apt install openssh-client"
            }
            Self::System(_) => "make room for temporary files, or set TMPDIR, and try again",
        }
    }
}

impl fmt::Display for KeygenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no ssh-keygen on the PATH"),
            Self::TooOld(said) => write!(
                f,
                "ssh-keygen is too old to check signatures: {}",
                escape_controls(said)
            ),
            Self::System(said) => {
                write!(f, "ssh-keygen could not do it: {}", escape_controls(said))
            }
        }
    }
}

impl std::error::Error for KeygenError {}

impl From<std::io::Error> for KeygenError {
    fn from(error: std::io::Error) -> Self {
        Self::System(error.to_string())
    }
}

/// What `ssh-keygen` answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// It did what it was asked for, and printed this.
    Yes(String),
    /// It did not, and said this.
    No(String),
}

/// Where what `ssh-keygen` says to a person goes.
pub(super) enum Talk<'a> {
    /// To us, and it reads this text.
    Piped(&'a str),
    /// To the person, who may have to type a passphrase.
    Person,
}

impl Keygen {
    /// The one on this process's PATH, with what it needs of this process's environment.
    pub fn of_this_process() -> Self {
        let kept = VARIABLES
            .iter()
            .filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)));
        Self::with(kept)
    }

    /// One with an environment of one's own.
    pub fn with(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut environment: Vec<_> = environment.into_iter().collect();
        // Times in a signers' file and those that we ask about are read in one zone, whatever
        // machine it is: a verdict must not change where the journal is carried to.
        environment.push(("TZ".into(), "UTC0".into()));
        Self { environment }
    }

    pub(super) fn run<S: AsRef<OsStr>>(
        &self,
        words: &[S],
        talk: &Talk<'_>,
    ) -> Result<Answer, KeygenError> {
        let mut command = Command::new("ssh-keygen");
        command
            .args(words)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped());
        match talk {
            Talk::Piped(_) => command.stdin(Stdio::piped()).stderr(Stdio::piped()),
            // A passphrase is asked for at the terminal only if that is the standard input.
            Talk::Person => command
                .stdin(std::fs::File::open("/dev/tty").map_or_else(|_| Stdio::null(), Stdio::from))
                .stderr(Stdio::inherit()),
        };
        let mut child = command.spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => KeygenError::Missing,
            _ => KeygenError::from(error),
        })?;
        if let (Talk::Piped(text), Some(mut stdin)) = (talk, child.stdin.take()) {
            // It may have refused before it read anything: then its exit says why.
            let _ = stdin.write_all(text.as_bytes());
        }
        let output = child.wait_with_output()?;
        if output.status.success() {
            return Ok(Answer::Yes(
                String::from_utf8_lossy(&output.stdout).into_owned(),
            ));
        }
        // Why is on the one, and that it failed at all on the other.
        let said = [&output.stderr, &output.stdout]
            .map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned())
            .into_iter()
            .find(|said| !said.is_empty())
            .unwrap_or_default();
        let unknown = [
            "Unsupported operation",
            "Invalid option",
            "Invalid \"verify-time\"",
            "unknown option",
            "illegal option",
        ];
        if unknown.iter().any(|words| said.contains(words)) {
            let first = said.lines().next().unwrap_or_default();
            return Err(KeygenError::TooOld(first.to_owned()));
        }
        Ok(Answer::No(said))
    }
}
