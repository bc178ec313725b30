//! What a contract says.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::expr::{Expression, Names, Template};
use crate::model::ids::{ActionName, ArgName, ToolName};
use crate::model::{Duration, Effect, Field, Fields, Map, Shape, Value};
use crate::spec::source::{Source, Span, Spanned};

/// The actions of a tool, whoever answers for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Contract {
    /// The placeholder without its `$`.
    pub tool: ToolName,
    /// What it is, for people.
    pub title: String,
    /// The action that a word which is no action goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<ActionName>,
    /// Its actions, in the order of the file.
    pub actions: IndexMap<ActionName, Action>,
    /// The file; empty where the contract was read back from a plan.
    #[serde(skip)]
    pub source: Arc<Source>,
}

/// One action of a tool.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Action {
    /// What it does, for people; its name where the contract has no title.
    pub title: String,
    /// How much it can do to the world.
    pub effect: Effect,
    /// Whether nothing takes it back; said on the gate.
    #[serde(default)]
    pub irreversible: bool,
    /// Its arguments, in the order of the file.
    #[serde(default)]
    pub args: IndexMap<ArgName, Arg>,
    /// The fields of its output.
    #[serde(default)]
    pub output: Fields,
    /// An output that fits, which a dry run shows to later steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<Value>,
    /// Whether doing it twice is the same as once. What reads always is.
    #[serde(default)]
    pub idempotent: bool,
    /// What is read just before acting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Call>,
    /// How to find out whether it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
    /// What takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Call>,
    /// How long one attempt may take, where the contract says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Where it is written.
    #[serde(skip)]
    pub span: Span,
}

/// One argument of an action.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Arg {
    /// The type of one value. See [`Arg::value_shape`] for the type in expressions.
    pub shape: Shape,
    /// Whether it may be left out; it then is `none`.
    #[serde(default)]
    pub optional: bool,
    /// What it is where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Which word it is when it is written without its name; counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positional: Option<u32>,
    /// Whether it can be given several times: its value is a list.
    #[serde(default)]
    pub many: bool,
    /// Whether its flag may stand alone, which is as if it were left out.
    #[serde(default)]
    pub value_optional: bool,
    /// Whether it must name the run's environment.
    #[serde(default)]
    pub environment: bool,
    /// Whether it is what a typed challenge asks for.
    #[serde(default)]
    pub target: bool,
    /// What it is, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// A call of another action of the same tool.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call {
    /// Which action.
    pub action: Spanned<ActionName>,
    /// Its arguments. A lone `{{ }}` keeps its type, and `none` leaves the argument out.
    #[serde(default)]
    pub with: IndexMap<ArgName, Spanned<Template>>,
}

/// How to find out whether an action happened. When both expressions are true, or both false, or
/// one cannot be evaluated, nobody can tell.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Verify {
    /// What is read; its output is `output` in the expressions.
    pub call: Call,
    /// True where the action was done.
    pub done: Spanned<Expression>,
    /// True where it was not.
    pub not_done: Spanned<Expression>,
    /// What the action would have answered, as far as what is read tells it: later steps read
    /// that of an action whose own answer was lost.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub output: IndexMap<String, Spanned<Expression>>,
}

impl Verify {
    /// What the action would have answered; none where nothing is said, or it cannot be told.
    pub fn told_output(&self, names: &dyn Names) -> Option<Value> {
        if self.output.is_empty() {
            return None;
        }
        let fields = self.output.iter().map(|(field, expression)| {
            let value = expression.eval(names).ok()?;
            Some((field.clone(), value))
        });
        fields.collect::<Option<Map>>().map(Value::Map)
    }
}

impl Action {
    /// What is to be read just before acting: what `before:` says, else what `verify` reads, where
    /// its expressions or the undo compare with `before`.
    pub fn reads_before(&self) -> Option<&Call> {
        if self.before.is_some() {
            return self.before.as_ref();
        }
        let verify = self.verify.as_ref()?;
        let mut references = [&verify.done, &verify.not_done]
            .into_iter()
            .chain(verify.output.values())
            .flat_map(|expression| expression.references())
            .chain(
                self.undo
                    .iter()
                    .flat_map(|undo| undo.with.values())
                    .flat_map(|template| template.references()),
            );
        let mentioned = references.any(|r| r.path.first().is_some_and(|root| root == "before"));
        mentioned.then_some(&verify.call)
    }

    /// The type of `args` in expressions: every argument, `-` written as `_`.
    pub fn args_shape(&self) -> Shape {
        let field = |(name, arg): (&ArgName, &Arg)| {
            let field = Field {
                shape: arg.value_shape(),
                optional: arg.optional && arg.default.is_none(),
            };
            (name.variable(), field)
        };
        Shape::object(self.args.iter().map(field).collect())
    }

    /// The type of `output` in expressions.
    pub fn output_shape(&self) -> Shape {
        Shape::object(self.output.clone())
    }

    /// The fields of its output that are secrets, which the tool gives out.
    pub fn issued(&self) -> impl Iterator<Item = &str> {
        let secret = self.output.iter();
        let secret = secret.filter(|(_, field)| field.shape.has_secret());
        secret.map(|(name, _)| name.as_str())
    }

    /// The type of what the tool itself answers: of a secret it answers the text.
    pub fn answer_shape(&self) -> Shape {
        let answered = |(name, field): (&String, &Field)| (name.clone(), field.answered());
        Shape::object(self.output.iter().map(answered).collect())
    }

    /// The type of what may be shown of its output: an example, what a person types in.
    pub fn shown_shape(&self) -> Shape {
        let shown = self.output.iter();
        let shown = shown.filter(|(_, field)| !field.shape.has_secret());
        let shown = shown.map(|(name, field)| (name.clone(), field.clone()));
        Shape::object(shown.collect())
    }

    /// The argument that a typed challenge asks for.
    pub fn target(&self) -> Option<(&ArgName, &Arg)> {
        self.args.iter().find(|(_, arg)| arg.target)
    }

    /// The arguments that may be written without their names, in their order.
    pub fn positionals(&self) -> Vec<(&ArgName, &Arg)> {
        let mut found: Vec<_> = self
            .args
            .iter()
            .filter(|(_, arg)| arg.positional.is_some())
            .collect();
        found.sort_by_key(|(_, arg)| arg.positional);
        found
    }
}

impl Arg {
    /// The type of its value: a list, where it can be given several times.
    pub fn value_shape(&self) -> Shape {
        if self.many {
            Shape::List(Box::new(self.shape.clone()))
        } else {
            self.shape.clone()
        }
    }

    /// Whether a call without it is wrong.
    pub fn is_required(&self) -> bool {
        !self.optional && self.default.is_none()
    }
}
