//! A finding as text: its place, the line with what is wrong underlined, and what to do.
//!
//! Only the lines that a label touches are handed to the renderer, cut around the place where
//! they are long, and with unsafe characters escaped: so a finding costs the same in a file of any
//! size, and a file can never move the terminal's cursor. The place is computed from the source
//! itself, since columns of an escaped or cut line would be wrong.

use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level, Origin, Padding, Renderer, Snippet,
};

use super::diagnostic::{Diagnostic, Label, Severity};
use super::source::{Source, Span};
use crate::model::text::{escape_controls, escape_keeping_newlines, is_unsafe};

/// How much of a line is shown on each side of a place, in characters.
const AROUND: usize = 120;

/// A place that explains another is shown with it unless it lies so many lines away.
const FAR: usize = 10_000;

impl Diagnostic {
    /// The finding as text of at most this many columns, without a newline at its end.
    pub fn render(&self, color: bool, width: usize) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let message = escape_keeping_newlines(&self.message).into_owned();
        let mut title = level.clone().primary_title(message);
        if let Some(code) = self.code {
            title = title.id(code);
        }
        // The lines are a group of their own: only so can the place above them be ours.
        let mut groups = vec![Group::with_title(title).element(self.origin())];
        let mut lines = Group::with_level(level);
        if let Some(snippet) = self.snippet() {
            lines = lines.element(snippet);
            if !self.help.is_empty() {
                lines = lines.element(Padding);
            }
        }
        for help in &self.help {
            let help = escape_keeping_newlines(help).into_owned();
            lines = lines.element(Level::HELP.message(help));
        }
        if !lines.is_empty() {
            groups.push(lines);
        }
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let text = renderer.term_width(width.max(40)).render(&groups);
        without_doubled_line(&text)
    }

    fn origin(&self) -> Origin<'static> {
        let origin = Origin::path(escape_controls(&self.source.name).into_owned());
        match self.span() {
            None => origin,
            Some(span) => {
                let position = self.source.position(span.start);
                origin.line(position.line).char_column(position.column)
            }
        }
    }

    /// The lines with labels. Those between them stay empty: they are folded away.
    fn snippet(&self) -> Option<Snippet<'static, Annotation<'static>>> {
        let source = &self.source;
        let primary = self.span().filter(|_| !self.unseen)?;
        let near = |line: usize| line.abs_diff(source.line_of(primary.start)) <= FAR;
        let mut labels: Vec<(usize, &Label)> = self
            .labels
            .iter()
            .map(|label| (source.line_of(label.span.start), label))
            .filter(|(line, _)| near(*line))
            .collect();
        labels.sort_by_key(|(line, label)| (*line, label.span.start));
        let first = labels.first().map(|(line, _)| *line)?;

        let mut text = String::new();
        let mut marks = Vec::new();
        let mut at = first;
        for on_line in labels.chunk_by(|(a, _), (b, _)| a == b) {
            let line = on_line.first().map_or(at, |(line, _)| *line);
            text.extend(std::iter::repeat_n('\n', line - at));
            at = line;
            let spans: Vec<Span> = on_line.iter().map(|(_, label)| label.span).collect();
            let shown = excerpt(source, line, &spans, &mut text);
            for ((_, label), range) in on_line.iter().zip(shown) {
                let kind = if label.primary {
                    AnnotationKind::Primary
                } else {
                    AnnotationKind::Context
                };
                let words = escape_controls(&label.text).into_owned();
                let words = Some(words).filter(|words| !words.is_empty());
                marks.push(kind.span(range).label(words));
            }
        }
        Some(Snippet::source(text).line_start(first).annotations(marks))
    }
}

/// Between two groups the renderer draws the margin twice; once is enough.
fn without_doubled_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let doubled = lines
        .windows(2)
        .position(|pair| matches!(pair, [a, b] if a == b));
    let kept = lines
        .iter()
        .enumerate()
        .filter(|(i, _)| Some(*i) != doubled);
    kept.map(|(_, line)| *line).collect::<Vec<_>>().join("\n")
}

/// Appends a line as it is shown, and says where in `out` each span came to lie. A span of several
/// lines is shown by its first.
fn excerpt(
    source: &Source,
    line: usize,
    spans: &[Span],
    out: &mut String,
) -> Vec<std::ops::Range<usize>> {
    let whole = source.line_range(line);
    let text = source.text.get(whole.clone()).unwrap_or("");
    let clamp = |offset: u32| (offset as usize).clamp(whole.start, whole.end) - whole.start;
    let from = spans.iter().map(|s| clamp(s.start)).min().unwrap_or(0);
    let to = spans.iter().map(|s| clamp(s.end)).max().unwrap_or(0);
    let head = text.get(..from).unwrap_or("").char_indices();
    let start = head.rev().nth(AROUND).map_or(0, |(i, _)| i);
    let cut = |i: &usize| text.is_char_boundary(*i);
    let to = (from..=to.min(from + 4 * AROUND)).rev().find(cut);
    let to = to.unwrap_or(from);
    let tail = text.get(to..).unwrap_or("").char_indices();
    let end = tail.skip(AROUND).map(|(i, _)| to + i).next();
    let end = end.unwrap_or(text.len());

    let mut ranges: Vec<(usize, usize)> = vec![(usize::MAX, usize::MAX); spans.len()];
    let mark = |ranges: &mut Vec<(usize, usize)>, offset: usize, at: usize| {
        for (span, range) in spans.iter().zip(ranges) {
            if range.0 == usize::MAX && clamp(span.start) <= offset {
                range.0 = at;
            }
            if range.1 == usize::MAX && clamp(span.end) <= offset {
                range.1 = at;
            }
        }
    };
    if start > 0 {
        out.push('…');
    }
    for (offset, c) in text.char_indices().skip_while(|(i, _)| *i < start) {
        if offset >= end {
            break;
        }
        mark(&mut ranges, offset, out.len());
        if c != '\t' && is_unsafe(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    mark(&mut ranges, usize::MAX, out.len());
    if end < text.len() {
        out.push('…');
    }
    ranges.into_iter().map(|(start, end)| start..end).collect()
}
