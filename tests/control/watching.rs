//! Looking at a run from elsewhere, and what a group shares.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use crate::support::ran;
use crate::team::{ANA, LI, SAM, TEAM, says, team};

#[test]
fn a_run_is_watched_to_its_end() {
    let Some(team) = team() else { return };
    let (mut operator, id) = team.waiting();
    let mut watching = team.at_terminal(LI, &["watch", &id]);
    watching.expect(&format!("is driven by {ANA}"));
    watching.expect(&format!("runbook approve {id} fail_over"));
    says(&team, LI, &["approve", &id], "y", 0);
    watching.expect("audit verify");
    watching.exits(0);
    operator.expect("audit verify");
    operator.exits(0);
    // Looking at what is over shows all of it, byte for byte where it is asked for.
    let json = team.run(SAM, &["watch", &id, "--json"]);
    json.exits(0);
    let journal = std::fs::read_to_string(team.place.journal()).unwrap();
    assert_eq!(json.stdout.trim_end(), journal.trim_end());
}

#[test]
fn who_watches_learns_that_the_process_is_gone() {
    let Some(team) = team() else { return };
    let (mut operator, id) = team.waiting();
    let mut watching = team.at_terminal(LI, &["watch", &id]);
    watching.expect(&format!("runbook approve {id} fail_over"));
    let killed = Command::new("kill")
        .args(["-KILL", &team.place.held_by()])
        .status();
    assert!(killed.unwrap().success());
    operator.exits(137);
    watching.expect(&format!("runbook resume {id}"));
    watching.exits(75);
    // What it left behind keeps nobody from the run: others still act on it.
    says(&team, LI, &["approve", &id], "y", 0);
    let mut operator = team.at_terminal(ANA, &["resume", &id]);
    operator.expect("audit verify");
    operator.exits(0);
}

#[test]
fn what_a_group_shares_is_the_groups_and_nobody_elses() {
    let Some(team) = team() else { return };
    let (mut operator, id) = team.waiting();
    let socket = team.place.runs()[0].join("control");
    let metadata = std::fs::symlink_metadata(&socket).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o660);
    operator.line("p");
    operator.exits(75);
    assert!(!socket.exists(), "it goes with its process");
    modes(&team.place.state());
    // Somebody who is not of the group.
    let stranger = Command::new("setpriv")
        .args(["--reuid=21009", "--regid=21009", "--clear-groups"])
        .arg(&team.program)
        .args(["runs"])
        .env_clear()
        .current_dir(team.place.here())
        .output()
        .unwrap();
    let stranger = ran(stranger);
    stranger.exits(74);
    stranger.never_says(&id);
}

/// All that is kept is the group's, with the modes that it has: 2770, 0660.
fn modes(dir: &Path) {
    use std::os::unix::fs::MetadataExt;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        assert_eq!(metadata.gid(), TEAM, "{}", path.display());
        let mode = metadata.mode() & 0o7777;
        let wanted = if metadata.is_dir() { 0o2770 } else { 0o660 };
        assert_eq!(mode, wanted, "{} has {mode:o}", path.display());
        if metadata.is_dir() {
            modes(&path);
        }
    }
}
