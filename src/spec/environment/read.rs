//! `runbook.yaml` into environments.

use std::sync::Arc;

use super::policy::policy;
use super::state::state;
use super::types::{Environment, Environments, ToolBinding};
use crate::model::Value;
use crate::model::ids::{EnvironmentName, Name, ToolRef};
use crate::model::suggest::nearest;
use crate::spec::decode::{Decoder, decode};
use crate::spec::diagnostic::Diagnostics;
use crate::spec::source::Spanned;
use crate::spec::yaml::{Key, Node};

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
    let state = fields.optional("state", |node| state(decoder, node));
    for later in ["severities", "roles", "escalation", "update_every"] {
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
        state,
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
        .map_or(Some(Default::default()), |node| policy(decoder, node));
    let span = fields.span();
    fields.finish();
    let (policy, places) = policy?;
    Some(Environment {
        tools: tools?,
        policy,
        places,
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
        let found = decoder.secret(node)?;
        return Some(Spanned::new(Value::Secret(found), node.span));
    }
    Some(Spanned::new(decoder.unread(node), node.span))
}
