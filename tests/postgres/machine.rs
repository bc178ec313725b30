//! What the lab needs of the machine that it runs on.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::Command;

/// What the lab needs of the machine.
pub struct Machine {
    /// PostgreSQL's programs.
    pub bin: PathBuf,
    /// The interpreter of the team's tools: the real one, which needs no variables to be found.
    pub python: PathBuf,
    /// Who owns the data, and their ids where that is somebody else than us.
    pub owner: String,
    pub ids: Option<(u32, u32)>,
}

impl Machine {
    /// This machine. Where something is missing, nothing and a word about it: the test is skipped.
    /// In CI it fails.
    pub fn find() -> Option<Self> {
        match Self::look() {
            Ok(machine) => Some(machine),
            Err(missing) if std::env::var("CI").is_ok_and(|ci| ci == "true") => {
                panic!("{missing}; in CI this test may not be skipped")
            }
            Err(missing) => {
                let _ = writeln!(io::stderr(), "skipped: {missing}");
                None
            }
        }
    }

    fn look() -> Result<Self, String> {
        let me = said("id", &["-un"])?;
        let (owner, ids) = if me == "root" {
            // PostgreSQL refuses to run as root.
            let number = |option| {
                said("id", &[option, "postgres"])?
                    .parse()
                    .map_err(|e| format!("id {option}: {e}"))
            };
            ("postgres".to_owned(), Some((number("-u")?, number("-g")?)))
        } else {
            (me, None)
        };
        let bin =
            programs().ok_or("PostgreSQL's server programs are not installed (postgresql-15)")?;
        let python = said("python3", &["-c", "import sys; print(sys.executable)"])?;
        Ok(Self {
            bin,
            python: python.into(),
            owner,
            ids,
        })
    }

    /// A command that runs one of PostgreSQL's programs as the data's owner.
    pub fn as_owner(&self, program: &str) -> Command {
        let program = self.bin.join(program);
        let mut command = match self.ids {
            None => Command::new(program),
            Some((uid, gid)) => {
                let mut command = Command::new("setpriv");
                command.args([
                    "--reuid",
                    &uid.to_string(),
                    "--regid",
                    &gid.to_string(),
                    "--init-groups",
                ]);
                command.arg(program);
                command
            }
        };
        command.current_dir("/");
        command
    }
}

/// The directory of PostgreSQL's programs: the newest of Debian's, else what the PATH has.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut debian: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    debian.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let newest_first = debian.into_iter().rev().map(|(_, bin)| bin);
    newest_first
        .chain(std::env::split_paths(&path))
        .find(|bin| {
            ["postgres", "initdb", "pg_ctl", "psql"]
                .iter()
                .all(|program| bin.join(program).exists())
        })
}

fn said(program: &str, words: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(words)
        .output()
        .map_err(|e| format!("{program}: {e}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(format!(
            "{program} {}: {}",
            words.join(" "),
            text(&output.stderr)
        )),
    }
}
