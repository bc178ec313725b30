//! `runbook.yaml` into environments.

use std::sync::Arc;

use super::types::{Environment, Environments, GateRule, Gates, Policy, ToolBinding, Unattended};
use crate::model::Value;
use crate::model::ids::{EnvironmentName, Name, ToolRef};
use crate::model::suggest::nearest;
use crate::spec::decode::{Decoder, decode};
use crate::spec::diagnostic::{Diagnostic, Diagnostics};
use crate::spec::source::Spanned;
use crate::spec::yaml::{Key, Kind, Node};

/// Environments that are built in: the simulated one, and what a run's environment is called as
/// soon as something real is bound without an environment of its own.
const BUILT_IN: [(&str, &str); 2] = [
    ("sandbox", "the simulated production"),
    (
        "local",
        "what a run without an environment of its own is called",
    ),
];

/// Reads `runbook.yaml`; `name` is the path as it is shown. Nothing, where it has errors; they are
/// in `found`.
pub fn read(name: &str, bytes: &[u8], found: &mut Diagnostics) -> Option<Environments> {
    decode(name, bytes, found, environments)
}

fn environments(decoder: &Decoder, root: &Node) -> Option<Environments> {
    let mut fields = decoder.fields(root, "runbook.yaml")?;
    let default = fields.optional("default_environment", |node| {
        decoder.spanned(node, |node| decoder.id(node))
    });
    let environments = fields.required("environments", |node| {
        decoder.mapping::<_, Vec<_>>(node, |key, node| {
            let name = environment_name(decoder, key);
            let environment = environment(decoder, node);
            Some((name?, environment))
        })
    });
    let remove = "remove it; nothing of it is used";
    for later in ["severities", "roles", "escalation", "update_every", "state"] {
        fields.unavailable(later, remove);
    }
    fields.finish();
    let environments = environments?;
    if let Some(default) = &default {
        default_exists(decoder, default, &environments);
    }
    let environments = environments
        .into_iter()
        .map(|(name, environment)| Some((name, environment?)))
        .collect::<Option<_>>();
    Some(Environments {
        default_environment: default.map(|default| default.value),
        environments: environments?,
        source: Arc::clone(decoder.source()),
    })
}

fn default_exists(
    decoder: &Decoder,
    default: &Spanned<EnvironmentName>,
    environments: &[(EnvironmentName, Option<Environment>)],
) {
    let defined = environments.iter().any(|(name, _)| *name == default.value);
    if defined || default.as_str() == "sandbox" {
        return;
    }
    let names = environments.iter().map(|(name, _)| name.as_str());
    let near = nearest(default.as_str(), names.chain(["sandbox"]));
    let message = format!("there is no environment `{default}`");
    let error = decoder
        .error(default.span, message)
        .code("unknown-environment");
    decoder.report(error.maybe_help(near.map(|near| format!("did you mean `{near}`?"))));
}

fn environment_name(decoder: &Decoder, key: &Key) -> Option<EnvironmentName> {
    if let Some((name, what)) = BUILT_IN.iter().find(|(name, _)| *name == key.text) {
        let message = format!("`{name}` is built in ({what}) and cannot be defined");
        let error = decoder.error(key.span, message);
        decoder.report(error.help("choose another name"));
        return None;
    }
    decoder.key(key)
}

fn environment(decoder: &Decoder, node: &Node) -> Option<Environment> {
    let mut fields = decoder.fields(node, "an environment")?;
    let tools = fields
        .node("tools")
        .map_or(Some(Default::default()), |node| {
            decoder.mapping(node, |key, node| {
                let tool = tool(decoder, key);
                let binding = decoder.spanned(node, |node| binding(decoder, node));
                Some((tool?, binding?))
            })
        });
    let policy = fields
        .node("policy")
        .map_or(Some(Policy::default()), |node| policy(decoder, node));
    let span = fields.span();
    fields.finish();
    Some(Environment {
        tools: tools?,
        policy: policy?,
        span,
    })
}

fn tool(decoder: &Decoder, key: &Key) -> Option<ToolRef> {
    if let Some(bare) = key.text.strip_prefix('$') {
        let error = decoder.error(key.span, "a tool is written without its `$` here");
        decoder.report(error.help(format!("write `{bare}:`")));
        return None;
    }
    decoder.key(key)
}

fn binding(decoder: &Decoder, node: &Node) -> Option<ToolBinding> {
    match node.text() {
        Some("manual") => return Some(ToolBinding::Manual),
        Some(text) => {
            let shown = crate::model::text::escape_controls(text);
            let error = decoder.error(node.span, format!("`{shown}` binds a tool to nothing"));
            decoder.report(
                error
                    .code("wrong-type")
                    .help(format!("for an adapter write `{{ adapter: {shown} }}`"))
                    .help(format!(
                        "for a command of your own write `{{ command: [{shown}] }}`"
                    ))
                    .help("for a person write `manual`"),
            );
            return None;
        }
        None => {}
    }
    let mut fields = decoder.fields(node, "a tool's binding")?;
    let is_command = fields.has("command");
    let adapter = fields.optional("adapter", |node| {
        decoder.spanned(node, |node| decoder.id(node))
    });
    let argv = fields.optional("command", |node| argv(decoder, node));
    let with = fields
        .node("with")
        .map_or(Some(Default::default()), |node| {
            decoder.mapping(node, |key, node| {
                let name: Option<Name> = decoder.key(key);
                let value = setting(decoder, node);
                Some((name?, value?))
            })
        });
    let (both, neither) = (
        is_command && fields.has("adapter"),
        !is_command && !fields.has("adapter"),
    );
    let with_place = fields.key_span("with");
    fields.finish();
    if both || neither {
        return decoder.reject(node, "a tool is bound to either `adapter` or `command`");
    }
    if let Some(span) = with_place.filter(|_| is_command) {
        let error = decoder.error(span, "a command has no settings");
        decoder.report(error.help("put words that it always gets into `command: […]`"));
        return None;
    }
    if is_command {
        return Some(ToolBinding::Command { argv: argv? });
    }
    Some(ToolBinding::Adapter {
        adapter: adapter?,
        with: with?,
    })
}

fn argv(decoder: &Decoder, node: &Node) -> Option<Vec<String>> {
    if node.text().is_some() {
        let error = decoder.error(
            node.span,
            "a command is a list of words, never a shell's line",
        );
        decoder.report(error.code("wrong-type").help("write `[program, word, …]`"));
        return None;
    }
    let words = decoder.list(node, |item| decoder.string(item))?;
    if words.first().is_none_or(String::is_empty) {
        return decoder.unexpected(node, "a program and its words");
    }
    Some(words)
}

fn setting(decoder: &Decoder, node: &Node) -> Option<Spanned<Value>> {
    if node.get("secret").is_some() {
        let error = decoder.error(node.span, "secrets are not available in this version");
        let help = "let the tool read its secret itself, from its own configuration";
        decoder.report(error.code("not-available").help(help));
        return None;
    }
    Some(Spanned::new(decoder.unread(node), node.span))
}

fn policy(decoder: &Decoder, node: &Node) -> Option<Policy> {
    let mut fields = decoder.fields(node, "a policy")?;
    let unattended = fields.optional("unattended", |node| {
        let words = [("deny", Unattended::Deny), ("allow", Unattended::Allow)];
        decoder.one_of(node, &words)
    });
    let gates = fields.optional("gates", |node| gates(decoder, node));
    let approvals = "remove it; until then, who approves is agreed outside this tool";
    let later = [
        ("approvals", approvals),
        ("approvers", approvals),
        ("after_the_fact", approvals),
        ("allowed_signers", "remove it; decisions are not signed yet"),
        (
            "break_glass",
            "remove it; there are no approvals yet that it could skip",
        ),
        (
            "anchor",
            "remove it; keep a copy of the journal's head elsewhere yourself",
        ),
        ("hosts", "remove it; no adapter speaks HTTP itself yet"),
    ];
    for (name, help) in later {
        fields.unavailable(name, help);
    }
    fields.finish();
    Some(Policy {
        unattended: unattended.unwrap_or_default(),
        gates: gates.unwrap_or_default(),
        ..Policy::default()
    })
}

fn gates(decoder: &Decoder, node: &Node) -> Option<Gates> {
    let mut fields = decoder.fields(node, "`gates`")?;
    let change = fields.optional("change", |node| rule(decoder, node));
    let destructive = fields.optional("destructive", |node| rule(decoder, node));
    fields.misplaced("read", "what only reads needs no gate");
    let place = fields.key_span("destructive").unwrap_or(node.span);
    fields.finish();
    let strict = Gates::default();
    let gates = Gates {
        change: change.map_or(strict.change, Into::into),
        destructive: destructive.map_or(strict.destructive, Into::into),
    };
    if gates.destructive.rule < gates.change.rule {
        let message = "what can lose data needs less here than what can be undone";
        decoder.report(Diagnostic::warning(decoder.source(), place, message).code("policy"));
    }
    Some(gates)
}

fn rule(decoder: &Decoder, node: &Node) -> Option<GateRule> {
    if !matches!(node.kind, Kind::Map(_)) {
        let words = [("none", GateRule::None), ("confirm", GateRule::Confirm)];
        if node.text() == Some("challenge") {
            let error = decoder.error(node.span, "a challenge says what is to be typed");
            decoder.report(error.help("write `{ challenge: target }`"));
            return None;
        }
        return decoder.one_of(node, &words);
    }
    let mut fields = decoder.fields(node, "a gate's rule")?;
    let rule = fields.required("challenge", |node| {
        decoder.one_of(node, &[("target", GateRule::Challenge)])
    });
    fields.unavailable(
        "approvals",
        "remove it; until then, who approves is agreed outside this tool",
    );
    fields.finish();
    rule
}
