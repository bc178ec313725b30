//! `policy:` of an environment: what needs a person, and who they may be.

use indexmap::IndexMap;

use super::groups::{Asked, check};
use super::hosts::hosts;
use super::types::{
    BreakGlass, GateNeeds, GateRule, Gates, Policy, PolicyApprovals, PolicyPlaces, Signers,
    Unattended,
};
use crate::model::Severity;
use crate::model::approval::Principal;
use crate::model::ids::GroupName;
use crate::spec::decode::Decoder;
use crate::spec::diagnostic::Diagnostic;
use crate::spec::fields::Fields;
use crate::spec::source::{Span, Spanned};
use crate::spec::yaml::{Kind, Node};

/// The people of each group, each with their place.
pub(super) type Groups = IndexMap<GroupName, Vec<Spanned<Principal>>>;

/// What a rule asks of others, with the places of the groups that it names.
pub(super) struct Approvals {
    pub(super) count: u32,
    pub(super) from: Vec<Spanned<GroupName>>,
    pub(super) span: Span,
}

/// The rules that are written, by effect.
#[derive(Default)]
struct Rules {
    change: Option<Rule>,
    destructive: Option<Rule>,
}

/// A gate's rule, with its places.
struct Rule {
    rule: GateRule,
    approvals: Option<Approvals>,
}

pub(super) fn policy(decoder: &Decoder, node: &Node) -> Option<(Policy, PolicyPlaces)> {
    let mut fields = decoder.fields(node, "a policy")?;
    let unattended = fields.optional("unattended", |node| {
        let words = [("deny", Unattended::Deny), ("allow", Unattended::Allow)];
        decoder.one_of(node, &words)
    });
    let rules = fields.optional("gates", |node| gates(decoder, node));
    let after_the_fact = fields.optional("after_the_fact", |node| {
        decoder.one_or_list(node, |item| decoder.one_of(item, &Severity::ALL))
    });
    let approvers_place = fields.key_span("approvers").unwrap_or_default();
    let written = fields.node("approvers");
    let approvers = written.and_then(|node| groups(decoder, node));
    let (signers, places) = signers(decoder, &mut fields);
    let break_glass = fields.optional("break_glass", |node| break_glass(decoder, node));
    let hosts = fields.optional("hosts", |node| hosts(decoder, node));
    fields.unavailable(
        "anchor",
        "remove it; keep a copy of the journal's head elsewhere yourself",
    );
    fields.misplaced(
        "approvals",
        "they stand at an effect: `gates: { destructive: { challenge: target, approvals: 1 } }`",
    );
    fields.misplaced(
        "escalation",
        "a runbook's gate says who is asked next: `expires: { approve: 30m, escalate: […] }`",
    );
    fields.finish();
    let rules = rules.unwrap_or_default();
    check(
        decoder,
        &Asked {
            written,
            groups: approvers.as_ref(),
            approvals: rules.approvals(),
            break_glass: break_glass.as_ref().map(|(group, _)| group),
        },
    );
    let places = PolicyPlaces {
        approvers: approvers_place,
        ..places
    };
    let policy = Policy {
        unattended: unattended.unwrap_or_default(),
        gates: rules.settled(),
        after_the_fact: after_the_fact.unwrap_or_default(),
        approvers: approvers
            .unwrap_or_default()
            .into_iter()
            .map(|(group, people)| (group, people.into_iter().map(|one| one.value).collect()))
            .collect(),
        signers,
        break_glass: break_glass.map(|(group, announce)| BreakGlass {
            group: group.value,
            announce,
        }),
        hosts: hosts.unwrap_or_default(),
    };
    Some((policy, places))
}

impl Rules {
    fn approvals(&self) -> Vec<&Approvals> {
        let rules = [&self.change, &self.destructive].into_iter().flatten();
        rules.filter_map(|rule| rule.approvals.as_ref()).collect()
    }

    /// The rules with the default of what is left out.
    fn settled(self) -> Gates {
        let strict = Gates::default();
        Gates {
            change: self.change.map_or(strict.change, Rule::needs),
            destructive: self.destructive.map_or(strict.destructive, Rule::needs),
        }
    }
}

impl Rule {
    fn needs(self) -> GateNeeds {
        GateNeeds {
            rule: self.rule,
            approvals: self.approvals.map(|approvals| PolicyApprovals {
                count: approvals.count,
                from: approvals
                    .from
                    .into_iter()
                    .map(|group| group.value)
                    .collect(),
            }),
        }
    }
}

fn gates(decoder: &Decoder, node: &Node) -> Option<Rules> {
    let mut fields = decoder.fields(node, "`gates`")?;
    let change = fields.optional("change", |node| rule(decoder, node));
    let destructive = fields.optional("destructive", |node| rule(decoder, node));
    fields.misplaced("read", "what only reads needs no gate");
    let place = fields.key_span("destructive").unwrap_or(node.span);
    let unread = fields.has("change") && change.is_none()
        || fields.has("destructive") && destructive.is_none();
    fields.finish();
    let strict = Gates::default();
    let of = |rule: &Option<Rule>, otherwise: GateRule| match rule {
        Some(rule) => (rule.rule, rule.approvals.as_ref().map_or(0, |a| a.count)),
        None => (otherwise, 0),
    };
    let (most, others) = of(&change, strict.change.rule);
    let (least, fewer) = of(&destructive, strict.destructive.rule);
    if !unread && (least < most || fewer < others) {
        let message = "what can lose data needs less here than what can be undone";
        decoder.report(Diagnostic::warning(decoder.source(), place, message).code("policy"));
    }
    Some(Rules {
        change,
        destructive,
    })
}

fn rule(decoder: &Decoder, node: &Node) -> Option<Rule> {
    if !matches!(node.kind, Kind::Map(_)) {
        let words = [("none", GateRule::None), ("confirm", GateRule::Confirm)];
        if node.text() == Some("challenge") {
            let error = decoder.error(node.span, "a challenge says what is to be typed");
            decoder.report(error.help("write `{ challenge: target }`"));
            return None;
        }
        return Some(Rule {
            rule: decoder.one_of(node, &words)?,
            approvals: None,
        });
    }
    let mut fields = decoder.fields(node, "a gate's rule")?;
    let empty = fields
        .which(&["challenge", "approvals", "confirm"])
        .is_empty();
    let challenge = fields.optional("challenge", |node| {
        decoder.one_of(node, &[("target", GateRule::Challenge)])
    });
    let approvals = fields.optional("approvals", |node| approvals(decoder, node));
    fields.misplaced(
        "confirm",
        "the operator always confirms what others approve: leave it out",
    );
    fields.finish();
    if empty {
        let error = decoder.error(node.span, "a gate's rule needs `challenge` or `approvals`");
        decoder.report(
            error
                .code("missing-key")
                .help("write `confirm`, `{ challenge: target }` or `{ approvals: 1 }`"),
        );
        return None;
    }
    Some(Rule {
        rule: challenge.unwrap_or(GateRule::Confirm),
        approvals,
    })
}

/// A number of people, or a number and their groups.
fn approvals(decoder: &Decoder, node: &Node) -> Option<Approvals> {
    let span = node.span;
    if !matches!(node.kind, Kind::Map(_)) {
        return Some(Approvals {
            count: decoder.count(node)?,
            from: Vec::new(),
            span,
        });
    }
    let mut fields = decoder.fields(node, "what others approve")?;
    let count = fields.node("count").map_or(Some(1), |n| decoder.count(n));
    let from = fields.node("from");
    let from = from.map_or(Some(Vec::new()), |node| decoder.groups(node));
    fields.misplaced(
        "exclude",
        "a runbook's gate may exclude people; whoever starts a run never approves it",
    );
    fields.misplaced("if", "what a policy asks for, it always asks for");
    fields.finish();
    Some(Approvals {
        count: count?,
        from: from?,
        span,
    })
}

impl Decoder {
    /// Names of groups: one, or a list of them. None at all is an error: it would read as nobody
    /// and mean anybody.
    pub(in crate::spec) fn groups(&self, node: &Node) -> Option<Vec<Spanned<GroupName>>> {
        let groups = self.one_or_list(node, |item| self.spanned(item, |item| self.id(item)))?;
        if groups.is_empty() {
            let error = self.error(node.span, "there is no group in it");
            self.report(error.help("name a group, or leave the key out"));
            return None;
        }
        Some(groups)
    }
}

fn groups(decoder: &Decoder, node: &Node) -> Option<Groups> {
    decoder.mapping(node, |key, node| {
        let group = decoder.key(key);
        let people = decoder.one_or_list(node, |item| {
            decoder.spanned(item, |item| decoder.id::<Principal>(item))
        });
        let people = people?;
        each_once(decoder, &people);
        Some((group?, people))
    })
}

/// One human under two names counts once, which is easily overlooked where people are counted.
fn each_once(decoder: &Decoder, people: &[Spanned<Principal>]) {
    for (i, principal) in people.iter().enumerate() {
        let before = &people[..i];
        let Some(first) = before.iter().find(|other| other.is_same_person(principal)) else {
            continue;
        };
        let message = if first.value == principal.value {
            format!("`{principal}` is in this group twice")
        } else {
            format!("`{first}` and `{principal}` count as one person")
        };
        let warning = Diagnostic::warning(decoder.source(), principal.span, message).code("policy");
        let help = "what stands before the `@` tells people apart";
        let help = (first.value != principal.value).then_some(help);
        decoder.report(warning.also(first.span, "first here").maybe_help(help));
    }
}

fn signers(decoder: &Decoder, fields: &mut Fields<'_>) -> (Option<Signers>, PolicyPlaces) {
    let read = |node: &Node| decoder.spanned(node, |node| path(decoder, node));
    let signers = fields.optional("allowed_signers", read);
    let revoked = fields.optional("revoked_keys", read);
    if let (Some(span), false) = (
        fields.key_span("revoked_keys"),
        fields.has("allowed_signers"),
    ) {
        let message = "`revoked_keys` needs `allowed_signers` beside it";
        let error = decoder.error(span, message).code("missing-key");
        decoder.report(error.help("without it no signature counts, so none needs to be revoked"));
    }
    let place = |path: &Option<Spanned<String>>| path.as_ref().map_or(Span::default(), |p| p.span);
    let places = PolicyPlaces {
        signers: place(&signers),
        revoked: place(&revoked),
        ..PolicyPlaces::default()
    };
    let signers = signers.map(|path| Signers {
        path: path.value,
        text: String::new(),
        revoked: revoked.map(|path| path.value),
    });
    (signers, places)
}

/// A file beside `runbook.yaml`, or below it.
fn path(decoder: &Decoder, node: &Node) -> Option<String> {
    let path = decoder.line(node)?;
    let leads_out = path.starts_with(['/', '~']) || path.split('/').any(|part| part == "..");
    if leads_out {
        let error = decoder.error(
            node.span,
            "this path leads out of the directory of this file",
        );
        decoder.report(error.help("keep the file beside runbook.yaml, where the team reviews it"));
        return None;
    }
    Some(path)
}

fn break_glass(decoder: &Decoder, node: &Node) -> Option<(Spanned<GroupName>, Option<String>)> {
    let mut fields = decoder.fields(node, "`break_glass`")?;
    let group = fields.required("group", |node| {
        decoder.spanned(node, |node| decoder.id::<GroupName>(node))
    });
    let announce = fields
        .node("announce")
        .map_or(Some(None), |node| channel(decoder, node).map(Some));
    fields.finish();
    Some((group?, announce?))
}

/// A channel becomes a word of a call, so it must not pass for an option.
fn channel(decoder: &Decoder, node: &Node) -> Option<String> {
    let channel = decoder.line(node)?;
    if channel.starts_with('-') || channel.chars().any(crate::model::text::is_unsafe) {
        return decoder.unexpected(node, "a channel's name such as incidents");
    }
    Some(channel)
}
