//! What is known about a value before there is one.

use super::vocabulary::Function;
use crate::model::{Field, Fields, Shape, Size, Timestamp, Value};

/// A type, and whether the value may be `none`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ty {
    pub(super) shape: Shape,
    pub(super) null: Null,
}

/// Whether a value may be `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Null {
    Never,
    Maybe,
    Always,
}

/// Types that behave alike: an integer and a number, a text and a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Any,
    None,
    Number,
    Text,
    Boolean,
    Duration,
    Size,
    Time,
    List,
    Object,
    Secret,
}

impl From<Shape> for Ty {
    fn from(shape: Shape) -> Self {
        let null = Null::Never;
        Self { shape, null }
    }
}

impl Ty {
    /// Of this nothing is known: everything is let through.
    pub(super) fn any() -> Self {
        Self::from(Shape::Any)
    }

    pub(super) fn list(of: Shape) -> Self {
        Self::from(Shape::List(Box::new(of)))
    }

    pub(super) fn with_null(mut self, null: Null) -> Self {
        self.null = null;
        self
    }

    /// The type of a value that is written out. A text is a choice of one.
    pub(super) fn of(value: &Value) -> Self {
        Self::from(match value {
            Value::None => return Self::any().with_null(Null::Always),
            Value::Bool(_) => Shape::Boolean,
            Value::Int(_) => Shape::Integer,
            Value::Float(_) => Shape::Number,
            Value::Str(text) => Shape::Choice(vec![text.clone()]),
            Value::Duration(_) => Shape::Duration,
            Value::Size(_) => Shape::Size,
            Value::Time(_) => Shape::Time,
            Value::List(_) => Shape::List(Box::new(Shape::Any)),
            Value::Map(_) => Shape::Object(None),
            Value::Secret(_) => Shape::Secret,
        })
    }

    pub(super) fn class(&self) -> Class {
        if self.null == Null::Always {
            return Class::None;
        }
        match self.shape {
            Shape::String | Shape::Choice(_) => Class::Text,
            Shape::Integer | Shape::Number => Class::Number,
            Shape::Boolean => Class::Boolean,
            Shape::Duration => Class::Duration,
            Shape::Size => Class::Size,
            Shape::Time => Class::Time,
            Shape::Object(_) => Class::Object,
            Shape::List(_) => Class::List,
            Shape::Any => Class::Any,
            Shape::Secret => Class::Secret,
        }
    }

    /// The type's name for messages: choices are strings to whoever compares them.
    pub(super) fn name(&self) -> String {
        match (&self.shape, self.null) {
            (_, Null::Always) => "none".to_owned(),
            (Shape::Choice(_), _) => "string".to_owned(),
            (Shape::List(of), _) if matches!(**of, Shape::Choice(_)) => "list of string".to_owned(),
            (shape, _) => shape.to_string(),
        }
    }

    /// The type of the items of a list; nothing is known of those of another type.
    pub(super) fn item(&self) -> Self {
        match &self.shape {
            Shape::List(of) => Self::from((**of).clone()),
            _ => Self::any(),
        }
    }

    /// The type of what is either this or that.
    pub(super) fn or(self, other: Self) -> Self {
        match (self.null, other.null) {
            (Null::Always, Null::Always) => self,
            (Null::Always, _) => other.with_null(Null::Maybe),
            (_, Null::Always) => self.with_null(Null::Maybe),
            (Null::Never, Null::Never) => Self::from(either(self.shape, other.shape)),
            _ => Self::from(either(self.shape, other.shape)).with_null(Null::Maybe),
        }
    }
}

fn either(a: Shape, b: Shape) -> Shape {
    match (a, b) {
        (a, b) if a == b => a,
        (Shape::Choice(mut a), Shape::Choice(b)) => {
            for choice in b {
                if !a.contains(&choice) {
                    a.push(choice);
                }
            }
            Shape::Choice(a)
        }
        (Shape::String | Shape::Choice(_), Shape::String | Shape::Choice(_)) => Shape::String,
        (Shape::Integer | Shape::Number, Shape::Integer | Shape::Number) => Shape::Number,
        (Shape::List(a), Shape::List(b)) => Shape::List(Box::new(either(*a, *b))),
        (Shape::Object(_), Shape::Object(_)) => Shape::Object(None),
        _ => Shape::Any,
    }
}

/// The type of an object that is written out.
pub(super) fn object(entries: impl IntoIterator<Item = (String, Ty)>) -> Ty {
    let fields: Fields = entries
        .into_iter()
        .map(|(name, ty)| {
            let optional = ty.null != Null::Never;
            let shape = ty.shape;
            (name, Field { shape, optional })
        })
        .collect();
    Ty::from(Shape::object(fields))
}

/// The type that a function makes.
pub(super) fn result(function: Function) -> Shape {
    match function {
        Function::Duration => Shape::Duration,
        Function::Size => Shape::Size,
        Function::Time => Shape::Time,
        Function::Range => Shape::List(Box::new(Shape::Integer)),
    }
}

/// Some value of a class that a text can be converted to.
pub(super) fn sample(class: Class) -> Value {
    match class {
        Class::Number => Value::Int(0),
        Class::Boolean => Value::Bool(false),
        Class::Duration => Value::Duration(crate::model::Duration::ZERO),
        Class::Size => Value::Size(Size::from_bytes(0)),
        Class::Time => Value::Time(Timestamp::UNIX_EPOCH),
        _ => Value::None,
    }
}
