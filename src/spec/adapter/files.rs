//! The files that an adapter brings along: the scripts that its commands start, and what those
//! import. They become a part of the adapter, so that a run uses to its end what it began with.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use indexmap::IndexMap;

use crate::expr::Template;
use crate::model::ids::{FileName, InvalidId};
use crate::model::suggest::nearest;
use crate::spec::decode::Decoder;
use crate::spec::source::Spanned;
use crate::spec::yaml::Node;

/// The most bytes of one file. All of them are frozen into each run that uses the adapter.
pub const MAX_FILE: usize = 256 << 10;

/// What the path of a file begins with that several tools' adapters share.
const SHARED: &str = "../lib/";

/// Where a file is that an adapter brings along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePath {
    name: FileName,
    shared: bool,
}

impl FilePath {
    /// Its name, by which a command calls it.
    pub fn name(&self) -> &FileName {
        &self.name
    }

    /// The path below `adapters/`, for an adapter whose own file is in `directory`.
    pub fn below(&self, directory: &str) -> String {
        let directory = if self.shared { "lib" } else { directory };
        format!("{directory}/{}", self.name)
    }
}

impl FromStr for FilePath {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (shared, name) = match text.strip_prefix(SHARED) {
            Some(name) => (true, name),
            None => (false, text),
        };
        let name = name.parse()?;
        Ok(Self { name, shared })
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = if self.shared { SHARED } else { "" };
        write!(f, "{before}{}", self.name)
    }
}

/// Where the files that adapters bring along are read from.
pub trait Files {
    /// A file's bytes; nothing where it is not there.
    ///
    /// # Errors
    /// Why it cannot be read, as it is shown.
    fn read(&self, file: &FilePath) -> Result<Option<Cow<'static, [u8]>>, String>;
}

/// The files by name, each with its text.
pub(super) fn files(
    decoder: &Decoder,
    node: &Node,
    from: &dyn Files,
) -> Option<IndexMap<FileName, String>> {
    let listed = decoder.list(node, |item| {
        let path: FilePath = decoder.id(item)?;
        Some((Spanned::new(path, item.span), text(decoder, item, from)?))
    })?;
    let mut files = IndexMap::new();
    for (path, text) in listed {
        if files.insert(path.name.clone(), text).is_some() {
            let message = format!("there are two files `{}`", path.name);
            let error = decoder.error(path.span, message).code("duplicate");
            decoder.report(error.help("all of them lie in one directory when they are used"));
            return None;
        }
    }
    Some(files)
}

fn text(decoder: &Decoder, item: &Node, from: &dyn Files) -> Option<String> {
    let path: FilePath = decoder.id(item)?;
    let bytes = match from.read(&path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return decoder.reject(item, format!("there is no file {path}")),
        Err(why) => return decoder.reject(item, why),
    };
    if bytes.len() > MAX_FILE {
        let most = crate::model::Size::from_bytes(MAX_FILE as u64);
        return decoder.reject(item, format!("{path} is larger than {most}"));
    }
    match String::from_utf8(bytes.into_owned()) {
        Ok(text) => Some(text),
        Err(_) => decoder.reject(item, format!("{path} is not UTF-8 text")),
    }
}

/// The file that a command's word names: `./postgres.py`. Nothing where it names none.
pub fn named(word: &Template) -> Option<&str> {
    word.source().strip_prefix("./")
}

/// Whether a word that names a file names one that the adapter brings along.
pub(super) fn check(
    decoder: &Decoder,
    word: &Spanned<Template>,
    files: &IndexMap<FileName, String>,
) {
    let Some(name) = named(&word.value) else {
        return;
    };
    if files.contains_key(name) {
        return;
    }
    let near = nearest(name, files.keys().map(FileName::as_str));
    let error = decoder.error(
        word.span,
        format!("the adapter brings no file `{name}` along"),
    );
    decoder.report(
        error
            .code("unknown-file")
            .maybe_help(near.map(|near| format!("did you mean `./{near}`?")))
            .help("a word that begins with `./` is one of the adapter's `files:`"),
    );
}
