//! All that a step printed, a screenful at a time: pure text in, text out.
//!
//! A page is printed below the one before, as `more` does it: the scrollback keeps what was seen,
//! and nothing is needed of the terminal but that it prints. No program of the system is started
//! for it, and everything is escaped.

use std::fmt::Write as _;

use crate::model::ids::Attempt;
use crate::report::{Line, Look};

/// What was kept of what a step printed.
#[derive(Clone, Debug, PartialEq)]
pub struct Printed {
    /// At which try.
    pub attempt: Attempt,
    /// What it printed where, in order; only what there is.
    pub parts: Vec<Part>,
}

/// What a step printed in one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Where: `standard output`.
    pub name: &'static str,
    /// The bytes that were kept, or why they cannot be read.
    pub bytes: Result<Vec<u8>, String>,
    /// How many bytes were left out in the middle.
    pub cut: u64,
}

impl Printed {
    /// The last lines, escaped: those of the last part that has some.
    pub fn last_lines(&self, most: usize) -> Vec<String> {
        let Some(Ok(bytes)) = self.parts.last().map(|part| &part.bytes) else {
            return Vec::new();
        };
        let text = String::from_utf8_lossy(bytes);
        let mut lines: Vec<String> = text
            .lines()
            .rev()
            .take(most)
            .map(|line| crate::model::text::escape_controls(line).into_owned())
            .collect();
        lines.reverse();
        lines
    }

    /// All of it, as rows of a screen.
    fn rows(&self, look: &Look) -> Vec<String> {
        let mut rows = Vec::new();
        let mut push = |text: &str| {
            let drawn = Line::new().text(text).wrap(look, 0);
            rows.extend(drawn.split('\n').map(str::to_owned));
        };
        for part in &self.parts {
            let cut = match part.cut {
                0 => String::new(),
                cut => format!(", {cut} bytes left out in its middle"),
            };
            push(&format!(
                "── {} of attempt {}{cut}",
                part.name, self.attempt
            ));
            match &part.bytes {
                Ok(bytes) => {
                    for line in String::from_utf8_lossy(bytes).lines() {
                        pieces(line).for_each(&mut push);
                    }
                }
                Err(why) => push(why),
            }
        }
        rows
    }
}

/// A line in pieces that are no longer than a row can be made of.
fn pieces(line: &str) -> impl Iterator<Item = &str> {
    const MOST: usize = 1_000;
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let now = rest?;
        match now.char_indices().nth(MOST) {
            Some((at, _)) => {
                rest = Some(&now[at..]);
                Some(&now[..at])
            }
            None => rest.take(),
        }
    })
}

/// What a person wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// The page after this one.
    Next,
    /// The page before this one.
    Back,
    /// The first page.
    First,
    /// The last page.
    Last,
    /// No more.
    Quit,
    /// Nothing that is known.
    Other,
}

impl Key {
    /// What was pressed: letters as in `less`, and the keys of the same meaning.
    pub fn read(bytes: &[u8]) -> Self {
        match bytes {
            b" " | b"f" | b"j" | b"\r" | b"\n" | b"\x1b[6~" | b"\x1b[B" => Self::Next,
            b"b" | b"k" | b"\x1b[5~" | b"\x1b[A" => Self::Back,
            b"g" | b"\x1b[H" => Self::First,
            b"G" | b"\x1b[F" => Self::Last,
            b"q" | b"Q" => Self::Quit,
            _ => Self::Other,
        }
    }
}

/// Somebody reads what was printed.
pub struct Pager<'a> {
    printed: &'a Printed,
    rows: Vec<String>,
    columns: usize,
    /// How many rows of text a page has.
    page: usize,
    top: usize,
}

impl<'a> Pager<'a> {
    /// At its first page.
    pub fn new(printed: &'a Printed, rows: usize, columns: usize) -> Self {
        let mut pager = Self {
            printed,
            rows: Vec::new(),
            columns: 0,
            page: 1,
            top: 0,
        };
        pager.fit(rows, columns);
        pager
    }

    /// Takes the size that the screen has now. The page begins at about the same place.
    fn fit(&mut self, rows: usize, columns: usize) {
        // One row is the footer's, and one is left for the cursor.
        self.page = rows.saturating_sub(2).max(3);
        if columns == self.columns {
            return;
        }
        let before = self.rows.len().max(1);
        self.columns = columns;
        self.rows = self.printed.rows(&Look::plain(columns));
        self.top = self.top.saturating_mul(self.rows.len()) / before;
    }

    /// The page, with what can be pressed below it.
    pub fn shown(&self) -> String {
        let mut out = String::from("\n");
        let end = (self.top + self.page).min(self.rows.len());
        for row in self.rows.get(self.top..end).unwrap_or_default() {
            out.push_str(row);
            out.push('\n');
        }
        let total = self.rows.len();
        let next = match end == total {
            true => "end",
            false => "space next",
        };
        let footer = format!(
            "── {}–{end} of {total} · {next} · b back · q to the question ",
            self.top + 1
        );
        let _ = write!(
            out,
            "{}",
            Line::new().text(&footer).cut(&Look::plain(self.columns))
        );
        out
    }

    /// What is shown after a key was pressed; none where they have seen enough.
    pub fn turned(&mut self, key: Key, rows: usize, columns: usize) -> Option<String> {
        self.fit(rows, columns);
        let last = self.rows.len().saturating_sub(self.page);
        match key {
            Key::Quit => return None,
            Key::Next => self.top = (self.top + self.page).min(last.max(self.top)),
            Key::Back => self.top = self.top.saturating_sub(self.page),
            Key::First => self.top = 0,
            Key::Last => self.top = last,
            Key::Other => {}
        }
        Some(self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    fn printed(lines: usize) -> Printed {
        let text: String = (1..=lines).map(|n| format!("line {n}\n")).collect();
        Printed {
            attempt: Attempt::FIRST,
            parts: vec![Part {
                name: "standard output",
                bytes: Ok(text.into_bytes()),
                cut: 0,
            }],
        }
    }

    #[test]
    fn every_line_is_seen_once_on_the_way_to_the_end() {
        let printed = printed(100);
        let mut pager = Pager::new(&printed, 24, 80);
        let mut seen = pager.shown();
        while !seen.contains("· end ·") {
            seen.push_str(&pager.turned(Key::Next, 24, 80).unwrap());
        }
        for n in 1..=100 {
            assert!(seen.lines().any(|line| line == format!("line {n}")), "{n}");
        }
        let at_the_end = pager.shown();
        assert_eq!(pager.turned(Key::Next, 24, 80), Some(at_the_end));
        assert!(
            pager
                .turned(Key::First, 24, 80)
                .unwrap()
                .contains("line 1\n")
        );
        assert_eq!(pager.turned(Key::Quit, 24, 80), None);
    }

    #[test]
    fn a_page_fits_the_screen_whatever_was_printed() {
        let text = "\x1b[2J\x1b]52;c;AAAA\x07 a very long line ".repeat(60) + "\r\nüber\u{202e}\n";
        let printed = Printed {
            attempt: Attempt::FIRST,
            parts: vec![Part {
                name: "standard error",
                bytes: Ok(text.into_bytes()),
                cut: 77,
            }],
        };
        for (rows, columns) in [(24, 80), (10, 40), (5, 20)] {
            let mut pager = Pager::new(&printed, rows, columns);
            let mut all = pager.shown();
            for _ in 0..200 {
                let page = pager.turned(Key::Next, rows, columns).unwrap();
                assert!(
                    page.trim_start_matches('\n').lines().count() <= rows,
                    "{page}"
                );
                all.push_str(&page);
            }
            assert!(all.lines().all(|line| line.width() <= columns), "{all}");
            assert!(!all.contains(['\x1b', '\x07', '\r', '\u{202e}']), "{all:?}");
        }
        let pager = Pager::new(&printed, 24, 80);
        assert!(
            pager.shown().contains("77 bytes left out"),
            "{}",
            pager.shown()
        );
    }

    #[test]
    fn a_screen_that_changes_its_size_keeps_the_place() {
        let printed = printed(1000);
        let mut pager = Pager::new(&printed, 24, 80);
        pager.turned(Key::Last, 24, 80).unwrap();
        let page = pager.turned(Key::Other, 40, 60).unwrap();
        assert!(page.contains("line 1000"), "{page}");
    }
}
