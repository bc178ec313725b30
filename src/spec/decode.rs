//! Readers of values, for whoever turns a tree into definitions.
//!
//! A reader gives the value, or says what is wrong and gives nothing: so all that is wrong with a
//! file is said at once, and a definition is built only from parts that were all read.
//!
//! ```
//! use runbook::model::{Duration, Effect};
//! use runbook::spec::{Decoder, yaml};
//!
//! struct Action { title: String, effect: Effect, timeout: Duration, names: Vec<String> }
//!
//! fn action(decoder: &Decoder, node: &yaml::Node) -> Option<Action> {
//!     let mut fields = decoder.fields(node, "an action")?;
//!     let title = fields.required("title", |node| decoder.line(node));
//!     let effect = fields.required("effect", |node| decoder.one_of(node, &Effect::ALL));
//!     let timeout = fields.optional("timeout", |node| decoder.duration(node));
//!     let names = fields.optional("names", |node| decoder.list(node, |item| decoder.line(item)));
//!     fields.unavailable("approvals", "remove it");
//!     fields.finish();
//!     Some(Action {
//!         title: title?,
//!         effect: effect?,
//!         timeout: timeout.unwrap_or(Duration::from_secs(300)),
//!         names: names.unwrap_or_default(),
//!     })
//! }
//!
//! let (source, root) = yaml::read("x.yaml", b"title: Look\neffect: raed\ntimeot: 5m\n").unwrap();
//! let decoder = Decoder::new(&source);
//! assert!(action(&decoder, &root).is_none());
//! let messages: Vec<_> = decoder.finish().iter().map(|d| d.message.clone()).collect();
//! assert_eq!(messages, ["`raed` is not one of read, change, destructive", "an action has no key `timeot`"]);
//! ```

use std::cell::RefCell;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::source::{Source, Span, Spanned};
use super::yaml::{self, Key, Kind, Node};
use crate::model::suggest::nearest;
use crate::model::text::{clip, escape_controls};
use crate::model::{Duration, Size};

/// Reads a file with a reader of its root. Nothing, where there are errors; all that was found is
/// added to `found`.
pub fn decode<T>(
    name: &str,
    bytes: &[u8],
    found: &mut Diagnostics,
    read: impl FnOnce(&Decoder, &Node) -> Option<T>,
) -> Option<T> {
    match yaml::read(name, bytes) {
        Err(errors) => {
            found.extend(errors);
            None
        }
        Ok((source, root)) => {
            let decoder = Decoder::new(&source);
            let value = read(&decoder, &root);
            let value = value.filter(|_| !decoder.has_errors());
            found.merge(decoder.finish());
            value
        }
    }
}

/// Reads values of one file and collects what is wrong with them.
#[derive(Debug)]
pub struct Decoder {
    source: Arc<Source>,
    found: RefCell<Diagnostics>,
}

impl Decoder {
    /// A decoder of this file's tree.
    pub fn new(source: &Arc<Source>) -> Self {
        Self {
            source: Arc::clone(source),
            found: RefCell::default(),
        }
    }

    /// The file.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Everything that was found.
    pub fn finish(self) -> Diagnostics {
        self.found.into_inner()
    }

    /// Whether an error was found so far.
    pub fn has_errors(&self) -> bool {
        self.found.borrow().has_errors()
    }

    /// Whether so much was found that looking for more is of no use.
    pub(super) fn is_full(&self) -> bool {
        self.found.borrow().left_out() > 0
    }

    /// Says what is wrong.
    pub fn report(&self, diagnostic: Diagnostic) {
        self.found.borrow_mut().push(diagnostic);
    }

    /// An error at a place of this file, still to be reported.
    pub fn error(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(&self.source, span, message)
    }

    /// Reports an error at a node and gives nothing: what a reader ends with.
    pub fn reject<T>(&self, node: &Node, message: impl Into<String>) -> Option<T> {
        self.report(self.error(node.span, message));
        None
    }

    /// Reports that a node is not what was expected.
    pub fn unexpected<T>(&self, node: &Node, expected: impl Display) -> Option<T> {
        let message = format!("expected {expected}, found {}", describe(node));
        self.report(self.error(node.span, message).code("wrong-type"));
        None
    }

    /// A text. Numbers, `true` and the like are texts too, as they are written; nothing is not.
    pub fn string(&self, node: &Node) -> Option<String> {
        self.text(node, "a text").map(str::to_owned)
    }

    /// A text of one line that is not empty: titles, messages, words.
    pub fn line(&self, node: &Node) -> Option<String> {
        let text = self.text(node, "a text of one line")?;
        if text.trim().is_empty() {
            return self.unexpected(node, "a text");
        }
        if text.trim_end_matches('\n').contains('\n') {
            return self.unexpected(node, "a text of one line");
        }
        Some(text.trim_end_matches('\n').to_owned())
    }

    /// The text of a scalar that is not null.
    pub fn text<'n>(&self, node: &'n Node, expected: &str) -> Option<&'n str> {
        match node.text() {
            None => self.unexpected(node, expected),
            found => found,
        }
    }

    /// The text of a scalar without quotes: what may be a number, or true.
    fn plain<'n>(&self, node: &'n Node, expected: &str) -> Option<&'n str> {
        match node.scalar() {
            Some(scalar) if scalar.plain => Some(&scalar.text),
            _ => self.unexpected(node, expected),
        }
    }

    /// `true` or `false`, and nothing else.
    pub fn bool(&self, node: &Node) -> Option<bool> {
        match self.plain(node, "true or false")? {
            "true" => Some(true),
            "false" => Some(false),
            text => {
                let meant = match text.to_ascii_lowercase().as_str() {
                    "yes" | "on" | "y" | "true" | "1" => Some("write `true`"),
                    "no" | "off" | "n" | "false" | "0" => Some("write `false`"),
                    _ => None,
                };
                let message = format!("expected true or false, found {}", describe(node));
                let error = self.error(node.span, message).code("wrong-type");
                self.report(error.maybe_help(meant));
                None
            }
        }
    }

    /// A whole number that is not negative.
    pub fn u32(&self, node: &Node) -> Option<u32> {
        let expected = "a whole number";
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let text = self.plain(node, expected)?;
        let number = Some(text).filter(|text| digits(text)).map(str::parse);
        match number {
            Some(Ok(number)) => Some(number),
            Some(Err(_)) => self.unexpected(node, format!("a whole number up to {}", u32::MAX)),
            None => self.unexpected(node, expected),
        }
    }

    /// A whole number of at least 1.
    pub fn count(&self, node: &Node) -> Option<u32> {
        match self.u32(node)? {
            0 => self.unexpected(node, "a number of at least 1"),
            number => Some(number),
        }
    }

    /// A number.
    pub fn number(&self, node: &Node) -> Option<f64> {
        let text = self.plain(node, "a number")?;
        // Rust reads `inf` and `nan` too, which are no numbers to compare with.
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Some(number),
            _ => self.unexpected(node, "a number"),
        }
    }

    /// A length of time: `30s`.
    pub fn duration(&self, node: &Node) -> Option<Duration> {
        self.parse(node, "a duration such as 30s or 5m")
    }

    /// An amount of data: `16 KiB`.
    pub fn size(&self, node: &Node) -> Option<Size> {
        self.parse(node, "a size such as 16 KiB")
    }

    /// An id of any kind.
    pub fn id<T: FromStr>(&self, node: &Node) -> Option<T>
    where
        T::Err: Display,
    {
        self.parse(node, "a name")
    }

    /// Whatever has a written form; its own error says what is wrong with it.
    pub fn parse<T: FromStr>(&self, node: &Node, expected: &str) -> Option<T>
    where
        T::Err: Display,
    {
        match self.text(node, expected)?.parse() {
            Ok(value) => Some(value),
            Err(error) => self.reject(node, error.to_string()),
        }
    }

    /// A key as an id of any kind.
    pub fn key<T: FromStr>(&self, key: &Key) -> Option<T>
    where
        T::Err: Display,
    {
        match key.text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.report(self.error(key.span, error.to_string()));
                None
            }
        }
    }

    /// One of a few words.
    pub fn one_of<T: Copy>(&self, node: &Node, words: &[(&str, T)]) -> Option<T> {
        let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let list = list.join(", ");
        let text = self.text(node, &format!("one of {list}"))?;
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Some(*value),
            None => {
                let shown = shown(text);
                let message = format!("`{shown}` is not one of {list}");
                let near = nearest(text, words.iter().map(|(word, _)| *word));
                let help = near.map(|near| format!("did you mean `{near}`?"));
                let error = self.error(node.span, message).code("wrong-word");
                self.report(error.maybe_help(help));
                None
            }
        }
    }

    /// A list. Every item is read, so that all that is wrong is said; one that cannot be read
    /// leaves nothing.
    pub fn list<T>(&self, node: &Node, mut item: impl FnMut(&Node) -> Option<T>) -> Option<Vec<T>> {
        match node.items() {
            None => self.unexpected(node, "a list"),
            Some(items) => {
                let read: Vec<Option<T>> = items.iter().map(&mut item).collect();
                read.into_iter().collect()
            }
        }
    }

    /// A list, or a single item without its brackets.
    pub fn one_or_list<T>(
        &self,
        node: &Node,
        mut item: impl FnMut(&Node) -> Option<T>,
    ) -> Option<Vec<T>> {
        match node.kind {
            Kind::Seq(_) => self.list(node, item),
            _ => item(node).map(|item| vec![item]),
        }
    }

    /// A mapping whose keys are names of the file's own. Every entry is read; one that cannot be
    /// read leaves nothing.
    pub fn mapping<T, M: FromIterator<T>>(
        &self,
        node: &Node,
        mut entry: impl FnMut(&Key, &Node) -> Option<T>,
    ) -> Option<M> {
        match node.entries() {
            None => self.unexpected(node, "a mapping"),
            Some(entries) => {
                let read: Vec<Option<T>> = entries.iter().map(|(k, n)| entry(k, n)).collect();
                read.into_iter().collect()
            }
        }
    }

    /// What another reader reads, with its place.
    pub fn spanned<T>(
        &self,
        node: &Node,
        read: impl FnOnce(&Node) -> Option<T>,
    ) -> Option<Spanned<T>> {
        Some(Spanned::new(read(node)?, node.span))
    }
}

/// What a node is, as it is said in a message: ``the text `x` ``, `a list`, `nothing`.
pub fn describe(node: &Node) -> String {
    match &node.kind {
        Kind::Seq(_) => "a list".to_owned(),
        Kind::Map(_) => "a mapping".to_owned(),
        Kind::Scalar(scalar) if scalar.is_null() && scalar.text.is_empty() => "nothing".to_owned(),
        Kind::Scalar(scalar) if scalar.plain => format!("`{}`", shown(&scalar.text)),
        Kind::Scalar(scalar) => format!("the text \"{}\"", shown(&scalar.text)),
    }
}

fn shown(text: &str) -> String {
    escape_controls(&clip(text, 60)).into_owned()
}

#[cfg(test)]
mod tests;
