//! Looking a secret up, late: when the process that is to get it is about to be started.
//!
//! Nothing here puts a secret, or a part of one, into a message.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::OFlags;
use zeroize::{Zeroize, Zeroizing};

use super::encodings::{SHORTEST, letters};
use super::environ::Environment;
use super::find::not_started;
use super::redact::{Redactor, label};
use crate::model::call::Failure;
use crate::model::secret::{SecretRef, shown};

/// The longest secret, in bytes.
pub(super) const MOST: usize = 64 << 10;

/// A secret itself. It shows itself to nobody, and is wiped when it is no longer needed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹secret›")
    }
}

impl Secret {
    /// A secret from what was found: one line end at its end is not part of it.
    ///
    /// # Errors
    /// It is so short, or so long, that it could not be taken out of what is shown, or no variable
    /// can hold it.
    pub fn found(mut bytes: Vec<u8>, reference: &SecretRef) -> Result<Self, Failure> {
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        let secret = Self(Zeroizing::new(bytes));
        let bytes = secret.expose();
        if bytes.is_empty() {
            Err(unusable(reference, "is empty").hint("put the secret there"))
        } else if letters(bytes.trim_ascii()).count() < SHORTEST {
            let why = format!("is shorter than {SHORTEST} characters");
            Err(unusable(reference, &why)
                .hint("use a longer one: one so short cannot be kept out of what is shown"))
        } else if bytes.len() > MOST {
            Err(too_long(reference))
        } else if bytes.contains(&0) {
            Err(
                unusable(reference, "holds a NUL byte, which no variable can hold")
                    .hint("keep it as base64 there, and let the program decode it"),
            )
        } else {
            Ok(secret)
        }
    }

    /// The secret's bytes, for whoever must hand them on. They go into no text.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// As the value of a variable.
    pub(super) fn variable(&self) -> OsString {
        OsString::from_vec(self.0.to_vec())
    }
}

/// A secret that cannot be used: nothing was done.
pub(super) fn unusable(reference: &SecretRef, why: &str) -> Failure {
    not_started(format!("the {} {why}", shown(reference)))
}

fn too_long(reference: &SecretRef) -> Failure {
    unusable(reference, "is longer than 64 KiB")
        .hint("give the program the path of its file, in place of the secret")
}

/// All secrets that a run knows, and what takes them out of texts. One for a run.
#[derive(Debug)]
pub struct Secrets {
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    /// In the order in which they became known, so that a redactor that knows more names the
    /// earlier ones alike. One place can have had several: a file that was written anew.
    secrets: Vec<(SecretRef, Secret)>,
    redactor: Arc<Redactor>,
}

impl Default for Secrets {
    fn default() -> Self {
        Self {
            known: Mutex::new(Known {
                secrets: Vec::new(),
                redactor: Arc::new(Redactor::none()),
            }),
        }
    }
}

impl Secrets {
    /// What takes all secrets out of texts that are known by now.
    pub fn redactor(&self) -> Arc<Redactor> {
        Arc::clone(&self.lock().redactor)
    }

    /// From now on these are taken out of everything.
    pub(super) fn learn(&self, found: Vec<(SecretRef, Secret)>) {
        let mut known = self.lock();
        let before = known.secrets.len();
        for pair in found {
            if !known.secrets.contains(&pair) {
                known.secrets.push(pair);
            }
        }
        if known.secrets.len() > before {
            let all = known.secrets.iter().map(|(place, secret)| (place, secret));
            known.redactor = Arc::new(Redactor::of(all));
        }
    }

    /// What was last found at a place.
    pub(super) fn known(&self, reference: &SecretRef) -> Option<Secret> {
        let known = self.lock();
        let mut all = known.secrets.iter().rev();
        all.find(|(place, _)| place == reference)
            .map(|(_, secret)| secret.clone())
    }

    /// The secret that a tool of this run gave out, by what stands for it.
    pub(super) fn given_out_as(&self, stands: &str) -> Option<Secret> {
        let known = self.lock();
        let mut all = known.secrets.iter().rev();
        all.find(|(place, _)| matches!(place, SecretRef::Run(_)) && label(place) == stands)
            .map(|(_, secret)| secret.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Whoever panicked while holding it left whole pairs behind.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The secret in a variable.
pub(super) fn in_variable(
    base: &Environment,
    name: &str,
    reference: &SecretRef,
) -> Result<Secret, Failure> {
    match base.get(OsStr::new(name)) {
        Some(value) if !value.is_empty() => Secret::found(value.as_bytes().to_vec(), reference),
        _ => Err(
            unusable(reference, "is not there: the variable is not set").hint(format!(
                "park the run, set {name} where runbook is started, and resume the run"
            )),
        ),
    }
}

/// The secret in a file, which nobody else may read: it is ours, or root's and our group may read
/// it.
pub(super) fn in_file(path: &Path, reference: &SecretRef) -> Result<Secret, Failure> {
    let unreadable = |e: std::io::Error| {
        unusable(reference, &format!("cannot be read: {e}"))
            .hint("put it there, readable by you alone, and try again")
    };
    // A FIFO must not keep us waiting; it is refused below.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed())
        .open(path)
        .map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if !about.is_file() {
        return Err(unusable(reference, "is no regular file").hint("put it into one"));
    }
    let (us, mode) = (rustix::process::geteuid().as_raw(), about.mode());
    if about.uid() != us && about.uid() != 0 {
        return Err(unusable(reference, "is in a file of another user")
            .hint("copy it into a file of your own that nobody else may read"));
    }
    let allowed = if about.uid() == 0 { 0o740 } else { 0o700 };
    if mode & 0o777 & !allowed != 0 {
        return Err(
            unusable(reference, "is in a file that others may read or write")
                .hint("take that away, for example with chmod 600, and think about whether it is still one"),
        );
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST + 2));
    // One more than can be a secret with its line end.
    file.take(MOST as u64 + 2)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    Secret::found(std::mem::take(&mut *bytes), reference)
}

/// Where a file is: `~/` is the home directory of whoever drives the run.
pub(super) fn whole_path(base: &Environment, path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), base.get(OsStr::new("HOME"))) {
        (Some(rest), Some(home)) => Path::new(home).join(rest),
        _ => PathBuf::from(path),
    }
}

/// The secret that a program printed.
pub(super) fn printed(
    mut bytes: Vec<u8>,
    cut: bool,
    reference: &SecretRef,
) -> Result<Secret, Failure> {
    if cut {
        bytes.zeroize();
        return Err(too_long(reference));
    }
    Secret::found(bytes, reference)
}
