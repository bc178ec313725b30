//! The tests: what stands behind `is`, and in `selectattr`.

use super::ast::{Comparison, Node};
use super::compare;
use super::error::ExprError;
use super::eval::{Evaluator, Val, made};
use super::filters::is_absence;
use super::secrets::{self, Misuse};
use super::vocabulary::Test;
use crate::model::Value;

impl<'a> Evaluator<'a> {
    /// `of is test …`
    pub(super) fn test(
        &self,
        of: &'a Node,
        test: Test,
        arg: Option<&'a Node>,
    ) -> Result<Val<'a>, ExprError> {
        if matches!(test, Test::Defined | Test::Undefined) {
            let defined = match self.eval(of) {
                Ok(value) => {
                    refuse(&value)?;
                    true
                }
                Err(error) if is_absence(&error, of) => false,
                Err(error) => return Err(error),
            };
            return Ok(made(defined == (test == Test::Defined)));
        }
        let value = self.eval(of)?;
        let held = arg.map(|node| self.eval(node)).transpose()?;
        self.holds(test, of, &value, arg.zip(held.as_deref()))
            .map(made)
    }

    /// Whether a test holds for a value; `of` is where the value comes from.
    pub(super) fn holds(
        &self,
        test: Test,
        of: &'a Node,
        value: &Value,
        arg: Option<(&'a Node, &Value)>,
    ) -> Result<bool, ExprError> {
        self.budget.spend(1)?;
        refuse(value)?;
        if let Some(op) = comparison(test) {
            let Some((node, arg)) = arg else {
                return Err(ExprError::syntax("the test needs a value"));
            };
            return compare::holds(op, value, arg, self.budget)
                .map_err(|trouble| self.incomparable(trouble, op, (of, value), (node, arg)));
        }
        match test {
            Test::Boolean => Ok(matches!(value, Value::Bool(_))),
            Test::Duration => Ok(matches!(value, Value::Duration(_))),
            Test::Integer => Ok(matches!(value, Value::Int(_))),
            Test::List => Ok(matches!(value, Value::List(_))),
            Test::None => Ok(value.is_none()),
            Test::Number => Ok(matches!(value, Value::Int(_) | Value::Float(_))),
            Test::Object => Ok(matches!(value, Value::Map(_))),
            Test::Size => Ok(matches!(value, Value::Size(_))),
            Test::String => Ok(matches!(value, Value::Str(_))),
            Test::Time => Ok(matches!(value, Value::Time(_))),
            Test::Defined => Ok(true),
            Test::Undefined => Ok(false),
            Test::True | Test::False => match value {
                Value::Bool(b) => Ok(*b == (test == Test::True)),
                Value::None => Ok(false),
                other => Err(ExprError::ty(format!(
                    "expected true or false, found {}",
                    self.show(of, other)
                ))),
            },
            _ => self.text_test(test, of, value, arg),
        }
    }

    fn text_test(
        &self,
        test: Test,
        of: &'a Node,
        value: &Value,
        arg: Option<(&'a Node, &Value)>,
    ) -> Result<bool, ExprError> {
        let Some((node, held)) = arg else {
            return Err(ExprError::syntax("the test needs a value"));
        };
        match (test, value, held) {
            (Test::StartingWith, Value::Str(text), Value::Str(part)) => {
                Ok(text.starts_with(part.as_str()))
            }
            (Test::EndingWith, Value::Str(text), Value::Str(part)) => {
                Ok(text.ends_with(part.as_str()))
            }
            (Test::Containing, _, _) => {
                compare::contains(value, held, self.budget).map_err(|trouble| {
                    self.incomparable(trouble, Comparison::In, (node, held), (of, value))
                })
            }
            _ => Err(ExprError::ty(format!(
                "this test takes two texts, not {} and {}",
                self.show(of, value),
                self.show(node, held)
            ))),
        }
    }
}

/// Not even whether a secret is there may decide anything.
fn refuse(value: &Value) -> Result<(), ExprError> {
    match value {
        Value::Secret(found) => Err(secrets::misused(found, Misuse::Tested)),
        _ => Ok(()),
    }
}

/// The operator that a test stands for.
pub(super) fn comparison(test: Test) -> Option<Comparison> {
    match test {
        Test::Eq => Some(Comparison::Eq),
        Test::Ne => Some(Comparison::Ne),
        Test::Lt => Some(Comparison::Lt),
        Test::Le => Some(Comparison::Le),
        Test::Gt => Some(Comparison::Gt),
        Test::Ge => Some(Comparison::Ge),
        Test::In => Some(Comparison::In),
        _ => None,
    }
}
