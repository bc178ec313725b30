//! From source to nodes. minijinja reads the source; what it read becomes our own, smaller tree.

use std::ops::Range;

use minijinja::machinery::{Span, Token, ast, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::ast::{Binary, Choice, Comparison, Kind, Node, Slice};
use super::error::ExprError;
use super::limits::{MAX_BRACKETS, MAX_DEPTH, MAX_EXPRESSION};
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
    nesting(source)?;
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

/// Brackets make the parser recurse before there is a tree whose depth could be looked at.
fn nesting(source: &str) -> Result<(), ExprError> {
    let mut depth = 0usize;
    for (token, span) in tokenize(source, true, SyntaxConfig::default()).map_while(Result::ok) {
        match token {
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => depth += 1,
            Token::ParenClose | Token::BracketClose | Token::BraceClose => {
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
        if depth > MAX_BRACKETS {
            return Err(ExprError::limit(format!(
                "brackets lie more than {MAX_BRACKETS} deep in one another"
            ))
            .at(&range(span)));
        }
    }
    Ok(())
}

/// Converts one node. minijinja's spans begin at the previous token in places, so each node's
/// place begins where its leftmost child does. The work is done in small functions, since their
/// frames lie on the stack as deep as the tree is.
pub(super) fn convert(expr: &ast::Expr<'_>, depth: usize) -> Parsed {
    let span = range(expr.span());
    if depth >= MAX_DEPTH {
        return Err(too_deep(&span));
    }
    let depth = depth + 1;
    match expr {
        ast::Expr::Var(var) => name(var.id, span),
        ast::Expr::Const(constant) => constant_node(&constant.value, span),
        ast::Expr::GetAttr(get) => field(convert(&get.expr, depth)?, get.name, span.end),
        ast::Expr::GetItem(get) => subscript(get, span, depth),
        ast::Expr::Slice(slice) => slice_node(slice, span, depth),
        ast::Expr::UnaryOp(op) => unary(op, span, depth),
        ast::Expr::BinOp(op) => binary_node(op, span, depth),
        ast::Expr::Compare(compare) => compare_node(compare, span, depth),
        ast::Expr::IfExpr(choice) => choice_node(choice, span, depth),
        ast::Expr::Filter(filter) => parse_call::filter(filter, span, depth),
        ast::Expr::Test(test) => parse_call::test(test, span, depth),
        ast::Expr::Call(call) => parse_call::call(call, span, depth),
        ast::Expr::List(list) => items(&list.items, span, depth),
        ast::Expr::Tuple(tuple) => items(&tuple.items, span, depth),
        ast::Expr::Map(map) => map_node(map, span, depth),
    }
}

fn too_deep(span: &Range<usize>) -> ExprError {
    ExprError::limit(format!(
        "operators and fields lie more than {MAX_DEPTH} deep in one another"
    ))
    .at(span)
}

fn boxed(expr: &ast::Expr<'_>, depth: usize) -> Result<Box<Node>, ExprError> {
    convert(expr, depth).map(Box::new)
}

fn constant_node(value: &minijinja::Value, span: Range<usize>) -> Parsed {
    let kind = Kind::Const(literal(value, &span)?);
    Ok(Node { kind, span })
}

fn slice_node(slice: &ast::Slice<'_>, span: Range<usize>, depth: usize) -> Parsed {
    if slice.step.is_some() {
        return Err(ExprError::syntax("a slice has no step here").at(&span));
    }
    let bound = |bound: &Option<ast::Expr<'_>>| {
        let bound = bound.as_ref();
        bound.map(|bound| convert(bound, depth)).transpose()
    };
    let slice = Slice {
        of: convert(&slice.expr, depth)?,
        start: bound(&slice.start)?,
        stop: bound(&slice.stop)?,
    };
    let span = slice.of.span.start..span.end;
    let kind = Kind::Slice(Box::new(slice));
    Ok(Node { kind, span })
}

fn unary(op: &ast::UnaryOp<'_>, span: Range<usize>, depth: usize) -> Parsed {
    let node = boxed(&op.expr, depth)?;
    match op.op {
        ast::UnaryOpKind::Not => Ok(negated(node, span)),
        ast::UnaryOpKind::Neg => {
            let kind = Kind::Neg(node);
            Ok(Node { kind, span })
        }
    }
}

fn binary_node(op: &ast::BinOp<'_>, span: Range<usize>, depth: usize) -> Parsed {
    let left = boxed(&op.left, depth)?;
    let right = boxed(&op.right, depth)?;
    let span = left.span.start..span.end;
    let kind = binary(op.op, left, right);
    Ok(Node { kind, span })
}

fn compare_node(compare: &ast::Compare<'_>, span: Range<usize>, depth: usize) -> Parsed {
    let first = boxed(&compare.expr, depth)?;
    let rest = compare
        .ops
        .iter()
        .map(|op| Ok((comparison(op.op), convert(&op.expr, depth)?)))
        .collect::<Result<_, ExprError>>()?;
    let span = first.span.start..span.end;
    let kind = Kind::Compare(first, rest);
    Ok(Node { kind, span })
}

fn choice_node(choice: &ast::IfExpr<'_>, span: Range<usize>, depth: usize) -> Parsed {
    let yes = convert(&choice.true_expr, depth)?;
    let span = yes.span.start..span.end;
    let Some(no) = &choice.false_expr else {
        return Err(ExprError::syntax("an `if` without an `else` has no value")
            .at(&span)
            .hint("add `else none`"));
    };
    let choice = Choice {
        condition: convert(&choice.test_expr, depth)?,
        yes,
        no: convert(no, depth)?,
    };
    let kind = Kind::If(Box::new(choice));
    Ok(Node { kind, span })
}

fn map_node(map: &ast::Map<'_>, span: Range<usize>, depth: usize) -> Parsed {
    let entries = map
        .keys
        .iter()
        .zip(&map.values)
        .map(|(key, value)| match convert(key, depth)? {
            Node {
                kind: Kind::Const(Value::Str(key)),
                ..
            } => Ok((key, convert(value, depth)?)),
            other => {
                Err(ExprError::syntax("the name of a field is a text in quotes").at(&other.span))
            }
        })
        .collect::<Result<_, ExprError>>()?;
    let kind = Kind::Map(entries);
    Ok(Node { kind, span })
}

fn items(items: &[ast::Expr<'_>], span: Range<usize>, depth: usize) -> Parsed {
    let items = items
        .iter()
        .map(|item| convert(item, depth))
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

fn subscript(get: &ast::GetItem<'_>, span: Range<usize>, depth: usize) -> Parsed {
    let of = convert(&get.expr, depth)?;
    let index = convert(&get.subscript_expr, depth)?;
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
fn negated(node: Box<Node>, span: Range<usize>) -> Node {
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
            kind: Kind::Not(node),
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
