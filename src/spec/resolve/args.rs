//! The words and the mapping of a call, as arguments of its action.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;

use super::usage;
use crate::expr::Template;
use crate::model::ids::{ActionName, ArgName};
use crate::model::suggest::nearest;
use crate::model::text::{clip, escape_controls};
use crate::model::{Shape, Value};
use crate::spec::contract::{Action, Arg};
use crate::spec::diagnostic::Diagnostic;
use crate::spec::source::{Source, Span, Spanned};
use crate::spec::step::{Argument, Call, Literal};

/// A value that was given for an argument, and where.
pub(in crate::spec) struct Given {
    pub(in crate::spec) name: ArgName,
    pub(in crate::spec) value: Literal,
    pub(in crate::spec) span: Span,
    /// Whether it comes from the mapping rather than from a word.
    pub(in crate::spec) mapped: bool,
}

/// The arguments of a call with which nothing is wrong.
pub(super) struct Finished {
    pub(super) args: IndexMap<ArgName, Argument>,
    pub(super) mapped: Vec<ArgName>,
    pub(super) given: Vec<Given>,
}

type Words<'a> = std::iter::Peekable<std::slice::Iter<'a, Spanned<Template>>>;

/// The arguments of one call while they are read.
pub(super) struct Args<'a> {
    call: &'a Call,
    name: &'a ActionName,
    action: &'a Action,
    source: &'a Arc<Source>,
    args: IndexMap<ArgName, Argument>,
    /// Where each argument was given first.
    places: HashMap<ArgName, Span>,
    mapped: Vec<ArgName>,
    given: Vec<Given>,
    found: Vec<Diagnostic>,
}

impl<'a> Args<'a> {
    pub(super) fn new(
        call: &'a Call,
        name: &'a ActionName,
        action: &'a Action,
        source: &'a Arc<Source>,
    ) -> Self {
        Self {
            call,
            name,
            action,
            source,
            args: IndexMap::new(),
            places: HashMap::new(),
            mapped: Vec::new(),
            given: Vec::new(),
            found: Vec::new(),
        }
    }

    pub(super) fn finish(mut self) -> Result<Finished, Vec<Diagnostic>> {
        self.missing();
        if self.found.is_empty() {
            Ok(Finished {
                args: self.args,
                mapped: self.mapped,
                given: self.given,
            })
        } else {
            Err(self.found)
        }
    }

    /// What is called, as messages name it.
    fn called(&self) -> String {
        format!("${} {}", self.call.tool.tool, self.name)
    }

    fn fail(&mut self, span: Span, message: String, help: Option<String>) {
        let error = Diagnostic::error(self.source, span, message).code("argument");
        self.found.push(error.maybe_help(help));
    }

    fn usage(&self) -> String {
        let tool = format!("${}", self.call.tool.tool);
        let usage = usage::usage(&tool, self.name, self.action);
        format!("it is called as {usage}")
    }

    /// The words after the action.
    pub(super) fn words(&mut self, words: &'a [Spanned<Template>]) {
        let mut words = words.iter().peekable();
        let mut position = 0;
        let mut flags = true;
        while let Some(word) = words.next() {
            let text = word.source();
            if flags && text == "--" {
                flags = false;
            } else if flags && text.starts_with("--") {
                self.flag(word, &mut words);
            } else if flags
                && text.len() > 1
                && text.starts_with('-')
                && !self.is_number(word, position)
            {
                self.short(word, &mut words);
            } else {
                self.positional(word, &mut position);
            }
        }
    }

    /// Whether a word that begins with `-` is a negative number where one is expected.
    fn is_number(&self, word: &Spanned<Template>, position: usize) -> bool {
        let slot = self.action.positionals().get(position).copied();
        let text = word.is_constant();
        slot.zip(text).is_some_and(|((_, arg), text)| {
            matches!(arg.shape, Shape::Integer | Shape::Number) && arg.shape.read(text).is_ok()
        })
    }

    fn positional(&mut self, word: &Spanned<Template>, position: &mut usize) {
        let Some((name, arg)) = self.action.positionals().get(*position).copied() else {
            let shown = escape_controls(&clip(word.source(), 60)).into_owned();
            let message = format!("`{}` takes no further word `{shown}`", self.called());
            let help = Some(self.usage());
            self.fail(word.span, message, help);
            return;
        };
        if !arg.many {
            *position += 1;
        }
        let name = name.clone();
        self.value(&name, arg, word.value.clone(), word.span);
    }

    /// `--name`, `--name value` or `--name=value`.
    fn flag(&mut self, word: &'a Spanned<Template>, words: &mut Words<'a>) {
        let text = &word.source()[2..];
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        if name.contains("{{") {
            let message = "the name of a flag is written out, never filled in".to_owned();
            let help = "write the name, and fill in its value: --name={{ … }}".to_owned();
            return self.fail(word.span, message, Some(help));
        }
        let Some((name, arg)) = self.known(name, "--", word.span) else {
            // Its value is no positional word.
            if value.is_none() {
                words.next_if(|next| !next.source().starts_with('-') && self.wants_no_word());
            }
            return;
        };
        match value {
            Some(value) => match Template::parse(value) {
                Ok(template) => self.value(&name, arg, template, word.span),
                // It was parsed before as a part of the word, so it is not reached.
                Err(error) => self.fail(word.span, error.message, error.hint),
            },
            None => self.value_after(&name, arg, word, words),
        }
    }

    /// `-x value` for an argument of one letter.
    fn short(&mut self, word: &'a Spanned<Template>, words: &mut Words<'a>) {
        let text = &word.source()[1..];
        if text.chars().count() != 1 {
            let name = text.split('=').next().unwrap_or(text);
            let shown = escape_controls(&clip(name, 60)).into_owned();
            let message = format!("`-{shown}` is no flag: one dash stands before one letter");
            let known = self.action.args.contains_key(name);
            if known && name == text {
                // Its value is no positional word.
                words.next_if(|next| !next.source().starts_with('-'));
            }
            let help = if known {
                format!("write `--{shown}`")
            } else {
                "for a value that begins with `-` write --name=-value, or `--` before it".to_owned()
            };
            return self.fail(word.span, message, Some(help));
        }
        if let Some((name, arg)) = self.known(text, "-", word.span) {
            self.value_after(&name, arg, word, words);
        }
    }

    /// The value of a flag that was given without `=`.
    fn value_after(
        &mut self,
        name: &ArgName,
        arg: &Arg,
        word: &'a Spanned<Template>,
        words: &mut Words<'a>,
    ) {
        if arg.shape == Shape::Boolean {
            return self.stands_alone(name, word.span);
        }
        // A template gives a value, whatever it begins with.
        match words.next_if(|next| !next.source().starts_with('-')) {
            Some(value) => self.value(name, arg, value.value.clone(), value.span),
            None if arg.value_optional => self.stands_alone(name, word.span),
            None => {
                let message = format!("the flag `{}` needs a value", word.source());
                let help = format!("write --{name}=…: {}", what(arg));
                self.fail(word.span, message, Some(help));
                // It is not missing besides.
                self.places.insert(name.clone(), word.span);
            }
        }
    }

    fn stands_alone(&mut self, name: &ArgName, span: Span) {
        if self.first_time(name, span) {
            self.args.insert(name.clone(), Argument::Flag);
        }
    }

    /// An argument by its name; says so where there is none.
    fn known(&mut self, name: &str, dashes: &str, span: Span) -> Option<(ArgName, &'a Arg)> {
        if let Some((_, name, arg)) = self.action.args.get_full(name) {
            return Some((name.clone(), arg));
        }
        let shown = escape_controls(&clip(name, 60)).into_owned();
        let names = || self.action.args.keys().map(ArgName::as_str);
        let near = nearest(name, names()).map(|near| format!("did you mean `{dashes}{near}`?"));
        let message = format!("`{}` has no argument `{shown}`", self.called());
        let help = near.unwrap_or_else(|| self.usage());
        self.fail(span, message, Some(help));
        None
    }

    fn wants_no_word(&self) -> bool {
        self.action.positionals().is_empty()
    }

    fn first_time(&mut self, name: &ArgName, span: Span) -> bool {
        match self.places.get(name) {
            None => {
                self.places.insert(name.clone(), span);
                true
            }
            Some(first) => {
                let message = format!("the argument `{name}` is given twice");
                let error = Diagnostic::error(self.source, span, message).code("argument");
                self.found.push(error.also(*first, "here first"));
                false
            }
        }
    }

    /// One value from a word.
    fn value(&mut self, name: &ArgName, arg: &Arg, template: Template, span: Span) {
        let literal = Literal::Template(template);
        self.fits(name, &arg.shape, &literal, span);
        if arg.many {
            self.places.entry(name.clone()).or_insert(span);
            match self.args.get_mut(name) {
                Some(Argument::Many(values)) => values.push(literal.clone()),
                _ => {
                    let many = Argument::Many(vec![literal.clone()]);
                    self.args.insert(name.clone(), many);
                }
            }
        } else if self.first_time(name, span) {
            let one = Argument::One(literal.clone());
            self.args.insert(name.clone(), one);
        }
        self.given.push(Given {
            name: name.clone(),
            value: literal,
            span,
            mapped: false,
        });
    }

    /// The arguments of `with:`.
    pub(super) fn mapping(&mut self, with: &IndexMap<ArgName, Spanned<Literal>>) {
        for (name, literal) in with {
            let Some((name, arg)) = self.known(name.as_str(), "", literal.span) else {
                continue;
            };
            if literal.value == Literal::Value(Value::None) {
                continue;
            }
            if !self.first_time(&name, literal.span) {
                continue;
            }
            let argument = match &literal.value {
                Literal::List(items) if arg.many => {
                    for item in items {
                        self.fits(&name, &arg.shape, item, literal.span);
                    }
                    Argument::Many(items.clone())
                }
                one => {
                    self.fits(&name, &arg.shape, one, literal.span);
                    Argument::One(one.clone())
                }
            };
            self.args.insert(name.clone(), argument);
            self.mapped.push(name.clone());
            self.given.push(Given {
                name,
                value: literal.value.clone(),
                span: literal.span,
                mapped: true,
            });
        }
    }

    /// What is written out must be of its type.
    fn fits(&mut self, name: &ArgName, shape: &Shape, literal: &Literal, span: Span) {
        let Some(value) = literal.constant() else {
            return;
        };
        let Err(misfit) = shape.accept(&value) else {
            return;
        };
        let near = match (shape, &value) {
            (Shape::Choice(words), Value::Str(text)) => {
                nearest(text, words.iter().map(String::as_str))
            }
            _ => None,
        };
        let misfit = misfit.to_string();
        let misfit = clip(&misfit, 300);
        let message = format!("the argument `{name}` of `{}`: {misfit}", self.called());
        let help = near.map(|near| format!("did you mean `{near}`?"));
        let error = Diagnostic::error(self.source, span, message).code("argument");
        self.found.push(match shape {
            Shape::Secret => error.help(crate::spec::secrets::BY_NAME).unseen(),
            _ => error.maybe_help(help),
        });
    }

    fn missing(&mut self) {
        let action = self.action;
        for (name, arg) in &action.args {
            if !arg.is_required() || self.places.contains_key(name) {
                continue;
            }
            let message = format!(
                "`{}` needs the argument `{name}`: {}",
                self.called(),
                what(arg)
            );
            let help = match arg.positional {
                Some(_) => self.usage(),
                None => format!("add {}", usage::one(name, arg)),
            };
            self.fail(self.call.tool.span, message, Some(help));
        }
    }
}

/// What an argument is, for people; its type where the contract does not say.
fn what(arg: &Arg) -> String {
    match &arg.help {
        Some(help) => escape_controls(help).into_owned(),
        None => crate::spec::shape::articled(&arg.shape),
    }
}
