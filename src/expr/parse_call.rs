//! Functions, filters and tests: their names, and which argument belongs to which parameter.

use std::ops::Range;

use minijinja::machinery::ast;

use super::ast::{Filtered, Kind, Node};
use super::constant;
use super::error::ExprError;
use super::parse::convert;
use super::pattern::Pattern;
use super::vocabulary::{FILTERS, FUNCTIONS, Function, Signature, TESTS, find};
use crate::model::Value;
use crate::model::text::escape_controls;

type Parsed = Result<Node, ExprError>;

/// `name(…)`
pub(super) fn call(call: &ast::Call<'_>, span: Range<usize>, depth: usize) -> Parsed {
    let name = match call.identify_call() {
        ast::CallType::Function(name) => name,
        ast::CallType::Method(_, name) | ast::CallType::Block(name) => {
            let error = ExprError::syntax("values have no methods").at(&span);
            return Err(match find(FILTERS, name) {
                Ok(_) => error.hint(format!("write `… | {name}`")),
                Err(_) => error.hint("use a filter: `value | filter`"),
            });
        }
        ast::CallType::Object(_) => {
            return Err(ExprError::syntax("this cannot be called").at(&span));
        }
    };
    let (function, signature) = match find(FUNCTIONS, name) {
        Ok(found) => found,
        Err(near) => {
            let error = ExprError::syntax(format!("there is no function `{name}`")).at(&span);
            return Err(match find(FILTERS, name) {
                Ok(_) => error.hint(format!("`{name}` is a filter: write `… | {name}`")),
                Err(_) => error.nearest(near),
            });
        }
    };
    let args: Vec<Node> = bind(name, signature, &call.args, &span, depth)?
        .into_iter()
        .flatten()
        .collect();
    // What is written out is read now: a misspelt duration is an error before the run starts.
    let kind = match (function, args.as_slice()) {
        (Function::Range, _) => Kind::Call(function, args),
        (_, [only]) => match &only.kind {
            Kind::Const(value) => {
                Kind::Const(constant::read(function, value).map_err(|e| e.at(&only.span))?)
            }
            _ => Kind::Call(function, args),
        },
        _ => Kind::Call(function, args),
    };
    Ok(Node { kind, span })
}

/// `input | name(…)`
pub(super) fn filter(filter: &ast::Filter<'_>, span: Range<usize>, depth: usize) -> Parsed {
    let Some(input) = &filter.expr else {
        return Err(ExprError::syntax("a filter needs something before it").at(&span));
    };
    let input = convert(input, depth)?;
    let own = span.clone();
    let span = input.span.start..span.end;
    let name = filter.name;
    let (found, signature) = find(FILTERS, name).map_err(|near| {
        let error = ExprError::syntax(format!("there is no filter `{name}`")).at(&own);
        match name {
            "count" => error.hint("write `length`"),
            "d" => error.hint("write `default`"),
            "tojson_pretty" | "json" => error.hint("write `tojson`"),
            _ => error.nearest(near),
        }
    })?;
    let mut args = bind(name, signature, &filter.args, &own, depth)?;
    let mut written = |param: &str| -> Result<Option<(String, Range<usize>)>, ExprError> {
        let Some(slot) = signature.params.iter().position(|p| *p == param) else {
            return Ok(None);
        };
        match args.get_mut(slot).and_then(Option::take) {
            None => Ok(None),
            Some(Node {
                kind: Kind::Const(Value::Str(text)),
                span,
            }) => Ok(Some((text, span))),
            Some(other) => Err(ExprError::syntax(format!(
                "`{param}` of `{name}` is a text in quotes"
            ))
            .at(&other.span)),
        }
    };
    let attribute =
        written("attribute")?.map(|(text, _)| text.split('.').map(str::to_owned).collect());
    let pattern = written("pattern")?
        .map(|(text, place)| Pattern::parse(&text).map_err(|e| e.at(&place)))
        .transpose()?;
    let test = match written("test")? {
        None => None,
        Some((text, place)) => {
            let (test, takes) = named_test(&text).map_err(|e| e.at(&place))?;
            let value = signature.params.iter().position(|p| *p == "value");
            let given = value.is_some_and(|slot| args.get(slot).is_some_and(Option::is_some));
            if given != (takes.required == 1) {
                let needs = if given {
                    "takes no value"
                } else {
                    "needs a value"
                };
                return Err(ExprError::syntax(format!("the test `{text}` {needs}")).at(&own));
            }
            Some(test)
        }
    };
    let filtered = Filtered {
        filter: found,
        input,
        args,
        attribute,
        test,
        pattern,
    };
    let kind = Kind::Filter(Box::new(filtered));
    Ok(Node { kind, span })
}

/// `input is name …`
pub(super) fn test(test: &ast::Test<'_>, span: Range<usize>, depth: usize) -> Parsed {
    let input = convert(&test.expr, depth)?;
    let span = input.span.start..span.end;
    let (found, signature) = named_test(test.name).map_err(|e| e.at(&span))?;
    let args = bind(test.name, signature, &test.args, &span, depth)?;
    let arg = args.into_iter().flatten().next().map(Box::new);
    let kind = Kind::Test(Box::new(input), found, arg);
    Ok(Node { kind, span })
}

fn named_test(name: &str) -> Result<(super::vocabulary::Test, Signature), ExprError> {
    find(TESTS, name).map_err(|near| {
        let shown = escape_controls(name);
        ExprError::syntax(format!("there is no test `{shown}`")).nearest(near)
    })
}

/// Puts each argument into the slot of its parameter.
fn bind(
    name: &str,
    signature: Signature,
    args: &[ast::CallArg<'_>],
    span: &Range<usize>,
    depth: usize,
) -> Result<Vec<Option<Node>>, ExprError> {
    let mut slots: Vec<Option<Node>> = signature.params.iter().map(|_| None).collect();
    for (position, arg) in args.iter().enumerate() {
        let (slot, expr) = match arg {
            ast::CallArg::Pos(expr) if position < signature.positional => (position, expr),
            ast::CallArg::Pos(expr) => {
                let error = ExprError::syntax(format!("`{name}` takes {}", count(signature)))
                    .at(&convert(expr, depth)?.span);
                return Err(match signature.params.get(position) {
                    Some(param) => error.hint(format!("write `{param}=…`")),
                    None => error,
                });
            }
            ast::CallArg::Kwarg(param, expr) => {
                let Some(slot) = signature.params.iter().position(|p| p == param) else {
                    let known = signature.params.iter().copied();
                    let near = crate::model::suggest::nearest(param, known);
                    return Err(
                        ExprError::syntax(format!("`{name}` has no parameter `{param}`"))
                            .at(span)
                            .nearest(near),
                    );
                };
                (slot, expr)
            }
            ast::CallArg::PosSplat(_) | ast::CallArg::KwargSplat(_) => {
                return Err(ExprError::syntax("`*` arguments have no meaning here").at(span));
            }
        };
        let node = convert(expr, depth)?;
        if let Some(place) = slots.get_mut(slot)
            && place.replace(node).is_some()
        {
            return Err(
                ExprError::syntax(format!("`{name}` is given one argument twice")).at(span),
            );
        }
    }
    let missing = slots
        .iter()
        .zip(signature.params)
        .take(signature.required)
        .find(|(slot, _)| slot.is_none());
    match missing {
        Some((_, param)) => {
            Err(ExprError::syntax(format!("`{name}` needs its `{param}`")).at(span))
        }
        None => Ok(slots),
    }
}

fn count(signature: Signature) -> String {
    match (signature.positional, signature.params.len()) {
        (0, 0) => "no argument".to_owned(),
        (0, _) => "its arguments by name only".to_owned(),
        (1, _) => "one argument".to_owned(),
        (n, _) => format!("at most {n} arguments"),
    }
}
