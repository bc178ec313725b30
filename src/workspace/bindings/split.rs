//! A variable's value into words, as a shell would split them; nothing in it is expanded.

use std::fmt;

/// Why a value cannot be split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SplitError {
    /// There is no word in it.
    Empty,
    /// A quote is never closed.
    Unclosed(char),
    /// A backslash at the end escapes nothing.
    LoneBackslash,
    /// What only a shell understands, outside of quotes.
    ShellOnly(char),
    /// It is not UTF-8.
    NotText,
}

impl fmt::Display for SplitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it names no program"),
            Self::Unclosed(quote) => write!(f, "a {quote} in it is never closed"),
            Self::LoneBackslash => f.write_str("a backslash at its end escapes nothing"),
            Self::ShellOnly(c) => write!(f, "no shell reads it, so `{c}` has no meaning in it"),
            Self::NotText => f.write_str("it is not UTF-8"),
        }
    }
}

impl std::error::Error for SplitError {}

impl SplitError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::ShellOnly('~' | '$') => "write the value out: nothing is expanded".to_owned(),
            Self::ShellOnly(c) => {
                format!("quote the `{c}`, or put the command line into a script and name that")
            }
            _ => "write a program and its words, such as `dbctl --cluster main`".to_owned(),
        }
    }
}

/// Splits a value into words. There is at least one, and the first is not empty.
///
/// # Errors
/// It has no word, a quote that is never closed, or what only a shell would understand.
pub fn split(value: &str) -> Result<Vec<String>, SplitError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' | '"' => quoted(c, &mut chars, word.get_or_insert_default())?,
            '\\' => {
                let escaped = chars.next().ok_or(SplitError::LoneBackslash)?;
                word.get_or_insert_default().push(escaped);
            }
            '|' | '<' | '>' | ';' | '&' | '`' | '$' => return Err(SplitError::ShellOnly(c)),
            // Inside a word these are ordinary characters for a shell too.
            '~' | '#' if word.is_none() => return Err(SplitError::ShellOnly(c)),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    match words.first() {
        Some(program) if !program.is_empty() => Ok(words),
        _ => Err(SplitError::Empty),
    }
}

fn quoted(
    quote: char,
    chars: &mut std::str::Chars<'_>,
    word: &mut String,
) -> Result<(), SplitError> {
    while let Some(c) = chars.next() {
        match c {
            c if c == quote => return Ok(()),
            '\\' if quote == '"' => {
                let next = chars.next().ok_or(SplitError::Unclosed(quote))?;
                // In double quotes a backslash escapes these only (POSIX.1-2024, XCU 2.2.3).
                if !matches!(next, '"' | '\\' | '$' | '`') {
                    word.push('\\');
                }
                word.push(next);
            }
            c => word.push(c),
        }
    }
    Err(SplitError::Unclosed(quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_would() {
        let words = |text| split(text).unwrap();
        assert_eq!(
            words(" dbctl  --cluster main "),
            ["dbctl", "--cluster", "main"]
        );
        assert_eq!(
            words(r#"a 'b c' "d \"e\" \n" f\ g ''"#),
            ["a", "b c", r#"d "e" \n"#, "f g", ""]
        );
        assert_eq!(
            words("ps '{{.Names}} $x' a~b#c"),
            ["ps", "{{.Names}} $x", "a~b#c"]
        );
    }

    #[test]
    fn what_no_shell_will_read_is_refused() {
        for (text, error) in [
            ("  ", SplitError::Empty),
            ("'' x", SplitError::Empty),
            ("a 'b", SplitError::Unclosed('\'')),
            ("a \"b\\", SplitError::Unclosed('"')),
            ("a \\", SplitError::LoneBackslash),
            ("a | b", SplitError::ShellOnly('|')),
            ("a; rm -rf /", SplitError::ShellOnly(';')),
            ("$HOME/bin/a", SplitError::ShellOnly('$')),
            ("~/bin/a", SplitError::ShellOnly('~')),
        ] {
            assert_eq!(split(text).unwrap_err(), error, "{text}");
            assert!(!error.hint().is_empty());
        }
    }
}
