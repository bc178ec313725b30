//! Expressions, templates and values, each checked with the names that are there.

use super::file::File;
use super::names::View;
use crate::expr::{ExprError, Expression, Template};
use crate::model::text::{clip, escape_controls};
use crate::model::{Field, Shape, Value};
use crate::spec::expressions::expr_diagnostic;
use crate::spec::secrets::{self, misplaced_at};
use crate::spec::shape::articled;
use crate::spec::source::{Span, Spanned};
use crate::spec::step::Literal;

impl File<'_> {
    /// The type of an expression, where nothing is wrong with it.
    pub(super) fn expression(
        &self,
        expression: &Spanned<Expression>,
        view: &View<'_>,
    ) -> Option<Shape> {
        if self.is_full() {
            return None;
        }
        let checked = expression.check(view);
        let shape = self.checked(expression.span, expression.source(), checked, view)?;
        self.seen(shape, expression.span)
    }

    /// What is shown to one person alone: a secret that an earlier step's tool gave out. Whoever
    /// gave a parameter knows where that is found.
    pub(super) fn revealed(&self, expression: &Spanned<Expression>, view: &View<'_>) {
        if self.is_full() {
            return;
        }
        let checked = expression.check(view);
        let Some(shape) = self.checked(expression.span, expression.source(), checked, view) else {
            return;
        };
        let mut references = expression.references().iter();
        let given_out = shape == Shape::Secret
            && references.all(|found| found.path.first().is_some_and(|root| root == "steps"));
        if !given_out {
            let message = "only a secret that a step gave out is revealed";
            let error = self.error(expression.span, message).code("secret");
            self.report(error.help(
                "name a field of `type: secret` of the step's output: steps.ID.output.FIELD",
            ));
        }
    }

    /// An expression that decides.
    pub(super) fn decision(&self, expression: &Spanned<Expression>, view: &View<'_>) {
        if !self.is_full() {
            let checked = expression.check_bool(view);
            self.checked(expression.span, expression.source(), checked, view);
        }
    }

    /// The type of a template, where nothing is wrong with it. What it gives can be seen.
    pub(super) fn template(&self, template: &Spanned<Template>, view: &View<'_>) -> Option<Shape> {
        let shape = self.template_at(&template.value, template.span, view)?;
        self.seen(shape, template.span)
    }

    /// A template that fills a variable, which may be a secret.
    pub(super) fn variable(&self, template: &Spanned<Template>, view: &View<'_>) {
        let shape = self.template_at(&template.value, template.span, view);
        if let Some(why) = shape.as_ref().and_then(secrets::misplaced_in_env) {
            self.report(misplaced_at(self.error(template.span, why)));
        }
    }

    /// The type of what can be seen: it holds no secret.
    pub(super) fn seen(&self, shape: Shape, span: Span) -> Option<Shape> {
        match secrets::misplaced(&shape) {
            None => Some(shape),
            Some(why) => {
                self.report(misplaced_at(self.error(span, why)));
                None
            }
        }
    }

    fn template_at(&self, template: &Template, span: Span, view: &View<'_>) -> Option<Shape> {
        if template.is_constant().is_some() {
            return Some(Shape::String);
        }
        if self.is_full() {
            return None;
        }
        self.checked(span, template.source(), template.check(view), view)
    }

    /// The type of a value, where nothing is wrong with the templates in it.
    pub(super) fn literal(&self, literal: &Literal, span: Span, view: &View<'_>) -> Option<Shape> {
        match literal {
            Literal::Template(template) => self.template_at(template, span, view),
            Literal::Value(value) => Some(match value {
                Value::Bool(_) => Shape::Boolean,
                Value::Int(_) => Shape::Integer,
                Value::Float(_) => Shape::Number,
                _ => Shape::Any,
            }),
            Literal::List(items) => {
                // Every item is looked at, so that all that is wrong is said.
                let shapes: Vec<_> = items
                    .iter()
                    .map(|item| self.literal(item, span, view))
                    .collect();
                let shapes: Vec<Shape> = shapes.into_iter().collect::<Option<_>>()?;
                let same = shapes.windows(2).all(|pair| pair[0] == pair[1]);
                let of = shapes.into_iter().next().filter(|_| same);
                Some(Shape::List(Box::new(of.unwrap_or(Shape::Any))))
            }
            Literal::Map(map) => {
                let fields: Vec<_> = map
                    .iter()
                    .map(|(name, item)| Some((name.clone(), self.literal(item, span, view)?)))
                    .collect();
                let fields: Vec<_> = fields.into_iter().collect::<Option<_>>()?;
                let field = |(name, shape)| {
                    let optional = false;
                    (name, Field { shape, optional })
                };
                Some(Shape::object(fields.into_iter().map(field).collect()))
            }
        }
    }

    fn checked<T>(
        &self,
        span: Span,
        text: &str,
        checked: Result<T, Vec<ExprError>>,
        view: &View<'_>,
    ) -> Option<T> {
        let errors = match checked {
            Ok(value) => return Some(value),
            Err(errors) => errors,
        };
        for error in &errors {
            let mut diagnostic = expr_diagnostic(self.source(), span, text, error);
            if let Some(note) = view.note(&error.message) {
                if let Some((place, label)) = note.place {
                    diagnostic = diagnostic.also(place, label);
                }
                diagnostic = diagnostic.maybe_help(note.help);
            }
            self.report(diagnostic);
        }
        None
    }
}

/// The type of an expression as it is said in a message. To an expression a text that is written
/// out is a choice of one.
pub(super) fn what(shape: &Shape) -> String {
    match shape {
        Shape::Choice(words) => match words.as_slice() {
            [one] => format!("'{}'", escape_controls(&clip(one, 60))),
            _ => articled(&Shape::String),
        },
        Shape::List(of) if matches!(**of, Shape::Choice(_)) => {
            articled(&Shape::List(Box::new(Shape::String)))
        }
        shape => articled(shape),
    }
}
