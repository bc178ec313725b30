//! Definitions by their names: found, read, and no more of them than is needed.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;

use super::error::{FileError, WorkspaceError};
use super::find::Places;
use super::root::{Origin, Text, read_file, shown};
use super::surroundings::Surroundings;
use super::uses::{Uses, each_step};
use crate::model::ids::{RunbookName, ScenarioName, ToolName};
use crate::model::suggest::nearest;
use crate::spec::step::{Does, Runbook};
use crate::spec::{Contract, Diagnostic, Diagnostics, Source, Span, runbook, yaml};

/// What can be found from a working directory.
#[derive(Clone, Debug)]
pub struct Workspace {
    places: Places,
    surroundings: Surroundings,
}

/// A runbook with the file it was read from.
pub type Defined = (Arc<Source>, Runbook);

/// A runbook with all that it needs to be checked and planned.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The runbook that was asked for.
    pub name: RunbookName,
    /// Where it comes from.
    pub origin: Origin,
    /// It and what it includes; the first is the one that was asked for. One that has errors is
    /// missing, and `diagnostics` says why.
    pub runbooks: IndexMap<RunbookName, Defined>,
    /// The contracts of the tools that they use.
    pub contracts: IndexMap<ToolName, Contract>,
    /// All that was found while reading.
    pub diagnostics: Diagnostics,
}

impl Loaded {
    /// What the runbooks ask of their surroundings.
    pub fn uses(&self) -> Uses {
        Uses::of(self.runbooks.values(), &self.contracts)
    }

    /// The text of the runbook that was asked for, exactly as it was parsed: what a run freezes.
    /// Reading the file again could give another one. Nothing where it has errors.
    pub fn text(&self) -> Option<&str> {
        let (source, _) = self.runbooks.get(&self.name)?;
        Some(&source.text)
    }
}

impl Workspace {
    /// What can be found from here. Nothing is read yet but directories upward.
    pub fn open(surroundings: &Surroundings) -> Self {
        Self {
            places: Places::seen_from(surroundings),
            surroundings: surroundings.clone(),
        }
    }

    /// What it is seen from.
    pub fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    pub(super) fn places(&self) -> &Places {
        &self.places
    }

    /// All runbooks by name, sorted, with the place that each is read from. Nothing is parsed.
    pub fn runbook_names(&self) -> Vec<(RunbookName, Origin)> {
        let (stems, _) = self.places.stems("runbooks");
        let named = |(stem, origin): (String, Origin)| Some((stem.parse().ok()?, origin));
        stems.into_iter().filter_map(named).collect()
    }

    /// A runbook's name and text. `written` is a name, or a path where it holds a `/` or ends in
    /// `.yaml`. A path is the person's own word, so links in it are followed.
    ///
    /// # Errors
    /// There is none of that name or path, or its file cannot be read.
    pub fn runbook_text(&self, written: &str) -> Result<(RunbookName, Text), WorkspaceError> {
        if written.contains('/') || written.ends_with(".yaml") {
            return self.runbook_at(Path::new(written));
        }
        let unknown = || self.unknown_runbook(written);
        let name: RunbookName = written.parse().map_err(|_| unknown())?;
        let text = self.places.read(&format!("runbooks/{name}.yaml"))?;
        Ok((name, text.ok_or_else(unknown)?))
    }

    fn runbook_at(&self, written: &Path) -> Result<(RunbookName, Text), WorkspaceError> {
        let path = self.surroundings.cwd.join(written);
        let wrong_name = |why| WorkspaceError::WrongName {
            path: written.to_owned(),
            why,
        };
        if !path.exists() {
            return Err(WorkspaceError::NoSuchFile(written.to_owned()));
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let shown = shown(&path, &self.surroundings.cwd);
        let bytes = read_file(&path).map_err(|why| FileError {
            path: shown.clone(),
            why,
        })?;
        let name = stem.parse().map_err(wrong_name)?;
        let text = Text {
            shown,
            origin: Origin::Project(path),
            bytes: bytes.into(),
        };
        Ok((name, text))
    }

    fn unknown_runbook(&self, written: &str) -> WorkspaceError {
        let names = self.runbook_names();
        let names = names.iter().map(|(name, _)| name.as_str());
        let (other_ending, _) = self.places.names("runbooks");
        let file = format!("{written}.yml");
        let hint = other_ending
            .iter()
            .any(|(name, _)| *name == file)
            .then(|| format!("runbooks end in `.yaml`: rename {file}"));
        unknown("runbook", written, names, hint)
    }

    /// The bytes of a runbook's file, to be printed or copied; what a run freezes is
    /// [`Loaded::text`].
    ///
    /// # Errors
    /// As [`Workspace::runbook_text`].
    pub fn runbook_bytes(&self, written: &str) -> Result<Vec<u8>, WorkspaceError> {
        let (_, text) = self.runbook_text(written)?;
        Ok(text.bytes.into_owned())
    }

    /// One runbook by itself, and all that is wrong with its file.
    ///
    /// # Errors
    /// As [`Workspace::runbook_text`].
    pub fn runbook(&self, written: &str) -> Result<(Option<Defined>, Diagnostics), WorkspaceError> {
        let (name, text) = self.runbook_text(written)?;
        let mut found = Diagnostics::new();
        let read = read_runbook(&name, &text, &mut found);
        Ok((read, found))
    }

    /// A runbook with what it includes and the contracts of the tools that they use; nothing else
    /// is read.
    ///
    /// # Errors
    /// As [`Workspace::runbook_text`]. What is wrong with files is in [`Loaded::diagnostics`].
    pub fn load_with_includes(&self, written: &str) -> Result<Loaded, WorkspaceError> {
        let (name, text) = self.runbook_text(written)?;
        let mut found = Diagnostics::new();
        let mut runbooks = IndexMap::new();
        if let Some(read) = read_runbook(&name, &text, &mut found) {
            runbooks.insert(name.clone(), read);
        }
        let mut tried = HashSet::from([name.clone()]);
        let mut at = 0;
        // What is included is appended, so that the list is walked until nothing new comes.
        while let Some((_, (source, runbook))) = runbooks.get_index(at) {
            let mut wanted = Vec::new();
            each_step(runbook, &mut |step| {
                if let Does::Include(include) = &step.does
                    && tried.insert(include.runbook.value.clone())
                {
                    wanted.push(include.runbook.clone());
                }
            });
            let source = Arc::clone(source);
            for include in wanted {
                if found.left_out() > 0 {
                    // A hostile file could name many thousands that do not exist.
                    break;
                }
                let read = self.included(&include.value, &source, include.span, &mut found);
                runbooks.extend(read.map(|read| (include.value, read)));
            }
            at += 1;
        }
        let contracts = self.contracts_used(&runbooks, &mut found);
        Ok(Loaded {
            name,
            origin: text.origin,
            runbooks,
            contracts,
            diagnostics: found,
        })
    }

    fn included(
        &self,
        name: &RunbookName,
        source: &Arc<Source>,
        place: Span,
        found: &mut Diagnostics,
    ) -> Option<Defined> {
        match self.runbook_text(name.as_str()) {
            Ok((name, text)) => read_runbook(&name, &text, found),
            Err(WorkspaceError::File(error)) => {
                found.push(error.diagnostic());
                None
            }
            Err(error) => {
                let diagnostic = Diagnostic::error(source, place, error.to_string());
                let hints = error.hints().into_iter();
                let diagnostic = hints.fold(diagnostic, Diagnostic::help);
                found.push(diagnostic.code("unknown-runbook"));
                None
            }
        }
    }

    /// The scenarios of the simulated production by name, sorted.
    pub fn scenario_names(&self) -> Vec<(ScenarioName, Origin)> {
        let (stems, _) = self.places.stems(SCENARIOS);
        let named = |(stem, origin): (String, Origin)| Some((stem.parse().ok()?, origin));
        stems.into_iter().filter_map(named).collect()
    }

    /// A scenario's text.
    ///
    /// # Errors
    /// There is none of that name, or its file cannot be read.
    pub fn scenario_text(&self, name: &ScenarioName) -> Result<Text, WorkspaceError> {
        let text = self.places.read(&format!("{SCENARIOS}/{name}.yaml"))?;
        text.ok_or_else(|| {
            let names = self.scenario_names();
            let names = names.iter().map(|(name, _)| name.as_str());
            unknown("scenario", name.as_str(), names, None)
        })
    }
}

const SCENARIOS: &str = "adapters/sandbox/scenarios";

fn read_runbook(name: &RunbookName, text: &Text, found: &mut Diagnostics) -> Option<Defined> {
    match yaml::read(&text.shown, &text.bytes) {
        Err(errors) => {
            found.extend(errors);
            None
        }
        Ok((source, root)) => {
            let (read, diagnostics) = runbook::runbook(&source, &root, Some(name.as_str()));
            found.merge(diagnostics);
            read.map(|runbook| (source, runbook))
        }
    }
}

fn unknown<'a>(
    what: &'static str,
    written: &str,
    known: impl Iterator<Item = &'a str>,
    hint: Option<String>,
) -> WorkspaceError {
    let known: Vec<&str> = known.collect();
    WorkspaceError::Unknown {
        what,
        written: written.to_owned(),
        nearest: nearest(written, known.iter().copied()).map(str::to_owned),
        known: known.into_iter().map(str::to_owned).collect(),
        hint,
    }
}
