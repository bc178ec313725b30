//! The `http` actions of a plan's adapters, made ready to be called.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::call::{
    HostRule, HttpOutput, HttpReading, HttpSpec, Json, Network, Processes, Promise, RequestBody,
    RequestSpec,
};
use crate::expr::Template;
use crate::model::ids::ArgName;
use crate::plan::Plan;
use crate::spec::adapter::{Http, HttpBody, OutputSpec};
use crate::spec::source::Spanned;
use crate::spec::step::Literal;

/// What all requests of a run share.
pub(super) fn network(plan: &Plan, processes: &Processes) -> Arc<Network> {
    let hosts = &plan.policy.hosts;
    let rule = HostRule::new(hosts.allow.as_deref(), hosts.deny_private);
    Arc::new(Network::new(&processes.base_env, rule))
}

/// One `http` action.
pub(super) fn spec(http: &Http, promise: Promise, arguments: Vec<ArgName>) -> HttpSpec {
    HttpSpec {
        request: RequestSpec {
            method: http
                .method
                .as_ref()
                .map(|method| method.value)
                .unwrap_or_default(),
            url: http.url.value.clone(),
            query: templates(&http.query),
            headers: templates(&http.headers),
            body: http.body.as_ref().map(|body| match body {
                HttpBody::Json(literal) => RequestBody::Json(json(literal)),
                HttpBody::Form(form) => RequestBody::Form(templates(form)),
                HttpBody::Text(text) => RequestBody::Text(text.value.clone()),
            }),
            ca_file: http.ca_file.as_ref().map(|path| path.value.clone()),
        },
        reading: HttpReading {
            ok: http.ok.as_ref().map(|ok| ok.value.clone()),
            output: match &http.output {
                OutputSpec::Default | OutputSpec::Lines => HttpOutput::Plain,
                OutputSpec::Json => HttpOutput::Json,
                OutputSpec::Mapping(fields) => HttpOutput::Fields(
                    fields
                        .iter()
                        .map(|(name, field)| (name.clone(), field.value.clone()))
                        .collect(),
                ),
            },
            redirects: http.redirects,
        },
        promise,
        arguments,
    }
}

fn templates(map: &IndexMap<String, Spanned<Template>>) -> IndexMap<String, Template> {
    map.iter()
        .map(|(name, template)| (name.clone(), template.value.clone()))
        .collect()
}

fn json(literal: &Literal) -> Json {
    match literal {
        Literal::Template(template) => Json::Template(template.clone()),
        Literal::Value(value) => Json::Value(value.clone()),
        Literal::List(items) => Json::List(items.iter().map(json).collect()),
        Literal::Map(map) => Json::Map(
            map.iter()
                .map(|(name, item)| (name.clone(), json(item)))
                .collect(),
        ),
    }
}
