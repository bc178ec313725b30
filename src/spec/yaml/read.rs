//! Bytes into a tree.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};

use super::node::{Key, Kind, Node, Scalar};
use super::words::{syntax_error, unsafe_character};
use crate::model::text::is_unsafe;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::source::{Source, Span};

/// The longest file that is read, in bytes: 50,000 steps.
pub const MAX_BYTES: usize = 4 << 20;

/// How many lists and mappings may lie in each other.
pub const MAX_DEPTH: usize = 64;

/// How many scalars, lists and mappings a file may hold.
///
/// A file of 100,000 steps needs 800,000; a hostile one of [`MAX_BYTES`] could hold two million,
/// 40 times its own size in memory.
pub const MAX_NODES: usize = 1_000_000;

/// After so many findings, reading stops.
const ENOUGH: usize = 20;

/// Reads a file: its tree, or all that is wrong with it.
///
/// `name` is the path as it is shown. Time and memory are bounded by the limits of this module
/// whatever the bytes are. A file without any content is an empty plain scalar.
pub fn read(name: &str, bytes: &[u8]) -> Result<(Arc<Source>, Node), Vec<Diagnostic>> {
    let source = Arc::new(text_of(name, bytes).map_err(|diagnostic| vec![*diagnostic])?);
    let found = unsafe_characters(&source);
    if !found.is_empty() {
        return Err(found);
    }
    let mut reader = Reader::new(&source);
    reader.run();
    match (reader.found, reader.root) {
        (found, root) if found.is_empty() => {
            let root = root.unwrap_or_else(|| scalar(String::new(), true, Span::at(0)));
            Ok((source, root))
        }
        (found, _) => Err(found),
    }
}

fn text_of(name: &str, bytes: &[u8]) -> Result<Source, Box<Diagnostic>> {
    if bytes.len() > MAX_BYTES {
        let source = Arc::new(Source::unread(name));
        let message = format!(
            "the file has {} bytes; at most {MAX_BYTES} are read",
            bytes.len()
        );
        return Err(Box::new(
            Diagnostic::of_file(&source, message).code("too-large"),
        ));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(name, text)),
        Err(error) => {
            let at = error.valid_up_to();
            let source = Arc::new(Source::new(name, String::from_utf8_lossy(bytes)));
            let message = format!("the file is not UTF-8: byte {at} cannot be read");
            let span = Span::new(at, at + '\u{fffd}'.len_utf8());
            Err(Box::new(
                Diagnostic::error(&source, span, message)
                    .code("not-utf8")
                    .help("save the file as UTF-8"),
            ))
        }
    }
}

fn unsafe_characters(source: &Arc<Source>) -> Vec<Diagnostic> {
    let text = &source.text;
    let unwanted = |(at, c): &(usize, char)| match c {
        ' '..='~' | '\n' | '\t' => false,
        '\r' => text.as_bytes().get(at + 1) != Some(&b'\n'),
        c => is_unsafe(*c),
    };
    text.char_indices()
        .filter(unwanted)
        .take(ENOUGH)
        .map(|(at, c)| unsafe_character(source, Span::new(at, at + c.len_utf8()), c))
        .collect()
}

fn scalar(text: String, plain: bool, span: Span) -> Node {
    Node {
        span,
        kind: Kind::Scalar(Scalar { text, plain }),
    }
}

/// A list or mapping that is not over yet.
struct Open {
    start: Span,
    flow: bool,
    what: Items,
}

enum Items {
    Seq(Vec<Node>),
    Map(Vec<(Key, Node)>, Option<Key>),
}

/// Builds the tree from events, with its own stack: nothing here recurses.
struct Reader<'s> {
    source: &'s Arc<Source>,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    documents: usize,
    /// Where the newest event was.
    last: Span,
    found: Vec<Diagnostic>,
}

impl<'s> Reader<'s> {
    fn new(source: &'s Arc<Source>) -> Self {
        Self {
            source,
            open: Vec::new(),
            root: None,
            nodes: 0,
            documents: 0,
            last: Span::default(),
            found: Vec::new(),
        }
    }

    fn run(&mut self) {
        let options = granit_parser::options! {
            disallow_directives: true,
            emit_unresolved_aliases: true,
            emit_anchor_events: true,
            emit_comments: false,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        let source = Arc::clone(self.source);
        for next in Parser::new_from_str_with_options(&source.text, options) {
            match next {
                Ok((event, span)) => self.take(event, &span),
                Err(error) => {
                    let after = self.last.end as usize;
                    self.found.push(syntax_error(self.source, &error, after));
                    return;
                }
            }
            if self.documents > 1
                || self.open.len() > MAX_DEPTH
                || self.nodes > MAX_NODES
                || self.found.len() >= ENOUGH
            {
                return;
            }
        }
    }

    fn take(&mut self, event: Event<'_>, at: &granit_parser::Span) {
        let span = at
            .byte_range()
            .map_or(Span::default(), |range| Span::new(range.start, range.end));
        self.last = span;
        if let Some(tag) = at.tag_span().and_then(|tag| tag.byte_range()) {
            let tag = Span::new(tag.start, tag.end);
            self.refuse(tag, "tags are not supported", "write the value without it");
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let message = "only one document a file is supported";
                    self.refuse(
                        span,
                        message,
                        "move what follows `---` to a file of its own",
                    );
                }
            }
            Event::Scalar(text, style, ..) => self.scalar(&text, style, span),
            Event::SequenceStart(style, ..) => {
                self.begin(Items::Seq(Vec::new()), style, span);
            }
            Event::MappingStart(style, ..) => {
                self.begin(Items::Map(Vec::new(), None), style, span);
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Anchor(..) => {
                let help =
                    "write the value where it is used, or put text that begins with `&` in quotes";
                self.refuse(span, "anchors are not supported", help);
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let help = "write the value here, or put text that begins with `*` in quotes";
                self.refuse(span, "aliases are not supported", help);
                self.add(scalar(String::new(), true, span));
            }
            _ => {}
        }
    }

    fn refuse(&mut self, span: Span, message: &str, help: &str) {
        let diagnostic = Diagnostic::error(self.source, span, message);
        self.found.push(diagnostic.code("yaml-feature").help(help));
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) {
        let plain = style == ScalarStyle::Plain;
        // The parser says `~` for a value that was left out.
        let text = if plain && span.is_empty() { "" } else { text };
        let span = match style {
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let written = self.source.slice(span).trim_end().len();
                Span::new(span.start as usize, span.start as usize + written)
            }
            _ => span,
        };
        // Escapes can bring in what the bytes did not hold.
        if style == ScalarStyle::DoubleQuoted
            && let Some(c) = text.chars().find(|c| is_unsafe(*c) && !"\n\t".contains(*c))
        {
            self.found.push(unsafe_character(self.source, span, c));
        }
        self.add(scalar(text.to_owned(), plain, span));
    }

    fn begin(&mut self, what: Items, style: StructureStyle, start: Span) {
        let flow = style == StructureStyle::Flow;
        self.open.push(Open { start, flow, what });
        if self.open.len() > MAX_DEPTH {
            let message = format!("nested deeper than {MAX_DEPTH} levels");
            let diagnostic = Diagnostic::error(self.source, start, message);
            self.found.push(diagnostic.code("too-deep"));
        }
    }

    fn end(&mut self, end: Span) {
        let Some(Open { start, flow, what }) = self.open.pop() else {
            return;
        };
        // A block's end is noticed only at what follows it, so its last child says where it ends.
        let last = match &what {
            Items::Seq(items) => items.last().map(|node| node.span),
            Items::Map(entries, _) => entries.last().map(|(_, node)| node.span),
        };
        let span = start.to(if flow { end } else { last.unwrap_or(start) });
        let kind = match what {
            Items::Seq(items) => Kind::Seq(items),
            Items::Map(entries, _) => {
                self.doubled(&entries);
                Kind::Map(entries)
            }
        };
        self.add(Node { span, kind });
    }

    /// Puts a finished node where it belongs.
    fn add(&mut self, node: Node) {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let message = format!("the file has more than {MAX_NODES} values");
            let diagnostic = Diagnostic::error(self.source, node.span, message);
            self.found.push(diagnostic.code("too-large"));
            return;
        }
        match self.open.last_mut().map(|open| &mut open.what) {
            None => self.root = Some(node),
            Some(Items::Seq(items)) => items.push(node),
            Some(Items::Map(entries, key @ None)) => {
                let (new, problem) = key_of(self.source, node, entries.len());
                *key = Some(new);
                self.found.extend(problem);
            }
            Some(Items::Map(entries, key @ Some(_))) => {
                entries.extend(key.take().map(|key| (key, node)));
            }
        }
    }

    fn doubled(&mut self, entries: &[(Key, Node)]) {
        let mut report = |first: &Key, again: &Key| {
            let shown = crate::model::text::clip(&again.text, 60);
            let message = format!("the key `{shown}` is there twice");
            self.found.push(
                Diagnostic::error(self.source, again.span, message)
                    .code("doubled-key")
                    .label("again here")
                    .also(first.span, "first here"),
            );
        };
        // Nearly all mappings are small, and comparing a few keys is cheaper than hashing them.
        if entries.len() <= 16 {
            for (i, (again, _)) in entries.iter().enumerate() {
                let before = entries.iter().take(i).map(|(key, _)| key);
                if let Some(first) = before.into_iter().find(|key| key.text == again.text) {
                    report(first, again);
                }
            }
            return;
        }
        let mut seen: HashMap<&str, &Key> = HashMap::with_capacity(entries.len());
        let mut reported = 0;
        for (key, _) in entries {
            match seen.get(key.text.as_str()) {
                Some(first) if reported < ENOUGH => {
                    reported += 1;
                    report(first, key);
                }
                Some(_) => {}
                None => {
                    seen.insert(&key.text, key);
                }
            }
        }
    }
}

/// The key that a node is. What is no key gets a name that no other key has, so that reading goes on.
fn key_of(source: &Arc<Source>, node: Node, index: usize) -> (Key, Option<Diagnostic>) {
    let problem = match &node.kind {
        Kind::Scalar(scalar) if scalar.plain && scalar.text == "<<" => Some(
            Diagnostic::error(source, node.span, "merge keys are not supported")
                .help("write the entries here"),
        ),
        Kind::Scalar(scalar) if scalar.is_null() => Some(
            Diagnostic::error(source, node.span, "the key before `:` is missing")
                .help("put a key that is to be empty or `null` in quotes"),
        ),
        Kind::Scalar(_) => None,
        Kind::Map(_) if before(source, node.span) == Some('{') => Some(
            Diagnostic::error(source, node.span, "text that begins with `{{` needs quotes")
                .help("write \"{{ … }}\""),
        ),
        Kind::Seq(_) | Kind::Map(_) => Some(
            Diagnostic::error(
                source,
                node.span,
                "a key must be a word, not a list or mapping",
            )
            .help("put text that holds brackets in quotes"),
        ),
    };
    let text = match node.kind {
        Kind::Scalar(scalar) if problem.is_none() => scalar.text,
        _ => format!("\0{index}"),
    };
    let key = Key {
        text,
        span: node.span,
    };
    (key, problem.map(|problem| problem.code("yaml-key")))
}

fn before(source: &Source, span: Span) -> Option<char> {
    source.text.get(..span.start as usize)?.chars().next_back()
}
