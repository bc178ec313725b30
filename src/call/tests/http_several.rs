//! Several requests for one action: what each of them sees, and what is known when one fails.

use super::http::{acting, adapter, arguments, expression, failed, reading, send, spec, succeeded};
use super::http::{template, templates};
use super::server::{Server, answer};
use super::support::Ear;
use crate::call::{Each, HttpAdapter, HttpOutput, HttpSpec, NamedSending, Promise, Sending, Sends};
use crate::model::call::{Adapter, Ended, FailureKind, Reply, Request};
use crate::model::http::Method;
use crate::model::{Duration, Value};

fn named(id: &str, method: Method, path: &str) -> NamedSending {
    let lone = spec(method, path);
    NamedSending {
        id: id.to_owned(),
        each: None,
        condition: None,
        sending: Sending {
            request: lone.request,
            reading: lone.reading,
        },
    }
}

/// A look, one POST for each name that is not on yet, and a second look that is not always made.
fn enable() -> Vec<NamedSending> {
    let mut turn_on = named("turn_on", Method::Post, "/{{ name }}/on");
    turn_on.each = Some(Each {
        over: "args.names | reject('in', now.body.on) | list"
            .parse()
            .unwrap(),
        name: "name".to_owned(),
    });
    turn_on.condition = expression("name != 'forbidden'");
    turn_on.sending.request.headers = templates(&[
        ("Authorization", "{{ settings.token }}"),
        ("X-Key", "{{ run.idempotency_key }}"),
        ("X-Before", "{{ now.status }}"),
    ]);
    turn_on.sending.reading.ok = expression("status == 200 and body.ok");
    turn_on.sending.reading.unknown = expression("status == 500");
    let mut after = named("after", Method::Get, "/after");
    after.condition = expression("args.dry is not none");
    vec![named("now", Method::Get, "/"), turn_on, after]
}

fn several(server: &Server, list: Vec<NamedSending>) -> HttpAdapter {
    let fields = [
        ("changed", "turn_on | map(attribute='item') | list"),
        ("said", "turn_on | map(attribute='body.n') | list"),
        ("after", "after is not none"),
    ];
    let fields = fields.map(|(name, source)| (name.to_owned(), source.parse().unwrap()));
    let spec = HttpSpec {
        sends: Sends::Several(list),
        output: HttpOutput::Fields(fields.into_iter().collect()),
        promise: Promise::default(),
        arguments: arguments(),
    };
    adapter(&server.url(), spec)
}

fn names(names: &[&str]) -> Value {
    Value::List(names.iter().map(|name| Value::from(*name)).collect())
}

/// A server that answers each path as these say: the beginning of the request, and the answer.
fn server(says: &[(&'static str, String)]) -> Server {
    let says = says.to_vec();
    Server::new(move |request, line| {
        let found = says.iter().find(|(begin, _)| request.starts_with(begin));
        let answer = found.map_or("", |(_, answer)| answer);
        line.write_all(answer.as_bytes()).unwrap_or_default();
    })
}

fn json(status: &str, body: &str) -> String {
    answer(status, "application/json", body)
}

fn good(path: &'static str, n: u32) -> (&'static str, String) {
    (path, json("200 OK", &format!(r#"{{"ok":true,"n":{n}}}"#)))
}

fn look() -> (&'static str, String) {
    ("GET / ", json("200 OK", r#"{"on":["b"]}"#))
}

fn enabling(server: &Server, request: &Request) -> Reply {
    send(&several(server, enable()), request)
}

fn asked(server: &Server) -> Vec<String> {
    let requests = server.requests();
    let line = |request: &String| request.split(" HTTP").next().unwrap().to_owned();
    requests.iter().map(line).collect()
}

fn header(request: &str, name: &str) -> Option<String> {
    let mut lines = request.lines();
    let line = lines.find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.map(str::to_owned)
}

#[test]
fn each_request_sees_the_answers_before_it() {
    let server = server(&[look(), good("POST /a/on", 1), good("POST /c%20d/on", 2)]);
    let args = names(&["a", "b", "c d", "forbidden", "a"]);
    let reply = enabling(&server, &acting(&[("names", args)]));
    let output = r#"{"changed":["a","c d"],"said":[1,2],"after":false}"#;
    assert_eq!(succeeded(&reply), output);
    assert_eq!(asked(&server), ["GET /", "POST /a/on", "POST /c%20d/on"]);
    let requests = server.requests();
    assert!(!requests[0].contains("idempotency-key"), "{}", requests[0]);
    assert!(requests[1].contains("authorization: s3cret-t0ken\r\n"));
    assert!(requests[1].contains("x-before: 200\r\n"));
    // What is kept of them: the answers, and what was asked.
    let kept = String::from_utf8(reply.stdout.bytes).unwrap();
    assert_eq!(
        kept,
        "{\"on\":[\"b\"]}\n{\"ok\":true,\"n\":1}\n{\"ok\":true,\"n\":2}\n"
    );
    let told = String::from_utf8(reply.stderr.bytes).unwrap();
    assert_eq!(told.lines().count(), 6, "{told}");
    assert!(told.contains("/c%20d/on\n200 OK, "), "{told}");
}

#[test]
fn an_empty_list_sends_nothing_and_succeeds() {
    let server = server(&[look(), ("GET /after", json("200 OK", "{}"))]);
    let args = [("names", names(&["b"])), ("dry", Value::Bool(true))];
    let reply = enabling(&server, &acting(&args));
    assert_eq!(
        succeeded(&reply),
        r#"{"changed":[],"said":[],"after":true}"#
    );
    assert_eq!(asked(&server), ["GET /", "GET /after"]);
}

#[test]
fn each_act_has_a_key_of_its_own_that_another_attempt_sends_again() {
    let keys = |args: &[&str]| -> Vec<String> {
        let server = server(&[look(), good("POST /a/on", 1), good("POST /c/on", 2)]);
        enabling(&server, &acting(&[("names", names(args))]));
        let requests = server.requests();
        let keys = requests[1..].iter().map(|request| {
            let key = header(request, "idempotency-key").unwrap();
            assert_eq!(header(request, "x-key").as_ref(), Some(&key));
            key
        });
        keys.collect()
    };
    let both = keys(&["a", "c"]);
    assert!(both[0].starts_with("key-1/turn_on/"), "{both:?}");
    assert_ne!(both[0], both[1]);
    // The first one may be on by now: what is left to do is the same act as before.
    assert_eq!(keys(&["b", "c"]), both[1..]);
}

#[test]
fn a_refusal_says_what_had_succeeded_before_it() {
    let server = server(&[
        look(),
        good("POST /a/on", 1),
        good("POST /c/on", 2),
        ("POST /d/on", json("404 Not Found", r#"{"ok":false}"#)),
    ]);
    let reply = enabling(&server, &acting(&[("names", names(&["a", "c", "d", "e"]))]));
    let failure = failed(&reply);
    assert_eq!(failure.kind, FailureKind::Answer);
    let begin = "`turn_on`: 2 of 4 were sent and succeeded; for `d`: POST ";
    assert!(failure.message.starts_with(begin), "{failure}");
    assert!(failure.message.contains("`ok` is false"), "{failure}");
    assert_eq!(asked(&server).len(), 4);
}

#[test]
fn a_refusal_of_what_only_looks_has_done_nothing() {
    let bad = [("GET / ", json("403 Forbidden", "{}"))];
    let failure = failed(&enabling(
        &server(&bad),
        &acting(&[("names", names(&["a"]))]),
    ));
    assert_eq!(failure.kind, FailureKind::NotStarted);
    assert!(failure.message.contains("403 Forbidden"), "{failure}");
    assert!(failure.hint.unwrap().contains("credentials"));
    // Where all of it only looks, it failed like any other look.
    let failure = failed(&enabling(
        &server(&bad),
        &reading(&[("names", names(&["a"]))]),
    ));
    assert_eq!(failure.kind, FailureKind::Refused);
}

#[test]
fn a_second_look_that_fails_is_no_doubt_about_what_was_done() {
    let server = server(&[look(), good("POST /a/on", 1), ("GET /after", String::new())]);
    let args = [("names", names(&["a"])), ("dry", Value::Bool(true))];
    let failure = failed(&enabling(&server, &acting(&args)));
    assert_eq!(failure.kind, FailureKind::Answer);
    let begin = "`turn_on`: 1 of 1 were sent and succeeded; GET ";
    assert!(failure.message.starts_with(begin), "{failure}");
    assert!(failure.message.contains("has no whole answer"), "{failure}");
}

#[test]
fn a_lost_answer_of_what_acts_is_a_doubt() {
    for lost in [
        String::new(),
        json("500 Internal Server Error", "{}"),
        json("502 Bad Gateway", "{}"),
    ] {
        let server = server(&[look(), good("POST /a/on", 1), ("POST /c/on", lost)]);
        let reply = enabling(&server, &acting(&[("names", names(&["a", "c", "d"]))]));
        let Ended::Unknown(why) = &reply.ended else {
            panic!("{:?}", reply.ended);
        };
        let begin = "`turn_on`: 1 of 3 were sent and succeeded; for `c`: POST ";
        assert!(why.starts_with(begin), "{why}");
        assert_eq!(asked(&server).len(), 3);
    }
}

#[test]
fn a_lost_answer_of_a_look_before_anything_acted_has_done_nothing() {
    let server = server(&[]);
    let failure = failed(&enabling(&server, &acting(&[("names", names(&["a"]))])));
    assert_eq!(failure.kind, FailureKind::NotStarted);
    assert!(failure.message.contains("has no whole answer"), "{failure}");
}

#[test]
fn all_requests_share_one_time_limit() {
    let server = Server::silent();
    let request = |request: Request| Request {
        timeout: Duration::from_millis(150),
        ..request
    };
    let look = enabling(&server, &request(acting(&[("names", names(&["a"]))])));
    let failure = failed(&look);
    assert_eq!(failure.kind, FailureKind::NotStarted);
    assert!(
        failure.message.contains("the time of 150ms was over"),
        "{failure}"
    );
    let reply = enabling(&server, &request(reading(&[("names", names(&["a"]))])));
    assert_eq!(reply.ended, Ended::TimedOut);
    // The second request begins when there is no time left.
    let (slow, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let server = Server::new(move |request, line| {
        if request.starts_with("POST /c") {
            let _ = wait.lock().unwrap().recv();
        }
        let body = r#"{"on":[],"ok":true,"n":1}"#;
        line.write_all(json("200 OK", body).as_bytes())
            .unwrap_or_default();
    });
    let acting = request(acting(&[("names", names(&["a", "c", "d"]))]));
    let reply = enabling(
        &server,
        &Request {
            timeout: Duration::from_millis(800),
            ..acting
        },
    );
    let Ended::Unknown(why) = &reply.ended else {
        panic!("{:?}", reply.ended);
    };
    let begin = "`turn_on`: 1 of 3 were sent and succeeded; for `c`: the time of 800ms was over";
    assert!(why.starts_with(begin), "{why}");
    assert_eq!(asked(&server).len(), 3);
    drop(slow);
}

#[test]
fn what_is_ended_on_request_says_whether_anything_was_changed() {
    let server = server(&[]);
    let ear = Ear::stopped();
    let adapter = several(&server, enable());
    let reply = adapter.call(&acting(&[("names", names(&["a"]))]), &ear, &ear);
    let failure = failed(&reply);
    assert_eq!(failure.kind, FailureKind::NotStarted);
    assert!(failure.message.contains("on request"), "{failure}");
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn what_cannot_be_filled_in_is_known_before_anything_acts() {
    let server = server(&[look(), good("POST /a/on", 1)]);
    let reply = enabling(&server, &acting(&[("names", names(&["a", ".."]))]));
    let failure = failed(&reply);
    assert_eq!(failure.kind, FailureKind::Expression);
    assert!(
        failure.message.starts_with("`turn_on`: `url`: "),
        "{failure}"
    );
    assert_eq!(asked(&server), ["GET /"]);
    let mut list = enable();
    list[1].each.as_mut().unwrap().over = "now.status".parse().unwrap();
    let reply = send(&several(&server, list), &acting(&[]));
    let failure = failed(&reply);
    assert!(
        failure.message.contains("this is no list: 200"),
        "{failure}"
    );
    let many: Vec<String> = (0..1001).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let failure = failed(&enabling(&server, &acting(&[("names", names(&many))])));
    assert!(failure.message.contains("at most"), "{failure}");
}

#[test]
fn threat_17_what_a_server_answered_is_data_in_the_next_request() {
    let server = server(&[
        (
            "GET / ",
            json("200 OK", r#"{"on":[],"id":"x/../y?z\r\nHost: evil"}"#),
        ),
        ("POST", json("200 OK", "{}")),
    ]);
    let mut act = named("act", Method::Post, "/{{ now.body.id }}");
    act.sending.request.headers = templates(&[("X-Id", "{{ now.body.id }}")]);
    let list = vec![named("now", Method::Get, "/"), act];
    let failure = failed(&send(&several(&server, list.clone()), &acting(&[])));
    assert!(failure.message.contains("header `x-id`"), "{failure}");
    let mut list = list;
    list[1].sending.request.headers.clear();
    list[1].sending.request.query = [("q".to_owned(), template("{{ now.body.id }}"))].into();
    send(&several(&server, list), &acting(&[]));
    let encoded = "x%2F..%2Fy%3Fz%0D%0AHost%3A%20evil";
    assert_eq!(asked(&server)[2], format!("POST /{encoded}?q={encoded}"));
}

#[test]
fn one_request_may_say_when_nobody_knows() {
    let says = |status: &str, unknown: &str| {
        let server = Server::saying(&json(status, r#"{"state":"maybe"}"#));
        let mut spec = spec(Method::Post, "/");
        spec.reading.unknown = expression(unknown);
        send(&adapter(&server.url(), spec), &acting(&[])).ended
    };
    let sure = says("409 Conflict", "body.state == 'lost'");
    assert!(matches!(sure, Ended::Failed(..)), "{sure:?}");
    let Ended::Unknown(why) = says("409 Conflict", "body.state == 'maybe'") else {
        panic!("known");
    };
    assert!(
        why.contains("409 Conflict") && why.contains("nobody can know"),
        "{why}"
    );
    // Whoever cannot say whether it is known does not know.
    let Ended::Unknown(why) = says("409 Conflict", "body.stat == 'maybe'") else {
        panic!("known");
    };
    assert!(why.contains("`unknown` cannot be evaluated"), "{why}");
    // What succeeded is known.
    let good = says("200 OK", "true");
    assert!(matches!(good, Ended::Succeeded(_)), "{good:?}");
}
