//! Text from outside, made safe to show.

use std::borrow::Cow;

/// Whether a character could move, hide or reorder what a terminal shows.
///
/// C0 and C1 controls, the bidirectional controls of Unicode (UAX #9), and zero-width characters.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{061c}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{00ad}'
            | '\u{e0000}'..='\u{e007f}')
}

/// The text with every unsafe character (newline and tab too) written as an escape: `\u{1b}`.
pub fn escape_controls(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// The same, but newlines stay: for text that is shown on several lines.
pub fn escape_keeping_newlines(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\n')
}

fn escape(text: &str, keep: fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| is_unsafe(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if keep(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_unsafe(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The first so many characters, with `…` where something was cut.
pub fn clip(text: &str, chars: usize) -> Cow<'_, str> {
    match text.char_indices().nth(chars) {
        None => Cow::Borrowed(text),
        Some(_) => {
            let kept: String = text.chars().take(chars.saturating_sub(1)).collect();
            Cow::Owned(kept + "…")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_move_the_cursor_is_escaped() {
        assert_eq!(escape_controls("a\x1b[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(escape_controls("a\r\nb"), "a\\r\\nb");
        assert_eq!(escape_controls("x\u{202e}y"), "x\\u{202e}y");
        assert_eq!(escape_controls("\u{9b}2J"), "\\u{9b}2J");
        assert!(matches!(escape_controls("plain ü €"), Cow::Borrowed(_)));
        assert_eq!(escape_keeping_newlines("a\nb\x07"), "a\nb\\u{7}");
    }

    #[test]
    fn clipping_counts_characters() {
        assert_eq!(clip("häuser", 10), "häuser");
        assert_eq!(clip("häuser", 4), "häu…");
    }
}
