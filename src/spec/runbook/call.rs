//! `call: $TOOL action words --flags`: the text into words, each a template with its place.

use indexmap::IndexMap;

use super::steps::Reader;
use crate::expr::Template;
use crate::model::ids::{ArgName, ToolRef};
use crate::model::text::{clip, escape_controls};
use crate::spec::expressions::{expr_diagnostic, place_in};
use crate::spec::source::Spanned;
use crate::spec::step::{Call, Does, Literal};
use crate::spec::words;
use crate::spec::yaml::Node;

impl Reader<'_> {
    /// A call without anything beside it: the short form of an undo.
    pub(super) fn call_alone(&self, node: &Node) -> Option<Does> {
        self.call(node)
            .map(|call| Does::Call(Spanned::new(call, node.span)))
    }

    /// The text of a call.
    pub(super) fn call(&self, node: &Node) -> Option<Call> {
        let decoder = self.decoder;
        let text = decoder.text(node, "a call such as `$DATABASE_TOOL status`")?;
        let source = decoder.source();
        let place = |range: &std::ops::Range<usize>| place_in(source, node.span, text, range);
        let start = text.len() - text.trim_start().len();
        let end = text[start..]
            .find(char::is_whitespace)
            .map_or(text.len(), |length| start + length);
        let tool_span = place(&(start..end));
        let Some(name) = text[start..end].strip_prefix('$') else {
            let shown = escape_controls(&clip(&text[start..end], 60)).into_owned();
            let message =
                format!("a call begins with a tool such as $DATABASE_TOOL, not `{shown}`");
            let error = decoder.error(tool_span, message).code("call");
            decoder.report(error.help("for a command of your own write `run: [program, word, …]`"));
            return None;
        };
        let tool = match name.parse::<ToolRef>() {
            Ok(tool) => Some(Spanned::new(tool, tool_span)),
            Err(error) => {
                let error = decoder.error(tool_span, error.to_string()).code("call");
                decoder.report(error);
                None
            }
        };
        let rest = &text[end..];
        let split = match words::split(rest) {
            Ok(split) => split,
            Err(error) => {
                let span = place(&(error.span.start + end..error.span.end + end));
                let found = decoder.error(span, error.message).code("call");
                decoder.report(found.help(error.help));
                return None;
            }
        };
        let mut words = Vec::with_capacity(split.len());
        let mut whole = true;
        for word in split {
            let span = place(&(word.span.start + end..word.span.end + end));
            match Template::parse(&word.source) {
                Ok(template) => words.push(Spanned::new(template, span)),
                Err(error) => {
                    whole = false;
                    decoder.report(expr_diagnostic(source, span, &word.source, &error));
                }
            }
        }
        let tool = tool.filter(|_| whole)?;
        Some(Call {
            tool,
            words,
            with: IndexMap::new(),
        })
    }

    /// The arguments of a call that are given as a mapping.
    pub(super) fn call_with(&self, node: &Node) -> Option<IndexMap<ArgName, Spanned<Literal>>> {
        let decoder = self.decoder;
        decoder.mapping(node, |key, node| {
            let name = match key.text.parse::<ArgName>() {
                Ok(name) => Some(name),
                Err(error) => {
                    let dashed = key.text.replace('_', "-");
                    let meant = dashed.parse::<ArgName>().is_ok();
                    let help = meant.then(|| format!("write `{dashed}`"));
                    let error = decoder.error(key.span, error.to_string());
                    decoder.report(error.maybe_help(help));
                    None
                }
            };
            let value = decoder.literal(node);
            Some((name?, value?))
        })
    }
}
