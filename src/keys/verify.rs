//! Whether a signed ballot holds, and whose it is.
//!
//! A key counts only while it stands in the signers' file as it was when the run was opened *and*
//! as it is now: who may edit that file during an incident can take keys out, and let none in.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::keygen::{Answer, Keygen, KeygenError, Talk};
use super::signers::{AllowedSigners, BadSigners};
use super::sshsig::{NotASignature, Signature};
use crate::model::Timestamp;
use crate::model::approval::{Ballot, Principal, SignedBallot};
use crate::model::text::escape_controls;

/// The most that a signers' file may hold, in bytes.
const MAX_SIGNERS: u64 = 1024 * 1024;

/// The most that a list of revoked keys may hold, in bytes.
const MAX_REVOKED: u64 = 16 * 1024 * 1024;

/// Whose signatures count for a run.
#[derive(Clone, Copy, Debug)]
pub struct Trusted<'a> {
    /// The signers' file as it was when the run was opened.
    pub frozen: &'a str,
    /// Where that file is, now.
    pub now: &'a Path,
    /// Where the keys are that do not count any more.
    pub revoked: Option<&'a Path>,
}

/// Which file somebody is looked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The signers' file as it was when the run was opened.
    Frozen,
    /// The signers' file as it is now.
    Now,
    /// The list of keys that do not count any more.
    Revoked,
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Frozen => "the signers' file as it was when the run was opened",
            Self::Now => "the signers' file as it is now",
            Self::Revoked => "the list of revoked keys",
        })
    }
}

/// Why a signed ballot does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSigned {
    /// There is no whole signature.
    Form(NotASignature),
    /// It was made for another purpose.
    Namespace(String),
    /// It is said to be another key's than it is.
    OtherKey {
        /// The key that it is said to be made by.
        said: String,
        /// The key that made it.
        made: String,
    },
    /// It is not a signature of this text.
    OtherText(String),
    /// The key stands in no line.
    Unknown {
        /// The key.
        key: String,
        /// Of which file.
        which: Which,
    },
    /// The key stands there, under no person's name.
    Nameless {
        /// The key.
        key: String,
        /// How it is named.
        names: String,
    },
    /// The key is in the list of those that do not count any more.
    Revoked(String),
    /// `ssh-keygen` refused it: not valid yet or any more, or for other purposes.
    Refused {
        /// By which file.
        which: Which,
        /// In its own words.
        said: String,
    },
    /// A line of a file is not as it should be.
    Signers(Which, BadSigners),
    /// A file cannot be read.
    Unreadable {
        /// Which.
        which: Which,
        /// Where it is.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Nobody could be asked, so it is not known.
    NotAsked(KeygenError),
}

impl NotSigned {
    /// Whether it may still be right: it could not be found out.
    pub fn is_undecided(&self) -> bool {
        matches!(self, Self::NotAsked(_))
    }
}

impl fmt::Display for NotSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(error) => error.fmt(f),
            Self::Namespace(namespace) => write!(
                f,
                "the signature was made for `{}`, and only one for `{}` counts",
                escape_controls(namespace),
                Ballot::NAMESPACE
            ),
            Self::OtherKey { said, made } => write!(
                f,
                "the signature is said to be by the key {}, and was made by {made}",
                escape_controls(said)
            ),
            Self::OtherText(said) => write!(
                f,
                "the signature does not belong to this ballot: one of the two was changed ({})",
                escape_controls(said)
            ),
            Self::Unknown {
                key,
                which: Which::Now,
            } => write!(
                f,
                "the key {key} was taken out of the signers' file since the run was opened"
            ),
            Self::Unknown { key, which } => write!(
                f,
                "the key {key} is not in {which}; a key that is added later does not count for it"
            ),
            Self::Nameless { key, names } => write!(
                f,
                "the key {key} stands in the signers' file under `{}`, which names no person: {}",
                escape_controls(names),
                Principal::ALLOWED
            ),
            Self::Revoked(key) => write!(
                f,
                "the key {key} was revoked, or the list of revoked keys is damaged"
            ),
            Self::Refused { which, said } => {
                write!(f, "{which} does not allow it: {}", escape_controls(said))
            }
            Self::Signers(which, error) => write!(f, "{which} cannot be read: {error}"),
            Self::Unreadable { which, path, why } => write!(
                f,
                "{which} cannot be read: {}: {}",
                escape_controls(&path.display().to_string()),
                escape_controls(why)
            ),
            Self::NotAsked(error) => write!(f, "{error}: {}", error.hint()),
        }
    }
}

impl std::error::Error for NotSigned {}

impl From<KeygenError> for NotSigned {
    fn from(error: KeygenError) -> Self {
        Self::NotAsked(error)
    }
}

impl From<std::io::Error> for NotSigned {
    fn from(error: std::io::Error) -> Self {
        Self::NotAsked(error.into())
    }
}

impl Keygen {
    /// Whose a ballot is that is cast now.
    ///
    /// A line of the signers' file may name several people, and a key may stand in several lines.
    /// Then it is the first name, in the order of the frozen file, that both files allow: a shared
    /// key is always the same person, so it never counts twice.
    ///
    /// What the ballot is about is for [`super::Subject`] to judge.
    ///
    /// # Errors
    /// The signature is not right, or its key does not count, or that could not be found out.
    pub fn verify(
        &self,
        signed: &SignedBallot,
        trusted: &Trusted<'_>,
        now: Timestamp,
    ) -> Result<Principal, NotSigned> {
        let desk = Desk::new(self, signed)?;
        let (frozen, frozen_read) = desk.signers(Which::Frozen, trusted.frozen)?;
        let current = text_of(trusted.now)?;
        let (current, current_read) = desk.signers(Which::Now, &current)?;
        let revoked = match trusted.revoked {
            None => None,
            Some(path) => Some(desk.put("revoked", &bytes_of(path, Which::Revoked, MAX_REVOKED)?)?),
        };
        let names = desk.names(&frozen, &frozen_read, now)?;
        desk.is_listed(&current_read)?;
        let mut refusal = None;
        for name in names {
            let by = |which, file: &Path| desk.is_by(&name, which, file, now);
            let judged = by(Which::Frozen, &frozen)
                .and_then(|()| by(Which::Now, &current))
                .and_then(|()| desk.is_not_revoked(&name, &current, revoked.as_deref(), now));
            match judged {
                Ok(()) => return Ok(name),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        Err(refusal.unwrap_or_else(|| desk.unknown(Which::Frozen)))
    }

    /// Whether a ballot in a journal is that of the person who is said to have cast it.
    ///
    /// Only the frozen file counts, at the time of the record: a key that was taken out or revoked
    /// since then was good when it signed.
    ///
    /// # Errors
    /// The signature is not right or not theirs, or that could not be found out.
    pub fn verify_recorded(
        &self,
        signed: &SignedBallot,
        principal: &Principal,
        frozen: &str,
        at: Timestamp,
    ) -> Result<(), NotSigned> {
        let desk = Desk::new(self, signed)?;
        let (frozen, _) = desk.signers(Which::Frozen, frozen)?;
        desk.is_by(principal, Which::Frozen, &frozen, at)
    }
}

/// A signature on the desk: private copies of all that `ssh-keygen` looks at.
struct Desk<'a> {
    keygen: &'a Keygen,
    text: String,
    signature: Signature,
    dir: TempDir,
}

impl<'a> Desk<'a> {
    /// Lays a signature on the desk that belongs to its ballot, whoever made it.
    fn new(keygen: &'a Keygen, signed: &SignedBallot) -> Result<Self, NotSigned> {
        let signature = Signature::read(&signed.signature).map_err(NotSigned::Form)?;
        if signature.namespace() != Ballot::NAMESPACE {
            return Err(NotSigned::Namespace(signature.namespace().to_owned()));
        }
        if signature.fingerprint() != signed.key {
            return Err(NotSigned::OtherKey {
                said: signed.key.clone(),
                made: signature.fingerprint(),
            });
        }
        // Its mode is 0700: nobody else reads or changes what lies in it.
        let dir = tempfile::Builder::new().prefix("runbook-keys").tempdir()?;
        let desk = Self {
            keygen,
            text: signed.ballot.text(),
            signature,
            dir,
        };
        let _ = desk.put("signature", signed.signature.as_bytes())?;
        match desk.ask("check-novalidate", &[])? {
            Answer::Yes(_) => Ok(desk),
            Answer::No(said) => Err(NotSigned::OtherText(said)),
        }
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, NotSigned> {
        let path = self.dir.path().join(name);
        std::fs::write(&path, bytes)?;
        Ok(path)
    }

    fn signers(&self, which: Which, text: &str) -> Result<(PathBuf, AllowedSigners), NotSigned> {
        let read = AllowedSigners::read(text).map_err(|error| NotSigned::Signers(which, error))?;
        let name = match which {
            Which::Frozen => "frozen",
            Which::Now | Which::Revoked => "now",
        };
        Ok((self.put(name, text.as_bytes())?, read))
    }

    fn ask(&self, what: &str, more: &[OsString]) -> Result<Answer, KeygenError> {
        let mut words: Vec<OsString> = ["-Y", what, "-n", Ballot::NAMESPACE, "-s"]
            .map(OsString::from)
            .to_vec();
        words.push(self.dir.path().join("signature").into());
        words.extend_from_slice(more);
        let answer = self.keygen.run(&words, &Talk::Piped(&self.text))?;
        Ok(match answer {
            // The names of private copies say nothing to anybody.
            Answer::No(said) => {
                let dir = format!("{}/", self.dir.path().display());
                Answer::No(said.replace(&dir, "").replace('\n', "; "))
            }
            yes => yes,
        })
    }

    /// Who may have signed, by the names that stand beside the key.
    fn names(
        &self,
        file: &Path,
        signers: &AllowedSigners,
        at: Timestamp,
    ) -> Result<Vec<Principal>, NotSigned> {
        let stated: Vec<String> = if self.signature.is_certified() {
            // A certificate names its people itself, and the file which names it may certify.
            let more = ["-f".into(), file.into(), "-O".into(), verify_time(at)];
            match self.ask("find-principals", &more)? {
                Answer::Yes(lines) => lines.lines().map(str::to_owned).collect(),
                Answer::No(said) => {
                    let which = Which::Frozen;
                    return Err(NotSigned::Refused { which, said });
                }
            }
        } else {
            signers
                .of_key(self.signature.public_key())
                .flat_map(|signer| signer.principals.iter().cloned())
                .collect()
        };
        if stated.is_empty() {
            return Err(self.unknown(Which::Frozen));
        }
        let names: Vec<Principal> = stated.iter().filter_map(|name| name.parse().ok()).collect();
        if names.is_empty() {
            return Err(NotSigned::Nameless {
                key: self.signature.fingerprint(),
                names: stated.join(","),
            });
        }
        Ok(names)
    }

    /// Whether the key is still there; of a certificate only `ssh-keygen` can say it.
    fn is_listed(&self, now: &AllowedSigners) -> Result<(), NotSigned> {
        let key = self.signature.public_key();
        if self.signature.is_certified() || now.of_key(key).next().is_some() {
            Ok(())
        } else {
            Err(self.unknown(Which::Now))
        }
    }

    fn unknown(&self, which: Which) -> NotSigned {
        NotSigned::Unknown {
            key: self.signature.fingerprint(),
            which,
        }
    }

    fn is_by(
        &self,
        name: &Principal,
        which: Which,
        file: &Path,
        at: Timestamp,
    ) -> Result<(), NotSigned> {
        match self.ask("verify", &verify_words(name, file, at))? {
            Answer::Yes(_) => Ok(()),
            Answer::No(said) => Err(NotSigned::Refused { which, said }),
        }
    }

    /// Asked by itself and last, for `ssh-keygen` does not say that this is why it refuses.
    fn is_not_revoked(
        &self,
        name: &Principal,
        file: &Path,
        revoked: Option<&Path>,
        at: Timestamp,
    ) -> Result<(), NotSigned> {
        let Some(revoked) = revoked else {
            return Ok(());
        };
        let mut words = verify_words(name, file, at);
        words.extend(["-r".into(), revoked.into()]);
        match self.ask("verify", &words)? {
            Answer::Yes(_) => Ok(()),
            Answer::No(_) => Err(NotSigned::Revoked(self.signature.fingerprint())),
        }
    }
}

fn verify_words(name: &Principal, file: &Path, at: Timestamp) -> Vec<OsString> {
    vec![
        "-I".into(),
        name.as_str().into(),
        "-f".into(),
        file.into(),
        "-O".into(),
        verify_time(at),
    ]
}

/// Without a `Z`, which older versions do not know: the zone is UTC.
fn verify_time(at: Timestamp) -> OsString {
    format!("verify-time={}", at.strftime("%Y%m%d%H%M%S")).into()
}

fn text_of(path: &Path) -> Result<String, NotSigned> {
    let bytes = bytes_of(path, Which::Now, MAX_SIGNERS)?;
    String::from_utf8(bytes).map_err(|_| NotSigned::Unreadable {
        which: Which::Now,
        path: path.to_owned(),
        why: "it is not UTF-8".to_owned(),
    })
}

fn bytes_of(path: &Path, which: Which, most: u64) -> Result<Vec<u8>, NotSigned> {
    let fail = |why: String| NotSigned::Unreadable {
        which,
        path: path.to_owned(),
        why,
    };
    let read = || -> std::io::Result<Result<Vec<u8>, String>> {
        // Asked first: opening a pipe would wait for whoever writes into it.
        if !std::fs::metadata(path)?.is_file() {
            return Ok(Err("it is no file".to_owned()));
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            return Ok(Err(format!("it is larger than {} MiB", most / 1024 / 1024)));
        }
        Ok(Ok(bytes))
    };
    read()
        .map_err(|error| fail(error.to_string()))?
        .map_err(fail)
}
