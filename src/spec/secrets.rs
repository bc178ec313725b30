//! Secrets in files: where they are found, and never they themselves.
//!
//! A text that stands where a reference should be may be the secret itself. So neither it nor its
//! line is shown.

use super::decode::Decoder;
use super::diagnostic::Diagnostic;
use super::source::Span;
use super::yaml::{Kind, Node};
use crate::model::secret::{NoReference, SecretRef};
use crate::model::{Shape, Value};

/// How a secret is written in a file.
pub const WRITE: &str = "write `{ secret: env:NAME }`, `{ secret: file:/PATH }` or `{ secret: { command: [program, word] } }`";

/// How a runbook hands on a secret that it was given.
pub const BY_NAME: &str =
    "give it as a parameter of `type: secret`, and hand that on: \"{{ params.token }}\"";

/// Where a secret may go.
pub const MAY_GO: &str = "a secret goes into a variable of `env:`, by `with:` into an argument of `type: secret`, or into an HTTP request";

/// Whether a value of this type may stand where only what may be seen stands: nothing, or why not.
pub fn misplaced(shape: &Shape) -> Option<&'static str> {
    match shape {
        Shape::Secret => Some("this is a secret, and what stands here can be seen"),
        shape if shape.has_secret() => {
            Some("this holds a secret, and what stands here can be seen")
        }
        _ => None,
    }
}

/// Whether a template of this type may fill a variable: one that holds a secret may not, one that
/// is a secret may.
pub fn misplaced_in_env(shape: &Shape) -> Option<&'static str> {
    match shape {
        Shape::Secret => None,
        shape => misplaced(shape),
    }
}

impl Decoder {
    /// `{ secret: … }`
    pub fn secret(&self, node: &Node) -> Option<SecretRef> {
        let mut fields = self.fields(node, "a secret")?;
        let found = fields.required("secret", |node| self.secret_place(node));
        fields.finish();
        found
    }

    /// `env:NAME`, `file:/PATH` or `{ command: [program, word] }`.
    fn secret_place(&self, node: &Node) -> Option<SecretRef> {
        if let Kind::Map(_) = node.kind {
            let mut fields = self.fields(node, "where a secret is found")?;
            let argv = fields.required("command", |node| self.list(node, |item| self.string(item)));
            fields.finish();
            return self.reference(node.span, SecretRef::command(argv?));
        }
        let text = node.text().unwrap_or_default();
        let read = match text.starts_with("command:") {
            true => text.parse(),
            false => SecretRef::given(text),
        };
        self.reference(node.span, read)
    }

    /// A value of `type: secret` that a file gives: a mapping, or its inside alone.
    pub(super) fn secret_value(&self, node: &Node) -> Option<Value> {
        let found = match node.kind {
            Kind::Map(_) => self.secret(node),
            _ => self.secret_place(node),
        };
        found.map(Value::Secret)
    }

    fn reference(&self, span: Span, read: Result<SecretRef, NoReference>) -> Option<SecretRef> {
        match read {
            Ok(found) => Some(found),
            Err(why) => {
                let error = self.error(span, why.to_string()).code("secret");
                self.report(error.help(WRITE).unseen());
                None
            }
        }
    }

    /// Says where a secret may not stand.
    pub(super) fn misplaced_secret(&self, span: Span, why: &str) {
        self.report(misplaced_at(self.error(span, why)));
    }
}

/// The finding, with what to do.
pub(super) fn misplaced_at(error: Diagnostic) -> Diagnostic {
    error.code("secret").help(MAY_GO)
}
