//! What a step would do, with every value filled in; and the gate in front of it.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::names::At;
use super::state::{InstIx, Run};
use crate::expr::{Expression, Names, Scope, Template};
use crate::model::call::{Command, Failure, FailureKind, Process, ToolCall, Work};
use crate::model::ids::{ActionName, ArgName, Name, ToolRef};
use crate::model::secret::EnvValue;
use crate::model::text::escape_controls;
use crate::model::{Digest, Map, Value};
use crate::plan::{Node, NodeDoes};
use crate::spec::contract::{Action, Arg};
use crate::spec::step::{Argument, Literal, ResolvedCall, RunCommand, RunStep};

/// An expression or a template that could not be evaluated: nothing was done.
pub(super) fn broken(what: &str, error: &crate::expr::ExprError) -> Failure {
    let failure = Failure::new(FailureKind::Expression, format!("{what}: {error}"));
    match &error.hint {
        Some(hint) => failure.hint(hint.clone()),
        None => failure,
    }
}

/// The value of a literal, its templates filled.
pub(super) fn literal(
    literal: &Literal,
    names: &dyn Names,
) -> Result<Value, crate::expr::ExprError> {
    match literal {
        Literal::Template(template) => template.eval(names),
        Literal::Value(value) => Ok(value.clone()),
        Literal::List(items) => items
            .iter()
            .map(|item| self::literal(item, names))
            .collect::<Result<_, _>>()
            .map(Value::List),
        Literal::Map(map) => map
            .iter()
            .map(|(name, item)| Ok((name.clone(), self::literal(item, names)?)))
            .collect::<Result<_, _>>()
            .map(Value::Map),
    }
}

impl Run {
    /// What an instance would do now, with its own loop item if it has one.
    pub(super) fn work(&self, ix: InstIx) -> Result<Option<Work>, Failure> {
        let at = At {
            run: self,
            inst: ix,
        };
        self.work_with(ix, &at)
    }

    fn work_with(&self, ix: InstIx, names: &dyn Names) -> Result<Option<Work>, Failure> {
        self.work_of(self.plan.node(self.inst(ix).node), ix, names)
    }

    /// What a node would do, seen from an instance that need not be its own: an undo is looked at
    /// before there is one.
    pub(super) fn work_of(
        &self,
        node: &Node,
        ix: InstIx,
        names: &dyn Names,
    ) -> Result<Option<Work>, Failure> {
        match &node.does {
            NodeDoes::Call(call) => self.call(call, names).map(|call| Some(Work::Call(call))),
            NodeDoes::Run(run) => self
                .process(node, run, names)
                .map(|process| Some(Work::Process(process))),
            NodeDoes::Inverse { action, with } => {
                let Some(Work::Call(original)) = self.origin(ix).work else {
                    return Err(Failure::new(
                        FailureKind::Expression,
                        "what is to be undone is not known",
                    ));
                };
                let args = with
                    .iter()
                    .map(|(name, template)| (name.clone(), Literal::Template(template.clone())))
                    .collect();
                self.contract_call(&original.tool, action, &args, names)
                    .map(|call| Some(Work::Call(call)))
            }
            NodeDoes::Block { .. }
            | NodeDoes::Include { .. }
            | NodeDoes::Manual(_)
            | NodeDoes::Ask(_)
            | NodeDoes::Pause(_) => Ok(None),
        }
    }

    fn call(&self, call: &ResolvedCall, names: &dyn Names) -> Result<ToolCall, Failure> {
        let action = self.action(&call.tool, &call.action)?;
        let mut args = Map::new();
        for (name, argument) in &call.args {
            let value =
                match argument {
                    Argument::Flag if action.args.get(name).is_some_and(is_boolean) => {
                        Some(Value::Bool(true))
                    }
                    Argument::Flag => None,
                    Argument::One(one) => Some(self::literal(one, names).map_err(|e| {
                        broken(&format!("the argument `{name}` of {}", call.tool), &e)
                    })?),
                    Argument::Many(many) => {
                        let values = many
                            .iter()
                            .map(|one| self::literal(one, names))
                            .collect::<Result<_, _>>()
                            .map_err(|e| {
                                broken(&format!("the argument `{name}` of {}", call.tool), &e)
                            })?;
                        Some(Value::List(values))
                    }
                };
            self.insert_arg(&mut args, name, action.args.get(name), value)?;
        }
        add_defaults(&mut args, &action.args);
        let mut words = Vec::with_capacity(call.words.len());
        for template in &call.words {
            let word = template
                .render(names)
                .map_err(|e| broken(&format!("a word of the call of {}", call.tool), &e))?;
            let own_dash = template.source().starts_with('-');
            words.push(safe_word(
                word,
                own_dash || template.is_constant().is_some(),
            )?);
        }
        for name in &call.mapped {
            if let (Some(value), Some(arg)) = (args.get(&name.variable()), action.args.get(name)) {
                push_words(&mut words, name, arg, value)?;
            }
        }
        self.finish_call(&call.tool, &call.action, args, words)
    }

    /// A call that the contract itself describes: a `verify`, a `before`, an inverse.
    pub(super) fn contract_call(
        &self,
        tool: &ToolRef,
        action: &ActionName,
        with: &IndexMap<ArgName, Literal>,
        names: &dyn Names,
    ) -> Result<ToolCall, Failure> {
        let spec = self.action(tool, action)?;
        let mut args = Map::new();
        for (name, value) in with {
            let value = self::literal(value, names)
                .map_err(|e| broken(&format!("the argument `{name}` of {tool} {action}"), &e))?;
            self.insert_arg(&mut args, name, spec.args.get(name), Some(value))?;
        }
        add_defaults(&mut args, &spec.args);
        let mut words = vec![action.to_string()];
        let mut positional: Vec<_> = spec
            .args
            .iter()
            .filter_map(|(name, arg)| Some((arg.positional?, name, arg)))
            .collect();
        positional.sort_by_key(|(position, ..)| *position);
        let flags = spec.args.iter().filter(|(_, arg)| arg.positional.is_none());
        let in_order = positional
            .into_iter()
            .map(|(_, name, arg)| (name, arg))
            .chain(flags);
        for (name, arg) in in_order {
            if let Some(value) = args.get(&name.variable()) {
                push_words(&mut words, name, arg, value)?;
            }
        }
        self.finish_call(tool, action, args, words)
    }

    fn action(&self, tool: &ToolRef, action: &ActionName) -> Result<&Action, Failure> {
        self.plan.action(&tool.tool, action).ok_or_else(|| {
            Failure::new(
                FailureKind::NotStarted,
                format!("the contract of {tool} has no action `{action}`"),
            )
        })
    }

    fn finish_call(
        &self,
        tool: &ToolRef,
        action: &ActionName,
        args: Map,
        words: Vec<String>,
    ) -> Result<ToolCall, Failure> {
        let binding = self
            .plan
            .binding(tool)
            .and_then(|binding| binding.digest().ok())
            .ok_or_else(|| {
                Failure::new(
                    FailureKind::NotStarted,
                    format!("nothing is bound to {tool}"),
                )
            })?;
        Ok(ToolCall {
            tool: tool.clone(),
            action: action.clone(),
            args,
            words,
            binding,
        })
    }

    /// Types an argument and puts it under its name in expressions. None leaves it out.
    fn insert_arg(
        &self,
        args: &mut Map,
        name: &ArgName,
        spec: Option<&Arg>,
        value: Option<Value>,
    ) -> Result<(), Failure> {
        let bad = |message: String| Err(Failure::new(FailureKind::Expression, message));
        let value = match value {
            None | Some(Value::None) => return Ok(()),
            Some(value) => value,
        };
        let Some(spec) = spec else {
            return bad(format!("there is no argument `{name}`"));
        };
        let typed = match value {
            Value::List(items) if spec.many => items
                .iter()
                .map(|item| spec.shape.accept(item))
                .collect::<Result<_, _>>()
                .map(Value::List),
            value if spec.many => spec.shape.accept(&value).map(|one| Value::List(vec![one])),
            value => spec.shape.accept(&value),
        };
        let typed = match typed {
            Ok(typed) => typed,
            Err(misfit) => return bad(format!("the argument `{name}`: {misfit}")),
        };
        if spec.environment && typed.as_str() != Some(self.plan.environment.as_str()) {
            return Err(Failure::new(
                FailureKind::Refused,
                format!(
                    "the argument `{name}` names `{}`, but this run acts on `{}`",
                    escape_controls(&typed.to_string()),
                    self.plan.environment
                ),
            )
            .hint("write {{ run.environment }} for it, or start the run with -e"));
        }
        args.insert(name.variable(), typed);
        Ok(())
    }

    fn process(&self, node: &Node, run: &RunStep, names: &dyn Names) -> Result<Process, Failure> {
        let fill =
            |template: &Template, what: &str| template.render(names).map_err(|e| broken(what, &e));
        let command = match &run.command {
            RunCommand::Argv(words) => {
                let mut argv = Vec::with_capacity(words.len());
                for word in words {
                    let text = fill(word, "a word of `run`")?;
                    let own = word.source().starts_with('-') || word.is_constant().is_some();
                    argv.push(safe_word(text, own)?);
                }
                Command::Argv(argv)
            }
            RunCommand::Script { text, shell } => Command::Script {
                text: text.clone(),
                shell: *shell,
            },
        };
        let scope = self.plan.scope(node.scope);
        let mut env = IndexMap::new();
        for (name, template) in scope.env.iter().chain(&run.env) {
            let value = variable(template, names)
                .map_err(|e| broken(&format!("the variable `{name}`"), &e))?;
            env.insert(name.clone(), value);
        }
        let dir = run.dir.as_ref().or(scope.dir.as_ref());
        let dir = dir.map(|dir| fill(dir, "`dir`")).transpose()?;
        Ok(Process { command, env, dir })
    }

    /// The works of all items of a loop, for a gate that asks once.
    pub(super) fn works_of_all(
        &self,
        ix: InstIx,
        name: &Name,
        items: &[Value],
    ) -> Result<Vec<Work>, Failure> {
        let at = At {
            run: self,
            inst: ix,
        };
        let mut works = Vec::new();
        for item in items {
            let names = Scope::over(&at).with(name.as_str(), item);
            works.extend(self.work_with(ix, &names)?);
        }
        Ok(works)
    }

    /// Evaluates a condition at an instance.
    pub(super) fn holds(
        &self,
        ix: InstIx,
        expression: &Expression,
        what: &str,
    ) -> Result<bool, Failure> {
        let at = At {
            run: self,
            inst: ix,
        };
        expression.eval_bool(&at).map_err(|e| broken(what, &e))
    }
}

/// What fills a variable: a text, or one lone secret.
fn variable(template: &Template, names: &dyn Names) -> Result<EnvValue, crate::expr::ExprError> {
    match template.lone().map(|_| template.eval(names)).transpose()? {
        Some(Value::Secret(secret)) => Ok(EnvValue::Secret(secret)),
        _ => template.render(names).map(EnvValue::Text),
    }
}

/// The digests of some works.
pub(super) fn digests(works: &[Work]) -> BTreeSet<Digest> {
    works.iter().filter_map(|work| work.digest().ok()).collect()
}

fn is_boolean(arg: &Arg) -> bool {
    arg.shape == crate::model::Shape::Boolean
}

fn add_defaults(args: &mut Map, specs: &IndexMap<ArgName, Arg>) {
    for (name, arg) in specs {
        if let (Some(default), None) = (&arg.default, args.get(&name.variable())) {
            args.insert(name.variable(), default.clone());
        }
    }
}

/// Adds an argument to the words of a call, as a command line would have it.
fn push_words(
    words: &mut Vec<String>,
    name: &ArgName,
    arg: &Arg,
    value: &Value,
) -> Result<(), Failure> {
    let values = match value {
        Value::List(items) if arg.many => items.as_slice(),
        value => std::slice::from_ref(value),
    };
    for value in values {
        let text = value.to_string();
        match (arg.positional, value) {
            (Some(_), _) => words.push(safe_word(text, false)?),
            (None, Value::Bool(true)) => words.push(format!("--{name}")),
            (None, Value::Bool(false)) => {}
            (None, _) => words.push(safe_word(format!("--{name}={text}"), true)?),
        }
    }
    Ok(())
}

/// A word that a program cannot mistake: no NUL, and a value that begins with `-` is no option.
fn safe_word(word: String, own_dash: bool) -> Result<String, Failure> {
    if word.contains('\0') {
        return Err(Failure::new(
            FailureKind::Refused,
            "a word of the call holds a NUL character",
        ));
    }
    if word.starts_with('-') && !own_dash {
        return Err(Failure::new(
            FailureKind::Refused,
            format!(
                "the value `{}` begins with `-`: a command could take it for an option",
                escape_controls(&word)
            ),
        )
        .hint("give it as --name={{ … }}, so that it cannot be one"));
    }
    Ok(word)
}

/// How much a node can do to the world, for the acting limit: blocks do nothing themselves.
pub(super) fn calls_out(does: &NodeDoes) -> bool {
    matches!(
        does,
        NodeDoes::Call(_) | NodeDoes::Run(_) | NodeDoes::Inverse { .. }
    )
}
