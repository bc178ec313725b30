//! What can be wrong with an expression, and where in its source.

use std::fmt;
use std::ops::Range;

use super::names::NameError;

/// What kind of wrong it is: callers treat "not yet" and "broken" differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExprErrorKind {
    /// The source cannot be read, or uses what this language leaves out.
    Syntax,
    /// A bound was exceeded: see [`super::limits`].
    Limit,
    /// A name or a field that is not there.
    Name,
    /// A type that does not belong here: a comparison of a duration with a string.
    Type,
    /// A value of the right type that cannot be used: a division by zero, an overflow.
    Value,
    /// The name is known, and will never have a value: the output of a skipped step.
    Unavailable,
    /// The name is known, and its value is not known *yet*.
    NotYet,
}

/// An error of an expression or a template. The message is a lower-case fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExprError {
    /// Of which kind.
    pub kind: ExprErrorKind,
    /// What is wrong, with the values that differ. Safe for a terminal: values in it are escaped.
    pub message: String,
    /// Where, in bytes of the source that was parsed.
    pub span: Option<Range<usize>>,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
}

impl ExprError {
    pub(super) fn new(kind: ExprErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            span: None,
            hint: None,
        }
    }

    pub(super) fn syntax(message: impl Into<String>) -> Self {
        Self::new(ExprErrorKind::Syntax, message)
    }

    pub(super) fn limit(message: impl Into<String>) -> Self {
        Self::new(ExprErrorKind::Limit, message)
    }

    pub(super) fn ty(message: impl Into<String>) -> Self {
        Self::new(ExprErrorKind::Type, message)
    }

    pub(super) fn value(message: impl Into<String>) -> Self {
        Self::new(ExprErrorKind::Value, message)
    }

    pub(super) fn name(error: NameError) -> Self {
        Self::new(ExprErrorKind::Name, error.message).nearest(error.nearest.as_deref())
    }

    /// The same with its place, unless it has one already: the innermost place is the best one.
    pub(super) fn at(mut self, span: &Range<usize>) -> Self {
        self.span.get_or_insert_with(|| span.clone());
        self
    }

    /// The same with what to write instead.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn nearest(self, nearest: Option<&str>) -> Self {
        match nearest {
            Some(name) => self.hint(format!("did you mean `{name}`?")),
            None => self,
        }
    }

    /// The same for a source in which this one begins at an offset.
    pub(super) fn shifted(mut self, offset: usize) -> Self {
        self.span = self.span.map(|span| span.start + offset..span.end + offset);
        self
    }

    /// Whether the value may still come: everything else is broken for good.
    pub fn is_not_yet(&self) -> bool {
        self.kind == ExprErrorKind::NotYet
    }
}

impl fmt::Display for ExprError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ExprError {}
