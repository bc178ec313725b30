//! Parting what a plugin prints into lines, of which none may be endless.

/// The longest line, in bytes: four times the largest output that a step may have.
pub(super) const MOST: usize = 4 << 20;

/// How much of a line that is too long is kept, to be shown.
const SHOWN: usize = 400;

/// Lines that came, and the one that is coming.
#[derive(Debug, Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    /// Up to where the first line's end was looked for, and is not.
    looked: usize,
}

/// A line that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A whole one, without its end.
    Whole(Vec<u8>),
    /// The beginning of one that is longer than any may be.
    TooLong(Vec<u8>),
}

impl Lines {
    /// Takes what came.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next line that came, each once.
    pub(super) fn next(&mut self) -> Option<Line> {
        let end = self.bytes[self.looked..].iter().position(|b| *b == b'\n');
        match end.map(|end| self.looked + end) {
            Some(end) if end <= MOST => {
                let rest = self.bytes.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.bytes, rest);
                line.pop();
                self.looked = 0;
                Some(Line::Whole(line))
            }
            None if self.bytes.len() <= MOST => {
                self.looked = self.bytes.len();
                None
            }
            _ => Some(Line::TooLong(self.begun())),
        }
    }

    /// The beginning of the line that is coming.
    pub(super) fn begun(&self) -> Vec<u8> {
        self.bytes[..self.bytes.len().min(SHOWN)].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(line: &str) -> Option<Line> {
        Some(Line::Whole(line.into()))
    }

    #[test]
    fn lines_come_whole_however_they_were_sent() {
        let mut lines = Lines::default();
        lines.push(b"a\n\nb");
        assert_eq!(lines.next(), whole("a"));
        assert_eq!(lines.next(), whole(""));
        assert_eq!(lines.next(), None);
        lines.push(b"c");
        assert_eq!(lines.next(), None);
        lines.push(b"d\ne");
        assert_eq!(lines.next(), whole("bcd"));
        assert_eq!(lines.next(), None);
        assert_eq!(lines.begun(), b"e");
    }

    #[test]
    fn threat_32_a_line_without_an_end_is_not_waited_for() {
        let mut lines = Lines::default();
        lines.push(&vec![b'x'; MOST]);
        assert_eq!(lines.next(), None);
        lines.push(b"x");
        assert_eq!(lines.next(), Some(Line::TooLong(vec![b'x'; SHOWN])));
        let mut lines = Lines::default();
        lines.push(&vec![b'x'; MOST]);
        lines.push(b"\n");
        assert!(matches!(lines.next(), Some(Line::Whole(line)) if line.len() == MOST));
    }
}
