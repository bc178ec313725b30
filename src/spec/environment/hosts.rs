//! `hosts:` of a policy: where adapters that speak HTTP may go.

use super::types::Hosts;
use crate::spec::decode::Decoder;
use crate::spec::yaml::Node;

pub(super) fn hosts(decoder: &Decoder, node: &Node) -> Option<Hosts> {
    let mut fields = decoder.fields(node, "`hosts`")?;
    let allow = fields.node("allow").map_or(Some(None), |node| {
        decoder
            .one_or_list(node, |item| host(decoder, item))
            .map(Some)
    });
    let deny_private = fields.flag("deny_private");
    fields.misplaced("deny", "list what is allowed: all else is denied");
    fields.finish();
    Some(Hosts {
        allow: allow?,
        deny_private,
    })
}

/// A host by its name or address, or `*.` and a name; in small letters, for case means nothing.
fn host(decoder: &Decoder, node: &Node) -> Option<String> {
    let expected = "a host such as api.example.org or *.example.org";
    let host = decoder.text(node, expected)?.to_ascii_lowercase();
    // Addresses stand in brackets elsewhere, and a full stop ends a name that is whole.
    let inside = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let host = inside
        .unwrap_or(host.strip_suffix('.').unwrap_or(&host))
        .to_owned();
    let help = if host.contains("//") || host.contains('/') {
        Some("write the host alone, without `https://` and without a path")
    } else if is_host(&host) {
        return Some(host);
    } else if host.rsplit_once(':').is_some_and(|(name, _)| is_host(name)) {
        Some("write the host alone, without a port")
    } else if host == "*" {
        Some("leave `allow` out to allow any host")
    } else if host.contains('*') {
        Some("a `*` stands in front only: `*.example.org`")
    } else {
        None
    };
    let message = format!(
        "expected {expected}, found {}",
        super::super::decode::describe(node)
    );
    let error = decoder.error(node.span, message).code("wrong-type");
    decoder.report(error.maybe_help(help));
    None
}

fn is_host(host: &str) -> bool {
    let address = host.matches(':').count() >= 2
        && host
            .bytes()
            .all(|b| b.is_ascii_hexdigit() || b == b':' || b == b'.');
    let name = host.strip_prefix("*.").unwrap_or(host);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    address || (name.len() <= 253 && name.split('.').all(label))
}
