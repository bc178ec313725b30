//! `runbook check`: runbooks, contracts, adapters, scenarios and environments.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde_json::json;

use super::args::CheckArgs;
use super::context::Context;
use super::exit::{CliError, Exit};
use super::prepare::checked;
use super::run::pretty;
use crate::model::ids::RunbookName;
use crate::sandbox::Scenario;
use crate::spec::adapter::{FilePath, Files};
use crate::spec::{Contract, Diagnostics, adapter, contract, environment};
use crate::workspace::Defined;

/// What was looked at, and what was found.
#[derive(Default)]
struct Checked {
    files: usize,
    found: Diagnostics,
    /// What has no place in a file: said as it is.
    plain: Vec<String>,
    /// The runbooks, each once.
    runbooks: IndexMap<RunbookName, Defined>,
}

/// `runbook check`
pub fn check(context: &Context, args: &CheckArgs) -> Result<Exit, CliError> {
    let mut checked = Checked::default();
    if args.paths.is_empty() {
        everything(context, &mut checked)?;
    }
    for path in &args.paths {
        at(context, path, &mut checked)?;
    }
    approvers(context, &mut checked);
    tell(context, args, &checked)
}

fn tell(context: &Context, args: &CheckArgs, checked: &Checked) -> Result<Exit, CliError> {
    let screen = &context.screen;
    let errors = checked.found.errors() + checked.plain.len();
    let warnings = checked.found.warnings();
    if args.json {
        screen.print(&pretty(&json!({
            "version": 1,
            "files": checked.files,
            "errors": errors,
            "warnings": warnings,
            "findings": checked.found.to_json(),
            "others": checked.plain,
        })));
    } else {
        if !checked.found.is_empty() {
            screen.say(&checked.found.render(screen.err.color, screen.err.width));
        }
        for message in &checked.plain {
            screen.error(message, &[]);
        }
        let files = count(checked.files, "file");
        match (errors, warnings) {
            (0, 0) => screen.print(&format!("{files} checked: nothing wrong")),
            _ => screen.print(&format!(
                "{files} checked: {}, {}",
                count(errors, "error"),
                count(warnings, "warning")
            )),
        }
    }
    Ok(if errors == 0 { Exit::Done } else { Exit::Usage })
}

fn count(n: usize, what: &str) -> String {
    match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

/// Everything that a run started here could use.
fn everything(context: &Context, checked: &mut Checked) -> Result<(), CliError> {
    let workspace = &context.workspace;
    for entry in workspace.entries() {
        checked.files += 1;
        match entry.broken {
            Some(broken) => checked.found.merge(broken),
            None => one_runbook(context, &entry.name, checked)?,
        }
    }
    let (contracts, found) = workspace.contracts();
    checked.files += contracts.len();
    checked.found.merge(found);
    for contract in contracts.values() {
        let (adapters, found) = workspace.adapters(contract);
        checked.files += adapters.len();
        checked.found.merge(found);
    }
    for (name, _) in workspace.scenario_names() {
        checked.files += 1;
        let text = workspace.scenario_text(&name)?;
        scenario(&text.shown, &text.bytes, checked);
    }
    let (environments, found) = workspace.environments();
    checked.files += usize::from(environments.is_some());
    checked.found.merge(found);
    if let Some(environments) = environments {
        let files = workspace.policy_files(None, &environments);
        checked.found.merge(files);
    }
    Ok(())
}

fn one_runbook(context: &Context, name: &str, checked: &mut Checked) -> Result<(), CliError> {
    let loaded = context.workspace.load_with_includes(name)?;
    let complete = !loaded.diagnostics.has_errors();
    checked.found.merge(loaded.diagnostics.clone());
    if complete {
        checked.found.merge(self::checked(&loaded));
    }
    checked.runbooks.extend(loaded.runbooks);
    Ok(())
}

/// Whether there are people in each environment whom the runbooks may ask. What is wrong with the
/// environments themselves is said where they are checked.
fn approvers(context: &Context, checked: &mut Checked) {
    if let (Some(environments), _) = context.workspace.environments() {
        let runbooks = checked.runbooks.values().map(|(_, runbook)| runbook);
        let found = environment::hold_against(&environments, runbooks);
        checked.found.merge(found);
    }
}

fn scenario(name: &str, bytes: &[u8], checked: &mut Checked) {
    if let Err(error) = Scenario::read(&String::from_utf8_lossy(bytes)) {
        checked.plain.push(format!("{name}: {error}"));
    }
}

/// One file, or all files below a directory.
fn at(context: &Context, path: &Path, checked: &mut Checked) -> Result<(), CliError> {
    let full = context.surroundings.cwd.join(path);
    let meta = std::fs::metadata(&full)
        .map_err(|e| CliError::usage(format!("{} cannot be read: {e}", path.display())))?;
    if meta.is_dir() {
        for file in yaml_files(&full)? {
            one_file(context, &file, checked)?;
        }
        return Ok(());
    }
    one_file(context, &full, checked)
}

fn yaml_files(dir: &Path) -> Result<Vec<PathBuf>, CliError> {
    let unreadable =
        |e: std::io::Error| CliError::usage(format!("{} cannot be read: {e}", dir.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            files.extend(yaml_files(&path)?);
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What a file is follows from where it stands.
fn one_file(context: &Context, path: &Path, checked: &mut Checked) -> Result<(), CliError> {
    checked.files += 1;
    let shown = path
        .strip_prefix(&context.surroundings.cwd)
        .unwrap_or(path)
        .display()
        .to_string();
    let part = |n: usize| {
        let name = path.iter().rev().nth(n);
        name.map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    match (part(0).as_str(), part(1).as_str(), part(2).as_str()) {
        ("runbook.yaml", ..) => {
            let read = environment::read(&shown, &read(path)?, &mut checked.found);
            if let Some(environments) = read {
                let files = context.workspace.policy_files(path.parent(), &environments);
                checked.found.merge(files);
            }
        }
        ("contract.yaml", _, "adapters") => {
            contract::read(&shown, &read(path)?, &mut checked.found);
        }
        (_, "scenarios", "sandbox") => scenario(&shown, &read(path)?, checked),
        (_, _, "adapters") => {
            let contract = path.with_file_name("contract.yaml");
            let bytes = read(&contract)?;
            let name = contract.display().to_string();
            let contract: Option<Contract> = contract::read(&name, &bytes, &mut Diagnostics::new());
            match contract {
                Some(contract) => {
                    let beside = Beside(path.parent().unwrap_or(path));
                    let bytes = read(path)?;
                    adapter::read(&shown, &bytes, &contract, &beside, &mut checked.found);
                }
                None => checked.plain.push(format!(
                    "{shown}: its contract {name} has errors of its own"
                )),
            }
        }
        _ => one_runbook(context, &path.display().to_string(), checked)?,
    }
    Ok(())
}

/// The files beside an adapter that is named by its path.
struct Beside<'a>(&'a Path);

impl Files for Beside<'_> {
    fn read(&self, file: &FilePath) -> Result<Option<Cow<'static, [u8]>>, String> {
        let path = self.0.join(file.to_string());
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(format!("{} cannot be read: {e}", path.display())),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path)
        .map_err(|e| CliError::usage(format!("{} cannot be read: {e}", path.display())))
}
