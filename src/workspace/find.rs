//! Where definitions are looked for: the team's directory, the person's, the binary.
//!
//! A file that is found in a nearer place hides the one of the same name further out.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::FileError;
use super::root::{Origin, Root, Text, Whose};
use super::surroundings::Surroundings;

/// What makes a directory a team's directory.
const MARKS: [&str; 3] = ["runbooks", "adapters", "runbook.yaml"];

/// The places, the nearest first.
#[derive(Clone, Debug)]
pub(super) struct Places {
    roots: Vec<Root>,
}

impl Places {
    /// The places that are seen from here.
    pub(super) fn seen_from(surroundings: &Surroundings) -> Self {
        let dir = |whose, path: PathBuf| Root::Dir {
            whose,
            path,
            cwd: surroundings.cwd.clone(),
        };
        let project = project(&surroundings.cwd).map(|path| dir(Whose::Project, path));
        let user = surroundings.config_dir.clone();
        let user = user.map(|path| dir(Whose::User, path));
        let roots = project.into_iter().chain(user).chain([Root::Embedded]);
        Self {
            roots: roots.collect(),
        }
    }

    /// The nearest file of this path; nothing where no place has it.
    pub(super) fn read(&self, below: &str) -> Result<Option<Text>, FileError> {
        for root in &self.roots {
            if let Some(text) = root.read(below)? {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    /// The directory of the nearest place that has a file of this path, whatever is wrong with it.
    pub(super) fn dir_of(&self, below: &str) -> Option<PathBuf> {
        self.roots.iter().find_map(|root| match root {
            Root::Dir { path, .. } => {
                let is_there = !matches!(root.find(below), Ok(None));
                is_there.then(|| path.clone())
            }
            Root::Embedded => None,
        })
    }

    /// The names in a directory of every place, each with the nearest place that has it; sorted.
    ///
    /// A directory that cannot be read is said, and ends the search: it could hide anything that
    /// lies further out, so reading refuses that too.
    pub(super) fn names(&self, below: &str) -> (Vec<(String, Origin)>, Option<FileError>) {
        let mut found: Vec<(String, Origin)> = Vec::new();
        let mut failed = None;
        for root in &self.roots {
            match root.names(below) {
                Err(error) => {
                    failed = Some(error);
                    break;
                }
                Ok(names) => {
                    for name in names {
                        let path = format!("{below}/{name}");
                        found.push((name, root.origin(&path)));
                    }
                }
            }
        }
        // Stable, so that of the same name the nearest stays.
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found.dedup_by(|further, nearer| further.0 == nearer.0);
        (found, failed)
    }

    /// The same for `*.yaml`: their stems.
    pub(super) fn stems(&self, below: &str) -> (Vec<(String, Origin)>, Option<FileError>) {
        let (names, failed) = self.names(below);
        let stem = |(name, origin): (String, Origin)| {
            let stem = name.strip_suffix(".yaml")?;
            (!stem.is_empty() && !stem.starts_with('.')).then(|| (stem.to_owned(), origin))
        };
        (names.into_iter().filter_map(stem).collect(), failed)
    }
}

/// The nearest directory, upward from the working directory, that looks like a team's.
fn project(cwd: &Path) -> Option<PathBuf> {
    let has = |dir: &Path, mark: &str| {
        let path = dir.join(mark);
        if mark.ends_with(".yaml") {
            // Whatever it is, it is where the file should be; reading says what is wrong with it.
            path.symlink_metadata().is_ok()
        } else {
            path.is_dir()
        }
    };
    cwd.ancestors()
        .filter(|dir| *dir == cwd || !is_shared(dir))
        .find(|dir| MARKS.iter().any(|mark| has(dir, mark)))
        .map(Path::to_owned)
}

/// Whether anybody on the machine may put files here, as in `/tmp`: what lies there is taken only
/// by who works right there, else another user's `/tmp/runbook.yaml` would bind our tools.
fn is_shared(dir: &Path) -> bool {
    const STICKY_AND_WRITABLE: u32 = 0o1002;
    let mode = dir.metadata().map(|metadata| metadata.mode());
    mode.is_ok_and(|mode| mode & STICKY_AND_WRITABLE == STICKY_AND_WRITABLE)
}
