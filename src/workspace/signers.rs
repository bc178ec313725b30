//! Files that a policy names: whose signatures count, and which keys are revoked.
//!
//! They stand in the directory of `runbook.yaml` or below it, where the team reviews them. What
//! leads out of it is refused like a definition that does.

use std::path::{Path, PathBuf};

use super::error::FileError;
use super::load::Workspace;
use super::root::{Root, Whose, read_at_most, shown};
use crate::model::Size;
use crate::model::text::escape_controls;
use crate::spec::environment::{Environment, Policy};
use crate::spec::source::Span;
use crate::spec::{Diagnostic, Diagnostics, Environments};

/// The most that is read of a signers' file. It is kept in each run's plan.
const MOST: u64 = 1 << 20;

/// A policy's files, looked up from the directory of its `runbook.yaml`.
struct Files<'a> {
    root: Root,
    dir: &'a Path,
    cwd: &'a Path,
    environments: &'a Environments,
    found: Diagnostics,
}

impl Workspace {
    /// An environment's policy with what the files hold that it names.
    ///
    /// # Errors
    /// A file is missing, cannot be read, or is no such file; each at its place in `runbook.yaml`.
    pub(super) fn settled_policy(
        &self,
        environments: &Environments,
        environment: &Environment,
    ) -> Result<Policy, Diagnostics> {
        let mut policy = environment.policy.clone();
        let Some(signers) = &mut policy.signers else {
            return Ok(policy);
        };
        let dir = self.places().dir_of("runbook.yaml").unwrap_or_default();
        let mut files = self.files(&dir, environments);
        let places = environment.places;
        if let Some(text) = files.text(&signers.path, places.signers) {
            signers.text = text;
        }
        signers.path = files.absolute(&signers.path);
        if let Some(revoked) = &mut signers.revoked {
            files.open(revoked, places.revoked);
            *revoked = files.absolute(revoked);
        }
        match files.found.has_errors() {
            true => Err(files.found),
            false => Ok(policy),
        }
    }

    /// All that is wrong with the files that policies name. `dir` is that of the `runbook.yaml`;
    /// without one, that of the nearest.
    pub fn policy_files(&self, dir: Option<&Path>, environments: &Environments) -> Diagnostics {
        let dir = match dir {
            Some(dir) => Some(dir.to_owned()),
            None => self.places().dir_of("runbook.yaml"),
        };
        let dir = dir.unwrap_or_default();
        let mut files = self.files(&dir, environments);
        for environment in environments.environments.values() {
            let Some(signers) = &environment.policy.signers else {
                continue;
            };
            files.text(&signers.path, environment.places.signers);
            if let Some(revoked) = &signers.revoked {
                files.open(revoked, environment.places.revoked);
            }
        }
        files.found
    }

    fn files<'a>(&'a self, dir: &'a Path, environments: &'a Environments) -> Files<'a> {
        let cwd = &self.surroundings().cwd;
        Files {
            root: Root::Dir {
                whose: Whose::Project,
                path: dir.to_owned(),
                cwd: cwd.clone(),
            },
            dir,
            cwd,
            environments,
            found: Diagnostics::new(),
        }
    }
}

impl Files<'_> {
    /// The text of a file, or what is wrong with it is said.
    fn text(&mut self, path: &str, place: Span) -> Option<String> {
        let bytes = self.open(path, place)?;
        if bytes.len() as u64 > MOST {
            let most = Size::from_bytes(MOST);
            self.fail(path, place, &format!("it has more than {most}"));
            return None;
        }
        match String::from_utf8(bytes) {
            Ok(text) => Some(text),
            Err(_) => {
                self.fail(path, place, "it is not UTF-8 text");
                None
            }
        }
    }

    /// The first bytes of a file: enough to see whether it is too large.
    fn open(&mut self, path: &str, place: Span) -> Option<Vec<u8>> {
        let read = match self.root.find(path) {
            Ok(Some(real)) => read_at_most(&real, MOST + 1).map_err(|why| why.to_string()),
            Ok(None) => Err("there is no such file".to_owned()),
            Err(FileError { why, .. }) => Err(why.to_string()),
        };
        match read {
            Ok(bytes) => Some(bytes),
            Err(why) => {
                self.fail(path, place, &why);
                None
            }
        }
    }

    fn fail(&mut self, path: &str, place: Span, why: &str) {
        let shown = shown(&self.dir.join(path), self.cwd);
        let message = format!("{} cannot be used: {why}", escape_controls(&shown));
        let error = Diagnostic::error(&self.environments.source, place, message);
        let help =
            "mend the file, or take the key out of the policy; a run does not begin without it";
        self.found.push(error.code("unreadable").help(help));
    }

    /// Links are left as they are: what the file holds now is looked up when somebody approves.
    fn absolute(&self, path: &str) -> String {
        let path: PathBuf = self.dir.join(path);
        path.to_string_lossy().into_owned()
    }
}
