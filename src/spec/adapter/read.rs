//! An adapter's file into an adapter.

use std::sync::Arc;

use indexmap::IndexMap;

use super::check::check;
use super::files::{Files, files};
use super::http::http;
use super::plugin::{plugin, plugin_action};
use super::types::{
    Adapter, AdapterAction, Command, OutputSpec, Placed, Plan, Requires, Setting, settings_shape,
};
use crate::expr::Template;
use crate::model::ids::{Name, ToolName};
use crate::spec::contract::Contract;
use crate::spec::decode::{Decoder, decode};
use crate::spec::diagnostic::Diagnostics;
use crate::spec::fields::Fields;
use crate::spec::source::Spanned;
use crate::spec::yaml::{Key, Kind, Node};

/// Reads an adapter and checks it against the contract beside it; `name` is the path as it is
/// shown, and `from` has the files that it brings along. Nothing, where it has errors; they are in
/// `found`.
pub fn read(
    name: &str,
    bytes: &[u8],
    contract: &Contract,
    from: &dyn Files,
    found: &mut Diagnostics,
) -> Option<Adapter> {
    decode(name, bytes, found, |decoder, root| {
        adapter(decoder, root, contract, from)
    })
}

fn adapter(
    decoder: &Decoder,
    root: &Node,
    contract: &Contract,
    from: &dyn Files,
) -> Option<Adapter> {
    let mut fields = decoder.fields(root, "an adapter")?;
    let adapter = fields.required("adapter", |node| decoder.id(node));
    let implements = fields.required("implements", |node| tool(decoder, node, contract));
    let title = fields.required("title", |node| decoder.line(node));
    let settings = fields
        .node("settings")
        .map_or(Some(Default::default()), |node| {
            decoder.mapping(node, |key, node| {
                let name: Option<Name> = decoder.key(key);
                let setting = setting(decoder, node);
                Some((name?, setting?))
            })
        });
    let files = fields
        .node("files")
        .map_or(Some(Default::default()), |node| files(decoder, node, from));
    let requires = fields.optional("requires", |node| requires(decoder, node));
    let plugin = fields.optional("plugin", |node| {
        decoder.spanned(node, |node| plugin(decoder, node))
    });
    let unread_plugin = plugin.is_none() && fields.has("plugin");
    let actions = fields.required("actions", |node| {
        decoder.mapping::<_, Vec<_>>(node, |key, node| {
            let name = Spanned::new(decoder.key(key)?, key.span);
            let (action, output) = action(decoder, node);
            Some(Placed {
                name,
                action,
                output,
            })
        })
    });
    fields.finish();
    let (settings, files, actions) = (settings?, files?, actions?);
    check(decoder, &settings, &files, &actions, contract);
    if !unread_plugin {
        let settings = settings_shape(&settings);
        super::plugin::check(decoder, plugin.as_ref(), &actions, &settings, &files);
    }
    let actions = actions
        .into_iter()
        .map(|placed| Some((placed.name.value, placed.action?)))
        .collect::<Option<_>>();
    Some(Adapter {
        adapter: adapter?,
        implements: implements?,
        title: title?,
        settings,
        files,
        requires: requires.unwrap_or_default(),
        plugin,
        actions: actions?,
        source: Arc::clone(decoder.source()),
    })
}

fn tool(decoder: &Decoder, node: &Node, contract: &Contract) -> Option<ToolName> {
    let tool: ToolName = decoder.id(node)?;
    if tool != contract.tool {
        let message = format!("the contract beside this file is of `{}`", contract.tool);
        return decoder.reject(node, message);
    }
    Some(tool)
}

fn setting(decoder: &Decoder, node: &Node) -> Option<Setting> {
    if !matches!(node.kind, Kind::Map(_)) {
        return Some(Setting {
            shape: decoder.shape(node)?,
            optional: false,
            default: None,
            help: None,
        });
    }
    let mut fields = decoder.fields(node, "a setting")?;
    let shape = decoder.typed(&mut fields);
    let optional = fields.flag("optional");
    let default = fields.node("default");
    let help = fields.optional("help", |node| decoder.string(node));
    fields.misplaced(
        "required",
        "settings are required unless they say `optional: true`",
    );
    fields.misplaced("description", "write `help:`");
    fields.finish();
    let shape = shape?;
    let default = default.and_then(|node| decoder.value(&shape, node));
    Some(Setting {
        shape,
        optional,
        default,
        help,
    })
}

fn requires(decoder: &Decoder, node: &Node) -> Option<Requires> {
    let mut fields = decoder.fields(node, "`requires`")?;
    let commands = fields.optional("commands", |node| {
        decoder.list(node, |item| decoder.line(item))
    });
    fields.finish();
    Some(Requires {
        commands: commands.unwrap_or_default(),
    })
}

const KINDS: [&str; 4] = ["command", "simulate", "http", "plugin"];

/// An action, and where the keys of its output are written.
fn action(
    decoder: &Decoder,
    node: &Node,
) -> (Option<AdapterAction>, Vec<(String, crate::spec::Span)>) {
    let Some(mut fields) = decoder.fields(node, "an adapter's action") else {
        return (None, Vec::new());
    };
    let kinds = fields.which(&KINDS);
    if kinds.len() > 1
        && let Some(span) = kinds.last().and_then(|kind| fields.key_span(kind))
    {
        let message = format!("an action has one of {}", KINDS.join(", "));
        decoder.report(decoder.error(span, message));
    }
    if fields.has("simulate") {
        let operation = fields.required("simulate", |node| decoder.line(node));
        fields.finish();
        let action = operation.map(|operation| AdapterAction::Simulate { operation });
        return (action, Vec::new());
    }
    let output = match fields.node("output").map(|node| &node.kind) {
        Some(Kind::Map(entries)) => {
            let place = |(key, _): &(Key, Node)| (key.text.clone(), key.span);
            entries.iter().map(place).collect()
        }
        _ => Vec::new(),
    };
    let action = if fields.has("http") {
        http(decoder, &mut fields).map(|http| AdapterAction::Http(Box::new(http)))
    } else if fields.has("plugin") {
        plugin_action(decoder, &mut fields).map(|plugin| AdapterAction::Plugin(Box::new(plugin)))
    } else {
        command(decoder, &mut fields).map(|command| AdapterAction::Command(Box::new(command)))
    };
    fields.finish();
    (action, output)
}

fn command(decoder: &Decoder, fields: &mut Fields<'_>) -> Option<Command> {
    let argv = fields.required("command", |node| words(decoder, node));
    let env = fields
        .node("env")
        .map_or(Some(IndexMap::new()), |node| variables(decoder, node));
    let pass = fields.optional("pass", |node| decoder.list(node, |item| decoder.line(item)));
    let dir = fields.optional("dir", |node| decoder.template(node));
    let ok = fields.optional("ok", |node| decoder.expression(node));
    let output = fields
        .node("output")
        .map_or(Some(OutputSpec::Default), |node| {
            let words = [("json", OutputWord::Json), ("lines", OutputWord::Lines)];
            output(decoder, node, &words)
        });
    let plan = fields.optional("plan", |node| {
        let mut fields = decoder.fields(node, "a plan")?;
        let argv = fields.required("command", |node| words(decoder, node));
        fields.finish();
        Some(Plan { argv: argv? })
    });
    Some(Command {
        argv: argv?,
        env: env?,
        pass: pass.unwrap_or_default(),
        dir,
        ok,
        output: output?,
        plan,
    })
}

/// `env:`: a template for each variable.
pub(super) fn variables(
    decoder: &Decoder,
    node: &Node,
) -> Option<IndexMap<String, Spanned<Template>>> {
    decoder.mapping(node, |key, node| {
        let name = variable(decoder, key);
        let template = decoder.template(node);
        Some((name?, template?))
    })
}

pub(super) fn words(decoder: &Decoder, node: &Node) -> Option<Vec<Spanned<Template>>> {
    if node.text().is_some() {
        let error = decoder.error(
            node.span,
            "a command is a list of words, never a shell's line",
        );
        decoder.report(error.code("wrong-type").help("write `[program, word, …]`"));
        return None;
    }
    let words = decoder.list(node, |item| decoder.template(item))?;
    if words.is_empty() {
        return decoder.unexpected(node, "a program and its words");
    }
    Some(words)
}

fn variable(decoder: &Decoder, key: &Key) -> Option<String> {
    let mut chars = key.text.chars();
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let rest = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if chars.next().is_some_and(first) && chars.all(rest) {
        return Some(key.text.clone());
    }
    let message = "a variable's name has letters, digits and `_`, no digit first";
    decoder.report(decoder.error(key.span, message));
    None
}

/// A word that says what an output is.
#[derive(Clone, Copy)]
pub(super) enum OutputWord {
    Json,
    Lines,
}

pub(super) fn output(
    decoder: &Decoder,
    node: &Node,
    words: &[(&str, OutputWord)],
) -> Option<OutputSpec> {
    if matches!(node.kind, Kind::Map(_)) {
        let fields = decoder.mapping(node, |key, node| {
            let name: Option<Name> = decoder.key(key);
            let expression = decoder.expression(node);
            Some((String::from(name?), expression?))
        });
        return fields.map(OutputSpec::Mapping);
    }
    Some(match decoder.one_of(node, words)? {
        OutputWord::Json => OutputSpec::Json,
        OutputWord::Lines => OutputSpec::Lines,
    })
}
