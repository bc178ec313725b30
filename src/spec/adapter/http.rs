//! The `http` actions of an adapter's file.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::read::{OutputWord, output};
use super::types::{OutputSpec, Placed};
use crate::expr::{Expression, Template, TypeScope, UrlTemplate};
use crate::model::Shape;
use crate::model::http::{Method, Redirects};
use crate::model::text::escape_controls;
use crate::spec::contract::Action;
use crate::spec::decode::Decoder;
use crate::spec::expressions::expr_diagnostic;
use crate::spec::fields::Fields;
use crate::spec::secrets;
use crate::spec::source::Spanned;
use crate::spec::step::Literal;
use crate::spec::yaml::{Key, Node};

/// A request that an adapter sends, and what its output is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Http {
    /// The request.
    #[serde(flatten)]
    pub request: HttpRequest,
    /// What the output is.
    #[serde(default)]
    pub output: OutputSpec,
}

/// A request, and what success is.
///
/// Templates see `args`, `settings` and `run`; expressions also see `status`, `headers` and `body`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HttpRequest {
    /// What is asked for; GET where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Spanned<Method>>,
    /// Of whom.
    pub url: Spanned<UrlTemplate>,
    /// Added to the URL's query.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub query: IndexMap<String, Spanned<Template>>,
    /// Headers, beside those that every request has.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<String, Spanned<Template>>,
    /// What is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<HttpBody>,
    /// What becomes of an answer that sends elsewhere.
    #[serde(default)]
    pub redirects: Redirects,
    /// A file with the certificates that are trusted in place of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<Spanned<Template>>,
    /// What success is; a status from 200 to 299 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok: Option<Spanned<Expression>>,
    /// When nobody can know whether it acted, of what `ok` is not true of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Spanned<Expression>>,
}

/// What a request sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HttpBody {
    /// JSON: a lone `{{ }}` keeps its type, and `none` leaves a key out.
    Json(Spanned<Literal>),
    /// Fields as a web form sends them.
    Form(IndexMap<String, Spanned<Template>>),
    /// A text as it is.
    Text(Spanned<Template>),
}

/// What makes a message longer or shorter than it says, or leads it to somebody else, is ours to
/// write. The second word says where it comes from.
const OURS: [(&str, &str); 12] = [
    ("host", "it follows from the URL"),
    ("content-length", "it follows from the body"),
    ("transfer-encoding", "it follows from the body"),
    ("connection", "each request has its own connection"),
    ("keep-alive", "each request has its own connection"),
    ("proxy-connection", "each request has its own connection"),
    ("proxy-authorization", "a proxy is named in the environment"),
    ("upgrade", "an answer is all that is read"),
    ("te", "an answer is all that is read"),
    ("trailer", "an answer is all that is read"),
    ("expect", "the body is sent at once"),
    ("accept-encoding", "a body is read as it comes"),
];

pub(super) fn http(decoder: &Decoder, fields: &mut Fields<'_>) -> Option<Http> {
    let ok = fields.optional("ok", |node| decoder.expression(node));
    let unknown = fields.optional("unknown", |node| decoder.expression(node));
    let output = fields
        .node("output")
        .map_or(Some(OutputSpec::Default), |node| {
            output(decoder, node, &[("json", OutputWord::Json)])
        });
    let request = fields.required("http", |node| {
        let mut fields = decoder.fields(node, "an HTTP request")?;
        fields.misplaced("ok", "write it beside `http:`");
        fields.misplaced("unknown", "write it beside `http:`");
        fields.misplaced("output", "write it beside `http:`");
        fields.misplaced(
            "status_code",
            "write `ok: status in [200, 204]` beside `http:`",
        );
        let request = request(decoder, &mut fields);
        fields.finish();
        request
    });
    Some(Http {
        request: HttpRequest {
            ok,
            unknown,
            ..request?
        },
        output: output?,
    })
}

/// What is sent. Whoever has the fields reads what stands beside it, and finishes.
pub(super) fn request(decoder: &Decoder, fields: &mut Fields<'_>) -> Option<HttpRequest> {
    let method = fields.optional("method", |node| {
        decoder.spanned(node, |node| method(decoder, node))
    });
    let url = fields.required("url", |node| url(decoder, node));
    let templates = |node: &Node| {
        decoder.mapping(node, |key, node| {
            let template = decoder.template(node);
            Some((key.text.clone(), template?))
        })
    };
    let query = fields
        .node("query")
        .map_or(Some(IndexMap::new()), templates);
    let headers = fields
        .node("headers")
        .map_or(Some(IndexMap::new()), |node| headers(decoder, node));
    let kinds = fields.which(&["json", "form", "body"]);
    if let [_, second, ..] = kinds.as_slice()
        && let Some(span) = fields.key_span(second)
    {
        let message = "a request has one of json, form and body";
        decoder.report(decoder.error(span, message));
    }
    let json = fields.optional("json", |node| decoder.literal(node));
    let form = fields.optional("form", templates);
    let text = fields.optional("body", |node| decoder.template(node));
    let redirects = fields.optional("redirects", |node| decoder.one_of(node, &Redirects::ALL));
    let ca_file = fields.optional("ca_file", |node| decoder.template(node));
    fields.misplaced(
        "timeout",
        "the contract's action and the step have a `timeout:`",
    );
    fields.misplaced("params", "write `query:`");
    fields.misplaced("data", "write `json:`, `form:` or `body:`");
    fields.misplaced("follow_redirects", "write `redirects: same_host`");
    fields.misplaced(
        "validate_certs",
        "certificates are always checked; `ca_file:` names those of your own",
    );
    let asked = method
        .as_ref()
        .map(|method| method.value)
        .unwrap_or_default();
    let misread = fields.has("method") && method.is_none();
    if let Some(body) = kinds.first()
        && asked.looks()
        && !misread
        && let Some(span) = fields.key_span(body)
    {
        let message = format!("a {} has no body", asked.word());
        let error = decoder.error(span, message);
        decoder.report(error.help("write `method: POST`, or `query:` in place of it"));
    }
    if misread {
        return None;
    }
    Some(HttpRequest {
        method,
        url: url?,
        query: query?,
        headers: headers?,
        body: json
            .map(HttpBody::Json)
            .or(form.map(HttpBody::Form))
            .or(text.map(HttpBody::Text)),
        redirects: redirects.unwrap_or_default(),
        ca_file,
        ok: None,
        unknown: None,
    })
}

/// A method, in whichever case.
fn method(decoder: &Decoder, node: &Node) -> Option<Method> {
    let text = decoder.text(node, "a method such as GET or POST")?;
    let found = Method::ALL
        .iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(text));
    match found {
        Some((_, method)) => Some(*method),
        None => decoder.one_of(node, &Method::ALL),
    }
}

fn url(decoder: &Decoder, node: &Node) -> Option<Spanned<UrlTemplate>> {
    let text = decoder.text(node, "a URL")?;
    match UrlTemplate::parse(text) {
        Ok(url) => Some(Spanned::new(url, node.span)),
        Err(error) => {
            decoder.report(expr_diagnostic(decoder.source(), node.span, text, &error));
            None
        }
    }
}

fn headers(decoder: &Decoder, node: &Node) -> Option<IndexMap<String, Spanned<Template>>> {
    let mut seen: Vec<String> = Vec::new();
    decoder.mapping(node, |key, node| {
        let name = header(decoder, key);
        let template = decoder.template(node);
        let (name, template) = (name?, template?);
        let lower = name.to_ascii_lowercase();
        if seen.contains(&lower) {
            let message = format!("the header `{name}` is there twice");
            decoder.report(decoder.error(key.span, message));
            return None;
        }
        seen.push(lower);
        if template
            .is_constant()
            .is_some_and(|text| text.chars().any(char::is_control))
        {
            return decoder.reject(node, "a header's value is one line");
        }
        Some((name, template))
    })
}

/// A header's name (RFC 9110, section 5.6.2), which is not one of ours.
fn header(decoder: &Decoder, key: &Key) -> Option<String> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let shown = escape_controls(&key.text);
    if key.text.is_empty() || !key.text.bytes().all(token) {
        let message = format!("`{shown}` is no header's name");
        decoder.report(decoder.error(key.span, message));
        return None;
    }
    let ours = OURS
        .iter()
        .find(|(name, _)| key.text.eq_ignore_ascii_case(name));
    if let Some((_, why)) = ours {
        let message = format!("the header `{shown}` is not for an adapter to set");
        decoder.report(decoder.error(key.span, message).help(*why));
        return None;
    }
    Some(key.text.clone())
}

/// Whether a lone request keeps the contract.
pub(super) fn check(
    decoder: &Decoder,
    http: &Http,
    scope: &TypeScope<'_>,
    action: &Action,
    placed: &Placed,
) {
    let http = &http.request;
    if http.method.is_none() && action.effect.acts() {
        let message = format!(
            "`{}` changes something, so its request says with which method",
            placed.name
        );
        let error = decoder.error(http.url.span, message).code("missing-key");
        decoder.report(
            error.help("write `method: POST`; a GET may be repeated by anybody on its way"),
        );
    }
    check_request(decoder, http, scope);
}

/// Whether all names of a request are there.
pub(super) fn check_request(decoder: &Decoder, http: &HttpRequest, scope: &TypeScope<'_>) {
    if let Err(errors) = http.url.check(scope) {
        for error in &errors {
            let text = http.url.source();
            decoder.report(expr_diagnostic(
                decoder.source(),
                http.url.span,
                text,
                error,
            ));
        }
    }
    let form = match &http.body {
        Some(HttpBody::Form(form)) => Some(form),
        _ => None,
    };
    let text = match &http.body {
        Some(HttpBody::Text(text)) => Some(text),
        _ => None,
    };
    let templates = http.query.values().chain(http.headers.values());
    let templates = templates.chain(form.into_iter().flat_map(IndexMap::values));
    for template in templates.chain(text) {
        decoder.check_sent(template, scope);
    }
    if let Some(path) = &http.ca_file {
        let shape = decoder.check_template(path, scope);
        if let Some(why) = shape.as_ref().and_then(secrets::misplaced) {
            decoder.misplaced_secret(path.span, why);
        }
    }
    if let Some(HttpBody::Json(json)) = &http.body {
        for template in json.templates() {
            decoder.check_sent(&Spanned::new(template.clone(), json.span), scope);
        }
    }
    let scope = answer_scope(scope);
    for decides in [&http.ok, &http.unknown].into_iter().flatten() {
        decoder.check_bool(decides, &scope);
    }
}

/// The names that `ok` and the output's fields have.
pub(super) fn answer_scope<'a>(scope: &TypeScope<'a>) -> TypeScope<'a> {
    scope
        .clone()
        .made("status", Shape::Integer)
        .made("headers", Shape::Object(None))
        .made("body", Shape::Any)
}
