//! `lock`: what one run at a time has.

use crate::expr::Template;
use crate::spec::decode::Decoder;
use crate::spec::source::Spanned;
use crate::spec::step::MAX_LOCK;
use crate::spec::yaml::Node;

/// The name of a lock. What is filled in is looked at when it is known.
pub(super) fn lock(decoder: &Decoder, node: &Node) -> Option<Spanned<Template>> {
    let text = decoder.line(node)?;
    if text.len() > MAX_LOCK && !text.contains("{{") {
        return decoder.unexpected(node, format!("a name of at most {MAX_LOCK} bytes"));
    }
    if text.chars().any(crate::model::text::is_unsafe) {
        return decoder.unexpected(node, "a name without control characters");
    }
    decoder.template(node)
}
