//! A request with every value filled in: data stays data in the URL, the headers and the body.

use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use indexmap::IndexMap;

use crate::call::in_adapter::{one, words};
use crate::call::judge::hinted;
use crate::expr::{ExprError, Names, Template, Url, UrlTemplate, percent_encoded};
use crate::model::call::{Failure, FailureKind};
use crate::model::http::Method;
use crate::model::ids::IdempotencyKey;
use crate::model::{Map, Value};

/// A request, its values yet to come.
#[derive(Clone, Debug)]
pub struct RequestSpec {
    /// What is asked for.
    pub method: Method,
    /// Of whom.
    pub url: UrlTemplate,
    /// Added to the URL's query. A lone `{{ }}` that is `none` leaves its field out, a list
    /// repeats it.
    pub query: IndexMap<String, Template>,
    /// Headers. A lone `{{ }}` that is `none` leaves its header out.
    pub headers: IndexMap<String, Template>,
    /// What is sent.
    pub body: Option<RequestBody>,
    /// The file with the certificates that are trusted in place of the system's.
    pub ca_file: Option<Template>,
}

/// What a request sends.
#[derive(Clone, Debug)]
pub enum RequestBody {
    /// JSON.
    Json(Json),
    /// The fields of a web form; `none` and lists as in a query.
    Form(IndexMap<String, Template>),
    /// A text as it is.
    Text(Template),
}

/// JSON in which text may hold templates.
#[derive(Clone, Debug)]
pub enum Json {
    /// A text; a lone `{{ }}` keeps its type, and leaves its key or its item out where it is `none`.
    Template(Template),
    /// A value as it is.
    Value(Value),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Map(IndexMap<String, Json>),
}

/// A request as it is sent.
#[derive(Clone)]
pub(super) struct Filled {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
    pub(super) ca_file: Option<String>,
}

impl RequestSpec {
    /// All templates whose text is sent.
    pub(super) fn sent(&self) -> Vec<&Template> {
        let mut all = vec![self.url.template()];
        all.extend(self.query.values().chain(self.headers.values()));
        match &self.body {
            Some(RequestBody::Json(json)) => json.templates(&mut all),
            Some(RequestBody::Form(form)) => all.extend(form.values()),
            Some(RequestBody::Text(text)) => all.push(text),
            None => {}
        }
        all
    }

    /// The request; `key` is sent where it acts.
    pub(super) fn fill(
        &self,
        names: &dyn Names,
        key: Option<&IdempotencyKey>,
    ) -> Result<Filled, Failure> {
        let mut url = self.url.render(names).map_err(|e| unfilled("`url`", &e))?;
        for (name, template) in &self.query {
            let secret = is_secret(template, names);
            for value in fields(name, template, names, "`query`")? {
                let pair = format!("{}={}", percent_encoded(name), percent_encoded(&value));
                let mark = if url.path.contains('?') { '&' } else { '?' };
                url.shown.push(mark);
                match secret {
                    true => url
                        .shown
                        .push_str(&format!("{}=‹secret›", percent_encoded(name))),
                    false => url.shown.push_str(&pair),
                }
                url.path.push(mark);
                url.path.push_str(&pair);
            }
        }
        let mut headers = Vec::new();
        for (name, template) in &self.headers {
            let what = format!("header `{name}`");
            if let Some(value) = one(template, names).map_err(|e| unfilled(&what, &e))? {
                headers.push(header(name, &value)?);
            }
        }
        let (body, content) = match &self.body {
            Some(body) => body.fill(names)?,
            None => (String::new(), None),
        };
        if let Some(content) = content {
            default(
                &mut headers,
                CONTENT_TYPE,
                HeaderValue::from_static(content),
            );
        }
        if let Some(IdempotencyKey(key)) = key {
            let (name, value) = header("Idempotency-Key", key)?;
            default(&mut headers, name, value);
        }
        let ca_file = match &self.ca_file {
            Some(template) => one(template, names).map_err(|e| unfilled("`ca_file`", &e))?,
            None => None,
        };
        Ok(Filled {
            method: self.method,
            url,
            headers,
            body: Bytes::from(body),
            ca_file,
        })
    }
}

impl RequestBody {
    /// The body, and what it is.
    fn fill(&self, names: &dyn Names) -> Result<(String, Option<&'static str>), Failure> {
        match self {
            Self::Json(json) => {
                let value = json.fill(names).map_err(|e| unfilled("`json`", &e))?;
                let text = value.unwrap_or_default().to_plain().to_string();
                Ok((text, Some("application/json")))
            }
            Self::Form(form) => {
                let mut pairs = Vec::new();
                for (name, template) in form {
                    for value in fields(name, template, names, "`form`")? {
                        pairs.push(format!(
                            "{}={}",
                            percent_encoded(name),
                            percent_encoded(&value)
                        ));
                    }
                }
                Ok((pairs.join("&"), Some("application/x-www-form-urlencoded")))
            }
            Self::Text(template) => {
                let text = template.render(names).map_err(|e| unfilled("`body`", &e))?;
                Ok((text, Some("text/plain; charset=utf-8")))
            }
        }
    }
}

impl Json {
    fn templates<'a>(&'a self, into: &mut Vec<&'a Template>) {
        match self {
            Self::Template(template) => into.push(template),
            Self::Value(_) => {}
            Self::List(items) => items.iter().for_each(|item| item.templates(into)),
            Self::Map(map) => map.values().for_each(|item| item.templates(into)),
        }
    }

    /// The value; nothing where it is left out.
    fn fill(&self, names: &dyn Names) -> Result<Option<Value>, ExprError> {
        Ok(Some(match self {
            Self::Template(template) => match template.eval(names)? {
                Value::None => return Ok(None),
                value => value,
            },
            Self::Value(value) => value.clone(),
            Self::List(items) => {
                let items = items.iter().filter_map(|item| item.fill(names).transpose());
                Value::List(items.collect::<Result<_, _>>()?)
            }
            Self::Map(map) => {
                let fields = map.iter().filter_map(|(name, item)| {
                    let value = item.fill(names).transpose()?;
                    Some(value.map(|value| (name.clone(), value)))
                });
                Value::Map(fields.collect::<Result<Map, _>>()?)
            }
        }))
    }
}

/// The values of one field of a query or a form.
fn fields(
    name: &str,
    template: &Template,
    names: &dyn Names,
    place: &str,
) -> Result<Vec<String>, Failure> {
    words(template, names).map_err(|e| unfilled(&format!("`{name}` of {place}"), &e))
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let name = name.to_ascii_lowercase();
    let value = HeaderValue::from_bytes(value.as_bytes());
    match (HeaderName::from_bytes(name.as_bytes()), value) {
        (Ok(name), Ok(mut value)) => {
            // Whatever prints a request prints none of them.
            value.set_sensitive(true);
            Ok((name, value))
        }
        _ => Err(Failure::new(
            FailureKind::Expression,
            format!("header `{name}`: its value has a line break or another control character"),
        )),
    }
}

/// Adds a header that the adapter's file does not have.
fn default(headers: &mut Vec<(HeaderName, HeaderValue)>, name: HeaderName, value: HeaderValue) {
    if !headers.iter().any(|(given, _)| *given == name) {
        headers.push((name, value));
    }
}

fn is_secret(template: &Template, names: &dyn Names) -> bool {
    template.references().iter().any(|reference| {
        let path: Vec<&str> = reference.path.iter().map(String::as_str).collect();
        names.is_secret(&path)
    })
}

/// A template that could not be filled in, so that nothing was sent.
fn unfilled(what: &str, e: &ExprError) -> Failure {
    hinted(
        Failure::new(FailureKind::Expression, format!("{what}: {e}")),
        e,
    )
}
