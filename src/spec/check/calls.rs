//! What is checked at a step that acts: its call, its effect, its gate, its undo.

use super::expressions::what;
use super::file::File;
use super::names::View;
use crate::expr::fits;
use crate::model::suggest::nearest;
use crate::model::{Effect, Shape};
use crate::spec::contract::{Action, Arg};
use crate::spec::diagnostic::Diagnostic;
use crate::spec::resolve::{self, Given, Resolution};
use crate::spec::shape::articled;
use crate::spec::source::{Span, Spanned};
use crate::spec::step::{Call, Literal, Undo};

impl File<'_> {
    pub(super) fn call(&self, at: usize, call: &Spanned<Call>, view: &View<'_>) {
        // Every word is looked at, whether or not the call can be understood.
        let mut sound = true;
        for word in &call.words {
            sound &= self.template(word, view).is_some();
        }
        let mapped: Vec<Option<Shape>> = call
            .with
            .values()
            .map(|literal| self.literal(&literal.value, literal.span, view))
            .collect();
        let Some(contract) = self.library.contracts.get(&call.tool.tool) else {
            return self.unknown_tool(call);
        };
        let resolution = match resolve::placed(call, contract, self.source()) {
            Ok(resolution) => resolution,
            Err(found) => return found.into_iter().for_each(|found| self.report(found)),
        };
        for given in &resolution.given {
            if given.mapped {
                let shape = call
                    .with
                    .get_index_of(&given.name)
                    .and_then(|i| mapped.get(i));
                if let Some(Some(shape)) = shape {
                    self.given(&resolution, given, shape);
                }
            } else if let (true, Literal::Template(template)) = (sound, &given.value)
                && template.is_constant().is_none()
                && let Ok(shape) = template.check(view)
            {
                self.given(&resolution, given, &shape);
            }
        }
        self.effect_of_call(at, resolution.action, call.tool.span);
        self.undo_of_call(at, resolution.action);
    }

    fn unknown_tool(&self, call: &Call) {
        let tool = &call.tool.tool;
        let error = if self.library.is_broken_tool(tool) {
            let message = format!("the contract of ${tool} has errors of its own");
            self.error(call.tool.span, message)
        } else {
            let names = || self.library.contracts.keys().map(|name| name.as_str());
            let mut list: Vec<String> = names().map(|name| format!("${name}")).collect();
            list.sort_unstable();
            let help = match (nearest(tool.as_str(), names()), list.as_slice()) {
                (Some(near), _) => format!("did you mean `${near}`?"),
                (None, []) => "no contract was found: adapters/<tool>/contract.yaml".to_owned(),
                (None, list) => format!("the tools are {}", list.join(", ")),
            };
            self.error(call.tool.span, format!("there is no tool ${tool}"))
                .help(help)
        };
        self.report(error.code("unknown-tool"));
    }

    /// The type of a value against that of its argument.
    fn given(&self, resolution: &Resolution<'_>, given: &Given, found: &Shape) {
        if given.value.constant().is_some() {
            return;
        }
        let Some(arg) = resolution.action.args.get(&given.name) else {
            return;
        };
        if arg.shape != Shape::Secret && self.seen(found.clone(), given.span).is_none() {
            return;
        }
        let fits_one = fits(found, &arg.shape);
        let fits_many = given.mapped && arg.many && fits(found, &arg.value_shape());
        if !fits_one && !fits_many {
            let wanted = wanted(arg, given.mapped);
            let message = format!(
                "the argument `{}` of `${} {}` is {wanted}, and this is {}",
                given.name,
                resolution.call.tool.tool,
                resolution.call.action,
                what(found)
            );
            let error = self.error(given.span, message).code("wrong-type");
            let list = matches!(found, Shape::List(_)) && arg.many && !given.mapped;
            let help =
                list.then(|| format!("a word is one value: write `with: {{ {}: … }}`", given.name));
            self.report(error.maybe_help(help));
        }
    }

    fn effect_of_call(&self, at: usize, action: &Action, span: Span) {
        let step = self.graph.entries[at].step;
        let mut effect = action.effect;
        if let Some(raised) = &step.how.effect {
            if raised.value < action.effect {
                let message = format!(
                    "the contract says {}: a step may raise the effect, never lower it",
                    action.effect
                );
                let error = self.error(raised.span, message).code("effect");
                self.report(error.help("remove `effect`"));
            }
            effect = effect.max(raised.value);
        }
        self.effect(at, effect, span, action.title.as_str());
    }

    pub(super) fn effect_of_run(&self, at: usize) {
        let step = self.graph.entries[at].step;
        if let Some(effect) = &step.how.effect {
            self.effect(at, effect.value, effect.span, "Do this");
        }
    }

    /// What an effect asks of its step.
    fn effect(&self, at: usize, effect: Effect, span: Span, title: &str) {
        let step = self.graph.entries[at].step;
        if let Some(poll) = step.how.poll.as_ref().filter(|_| effect.acts()) {
            let message = format!(
                "`until` looks again and again, and this does not only read: its effect is {effect}"
            );
            let error = self.error(poll.until.span, message).code("effect");
            self.report(
                error.help("act in one step, and wait in the next with an action that reads"),
            );
        }
        // An undo is gated by the run itself.
        let undoing = self.graph.undone(at).is_some();
        if effect == Effect::Destructive && step.how.gate.is_none() && !undoing {
            let message = "a destructive step needs a gate";
            let question = step
                .how
                .title
                .as_ref()
                .and_then(|title| title.is_constant())
                .unwrap_or(title)
                .trim_end_matches(['.', '?', '!']);
            self.report(
                self.error(span, message)
                    .code("gate")
                    .help(format!("add `gate: {}`", quoted(&format!("{question}?"))))
                    .help("or `gate: none`, with a `why` that says why nobody needs to be asked"),
            );
        }
    }

    fn undo_of_call(&self, at: usize, action: &Action) {
        let step = self.graph.entries[at].step;
        if action.irreversible
            && let Some(Undo::Steps { steps, .. }) = &step.how.undo
            && let Some(first) = steps.first()
        {
            let message = "the contract says that nothing takes this back";
            let warning = Diagnostic::warning(self.source(), first.span, message);
            self.report(
                warning
                    .code("irreversible")
                    .help("write `undo: barrier`, or `undo: none`"),
            );
        }
    }
}

fn wanted(arg: &Arg, mapped: bool) -> String {
    if arg.many && mapped {
        articled(&arg.value_shape())
    } else {
        articled(&arg.shape)
    }
}

/// A text as it can be pasted into YAML.
fn quoted(text: &str) -> String {
    let plain = text
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '\'' | ',' | '.' | '?'))
        && text.starts_with(char::is_alphabetic);
    if plain {
        text.to_owned()
    } else {
        format!("{text:?}")
    }
}
