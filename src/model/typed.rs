//! Work as a person would type it: for reading, never for running. Nothing here is escaped.

use super::call::{Command, Work};

impl Work {
    /// What is done: `$DATABASE_TOOL failover --to-replica=replica-2`.
    pub fn typed(&self) -> String {
        match self {
            Self::Call(call) => format!("${} {}", call.tool, typed_words(&call.words)),
            Self::Process(process) => match &process.command {
                Command::Argv(argv) => typed_words(argv),
                Command::Script { text, .. } => script(text),
            },
        }
    }
}

/// One word as a person would type it in a shell: for reading, never for running.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_=./:@,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    // `--text='two words'` reads better than `'--text=two words'`, and means the same.
    let (flag, value) = match word.split_once('=') {
        Some((flag, value)) if flag.starts_with("--") && flag.chars().all(plain) => (flag, value),
        _ => ("", word),
    };
    let equals = if flag.is_empty() { "" } else { "=" };
    format!("{flag}{equals}'{}'", value.replace('\'', "'\\''"))
}

/// Words as a person would type them.
pub fn typed_words<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> String {
    let words: Vec<String> = words.into_iter().map(|w| quoted(w.as_ref())).collect();
    words.join(" ")
}

/// A script in one line: its first, and how many there are.
pub fn script(text: &str) -> String {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default();
    match lines.count() {
        0 => format!("script: {first}"),
        more => format!("script: {first} … ({} lines)", more + 1),
    }
}
