//! What a gate asks of others, and how long it waits.

use super::steps::Reader;
use crate::model::Duration;
use crate::model::approval::Principal;
use crate::model::gate::Expires;
use crate::model::ids::GroupName;
use crate::spec::decode::Decoder;
use crate::spec::fields::Fields;
use crate::spec::source::Spanned;
use crate::spec::step::Approvals;
use crate::spec::yaml::{Kind, Node};

/// The word for whoever runs the runbook. They never approve it, so to say so is no mistake and
/// changes nothing.
const REQUESTER: &str = "requester";

impl Reader<'_> {
    /// `approvals` and `expires` of a gate.
    pub(super) fn others(&self, fields: &mut Fields<'_>) -> (Option<Approvals>, Expires) {
        let decoder = self.decoder;
        let approvals = fields.optional("approvals", |node| approvals(decoder, node));
        let expires = fields.optional("expires", |node| expires(decoder, node));
        let (expires, escalate) = expires.unwrap_or_default();
        if let Some(first) = escalate.first() {
            let asked = fields.has("approvals");
            let named = approvals.as_ref().is_none_or(|a| !a.from.is_empty());
            let message = match (asked, named) {
                (false, _) => Some("`escalate` says who may approve too, and nobody is asked to"),
                (true, false) => Some("`escalate` adds groups, and anybody may approve already"),
                (true, true) => None,
            };
            if let Some(message) = message {
                let error = decoder.error(first.span, message);
                decoder.report(error.help("write `approvals: { from: [group] }` beside it"));
            }
        }
        (approvals, expires)
    }
}

/// A number of people, or who they are.
fn approvals(decoder: &Decoder, node: &Node) -> Option<Approvals> {
    if !matches!(node.kind, Kind::Map(_)) {
        return Some(Approvals {
            count: decoder.count(node)?,
            from: Vec::new(),
            exclude: Vec::new(),
            condition: None,
        });
    }
    let mut fields = decoder.fields(node, "what others approve")?;
    let count = fields.node("count").map_or(Some(1), |n| decoder.count(n));
    let from = fields.node("from");
    let from = from.map_or(Some(Vec::new()), |node| decoder.groups(node));
    let exclude = fields.optional("exclude", |node| exclude(decoder, node));
    let condition = fields.optional("if", |node| decoder.expression(node));
    fields.finish();
    Some(Approvals {
        count: count?,
        from: from?,
        exclude: exclude.unwrap_or_default(),
        condition,
    })
}

fn exclude(decoder: &Decoder, node: &Node) -> Option<Vec<Principal>> {
    let people = decoder.one_or_list(node, |item| {
        let text = decoder.text(item, "a person, or `requester`")?;
        if text == REQUESTER {
            return Some(None);
        }
        decoder.id::<Principal>(item).map(Some)
    })?;
    Some(people.into_iter().flatten().collect())
}

/// How long a gate waits; the groups of an escalation with their places.
fn expires(decoder: &Decoder, node: &Node) -> Option<(Expires, Vec<Spanned<GroupName>>)> {
    if !matches!(node.kind, Kind::Map(_)) {
        let approve = Some(time(decoder, node)?);
        let expires = Expires {
            approve,
            ..Expires::default()
        };
        return Some((expires, Vec::new()));
    }
    let mut fields = decoder.fields(node, "`expires`")?;
    let approve = fields.optional("approve", |node| time(decoder, node));
    let execute = fields.optional("execute", |node| time(decoder, node));
    let escalate = fields.optional("escalate", |node| decoder.groups(node));
    if let (Some(span), false) = (fields.key_span("escalate"), fields.has("approve")) {
        let error = decoder.error(span, "`escalate` needs `approve` beside it");
        let help = "say when the next group may approve too: `approve: 30m`";
        decoder.report(error.code("missing-key").help(help));
    }
    if fields.which(&["approve", "execute", "escalate"]).is_empty() {
        let error = decoder.error(fields.span(), "`expires` needs `approve` or `execute`");
        decoder.report(error.code("missing-key"));
    }
    fields.finish();
    let escalate = escalate.unwrap_or_default();
    let expires = Expires {
        approve,
        execute,
        escalate: escalate.iter().map(|group| group.value.clone()).collect(),
    };
    Some((expires, escalate))
}

fn time(decoder: &Decoder, node: &Node) -> Option<Duration> {
    match decoder.duration(node)? {
        Duration::ZERO => decoder.unexpected(node, "a duration longer than 0s"),
        duration => Some(duration),
    }
}
