//! Whether an adapter keeps its contract.

use indexmap::IndexMap;

use super::types::{AdapterAction, Command, OutputSpec, Placed, Setting, settings_shape};
use super::{files, http, plugin};
use crate::expr::{Expression, Template, TypeScope};
use crate::model::ids::{ActionName, FileName, Name};
use crate::model::suggest::nearest;
use crate::model::{Field, Fields, Shape};
use crate::spec::contract::{Action, Contract, assignable};
use crate::spec::decode::Decoder;
use crate::spec::secrets;
use crate::spec::shape::articled;
use crate::spec::source::{Span, Spanned};

pub(super) fn check(
    decoder: &Decoder,
    settings: &IndexMap<Name, Setting>,
    files: &IndexMap<FileName, String>,
    actions: &[Placed],
    contract: &Contract,
) {
    let settings = settings_shape(settings);
    let run = run_shape();
    for placed in actions {
        let Some(action) = contract.actions.get(&placed.name.value) else {
            unknown(decoder, &placed.name, contract);
            continue;
        };
        let args = action.args_shape();
        let scope = TypeScope::new()
            .with("args", &args)
            .with("settings", &settings)
            .with("run", &run);
        match &placed.action {
            Some(AdapterAction::Command(command)) => {
                for word in all_words(command) {
                    files::check(decoder, word, files);
                }
                templates(decoder, command, &scope);
                let scope = printed_scope(&scope);
                let read = (command.ok.as_ref(), &command.output);
                results(decoder, read, &scope, action, placed);
            }
            Some(AdapterAction::Http(http)) => {
                http::check(decoder, http, &scope, action, placed);
                let scope = http::answer_scope(&scope);
                results(
                    decoder,
                    (http.ok.as_ref(), &http.output),
                    &scope,
                    action,
                    placed,
                );
            }
            Some(AdapterAction::Plugin(plugin)) => {
                let scope = plugin::answer_scope(&scope);
                let read = (plugin.ok.as_ref(), &plugin.output);
                results(decoder, read, &scope, action, placed);
            }
            Some(AdapterAction::Simulate { .. }) | None => {}
        }
    }
}

fn unknown(decoder: &Decoder, name: &Spanned<ActionName>, contract: &Contract) {
    let names = || contract.actions.keys().map(ActionName::as_str);
    let near = nearest(name.as_str(), names()).map(|near| format!("did you mean `{near}`?"));
    let all: Vec<&str> = names().collect();
    decoder.report(
        decoder
            .error(
                name.span,
                format!("`{}` has no action `{name}`", contract.tool),
            )
            .code("unknown-action")
            .maybe_help(near)
            .help(format!("its actions are {}", all.join(", "))),
    );
}

/// What an adapter knows of the run that it works for.
fn run_shape() -> Shape {
    let text = |name: &str| (name.to_owned(), field(Shape::String));
    let mut fields: Fields = ["id", "environment", "step", "idempotency_key", "work"]
        .into_iter()
        .map(text)
        .collect();
    fields.insert("attempt".to_owned(), field(Shape::Integer));
    Shape::object(fields)
}

fn field(shape: Shape) -> Field {
    Field {
        shape,
        optional: false,
    }
}

fn all_words(command: &Command) -> impl Iterator<Item = &Spanned<Template>> {
    let plan = command.plan.iter().flat_map(|plan| &plan.argv);
    command.argv.iter().chain(plan)
}

fn templates(decoder: &Decoder, command: &Command, scope: &TypeScope<'_>) {
    for template in all_words(command).chain(&command.dir) {
        let shape = decoder.check_template(template, scope);
        if let Some(why) = shape.as_ref().and_then(secrets::misplaced) {
            decoder.misplaced_secret(template.span, why);
        }
    }
    for template in command.env.values() {
        let shape = decoder.check_template(template, scope);
        if let Some(why) = shape.as_ref().and_then(secrets::misplaced_in_env) {
            decoder.misplaced_secret(template.span, why);
        }
    }
}

/// The names that a command's `ok` and the output's fields have.
fn printed_scope<'a>(scope: &TypeScope<'a>) -> TypeScope<'a> {
    scope
        .clone()
        .made("exit", Shape::Integer)
        .made("stdout", Shape::String)
        .made("stderr", Shape::String)
        .made("lines", Shape::List(Box::new(Shape::String)))
        .made("table", Shape::List(Box::new(Shape::Any)))
        .made("json", Shape::Any)
}

fn results(
    decoder: &Decoder,
    (ok, output): (Option<&Spanned<Expression>>, &OutputSpec),
    scope: &TypeScope<'_>,
    action: &Action,
    placed: &Placed,
) {
    if let Some(ok) = ok {
        decoder.check_bool(ok, scope);
    }
    let OutputSpec::Mapping(fields) = output else {
        if matches!(output, OutputSpec::Lines) && !action.output.is_empty() {
            let message = format!("`{}` declares fields, and lines have none", placed.name);
            let error = decoder.error(placed.name.span, message);
            decoder.report(error.help("write `output: { field: lines }`"));
        }
        return;
    };
    let place = |name: &str| {
        let found = placed.output.iter().find(|(key, _)| key == name);
        found.map_or(placed.name.span, |(_, span)| *span)
    };
    for (name, expression) in fields {
        let found = decoder.check(expression, scope);
        match action.output.get(name).map(Field::answered).as_ref() {
            None => undeclared(decoder, placed, action, name, place(name)),
            Some(field) => {
                if let Some(found) = found
                    && !assignable(&field.shape, &found)
                {
                    let (expected, found) = (articled(&field.shape), articled(&found));
                    let message = format!("`{name}` is {expected}, but this is {found}");
                    decoder.report(decoder.error(expression.span, message).code("wrong-type"));
                }
            }
        }
    }
    for (name, field) in &action.output {
        if !field.optional && !fields.contains_key(name) {
            let message = format!("`{}` promises the field `{name}`", placed.name);
            let error = decoder.error(placed.name.span, message).code("missing-key");
            decoder.report(error.help("add it to `output:`"));
        }
    }
}

fn undeclared(decoder: &Decoder, placed: &Placed, action: &Action, name: &str, place: Span) {
    let near = nearest(name, action.output.keys().map(String::as_str));
    let message = format!("`{}` has no field `{name}`", placed.name);
    let error = decoder.error(place, message).code("unknown-key");
    decoder.report(error.maybe_help(near.map(|near| format!("did you mean `{near}`?"))));
}
