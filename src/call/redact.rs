//! Taking secrets out of what passes by: pure, over bytes as they come, whatever the chunks.
//!
//! All forms of all secrets make one automaton, which steps over each byte once. What could be
//! the beginning of a secret is held back until it is one, or is not; nothing else waits. Where
//! secrets overlap, all bytes of all of them go. Line breaks and backslashes inside a secret do not
//! hide it.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::{Anchored, MatchKind, PatternID, dfa, nfa};

use super::encodings::{forms, is_break, is_passed_over};
use super::secrets::Secret;
use crate::model::{SecretRef, Value};

/// Up to this many bytes of forms the fast kind of automaton is made, which needs half a kilobyte
/// for each; the lean kind needs some ten bytes.
const FAST: usize = 128 << 10;

/// How many of the first letters of a secret a line may end with that is handed on before the next
/// one is there.
const GLIMPSE: usize = 3;

/// Takes the secrets that it knows out of texts.
pub struct Redactor {
    automaton: Option<Kind>,
    /// What stands for each secret, and whose each form is.
    labels: Vec<String>,
    label_of: Vec<usize>,
    /// The length of the longest form.
    longest: usize,
}

enum Kind {
    Fast(dfa::DFA),
    Lean(nfa::contiguous::NFA),
}

impl fmt::Debug for Redactor {
    /// The automaton is made of the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor")
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

/// What stands for a secret: of a fixed form, so that it tells nothing of its length.
pub(super) fn label(reference: &SecretRef) -> String {
    let plain = |c: char| match c {
        c if c.is_ascii_alphanumeric() || "_-.:/~".contains(c) => c,
        _ => '_',
    };
    let text = match reference {
        SecretRef::Command(argv) => format!("command:{}", argv.first().map_or("", String::as_str)),
        other => other.to_string(),
    };
    let text: String = text.chars().take(60).map(plain).collect();
    format!("‹redacted {text}›")
}

impl Redactor {
    /// Knows nothing, changes nothing.
    pub fn none() -> Self {
        Self {
            automaton: None,
            labels: Vec::new(),
            label_of: Vec::new(),
            longest: 0,
        }
    }

    /// Knows these.
    pub(super) fn of<'a>(secrets: impl IntoIterator<Item = (&'a SecretRef, &'a Secret)>) -> Self {
        let mut made = Self::none();
        let mut patterns: Vec<Vec<u8>> = Vec::new();
        for (reference, secret) in secrets {
            for form in forms(secret.expose()) {
                made.longest = made.longest.max(form.len());
                made.label_of.push(made.labels.len());
                patterns.push(form);
            }
            made.labels.push(label(reference));
        }
        made.automaton = automaton(&patterns);
        for pattern in &mut patterns {
            zeroize::Zeroize::zeroize(pattern);
        }
        made
    }

    /// Whether there is nothing that it would change.
    pub fn is_idle(&self) -> bool {
        self.automaton.is_none()
    }

    /// Bytes without secrets.
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(automaton) = &self.automaton else {
            return Cow::Borrowed(bytes);
        };
        let covered = self.covered(automaton, bytes);
        if covered.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut out = Vec::with_capacity(bytes.len());
        self.write(bytes, 0, &covered, &mut out);
        Cow::Owned(out)
    }

    /// A text without secrets.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// A value without secrets, in the names of its fields too.
    pub fn value(&self, value: Value) -> Value {
        match value {
            _ if self.is_idle() => value,
            Value::Str(text) => Value::Str(self.text(&text).into_owned()),
            Value::List(items) => {
                Value::List(items.into_iter().map(|item| self.value(item)).collect())
            }
            Value::Map(map) => Value::Map(
                map.into_iter()
                    .map(|(name, item)| (self.text(&name).into_owned(), self.value(item)))
                    .collect(),
            ),
            // A number could be a secret of digits only.
            Value::Int(_) | Value::Float(_) => {
                let text = value.to_string();
                match self.text(&text) {
                    Cow::Borrowed(_) => value,
                    Cow::Owned(redacted) => Value::Str(redacted),
                }
            }
            other => other,
        }
    }

    /// What of these bytes is secret.
    fn covered(&self, automaton: &Kind, bytes: &[u8]) -> Vec<Covered> {
        let mut covered = Vec::new();
        let start = automaton.start();
        self.scan(automaton, start, bytes, 0, &mut covered);
        covered
    }

    /// Steps over the bytes from `from` on, and notes what of all bytes is secret.
    fn scan(
        &self,
        automaton: &Kind,
        state: StateID,
        bytes: &[u8],
        from: usize,
        covered: &mut Vec<Covered>,
    ) -> StateID {
        let mut found = |end: usize, pattern: PatternID, length: usize| {
            let place = back(bytes, end, length)..end;
            let label = self.label_of[pattern.as_usize()];
            cover(covered, place, label);
        };
        match automaton {
            Kind::Fast(dfa) => walk(dfa, state, bytes, from, &mut found),
            Kind::Lean(nfa) => walk(nfa, state, bytes, from, &mut found),
        }
    }

    /// Writes the bytes from `from` on, and in place of what is secret of them what stands for it.
    fn write(&self, bytes: &[u8], from: usize, covered: &[Covered], out: &mut Vec<u8>) {
        let mut at = from;
        for Covered {
            place,
            label,
            shown,
        } in covered
        {
            out.extend_from_slice(bytes.get(at..place.start).unwrap_or_default());
            if !shown {
                out.extend_from_slice(self.labels[*label].as_bytes());
            }
            at = at.max(place.end.min(bytes.len()));
        }
        out.extend_from_slice(&bytes[at..]);
    }
}

fn automaton(patterns: &[Vec<u8>]) -> Option<Kind> {
    if patterns.is_empty() {
        return None;
    }
    let total: usize = patterns.iter().map(Vec::len).sum();
    let kind = MatchKind::Standard;
    if total <= FAST
        && let Ok(dfa) = dfa::Builder::new()
            .match_kind(kind)
            .prefilter(false)
            .build(patterns)
    {
        return Some(Kind::Fast(dfa));
    }
    let built = nfa::contiguous::Builder::new()
        .match_kind(kind)
        .prefilter(false)
        .build(patterns);
    built.ok().map(Kind::Lean)
}

impl Kind {
    fn start(&self) -> StateID {
        let start = match self {
            Self::Fast(dfa) => dfa.start_state(Anchored::No),
            Self::Lean(nfa) => nfa.start_state(Anchored::No),
        };
        // Both kinds are made for searches that begin anywhere.
        start.unwrap_or(StateID::ZERO)
    }

    fn after(&self, bytes: &[u8]) -> StateID {
        let mut nothing = |_, _, _| {};
        match self {
            Self::Fast(dfa) => walk(dfa, self.start(), bytes, 0, &mut nothing),
            Self::Lean(nfa) => walk(nfa, self.start(), bytes, 0, &mut nothing),
        }
    }

    /// From where on the bytes that lead to a state could be the beginning of a secret.
    ///
    /// The automaton is in the state of the longest beginning of a form with which the bytes end.
    /// So it is in the same state after these bytes alone, and in another after fewer.
    fn pending(&self, state: StateID, bytes: &[u8]) -> usize {
        let from = |count: usize| back(bytes, bytes.len(), count);
        let same = |count: usize| self.after(&bytes[from(count)..]) == state;
        if state == self.start() {
            return bytes.len();
        }
        let (mut too_few, mut enough) = (0, 1);
        while !same(enough) {
            if from(enough) == 0 {
                return 0;
            }
            (too_few, enough) = (enough, enough * 2);
        }
        while enough - too_few > 1 {
            let middle = too_few + (enough - too_few) / 2;
            match same(middle) {
                true => enough = middle,
                false => too_few = middle,
            }
        }
        from(enough)
    }
}

/// Steps over the bytes from `from` on; of the forms that end at a byte, the longest is told.
fn walk<A: Automaton>(
    automaton: &A,
    mut state: StateID,
    bytes: &[u8],
    from: usize,
    found: &mut dyn FnMut(usize, PatternID, usize),
) -> StateID {
    let rest = bytes.get(from..).unwrap_or_default();
    for (at, byte) in (from..).zip(rest) {
        if is_passed_over(*byte) {
            continue;
        }
        state = automaton.next_state(Anchored::No, state, *byte);
        if automaton.is_special(state) && automaton.is_match(state) {
            let patterns =
                (0..automaton.match_len(state)).map(|i| automaton.match_pattern(state, i));
            if let Some(longest) = patterns.max_by_key(|pattern| automaton.pattern_len(*pattern)) {
                found(at + 1, longest, automaton.pattern_len(longest));
            }
        }
    }
    state
}

/// Where the last `count` bytes before `end` begin, those that are passed over not counted.
fn back(bytes: &[u8], end: usize, count: usize) -> usize {
    let mut left = count;
    let mut at = end;
    while left > 0 && at > 0 {
        at -= 1;
        if !is_passed_over(bytes[at]) {
            left -= 1;
        }
    }
    at
}

/// A piece that is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Covered {
    place: Range<usize>,
    label: usize,
    /// What stands for it was handed on already.
    shown: bool,
}

/// Adds a piece; those that it overlaps become one with it, under the first one's name.
fn cover(covered: &mut Vec<Covered>, place: Range<usize>, label: usize) {
    let mut whole = Covered {
        place,
        label,
        shown: false,
    };
    while let Some(last) = covered.pop_if(|last| last.place.end > whole.place.start) {
        whole = Covered {
            place: last.place.start.min(whole.place.start)..last.place.end.max(whole.place.end),
            ..last
        };
    }
    covered.push(whole);
}

/// A stream on its way through a redactor.
#[derive(Debug)]
pub struct Redacting {
    redactor: Arc<Redactor>,
    state: StateID,
    /// What could still become part of a secret.
    held: Held,
    /// How many bytes of it were handed on all the same.
    glimpsed: usize,
    /// What of it is secret.
    covered: Vec<Covered>,
}

#[derive(Default)]
struct Held(Vec<u8>);

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

impl Redacting {
    /// A stream of which nothing has come yet.
    pub fn new(redactor: Arc<Redactor>) -> Self {
        let state = redactor
            .automaton
            .as_ref()
            .map_or(StateID::ZERO, Kind::start);
        Self {
            redactor,
            state,
            held: Held::default(),
            glimpsed: 0,
            covered: Vec::new(),
        }
    }

    /// Whether nothing is held back and nothing would be changed.
    pub fn is_idle(&self) -> bool {
        self.redactor.is_idle() && self.held.0.is_empty()
    }

    /// From here on another redactor counts, which knows the same secrets and further ones; what
    /// is held back is looked at again.
    pub fn switch(&mut self, redactor: &Arc<Redactor>) {
        if Arc::ptr_eq(&self.redactor, redactor) {
            return;
        }
        *self = Self {
            held: std::mem::take(&mut self.held),
            glimpsed: self.glimpsed,
            covered: std::mem::take(&mut self.covered),
            ..Self::new(Arc::clone(redactor))
        };
        self.step(0);
    }

    /// Takes a chunk, and hands on what cannot be part of a secret any more.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let from = self.held.0.len();
        self.held.0.extend_from_slice(chunk);
        self.step(from);
        let (settled, glimpsed) = self.settled();
        self.hand_on(settled, glimpsed, out);
    }

    /// The end of the stream: all that is left is handed on.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let all = self.held.0.len();
        self.hand_on(all, all, out);
        *self = Self::new(Arc::clone(&self.redactor));
    }

    fn step(&mut self, from: usize) {
        let redactor = Arc::clone(&self.redactor);
        if let Some(automaton) = &redactor.automaton {
            let covered = &mut self.covered;
            self.state = redactor.scan(automaton, self.state, &self.held.0, from, covered);
        }
    }

    /// How much of what is held back is no part of a secret any more, and how much can be handed on.
    fn settled(&mut self) -> (usize, usize) {
        let redactor = Arc::clone(&self.redactor);
        let (Some(automaton), bytes) = (&redactor.automaton, self.held.0.as_slice()) else {
            return (self.held.0.len(), self.held.0.len());
        };
        let settled = automaton.pending(self.state, bytes);
        // A line that ends with the first letters of a secret is most probably just that; it does
        // not wait for the next one. It stays here, so that what follows is seen together with it,
        // and however many lines a secret is printed in, no more letters of it than these go out.
        let mut glimpsed = settled.max(self.glimpsed);
        let mut letters = 0;
        for (at, byte) in bytes.iter().enumerate().skip(settled) {
            if !is_break(*byte) {
                letters += usize::from(!is_passed_over(*byte));
            } else if letters <= GLIMPSE {
                glimpsed = glimpsed.max(at + 1);
            } else {
                break;
            }
        }
        // Nothing but what is passed over makes it so long.
        if bytes.len() - settled > 2 * redactor.longest + 1024 {
            self.state = automaton.start();
            return (bytes.len(), bytes.len());
        }
        (settled, glimpsed)
    }

    /// Writes what can be handed on, and lets go of what is settled of it.
    fn hand_on(&mut self, settled: usize, glimpsed: usize, out: &mut Vec<u8>) {
        let begun = |piece: &Covered| piece.place.start < glimpsed;
        let until = self.covered.iter().take_while(|piece| begun(piece)).count();
        let bytes = &self.held.0[..glimpsed];
        self.redactor
            .write(bytes, self.glimpsed, &self.covered[..until], out);
        let rest = |piece: Covered| Covered {
            place: piece.place.start.saturating_sub(settled)..piece.place.end - settled,
            shown: piece.shown || begun(&piece),
            ..piece
        };
        let pieces = self.covered.drain(..);
        let left = pieces.filter(|piece| piece.place.end > settled).map(rest);
        self.covered = left.collect();
        self.held.0.drain(..settled);
        self.glimpsed = glimpsed - settled;
    }
}

#[cfg(test)]
mod tests;
