//! The places that definitions are read from, and reading from them without being led astray.
//!
//! A path below a root is built from checked names only, so `..` cannot be in it; links are
//! followed only as far as they stay below the root.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::embedded;
use super::error::{FileError, FileProblem};
use crate::spec::yaml::MAX_BYTES;

/// Where a definition comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// This file, at or above the working directory, or named by its path.
    Project(PathBuf),
    /// This file of the person's configuration directory.
    User(PathBuf),
    /// The binary.
    Embedded,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(path) | Self::User(path) => {
                let path = path.to_string_lossy();
                f.write_str(&crate::model::text::escape_controls(&path))
            }
            Self::Embedded => f.write_str("built in"),
        }
    }
}

impl Origin {
    /// Its file; none where it is built in.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Project(path) | Self::User(path) => Some(path),
            Self::Embedded => None,
        }
    }

    /// One word for it: `project`, `user`, `embedded`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Project(_) => "project",
            Self::User(_) => "user",
            Self::Embedded => "embedded",
        }
    }
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Text {
    /// Its path as it is shown.
    pub shown: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What is in it.
    pub bytes: Cow<'static, [u8]>,
}

/// Whose directory a root is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Project,
    User,
}

/// A place that holds `runbooks/`, `adapters/` and `runbook.yaml`, or some of them.
#[derive(Clone, Debug)]
pub(super) enum Root {
    /// A directory.
    Dir {
        whose: Whose,
        path: PathBuf,
        /// The working directory, for showing paths.
        cwd: PathBuf,
    },
    /// The binary.
    Embedded,
}

impl Root {
    /// A file, by its path below the root; nothing where it is not there.
    pub(super) fn read(&self, below: &str) -> Result<Option<Text>, FileError> {
        let Self::Dir { whose, path, cwd } = self else {
            let text = embedded::file(below).map(|bytes| Text {
                shown: format!("embedded:{below}"),
                origin: Origin::Embedded,
                bytes: Cow::Borrowed(bytes),
            });
            return Ok(text);
        };
        let file = path.join(below);
        let Some(real) = self.resolve(&file)? else {
            return Ok(None);
        };
        let shown = shown(&file, cwd);
        let bytes = read_file(&real).map_err(|why| FileError {
            path: shown.clone(),
            why,
        })?;
        let origin = match whose {
            Whose::Project => Origin::Project(file),
            Whose::User => Origin::User(file),
        };
        Ok(Some(Text {
            shown,
            origin,
            bytes: Cow::Owned(bytes),
        }))
    }

    /// Where a definition would come from.
    pub(super) fn origin(&self, below: &str) -> Origin {
        match self {
            Self::Dir {
                whose: Whose::Project,
                path,
                ..
            } => Origin::Project(path.join(below)),
            Self::Dir { path, .. } => Origin::User(path.join(below)),
            Self::Embedded => Origin::Embedded,
        }
    }

    /// The names in a directory below the root, sorted; none where it is not there.
    pub(super) fn names(&self, below: &str) -> Result<Vec<String>, FileError> {
        let Self::Dir { path, cwd, .. } = self else {
            return Ok(embedded::names(below));
        };
        let dir = path.join(below);
        let Some(real) = self.resolve(&dir)? else {
            return Ok(Vec::new());
        };
        let fail = |error: &std::io::Error| FileError {
            path: shown(&dir, cwd),
            why: FileProblem::io(error),
        };
        let entries = match std::fs::read_dir(&real) {
            Ok(entries) => entries,
            Err(error) if is_missing(&error) => return Ok(Vec::new()),
            Err(error) => return Err(fail(&error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| fail(&error))?.file_name();
            // Names that are not UTF-8 cannot be the name of anything here.
            names.extend(name.to_str().map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// Where a file below the root really is; nothing where it is not there.
    pub(super) fn find(&self, below: &str) -> Result<Option<PathBuf>, FileError> {
        match self {
            Self::Dir { path, .. } => self.resolve(&path.join(below)),
            Self::Embedded => Ok(None),
        }
    }

    /// Follows links as far as they stay below the root; nothing where the path is not there.
    ///
    /// The directory comes first: a file that is missing behind a link that leads out must not be
    /// taken from a place further out as if the link were not there.
    fn resolve(&self, path: &Path) -> Result<Option<PathBuf>, FileError> {
        let Self::Dir {
            path: root, cwd, ..
        } = self
        else {
            return Ok(None);
        };
        let real_root = match root.canonicalize() {
            Ok(real) => real,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => {
                return Err(FileError {
                    path: shown(root, cwd),
                    why: FileProblem::io(&error),
                });
            }
        };
        let mut real = real_root.clone();
        let below = path.strip_prefix(root).unwrap_or(path);
        let mut walked = root.clone();
        for part in below.components() {
            walked.push(part);
            let fail = |why| FileError {
                path: shown(&walked, cwd),
                why,
            };
            let next = real.join(part);
            match next.symlink_metadata() {
                Ok(_) => {}
                Err(error) if is_missing(&error) => return Ok(None),
                Err(error) => return Err(fail(FileProblem::io(&error))),
            }
            real = match next.canonicalize() {
                Ok(real) => real,
                Err(error) if is_missing(&error) => return Err(fail(FileProblem::LeadsNowhere)),
                Err(error) => return Err(fail(FileProblem::io(&error))),
            };
            if !real.starts_with(&real_root) {
                return Err(fail(FileProblem::LeadsOut {
                    root: root.clone(),
                    target: real,
                }));
            }
        }
        Ok(Some(real))
    }
}

/// Reads a regular file of at most [`MAX_BYTES`].
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, FileProblem> {
    let limit = MAX_BYTES as u64;
    let too_large = |bytes: u64| (bytes > limit).then_some(FileProblem::TooLarge { bytes });
    let (file, size) = open(path)?;
    if let Some(problem) = too_large(size) {
        return Err(problem);
    }
    // It may grow meanwhile.
    let bytes = first_bytes(file, limit + 1)?;
    match too_large(bytes.len() as u64) {
        Some(problem) => Err(problem),
        None => Ok(bytes),
    }
}

/// Reads the first bytes of a regular file.
pub(super) fn read_at_most(path: &Path, most: u64) -> Result<Vec<u8>, FileProblem> {
    let (file, _) = open(path)?;
    first_bytes(file, most)
}

fn first_bytes(file: File, most: u64) -> Result<Vec<u8>, FileProblem> {
    let mut bytes = Vec::new();
    let read = file.take(most).read_to_end(&mut bytes);
    read.map_err(|error| FileProblem::io(&error))?;
    Ok(bytes)
}

/// Opens a regular file, and says how large it is.
///
/// Opened without waiting, so that a pipe that nobody writes to is refused and not waited for.
fn open(path: &Path) -> Result<(File, u64), FileProblem> {
    let io = |error: std::io::Error| FileProblem::io(&error);
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty())
        .map_err(|errno| io(std::io::Error::from(errno)))?;
    let file = File::from(file);
    let metadata = file.metadata().map_err(io)?;
    if metadata.is_dir() {
        return Err(FileProblem::IsDirectory);
    }
    if !metadata.is_file() {
        return Err(FileProblem::NotAFile);
    }
    Ok((file, metadata.len()))
}

/// A path as it is shown: from the working directory, where it lies below that.
pub(super) fn shown(path: &Path, cwd: &Path) -> String {
    let path = path.strip_prefix(cwd).unwrap_or(path);
    path.to_string_lossy().into_owned()
}

fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
