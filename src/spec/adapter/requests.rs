//! The `requests` actions of an adapter's file: several requests, one after another.

use serde::{Deserialize, Serialize};

use super::http::{HttpRequest, check_request, request};
use super::read::output;
use super::types::{OutputSpec, Placed};
use crate::expr::{Expression, NameError, TypeNames, TypeScope, Typed};
use crate::model::ids::Name;
use crate::model::{Field, Shape};
use crate::spec::contract::Action;
use crate::spec::decode::Decoder;
use crate::spec::fields::Fields;
use crate::spec::shape::articled;
use crate::spec::source::Spanned;
use crate::spec::yaml::{Kind, Node};

/// Requests that an adapter sends one after another for one action, and what its output is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Requests {
    /// In this order; at least one.
    pub list: Vec<NamedRequest>,
    /// What the output is, over the answers by their ids.
    #[serde(default)]
    pub output: OutputSpec,
}

/// One of several requests.
///
/// Its templates also see the answers of those before it, by their ids.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NamedRequest {
    /// What its answer is called in what follows.
    pub id: Spanned<Name>,
    /// Where it is sent once for each item of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<Repeated>,
    /// Where this is false it is not sent.
    #[serde(default, rename = "if", skip_serializing_if = "Option::is_none")]
    pub condition: Option<Spanned<Expression>>,
    /// The request.
    #[serde(flatten)]
    pub request: HttpRequest,
}

/// A request for each item of a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Repeated {
    /// The list.
    pub over: Spanned<Expression>,
    /// What an item is called.
    pub name: Spanned<Name>,
}

/// The names that every action has already.
const TAKEN: [&str; 6] = ["args", "settings", "run", "status", "headers", "body"];

pub(super) fn requests(decoder: &Decoder, fields: &mut Fields<'_>) -> Option<Requests> {
    let output = match fields.node("output") {
        None => Some(OutputSpec::Default),
        Some(node) if matches!(node.kind, Kind::Map(_)) => output(decoder, node, &[]),
        Some(node) => {
            decoder.unexpected(node, "a mapping of fields, over the answers by their ids")
        }
    };
    for key in ["ok", "unknown"] {
        fields.misplaced(key, "each request has its own: write it in there");
    }
    let list = fields.required("requests", |node| {
        let list = decoder.list(node, |item| one(decoder, item))?;
        match list.is_empty() {
            true => decoder.unexpected(node, "at least one request"),
            false => Some(list),
        }
    });
    Some(Requests {
        list: list?,
        output: output?,
    })
}

fn one(decoder: &Decoder, node: &Node) -> Option<NamedRequest> {
    let mut fields = decoder.fields(node, "one of several requests")?;
    let name = |node: &Node| decoder.spanned(node, |node| decoder.id(node));
    let id = fields.required("id", name);
    let over = fields.optional("for_each", |node| decoder.expression(node));
    let item = match fields.has("for_each") {
        true => fields.required("as", name),
        false => {
            fields.misplaced("as", "it names the items of a `for_each:`");
            None
        }
    };
    let condition = fields.optional("if", |node| decoder.expression(node));
    let ok = fields.optional("ok", |node| decoder.expression(node));
    let unknown = fields.optional("unknown", |node| decoder.expression(node));
    fields.misplaced("output", "write it beside `requests:`");
    fields.misplaced("status_code", "write `ok: status in [200, 204]`");
    let request = request(decoder, &mut fields);
    fields.finish();
    let each = over.zip(item).map(|(over, name)| Repeated { over, name });
    Some(NamedRequest {
        id: id?,
        each,
        condition,
        request: HttpRequest {
            ok,
            unknown,
            ..request?
        },
    })
}

/// Whether they keep the contract; the names that the output's fields see.
pub(super) fn check<'a>(
    decoder: &Decoder,
    requests: &'a Requests,
    scope: &TypeScope<'a>,
    action: &Action,
    placed: &Placed,
) -> TypeScope<'a> {
    let looks = |one: &NamedRequest| {
        let method = one.request.method.as_ref();
        method.is_none_or(|method| method.value.looks())
    };
    if action.effect.acts() && requests.list.iter().all(looks) {
        let message = format!(
            "`{}` changes something, and all of its requests only look",
            placed.name
        );
        let error = decoder.error(placed.name.span, message).code("missing-key");
        decoder.report(error.help("the one that acts says so: `method: POST`"));
    }
    if !action.output.is_empty() && matches!(requests.output, OutputSpec::Default) {
        let message = format!(
            "`{}` declares fields, and several answers have none",
            placed.name
        );
        let error = decoder.error(placed.name.span, message).code("missing-key");
        decoder.report(error.help("write `output: { field: now.body.field }`"));
    }
    let mut scope = scope.clone();
    for (at, one) in requests.list.iter().enumerate() {
        let (before, later) = requests.list.split_at(at);
        taken(decoder, &one.id, before);
        let ahead = Ahead {
            scope: &scope,
            later,
        };
        check_one(decoder, one, before, &ahead);
        let id = one.id.value.as_str();
        scope = match (&one.each, &one.condition) {
            (Some(_), _) => scope.made(id, Shape::List(Box::new(item_shape()))),
            (None, Some(_)) => scope.maybe(id, answer_shape()),
            (None, None) => scope.made(id, answer_shape()),
        };
    }
    scope
}

/// What expressions see of an answer.
fn answer_shape() -> Shape {
    Shape::object(answer_fields().collect())
}

/// What they see of one of a list.
fn item_shape() -> Shape {
    let item = ("item".to_owned(), always(Shape::Any));
    Shape::object(answer_fields().chain([item]).collect())
}

fn answer_fields() -> impl Iterator<Item = (String, Field)> {
    let fields = [
        ("status", Shape::Integer),
        ("headers", Shape::Object(None)),
        ("body", Shape::Any),
    ];
    fields
        .into_iter()
        .map(|(name, shape)| (name.to_owned(), always(shape)))
}

fn always(shape: Shape) -> Field {
    Field {
        shape,
        optional: false,
    }
}

/// Says that a name has a meaning already.
fn taken(decoder: &Decoder, name: &Spanned<Name>, others: &[NamedRequest]) {
    let text = name.value.as_str();
    let why = match TAKEN.contains(&text) {
        true => "is a name of its own already",
        false if others.iter().any(|one| one.id.value == name.value) => "is there twice",
        false => return,
    };
    let error = decoder.error(name.span, format!("`{text}` {why}"));
    decoder.report(error.help("name it for what it asks: `now`, `turn_on`"));
}

fn check_one(decoder: &Decoder, one: &NamedRequest, before: &[NamedRequest], names: &Ahead<'_>) {
    let mut scope = TypeScope::over(names);
    if let Some(each) = &one.each {
        taken(decoder, &each.name, before);
        taken(decoder, &each.name, std::slice::from_ref(one));
        let item = match decoder.check(&each.over, names) {
            Some(Shape::List(of)) => *of,
            Some(Shape::Any) | None => Shape::Any,
            Some(other) => {
                let message = format!("`for_each` goes through a list, not {}", articled(&other));
                let error = decoder.error(each.over.span, message);
                decoder.report(error.code("wrong-type"));
                Shape::Any
            }
        };
        scope = scope.made(each.name.value.as_str(), item);
    }
    if let Some(condition) = &one.condition {
        decoder.check_bool(condition, &scope);
    }
    check_request(decoder, &one.request, &scope);
}

/// The names of a request. Those of later ones are known, and have no answer yet.
struct Ahead<'a> {
    scope: &'a TypeScope<'a>,
    later: &'a [NamedRequest],
}

impl TypeNames for Ahead<'_> {
    fn shape(&self, path: &[&str]) -> Result<Typed<'_>, NameError> {
        let root = path.first().copied().unwrap_or_default();
        if let Ok(typed) = self.scope.shape(path) {
            return Ok(typed);
        }
        match self
            .later
            .iter()
            .position(|one| one.id.value.as_str() == root)
        {
            None => self.scope.shape(path),
            Some(at) => Err(NameError {
                message: match at {
                    0 => format!("`{root}` is this request, which has no answer yet"),
                    _ => format!("`{root}` comes later, so it has no answer yet"),
                },
                nearest: None,
            }),
        }
    }
}
