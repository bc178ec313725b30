//! Steps: which of them there are, and what each one is.

use std::cell::Cell;

use super::kinds::{self, KINDS, Kind};
use crate::model::ids::StepId;
use crate::model::suggest::nearest;
use crate::spec::decode::{Decoder, describe};
use crate::spec::fields::Fields;
use crate::spec::limits::{MAX_NESTING, MAX_STEPS};
use crate::spec::source::Spanned;
use crate::spec::step::Step;
use crate::spec::yaml::Node;

/// Reads the steps of one file.
pub(super) struct Reader<'d> {
    pub(super) decoder: &'d Decoder,
    /// How many steps were read so far.
    count: Cell<usize>,
}

/// Where a step stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Whether the steps beside it start at the same time.
    pub(super) parallel: bool,
    /// How many blocks are around it.
    pub(super) depth: usize,
    /// In which part of the runbook.
    pub(super) part: Part,
}

/// The parts of a runbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Steps,
    Finally,
    Undo,
}

impl Place {
    pub(super) fn top(part: Part) -> Self {
        Self {
            parallel: false,
            depth: 0,
            part,
        }
    }

    pub(super) fn inside(self, parallel: bool) -> Self {
        Self {
            parallel,
            depth: self.depth + 1,
            ..self
        }
    }

    pub(super) fn undo(self) -> Self {
        Self {
            parallel: false,
            depth: self.depth + 1,
            part: Part::Undo,
        }
    }
}

impl<'d> Reader<'d> {
    pub(super) fn new(decoder: &'d Decoder) -> Self {
        Self {
            decoder,
            count: Cell::new(0),
        }
    }

    /// A list of steps; nothing of it where one could not be read.
    pub(super) fn steps(&self, node: &Node, place: Place) -> Option<Vec<Step>> {
        let decoder = self.decoder;
        let Some(items) = node.items() else {
            return decoder.unexpected(node, "a list of steps");
        };
        if items.is_empty() {
            return decoder.reject(node, "there are no steps in it");
        }
        if place.depth > MAX_NESTING {
            let message = format!("blocks lie in each other more than {MAX_NESTING} deep");
            let error = decoder.error(node.span, message).code("too-deep");
            decoder.report(error.help("take the inner steps out into a runbook of their own"));
            return None;
        }
        let read: Vec<Option<Step>> = items.iter().map(|item| self.step(item, place)).collect();
        if place.parallel {
            super::needs::check(decoder, items, &read);
        }
        read.into_iter().collect()
    }

    fn step(&self, node: &Node, place: Place) -> Option<Step> {
        if !self.counted(node) {
            return None;
        }
        let decoder = self.decoder;
        let Some(entries) = node.entries() else {
            let message = format!("a step is a mapping, found {}", describe(node));
            let error = decoder.error(node.span, message).code("wrong-type");
            let call = node.text().is_some_and(|text| text.starts_with('$'));
            decoder.report(error.maybe_help(call.then_some("write `call:` before it")));
            return None;
        };
        let there = |(key, _): &(crate::spec::yaml::Key, Node)| {
            let found = KINDS.iter().find(|(word, _)| *word == key.text);
            found.map(|(word, kind)| (*word, *kind, key.span))
        };
        let kinds: Vec<_> = entries.iter().filter_map(there).collect();
        let [(_, kind, _), rest @ ..] = kinds.as_slice() else {
            return self.does_nothing(node);
        };
        let mut fields = decoder.fields(node, kind.what())?;
        if let [(second, _, span), ..] = rest {
            let words: Vec<String> = kinds.iter().map(|(word, ..)| format!("`{word}`")).collect();
            let message = format!(
                "a step does one thing, but this has {}",
                words.join(" and ")
            );
            let error = decoder.error(*span, message).code("clash");
            let (first, _, first_span) = kinds[0];
            decoder.report(
                error
                    .also(first_span, "it does this already")
                    .help(format!("make two steps of `{first}` and `{second}`")),
            );
            for (word, ..) in rest {
                fields.node(word);
            }
        }
        let step = self.kind_of_step(node, &mut fields, *kind, place);
        kind.misplaced(&mut fields);
        fields.finish();
        step.filter(|_| rest.is_empty())
    }

    fn kind_of_step(
        &self,
        node: &Node,
        fields: &mut Fields<'_>,
        kind: Kind,
        place: Place,
    ) -> Option<Step> {
        let id = fields.entry("id");
        let named = id.is_some();
        let id = match id {
            Some((_, id)) => self
                .decoder
                .spanned(id, |node| self.decoder.id::<StepId>(node)),
            // Numbered when all steps are known.
            None => super::ids::unnumbered(node.span),
        };
        let how = self.how(fields, kind, place);
        let does = self.does(fields, kind, place);
        Some(Step {
            id: id?,
            named,
            span: node.span,
            how,
            does: does?,
        })
    }

    /// A step that does not say what it does; its keys are looked at all the same.
    fn does_nothing(&self, node: &Node) -> Option<Step> {
        let decoder = self.decoder;
        let entries = node.entries().unwrap_or_default();
        let words = || KINDS.iter().map(|(word, _)| *word);
        let mut fields = decoder.fields(node, "a step")?;
        for key in kinds::all_keys() {
            fields.node(key);
        }
        let unknown = |key: &str| !kinds::all_keys().any(|known| known == key);
        let meant = entries.iter().any(|(key, _)| {
            unknown(&key.text)
                && nearest(&key.text, kinds::all_keys())
                    .is_some_and(|near| words().any(|word| word == near))
        });
        if !meant {
            let list: Vec<&str> = words().collect();
            let message = format!("a step needs one of {}", list.join(", "));
            let span = entries.first().map_or(node.span, |(key, _)| key.span);
            decoder.report(decoder.error(span, message).code("missing-key"));
        }
        fields.finish();
        None
    }

    /// Counts a step; one too many is said once, and no more are read.
    pub(super) fn counted(&self, node: &Node) -> bool {
        let count = self.count.get() + 1;
        self.count.set(count);
        if count == MAX_STEPS + 1 {
            let message = format!("a runbook has at most {MAX_STEPS} steps");
            let error = self.decoder.error(node.span, message);
            self.decoder.report(error.code("too-large"));
        }
        count <= MAX_STEPS
    }
}

/// A key's node with its place, where a reader reads it.
pub(super) fn spanned<T>(node: &Node, value: Option<T>) -> Option<Spanned<T>> {
    value.map(|value| Spanned::new(value, node.span))
}
