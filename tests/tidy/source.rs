//! Rust source as the rules look at it: without comments and texts, and without test code.

use std::collections::BTreeSet;
use std::path::Path;

/// A file of the repository.
#[derive(Clone, Debug)]
pub struct File {
    /// From the repository's root, with `/` between folders.
    pub path: String,
    /// As it is.
    pub text: String,
    /// The same length and lines, comments and the insides of texts blanked.
    pub code: String,
    /// The same again, what only tests see blanked too.
    pub live: String,
}

impl File {
    /// A file with this text.
    pub fn new(path: &str, text: &str) -> Self {
        let code = without_comments(text);
        let live = without_tests(&code);
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
            live,
        }
    }

    /// The floor that the file belongs to: the folder under `src`, or `main` and `lib`.
    pub fn floor(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let end = inside.find(['/', '.']).unwrap_or(inside.len());
        &inside[..end]
    }

    /// Where something stands, for messages.
    pub fn at(&self, offset: usize) -> String {
        format!("{}:{}", self.path, self.line(offset))
    }

    /// The number of the line that a byte stands on.
    pub fn line(&self, offset: usize) -> usize {
        1 + self.text.as_bytes()[..offset]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
    }

    /// How many modules the file stands under the crate's root.
    pub fn depth(&self) -> usize {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let folders = inside.matches('/').count();
        folders + usize::from(!inside.ends_with("mod.rs"))
    }
}

/// Marks as test code the files that only tests see: `#[cfg(test)] mod checks;` in one file means
/// another.
pub fn mark_test_files(files: &mut [File]) {
    let mut only_tests = BTreeSet::new();
    for file in files.iter() {
        only_tests.extend(test_modules(file));
    }
    for file in files {
        let path = file.path.as_str();
        if only_tests.iter().any(|one| {
            let folder = one.strip_suffix(".rs").unwrap_or(one);
            path == one
                || path
                    .strip_prefix(folder)
                    .is_some_and(|rest| rest.starts_with('/'))
        }) {
            file.live = blank(&file.live);
        }
    }
}

/// The files of the modules that a file declares for tests only.
fn test_modules(file: &File) -> Vec<String> {
    let folder = Path::new(&file.path)
        .parent()
        .map_or_else(String::new, |folder| format!("{}/", folder.display()));
    let stem = Path::new(&file.path)
        .file_stem()
        .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let beside = match stem.as_str() {
        "mod" | "lib" | "main" => folder.clone(),
        _ => format!("{folder}{stem}/"),
    };
    let mut found = Vec::new();
    for (start, end) in test_items(&file.code) {
        let item = file.code[start..end].trim();
        let Some(name) = item
            .strip_suffix(';')
            .and_then(|item| item.rsplit_once("mod "))
            .map(|(_, name)| name.trim())
        else {
            continue;
        };
        match file.text[start..end].split_once("#[path = \"") {
            Some((_, rest)) => {
                let named = rest.split('"').next().unwrap_or_default();
                found.push(format!("{folder}{named}"));
            }
            None => {
                found.push(format!("{beside}{name}.rs"));
                found.push(format!("{beside}{name}/mod.rs"));
                found.push(format!("{beside}{name}"));
            }
        }
    }
    found
}

/// A path that code names: `crate::spec::step`, with where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Where it begins, in bytes.
    pub offset: usize,
    /// Its segments after the root.
    pub path: Vec<String>,
}

/// Every path that begins with `root`: in `use` lines, with each of their branches, and elsewhere.
pub fn paths(code: &str, root: &str) -> Vec<Named> {
    let mut out = Vec::new();
    for offset in words(code, root) {
        let mut at = offset + root.len();
        let mut named = Vec::new();
        branch(code, &mut at, Vec::new(), &mut named);
        out.extend(
            named
                .into_iter()
                .filter(|path| !path.is_empty())
                .map(|path| Named { offset, path }),
        );
    }
    out
}

/// Reads on from after a segment: `::next`, `::{a, b::c}`, or the path's end.
fn branch(code: &str, at: &mut usize, path: Vec<String>, out: &mut Vec<Vec<String>>) {
    let rest = code[*at..].trim_start();
    let Some(rest) = rest.strip_prefix("::") else {
        out.push(path);
        return;
    };
    let rest = rest.trim_start();
    *at = code.len() - rest.len();
    if rest.starts_with('{') {
        *at += 1;
        loop {
            let rest = code[*at..].trim_start();
            *at = code.len() - rest.len();
            if rest.is_empty() {
                return;
            }
            if rest.starts_with('}') {
                *at += 1;
                return;
            }
            if !segment(code, at, path.clone(), out) {
                // A comma, or what this does not know: go on with the next.
                *at += rest.chars().next().map_or(1, char::len_utf8);
            }
        }
    }
    if !segment(code, at, path.clone(), out) {
        out.push(path);
    }
}

/// Reads one segment and what follows it, if there is one here.
fn segment(code: &str, at: &mut usize, mut path: Vec<String>, out: &mut Vec<Vec<String>>) -> bool {
    let rest = &code[*at..];
    let length = match rest.strip_prefix('*') {
        Some(_) => 1,
        None => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
    };
    if length == 0 {
        return false;
    }
    path.push(rest[..length].to_owned());
    *at += length;
    branch(code, at, path, out);
    // `as other` names the same thing.
    let rest = code[*at..].trim_start();
    if let Some(other) = rest.strip_prefix("as ") {
        let other = other.trim_start();
        let length = other.find(|c| !is_word(c)).unwrap_or(other.len());
        *at = code.len() - other.len() + length;
    }
    true
}

/// Where a word stands by itself.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word)
        .map(|(offset, _)| offset)
        .filter(move |offset| {
            let before = code[..*offset].chars().next_back();
            let after = code[*offset + word.len()..].chars().next();
            !before.is_some_and(is_word) && !after.is_some_and(is_word)
        })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The same text with everything but line ends blanked.
fn blank(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte == b'\n' { '\n' } else { ' ' })
        .collect()
}

/// Blanks comments and the insides of texts and characters.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment(rest),
            '"' => quoted(rest),
            'r' | 'b' | 'c' if !is_word(before) => raw(rest).unwrap_or(0),
            '\'' => character(rest).unwrap_or(0),
            _ => 0,
        };
        if length == 0 {
            out.push(c);
            before = c;
            rest = &rest[c.len_utf8()..];
        } else {
            out.push_str(&blank(&rest[..length]));
            before = ' ';
            rest = &rest[length..];
        }
    }
    out
}

/// The length of a block comment, which may hold others.
fn comment(text: &str) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of a text in quotes.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a raw text, or of one with a letter in front; none where this is neither.
fn raw(text: &str) -> Option<usize> {
    let letters = text.find(|c| !matches!(c, 'r' | 'b' | 'c'))?;
    let rest = &text[letters..];
    if !text[..letters].contains('r') {
        return (letters == 1 && rest.starts_with('"')).then(|| letters + quoted(rest));
    }
    let hashes = rest.find(|c| c != '#')?;
    let inside = rest[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = inside
        .find(&close)
        .map_or(inside.len(), |at| at + close.len());
    Some(letters + hashes + 1 + end)
}

/// The length of a character; none where this is a lifetime.
fn character(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    match chars.next()? {
        (_, '\\') => {
            let escaped = chars.next()?.0;
            let after = &text[escaped + 1..];
            after.find('\'').map(|end| escaped + 1 + end + 1)
        }
        _ => {
            let (at, c) = chars.next()?;
            (c == '\'').then_some(at + 1)
        }
    }
}

/// Blanks what only tests see.
fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    for (start, end) in test_items(code) {
        out.replace_range(start..end, &blank(&code[start..end]));
    }
    out
}

/// Where items stand that are marked `#[cfg(test)]`, from the mark to their end.
fn test_items(code: &str) -> Vec<(usize, usize)> {
    const MARK: &str = "#[cfg(test)]";
    let mut out: Vec<(usize, usize)> = Vec::new();
    for (start, _) in code.match_indices(MARK) {
        if out.last().is_some_and(|(_, end)| start < *end) {
            continue;
        }
        out.push((start, end_of_item(code, start + MARK.len())));
    }
    out
}

/// The end of the item that begins here, with the attributes before it.
fn end_of_item(code: &str, from: usize) -> usize {
    let mut brackets = 0usize;
    let mut braces = 0usize;
    for (at, c) in code[from..].char_indices() {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            '{' => braces += 1,
            '}' => {
                braces = braces.saturating_sub(1);
                if braces == 0 && brackets == 0 {
                    return from + at + 1;
                }
            }
            ';' if brackets == 0 && braces == 0 => return from + at + 1,
            _ => {}
        }
    }
    code.len()
}
