//! The tree walk: nodes and names in, a value out.
//!
//! What is only read stays borrowed from whoever knows the names, so a megabyte of output costs
//! nothing to look at. The depth of the walk is the depth of the tree, which parsing bounds.

use std::borrow::Cow;

use super::arithmetic::{self, Trouble};
use super::ast::{Binary, Choice, Comparison, Kind, Node, Slice};
use super::compare;
use super::constant;
use super::error::ExprError;
use super::limits::{Budget, ITEM_BYTES, MAX_RANGE};
use super::names::Names;
use super::secrets::{self, Misuse};
use super::shown;
use super::vocabulary::Function;
use crate::model::{Map, Value};

/// A value, borrowed where it can be.
pub(super) type Val<'a> = Cow<'a, Value>;

/// One evaluation.
pub(super) struct Evaluator<'a> {
    pub(super) names: &'a dyn Names,
    pub(super) source: &'a str,
    pub(super) budget: &'a Budget,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(names: &'a dyn Names, source: &'a str, budget: &'a Budget) -> Self {
        Self {
            names,
            source,
            budget,
        }
    }

    /// The value of a node, to keep.
    pub(super) fn owned(&self, node: &'a Node) -> Result<Value, ExprError> {
        let value = self.eval(node)?;
        self.keep(value).map_err(|e| e.at(&node.span))
    }

    /// A value, to keep: a copy is charged for, a value that is ours already is not.
    pub(super) fn keep(&self, value: Val<'a>) -> Result<Value, ExprError> {
        match value {
            Cow::Owned(value) => Ok(value),
            Cow::Borrowed(value) => {
                self.budget.copy(value)?;
                Ok(value.clone())
            }
        }
    }

    /// The value of a node that decides something.
    pub(super) fn boolean(&self, node: &'a Node) -> Result<bool, ExprError> {
        match self.eval(node)?.as_ref() {
            Value::Bool(b) => Ok(*b),
            other => Err(ExprError::ty(format!(
                "expected true or false, found {}",
                self.show(node, other)
            ))
            .at(&node.span)),
        }
    }

    /// A value as a word of a command, or part of one.
    pub(super) fn word(&self, node: &'a Node) -> Result<String, ExprError> {
        let value = self.eval(node)?;
        if value.is_none() {
            let label = self.label(node);
            return Err(
                ExprError::ty(format!("`{label}` is none, and stands in a text"))
                    .at(&node.span)
                    .hint("say what to write then: `… | default('-')`"),
            );
        }
        self.text_of(&value).map_err(|e| e.at(&node.span))
    }

    /// A value as it reads in a sentence.
    pub(super) fn reading(&self, node: &'a Node) -> Result<String, ExprError> {
        let value = self.eval(node)?;
        self.text_of(&value).map_err(|e| e.at(&node.span))
    }

    /// The text of a value, charged for.
    pub(super) fn text_of(&self, value: &Value) -> Result<String, ExprError> {
        secrets::refuse(value, Misuse::Text)?;
        match value {
            Value::Str(text) => self.budget.text(text.len())?,
            other => self.budget.copy(other)?,
        }
        let text = value.to_string();
        // A list's JSON is longer than what its items weigh: quotes and escapes.
        self.budget.text(text.len())?;
        Ok(text)
    }

    /// The value of a node.
    pub(super) fn eval(&self, node: &'a Node) -> Result<Val<'a>, ExprError> {
        self.budget.spend(1)?;
        self.step(node).map_err(|e| e.at(&node.span))
    }

    fn step(&self, node: &'a Node) -> Result<Val<'a>, ExprError> {
        match &node.kind {
            Kind::Const(value) => Ok(Cow::Borrowed(value)),
            Kind::Path(path) => self.path(path),
            Kind::Field(of, name) => {
                let value = self.eval(of)?;
                self.field(value, name, &self.label(of))
            }
            Kind::Index(of, index) => self.index(of, index),
            Kind::Slice(slice) => self.slice(slice),
            Kind::Not(of) => Ok(made(!self.boolean(of)?)),
            Kind::Neg(of) => match self.eval(of)?.as_ref() {
                Value::Int(n) => match n.checked_neg() {
                    Some(n) => Ok(made(n)),
                    None => Err(ExprError::value(format!("-({n}) is too large"))),
                },
                Value::Float(n) => Ok(Cow::Owned(Value::Float(-n))),
                other => Err(ExprError::ty(format!(
                    "only a number can be negated, not {}",
                    self.show(of, other)
                ))),
            },
            Kind::And(left, right) => Ok(made(self.boolean(left)? && self.boolean(right)?)),
            Kind::Or(left, right) => self.or(left, right),
            Kind::Binary(op, left, right) => self.binary(*op, left, right),
            Kind::Compare(first, rest) => self.compare(first, rest),
            Kind::If(choice) => {
                let Choice { condition, yes, no } = &**choice;
                self.eval(if self.boolean(condition)? { yes } else { no })
            }
            Kind::Filter(filtered) => self.filter(filtered),
            Kind::Test(of, test, arg) => self.test(of, *test, arg.as_deref()),
            Kind::Call(function, args) => self.call(*function, args),
            Kind::List(items) => {
                self.budget.produce(items.len() * ITEM_BYTES)?;
                let items = items
                    .iter()
                    .map(|item| self.owned(item))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(made(items))
            }
            Kind::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|(name, node)| Ok((name.clone(), self.owned(node)?)))
                    .collect::<Result<Map, ExprError>>()?;
                Ok(made(entries))
            }
        }
    }

    /// `or` joins booleans; where its left side is `none`, the right side takes its place.
    fn or(&self, left: &'a Node, right: &'a Node) -> Result<Val<'a>, ExprError> {
        let value = self.eval(left)?;
        match value.as_ref() {
            Value::Bool(true) => Ok(value),
            Value::Bool(false) => Ok(made(self.boolean(right)?)),
            Value::None => self.eval(right),
            _ => Ok(value),
        }
    }

    fn binary(&self, op: Binary, left: &'a Node, right: &'a Node) -> Result<Val<'a>, ExprError> {
        if op == Binary::Concat {
            let (a, b) = (self.word(left)?, self.word(right)?);
            self.budget.text(a.len() + b.len())?;
            return Ok(made(a + &b));
        }
        let (a, b) = (self.eval(left)?, self.eval(right)?);
        if let (Binary::Add, Value::Str(a), Value::Str(b)) = (op, a.as_ref(), b.as_ref()) {
            self.budget.text(a.len() + b.len())?;
            return Ok(made(format!("{a}{b}")));
        }
        for value in [&a, &b] {
            if let Value::Secret(found) = value.as_ref() {
                return Err(secrets::misused(found, Misuse::Text));
            }
        }
        if let (Binary::Add, Value::List(_), Value::List(_)) = (op, a.as_ref(), b.as_ref()) {
            self.budget.produce(ITEM_BYTES)?;
            return match (self.keep(a)?, self.keep(b)?) {
                (Value::List(mut a), Value::List(b)) => {
                    a.extend(b);
                    Ok(made(a))
                }
                (a, _) => Ok(Cow::Owned(a)),
            };
        }
        let shown = || (self.show(left, &a), self.show(right, &b));
        match arithmetic::apply(op, &a, &b) {
            Ok(value) => Ok(Cow::Owned(value)),
            Err(Trouble::Types(hint)) => {
                let (a, b) = shown();
                let error = ExprError::ty(format!("cannot work out {a} {} {b}", op.symbol()));
                Err(match hint {
                    Some(hint) => error.hint(hint),
                    None => error,
                })
            }
            Err(Trouble::Value(why)) => {
                let (a, b) = shown();
                Err(ExprError::value(format!("{a} {} {b} {why}", op.symbol())))
            }
        }
    }

    fn compare(
        &self,
        first: &'a Node,
        rest: &'a [(Comparison, Node)],
    ) -> Result<Val<'a>, ExprError> {
        let (mut left, mut a) = (first, self.eval(first)?);
        for (op, right) in rest {
            let b = self.eval(right)?;
            let holds = compare::holds(*op, &a, &b, self.budget)
                .map_err(|trouble| self.incomparable(trouble, *op, (left, &a), (right, &b)))?;
            if !holds {
                return Ok(made(false));
            }
            (left, a) = (right, b);
        }
        Ok(made(true))
    }

    pub(super) fn incomparable(
        &self,
        trouble: compare::Trouble,
        op: Comparison,
        (left, a): (&'a Node, &Value),
        (right, b): (&'a Node, &Value),
    ) -> ExprError {
        match trouble {
            compare::Trouble::Limit(error) => return error,
            compare::Trouble::Secret(found) => return secrets::misused(&found, Misuse::Compared),
            compare::Trouble::Types | compare::Trouble::Unordered => {}
        }
        let (shown_a, shown_b) = (self.show(left, a), self.show(right, b));
        let error = match op {
            Comparison::In | Comparison::NotIn if !matches!(b, Value::List(_)) => {
                ExprError::ty(format!("cannot look for {shown_a} in {shown_b}"))
            }
            _ => match trouble {
                compare::Trouble::Unordered => {
                    ExprError::ty(format!("{shown_a} and {shown_b} have no order"))
                }
                _ => ExprError::ty(format!("cannot compare {shown_a} with {shown_b}")),
            },
        };
        let secret = self.is_secret(left) || self.is_secret(right);
        match shown::conversion(a, b).filter(|_| !secret) {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    fn call(&self, function: Function, args: &'a [Node]) -> Result<Val<'a>, ExprError> {
        match (function, args) {
            (Function::Range, [stop]) => self.range(0, self.integer(stop)?),
            (Function::Range, [start, stop]) => {
                self.range(self.integer(start)?, self.integer(stop)?)
            }
            (_, [only]) => {
                let value = self.eval(only)?;
                let read = constant::read(function, &value);
                read.map(Cow::Owned)
                    .map_err(|error| match self.is_secret(only) {
                        true => ExprError::value("the secret cannot be read as that"),
                        false => error,
                    })
            }
            _ => Err(ExprError::syntax("wrong number of arguments")),
        }
    }

    fn range(&self, start: i64, stop: i64) -> Result<Val<'a>, ExprError> {
        let count = stop.saturating_sub(start).max(0);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > MAX_RANGE {
            return Err(ExprError::limit(format!(
                "a range has at most {MAX_RANGE} items, not {count}"
            )));
        }
        self.budget.spend(count)?;
        self.budget.produce(count * ITEM_BYTES)?;
        Ok(made((start..stop).map(Value::Int).collect::<Vec<_>>()))
    }

    /// The value of a node that must be a whole number.
    pub(super) fn integer(&self, node: &'a Node) -> Result<i64, ExprError> {
        match self.eval(node)?.as_ref() {
            Value::Int(n) => Ok(*n),
            other => Err(ExprError::ty(format!(
                "expected a whole number, found {}",
                self.show(node, other)
            ))
            .at(&node.span)),
        }
    }

    fn slice(&self, slice: &'a Slice) -> Result<Val<'a>, ExprError> {
        let value = self.eval(&slice.of)?;
        let bound = |node: &'a Option<Node>| node.as_ref().map(|n| self.integer(n)).transpose();
        let (start, stop) = (bound(&slice.start)?, bound(&slice.stop)?);
        let cut = |len: usize| {
            let place = |bound: i64| {
                let distance = usize::try_from(bound.unsigned_abs()).unwrap_or(usize::MAX);
                if bound < 0 {
                    len.saturating_sub(distance)
                } else {
                    distance.min(len)
                }
            };
            let start = start.map_or(0, place);
            (start, stop.map_or(len, place).max(start))
        };
        match value.as_ref() {
            Value::List(items) => {
                let (start, stop) = cut(items.len());
                let part = items.get(start..stop).unwrap_or_default();
                part.iter().try_for_each(|item| self.budget.copy(item))?;
                Ok(made(part.to_vec()))
            }
            Value::Str(text) => {
                self.budget.text(text.len())?;
                let (start, stop) = cut(text.chars().count());
                let part: String = text.chars().skip(start).take(stop - start).collect();
                Ok(made(part))
            }
            other => Err(ExprError::ty(format!(
                "only a list or a text can be sliced, not {}",
                self.show(&slice.of, other)
            ))),
        }
    }
}

/// A value that was made here.
pub(super) fn made<'a>(value: impl Into<Value>) -> Val<'a> {
    Cow::Owned(value.into())
}
