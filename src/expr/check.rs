//! The type check: names and their types in, the result's type or everything that is wrong out.
//!
//! What is wrong in one place counts as of any type from there on, so that one mistake is one
//! message.

use std::ops::Range;

use super::ast::{Kind, Node, show_path};
use super::error::ExprError;
use super::names::{NameError, TypeNames};
use super::shown;
use super::types::{Class, Null, Ty, object, result};
use super::vocabulary::Function;
use crate::model::text::{clip, escape_controls};
use crate::model::{Shape, Value};

/// One check.
pub(super) struct Checker<'a> {
    names: &'a dyn TypeNames,
    source: &'a str,
    errors: Vec<ExprError>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(names: &'a dyn TypeNames, source: &'a str) -> Self {
        Self {
            names,
            source,
            errors: Vec::new(),
        }
    }

    /// The type of a node, as others see it.
    pub(super) fn shape(&mut self, node: &Node) -> Shape {
        self.infer(node).shape
    }

    pub(super) fn finish(self, shape: Shape) -> Result<Shape, Vec<ExprError>> {
        if self.errors.is_empty() {
            Ok(shape)
        } else {
            Err(self.errors)
        }
    }

    /// A node that decides something.
    pub(super) fn boolean(&mut self, node: &Node) {
        let ty = self.infer(node);
        if !matches!(ty.class(), Class::Boolean | Class::Any) {
            let found = self.describe(node, &ty);
            let error = ExprError::ty(format!("expected true or false, found {found}"));
            let error = match ty.class() {
                Class::Text => error.hint("compare it: `… == 'text'`"),
                Class::Number => error.hint("compare it: `… > 0`"),
                Class::List => error.hint("compare its length: `… | length > 0`"),
                _ => error,
            };
            self.fail(error, &node.span);
        }
    }

    /// The type of a node.
    pub(super) fn infer(&mut self, node: &Node) -> Ty {
        match &node.kind {
            Kind::Const(value) => Ty::of(value),
            Kind::Path(path) => self.path(path, &node.span),
            Kind::Field(of, name) => {
                let ty = self.infer(of);
                let label = self.label(of);
                self.field(&ty, name, &label, &node.span)
            }
            Kind::Index(of, index) => self.index(of, index),
            Kind::Slice(slice) => {
                let ty = self.infer(&slice.of);
                for bound in [&slice.start, &slice.stop].into_iter().flatten() {
                    self.integer(bound);
                }
                match ty.class() {
                    Class::Text => Ty::from(Shape::String),
                    Class::List | Class::Any => ty,
                    _ => {
                        let found = self.describe(&slice.of, &ty);
                        self.wrong(
                            format!("only a list or a text can be sliced, not {found}"),
                            node,
                        )
                    }
                }
            }
            Kind::Not(of) => {
                self.boolean(of);
                Ty::from(Shape::Boolean)
            }
            Kind::Neg(of) => {
                let ty = self.infer(of);
                match ty.class() {
                    Class::Number | Class::Any => ty,
                    _ => {
                        let found = self.describe(of, &ty);
                        self.wrong(format!("only a number can be negated, not {found}"), of)
                    }
                }
            }
            Kind::And(left, right) => {
                self.boolean(left);
                self.boolean(right);
                Ty::from(Shape::Boolean)
            }
            Kind::Or(left, right) => self.or(left, right),
            Kind::Binary(op, left, right) => self.binary(*op, left, right),
            Kind::Compare(first, rest) => {
                let (mut left, mut a) = (&**first, self.infer(first));
                for (op, right) in rest {
                    let b = self.infer(right);
                    self.compare(*op, (left, &a), (right, &b));
                    (left, a) = (right, b);
                }
                Ty::from(Shape::Boolean)
            }
            Kind::If(choice) => {
                self.boolean(&choice.condition);
                let yes = self.infer(&choice.yes);
                yes.or(self.infer(&choice.no))
            }
            Kind::Filter(filtered) => self.filter(filtered, node),
            Kind::Test(of, test, arg) => {
                let ty = self.infer(of);
                let arg = arg.as_deref().map(|arg| (arg, self.infer(arg)));
                self.test(*test, (of, &ty), arg.as_ref().map(|(node, ty)| (*node, ty)));
                Ty::from(Shape::Boolean)
            }
            Kind::Call(function, args) => self.call(*function, args),
            Kind::List(items) => {
                let items: Vec<Ty> = items.iter().map(|item| self.infer(item)).collect();
                let of = items.into_iter().reduce(Ty::or).unwrap_or_else(Ty::any);
                // A list has no place for items that may be none: nothing is known of those.
                match of.null {
                    Null::Never => Ty::list(of.shape),
                    _ => Ty::list(Shape::Any),
                }
            }
            Kind::Map(entries) => {
                let entries: Vec<(String, Ty)> = entries
                    .iter()
                    .map(|(name, value)| (name.clone(), self.infer(value)))
                    .collect();
                object(entries)
            }
        }
    }

    fn path(&mut self, path: &[String], span: &Range<usize>) -> Ty {
        let segments: Vec<&str> = path.iter().map(String::as_str).collect();
        let typed = match self.names.shape(&segments) {
            Ok(typed) => typed,
            Err(error) => {
                self.fail(ExprError::name(error), span);
                return Ty::any();
            }
        };
        let null = if typed.optional {
            Null::Maybe
        } else {
            Null::Never
        };
        let mut ty = Ty::from(typed.shape.into_owned()).with_null(null);
        for at in typed.used.max(1)..path.len() {
            ty = self.field(&ty, &path[at], &show_path(&path[..at]), span);
        }
        ty
    }

    /// The type of a field; `of` is what the object is called in messages.
    pub(super) fn field(&mut self, ty: &Ty, name: &str, of: &str, span: &Range<usize>) -> Ty {
        let error = match (&ty.shape, ty.null) {
            (_, Null::Always) => ExprError::ty(format!("`{of}` is none, so it has no fields")),
            (Shape::Any | Shape::Object(None), _) => return Ty::any(),
            (Shape::Object(Some(fields)), _) => match fields.get(name) {
                Some(field) => {
                    let null = if field.optional {
                        Null::Maybe
                    } else {
                        Null::Never
                    };
                    return Ty::from(field.shape.clone()).with_null(null);
                }
                None => {
                    let known = fields.keys().map(String::as_str);
                    ExprError::name(NameError::field(&format!("`{of}`"), name, known))
                }
            },
            (Shape::List(_), _) => {
                let name = escape_controls(name);
                ExprError::ty(format!("`{of}` is a list, so it has no field `{name}`")).hint(
                    format!(
                        "take one item ({of}[0].{name}) or the field of all: \
                         {of} | map(attribute='{name}')"
                    ),
                )
            }
            _ => {
                let name = escape_controls(name);
                let kind = shown::with_article(&ty.name());
                ExprError::ty(format!("`{of}` is {kind}, so it has no field `{name}`"))
            }
        };
        self.fail(error, span);
        Ty::any()
    }

    fn index(&mut self, of: &Node, index: &Node) -> Ty {
        let (ty, at) = (self.infer(of), self.infer(index));
        match (ty.class(), at.class()) {
            (Class::List, Class::Number | Class::Any) => ty.item(),
            (Class::Object, Class::Text | Class::Any) | (Class::Any, _) => Ty::any(),
            _ => {
                let (found, at) = (self.describe(of, &ty), self.describe(index, &at));
                self.wrong(format!("cannot look up {at} in {found}"), index)
            }
        }
    }

    fn or(&mut self, left: &Node, right: &Node) -> Ty {
        let ty = self.infer(left);
        match (ty.class(), ty.null) {
            (Class::Boolean, _) => {
                self.boolean(right);
                Ty::from(Shape::Boolean)
            }
            (Class::None, _) => self.infer(right),
            (Class::Any, _) => {
                self.infer(right);
                Ty::any()
            }
            (_, Null::Never) => {
                let found = self.describe(left, &ty);
                self.infer(right);
                let error = ExprError::ty(format!(
                    "`or` joins true and false, or stands in for none, and {found} is neither"
                ));
                self.fail(error, &left.span);
                Ty::any()
            }
            _ => ty.with_null(Null::Never).or(self.infer(right)),
        }
    }

    fn call(&mut self, function: Function, args: &[Node]) -> Ty {
        let shape = result(function);
        for arg in args {
            if function == Function::Range {
                self.integer(arg);
                continue;
            }
            let ty = self.infer(arg);
            let fits = matches!(ty.class(), Class::Text | Class::Any) || ty.shape == shape;
            if !fits {
                let found = self.describe(arg, &ty);
                self.wrong(format!("`{shape}` takes a text, not {found}"), arg);
            }
        }
        Ty::from(shape)
    }

    /// A node that must be a whole number.
    pub(super) fn integer(&mut self, node: &Node) {
        let ty = self.infer(node);
        if !matches!(ty.shape, Shape::Integer | Shape::Any | Shape::Number) {
            let found = self.describe(node, &ty);
            self.wrong(format!("expected a whole number, found {found}"), node);
        }
    }

    /// A node that must be a text.
    pub(super) fn text(&mut self, node: &Node) {
        let ty = self.infer(node);
        if !matches!(ty.class(), Class::Text | Class::Any) {
            let found = self.describe(node, &ty);
            self.wrong(format!("expected a text, found {found}"), node);
        }
    }

    /// Notes what is wrong; of the result nothing is known.
    pub(super) fn wrong(&mut self, message: String, node: &Node) -> Ty {
        self.fail(ExprError::ty(message), &node.span);
        Ty::any()
    }

    pub(super) fn fail(&mut self, error: ExprError, span: &Range<usize>) {
        self.errors.push(error.at(span));
    }

    /// A value that is written out with its type, else the source with its type.
    pub(super) fn describe(&self, node: &Node, ty: &Ty) -> String {
        match &node.kind {
            Kind::Const(Value::None) => "none".to_owned(),
            Kind::Const(value) => shown::value(value),
            _ => format!("`{}` ({})", self.label(node), ty.name()),
        }
    }

    /// What a node is called in messages: its source.
    pub(super) fn label(&self, node: &Node) -> String {
        let source = self.source.get(node.span.clone()).unwrap_or("…");
        escape_controls(&clip(source, 60)).into_owned()
    }
}
