//! The `http` actions of a plan's adapters, made ready to be called.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::call::{
    CommandAdapter, Each, HostRule, HttpAdapter, HttpOutput, HttpReading, HttpSpec, Json,
    NamedSending, Network, Processes, Promise, RequestBody, RequestSpec, Sending, Sends,
};
use crate::expr::Template;
use crate::model::call::{Adapter, Cancel, Reply, Request, Sink, Work};
use crate::model::ids::ArgName;
use crate::plan::Plan;
use crate::spec::adapter::{AdapterAction, HttpBody, HttpRequest, NamedRequest, OutputSpec};
use crate::spec::source::Spanned;
use crate::spec::step::Literal;

/// An adapter's file: each action is answered in its own way.
pub(super) struct AdapterFile {
    pub(super) command: CommandAdapter,
    pub(super) http: HttpAdapter,
}

impl Adapter for AdapterFile {
    fn call(&self, request: &Request, sink: &dyn Sink, cancel: &dyn Cancel) -> Reply {
        match &request.work {
            Work::Call(call) if self.http.actions.contains_key(&call.action) => {
                self.http.call(request, sink, cancel)
            }
            _ => self.command.call(request, sink, cancel),
        }
    }
}

/// What all requests of a run share.
pub(super) fn network(plan: &Plan, processes: &Processes) -> Arc<Network> {
    let hosts = &plan.policy.hosts;
    let rule = HostRule::new(hosts.allow.as_deref(), hosts.deny_private);
    Arc::new(Network::new(&processes.base_env, rule))
}

/// One `http` action, or one of `requests`; nothing for what is neither.
pub(super) fn spec(
    action: &AdapterAction,
    promise: Promise,
    arguments: Vec<ArgName>,
) -> Option<HttpSpec> {
    let (sends, output) = match action {
        AdapterAction::Http(http) => (Sends::One(sending(&http.request)), &http.output),
        AdapterAction::Requests(requests) => {
            let list = requests.list.iter().map(named).collect();
            (Sends::Several(list), &requests.output)
        }
        AdapterAction::Simulate { .. } | AdapterAction::Command(_) => return None,
    };
    let output = match output {
        OutputSpec::Default | OutputSpec::Lines => HttpOutput::Plain,
        OutputSpec::Json => HttpOutput::Json,
        OutputSpec::Mapping(fields) => HttpOutput::Fields(
            fields
                .iter()
                .map(|(name, field)| (name.clone(), field.value.clone()))
                .collect(),
        ),
    };
    Some(HttpSpec {
        sends,
        output,
        promise,
        arguments,
    })
}

fn named(one: &NamedRequest) -> NamedSending {
    NamedSending {
        id: one.id.value.to_string(),
        each: one.each.as_ref().map(|each| Each {
            over: each.over.value.clone(),
            name: each.name.value.to_string(),
        }),
        condition: one.condition.as_ref().map(|if_| if_.value.clone()),
        sending: sending(&one.request),
    }
}

fn sending(http: &HttpRequest) -> Sending {
    Sending {
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
            unknown: http.unknown.as_ref().map(|unknown| unknown.value.clone()),
            redirects: http.redirects,
        },
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
