//! Directories as people have them, and what is found there.

mod find;
mod links;
mod list;
mod shipped;
mod signers;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Surroundings, Workspace};

/// A team's directory and a person's, empty.
pub(super) struct Desk {
    dir: TempDir,
    vars: Vec<(String, String)>,
}

impl Desk {
    pub(super) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir_all(dir.path().join("team/deep/down")).unwrap();
        fs::create_dir_all(dir.path().join("home/.config/runbook")).unwrap();
        Self {
            dir,
            vars: Vec::new(),
        }
    }

    pub(super) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    /// Writes a file of the team.
    pub(super) fn team(self, path: &str, text: &str) -> Self {
        self.write(&format!("team/{path}"), text)
    }

    /// Writes a file of the person.
    pub(super) fn user(self, path: &str, text: &str) -> Self {
        self.write(&format!("home/.config/runbook/{path}"), text)
    }

    pub(super) fn write(self, path: &str, text: &str) -> Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// A link to somewhere.
    pub(super) fn link(self, path: &str, to: impl AsRef<Path>) -> Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(to, path).unwrap();
        self
    }

    pub(super) fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What is seen from the team's directory.
    pub(super) fn workspace(&self) -> Workspace {
        self.seen_from("team")
    }

    pub(super) fn seen_from(&self, cwd: &str) -> Workspace {
        let home = self.path("home").into_os_string();
        let vars = self.vars.iter().map(|(k, v)| (k.into(), v.into()));
        let vars = vars.chain([("HOME".into(), home)]).collect();
        Workspace::open(&Surroundings::new(self.path(cwd), vars))
    }
}

/// A runbook with these steps.
pub(super) fn runbook(name: &str, steps: &str) -> String {
    format!("name: {name}\ntitle: About {name}\nsteps:\n{steps}")
}

/// A step that a person does.
pub(super) const MANUAL: &str = "  - manual: Look\n";
