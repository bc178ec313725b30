//! From source to nodes. minijinja reads the source; what it read becomes our own, smaller tree.

use std::ops::Range;

use minijinja::machinery::{Span, ast};

use super::ast::{Binary, Choice, Comparison, Kind, Node, Slice};
use super::error::ExprError;
use super::limits::{MAX_DEPTH, MAX_EXPRESSION};
use super::parse_call;
use super::shown::floor;
use crate::model::Value;

type Parsed = Result<Node, ExprError>;

/// Reads an expression.
pub(super) fn parse(source: &str) -> Parsed {
    if source.len() > MAX_EXPRESSION {
        return Err(ExprError::limit(format!(
            "the expression is {} bytes long; at most {MAX_EXPRESSION} are allowed",
            source.len()
        ))
        .hint("split it into `vars`"));
    }
    if source.trim().is_empty() {
        return Err(ExprError::syntax("the expression is empty").at(&(0..source.len())));
    }
    let tree = minijinja::machinery::parse_expr(source).map_err(|e| explain(source, &e))?;
    convert(&tree, 0)
}

/// What the parser found wrong, with a hint for what other languages write.
fn explain(source: &str, error: &minijinja::Error) -> ExprError {
    let detail = error.detail().unwrap_or("it cannot be read");
    let range = error.range().unwrap_or(0..source.len());
    let start = floor(source, range.start);
    let span = start..floor(source, range.end).max(start);
    let near = &source[floor(source, start.saturating_sub(2))..];
    let hint = if near.contains("&&") {
        Some("write `and` for `&&`")
    } else if near.contains("||") {
        Some("write `or` for `||`")
    } else if near.trim_start().starts_with('!') || near.contains(" !") {
        Some("write `not` for `!`")
    } else if detail.starts_with("unexpected input") && near.contains('=') {
        Some("a comparison is written `==`")
    } else if detail.contains("recursion") {
        return ExprError::limit("it is nested too deeply").at(&span);
    } else {
        None
    };
    let error = ExprError::syntax(detail).at(&span);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn range(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

/// Converts one node. minijinja's spans begin at the previous token in places, so each node's
/// place begins where its leftmost child does.
pub(super) fn convert(expr: &ast::Expr<'_>, depth: usize) -> Parsed {
    let span = range(expr.span());
    if depth >= MAX_DEPTH {
        return Err(ExprError::limit(format!(
            "operators and fields lie more than {MAX_DEPTH} deep in one another"
        ))
        .at(&span));
    }
    let inner = |expr: &ast::Expr<'_>| convert(expr, depth + 1);
    let boxed = |expr: &ast::Expr<'_>| convert(expr, depth + 1).map(Box::new);
    match expr {
        ast::Expr::Var(var) => name(var.id, span),
        ast::Expr::Const(constant) => {
            let kind = Kind::Const(literal(&constant.value, &span)?);
            Ok(Node { kind, span })
        }
        ast::Expr::GetAttr(get) => field(inner(&get.expr)?, get.name, span.end),
        ast::Expr::GetItem(get) => subscript(inner(&get.expr)?, inner(&get.subscript_expr)?, span),
        ast::Expr::Slice(slice) => {
            if slice.step.is_some() {
                return Err(ExprError::syntax("a slice has no step here").at(&span));
            }
            let slice = Slice {
                of: inner(&slice.expr)?,
                start: slice.start.as_ref().map(inner).transpose()?,
                stop: slice.stop.as_ref().map(inner).transpose()?,
            };
            let span = slice.of.span.start..span.end;
            let kind = Kind::Slice(Box::new(slice));
            Ok(Node { kind, span })
        }
        ast::Expr::UnaryOp(op) => {
            let node = boxed(&op.expr)?;
            match op.op {
                ast::UnaryOpKind::Not => Ok(negated(*node, span)),
                ast::UnaryOpKind::Neg => {
                    let kind = Kind::Neg(node);
                    Ok(Node { kind, span })
                }
            }
        }
        ast::Expr::BinOp(op) => {
            let left = boxed(&op.left)?;
            let right = boxed(&op.right)?;
            let span = left.span.start..span.end;
            let kind = binary(op.op, left, right);
            Ok(Node { kind, span })
        }
        ast::Expr::Compare(compare) => {
            let first = boxed(&compare.expr)?;
            let rest = compare
                .ops
                .iter()
                .map(|op| Ok((comparison(op.op), inner(&op.expr)?)))
                .collect::<Result<_, ExprError>>()?;
            let span = first.span.start..span.end;
            let kind = Kind::Compare(first, rest);
            Ok(Node { kind, span })
        }
        ast::Expr::IfExpr(choice) => {
            let yes = inner(&choice.true_expr)?;
            let span = yes.span.start..span.end;
            let Some(no) = &choice.false_expr else {
                return Err(ExprError::syntax("an `if` without an `else` has no value")
                    .at(&span)
                    .hint("add `else none`"));
            };
            let choice = Choice {
                condition: inner(&choice.test_expr)?,
                yes,
                no: inner(no)?,
            };
            let kind = Kind::If(Box::new(choice));
            Ok(Node { kind, span })
        }
        ast::Expr::Filter(filter) => {
            let Some(input) = &filter.expr else {
                return Err(ExprError::syntax("a filter needs something before it").at(&span));
            };
            parse_call::filter(filter, inner(input)?, span, depth)
        }
        ast::Expr::Test(test) => parse_call::test(test, inner(&test.expr)?, span, depth),
        ast::Expr::Call(call) => parse_call::call(call, span, depth),
        ast::Expr::List(list) => items(&list.items, span, depth),
        ast::Expr::Tuple(tuple) => items(&tuple.items, span, depth),
        ast::Expr::Map(map) => {
            let entries = map
                .keys
                .iter()
                .zip(&map.values)
                .map(|(key, value)| match inner(key)? {
                    Node {
                        kind: Kind::Const(Value::Str(key)),
                        ..
                    } => Ok((key, inner(value)?)),
                    other => Err(ExprError::syntax("the name of a field is a text in quotes")
                        .at(&other.span)),
                })
                .collect::<Result<_, ExprError>>()?;
            let kind = Kind::Map(entries);
            Ok(Node { kind, span })
        }
    }
}

fn items(items: &[ast::Expr<'_>], span: Range<usize>, depth: usize) -> Parsed {
    let items = items
        .iter()
        .map(|item| convert(item, depth + 1))
        .collect::<Result<_, _>>()?;
    let kind = Kind::List(items);
    Ok(Node { kind, span })
}

fn name(id: &str, span: Range<usize>) -> Parsed {
    match id {
        "null" | "nil" | "undefined" | "NULL" => {
            Err(ExprError::syntax(format!("nothing is written `none`, not `{id}`")).at(&span))
        }
        _ => {
            let kind = Kind::Path(vec![id.to_owned()]);
            Ok(Node { kind, span })
        }
    }
}

fn literal(value: &minijinja::Value, span: &Range<usize>) -> Result<Value, ExprError> {
    use minijinja::value::ValueKind;
    match value.kind() {
        ValueKind::None => Ok(Value::None),
        ValueKind::Bool => Ok(Value::Bool(value.is_true())),
        ValueKind::Number if value.is_integer() => value
            .as_i64()
            .map(Value::Int)
            .ok_or_else(|| ExprError::value("this integer is too large").at(span)),
        ValueKind::Number => match f64::try_from(value.clone()) {
            Ok(number) if number.is_finite() => Ok(Value::Float(number)),
            _ => Err(ExprError::value("this number is too large").at(span)),
        },
        _ => match value.as_str() {
            Some(text) => Ok(Value::from(text)),
            None => Err(ExprError::syntax("this cannot be written out here").at(span)),
        },
    }
}

fn field(of: Node, name: &str, end: usize) -> Parsed {
    let span = of.span.start..end;
    let kind = match of.kind {
        Kind::Path(mut path) => {
            path.push(name.to_owned());
            Kind::Path(path)
        }
        _ => Kind::Field(Box::new(of), name.to_owned()),
    };
    Ok(Node { kind, span })
}

fn subscript(of: Node, index: Node, span: Range<usize>) -> Parsed {
    let end = span.end;
    let span = of.span.start..end;
    if matches!(&of.kind, Kind::Path(path) if path.as_slice() == ["steps"]) {
        let id = match &index.kind {
            Kind::Const(Value::Str(id)) => id.as_str(),
            _ => "ID",
        };
        let id = crate::model::text::escape_controls(id);
        return Err(
            ExprError::syntax("a step is named with a dot, so that `check` can follow it")
                .at(&span)
                .hint(format!("write `steps.{id}`")),
        );
    }
    match index.kind {
        Kind::Const(Value::Str(name)) => field(of, &name, end),
        _ => {
            let kind = Kind::Index(Box::new(of), Box::new(index));
            Ok(Node { kind, span })
        }
    }
}

/// `not x`, and `x not in y`, which the parser gives as the negation of a comparison.
fn negated(node: Node, span: Range<usize>) -> Node {
    match node.kind {
        Kind::Compare(first, rest)
            if node.span.start <= span.start
                && matches!(rest.as_slice(), [(Comparison::In, _)]) =>
        {
            let rest = rest
                .into_iter()
                .map(|(_, right)| (Comparison::NotIn, right))
                .collect();
            Node {
                span: node.span,
                kind: Kind::Compare(first, rest),
            }
        }
        _ => Node {
            span: span.start.min(node.span.start)..span.end,
            kind: Kind::Not(Box::new(node)),
        },
    }
}

fn binary(op: ast::BinOpKind, left: Box<Node>, right: Box<Node>) -> Kind {
    use ast::BinOpKind as Op;
    let compare =
        |comparison, left, right: Box<Node>| Kind::Compare(left, vec![(comparison, *right)]);
    match op {
        Op::ScAnd => Kind::And(left, right),
        Op::ScOr => Kind::Or(left, right),
        Op::Eq => compare(Comparison::Eq, left, right),
        Op::Ne => compare(Comparison::Ne, left, right),
        Op::Lt => compare(Comparison::Lt, left, right),
        Op::Lte => compare(Comparison::Le, left, right),
        Op::Gt => compare(Comparison::Gt, left, right),
        Op::Gte => compare(Comparison::Ge, left, right),
        Op::In => compare(Comparison::In, left, right),
        Op::Add => Kind::Binary(Binary::Add, left, right),
        Op::Sub => Kind::Binary(Binary::Sub, left, right),
        Op::Mul => Kind::Binary(Binary::Mul, left, right),
        Op::Div => Kind::Binary(Binary::Div, left, right),
        Op::FloorDiv => Kind::Binary(Binary::FloorDiv, left, right),
        Op::Rem => Kind::Binary(Binary::Rem, left, right),
        Op::Pow => Kind::Binary(Binary::Pow, left, right),
        Op::Concat => Kind::Binary(Binary::Concat, left, right),
    }
}

fn comparison(op: ast::CompareOpKind) -> Comparison {
    match op {
        ast::CompareOpKind::Eq => Comparison::Eq,
        ast::CompareOpKind::Ne => Comparison::Ne,
        ast::CompareOpKind::Lt => Comparison::Lt,
        ast::CompareOpKind::Lte => Comparison::Le,
        ast::CompareOpKind::Gt => Comparison::Gt,
        ast::CompareOpKind::Gte => Comparison::Ge,
        ast::CompareOpKind::In => Comparison::In,
        ast::CompareOpKind::NotIn => Comparison::NotIn,
    }
}
