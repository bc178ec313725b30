//! What the tests of the binary share: an environment of their own, and the program in it.
#![allow(dead_code, reason = "each test file uses another part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

pub mod pty;

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use runbook::call::Simulation;
use runbook::sandbox::World;

/// A place where the program sees nothing but what the test gives it.
pub struct Place {
    dir: tempfile::TempDir,
    vars: Vec<(String, String)>,
}

/// What came of the program.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; 128 and the signal's number where one ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Place {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("runbook-test")
            .tempdir()
            .unwrap();
        std::fs::create_dir(dir.path().join("here")).unwrap();
        Self {
            dir,
            vars: Vec::new(),
        }
    }

    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Where the program stands.
    pub fn here(&self) -> PathBuf {
        self.dir.path().join("here")
    }

    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Writes a file below where the program stands.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.here().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The program, without a terminal: a session of its own, nothing to read.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("setsid");
        command
            .arg("--wait")
            .arg(env!("CARGO_BIN_EXE_runbook"))
            .args(args)
            .stdin(Stdio::null());
        self.surround(&mut command);
        command
    }

    /// Lets a command see this place, and nothing else.
    pub fn surround(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path())
            .env("TZ", "UTC")
            .env("RUNBOOK_STATE_DIR", self.state())
            .current_dir(self.here());
        for (name, value) in &self.vars {
            command.env(name, value);
        }
    }

    /// A FIFO below where the program stands. Opening it for writing waits for a step to read it.
    pub fn fifo(&self, name: &str) -> PathBuf {
        let path = self.here().join(name);
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        path
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        ran(self.command(args).output().unwrap())
    }

    /// The same with one more variable.
    pub fn run_with(&self, name: &str, value: &str, args: &[&str]) -> Ran {
        ran(self.command(args).env(name, value).output().unwrap())
    }

    /// The directories of all runs, in the order of their names.
    pub fn runs(&self) -> Vec<PathBuf> {
        entries(&self.state().join("runs"))
    }

    /// The only run's journal.
    pub fn journal(&self) -> PathBuf {
        let runs = self.runs();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].join("journal.jsonl")
    }

    /// The process that holds the only run.
    pub fn held_by(&self) -> String {
        let holder = std::fs::read_to_string(self.runs()[0].join("holder")).unwrap();
        let holder: serde_json::Value = serde_json::from_str(&holder).unwrap();
        holder["pid"].to_string()
    }

    /// The kinds of a journal's records, in order.
    pub fn kinds(&self) -> Vec<String> {
        self.records()
            .iter()
            .map(|record| record["kind"].as_str().unwrap().to_owned())
            .collect()
    }

    /// A journal's records.
    pub fn records(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.journal()).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// All simulated productions, as they stand.
    pub fn worlds(&self) -> Vec<World> {
        entries(&self.state().join("worlds"))
            .into_iter()
            .filter(|path| path.extension().is_some_and(|e| e == "json"))
            .map(|path| Simulation::open(path).world().unwrap())
            .collect()
    }

    /// The only simulated production, as it stands.
    pub fn world(&self) -> World {
        let mut worlds = self.worlds();
        assert_eq!(worlds.len(), 1);
        worlds.remove(0)
    }
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = match std::fs::read_dir(dir) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => Vec::new(),
    };
    entries.sort();
    entries
}

pub fn ran(output: Output) -> Ran {
    Ran {
        code: output
            .status
            .code()
            .or(output.status.signal().map(|n| 128 + n)),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Ran {
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        let all = format!("{}\n{}", self.stdout, self.stderr);
        // Text is broken to the width of the screen: where the breaks are does not matter.
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat(&all).contains(&flat(text)), "no `{text}` in:\n{all}");
        self
    }

    #[track_caller]
    pub fn never_says(&self, text: &str) -> &Self {
        let all = format!("{}\n{}", self.stdout, self.stderr);
        assert!(!all.contains(text), "`{text}` in:\n{all}");
        self
    }
}

/// A command as of somebody who logged in with this uid and is root since, as `sudo` makes them.
/// Only where root runs the tests: nobody else can say who logged in.
pub fn logged_in(uid: u32, inner: &Command) -> Command {
    let mut command = Command::new("sh");
    let script = "echo \"$0\" > /proc/self/loginuid; exec \"$@\"";
    command
        .args(["-c", script])
        .arg(uid.to_string())
        .arg(inner.get_program())
        .args(inner.get_args())
        .env_clear();
    for (name, value) in inner.get_envs() {
        command.env(name, value.unwrap());
    }
    if let Some(dir) = inner.get_current_dir() {
        command.current_dir(dir);
    }
    command
}

/// Somebody whom the kernel knows: whoever runs the tests, logged in if that is root.
pub fn known(inner: Command) -> Command {
    match rustix::process::geteuid().is_root() {
        true => logged_in(4241, &inner),
        false => inner,
    }
}
