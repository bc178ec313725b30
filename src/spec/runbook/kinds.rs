//! What a step can do, and which keys may stand beside it.

use crate::spec::fields::Fields;

/// What a step does, by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Call,
    Run,
    Manual,
    Ask,
    Pause,
    Include,
    Block,
}

use Kind::{Ask, Block, Call, Include, Manual, Pause, Run};

/// The key that makes a step what it is.
pub(super) const KINDS: [(&str, Kind); 7] = [
    ("call", Call),
    ("run", Run),
    ("manual", Manual),
    ("ask", Ask),
    ("pause", Pause),
    ("runbook", Include),
    ("steps", Block),
];

const ALL: &[Kind] = &[Call, Run, Manual, Ask, Pause, Include, Block];
const CALLS: &[Kind] = &[Call, Run];
/// What does something that can be gated, repeated for items and taken back.
const WORK: &[Kind] = &[Call, Run, Manual, Include, Block];

/// Each key, and what it may stand beside.
const KEYS: &[(&str, &[Kind])] = &[
    ("id", ALL),
    ("title", ALL),
    ("why", ALL),
    ("if", ALL),
    ("require", ALL),
    ("needs", ALL),
    ("on_failure", ALL),
    ("call", &[Call]),
    ("run", &[Run]),
    ("manual", &[Manual]),
    ("ask", &[Ask]),
    ("pause", &[Pause]),
    ("runbook", &[Include]),
    ("steps", &[Block]),
    ("parallel", &[Block]),
    ("for_each", WORK),
    ("as", WORK),
    ("key", WORK),
    ("max_parallel", WORK),
    ("max_failures", WORK),
    ("gate", WORK),
    ("undo", WORK),
    ("retry", &[Call, Run, Include, Block]),
    ("timeout", CALLS),
    ("effect", CALLS),
    ("expect", CALLS),
    ("until", CALLS),
    ("every", CALLS),
    ("within", CALLS),
    ("hold", CALLS),
    ("repeat", CALLS),
    ("with", &[Call, Include]),
    ("env", &[Run]),
    ("dir", &[Run]),
    ("shell", &[Run]),
    ("output", &[Run]),
    ("ok", &[Run]),
    ("idempotent", &[Run]),
    ("sensitive", &[Run]),
    ("example", &[Run]),
    ("by", &[Manual]),
    ("reveal", &[Manual]),
    ("choices", &[Ask]),
    ("suggest", &[Ask]),
];

/// The keys of a question's type, which parameters have too.
const TYPE_KEYS: [&str; 2] = ["type", "of"];

impl Kind {
    /// What such a step is called in messages.
    pub(super) fn what(self) -> &'static str {
        match self {
            Call => "a `call` step",
            Run => "a `run` step",
            Manual => "a `manual` step",
            Ask => "an `ask` step",
            Pause => "a `pause` step",
            Include => "a `runbook` step",
            Block => "a block",
        }
    }

    /// Whether a key may stand here.
    pub(super) fn takes(self, key: &str) -> bool {
        let listed = KEYS.iter().find(|(name, _)| *name == key);
        listed.is_some_and(|(_, kinds)| kinds.contains(&self))
            || (self == Ask && TYPE_KEYS.contains(&key))
    }

    /// Says of every key that belongs to other kinds where it belongs.
    pub(super) fn misplaced(self, fields: &mut Fields<'_>) {
        for (key, kinds) in KEYS.iter().copied() {
            if fields.has(key) && !kinds.contains(&self) {
                let doing = KINDS.iter().any(|(word, _)| *word == key);
                // Two things to do at once are said where the step is read.
                if doing {
                    fields.node(key);
                } else if key == "timeout" && matches!(self, Manual | Ask) {
                    fields.unavailable(key, "remove it: a person has the time that it takes");
                } else {
                    fields.misplaced(key, &belongs(key, kinds));
                }
            }
        }
        for key in TYPE_KEYS {
            if self != Ask && fields.has(key) {
                fields.misplaced(key, &belongs(key, &[Ask]));
            }
        }
        fields.unavailable("grace", "remove it");
    }
}

fn belongs(key: &str, kinds: &[Kind]) -> String {
    let word = |kind: &Kind| {
        let found = KINDS.iter().find(|(_, other)| other == kind);
        found.map_or("", |(word, _)| *word)
    };
    let words: Vec<String> = kinds
        .iter()
        .map(|kind| format!("`{}`", word(kind)))
        .collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => format!("`{key}` stands beside {one} only"),
        [rest @ .., last] => format!("`{key}` stands beside {} or {last}", rest.join(", ")),
    }
}

/// All keys of a step, for the nearest one where nothing says what the step does.
pub(in crate::spec) fn all_keys() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|(key, _)| *key).chain(TYPE_KEYS)
}
