//! `runbook init`: a first runbook.yaml, and what is built in, to be edited.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::args::InitArgs;
use super::context::Context;
use super::exit::{CliError, Exit};
use crate::model::text::escape_controls;
use crate::workspace::embedded_files;

/// What a new team's file holds. It passes `runbook check` as it stands.
const ENVIRONMENTS: &str = include_str!("init/runbook.yaml");

/// How many of the files that are in the way are named.
const NAMED: usize = 10;

/// `runbook init`
pub fn init(context: &Context, args: &InitArgs) -> Result<Exit, CliError> {
    let here = &context.surroundings.cwd;
    let mut files = vec![("runbook.yaml".to_owned(), ENVIRONMENTS.as_bytes())];
    let wanted = |path: &str| {
        (args.runbooks && path.starts_with("runbooks/"))
            || (args.adapters && path.starts_with("adapters/"))
    };
    files.extend(
        embedded_files()
            .into_iter()
            .filter(|(path, _)| wanted(path)),
    );
    let there = files.iter().map(|(path, _)| path.as_str());
    // A link that leads nowhere is there too.
    let there: Vec<&str> = there
        .filter(|path| fs::symlink_metadata(here.join(path)).is_ok())
        .collect();
    if !there.is_empty() {
        return Err(in_the_way(&there));
    }
    let mut written = Written::default();
    for (path, bytes) in &files {
        if let Err(error) = written.write(here, path, bytes) {
            written.take_back();
            let path = escape_controls(path).into_owned();
            return Err(match error.kind() {
                io::ErrorKind::AlreadyExists => in_the_way(&[&path]),
                _ => CliError::usage(format!("{path} cannot be written: {error}; nothing was")),
            });
        }
    }
    let screen = &context.screen;
    screen.say("written: runbook.yaml, with what each part of it is for");
    let count = |folder: &str| {
        files
            .iter()
            .filter(|(path, _)| path.starts_with(folder))
            .count()
    };
    for folder in ["runbooks/", "adapters/"] {
        if count(folder) > 0 {
            screen.say(&format!("written: {folder}, {} files", count(folder)));
        }
    }
    screen.say("Edit it, then:");
    for command in [
        "runbook check",
        "runbook tools -e staging",
        "runbook doctor -e staging",
    ] {
        screen.say(&format!("  {command}"));
    }
    Ok(Exit::Done)
}

fn in_the_way(there: &[&str]) -> CliError {
    let mut named = there
        .iter()
        .take(NAMED)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    if there.len() > NAMED {
        named.push_str(&format!(" and {} more", there.len() - NAMED));
    }
    CliError::usage_help(
        format!("nothing was written, for this is there already: {named}"),
        "go to another directory, or move it away first",
    )
}

/// What was made so far, to be taken away again where not all of it can be.
#[derive(Default)]
struct Written {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Written {
    fn write(&mut self, here: &Path, path: &str, bytes: &[u8]) -> io::Result<()> {
        let path = here.join(path);
        let above: Vec<&Path> = path.ancestors().skip(1).collect();
        for folder in above
            .into_iter()
            .rev()
            .filter(|folder| folder.starts_with(here))
        {
            match fs::create_dir(folder) {
                Ok(()) => self.folders.push(folder.to_owned()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)?;
        self.files.push(path);
        file.write_all(bytes)
    }

    /// What cannot be removed either stays; that there was an error is told in any case.
    fn take_back(&self) {
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        for folder in self.folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}
