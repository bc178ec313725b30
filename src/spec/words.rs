//! A call's text, split into words as a shell would, before any template is filled.
//!
//! A `{{ … }}` is part of one word, with the spaces and quotes inside it. What only a shell
//! would understand is an error that says how to write it: nothing here is ever given to one.

use std::ops::Range;

/// A word: a template's source with the quotes taken off, and where it stands in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The template's source.
    pub source: String,
    /// Where it stands, quotes included, in bytes.
    pub span: Range<usize>,
}

/// Why a text cannot be split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordError {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes.
    pub span: Range<usize>,
    /// What to write instead.
    pub help: String,
}

/// Splits a call's text into words.
pub fn split(text: &str) -> Result<Vec<Word>, WordError> {
    Splitter {
        text,
        at: 0,
        words: Vec::new(),
        open: None,
    }
    .run()
}

struct Splitter<'a> {
    text: &'a str,
    at: usize,
    words: Vec<Word>,
    /// The word being read: its source so far, and where it began.
    open: Option<(String, usize)>,
}

impl Splitter<'_> {
    fn run(mut self) -> Result<Vec<Word>, WordError> {
        while let Some(c) = self.peek() {
            if self.rest().starts_with("{{") {
                self.template()?;
            } else if c.is_whitespace() {
                self.close();
                self.at += c.len_utf8();
            } else if c == '\'' {
                self.quoted('\'')?;
            } else if c == '"' {
                self.quoted('"')?;
            } else if c == '\\' {
                self.escape()?;
            } else if let Some(error) = self.shell_only(c) {
                return Err(error);
            } else {
                self.push(c);
                self.at += c.len_utf8();
            }
        }
        self.close();
        Ok(self.words)
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn word(&mut self) -> &mut String {
        let at = self.at;
        &mut self.open.get_or_insert_with(|| (String::new(), at)).0
    }

    fn push(&mut self, c: char) {
        self.word().push(c);
    }

    fn close(&mut self) {
        if let Some((source, start)) = self.open.take() {
            self.words.push(Word {
                source,
                span: start..self.at,
            });
        }
    }

    /// Copies a whole `{{ … }}`, in which a string may hold `}}`.
    fn template(&mut self) -> Result<(), WordError> {
        let start = self.at;
        let mut quote = None;
        let mut end = None;
        let mut chars = self.text[start + 2..].char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            match (quote, c) {
                (Some(_), '\\') => {
                    chars.next();
                }
                (Some(q), c) if q == c => quote = None,
                (None, '\'' | '"') => quote = Some(c),
                (None, '}') if chars.peek().is_some_and(|(_, next)| *next == '}') => {
                    end = Some(start + 2 + i + 2);
                    break;
                }
                _ => {}
            }
        }
        let Some(end) = end else {
            return Err(WordError {
                message: "a `{{` is never closed".to_owned(),
                span: start..self.text.len(),
                help: "end it with `}}`".to_owned(),
            });
        };
        let copy = self.text[start..end].to_owned();
        self.word().push_str(&copy);
        self.at = end;
        Ok(())
    }

    fn quoted(&mut self, quote: char) -> Result<(), WordError> {
        let start = self.at;
        self.word();
        self.at += 1;
        loop {
            if self.rest().starts_with("{{") {
                self.template()?;
                continue;
            }
            match self.peek() {
                None => {
                    return Err(WordError {
                        message: format!("a {quote} is never closed"),
                        span: start..self.text.len(),
                        help: format!("end the quoted text with {quote}"),
                    });
                }
                Some(c) if c == quote => {
                    self.at += 1;
                    return Ok(());
                }
                Some('\\') if quote == '"' => self.escape()?,
                Some(c) => {
                    self.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
    }

    fn escape(&mut self) -> Result<(), WordError> {
        let start = self.at;
        match self.rest().chars().nth(1) {
            None => Err(WordError {
                message: "a backslash at the end escapes nothing".to_owned(),
                span: start..self.text.len(),
                help: "write '\\' in single quotes for a backslash".to_owned(),
            }),
            Some(c) => {
                self.push(c);
                self.at = start + 1 + c.len_utf8();
                Ok(())
            }
        }
    }

    fn shell_only(&self, c: char) -> Option<WordError> {
        let message = match c {
            '|' => "a call is one command: `|` does not pipe here",
            '>' | '<' => "a call is one command: nothing is redirected here",
            ';' | '&' => "a call is one command: another one is another step",
            '#' => "`#` begins no comment here",
            '`' => "nothing is run inside a call: a backtick has no meaning here",
            '$' => "a call has no shell variables",
            _ => return None,
        };
        let help = match c {
            '$' => "write {{ params.name }} for a value, or '$' in single quotes for the character"
                .to_owned(),
            '|' | '>' | '<' | ';' | '&' => format!(
                "write '{c}' in quotes for the character itself; for a pipeline use `run: |` with a script"
            ),
            _ => format!("write '{c}' in single quotes for the character itself"),
        };
        Some(WordError {
            message: message.to_owned(),
            span: self.at..self.at + c.len_utf8(),
            help,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        split(text).unwrap().into_iter().map(|w| w.source).collect()
    }

    #[test]
    fn words_are_split_as_a_shell_would() {
        assert_eq!(
            words("failover  --to-replica 'db 2' \"a b\"c \\'x"),
            ["failover", "--to-replica", "db 2", "a bc", "'x"]
        );
        assert_eq!(words("post ''"), ["post", ""]);
        assert!(words("  ").is_empty());
    }

    #[test]
    fn a_template_is_part_of_one_word() {
        assert_eq!(
            words("post \"{{ run.summary }}: done\" {{ a if b else 'x }} y' }}z"),
            [
                "post",
                "{{ run.summary }}: done",
                "{{ a if b else 'x }} y' }}z"
            ]
        );
    }

    #[test]
    fn what_only_a_shell_understands_is_refused() {
        for text in [
            "a | b", "a > b", "a; b", "a & b", "a # b", "a $HOME", "a `b`",
        ] {
            let error = split(text).unwrap_err();
            assert!(
                error.help.contains("quotes") || error.help.contains("{{"),
                "{text}"
            );
        }
        assert_eq!(words("say 'a | b; $c'"), ["say", "a | b; $c"]);
    }

    #[test]
    fn what_is_never_closed_is_said() {
        assert!(split("a 'b").unwrap_err().message.contains("never closed"));
        assert!(
            split("a {{ b")
                .unwrap_err()
                .message
                .contains("never closed")
        );
        assert_eq!(split("ab 'cd'").unwrap()[1].span, 3..7);
    }
}
