//! The type check of comparisons and arithmetic.

use super::ast::{Binary, Comparison, Kind, Node};
use super::check::Checker;
use super::error::ExprError;
use super::secrets::{Misuse, misused_type};
use super::shown;
use super::types::{Class, Ty, sample};
use crate::model::Shape;
use crate::model::suggest::nearest;
use crate::model::text::{clip, escape_controls};

/// A node with its type.
type Typed<'n> = (&'n Node, &'n Ty);

impl Checker<'_> {
    /// Whether two operands may be compared.
    pub(super) fn compare(&mut self, op: Comparison, left: Typed<'_>, right: Typed<'_>) {
        if self.secret(left, Misuse::Compared) || self.secret(right, Misuse::Compared) {
            return;
        }
        match op {
            Comparison::Eq | Comparison::Ne => self.equal(left, right),
            Comparison::In | Comparison::NotIn => self.contains(left, right),
            _ => self.ordered(left, right),
        }
    }

    /// Whether it is a secret, or has one somewhere in it, and that was said.
    pub(super) fn secret(&mut self, (node, ty): Typed<'_>, misuse: Misuse) -> bool {
        let secret = ty.shape.has_secret();
        if secret {
            let described = format!("`{}`", self.label(node));
            self.fail(misused_type(&described, misuse), &node.span);
        }
        secret
    }

    fn equal(&mut self, left: Typed<'_>, right: Typed<'_>) {
        let (a, b) = (left.1.class(), right.1.class());
        if matches!(a, Class::None | Class::Any) || matches!(b, Class::None | Class::Any) {
            return;
        }
        match (a, b) {
            (Class::Text, Class::Text) => self.choices(left, right),
            (Class::List, Class::List) => {
                let (x, y) = (left.1.item().class(), right.1.item().class());
                if x != y && x != Class::Any && y != Class::Any {
                    self.incomparable(left, right);
                }
            }
            _ if a == b => {}
            _ => self.incomparable(left, right),
        }
    }

    fn ordered(&mut self, left: Typed<'_>, right: Typed<'_>) {
        let (a, b) = (left.1.class(), right.1.class());
        let orderless = |class| matches!(class, Class::Boolean | Class::List | Class::Object);
        if a != b && a != Class::Any && b != Class::Any {
            self.incomparable(left, right);
        } else if let Some((node, ty)) = [left, right]
            .into_iter()
            .find(|(_, ty)| orderless(ty.class()) || ty.class() == Class::None)
        {
            let found = self.describe(node, ty);
            self.wrong(format!("{found} has no order"), node);
        }
    }

    fn contains(&mut self, left: Typed<'_>, right: Typed<'_>) {
        match (&right.0.kind, right.1.class()) {
            (Kind::List(items), _) => {
                for item in items {
                    // Inferred before as part of the list, so nothing new is found wrong in it.
                    let ty = match &item.kind {
                        Kind::Const(value) => Ty::of(value),
                        _ => right.1.item(),
                    };
                    self.equal(left, (item, &ty));
                }
            }
            (_, Class::Any) => {}
            (_, Class::List) => {
                let item = right.1.item();
                let (a, b) = (left.1.class(), item.class());
                let unknown = [a, b].iter().any(|c| matches!(c, Class::Any | Class::None));
                if a != b && !unknown {
                    let (a, b) = (
                        self.describe(left.0, left.1),
                        self.describe(right.0, right.1),
                    );
                    self.wrong(format!("cannot look for {a} in {b}"), left.0);
                }
            }
            (_, Class::Text | Class::Object)
                if matches!(left.1.class(), Class::Text | Class::Any) => {}
            _ => {
                let (a, b) = (
                    self.describe(left.0, left.1),
                    self.describe(right.0, right.1),
                );
                self.wrong(format!("cannot look for {a} in {b}"), left.0);
            }
        }
    }

    /// A word that is none of the choices makes the comparison false for ever.
    fn choices(&mut self, left: Typed<'_>, right: Typed<'_>) {
        let ((a, a_ty), (b, b_ty)) = (left, right);
        let (Shape::Choice(x), Shape::Choice(y)) = (&a_ty.shape, &b_ty.shape) else {
            return;
        };
        let written = |node: &Node| matches!(node.kind, Kind::Const(_));
        let names = mentions_names(a) || mentions_names(b);
        if !names || x.iter().any(|choice| y.contains(choice)) {
            return;
        }
        let (name, node, choices, word) = match (written(a), x.as_slice(), y.as_slice()) {
            (true, [word], _) => (b, a, y, word),
            (_, _, [word]) => (a, b, x, word),
            _ => {
                let (a_name, b_name) = (self.label(a), self.label(b));
                let message = format!("`{a_name}` and `{b_name}` have no choice in common");
                self.wrong(message, a);
                return;
            }
        };
        let listed = escape_controls(&clip(&choices.join(", "), 200)).into_owned();
        let message = format!(
            "`{}` is never '{}': it is one of {listed}",
            self.label(name),
            escape_controls(&clip(word, 60))
        );
        let near = nearest(word, choices.iter().map(String::as_str));
        let error = match near {
            Some(near) => ExprError::ty(message).hint(format!("did you mean '{near}'?")),
            None => ExprError::ty(message),
        };
        self.fail(error, &node.span);
    }

    fn incomparable(&mut self, left: Typed<'_>, right: Typed<'_>) {
        let (a, b) = (
            self.describe(left.0, left.1),
            self.describe(right.0, right.1),
        );
        let error = ExprError::ty(format!("cannot compare {a} with {b}"));
        let value = |(node, ty): Typed<'_>| match &node.kind {
            Kind::Const(value) => value.clone(),
            _ => sample(ty.class()),
        };
        let span = left.0.span.start..right.0.span.end.max(left.0.span.end);
        let hint = shown::conversion(&value(left), &value(right));
        self.fail(
            match hint {
                Some(hint) => error.hint(hint),
                None => error,
            },
            &span,
        );
    }

    /// The type of what an operator makes.
    pub(super) fn binary(&mut self, op: Binary, left: &Node, right: &Node) -> Ty {
        let (a, b) = (self.infer(left), self.infer(right));
        if op == Binary::Concat {
            for (node, ty) in [(left, &a), (right, &b)] {
                self.secret((node, ty), Misuse::Text);
                if ty.class() == Class::None {
                    self.wrong("none cannot stand in a text".to_owned(), node);
                }
            }
            return Ty::from(Shape::String);
        }
        if a.class() == Class::Any || b.class() == Class::Any {
            return Ty::any();
        }
        if let Some(shape) = worked_out(op, &a, &b) {
            return Ty::from(shape);
        }
        let (x, y) = (self.describe(left, &a), self.describe(right, &b));
        let error = ExprError::ty(format!("cannot work out {x} {} {y}", op.symbol()));
        let value = |node: &Node, ty: &Ty| match &node.kind {
            Kind::Const(value) => value.clone(),
            _ => sample(ty.class()),
        };
        let text = |class| op == Binary::Add && class == Class::Text;
        let hint = shown::conversion(&value(left, &a), &value(right, &b)).or_else(|| {
            (text(a.class()) || text(b.class()))
                .then(|| "texts are put together with `~`".to_owned())
        });
        let error = match hint {
            Some(hint) => error.hint(hint),
            None => error,
        };
        self.fail(error, &(left.span.start..right.span.end));
        Ty::any()
    }
}

fn mentions_names(node: &Node) -> bool {
    let mut found = false;
    node.walk(&mut |node| found |= matches!(node.kind, Kind::Path(_)));
    found
}

fn worked_out(op: Binary, a: &Ty, b: &Ty) -> Option<Shape> {
    use Binary as B;
    let integers = a.shape == Shape::Integer && b.shape == Shape::Integer;
    match (op, a.class(), b.class()) {
        (B::Div | B::Pow, Class::Number, Class::Number) => Some(Shape::Number),
        (B::Concat, ..) => Some(Shape::String),
        (_, Class::Number, Class::Number) if integers => Some(Shape::Integer),
        (_, Class::Number, Class::Number) => Some(Shape::Number),
        (B::Add, Class::Text, Class::Text) => Some(Shape::String),
        (B::Add, Class::List, Class::List) => Some(a.clone().or(b.clone()).shape),
        (B::Add | B::Sub, Class::Duration, Class::Duration) => Some(Shape::Duration),
        (B::Add | B::Sub, Class::Size, Class::Size) => Some(Shape::Size),
        (B::Add | B::Sub, Class::Time, Class::Duration) => Some(Shape::Time),
        (B::Add, Class::Duration, Class::Time) => Some(Shape::Time),
        (B::Sub, Class::Time, Class::Time) => Some(Shape::Duration),
        (B::Mul | B::Div, Class::Duration, Class::Number) => Some(Shape::Duration),
        (B::Mul | B::Div, Class::Size, Class::Number) => Some(Shape::Size),
        (B::Mul, Class::Number, Class::Duration) => Some(Shape::Duration),
        (B::Mul, Class::Number, Class::Size) => Some(Shape::Size),
        (B::Div, Class::Duration, Class::Duration) => Some(Shape::Number),
        (B::Div, Class::Size, Class::Size) => Some(Shape::Number),
        _ => None,
    }
}
