//! What the process was started in: read once, handed on, so that tests can say what it is.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use super::error::WorkspaceError;

/// The working directory, the person's directories and the environment's variables.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// The working directory, absolute.
    pub cwd: PathBuf,
    /// The person's home directory.
    pub home: Option<PathBuf>,
    /// The person's own runbooks, adapters and environments: `$XDG_CONFIG_HOME/runbook`.
    pub config_dir: Option<PathBuf>,
    /// Where runs are kept where nothing else is said: `$XDG_STATE_HOME/runbook`.
    pub state_dir: Option<PathBuf>,
    /// The environment's variables.
    pub vars: BTreeMap<OsString, OsString>,
}

impl fmt::Debug for Surroundings {
    /// The variables may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("cwd", &self.cwd)
            .field("home", &self.home)
            .finish_non_exhaustive()
    }
}

impl Surroundings {
    /// Those of this process.
    ///
    /// # Errors
    /// The working directory is gone or may not be read.
    pub fn of_this_process() -> Result<Self, WorkspaceError> {
        let cwd = std::env::current_dir().map_err(WorkspaceError::NoWorkingDirectory)?;
        Ok(Self::new(cwd, std::env::vars_os().collect()))
    }

    /// Those that follow from a working directory and variables, by the XDG base directory
    /// specification: a path there that is not absolute counts as not set.
    pub fn new(cwd: PathBuf, vars: BTreeMap<OsString, OsString>) -> Self {
        let absolute = |name: &str| {
            let path = Path::new(vars.get(OsStr::new(name))?);
            path.is_absolute().then(|| path.to_owned())
        };
        let home = absolute("HOME");
        let below_home = |name: &str, rest: &str| {
            let base = absolute(name).or_else(|| Some(home.as_ref()?.join(rest)));
            Some(base?.join("runbook"))
        };
        Self {
            config_dir: below_home("XDG_CONFIG_HOME", ".config"),
            state_dir: below_home("XDG_STATE_HOME", ".local/state"),
            cwd,
            home,
            vars,
        }
    }

    /// A variable's value; one that is empty counts as not set.
    pub fn var(&self, name: &str) -> Option<&OsStr> {
        let value = self.vars.get(OsStr::new(name))?;
        (!value.is_empty()).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(vars: &[(&str, &str)]) -> Surroundings {
        let vars = vars.iter().map(|(k, v)| (k.into(), v.into())).collect();
        Surroundings::new("/team".into(), vars)
    }

    #[test]
    fn directories_follow_the_xdg_specification() {
        let plain = with(&[("HOME", "/home/ana"), ("XDG_STATE_HOME", "relative")]);
        assert_eq!(
            plain.config_dir.unwrap(),
            Path::new("/home/ana/.config/runbook")
        );
        assert_eq!(
            plain.state_dir.unwrap(),
            Path::new("/home/ana/.local/state/runbook")
        );
        let own = with(&[("XDG_CONFIG_HOME", "/etc/xdg"), ("HOME", "")]);
        assert_eq!(own.config_dir.unwrap(), Path::new("/etc/xdg/runbook"));
        assert_eq!((own.home, own.state_dir), (None, None));
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let surroundings = with(&[("A", ""), ("B", "x")]);
        assert_eq!(surroundings.var("A"), None);
        assert_eq!(surroundings.var("B"), Some(OsStr::new("x")));
    }
}
