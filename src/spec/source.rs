//! Where something was written: sources, byte spans, and values that remember their place.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A range of bytes in a source. Small enough to be copied everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last one.
    pub end: u32,
}

impl Span {
    /// A span of these bytes. What lies beyond 4 GiB is cut: no source is that long.
    pub fn new(start: usize, end: usize) -> Self {
        let cut = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            start: cut(start),
            end: cut(end.max(start)),
        }
    }

    /// The empty span at one place.
    pub fn at(offset: usize) -> Self {
        Self::new(offset, offset)
    }

    /// As a range, for slicing.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// How many bytes.
    pub fn len(self) -> usize {
        self.range().len()
    }

    /// Whether there is nothing in it: a value that was left out.
    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// From the start of this one to the end of the other.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self {
            start: self.start,
            end: other.end.max(self.start),
        }
    }
}

/// A value and where it was written.
///
/// Serialized as the value alone: a frozen plan does not depend on where its words stood.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it was written; empty and at 0 where it was read back from a plan.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// A value with its place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// Another value at the same place.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned::new(f(self.value), self.span)
    }
}

impl<T> std::ops::Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    /// Equal where the values are: places do not count.
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: fmt::Display> fmt::Display for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: Serialize> Serialize for Spanned<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(T::deserialize(deserializer)?, Span::default()))
    }
}

/// A line and a column, both counted from 1; the column counts characters, not bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// The text of one file.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Its path as it is shown to people.
    pub name: String,
    /// What is in it, without a byte order mark. Empty where it could not be read.
    pub text: Arc<str>,
    line_starts: OnceLock<Vec<u32>>,
}

impl Source {
    /// A file and its text.
    pub fn new(name: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
            line_starts: OnceLock::new(),
        }
    }

    /// A file whose text is not known: missing, too large, not readable.
    pub fn unread(name: impl Into<String>) -> Self {
        Self::new(name, "")
    }

    /// The text of a span; empty where the span does not lie in this source.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or("")
    }

    /// The line and column of a byte.
    pub fn position(&self, offset: u32) -> Position {
        let line = self.line_of(offset);
        let start = self.line_range(line).start;
        let before = self.text.get(start..offset as usize).unwrap_or("");
        Position {
            line,
            column: before.chars().count() + 1,
        }
    }

    /// The line of a byte, counted from 1.
    pub fn line_of(&self, offset: u32) -> usize {
        self.line_starts().partition_point(|start| *start <= offset)
    }

    /// The bytes of a line, counted from 1, without its end.
    pub fn line_range(&self, line: usize) -> Range<usize> {
        let starts = self.line_starts();
        let at = |i: usize| starts.get(i).map(|start| *start as usize);
        let start = at(line.saturating_sub(1)).unwrap_or(self.text.len());
        let end = at(line).unwrap_or(self.text.len());
        let text = self.text.get(start..end).unwrap_or("");
        start..start + text.trim_end_matches(['\n', '\r']).len()
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let after = |(i, _)| u32::try_from(i + 1).unwrap_or(u32::MAX);
            std::iter::once(0)
                .chain(self.text.match_indices('\n').map(after))
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_has_a_line_and_a_column() {
        let source = Source::new("x.yaml", "a: ü1\r\nbc\n\nd");
        let at = |offset| {
            let position = source.position(offset);
            (position.line, position.column)
        };
        assert_eq!(at(0), (1, 1));
        assert_eq!(at(5), (1, 5), "ü is one character of two bytes");
        assert_eq!(at(8), (2, 1));
        assert_eq!(at(11), (3, 1));
        assert_eq!(at(13), (4, 2), "the end of the file");
        assert_eq!(&source.text[source.line_range(1)], "a: ü1");
        assert_eq!(&source.text[source.line_range(3)], "");
        assert_eq!(source.line_range(9).len(), 0);
    }

    #[test]
    fn a_frozen_value_has_no_place() {
        let value = Spanned::new("x".to_owned(), Span::new(3, 4));
        let json = serde_json::to_string(&value).unwrap();
        assert_eq!(json, "\"x\"");
        let back: Spanned<String> = serde_json::from_str(&json).unwrap();
        assert_eq!(back, value);
        assert_eq!(back.span, Span::default());
    }
}
