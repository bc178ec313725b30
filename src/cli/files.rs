//! Small files that are named on the command line: parameters and answers.

use std::io::Read;
use std::path::Path;

use indexmap::IndexMap;

use super::exit::CliError;
use crate::model::{Map, Value};
use crate::spec::yaml::{Kind, Node, read};
use crate::spec::{Diagnostic, Diagnostics};

/// The most that such a file may hold, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// A mapping of names to values; scalars stay text until a type reads them.
///
/// # Errors
/// The file cannot be read, or is no mapping.
pub fn mapping(path: &Path) -> Result<IndexMap<String, Value>, CliError> {
    let name = path.display().to_string();
    let fail = |why: String| CliError::usage(format!("{name} cannot be read: {why}"));
    let file = std::fs::File::open(path).map_err(|e| fail(e.to_string()))?;
    if file.metadata().is_ok_and(|meta| meta.is_dir()) {
        return Err(fail("it is a directory".to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| fail(e.to_string()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(fail("it is larger than 1 MiB".to_owned()));
    }
    let (source, root) = read(&name, &bytes).map_err(invalid)?;
    match root.entries() {
        Some(entries) => Ok(entries
            .iter()
            .map(|(key, node)| (key.text.clone(), value(node)))
            .collect()),
        None => Err(invalid(vec![Diagnostic::error(
            &source,
            root.span,
            "expected a mapping of names to values",
        )])),
    }
}

fn invalid(found: Vec<Diagnostic>) -> CliError {
    let mut all = Diagnostics::new();
    for diagnostic in found {
        all.push(diagnostic);
    }
    CliError::Invalid(all.render(false, 100))
}

fn value(node: &Node) -> Value {
    match &node.kind {
        Kind::Scalar(scalar) if scalar.is_null() => Value::None,
        Kind::Scalar(scalar) => Value::Str(scalar.text.clone()),
        Kind::Seq(items) => Value::List(items.iter().map(value).collect()),
        Kind::Map(entries) => Value::Map(
            entries
                .iter()
                .map(|(key, node)| (key.text.clone(), value(node)))
                .collect::<Map>(),
        ),
    }
}
