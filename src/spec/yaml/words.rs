//! What the parser says, in words for people who do not know YAML's grammar.

use std::sync::Arc;

use granit_parser::{ErrorKind, ScanError};

use super::read::MAX_DEPTH;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::source::{Source, Span};

/// A character that could move, hide or reorder what a terminal shows.
pub(super) fn unsafe_character(source: &Arc<Source>, span: Span, c: char) -> Diagnostic {
    let kind = match c {
        '\0' => "NUL characters",
        '\r' => "carriage returns inside a line",
        c if c.is_control() => "control characters",
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' => {
            "characters that reorder text"
        }
        '\u{2066}'..='\u{2069}' => "characters that reorder text",
        _ => "invisible characters",
    };
    let message = format!(
        "{} is not allowed: {kind} can hide what is written",
        c.escape_unicode()
    );
    Diagnostic::error(source, span, message)
        .code("unsafe-character")
        .help("remove it")
}

/// What the parser could not read; `after` is where the last thing ended that it could.
pub(super) fn syntax_error(source: &Arc<Source>, error: &ScanError, after: usize) -> Diagnostic {
    let at = match error.kind() {
        // Here the parser names the block that it was in, not the line that fits no block.
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::ExpectedBlockSequenceEntry => {
            content_after(&source.text, after)
        }
        _ => error.marker().byte_offset().unwrap_or(source.text.len()),
    };
    let at = at.min(source.text.len());
    let next = source.text.get(at..).and_then(|rest| rest.chars().next());
    let length = next
        .filter(|c| !"\r\n".contains(*c))
        .map_or(0, char::len_utf8);
    let (message, help) = words(error.kind(), next.is_none());
    Diagnostic::error(source, Span::new(at, at + length), message)
        .code("yaml-syntax")
        .maybe_help(help)
}

/// The first byte that is neither space nor comment.
fn content_after(text: &str, mut at: usize) -> usize {
    while let Some(rest) = text.get(at..) {
        let content = rest.trim_start();
        at += rest.len() - content.len();
        if !content.starts_with('#') {
            break;
        }
        at += content.find('\n').unwrap_or(content.len());
    }
    at
}

const QUOTE: &str = "put the text in quotes";
const ALIGN: &str = "give all entries of one list or mapping the same indentation, in spaces";

fn words(kind: &ErrorKind, at_end: bool) -> (String, Option<&'static str>) {
    use ErrorKind as E;
    let (message, help) = match kind {
        E::TabNotAllowed
        | E::TabInBlockIndentation
        | E::TabInIndentation
        | E::TabAtBlockScalarStart
        | E::TabInPlainScalar => ("a tab stands where spaces belong", "replace it by spaces"),
        E::MappingValueNotAllowed | E::InvalidColonPlacement | E::InvalidMappingValueWhitespace => {
            (
                "`:` is not allowed here",
                "put text that holds `: ` in quotes, and begin an entry on a line of its own",
            )
        }
        E::SimpleKeyExpected | E::InvalidSimpleKey | E::MappingKeyNotAllowed => {
            ("a key with its `:` was expected here", ALIGN)
        }
        E::InvalidIndentation
        | E::ExpectedBlockMappingKey
        | E::ExpectedBlockSequenceEntry
        | E::InvalidBlockScalarIndent
        | E::InvalidFlowScalarIndent => ("the indentation fits nothing above", ALIGN),
        E::BlockSequenceEntryNotAllowed | E::InvalidBlockEntryWhitespace => {
            ("a list item is not allowed here", ALIGN)
        }
        E::BlockEntryInFlowCollection | E::PlainScalarStartsWithDashFlowIndicator => {
            ("`-` is not allowed inside brackets", QUOTE)
        }
        E::UnclosedQuotedScalar | E::DocumentIndicatorInQuotedScalar => (
            "the closing quote is missing",
            "close the quote that begins here or above",
        ),
        E::InvalidQuotedScalarIndent => (
            "the quoted text above goes on here without indentation",
            "close the quote above, or indent this line",
        ),
        E::InvalidTrailingSingleQuotedScalar | E::InvalidTrailingDoubleQuotedScalar => (
            "something follows the closing quote",
            "put the whole text in quotes; inside '…' write '' for a quote, inside \"…\" write \\\"",
        ),
        E::UnknownQuotedScalarEscape
        | E::InvalidQuotedScalarHexEscape
        | E::InvalidUnicodeEscape => (
            "this escape is not known",
            "inside \"…\" write \\\\ for a backslash, or use '…'",
        ),
        E::UnclosedFlowCollection { open } => {
            let message = format!("the bracket `{open}` is never closed");
            return (message, Some("close it, or put the text in quotes"));
        }
        // So the parser calls an empty place between commas too.
        E::UnexpectedEofFlowSequence
        | E::UnexpectedEofFlowMapping
        | E::UnexpectedEofImplicitFlowMapping
            if !at_end =>
        {
            (
                "a value is missing inside the brackets",
                "remove the comma, or put the text in quotes",
            )
        }
        E::UnexpectedEofFlowSequence
        | E::UnexpectedEofFlowMapping
        | E::UnexpectedEofImplicitFlowMapping => (
            "a bracket is never closed",
            "close it, or put the text in quotes",
        ),
        E::MismatchedFlowCollectionEnd { open, close } => {
            let message = format!("`{close}` does not close `{open}`");
            return (message, Some(QUOTE));
        }
        E::MisplacedFlowCollectionEnd => ("a bracket is closed that was not opened", QUOTE),
        E::ExpectedFlowMappingSeparator
        | E::ExpectedFlowSequenceSeparator
        | E::FlowMappingValueAdjacentCollection => {
            ("`,` or a closing bracket was expected here", QUOTE)
        }
        E::UnexpectedCharacter { character } => {
            let shown = character.escape_debug();
            return (
                format!("text cannot begin with `{shown}` here"),
                Some(QUOTE),
            );
        }
        E::MissingAnchorOrAliasName | E::UnknownAnchor | E::AnchorCountOverflow => {
            ("anchors and aliases are not supported", QUOTE)
        }
        E::CommentNotSeparated | E::CommentInterceptedScalar => (
            "a comment is not allowed here",
            "put a space before `#`, or put text that holds `#` in quotes",
        ),
        E::InvalidBlockScalarHeader | E::ZeroBlockScalarIndent => (
            "only a line break may follow `|` or `>`",
            "begin the text on the next line, or put text that begins so in quotes",
        ),
        E::DirectiveDisallowed => (
            "directives are not supported",
            "remove the line, or quote it",
        ),
        E::ExpectedTagBang
        | E::InvalidTagTerminator
        | E::MissingTagUri
        | E::UnclosedVerbatimTag
        | E::InvalidTagEscape
        | E::UndeclaredTagHandle
        | E::InvalidGlobalTagCharacter => ("tags are not supported", QUOTE),
        E::ExpectedDocumentStart | E::InvalidDocumentEnd => {
            ("the document is over, and this follows it", ALIGN)
        }
        E::RecursionLimitExceeded => {
            return (format!("nested deeper than {MAX_DEPTH} levels"), None);
        }
        other => return (format!("this is no YAML: {other}"), None),
    };
    (message.to_owned(), Some(help))
}
