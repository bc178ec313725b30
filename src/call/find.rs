//! Finding a program before it is started, so that "not found" can say where it was looked for.
//!
//! The kernel answers a missing program, a missing interpreter and a missing directory with the
//! same ENOENT.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::model::call::{Failure, FailureKind};
use crate::model::text::{clip, escape_controls};

/// Where programs are looked for when the environment has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A failure before anything was done.
pub(super) fn not_started(message: impl Into<String>) -> Failure {
    Failure::new(FailureKind::NotStarted, message)
}

/// A word as it is shown in a message: escaped, and not endless.
pub(super) fn shown(word: &OsStr) -> String {
    escape_controls(&clip(&word.to_string_lossy(), 200)).into_owned()
}

/// Whether a process can work in this directory.
pub(super) fn check_dir(dir: &Path) -> Result<(), Failure> {
    let name = shown(dir.as_os_str());
    match std::fs::metadata(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(not_started(format!(
            "the working directory `{name}` does not exist"
        ))),
        Err(e) => Err(not_started(format!("the working directory `{name}`: {e}"))),
        Ok(metadata) if !metadata.is_dir() => Err(not_started(format!(
            "the working directory `{name}` is not a directory"
        ))),
        Ok(_) => access(dir, Access::EXEC_OK).map_err(|_| {
            not_started(format!(
                "the working directory `{name}` may not be entered: permission denied"
            ))
        }),
    }
}

/// The file that a program's name means, as `execvp` finds it: a name with a `/` is relative to the
/// working directory, any other is looked for along the `PATH` that the process itself will have.
pub(super) fn program(
    name: &OsStr,
    env: &BTreeMap<OsString, OsString>,
    dir: &Path,
) -> Result<PathBuf, Failure> {
    let label = shown(name);
    if name.is_empty() {
        return Err(not_started("the command has no program"));
    }
    if name.as_bytes().contains(&b'/') {
        let path = dir.join(name);
        return match look(&path) {
            Found::Program => Ok(path),
            Found::Nothing => Err(not_started(format!(
                "`{label}` was not found: there is no file {}",
                shown(path.as_os_str())
            ))),
            Found::Directory => Err(not_started(format!("`{label}` is a directory"))),
            Found::NotExecutable => Err(not_executable(&label, &path)),
        };
    }
    let default = OsString::from(DEFAULT_PATH);
    let search = env.get(OsStr::new("PATH")).unwrap_or(&default);
    let mut plain_file = None;
    for place in std::env::split_paths(search) {
        let path = dir.join(place).join(name);
        match look(&path) {
            Found::Program => return Ok(path),
            Found::NotExecutable => plain_file = plain_file.or(Some(path)),
            Found::Nothing | Found::Directory => {}
        }
    }
    match plain_file {
        Some(path) => Err(not_executable(&label, &path)),
        None => Err(
            not_started(format!("the program `{label}` was not found")).hint(format!(
                "install it, or name it with its path; looked in {}",
                shown(search)
            )),
        ),
    }
}

/// The file that a program's name means, looked up with this environment's `PATH` from `dir`.
///
/// # Errors
/// It is not there, or cannot be executed; the failure says why, and what to do.
pub fn program_path(
    name: &str,
    env: &BTreeMap<OsString, OsString>,
    dir: &Path,
) -> Result<PathBuf, Failure> {
    program(OsStr::new(name), env, dir)
}

enum Found {
    Program,
    NotExecutable,
    Directory,
    Nothing,
}

fn look(path: &Path) -> Found {
    match std::fs::metadata(path) {
        Err(_) => Found::Nothing,
        Ok(metadata) if metadata.is_dir() => Found::Directory,
        Ok(_) if access(path, Access::EXEC_OK).is_ok() => Found::Program,
        Ok(_) => Found::NotExecutable,
    }
}

fn not_executable(label: &str, path: &Path) -> Failure {
    let path = shown(path.as_os_str());
    not_started(format!("`{label}` is not executable: {path}")).hint(format!("chmod +x {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(path: &str) -> BTreeMap<OsString, OsString> {
        BTreeMap::from([("PATH".into(), path.into())])
    }

    #[test]
    fn threat_41_a_program_is_found_along_the_path() {
        let sh = program("sh".as_ref(), &env("/nowhere:/bin"), Path::new("/")).unwrap();
        assert_eq!(sh, Path::new("/bin/sh"));
        let failure = program("sh".as_ref(), &env("/nowhere"), Path::new("/")).unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotStarted);
        assert_eq!(failure.message, "the program `sh` was not found");
        assert!(failure.hint.unwrap().ends_with("looked in /nowhere"));
    }

    #[test]
    fn threat_41_a_plain_file_is_said_to_be_one() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("tool"), "text").unwrap();
        let here = dir.path().to_str().unwrap();
        let failure = program("tool".as_ref(), &env(here), Path::new("/")).unwrap_err();
        assert!(failure.message.starts_with("`tool` is not executable: /"));
        let failure = program("./tool".as_ref(), &env("/bin"), dir.path()).unwrap_err();
        assert!(failure.message.starts_with("`./tool` is not executable: /"));
        let failure = program("./none".as_ref(), &env("/bin"), dir.path()).unwrap_err();
        assert!(failure.message.starts_with("`./none` was not found"));
        let failure = program("/tmp".as_ref(), &env("/bin"), dir.path()).unwrap_err();
        assert_eq!(failure.message, "`/tmp` is a directory");
    }

    #[test]
    fn threat_41_a_missing_directory_is_not_a_missing_program() {
        let failure = check_dir(Path::new("/no/such")).unwrap_err();
        assert_eq!(
            failure.message,
            "the working directory `/no/such` does not exist"
        );
        let failure = check_dir(Path::new("/bin/sh")).unwrap_err();
        assert!(failure.message.ends_with("is not a directory"));
        assert!(check_dir(Path::new("/")).is_ok());
    }
}
