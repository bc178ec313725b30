//! What is wrong with a file, said with its place, its line and what to do.

use std::sync::Arc;

use serde_json::json;

use super::source::{Source, Span};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// What was written cannot be used.
    Error,
    /// It can, but it is probably not what was meant.
    Warning,
}

impl Severity {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A place that a finding is about, with what is to be said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is shown beside it; may be empty.
    pub text: String,
    /// Whether this is where the finding is; the others explain it.
    pub primary: bool,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong: a lower-case fragment without a full stop.
    pub message: String,
    /// The file.
    pub source: Arc<Source>,
    /// The places; none where it is about the file as a whole.
    pub labels: Vec<Label>,
    /// What to do about it, one sentence each.
    pub help: Vec<String>,
    /// A stable name of the kind of finding, for programs.
    pub code: Option<&'static str>,
    /// Whether the lines themselves stay unseen: what stands there may be a secret.
    pub unseen: bool,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(source: &Arc<Source>, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            source: Arc::clone(source),
            labels: vec![Label {
                span,
                text: String::new(),
                primary: true,
            }],
            help: Vec::new(),
            code: None,
            unseen: false,
        }
    }

    /// An error about a file as a whole.
    pub fn of_file(source: &Arc<Source>, message: impl Into<String>) -> Self {
        let mut diagnostic = Self::error(source, Span::default(), message);
        diagnostic.labels.clear();
        diagnostic
    }

    /// A warning at a place.
    pub fn warning(source: &Arc<Source>, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(source, span, message)
        }
    }

    /// What is shown beside the place of the finding.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(label) = self.labels.iter_mut().find(|label| label.primary) {
            label.text = text.into();
        }
        self
    }

    /// Another place that explains the finding.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            span,
            text: text.into(),
            primary: false,
        });
        self
    }

    /// What to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// The same, where there is something to say.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<impl Into<String>>) -> Self {
        self.help.extend(help.map(Into::into));
        self
    }

    /// A stable name of the kind of finding.
    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// The same, without the lines that it is about: only their place is said.
    #[must_use]
    pub fn unseen(mut self) -> Self {
        self.unseen = true;
        self
    }

    /// The place of the finding; none where it is about the file as a whole.
    pub fn span(&self) -> Option<Span> {
        self.labels
            .iter()
            .find(|label| label.primary)
            .map(|label| label.span)
    }

    /// As JSON for other programs: file, line, column, end, severity, message, related places, help.
    ///
    /// Lines and columns count from 1, columns in characters; `end` is the place after the last
    /// character. They are null where the finding is about the file as a whole.
    pub fn to_json(&self) -> serde_json::Value {
        let place = |offset| {
            let position = self.source.position(offset);
            json!({ "line": position.line, "column": position.column })
        };
        let start = self.span().map(|span| self.source.position(span.start));
        let related: Vec<_> = self
            .labels
            .iter()
            .filter(|label| !label.primary)
            .map(|label| {
                let start = self.source.position(label.span.start);
                json!({
                    "line": start.line,
                    "column": start.column,
                    "end": place(label.span.end),
                    "message": label.text,
                })
            })
            .collect();
        json!({
            "file": self.source.name,
            "line": start.map(|p| p.line),
            "column": start.map(|p| p.column),
            "end": self.span().map(|span| place(span.end)),
            "severity": self.severity.word(),
            "code": self.code,
            "message": self.message,
            "related": related,
            "help": self.help,
        })
    }
}

/// How many findings are kept for one file: more are noise, and a hostile file could make millions.
pub const MAX_FINDINGS: usize = 100;

/// All findings of a check.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    found: Vec<Diagnostic>,
    left_out: usize,
}

impl Diagnostics {
    /// No findings yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more; beyond [`MAX_FINDINGS`] of one file it is only counted.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let same = |other: &&Diagnostic| other.source.name == diagnostic.source.name;
        // The newest are looked at first: files come one after another.
        let of_this_file = self.found.iter().rev().take_while(same).count();
        if of_this_file < MAX_FINDINGS {
            self.found.push(diagnostic);
        } else {
            self.left_out += 1;
        }
    }

    /// All of another check, with what was only counted there.
    pub fn merge(&mut self, other: Self) {
        self.left_out += other.left_out;
        self.extend(other.found);
    }

    /// All of them, sorted by file and place; errors first where the place is the same.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut sorted: Vec<&Diagnostic> = self.found.iter().collect();
        sorted.sort_by_key(|d| (&d.source.name, d.span(), d.severity));
        sorted
    }

    /// All of them in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.found.iter()
    }

    /// How many were only counted.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// How many are errors.
    pub fn errors(&self) -> usize {
        let error = |d: &&Diagnostic| d.severity == Severity::Error;
        self.found.iter().filter(error).count()
    }

    /// How many are warnings.
    pub fn warnings(&self) -> usize {
        self.found.len() - self.errors()
    }

    /// Whether any is an error.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|d| d.severity == Severity::Error)
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All of them as text, a blank line between, sorted.
    pub fn render(&self, color: bool, width: usize) -> String {
        let mut texts: Vec<String> = self
            .sorted()
            .into_iter()
            .map(|diagnostic| diagnostic.render(color, width))
            .collect();
        if self.left_out > 0 {
            texts.push(format!("and {} more findings", self.left_out));
        }
        texts.join("\n\n")
    }

    /// All of them as a JSON list, sorted.
    pub fn to_json(&self) -> serde_json::Value {
        self.sorted().into_iter().map(Diagnostic::to_json).collect()
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, found: T) {
        found
            .into_iter()
            .for_each(|diagnostic| self.push(diagnostic));
    }
}

impl From<Vec<Diagnostic>> for Diagnostics {
    fn from(found: Vec<Diagnostic>) -> Self {
        let mut all = Self::new();
        all.extend(found);
        all
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.found.into_iter()
    }
}

#[cfg(test)]
mod tests;
