//! Values that may hold templates.

use crate::expr::Template;
use crate::model::Value;
use crate::spec::decode::Decoder;
use crate::spec::source::Spanned;
use crate::spec::step::Literal;
use crate::spec::yaml::{Kind, Node};

impl Decoder {
    /// A value: text may hold templates.
    ///
    /// A plain scalar is a number, a boolean or nothing only where no digit of it would be lost:
    /// `1.10` stays a text until a type reads it.
    pub fn literal(&self, node: &Node) -> Option<Spanned<Literal>> {
        self.unplaced(node)
            .map(|literal| Spanned::new(literal, node.span))
    }

    fn unplaced(&self, node: &Node) -> Option<Literal> {
        match &node.kind {
            Kind::Seq(_) => self
                .list(node, |item| self.unplaced(item))
                .map(Literal::List),
            Kind::Map(_) => self
                .mapping(node, |key, node| {
                    Some((key.text.clone(), self.unplaced(node)?))
                })
                .map(Literal::Map),
            Kind::Scalar(scalar) if scalar.is_null() => Some(Literal::Value(Value::None)),
            Kind::Scalar(scalar) => match self.untyped(node) {
                value @ (Value::Bool(_) | Value::Int(_) | Value::Float(_))
                    if value.to_string() == scalar.text =>
                {
                    Some(Literal::Value(value))
                }
                _ => self
                    .template(node)
                    .map(|template| Literal::Template(template.value)),
            },
        }
    }
}

impl Literal {
    /// The value, where no template is in it.
    pub fn constant(&self) -> Option<Value> {
        match self {
            Self::Template(template) => template
                .is_constant()
                .map(|text| Value::Str(text.to_owned())),
            Self::Value(value) => Some(value.clone()),
            Self::List(items) => items
                .iter()
                .map(Self::constant)
                .collect::<Option<_>>()
                .map(Value::List),
            Self::Map(map) => map
                .iter()
                .map(|(name, item)| Some((name.clone(), item.constant()?)))
                .collect::<Option<_>>()
                .map(Value::Map),
        }
    }

    /// Every template in it.
    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Template(template) => vec![template],
            Self::Value(_) => Vec::new(),
            Self::List(items) => items.iter().flat_map(Self::templates).collect(),
            Self::Map(map) => map.values().flat_map(Self::templates).collect(),
        }
    }
}
