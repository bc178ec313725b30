//! A contract's file into a contract.

use indexmap::IndexMap;

use std::sync::Arc;

use super::check::check;
use super::types::{Action, Arg, Call, Contract, Verify};
use crate::model::ids::{ActionName, ArgName};
use crate::model::{Effect, Value};
use crate::spec::decode::{Decoder, decode};
use crate::spec::diagnostic::Diagnostics;
use crate::spec::yaml::{Key, Kind, Node};

/// Reads and checks a contract; `name` is the path as it is shown. Nothing, where it has errors;
/// they are in `found`.
pub fn read(name: &str, bytes: &[u8], found: &mut Diagnostics) -> Option<Contract> {
    decode(name, bytes, found, contract)
}

fn contract(decoder: &Decoder, root: &Node) -> Option<Contract> {
    let mut fields = decoder.fields(root, "a contract")?;
    let tool = fields.required("tool", |node| decoder.id(node));
    let title = fields.required("title", |node| decoder.line(node));
    let default = fields.optional("default", |node| {
        decoder.spanned(node, |node| decoder.id::<ActionName>(node))
    });
    // Each action by itself, so that one that cannot be read does not make the others unknown.
    let actions = fields.required("actions", |node| {
        decoder.mapping::<_, Vec<_>>(node, |key, node| {
            let name = decoder.key::<ActionName>(key);
            let action = action(decoder, key, node);
            name.map(|name| (name, action))
        })
    });
    fields.finish();
    let actions = actions?;
    if actions.is_empty() {
        return decoder.reject(root, "a contract needs at least one action");
    }
    check(decoder, root, &actions, default.as_ref());
    let actions = actions
        .into_iter()
        .map(|(name, action)| Some((name, action?)))
        .collect::<Option<_>>();
    Some(Contract {
        tool: tool?,
        title: title?,
        default: default.map(|default| default.value),
        actions: actions?,
        source: Arc::clone(decoder.source()),
    })
}

fn action(decoder: &Decoder, key: &Key, node: &Node) -> Option<Action> {
    let mut fields = decoder.fields(node, "an action")?;
    let title = fields.optional("title", |node| decoder.line(node));
    let effect = fields.required("effect", |node| decoder.one_of(node, &Effect::ALL));
    let irreversible = fields.flag("irreversible");
    let args = fields
        .node("args")
        .map_or(Some(Default::default()), |node| {
            decoder.mapping(node, |key, node| {
                let name: Option<ArgName> = decoder.key(key);
                let arg = arg(decoder, node);
                Some((name?, arg?))
            })
        });
    let output = fields
        .node("output")
        .map_or(Some(Default::default()), |node| decoder.shape_fields(node));
    let example = fields.node("example");
    let idempotent = fields.optional("idempotent", |node| decoder.bool(node));
    let before = fields.optional("before", |node| call(decoder, node, "`before`"));
    let verify = fields.optional("verify", |node| verify(decoder, node));
    let undo = fields.optional("undo", |node| call(decoder, node, "an undo"));
    let timeout = fields.optional("timeout", |node| decoder.duration(node));
    let span = fields.span();
    fields.misplaced("name", "the action's name is its key");
    fields.misplaced("params", "write `args:`");
    fields.finish();

    let mut action = Action {
        title: title.unwrap_or_else(|| key.text.clone()),
        effect: effect?,
        irreversible,
        args: args?,
        output: output?,
        example: None,
        idempotent: idempotent.unwrap_or(effect == Some(Effect::Read)),
        before,
        verify,
        undo,
        timeout,
        span,
    };
    action.example = example.and_then(|node| shown_example(decoder, &action, node));
    Some(action)
}

/// What it may answer. Of secrets there is no example: one would be taken for a real one.
fn shown_example(decoder: &Decoder, action: &Action, node: &Node) -> Option<Value> {
    for name in action.issued() {
        if let Some(field) = node.get(name) {
            let message = format!("`{name}` is a secret, and an example shows none");
            let error = decoder.error(field.span, message).code("secret");
            decoder.report(
                error
                    .help(format!("leave `{name}` out of the example"))
                    .unseen(),
            );
            return None;
        }
    }
    decoder.value(&action.shown_shape(), node)
}

fn arg(decoder: &Decoder, node: &Node) -> Option<Arg> {
    if !matches!(node.kind, Kind::Map(_)) {
        let shape = decoder.shape(node)?;
        return Some(Arg {
            shape,
            optional: false,
            default: None,
            positional: None,
            many: false,
            value_optional: false,
            environment: false,
            target: false,
            help: None,
        });
    }
    let mut fields = decoder.fields(node, "an argument")?;
    let shape = decoder.typed(&mut fields);
    let optional = fields.flag("optional");
    let default = fields.node("default");
    let positional = fields.optional("positional", |node| decoder.count(node));
    let many = fields.flag("many");
    let value = fields.optional("value", |node| {
        decoder.one_of(node, &[("optional", true), ("required", false)])
    });
    let environment = fields.flag("environment");
    let target = fields.flag("target");
    let help = fields.optional("help", |node| decoder.string(node));
    let value_place = fields.key_span("value").unwrap_or(node.span);
    fields.misplaced(
        "required",
        "arguments are required unless they say `optional: true`",
    );
    fields.misplaced("description", "write `help:`");
    fields.finish();

    let mut arg = Arg {
        shape: shape?,
        optional,
        default: None,
        positional,
        many,
        value_optional: value.unwrap_or(false),
        environment,
        target,
        help,
    };
    arg.default = default.and_then(|node| decoder.value(&arg.value_shape(), node));
    if arg.value_optional && !optional && default.is_none() {
        let message = "a flag can only stand alone where its argument can be left out";
        let error = decoder.error(value_place, message);
        decoder.report(error.help("add `optional: true` or a `default:`"));
    }
    Some(arg)
}

fn call(decoder: &Decoder, node: &Node, what: &'static str) -> Option<Call> {
    let mut fields = decoder.fields(node, what)?;
    let call = the_call(decoder, &mut fields);
    fields.finish();
    call
}

fn the_call(decoder: &Decoder, fields: &mut crate::spec::Fields<'_>) -> Option<Call> {
    let action = fields.required("call", |node| {
        decoder.spanned(node, |node| decoder.id(node))
    });
    let with = fields
        .node("with")
        .map_or(Some(Default::default()), |node| {
            decoder.mapping(node, |key, node| {
                let name: Option<ArgName> = decoder.key(key);
                let template = decoder.template(node);
                Some((name?, template?))
            })
        });
    Some(Call {
        action: action?,
        with: with?,
    })
}

fn verify(decoder: &Decoder, node: &Node) -> Option<Verify> {
    let mut fields = decoder.fields(node, "a verify")?;
    let call = the_call(decoder, &mut fields);
    let done = fields.required("done", |node| decoder.expression(node));
    let not_done = fields.required("not_done", |node| decoder.expression(node));
    let output = fields.node("output").map(|node| {
        decoder.mapping(node, |key, node| {
            Some((key.text.clone(), decoder.expression(node)?))
        })
    });
    fields.finish();
    Some(Verify {
        call: call?,
        done: done?,
        not_done: not_done?,
        output: match output {
            None => IndexMap::new(),
            Some(output) => output?,
        },
    })
}
