//! The files that an adapter brings along, laid where a process can start and read them.
//!
//! They lie in the run's own directory, under the digest of what they hold: a run that is taken up
//! again, by somebody else too, finds the very same, and one that was changed meanwhile is never
//! started.

use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use indexmap::IndexMap;

use super::adopt;
use super::find::{not_started, shown};
use crate::model::Digest;
use crate::model::call::Failure;
use crate::model::ids::FileName;

/// Below the directory in which processes start.
const PLACE: &str = ".adapters";

/// What of a digest names a directory: enough to tell the adapters of one run apart.
const NAMED_BY: usize = 16;

/// What to do where somebody was at the files.
const CHANGED: &str = "find out who did that; with its directory removed the files are laid anew";

/// Keeps Python from laying its own compiled files beside the scripts.
pub(super) const NO_BYTECODE: (&str, &str) = ("PYTHONDONTWRITEBYTECODE", "1");

/// The files of one adapter.
#[derive(Debug, Default)]
pub struct Brought {
    files: IndexMap<FileName, String>,
    laid: OnceLock<PathBuf>,
}

impl Brought {
    /// The files by name, each with its text.
    pub fn new(files: IndexMap<FileName, String>) -> Self {
        Self {
            files,
            laid: OnceLock::new(),
        }
    }

    /// Where a file is, for a process that starts in `work`.
    ///
    /// # Errors
    /// It is not there and cannot be laid there, or is not what it was when the run began.
    pub(super) fn path(&self, name: &str, work: &Path) -> Result<PathBuf, Failure> {
        if !self.files.contains_key(name) {
            return Err(not_started(format!(
                "the adapter brings no file `{name}` along"
            )));
        }
        let dir = match self.laid.get() {
            Some(dir) => dir,
            None => {
                let dir = self.lay(work)?;
                self.laid.get_or_init(|| dir)
            }
        };
        self.unchanged(dir)?;
        Ok(dir.join(name))
    }

    fn lay(&self, work: &Path) -> Result<PathBuf, Failure> {
        let digest = Digest::of_json(&self.files)
            .map_err(|e| not_started(format!("the adapter's files have no digest: {e}")))?;
        let digest = digest.to_string();
        let hex = digest.rsplit(':').next().unwrap_or_default();
        let place = work.join(PLACE);
        let dir = place.join(hex.get(..NAMED_BY).unwrap_or(hex));
        // While a program is just being started it has all that we hold open, and a file that is
        // open for writing cannot be started.
        adopt::between_starts(|| self.write(&place, &dir)).map_err(|e| {
            let dir = shown(dir.as_os_str());
            not_started(format!("the adapter's files cannot be laid in {dir}: {e}"))
        })?;
        Ok(dir)
    }

    /// All of them at once, or none: who comes second finds them whole.
    fn write(&self, place: &Path, dir: &Path) -> io::Result<()> {
        if dir.is_dir() {
            return Ok(());
        }
        make_dir(place)?;
        let new = tempfile::Builder::new().prefix(".new-").tempdir_in(place)?;
        for (name, text) in &self.files {
            let path = new.path().join(name.as_str());
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o700)
                .open(&path)?;
            io::Write::write_all(&mut file, text.as_bytes())?;
            // Whatever the umask: where several people take up a run, their group is asked.
            file.set_permissions(std::fs::Permissions::from_mode(0o550))?;
        }
        std::fs::set_permissions(new.path(), std::fs::Permissions::from_mode(0o2750))?;
        match std::fs::rename(new.path(), dir) {
            Ok(()) => {
                let _ = new.keep();
                Ok(())
            }
            // Another process was first.
            Err(_) if dir.is_dir() => Ok(()),
            Err(e) => Err(e),
        }
    }

    fn unchanged(&self, dir: &Path) -> Result<(), Failure> {
        // A script looks for what it imports beside itself first: a file more is code, too.
        let entries = std::fs::read_dir(dir)
            .map_err(|e| not_started(format!("{} cannot be read: {e}", shown(dir.as_os_str()))))?;
        for entry in entries.flatten() {
            let name = entry.file_name();
            let known = name
                .to_str()
                .is_some_and(|name| self.files.contains_key(name));
            if !known {
                let at = shown(entry.path().as_os_str());
                let message = format!("{at} was laid beside the adapter's own files");
                return Err(not_started(message).hint(CHANGED));
            }
        }
        for (name, text) in &self.files {
            let path = dir.join(name.as_str());
            let at = shown(path.as_os_str());
            match std::fs::read(&path) {
                Ok(bytes) if bytes == text.as_bytes() => {}
                Ok(_) => {
                    let message = format!("{at} is not what it was when the run began");
                    return Err(not_started(message).hint(CHANGED));
                }
                Err(e) => return Err(not_started(format!("{at} cannot be read: {e}"))),
            }
        }
        Ok(())
    }
}

fn make_dir(dir: &Path) -> io::Result<()> {
    match std::fs::DirBuilder::new().mode(0o770).create(dir) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        Err(_) => Ok(()),
        // Whatever the umask, as above.
        Ok(()) => std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o2770)),
    }
}
