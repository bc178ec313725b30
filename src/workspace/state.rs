//! Where runs are kept.

use std::fmt;
use std::path::{Path, PathBuf};

use super::error::WorkspaceError;
use super::surroundings::Surroundings;
use crate::model::ids::AccountGroup;
use crate::spec::environment::SharedState;

/// The variable that names the state directory.
pub const STATE_DIR: &str = "RUNBOOK_STATE_DIR";

/// A state directory, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatePlace {
    /// Where it is.
    pub path: PathBuf,
    /// The group that shares it; none where it is this user's alone.
    pub group: Option<Sharers>,
    /// What named it.
    pub by: NamedBy,
}

/// The group that shares a state directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sharers {
    /// As `runbook.yaml` has it.
    pub name: AccountGroup,
    /// Its number on this machine.
    pub gid: u32,
}

/// What named a state directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// `--state-dir`.
    Flag,
    /// `RUNBOOK_STATE_DIR`.
    Variable,
    /// The team's `runbook.yaml`.
    Team,
    /// Nothing: it is this user's own.
    Default,
}

impl fmt::Display for NamedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "named by --state-dir",
            Self::Variable => "named by RUNBOOK_STATE_DIR",
            Self::Team => "named by `state` in runbook.yaml",
            Self::Default => "your own, as nothing names another",
        })
    }
}

/// The state directory: `--state-dir`, else `RUNBOOK_STATE_DIR`, else the one that the team shares,
/// else `$XDG_STATE_HOME/runbook`, else `~/.local/state/runbook`. Relative paths are taken from the
/// working directory.
///
/// # Errors
/// None of these is known, or the team's group is not known on this machine.
pub fn state_dir(
    flag: Option<&Path>,
    shared: Option<&SharedState>,
    surroundings: &Surroundings,
) -> Result<StatePlace, WorkspaceError> {
    let flag = flag.filter(|path| !path.as_os_str().is_empty());
    let variable = surroundings.var(STATE_DIR).map(Path::new);
    let named = flag
        .map(|path| (path, NamedBy::Flag))
        .or_else(|| variable.map(|path| (path, NamedBy::Variable)))
        .map(|(path, by)| (surroundings.cwd.join(path), by));
    match (named, shared) {
        (Some((path, by)), Some(shared)) if path == shared.dir => place(shared, by),
        (Some((path, by)), _) => Ok(own(path, by)),
        (None, Some(shared)) => place(shared, NamedBy::Team),
        (None, None) => surroundings
            .state_dir
            .clone()
            .map(|path| own(path, NamedBy::Default))
            .ok_or(WorkspaceError::NoStateDirectory),
    }
}

fn own(path: PathBuf, by: NamedBy) -> StatePlace {
    StatePlace {
        path,
        group: None,
        by,
    }
}

fn place(shared: &SharedState, by: NamedBy) -> Result<StatePlace, WorkspaceError> {
    let groups = std::fs::read(GROUPS).unwrap_or_default();
    let gid = gid(&String::from_utf8_lossy(&groups), &shared.group)
        .ok_or_else(|| WorkspaceError::NoGroup(shared.group.clone()))?;
    Ok(StatePlace {
        path: shared.dir.clone(),
        group: Some(Sharers {
            name: shared.group.clone(),
            gid,
        }),
        by,
    })
}

/// What this machine calls a group.
pub fn group_name(gid: u32) -> Option<String> {
    let groups = std::fs::read(GROUPS).unwrap_or_default();
    name(&String::from_utf8_lossy(&groups), gid)
}

fn name(groups: &str, gid: u32) -> Option<String> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(gid)).then(|| name.to_owned())
    })
}

/// The groups of this machine (group(5)).
const GROUPS: &str = "/etc/group";

/// A group's number: a name goes before a number.
fn gid(groups: &str, group: &AccountGroup) -> Option<u32> {
    let named = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (name == group.as_str()).then(|| number.parse().ok())?
    });
    named.or_else(|| group.as_str().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_counts() {
        let of = |flag: Option<&str>, vars: &[(&str, &str)]| {
            let vars = vars.iter().map(|(k, v)| (k.into(), v.into())).collect();
            let surroundings = Surroundings::new("/team".into(), vars);
            state_dir(flag.map(Path::new), None, &surroundings).map(|place| place.path)
        };
        let all = [
            ("RUNBOOK_STATE_DIR", "/runs"),
            ("XDG_STATE_HOME", "/state"),
            ("HOME", "/home/ana"),
        ];
        assert_eq!(of(Some("here"), &all).unwrap(), Path::new("/team/here"));
        assert_eq!(of(None, &all).unwrap(), Path::new("/runs"));
        assert_eq!(of(None, &all[1..]).unwrap(), Path::new("/state/runbook"));
        assert_eq!(
            of(None, &all[2..]).unwrap(),
            Path::new("/home/ana/.local/state/runbook")
        );
        let error = of(None, &[("RUNBOOK_STATE_DIR", "")]).unwrap_err();
        assert!(error.hints()[0].contains("set HOME"), "{error}");
    }

    #[test]
    fn what_the_team_shares_goes_before_ones_own_and_after_what_is_named() {
        let shared = SharedState {
            dir: "/var/lib/runs".into(),
            group: "12345".parse().unwrap(),
        };
        let of = |flag: Option<&str>| {
            let vars = [("HOME".into(), "/home/ana".into())].into();
            let surroundings = Surroundings::new("/team".into(), vars);
            state_dir(flag.map(Path::new), Some(&shared), &surroundings).unwrap()
        };
        let theirs = |by| StatePlace {
            path: "/var/lib/runs".into(),
            group: Some(Sharers {
                name: shared.group.clone(),
                gid: 12345,
            }),
            by,
        };
        assert_eq!(of(None), theirs(NamedBy::Team));
        // The same directory is shared, by whichever way it is named.
        assert_eq!(of(Some("/var/lib/runs")), theirs(NamedBy::Flag));
        assert_eq!(of(Some("/elsewhere")).group, None);
    }

    #[test]
    fn a_group_is_found_by_its_name_or_its_number() {
        let groups = "# comment\nroot:x:0:\noncall:x:2000:ana,li\n77:x:2001:\nbroken\n";
        let of = |name: &str| gid(groups, &name.parse().unwrap());
        assert_eq!(of("oncall"), Some(2000));
        assert_eq!(of("2000"), Some(2000));
        assert_eq!(of("77"), Some(2001));
        assert_eq!(of("nobody-has-this"), None);
        assert_eq!(name(groups, 2000).as_deref(), Some("oncall"));
        assert_eq!(name(groups, 1), None);
    }
}
