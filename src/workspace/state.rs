//! Where runs are kept.

use std::path::{Path, PathBuf};

use super::error::WorkspaceError;
use super::surroundings::Surroundings;

/// The variable that names the state directory.
pub const STATE_DIR: &str = "RUNBOOK_STATE_DIR";

/// The state directory: `--state-dir`, else `RUNBOOK_STATE_DIR`, else `$XDG_STATE_HOME/runbook`,
/// else `~/.local/state/runbook`. Relative paths are taken from the working directory.
///
/// # Errors
/// None of these is known.
pub fn state_dir(
    flag: Option<&Path>,
    surroundings: &Surroundings,
) -> Result<PathBuf, WorkspaceError> {
    let named = flag
        .filter(|path| !path.as_os_str().is_empty())
        .or_else(|| surroundings.var(STATE_DIR).map(Path::new));
    match named {
        Some(path) => Ok(surroundings.cwd.join(path)),
        None => surroundings
            .state_dir
            .clone()
            .ok_or(WorkspaceError::NoStateDirectory),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_counts() {
        let of = |flag: Option<&str>, vars: &[(&str, &str)]| {
            let vars = vars.iter().map(|(k, v)| (k.into(), v.into())).collect();
            state_dir(
                flag.map(Path::new),
                &Surroundings::new("/team".into(), vars),
            )
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
}
