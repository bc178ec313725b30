//! Requests by HTTP: what is sent, and what an answer means.

use std::sync::Arc;

use indexmap::IndexMap;
use proptest::prelude::*;

use super::server::{Server, answer};
use super::support::{Ear, call, processes, request};
use crate::call::{
    HostRule, HttpAdapter, HttpOutput, HttpReading, HttpSpec, Json, Network, Promise, RequestBody,
    RequestSpec, Sending, Sends,
};
use crate::expr::{Expression, Template};
use crate::model::call::{Adapter, Ended, Failure, FailureKind, Purpose, Reply, Request, Stream};
use crate::model::http::Method;
use crate::model::ids::ArgName;
use crate::model::{Effect, Field, Map, SecretRef, Shape, Value};

pub fn template(source: &str) -> Template {
    source.parse().unwrap()
}

pub fn templates(pairs: &[(&str, &str)]) -> IndexMap<String, Template> {
    pairs
        .iter()
        .map(|(name, source)| ((*name).to_owned(), template(source)))
        .collect()
}

pub fn expression(source: &str) -> Option<Expression> {
    Some(source.parse().unwrap())
}

/// One request, and what its output is.
#[derive(Clone)]
pub struct Lone {
    pub request: RequestSpec,
    pub reading: HttpReading,
    pub output: HttpOutput,
    pub promise: Promise,
}

impl From<Lone> for HttpSpec {
    fn from(lone: Lone) -> Self {
        Self {
            sends: Sends::One(Sending {
                request: lone.request,
                reading: lone.reading,
            }),
            output: lone.output,
            promise: lone.promise,
            arguments: arguments(),
        }
    }
}

pub fn arguments() -> Vec<ArgName> {
    ["flag", "dry", "names"]
        .map(|name| name.parse().unwrap())
        .into()
}

/// A request without anything, to a path below `settings.url`.
pub fn spec(method: Method, path: &str) -> Lone {
    let url = format!("{{{{ settings.url }}}}{path}");
    Lone {
        request: RequestSpec {
            method,
            url: crate::expr::UrlTemplate::parse(&url).unwrap(),
            query: IndexMap::new(),
            headers: IndexMap::new(),
            body: None,
            ca_file: None,
        },
        reading: HttpReading::default(),
        output: HttpOutput::default(),
        promise: Promise::default(),
    }
}

/// An adapter with one action, `act`.
pub fn adapter(url: &str, spec: impl Into<HttpSpec>) -> HttpAdapter {
    let spec = spec.into();
    let token = Value::Secret(SecretRef::Env("HTTP_TOKEN".into()));
    let settings = [
        ("url", url.into()),
        ("token", token),
        ("ca", "/nowhere.pem".into()),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value));
    let mut processes = processes();
    let (name, value) = ("HTTP_TOKEN".into(), "s3cret-t0ken".into());
    processes.base_env.insert(name, value);
    let network = Network::new(&crate::call::Environment::new(), HostRule::default());
    HttpAdapter {
        network: Arc::new(network),
        processes: Arc::new(processes),
        settings: settings.into_iter().collect(),
        names: Map::new(),
        actions: [("act".parse().unwrap(), spec)].into_iter().collect(),
    }
}

pub fn acting(args: &[(&str, Value)]) -> Request {
    let args = args
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    request(call("act", &["act"], args.collect()))
}

pub fn reading(args: &[(&str, Value)]) -> Request {
    Request {
        effect: Effect::Read,
        ..acting(args)
    }
}

pub fn send(adapter: &HttpAdapter, request: &Request) -> Reply {
    let ear = Ear::default();
    adapter.call(request, &ear, &ear)
}

#[track_caller]
pub fn succeeded(reply: &Reply) -> String {
    match &reply.ended {
        Ended::Succeeded(value) => value.to_plain().to_string(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
pub fn failed(reply: &Reply) -> Failure {
    match &reply.ended {
        Ended::Failed(failure, _) => failure.clone(),
        other => panic!("{other:?}"),
    }
}

fn text(value: &str) -> Value {
    Value::from(value)
}

#[test]
fn a_request_is_what_the_file_says() {
    let server = Server::ok(r#"{"ok":true,"enabled":["f"]}"#);
    let mut spec = spec(Method::Post, "/features/{{ args.flag }}/on?a=b");
    spec.request.query = templates(&[("dry", "{{ args.dry }}"), ("n", "{{ args.names }}")]);
    spec.request.headers = templates(&[
        ("Authorization", "{{ settings.token }}"),
        ("X-Dry", "{{ args.dry }}"),
    ]);
    spec.request.body = Some(RequestBody::Json(Json::Map(
        [
            (
                "name".to_owned(),
                Json::Template(template("{{ args.flag }}")),
            ),
            ("dry".to_owned(), Json::Template(template("{{ args.dry }}"))),
            (
                "names".to_owned(),
                Json::Template(template("{{ args.names }}")),
            ),
            ("nothing".to_owned(), Json::Value(Value::None)),
            (
                "list".to_owned(),
                Json::List(vec![Json::Value(Value::Int(1))]),
            ),
        ]
        .into_iter()
        .collect(),
    )));
    spec.reading.ok = expression(
        "status in [200, 204] and body.ok and headers.content_type == 'application/json'",
    );
    spec.output = HttpOutput::Fields(
        [("enabled".to_owned(), "body.enabled".parse().unwrap())]
            .into_iter()
            .collect(),
    );
    let adapter = adapter(&format!("{}/base/", server.url()), spec);
    let names = Value::List(vec![text("x"), text("y z")]);
    let reply = send(
        &adapter,
        &acting(&[("flag", text("dark mode")), ("names", names)]),
    );
    assert_eq!(succeeded(&reply), r#"{"enabled":["f"]}"#);
    let body = r#"{"name":"dark mode","names":["x","y z"],"nothing":null,"list":[1]}"#;
    let expected = format!(
        "POST /base/features/dark%20mode/on?a=b&n=x&n=y%20z HTTP/1.1\r\n\
         host: {}\r\nuser-agent: runbook/{}\r\naccept: application/json, */*;q=0.5\r\n\
         authorization: s3cret-t0ken\r\ncontent-type: application/json\r\nidempotency-key: key-1\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        server.address,
        env!("CARGO_PKG_VERSION"),
        body.len(),
    );
    assert_eq!(server.request(), expected);
    // What is kept of it: the answer, and what was asked without any header.
    assert_eq!(reply.stdout.bytes, br#"{"ok":true,"enabled":["f"]}"#);
    let told = String::from_utf8(reply.stderr.bytes).unwrap();
    let url = format!(
        "{}/base/features/dark%20mode/on?a=b&n=x&n=y%20z",
        server.url()
    );
    assert!(
        told.starts_with(&format!("POST {url}\n200 OK, 27 B in ")),
        "{told}"
    );
}

#[test]
fn forms_and_texts_are_sent_as_such() {
    let server = Server::ok("{}");
    let mut form = spec(Method::Post, "/");
    form.request.body = Some(RequestBody::Form(templates(&[
        ("a b", "{{ args.flag }}"),
        ("n", "{{ args.names }}"),
    ])));
    send(
        &adapter(&server.url(), form),
        &acting(&[("flag", text("x&y=z+1 ü"))]),
    );
    let mut body = spec(Method::Put, "/");
    body.request.body = Some(RequestBody::Text(template("flag={{ args.flag }}\n")));
    body.request.headers = templates(&[("Content-Type", "text/csv")]);
    send(
        &adapter(&server.url(), body),
        &acting(&[("flag", text("x"))]),
    );
    let requests = server.requests();
    assert!(
        requests[0].ends_with("\r\n\r\na%20b=x%26y%3Dz%2B1%20%C3%BC"),
        "{}",
        requests[0]
    );
    assert!(requests[0].contains("content-type: application/x-www-form-urlencoded\r\n"));
    assert!(requests[1].ends_with("\r\n\r\nflag=x\n"), "{}", requests[1]);
    assert!(requests[1].contains("content-type: text/csv\r\n"));
}

#[test]
fn only_what_acts_has_an_idempotency_key_and_the_files_own_stands() {
    let server = Server::ok("{}");
    let get = adapter(&server.url(), spec(Method::Get, "/"));
    send(&get, &reading(&[]));
    let verify = Request {
        purpose: Purpose::Verify,
        ..acting(&[])
    };
    send(&get, &verify);
    let mut own = spec(Method::Post, "/");
    own.request.headers = templates(&[("idempotency-key", "{{ run.idempotency_key }}-own")]);
    send(&adapter(&server.url(), own), &acting(&[]));
    let requests = server.requests();
    assert!(!requests[0].contains("idempotency-key"), "{}", requests[0]);
    assert!(!requests[1].contains("idempotency-key"), "{}", requests[1]);
    assert!(
        requests[2].contains("idempotency-key: key-1-own\r\n"),
        "{}",
        requests[2]
    );
}

#[test]
fn threat_17_values_with_line_breaks_are_no_headers_and_no_second_request() {
    let server = Server::ok("{}");
    let mut spec = spec(Method::Post, "/x/{{ args.flag }}");
    spec.request.headers = templates(&[("X-Flag", "{{ args.dry }}")]);
    let adapter = adapter(&server.url(), spec);
    for evil in ["a\r\nHost: evil", "a\nb", "a\0b", "a\u{7f}"] {
        let failure = failed(&send(
            &adapter,
            &acting(&[("flag", text("x")), ("dry", text(evil))]),
        ));
        assert_eq!(failure.kind, FailureKind::Expression);
        assert!(failure.message.contains("header `x-flag`"), "{failure}");
    }
    assert_eq!(server.requests().len(), 0);
    let args = [
        ("flag", text("a b/../c?d#e\r\nHost: evil")),
        ("dry", text("ü €")),
    ];
    send(&adapter, &acting(&args));
    let request = server.request();
    assert!(request.starts_with("POST /x/a%20b%2F..%2Fc%3Fd%23e%0D%0AHost%3A%20evil HTTP/1.1\r\n"));
    assert!(request.contains("x-flag: ü €\r\n"), "{request}");
    assert!(
        !request.to_lowercase().contains("\nhost: evil"),
        "{request}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn threat_17_whatever_a_value_is_it_arrives_as_data(value in "\\PC{0,12}|[\\r\\n/?&=\"\\\\{}%]{1,6}") {
        let server = Server::ok("{}");
        let mut spec = spec(Method::Post, "/?q={{ args.flag }}");
        spec.request.body = Some(RequestBody::Json(Json::Template(template("{{ args.flag }}"))));
        let reply = send(&adapter(&server.url(), spec), &acting(&[("flag", text(&value))]));
        prop_assert_eq!(succeeded(&reply), r#"{"status":200,"body":"{}"}"#);
        let request = server.request();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        prop_assert_eq!(serde_json::from_str::<String>(body).unwrap(), value.clone());
        let target = head.split(' ').nth(1).unwrap();
        let query = target.strip_prefix("/?q=").unwrap();
        let query = percent_encoding::percent_decode_str(query).decode_utf8().unwrap();
        prop_assert_eq!(query.as_ref(), value.as_str());
        prop_assert_eq!(head.matches("\r\n").count(), 7);
    }
}

#[test]
fn threat_45_an_answer_of_200_that_says_no_is_a_failure() {
    let server = Server::ok(r#"{"ok":false,"error":"channel_not_found"}"#);
    let mut spec = spec(Method::Post, "/");
    spec.reading.ok = expression("status == 200 and body.ok");
    let reply = send(&adapter(&server.url(), spec.clone()), &acting(&[]));
    let failure = failed(&reply);
    assert_eq!(failure.kind, FailureKind::Answer);
    assert!(
        failure.message.ends_with(
            "`ok` is false: status == 200 and body.ok (status is 200, body.ok is false)"
        ),
        "{failure}"
    );
    let Ended::Failed(_, Some(output)) = &reply.ended else {
        panic!("{reply:?}");
    };
    assert!(
        output
            .get("body")
            .unwrap()
            .to_string()
            .contains("channel_not_found")
    );
    // Where it cannot be told, it is no success either.
    let server = Server::saying(&answer("200 OK", "text/html", "<html>Log in</html>"));
    let failure = failed(&send(&adapter(&server.url(), spec), &acting(&[])));
    assert!(
        failure.message.contains("`ok` cannot be evaluated"),
        "{failure}"
    );
}

#[test]
fn a_status_that_is_no_success_says_what_came_with_it() {
    let cases = [
        ("404 Not Found", FailureKind::Refused, None),
        (
            "401 Unauthorized",
            FailureKind::Refused,
            Some("credentials"),
        ),
        ("500 Internal Server Error", FailureKind::Answer, None),
        ("304 Not Modified", FailureKind::Answer, None),
    ];
    for (status, kind, hint) in cases {
        let body = "no\r\n such \u{1b}[31mflag";
        let server = Server::saying(&answer(status, "text/plain", body));
        let spec = spec(Method::Post, "/x");
        let failure = failed(&send(&adapter(&server.url(), spec), &acting(&[])));
        assert_eq!(failure.kind, kind, "{failure}");
        let begin = format!("POST {}/x was answered with {status}", server.url());
        assert!(failure.message.starts_with(&begin), "{failure}");
        assert!(!failure.message.contains('\u{1b}'));
        if !status.starts_with("304") {
            assert!(
                failure.message.ends_with("`no such \\u{1b}[31mflag`"),
                "{failure}"
            );
        }
        assert_eq!(failure.hint.is_some(), hint.is_some(), "{failure:?}");
    }
}

#[test]
fn who_asks_to_be_left_alone_is_heard() {
    for (after, expected) in [
        ("30", "for 30s (Retry-After)"),
        ("Fri, 20 Nov 2026 20:00:00 GMT", "for 6m (Retry-After)"),
    ] {
        let server = Server::saying(&format!(
            "HTTP/1.1 429 Too Many Requests\r\nretry-after: {after}\r\n\
             date: Fri, 20 Nov 2026 19:54:00 GMT\r\ncontent-length: 0\r\n\r\n"
        ));
        let failure = failed(&send(
            &adapter(&server.url(), spec(Method::Post, "/")),
            &acting(&[]),
        ));
        assert!(failure.hint.unwrap().ends_with(expected));
        assert!(failure.retry_after.is_some());
    }
}

#[test]
fn a_promised_output_is_read_from_the_body() {
    let fields = [(
        "lag".to_owned(),
        Field {
            shape: Shape::Duration,
            optional: false,
        },
    )];
    let promise = Promise {
        shape: Some(Shape::object(fields.into_iter().collect())),
        example: None,
    };
    let spec = Lone {
        promise,
        ..spec(Method::Get, "/")
    };
    let server = Server::ok(r#"{"lag":"4s","more":1}"#);
    let reply = send(&adapter(&server.url(), spec.clone()), &reading(&[]));
    assert!(succeeded(&reply).contains(r#""lag":"4s""#));
    for (body, expected) in [
        (r#"{"lag":true}"#, "does not fit the contract"),
        ("<html>", "the body is not JSON"),
        ("", "has no body"),
    ] {
        let server = Server::saying(&answer("200 OK", "text/html", body));
        let failure = failed(&send(&adapter(&server.url(), spec.clone()), &reading(&[])));
        assert_eq!(failure.kind, FailureKind::Output);
        assert!(failure.message.contains(expected), "{failure}");
    }
}

#[test]
fn a_body_is_a_value_a_text_or_nothing() {
    let cases = [
        ("application/json; charset=utf-8", "[1]", "body == [1]"),
        ("application/problem+json", "{\"a\":1}", "body.a == 1"),
        ("text/plain", " {\"a\":1}", "body.a == 1"),
        ("text/plain", "{not json", "body == '{not json'"),
        ("text/plain", "ok", "body == 'ok'"),
        ("application/json", "", "body == none"),
        ("text/plain", "1", "body == '1'"),
    ];
    for (kind, body, ok) in cases {
        let server = Server::saying(&answer("200 OK", kind, body));
        let mut spec = spec(Method::Get, "/");
        spec.reading.ok = expression(ok);
        succeeded(&send(&adapter(&server.url(), spec), &reading(&[])));
    }
}

#[test]
fn threat_31_a_secret_in_a_query_is_not_shown() {
    let server = Server::saying(&answer("500 Internal Server Error", "text/plain", ""));
    let mut spec = spec(Method::Get, "/x");
    spec.request.query = templates(&[("token", "{{ settings.token }}"), ("a", "{{ args.flag }}")]);
    let ear = Ear::default();
    let reply = adapter(&server.url(), spec).call(&reading(&[("flag", text("f"))]), &ear, &ear);
    assert!(
        server
            .request()
            .starts_with("GET /x?token=s3cret-t0ken&a=f HTTP/1.1\r\n")
    );
    let heard = ear.lines(Stream::Stderr).concat();
    for told in [
        format!("{:?}", reply.ended),
        String::from_utf8(heard).unwrap(),
    ] {
        assert!(told.contains("/x?token=‹secret›&a=f"), "{told}");
        assert!(!told.contains("t0ken"), "{told}");
    }
    let kept = String::from_utf8(reply.stderr.bytes).unwrap();
    assert!(!kept.contains("t0ken"), "{kept}");
}

#[test]
fn what_the_adapter_cannot_do_is_said() {
    let adapter = adapter("http://127.0.0.1:1", spec(Method::Get, "/{{ args.flag }}"));
    let other = request(call("other", &["other"], Map::new()));
    assert_eq!(
        failed(&send(&adapter, &other)).kind,
        FailureKind::NotStarted
    );
    let failure = failed(&send(&adapter, &acting(&[])));
    assert_eq!(failure.kind, FailureKind::Expression);
    assert!(
        failure.message.starts_with("`url`: `args.flag` is none"),
        "{failure}"
    );
}

#[test]
fn a_secret_is_sent_in_headers_and_bodies_and_looked_up_only_then() {
    let server = Server::saying(&answer("200 OK", "text/plain", "you are s3cret-t0ken"));
    let mut spec = spec(Method::Post, "/x");
    spec.request.headers = templates(&[("Authorization", "Bearer {{ settings.token }}")]);
    spec.request.body = Some(RequestBody::Form(templates(&[("t", "{{ args.flag }}")])));
    let place = |name: &str| Value::Secret(SecretRef::Env(name.into()));
    let adapter = adapter(&server.url(), spec);
    let reply = send(&adapter, &acting(&[("flag", place("HTTP_TOKEN"))]));
    let request = server.request();
    assert!(
        request.contains("authorization: Bearer s3cret-t0ken\r\n"),
        "{request}"
    );
    assert!(request.ends_with("t=s3cret-t0ken"), "{request}");
    let reply = adapter.processes.secrets.redactor().reply(reply);
    assert_eq!(
        reply.stdout.bytes,
        "you are ‹redacted env:HTTP_TOKEN›".as_bytes()
    );

    let failure = failed(&send(&adapter, &acting(&[("flag", place("NOT_THERE"))])));
    assert_eq!(failure.kind, FailureKind::NotStarted);
    assert!(failure.message.contains("env:NOT_THERE"), "{failure}");
}
