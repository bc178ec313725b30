//! The runbooks and adapters that are built in, so that one file on an empty machine is enough.

use include_dir::{Dir, DirEntry, include_dir};

static RUNBOOKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/runbooks");
static ADAPTERS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/adapters");

/// A file by its path, which begins with `runbooks/` or `adapters/`.
pub(super) fn file(path: &str) -> Option<&'static [u8]> {
    let (dir, rest) = of(path)?;
    dir.get_file(rest).map(include_dir::File::contents)
}

/// The names in a directory, sorted; none where there is no such directory.
pub(super) fn names(path: &str) -> Vec<String> {
    let Some((dir, rest)) = of(path) else {
        return Vec::new();
    };
    let dir = if rest.is_empty() {
        Some(dir)
    } else {
        dir.get_dir(rest)
    };
    let mut names: Vec<String> = dir
        .into_iter()
        .flat_map(Dir::entries)
        .filter_map(|entry| Some(entry.path().file_name()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

/// Every file with its path, for writing them out.
pub fn files() -> Vec<(String, &'static [u8])> {
    let mut found = Vec::new();
    for (name, dir) in [("runbooks", &RUNBOOKS), ("adapters", &ADAPTERS)] {
        collect(name, dir, &mut found);
    }
    found.sort();
    found
}

fn collect(root: &str, dir: &Dir<'static>, found: &mut Vec<(String, &'static [u8])>) {
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(dir) => collect(root, dir, found),
            DirEntry::File(file) => {
                let path = format!("{root}/{}", file.path().display());
                found.push((path, file.contents()));
            }
        }
    }
}

fn of(path: &str) -> Option<(&'static Dir<'static>, &str)> {
    let (root, rest) = path.split_once('/').unwrap_or((path, ""));
    match root {
        "runbooks" => Some((&RUNBOOKS, rest)),
        "adapters" => Some((&ADAPTERS, rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_is_found_by_its_path() {
        assert!(file("runbooks/db-failover.yaml").is_some());
        assert!(file("adapters/database-tool/contract.yaml").is_some());
        assert!(file("runbooks/nothing.yaml").is_none());
        assert!(names("runbooks").contains(&"db-failover.yaml".to_owned()));
        assert!(names("adapters/database-tool").contains(&"sandbox.yaml".to_owned()));
        assert!(names("elsewhere").is_empty());
    }

    #[test]
    fn everything_that_is_built_in_can_be_written_out() {
        let files = files();
        assert!(files.len() > 40);
        for (path, bytes) in files {
            assert_eq!(file(&path), Some(bytes), "{path}");
        }
    }
}
