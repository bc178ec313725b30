//! People who share a state directory, and what they do at their terminals.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::support::pty::Pty;
use crate::support::{Place, Ran, ran};

/// The group that shares the state directory. It needs no entry in `/etc/group`.
pub const TEAM: u32 = 12_345;

/// Whoever opens the run, and two others. None of them needs an account.
pub const ANA: u32 = 21_001;
pub const LI: u32 = 21_002;
pub const SAM: u32 = 21_003;

pub const TWO: &str = "name: x\ntitle: X\nsteps:\n  - id: fail_over\n    call: $DATABASE_TOOL failover --cluster main\n    gate: { confirm: Go?, approvals: 1 }\n";

/// A place whose state directory a group shares, and people who are in that group.
pub struct Team {
    pub place: Place,
    pub program: PathBuf,
}

impl Team {
    /// Nothing where the tests do not run as root: only root can be somebody else.
    pub fn new() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let place = Place::new();
        let top = place.here().parent().unwrap().to_owned();
        std::fs::set_permissions(&top, std::fs::Permissions::from_mode(0o755)).unwrap();
        // Where it was built, others may not look. Another process copies it: what another test
        // starts meanwhile would keep a file of ours open for writing.
        let program = top.join("runbook");
        let copied = Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_runbook"))
            .arg(&program)
            .status()
            .unwrap();
        assert!(copied.success());
        let state = place.state();
        place.write(
            "runbook.yaml",
            &format!(
                "environments: {{}}\nstate: {{ dir: '{}', group: '{TEAM}' }}\n",
                state.display()
            ),
        );
        place.write("x.yaml", TWO);
        drop(runbook::journal::Store::open_shared(&state, TEAM).unwrap());
        Some(Self { place, program })
    }

    /// The program, as somebody of the team.
    pub fn command(&self, uid: u32, args: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        command
            .args([format!("--reuid={uid}"), format!("--regid={TEAM}")])
            .arg("--clear-groups")
            .arg(&self.program)
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.place.here())
            .env("TERM", "xterm")
            .env("TZ", "UTC")
            .current_dir(self.place.here());
        command
    }

    /// At a terminal.
    pub fn at_terminal(&self, uid: u32, args: &[&str]) -> Pty {
        Pty::of(&self.command(uid, args))
    }

    /// Without one: a session of its own.
    pub fn run(&self, uid: u32, args: &[&str]) -> Ran {
        let inner = self.command(uid, args);
        let mut command = Command::new("setsid");
        command
            .arg("--wait")
            .arg(inner.get_program())
            .args(inner.get_args());
        command.env_clear().current_dir(self.place.here());
        for (name, value) in inner.get_envs() {
            command.env(name, value.unwrap());
        }
        command.stdin(std::process::Stdio::null());
        ran(command.output().unwrap())
    }

    /// A run of Ana's that waits for somebody else.
    pub fn waiting(&self) -> (Pty, String) {
        let mut session = self.at_terminal(ANA, &["run", "./x.yaml"]);
        session.expect("Go?");
        session.expect("> ");
        session.line("y");
        session.expect("more must approve");
        session.expect("> ");
        (session, self.id())
    }

    /// The same, parked.
    pub fn parked(&self) -> String {
        let (mut session, id) = self.waiting();
        session.line("p");
        session.exits(75);
        id
    }

    pub fn id(&self) -> String {
        let runs = self.place.runs();
        runs[0].file_name().unwrap().to_str().unwrap().to_owned()
    }
}

/// What only root can try is left out elsewhere, and said to be.
#[allow(
    clippy::print_stderr,
    reason = "whoever runs the tests is to know what they left out"
)]
pub fn team() -> Option<Team> {
    let team = Team::new();
    if team.is_none() {
        eprintln!("left out: it takes other users, and the tests do not run as root");
    }
    team
}

/// What a person says at their own terminal.
#[track_caller]
pub fn says(team: &Team, uid: u32, args: &[&str], typed: &str, code: i32) -> String {
    let mut session = team.at_terminal(uid, args);
    let mut seen = session.expect("> ");
    session.line(typed);
    seen.push_str(&session.rest());
    session.exits(code);
    seen
}
