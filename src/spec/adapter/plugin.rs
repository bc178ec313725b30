//! The plugin of an adapter's file, and the `plugin` actions that it answers.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::files;
use super::read::{OutputWord, output, variables, words};
use super::types::{AdapterAction, OutputSpec, Placed};
use crate::expr::{Expression, Template, TypeScope};
use crate::model::ids::{ActionName, FileName};
use crate::model::{Field, Shape};
use crate::spec::decode::Decoder;
use crate::spec::fields::Fields;
use crate::spec::secrets;
use crate::spec::source::Spanned;
use crate::spec::yaml::{Kind, Node};

/// A program that lives as long as its run, and answers call after call.
///
/// It is started before anything is known of a call, so its templates see `settings` and of `run`
/// only what all calls share.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plugin {
    /// The program and its words, never a shell.
    pub command: Vec<Spanned<Template>>,
    /// Added to its cleared environment.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub env: IndexMap<String, Spanned<Template>>,
    /// Variables that it gets from ours, beside those that every child gets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pass: Vec<String>,
}

/// An action that the adapter's plugin answers, and how its answer is read.
///
/// Expressions see `args`, `settings`, `run` and `answer`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PluginAction {
    /// What the plugin calls it.
    pub action: Spanned<ActionName>,
    /// What success is; any answer that is no failure where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok: Option<Spanned<Expression>>,
    /// What its output is; the answer as it is where nothing is said.
    #[serde(default)]
    pub output: OutputSpec,
}

/// `plugin:` beside `actions:`.
pub(super) fn plugin(decoder: &Decoder, node: &Node) -> Option<Plugin> {
    if !matches!(node.kind, Kind::Map(_)) {
        let error = decoder.error(node.span, "a plugin is a mapping with its command");
        let help = "write `plugin: { command: [program, word, …] }`";
        decoder.report(error.code("wrong-type").help(help));
        return None;
    }
    let mut fields = decoder.fields(node, "a plugin")?;
    let command = fields.required("command", |node| words(decoder, node));
    let env = fields
        .node("env")
        .map_or(Some(IndexMap::new()), |node| variables(decoder, node));
    let pass = fields.optional("pass", |node| decoder.list(node, |item| decoder.line(item)));
    fields.misplaced("dir", "a plugin works in the run's own directory");
    fields.misplaced(
        "timeout",
        "the contract's action and the step have a `timeout:`",
    );
    fields.finish();
    Some(Plugin {
        command: command?,
        env: env?,
        pass: pass.unwrap_or_default(),
    })
}

/// `plugin:` of an action, with what stands beside it.
pub(super) fn plugin_action(decoder: &Decoder, fields: &mut Fields<'_>) -> Option<PluginAction> {
    let action = fields.required("plugin", |node| action(decoder, node));
    let ok = fields.optional("ok", |node| decoder.expression(node));
    let output = fields
        .node("output")
        .map_or(Some(OutputSpec::Default), |node| answered(decoder, node));
    for name in ["env", "pass"] {
        fields.misplaced(name, "write it in the adapter's own `plugin:`");
    }
    Some(PluginAction {
        action: action?,
        ok,
        output: output?,
    })
}

fn action(decoder: &Decoder, node: &Node) -> Option<Spanned<ActionName>> {
    if matches!(node.kind, Kind::Map(_) | Kind::Seq(_)) {
        let error = decoder.error(node.span, "an action says what the plugin calls it");
        let help = "write `plugin: NAME` here, and the program once for all actions: \
                    `plugin: { command: […] }` beside `actions:`";
        decoder.report(error.code("wrong-type").help(help));
        return None;
    }
    decoder.spanned(node, |node| decoder.id(node))
}

/// The answer has fields already, so there is nothing to read it as.
fn answered(decoder: &Decoder, node: &Node) -> Option<OutputSpec> {
    if matches!(node.kind, Kind::Map(_)) {
        let none: &[(&str, OutputWord)] = &[];
        return output(decoder, node, none);
    }
    let message = "a plugin's answer has fields: `output` is an expression for each";
    let error = decoder.error(node.span, message).code("wrong-type");
    decoder.report(error.help("leave `output` out, or write `output: { field: answer.field }`"));
    None
}

/// Whether the actions and the plugin belong together, and the plugin's own templates are right.
pub(super) fn check(
    decoder: &Decoder,
    plugin: Option<&Spanned<Plugin>>,
    actions: &[Placed],
    settings: &Shape,
    brought: &IndexMap<FileName, String>,
) {
    let asked = |placed: &&Placed| matches!(placed.action, Some(AdapterAction::Plugin(_)));
    let Some(plugin) = plugin else {
        for placed in actions.iter().filter(asked) {
            let message = format!("`{}` asks a plugin, and the adapter has none", placed.name);
            let error = decoder.error(placed.name.span, message).code("missing-key");
            decoder.report(error.help("write `plugin: { command: […] }` beside `actions:`"));
        }
        return;
    };
    // An action that could not be read may have been the one that asks it.
    let read = actions.iter().all(|placed| placed.action.is_some());
    if read && !actions.iter().any(|placed| asked(&placed)) {
        let error = decoder.error(plugin.span, "no action asks this plugin");
        decoder.report(error.help("write `plugin: NAME` in an action, or take the plugin out"));
    }
    let run = shared_run_shape();
    let scope = TypeScope::new()
        .with("settings", settings)
        .with("run", &run);
    for word in &plugin.value.command {
        files::check(decoder, word, brought);
    }
    let visible: fn(&Shape) -> Option<&'static str> = secrets::misplaced;
    let words = plugin.value.command.iter().map(|word| (word, visible));
    let hidden: fn(&Shape) -> Option<&'static str> = secrets::misplaced_in_env;
    let env = plugin.value.env.values().map(|value| (value, hidden));
    for (template, misplaced) in words.chain(env) {
        if let Some(wanted) = of_a_call(&template.value) {
            let message = format!("`{wanted}` is a call's, and one plugin answers many calls");
            let error = decoder.error(template.span, message);
            decoder.report(error.help("the plugin is told it with each call"));
            continue;
        }
        let shape = decoder.check_template(template, &scope);
        if let Some(why) = shape.as_ref().and_then(misplaced) {
            decoder.misplaced_secret(template.span, why);
        }
    }
}

/// What a template wants that only a call has.
fn of_a_call(template: &Template) -> Option<&'static str> {
    let per_call = |path: &[String]| match path {
        [root, ..] if root == "args" => Some("args"),
        [root, name, ..] if root == "run" => match name.as_str() {
            "step" => Some("run.step"),
            "attempt" => Some("run.attempt"),
            "idempotency_key" => Some("run.idempotency_key"),
            _ => None,
        },
        _ => None,
    };
    let references = template.references().iter();
    references
        .filter_map(|wanted| per_call(&wanted.path))
        .next()
}

/// What of the run is the same for all its calls.
fn shared_run_shape() -> Shape {
    let field = |name: &str| {
        let field = Field {
            shape: Shape::String,
            optional: false,
        };
        (name.to_owned(), field)
    };
    Shape::object(
        ["id", "environment", "work"]
            .map(field)
            .into_iter()
            .collect(),
    )
}

/// The names that `ok` and the output's fields have.
pub(super) fn answer_scope<'a>(scope: &TypeScope<'a>) -> TypeScope<'a> {
    scope.clone().made("answer", Shape::Object(None))
}
