//! What must hold between the parts of a contract.

use super::types::{Action, Arg, Call};
use crate::expr::{Expression, TypeScope, fits};
use crate::model::ids::{ActionName, ArgName};
use crate::model::suggest::nearest;
use crate::model::{Effect, Shape};
use crate::spec::decode::Decoder;
use crate::spec::shape::articled;
use crate::spec::source::{Span, Spanned};
use crate::spec::yaml::Node;

/// The actions with their names; nothing stands for one that could not be read.
pub(super) type Actions = [(ActionName, Option<Action>)];

pub(super) fn check(
    decoder: &Decoder,
    root: &Node,
    actions: &Actions,
    default: Option<&Spanned<ActionName>>,
) {
    let checker = Checker {
        decoder,
        root,
        actions,
    };
    if let Some(default) = default {
        checker.action(default);
    }
    for (name, action) in actions {
        if let Some(action) = action {
            checker.arguments(name, action);
            checker.effect(name, action);
            checker.calls(name, action);
        }
    }
}

struct Checker<'a> {
    decoder: &'a Decoder,
    root: &'a Node,
    actions: &'a Actions,
}

impl<'a> Checker<'a> {
    fn report(&self, span: Span, message: impl Into<String>, help: Option<String>) {
        let error = self.decoder.error(span, message).code("contract");
        self.decoder.report(error.maybe_help(help));
    }

    fn node(&self, action: &ActionName) -> Option<&'a Node> {
        self.root.get("actions")?.get(action.as_str())
    }

    /// Where a key of an action is written: `undo`, or `with`, `cluster` under it.
    fn key(&self, action: &ActionName, path: &[&str]) -> Span {
        let mut node = self.node(action);
        let mut span = node.map_or(self.root.span, |node| node.span);
        for part in path {
            let entry = node
                .and_then(Node::entries)
                .and_then(|entries| entries.iter().find(|(key, _)| key.text == *part));
            if let Some((key, _)) = entry {
                span = key.span;
            }
            node = entry.map(|(_, node)| node);
        }
        span
    }

    /// The action of a name, where it could be read; says so where there is no such name.
    fn action(&self, name: &Spanned<ActionName>) -> Option<&'a Action> {
        match self.actions.iter().find(|(other, _)| *other == name.value) {
            Some((_, action)) => action.as_ref(),
            None => {
                let names = self.actions.iter().map(|(name, _)| name.as_str());
                let near = nearest(name.as_str(), names);
                let message = format!("there is no action `{name}`");
                let help = near.map(|near| format!("did you mean `{near}`?"));
                self.report(name.span, message, help);
                None
            }
        }
    }

    fn arguments(&self, name: &ActionName, action: &Action) {
        let place = |arg: &ArgName, key: &str| self.key(name, &["args", arg.as_str(), key]);
        let positionals = action.positionals();
        let last = positionals.len();
        let mut optional: Option<&ArgName> = None;
        for (i, (arg_name, arg)) in positionals.into_iter().enumerate() {
            let expected = i + 1;
            if arg.positional.map(|n| n as usize) != Some(expected) {
                let message = format!("positional arguments count from 1: `{expected}` is missing");
                self.report(place(arg_name, "positional"), message, None);
                break;
            }
            if arg.many && expected != last {
                let message = "only the last positional argument can take several words";
                self.report(place(arg_name, "many"), message, None);
            }
            match optional {
                Some(before) if arg.is_required() => {
                    let message =
                        format!("`{arg_name}` must be given, but `{before}` before it need not");
                    self.report(place(arg_name, "positional"), message, None);
                }
                _ if !arg.is_required() => optional = Some(arg_name),
                _ => {}
            }
        }
        for (arg_name, arg) in &action.args {
            let seen = arg.positional.is_some() || arg.target || arg.environment || arg.many;
            if arg.shape == Shape::Secret && (seen || arg.value_optional) {
                let message = "a secret is given by its name only, once, and never seen: it is no word, no target and no list";
                self.report(place(arg_name, "type"), message, None);
            }
        }
        for (flag, says) in [
            ("target", "what a typed challenge asks for"),
            ("environment", "the run's environment"),
        ] {
            let marked = |arg: &Arg| {
                if flag == "target" {
                    arg.target
                } else {
                    arg.environment
                }
            };
            let mut all = action.args.iter().filter(|(_, arg)| marked(arg));
            if let (Some((first, _)), Some((second, _))) = (all.next(), all.next()) {
                let message = format!("only one argument can be {says}; `{first}` is");
                self.report(place(second, flag), message, None);
            }
        }
    }

    fn effect(&self, name: &ActionName, action: &Action) {
        if action.effect == Effect::Read {
            let said = [
                ("before", action.before.is_some()),
                ("verify", action.verify.is_some()),
                ("undo", action.undo.is_some()),
                ("irreversible", action.irreversible),
            ];
            for (key, _) in said.into_iter().filter(|(_, there)| *there) {
                let message = format!("an action that only reads has no `{key}`");
                self.report(self.key(name, &[key]), message, None);
            }
        }
        if action.irreversible && action.undo.is_some() {
            let message = "an action that has an `undo` is not irreversible";
            self.report(self.key(name, &["undo"]), message, None);
        }
    }

    fn calls(&self, name: &ActionName, action: &Action) {
        let args = action.args_shape();
        let output = action.output_shape();
        let read = |call: &Call| self.read(call).map(Action::output_shape);
        let verified = action.verify.as_ref().and_then(|verify| read(&verify.call));
        let declared = action.before.as_ref().and_then(read);
        let node = self.node(name);
        let there = |key: &str| node.is_some_and(|node| node.get(key).is_some());
        // Where nothing is declared, what `verify` reads is read before acting too. What stands
        // there but could not be read may be anything: one error is enough.
        let before = match (there("before"), there("verify")) {
            (true, _) => Some(declared.unwrap_or(Shape::Any)),
            (false, true) => Some(verified.clone().unwrap_or(Shape::Any)),
            (false, false) => None,
        };
        let of_args = TypeScope::new().with("args", &args);
        if let Some(call) = &action.before {
            self.with(name, "before", call, &of_args);
        }
        if let Some(verify) = &action.verify {
            let mut scope = of_args.clone();
            if let Some(before) = before.clone().filter(|_| there("before")) {
                scope = scope.made("before", before);
            }
            self.with(name, "verify", &verify.call, &scope);
            let scope = of_args
                .clone()
                .made("before", before.clone().unwrap_or(Shape::Any))
                .made("output", verified.unwrap_or(Shape::Any));
            self.decoder.check_bool(&verify.done, &scope);
            self.decoder.check_bool(&verify.not_done, &scope);
            for (field, expression) in &verify.output {
                self.told(action, field, expression, &scope);
            }
        }
        if let Some(undo) = &action.undo {
            self.action(&undo.action);
            let mut scope = of_args.clone().with("output", &output);
            if let Some(before) = before {
                scope = scope.made("before", before);
            }
            self.with(name, "undo", undo, &scope);
        }
    }

    /// A field that `verify` tells of the action's output.
    fn told(
        &self,
        action: &Action,
        field: &str,
        expression: &Spanned<Expression>,
        scope: &TypeScope<'_>,
    ) {
        let found = self.decoder.check(expression, scope);
        match (action.output.get(field), found) {
            (None, _) => {
                let message = format!("the action's output has no field `{field}`");
                self.report(expression.span, message, None);
            }
            (Some(declared), Some(found)) if !fits(&found, &declared.shape) => {
                let message = format!(
                    "`{field}` is declared {}, and this is {found}",
                    declared.shape
                );
                self.report(expression.span, message, None);
            }
            (Some(_), _) => {}
        }
    }

    /// The action that a `before` or `verify` calls, which must only read.
    fn read(&self, call: &Call) -> Option<&'a Action> {
        let action = self.action(&call.action)?;
        if action.effect != Effect::Read {
            let message = format!(
                "`{}` does not only read: its effect is {}",
                call.action, action.effect
            );
            self.report(call.action.span, message, None);
        }
        Some(action)
    }

    fn with(&self, name: &ActionName, part: &str, call: &Call, scope: &TypeScope<'_>) {
        // Said already, where the action is looked up for what it is needed for.
        let found = self
            .actions
            .iter()
            .find(|(other, _)| *other == call.action.value);
        let called = found.and_then(|(_, action)| action.as_ref());
        for (arg_name, template) in &call.with {
            let found = self.decoder.check_template(template, scope);
            let Some(called) = called else {
                continue;
            };
            let place = self.key(name, &[part, "with", arg_name.as_str()]);
            let Some(arg) = called.args.get(arg_name) else {
                let near = nearest(arg_name.as_str(), called.args.keys().map(ArgName::as_str));
                let message = format!("`{}` has no argument `{arg_name}`", call.action);
                let help = match near {
                    Some(near) => Some(format!("did you mean `{near}`?")),
                    None if called.args.is_empty() => Some("it has none".to_owned()),
                    None => {
                        let names: Vec<_> = called.args.keys().map(ArgName::as_str).collect();
                        Some(format!("its arguments are {}", names.join(", ")))
                    }
                };
                self.report(place, message, help);
                continue;
            };
            let expected = arg.value_shape();
            let problem = match (template.is_constant(), found) {
                (Some(text), _) => expected.read(text).err().map(|misfit| misfit.to_string()),
                (None, Some(found)) if !assignable(&expected, &found) => {
                    let (expected, found) = (articled(&expected), articled(&found));
                    Some(format!("`{arg_name}` is {expected}, but this is {found}"))
                }
                _ => None,
            };
            if let Some(problem) = problem {
                self.report(template.span, problem, None);
            }
        }
        for (arg_name, arg) in called.iter().flat_map(|called| &called.args) {
            if arg.is_required() && !call.with.contains_key(arg_name) {
                let message = format!("`{}` needs the argument `{arg_name}`", call.action);
                self.report(
                    call.action.span,
                    message,
                    Some(format!("add it to `with:` of `{part}`")),
                );
            }
        }
    }
}

/// Whether a value of one type can be given where another is expected, as far as that is known
/// beforehand: text is read by the expected type when it comes.
pub fn assignable(expected: &Shape, found: &Shape) -> bool {
    use Shape as S;
    let text = |shape: &Shape| matches!(shape, S::String | S::Choice(_));
    match (expected, found) {
        (S::Any, _) | (_, S::Any) | (S::Object(_), S::Object(_)) => true,
        (S::Secret, _) | (_, S::Secret) => expected == found,
        (S::Choice(words), S::Choice(found)) => found.iter().any(|word| words.contains(word)),
        (S::List(of), S::List(found)) => assignable(of, found),
        (S::List(_) | S::Object(_), _) | (_, S::List(_) | S::Object(_)) => false,
        (S::String, _) | (S::Number, S::Integer) => true,
        (_, found) if text(found) => true,
        (expected, found) => std::mem::discriminant(expected) == std::mem::discriminant(found),
    }
}
