//! The entries of a mapping with fixed keys: each is asked for by name, what is left is unknown.

use super::decode::{Decoder, describe};
use super::source::Span;
use super::yaml::{Key, Node};
use crate::model::suggest::nearest;
use crate::model::text::{clip, escape_controls};

/// A mapping that is being read. See [`Decoder`] for how it is used.
#[derive(Debug)]
#[must_use = "unknown keys are only reported by `finish`"]
pub struct Fields<'a> {
    decoder: &'a Decoder,
    /// What this is, with its article: `a step`.
    what: &'static str,
    span: Span,
    entries: &'a [(Key, Node)],
    /// The keys that were asked for, in that order.
    known: Vec<&'static str>,
    /// The keys that later versions know.
    later: Vec<&'static str>,
}

impl Decoder {
    /// The entries of a mapping; `what` is what it describes, with its article: `a step`.
    pub fn fields<'a>(&'a self, node: &'a Node, what: &'static str) -> Option<Fields<'a>> {
        let Some(entries) = node.entries() else {
            let message = format!("{what} is a mapping, found {}", describe(node));
            self.report(self.error(node.span, message).code("wrong-type"));
            return None;
        };
        Some(Fields {
            decoder: self,
            what,
            span: node.span,
            entries,
            known: Vec::with_capacity(16),
            later: Vec::new(),
        })
    }
}

impl<'a> Fields<'a> {
    fn find(&self, name: &str) -> Option<&'a (Key, Node)> {
        self.entries.iter().find(|(key, _)| key.text == name)
    }

    /// The decoder that reads this mapping.
    pub fn decoder(&self) -> &'a Decoder {
        self.decoder
    }

    /// Where the mapping is written.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The node of a key, which is known from now on.
    pub fn node(&mut self, name: &'static str) -> Option<&'a Node> {
        self.entry(name).map(|(_, node)| node)
    }

    /// The key and the node of a key, which is known from now on.
    pub fn entry(&mut self, name: &'static str) -> Option<&'a (Key, Node)> {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
        self.find(name)
    }

    /// Whether a key is there; it does not become known by this.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Where a key is written, for messages about what does not go together.
    pub fn key_span(&self, name: &str) -> Option<Span> {
        self.find(name).map(|(key, _)| key.span)
    }

    /// A value that must be there. Nothing, where it is missing or cannot be read; either is said.
    pub fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Node) -> Option<T>,
    ) -> Option<T> {
        match self.node(name) {
            Some(node) => read(node),
            None => {
                self.missing(name);
                None
            }
        }
    }

    /// A value that may be there. Nothing, where it is not, or cannot be read, which is said.
    pub fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Node) -> Option<T>,
    ) -> Option<T> {
        self.node(name).and_then(read)
    }

    /// `true` where a key says so, `false` where it says so or is not there.
    pub fn flag(&mut self, name: &'static str) -> bool {
        let decoder = self.decoder;
        self.optional(name, |node| decoder.bool(node))
            .unwrap_or(false)
    }

    /// Says that a key is missing.
    pub fn missing(&self, name: &str) {
        let message = format!("{} needs the key `{name}`", self.what);
        let error = self.decoder.error(self.span, message);
        self.decoder.report(error.code("missing-key"));
    }

    /// A key that is part of the format, but not of this version; `help` is what to do instead.
    pub fn unavailable(&mut self, name: &'static str, help: &str) {
        self.later.push(name);
        if let Some((key, _)) = self.find(name) {
            let message = format!("`{name}` is not available in this version");
            let error = self.decoder.error(key.span, message);
            self.decoder.report(error.code("not-available").help(help));
        }
    }

    /// A key that is right elsewhere, or under another name; `help` says where.
    pub fn misplaced(&mut self, name: &'static str, help: &str) {
        self.later.push(name);
        if let Some((key, _)) = self.find(name) {
            let message = format!("{} has no key `{name}`", self.what);
            let error = self.decoder.error(key.span, message);
            self.decoder.report(error.code("unknown-key").help(help));
        }
    }

    /// Which of these keys are there: for things that are exactly one of several.
    pub fn which(&self, names: &[&'static str]) -> Vec<&'static str> {
        let there = names.iter().copied();
        there.filter(|name| self.has(name)).collect()
    }

    /// Reports the keys that nobody asked for, each with the nearest one, and what is allowed.
    pub fn finish(self) {
        for (key, _) in self.entries {
            let text = key.text.as_str();
            if self.known.contains(&text) || self.later.contains(&text) {
                continue;
            }
            if self.decoder.is_full() {
                return;
            }
            let shown = escape_controls(&clip(text, 60)).into_owned();
            let message = format!("{} has no key `{shown}`", self.what);
            let near = nearest(text, self.known.iter().copied());
            self.decoder.report(
                self.decoder
                    .error(key.span, message)
                    .code("unknown-key")
                    .maybe_help(near.map(|near| format!("did you mean `{near}`?")))
                    .help(format!("its keys are {}", self.known.join(", "))),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::yaml::read;

    fn found(text: &str) -> String {
        let (source, root) = read("t.yaml", text.as_bytes()).unwrap();
        let decoder = Decoder::new(&source);
        if let Some(mut fields) = decoder.fields(&root, "a step") {
            fields.required("title", |node| decoder.line(node));
            fields.optional("timeout", |node| decoder.duration(node));
            fields.flag("parallel");
            fields.unavailable("approvals", "remove it");
            fields.misplaced("name", "write `title:`");
            fields.finish();
        }
        decoder.finish().render(false, 100)
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        assert_eq!(found("title: x\nparallel: true\ntimeout: 5m\n"), "");
        insta::assert_snapshot!(found("tite: x\ntimeout: [1]\nparallel: on\napprovals: 2\nname: y\nzzz: 1\n"), @r#"
        error[unknown-key]: a step has no key `tite`
         --> t.yaml:1:1
          |
        1 | tite: x
          | ^^^^
          |
          = help: did you mean `title`?
          = help: its keys are title, timeout, parallel

        error[missing-key]: a step needs the key `title`
         --> t.yaml:1:1
          |
        1 | tite: x
          | ^^^^^^^

        error[wrong-type]: expected a duration such as 30s or 5m, found a list
         --> t.yaml:2:10
          |
        2 | timeout: [1]
          |          ^^^

        error[wrong-type]: expected true or false, found `on`
         --> t.yaml:3:11
          |
        3 | parallel: on
          |           ^^
          |
          = help: write `true`

        error[not-available]: `approvals` is not available in this version
         --> t.yaml:4:1
          |
        4 | approvals: 2
          | ^^^^^^^^^
          |
          = help: remove it

        error[unknown-key]: a step has no key `name`
         --> t.yaml:5:1
          |
        5 | name: y
          | ^^^^
          |
          = help: write `title:`

        error[unknown-key]: a step has no key `zzz`
         --> t.yaml:6:1
          |
        6 | zzz: 1
          | ^^^
          |
          = help: its keys are title, timeout, parallel
        "#);
        insta::assert_snapshot!(found("- a\n"), @r#"
        error[wrong-type]: a step is a mapping, found a list
         --> t.yaml:1:1
          |
        1 | - a
          | ^^^
        "#);
    }

    #[test]
    fn a_thousand_unknown_keys_are_not_all_shown() {
        let text: String = (0..1000).map(|i| format!("k{i}: 1\n")).collect();
        let (source, root) = read("t.yaml", text.as_bytes()).unwrap();
        let decoder = Decoder::new(&source);
        decoder.fields(&root, "a step").unwrap().finish();
        assert_eq!(
            decoder.finish().errors(),
            super::super::diagnostic::MAX_FINDINGS
        );
    }
}
