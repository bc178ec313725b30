//! Secrets that tools give out: put away before anybody keeps or shows the answer, and wiped when
//! the run closes.
//!
//! What holds such a secret is known by its field only. So of the answer nothing is kept but its
//! fields: what was printed could hold the secret in any form, and whoever fails may quote it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use super::job::Processes;
use super::secrets::Secret;
use crate::model::call::{Captured, Ended, Failure, FailureKind, Reply, Request};
use crate::model::issued::IssuedName;
use crate::model::{SecretRef, Value};

impl Processes {
    /// An answer of which these fields are secrets, without them: each is in a file of the run
    /// now, and what stands for it is where it is found. From here on it is taken out of all else.
    pub fn put_away(&self, reply: Reply, request: &Request, fields: &[String]) -> Reply {
        let ended = match reply.ended {
            Ended::Succeeded(output) => match self.without_issued(output, request, fields) {
                Ok(output) => Ended::Succeeded(output),
                Err(failure) => Ended::Failed(failure, None),
            },
            // What was not begun gave nothing out, and says why in our own words.
            Ended::Failed(failure, _) if failure.kind == FailureKind::NotStarted => {
                Ended::Failed(failure, None)
            }
            Ended::Failed(failure, output) => Ended::Failed(discreet(&failure, output), None),
            // Why nobody knows may quote what was answered, and so may what is noted beside it.
            Ended::Unknown(_) => Ended::Unknown(
                "nobody can say what it did; more is not shown, for its answer may hold a secret"
                    .to_owned(),
            ),
            ended @ (Ended::TimedOut | Ended::Cancelled) => ended,
        };
        self.secrets.redactor().reply(Reply {
            ended,
            stdout: Captured::default(),
            stderr: Captured::default(),
            took: reply.took,
            notes: Vec::new(),
        })
    }

    /// Makes the secrets known that earlier processes of this run put away.
    pub fn learn_issued(&self) {
        let Some(entries) = self.issued.as_ref().and_then(|dir| dir.read_dir().ok()) else {
            return;
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        self.learn(&names.map(SecretRef::Run).collect());
    }

    fn without_issued(
        &self,
        output: Value,
        request: &Request,
        fields: &[String],
    ) -> Result<Value, Failure> {
        let Value::Map(mut map) = output else {
            return Ok(output);
        };
        for field in fields {
            if let Some(Value::Str(text)) = map.get_mut(field) {
                let text = std::mem::take(text);
                // What it gave out before was taken out of this answer already.
                let bytes = match self.secrets.given_out_as(&text) {
                    Some(secret) => secret.expose().to_vec(),
                    None => text.into_bytes(),
                };
                let secret = self.issue(bytes, request, field)?;
                map.insert(field.clone(), Value::Secret(secret));
            }
        }
        Ok(Value::Map(map))
    }

    fn issue(&self, bytes: Vec<u8>, request: &Request, field: &str) -> Result<SecretRef, Failure> {
        // It acted, so this is no `not_started`: what it gave out is there, and nobody has it.
        let lost = |why: String| {
            Failure::new(
                FailureKind::Output,
                format!("it gave out `{field}`, which is lost: {why}"),
            )
            .hint("take back what it did, or have it give out another")
        };
        let name = IssuedName::new(request, field).map_err(|e| lost(e.to_string()))?;
        let reference = SecretRef::Run(name.clone());
        let secret = Secret::found(bytes, &reference).map_err(|failure| lost(failure.message))?;
        // Known before it is anywhere: what fails from here on may not say it either.
        self.secrets
            .learn(vec![(reference.clone(), secret.clone())]);
        let Some(dir) = &self.issued else {
            return Err(lost("this run has no place for it".to_owned()));
        };
        keep(dir, &name, &secret).map_err(|e| lost(format!("it could not be put away: {e}")))?;
        Ok(reference)
    }
}

/// A failure that quotes nothing of what was printed.
fn discreet(failure: &Failure, output: Option<Value>) -> Failure {
    let exit = output.as_ref().and_then(|output| output.get("exit"));
    let what = match (failure.kind, exit) {
        (FailureKind::Exit, Some(Value::Int(status))) => {
            format!("it ended with exit status {status}")
        }
        (FailureKind::Signal, _) => "it was ended by a signal".to_owned(),
        (FailureKind::Output, _) => "it answered something else than the contract says".to_owned(),
        _ => "it failed".to_owned(),
    };
    let message = format!("{what}; more is not shown: its answer may hold a secret");
    Failure::new(failure.kind, message)
}

/// Puts a secret into a file that nobody else may read, durably. One of that name, of the same
/// attempt's earlier answer, is wiped before.
fn keep(dir: &Path, name: &IssuedName, secret: &Secret) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => dir.parent().map_or(Ok(()), synced)?,
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(e),
    }
    let path = dir.join(name.as_str());
    match wipe_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    file.write_all(secret.expose())?;
    file.sync_all()?;
    synced(dir)
}

/// Wipes all that a run's tools gave out: overwritten, and removed.
///
/// # Errors
/// Something of it is still there.
pub fn wipe_issued(dir: &Path) -> io::Result<()> {
    let entries = match dir.read_dir() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    // One that cannot be wiped keeps no other from it.
    let mut failed = None;
    for entry in entries {
        if let Err(error) = entry.and_then(|entry| wipe_file(&entry.path())) {
            failed = Some(error);
        }
    }
    match failed {
        Some(error) => Err(error),
        None => {
            std::fs::remove_dir(dir)?;
            dir.parent().map_or(Ok(()), synced)
        }
    }
}

fn wipe_file(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    // None of ours is longer: what is cannot have come from here.
    file.write_all(&vec![0; length.min(super::secrets::MOST)])?;
    file.sync_all()?;
    std::fs::remove_file(path)
}

fn synced(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
