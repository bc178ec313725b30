//! What can go wrong before anything is read, and with files that cannot be read.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::Size;
use crate::model::ids::AccountGroup;
use crate::model::text::escape_controls;
use crate::spec::yaml::MAX_BYTES;
use crate::spec::{Diagnostic, Source};

/// A file or directory that is there and is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// The path as it is shown.
    pub path: String,
    /// Why not.
    pub why: FileProblem,
}

/// Why a file is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileProblem {
    /// A link leads out of the directory that it belongs to.
    LeadsOut {
        /// The directory that it has to stay in.
        root: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// A link whose target is missing.
    LeadsNowhere,
    /// A directory stands where a file should.
    IsDirectory,
    /// Neither a file nor a directory: a pipe, a device, a socket.
    NotAFile,
    /// More bytes than are read.
    TooLarge {
        /// How many it has.
        bytes: u64,
    },
    /// The operating system refused.
    Unreadable {
        /// What it said.
        said: String,
    },
}

impl FileProblem {
    pub(super) fn io(error: &io::Error) -> Self {
        Self::Unreadable {
            said: error.to_string(),
        }
    }
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |path: &PathBuf| escape_controls(&path.to_string_lossy()).into_owned();
        match self {
            Self::LeadsOut { root, target } => {
                let (root, target) = (shown(root), shown(target));
                write!(f, "a link leads out of {root}, to {target}")
            }
            Self::LeadsNowhere => f.write_str("it is a link, and what it leads to is missing"),
            Self::IsDirectory => f.write_str("it is a directory, not a file"),
            Self::NotAFile => f.write_str("it is not a file"),
            Self::TooLarge { bytes } => {
                let (size, most) = (Size::from_bytes(*bytes), Size::from_bytes(MAX_BYTES as u64));
                write!(f, "it has {size}; at most {most} are read")
            }
            Self::Unreadable { said } => write!(f, "it cannot be read: {said}"),
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", escape_controls(&self.path), self.why)
    }
}

impl std::error::Error for FileError {}

impl FileError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self.why {
            FileProblem::LeadsOut { .. } => Some("copy it to where the link is"),
            FileProblem::LeadsNowhere => Some("remove the link, or mend it"),
            FileProblem::TooLarge { .. } => Some("split it into several runbooks"),
            _ => None,
        }
    }

    /// The same as a finding about the file.
    pub fn diagnostic(&self) -> Diagnostic {
        let source = Arc::new(Source::unread(self.path.clone()));
        Diagnostic::of_file(&source, self.why.to_string())
            .code("unreadable")
            .maybe_help(self.hint())
    }
}

/// Why nothing was loaded. Each is wrong usage, exit code 2.
#[derive(Debug)]
pub enum WorkspaceError {
    /// The working directory is gone or may not be read.
    NoWorkingDirectory(io::Error),
    /// Neither a directory for runs nor a home is known.
    NoStateDirectory,
    /// The group that shares the state directory is not known on this machine.
    NoGroup(AccountGroup),
    /// There is no such runbook, scenario, …
    Unknown {
        /// What was looked for: `runbook`, `scenario`.
        what: &'static str,
        /// How it was written.
        written: String,
        /// The nearest name.
        nearest: Option<String>,
        /// All names.
        known: Vec<String>,
        /// What else may help.
        hint: Option<String>,
    },
    /// There is no file of that path.
    NoSuchFile(PathBuf),
    /// The file's name is no runbook's name.
    WrongName {
        /// The path.
        path: PathBuf,
        /// What is wrong with its stem.
        why: crate::model::ids::InvalidId,
    },
    /// A file cannot be read.
    File(FileError),
}

impl fmt::Display for WorkspaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |path: &PathBuf| escape_controls(&path.to_string_lossy()).into_owned();
        match self {
            Self::NoWorkingDirectory(_) => f.write_str("the working directory cannot be read"),
            Self::NoStateDirectory => f.write_str("there is no place to keep runs in"),
            Self::NoGroup(group) => write!(
                f,
                "runbook.yaml shares the state directory with the group `{group}`, which this machine does not have"
            ),
            Self::Unknown { what, written, .. } => {
                write!(f, "there is no {what} `{}`", escape_controls(written))
            }
            Self::NoSuchFile(path) => write!(f, "there is no file {}", shown(path)),
            Self::WrongName { path, why } => write!(f, "{}: {why}", shown(path)),
            Self::File(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for WorkspaceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoWorkingDirectory(error) => Some(error),
            _ => None,
        }
    }
}

impl WorkspaceError {
    /// What to do about it, one sentence each.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::NoWorkingDirectory(_) => vec!["change to a directory that exists".to_owned()],
            Self::NoStateDirectory => vec![
                "set HOME, XDG_STATE_HOME or RUNBOOK_STATE_DIR, or say `--state-dir DIR`"
                    .to_owned(),
            ],
            Self::NoGroup(_) => vec![
                "mend `state: { group: … }`, or keep runs elsewhere with `--state-dir DIR`"
                    .to_owned(),
            ],
            Self::Unknown {
                what,
                nearest,
                known,
                hint,
                ..
            } => {
                let near = nearest.iter().map(|near| format!("did you mean `{near}`?"));
                let all = match known.as_slice() {
                    [] => format!("there are no {what}s here"),
                    known => format!("the {what}s are {}", known.join(", ")),
                };
                near.chain(hint.clone()).chain([all]).collect()
            }
            Self::NoSuchFile(_) => {
                vec!["a name without `/` and `.yaml` is looked up by name".to_owned()]
            }
            Self::WrongName { .. } => vec!["rename the file".to_owned()],
            Self::File(error) => error.hint().map(str::to_owned).into_iter().collect(),
        }
    }
}

impl From<FileError> for WorkspaceError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}
