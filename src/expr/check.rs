//! The type check, placeholder.
use super::ast::Node;
use super::error::ExprError;
use super::names::TypeNames;
use crate::model::Shape;

pub(super) struct Checker<'a> {
    names: &'a dyn TypeNames,
    errors: Vec<ExprError>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(names: &'a dyn TypeNames, _source: &'a str) -> Self {
        Self {
            names,
            errors: Vec::new(),
        }
    }
    pub(super) fn shape(&mut self, node: &'a Node) -> Shape {
        node.walk(&mut |n| {
            if let super::ast::Kind::Path(p) = &n.kind {
                let s: Vec<&str> = p.iter().map(String::as_str).collect();
                if let Err(e) = self.names.shape(&s) {
                    self.errors.push(ExprError::name(e).at(&n.span))
                }
            }
        });
        Shape::Any
    }
    pub(super) fn boolean(&mut self, node: &'a Node) {
        self.shape(node);
    }
    pub(super) fn finish(self, shape: Shape) -> Result<Shape, Vec<ExprError>> {
        if self.errors.is_empty() {
            Ok(shape)
        } else {
            Err(self.errors)
        }
    }
}
