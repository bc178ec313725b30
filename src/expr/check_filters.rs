//! The type check of filters and tests.

use super::ast::{Comparison, Filtered, Node, show_path};
use super::check::Checker;
use super::error::ExprError;
use super::pattern::Pattern;
use super::predicates::comparison;
use super::secrets::Misuse;
use super::types::{Class, Null, Ty};
use super::vocabulary::{Filter, Test};
use crate::model::Shape;

impl Checker<'_> {
    /// The type of what a filter makes.
    pub(super) fn filter(&mut self, filtered: &Filtered, node: &Node) -> Ty {
        let input = self.infer(&filtered.input);
        let class = input.class();
        match filtered.filter {
            Filter::Default => {
                let default = self.arg(filtered, 0).unwrap_or_else(Ty::any);
                match input.null {
                    Null::Always => default,
                    _ => input.with_null(Null::Never).or(default),
                }
            }
            Filter::Abs => {
                self.takes(filtered, &input, &[Class::Number], "a number");
                input.with_null(Null::Never)
            }
            Filter::Int | Filter::Float => {
                let takes = [Class::Number, Class::Text];
                self.takes(filtered, &input, &takes, "a number or a text");
                Ty::from(match filtered.filter {
                    Filter::Int => Shape::Integer,
                    _ => Shape::Number,
                })
            }
            Filter::Round => {
                self.takes(filtered, &input, &[Class::Number], "a number");
                if let Some(precision) = slot(filtered, 0) {
                    self.integer(precision);
                }
                if let Some(method) = slot(filtered, 1) {
                    self.text(method);
                }
                match slot(filtered, 0) {
                    Some(_) if input.shape != Shape::Integer => Ty::from(Shape::Number),
                    _ => Ty::from(Shape::Integer),
                }
            }
            Filter::Lower | Filter::Upper | Filter::Trim | Filter::Replace | Filter::Split => {
                self.takes(filtered, &input, &[Class::Text], "a text");
                for arg in filtered.args.iter().flatten() {
                    self.text(arg);
                }
                match filtered.filter {
                    Filter::Split => Ty::list(Shape::String),
                    _ => Ty::from(Shape::String),
                }
            }
            Filter::String | Filter::ToJson => {
                self.secret((&filtered.input, &input), Misuse::Text);
                Ty::from(Shape::String)
            }
            Filter::Length => {
                let takes = [Class::List, Class::Object, Class::Text];
                self.takes(filtered, &input, &takes, "a list, an object or a text");
                Ty::from(Shape::Integer)
            }
            Filter::Captures => {
                self.takes(filtered, &input, &[Class::Text], "a text");
                Ty::list(filtered.pattern.as_ref().map_or(Shape::Any, Pattern::shape))
            }
            Filter::Keys | Filter::Values | Filter::Items => {
                self.takes(filtered, &input, &[Class::Object], "an object");
                Ty::list(match filtered.filter {
                    Filter::Keys => Shape::String,
                    _ => Shape::Any,
                })
            }
            Filter::Reverse if class == Class::Text => Ty::from(Shape::String),
            _ => self.list(filtered, input, node),
        }
    }

    fn list(&mut self, filtered: &Filtered, input: Ty, node: &Node) -> Ty {
        self.takes(filtered, &input, &[Class::List], "a list");
        let item = input.item();
        let key = self.key(filtered, &item, node);
        match filtered.filter {
            Filter::First | Filter::Last => item,
            Filter::Min | Filter::Max => {
                self.orderable(filtered, &key);
                item
            }
            Filter::Join => {
                self.secret((&filtered.input, &key), Misuse::Text);
                if let Some(separator) = slot(filtered, 0) {
                    self.text(separator);
                }
                Ty::from(Shape::String)
            }
            Filter::Sum => {
                let sums = [Class::Number, Class::Duration, Class::Size, Class::Any];
                if !sums.contains(&key.class()) {
                    let kind = key.name();
                    let message = format!("`sum` takes numbers, durations or sizes, not {kind}");
                    return self.wrong(message, &filtered.input);
                }
                key
            }
            Filter::Map => {
                let of = match self.arg(filtered, 1) {
                    Some(default) => key.with_null(Null::Never).or(default),
                    None => key,
                };
                match of.null {
                    Null::Never => Ty::list(of.shape),
                    _ => Ty::list(Shape::Any),
                }
            }
            Filter::Select | Filter::Reject => {
                let value = filtered.args.last().and_then(Option::as_ref);
                let value = value.map(|node| (node, self.infer(node)));
                let value = value.as_ref().map(|(node, ty)| (*node, ty));
                match filtered.test {
                    Some(test) => self.test(test, (&filtered.input, &key), value),
                    None if matches!(key.class(), Class::Boolean | Class::Any) => {}
                    None => {
                        let message = format!(
                            "without a test the attribute must be true or false, not {}",
                            key.name()
                        );
                        self.wrong(message, &filtered.input);
                    }
                }
                input
            }
            Filter::Sort => {
                self.orderable(filtered, &key);
                if let Some(reverse) = slot(filtered, 1) {
                    self.boolean(reverse);
                }
                input
            }
            Filter::Unique => {
                self.secret((&filtered.input, &key), Misuse::Compared);
                input
            }
            _ => input,
        }
    }

    /// The type of the attribute that a filter looks at, or of the item itself.
    fn key(&mut self, filtered: &Filtered, item: &Ty, node: &Node) -> Ty {
        let mut ty = item.clone();
        let path = filtered.attribute.as_deref().unwrap_or_default();
        let list = self.label(&filtered.input);
        for (at, name) in path.iter().enumerate() {
            let of = match show_path(&path[..at]) {
                behind if behind.is_empty() => format!("{list}[…]"),
                behind => format!("{list}[…].{behind}"),
            };
            ty = self.field(&ty, name, &of, &node.span);
        }
        ty
    }

    fn orderable(&mut self, filtered: &Filtered, key: &Ty) {
        if self.secret((&filtered.input, key), Misuse::Compared) {
            return;
        }
        if matches!(key.class(), Class::Boolean | Class::List | Class::Object) {
            let message = format!(
                "{} has no order, as `{}` needs",
                key.name(),
                filtered.filter.name()
            );
            self.wrong(message, &filtered.input);
        }
    }

    /// The type of an argument that was given.
    fn arg(&mut self, filtered: &Filtered, at: usize) -> Option<Ty> {
        slot(filtered, at).map(|node| self.infer(node))
    }

    fn takes(&mut self, filtered: &Filtered, input: &Ty, classes: &[Class], what: &str) {
        let class = input.class();
        if class == Class::Any || classes.contains(&class) {
            return;
        }
        let found = self.describe(&filtered.input, input);
        let name = filtered.filter.name();
        let error = ExprError::ty(format!("`{name}` takes {what}, not {found}"));
        let error = match class {
            Class::Duration if classes.contains(&Class::Number) => {
                error.hint("divide it to count seconds: `… / duration('1s')`")
            }
            Class::Size if classes.contains(&Class::Number) => {
                error.hint("divide it to count: `… / size('1 MiB')`")
            }
            _ => error,
        };
        self.fail(error, &filtered.input.span);
    }

    /// A test of a value, whose node is where it comes from.
    pub(super) fn test(&mut self, test: Test, (of, ty): (&Node, &Ty), arg: Option<(&Node, &Ty)>) {
        if self.secret((of, ty), Misuse::Tested) {
            return;
        }
        let Some((node, held)) = arg else {
            let decides = matches!(test, Test::True | Test::False);
            let boolean = matches!(ty.class(), Class::Boolean | Class::Any | Class::None);
            if decides && !boolean {
                let found = self.describe(of, ty);
                self.wrong(format!("expected true or false, found {found}"), of);
            }
            return;
        };
        if let Some(op) = comparison(test) {
            self.compare(op, (of, ty), (node, held));
        } else if test == Test::Containing {
            self.compare(Comparison::In, (node, held), (of, ty));
        } else {
            for (node, ty) in [(of, ty), (node, held)] {
                if !matches!(ty.class(), Class::Text | Class::Any) {
                    let found = self.describe(node, ty);
                    self.wrong(format!("this test takes two texts, not {found}"), node);
                }
            }
        }
    }
}

fn slot(filtered: &Filtered, at: usize) -> Option<&Node> {
    filtered.args.get(at).and_then(Option::as_ref)
}
