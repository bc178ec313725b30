//! A line of text with tones: escaped, and cut or wrapped to the columns that there are.
//!
//! All text that comes from outside reaches the screen through here, so that escaping cannot be
//! forgotten: whatever is pushed has its control characters shown as escapes.

use unicode_width::UnicodeWidthChar;

use super::style::{Look, Tone};
use crate::model::text::escape_controls;

/// The most characters of one line: a program may print megabytes without a line end.
const MAX_CHARS: usize = 16 * 1024;

/// A line that is being put together.
#[derive(Clone, Debug, Default)]
pub struct Line {
    cells: Vec<(char, Tone)>,
}

impl Line {
    /// An empty line.
    pub fn new() -> Self {
        Self::default()
    }

    /// With more text.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.tone(Tone::Plain, text)
    }

    /// With more text, in a tone.
    #[must_use]
    pub fn tone(mut self, tone: Tone, text: &str) -> Self {
        let room = MAX_CHARS.saturating_sub(self.cells.len());
        // Cut before escaping: escaping a long text makes a longer one.
        let end = text.char_indices().nth(room).map_or(text.len(), |(i, _)| i);
        let safe = escape_controls(&text[..end]);
        self.cells.extend(safe.chars().map(|c| (c, tone)));
        self
    }

    /// Filled with spaces up to a column, at least one.
    #[must_use]
    pub fn column(mut self, column: usize) -> Self {
        let missing = column.saturating_sub(self.width()).max(1);
        self.cells
            .extend(std::iter::repeat_n((' ', Tone::Plain), missing));
        self
    }

    /// How many columns it takes.
    pub fn width(&self) -> usize {
        self.cells.iter().map(|(c, _)| columns(*c)).sum()
    }

    /// On one line: what does not fit is cut, and `…` says so.
    pub fn cut(mut self, look: &Look) -> String {
        let room = look.columns();
        if let Some(at) = overflow(&self.cells, room) {
            let at = overflow(&self.cells[..at], room.saturating_sub(1)).unwrap_or(at);
            let tone = self.cells.get(at).map_or(Tone::Plain, |(_, tone)| *tone);
            self.cells.truncate(at);
            self.cells.push(('…', tone));
        }
        paint(look, &self.cells)
    }

    /// On as many lines as it takes, all but the first indented. Ends without a line end.
    pub fn wrap(self, look: &Look, indent: usize) -> String {
        let width = look.columns();
        let indent = indent.min(width / 2);
        let mut out = String::new();
        let mut rest = self.cells.as_slice();
        let mut room = width;
        while let Some(at) = overflow(rest, room) {
            let space = rest[..at]
                .iter()
                .rposition(|(c, _)| *c == ' ')
                .filter(|space| rest[..*space].iter().any(|(c, _)| *c != ' '))
                .filter(|space| *space > at / 3);
            // A wide character that has no room at all still makes progress.
            let (end, next) = match (rest[at].0, space) {
                (' ', _) => (at, at + 1),
                (_, Some(space)) => (space, space + 1),
                (_, None) => (at.max(1), at.max(1)),
            };
            out.push_str(&paint(look, trimmed(&rest[..end])));
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            rest = &rest[next..];
            room = width - indent;
        }
        out.push_str(&paint(look, rest));
        out
    }
}

fn trimmed(cells: &[(char, Tone)]) -> &[(char, Tone)] {
    let end = cells.iter().rposition(|(c, _)| *c != ' ');
    &cells[..end.map_or(0, |end| end + 1)]
}

fn columns(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Where the first character stands that has no room. Characters without a width have room too,
/// but not without end.
fn overflow(cells: &[(char, Tone)], room: usize) -> Option<usize> {
    let mut used = 0;
    cells.iter().enumerate().position(|(i, (c, _))| {
        used += columns(*c);
        used > room || i > room.saturating_mul(4)
    })
}

fn paint(look: &Look, cells: &[(char, Tone)]) -> String {
    let mut out = String::new();
    for run in cells.chunk_by(|a, b| a.1 == b.1) {
        let text: String = run.iter().map(|(c, _)| drawn(look, *c)).collect();
        run[0].1.paint(look, &text, &mut out);
    }
    out
}

/// A character as this screen can show it: our own symbols have a likeness in ASCII.
fn drawn(look: &Look, c: char) -> char {
    if look.unicode {
        return c;
    }
    match c {
        '✓' => '+',
        '✗' => 'x',
        '–' | '—' | '·' | '─' => '-',
        '▸' | '→' | '›' => '>',
        '↩' | '‹' => '<',
        '⏸' | '═' => '=',
        '│' | '║' => '|',
        '├' | '└' | '┬' | '╟' | '╙' => '+',
        '◇' | '•' => '*',
        '…' => '~',
        '█' | '◆' => '#',
        '░' => '.',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn what_does_not_fit_is_cut_by_columns_not_by_characters() {
        let look = Look::plain(20);
        assert_eq!(Line::new().text("short").cut(&look), "short");
        let cut = Line::new()
            .text("数据库主节点故障转移到最新副本")
            .cut(&look);
        assert_eq!(cut, "数据库主节点故障转…");
        assert!(cut.width() <= 20);
    }

    #[test]
    fn wrapping_keeps_every_word() {
        let look = Look::plain(24);
        let text = "the precondition does not hold: replica-1 is 12s behind";
        insta::assert_snapshot!(Line::new().text(text).wrap(&look, 4), @r"
        the precondition does
            not hold: replica-1
            is 12s behind
        ");
    }

    #[test]
    fn tones_are_closed_even_where_the_line_is_cut() {
        let look = Look::plain(20).colored();
        let line = Line::new().tone(Tone::Bad, &"x".repeat(50)).cut(&look);
        assert!(line.ends_with("\x1b[0m"), "{line:?}");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_screen_or_holds_a_control(text in "\\PC{0,40}|(?s).{0,200}", width in 20usize..120) {
            let look = Look::plain(width);
            let cut = Line::new().text(&text).cut(&look);
            prop_assert!(cut.chars().all(|c| !crate::model::text::is_unsafe(c)));
            prop_assert!(cut.chars().map(|c| c.width().unwrap_or(0)).sum::<usize>() <= width);
            for line in Line::new().text(&text).wrap(&look, 4).lines() {
                prop_assert!(line.chars().map(|c| c.width().unwrap_or(0)).sum::<usize>() <= width);
            }
        }
    }
}
