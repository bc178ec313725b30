//! Adapters that speak HTTP.

use super::tests::{Shelf, said};
use super::*;
use crate::model::http::{Method, Redirects};
use crate::spec::Diagnostics;
use crate::spec::contract::{self, Contract};

const CONTRACT: &str = r#"
tool: FEATURE_FLAG_TOOL
title: Feature flags
actions:
  enable:
    effect: change
    args: { flag: { positional: 1 }, dry: { type: boolean, optional: true } }
    output: { enabled: boolean }
  status:
    effect: read
"#;

const GOOD: &str = r#"
adapter: unleash
implements: FEATURE_FLAG_TOOL
title: Unleash
settings:
  url: { help: Where it is }
  token: {}
actions:
  enable:
    http:
      method: post
      url: "{{ settings.url }}/api/admin/features/{{ args.flag }}/on"
      headers: { Authorization: "{{ settings.token }}" }
      query: { dry: "{{ args.dry }}" }
      json: { name: "{{ args.flag }}", dry: "{{ args.dry }}", list: [1, null] }
      redirects: same_host
      ca_file: /etc/ca.pem
    ok: status in [200, 204] and body.ok
    output: { enabled: body.enabled }
  status:
    http: { url: "{{ settings.url }}/status" }
"#;

fn the_contract() -> Contract {
    let mut found = Diagnostics::new();
    contract::read("contract.yaml", CONTRACT.as_bytes(), &mut found).unwrap()
}

fn good() -> Adapter {
    let mut found = Diagnostics::new();
    let adapter = read(
        "unleash.yaml",
        GOOD.as_bytes(),
        &the_contract(),
        &Shelf,
        &mut found,
    );
    assert!(found.is_empty(), "{}", found.render(false, 100));
    adapter.unwrap()
}

fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(GOOD.contains(from), "{from}");
    let mut found = Diagnostics::new();
    let text = GOOD.replace(from, to);
    let adapter = read(
        "unleash.yaml",
        text.as_bytes(),
        &the_contract(),
        &Shelf,
        &mut found,
    );
    assert_eq!(adapter.is_none(), found.has_errors());
    said(&found)
}

#[track_caller]
fn one(from: &str, to: &str, expected: &str) {
    let found = changed(from, to);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains(expected), "{}", found[0]);
}

#[test]
fn a_request_is_read_and_survives_a_plan() {
    let adapter = good();
    let AdapterAction::Http(enable) = &adapter.actions["enable"] else {
        panic!("no request");
    };
    assert_eq!(enable.method.as_ref().unwrap().value, Method::Post);
    assert_eq!(enable.redirects, Redirects::SameHost);
    assert!(matches!(enable.body, Some(HttpBody::Json(_))));
    let AdapterAction::Http(status) = &adapter.actions["status"] else {
        panic!("no request");
    };
    assert!(status.method.is_none());
    let json = serde_json::to_string(&adapter).unwrap();
    let back: Adapter = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), json);
}

#[test]
fn only_settings_say_which_host_is_asked() {
    let url = "\"{{ settings.url }}/api/admin/features/{{ args.flag }}/on\"";
    one(
        url,
        "\"https://{{ args.flag }}/on\"",
        "12:24 `args.flag` would say which host is asked",
    );
    one(url, "\"{{ run.environment }}/on\"", "only settings may");
    one(url, "/api", "a URL begins with https://");
    one(url, "\"{{ settings.ur }}/on\"", "did you mean `url`?");
    one(
        url,
        "\"https://me:{{ settings.token }}@host/\"",
        "no user and password",
    );
}

#[test]
fn names_are_those_of_a_request_and_of_an_answer() {
    one(
        "dry: \"{{ args.dry }}\" }",
        "dry: \"{{ args.drj }}\" }",
        "`drj`",
    );
    one(
        "\"{{ settings.token }}\"",
        "\"{{ settings.tokn }}\"",
        "did you mean `token`?",
    );
    one(
        "name: \"{{ args.flag }}\"",
        "name: \"{{ args.flg }}\"",
        "`flg`",
    );
    one("and body.ok", "and bodi.ok", "did you mean `body`?");
    one(
        "status in [200, 204] and body.ok",
        "exit == 0",
        "there is no `exit` here",
    );
    one(
        "status in [200, 204] and body.ok",
        "status",
        "expected true or false",
    );
    one(
        "body.enabled }",
        "status }",
        "`enabled` is a boolean, but this is an integer",
    );
    one(
        "output: { enabled: body.enabled }",
        "output: lines",
        "`lines` is not one of json",
    );
}

#[test]
fn threat_17_headers_that_are_not_an_adapters_are_refused() {
    for (name, expected) in [
        ("Host", "it follows from the URL"),
        ("content-length", "it follows from the body"),
        ("Transfer-Encoding", "it follows from the body"),
        ("Connection", "each request has its own connection"),
    ] {
        one("Authorization:", &format!("{name}:"), expected);
    }
    one("Authorization:", "\"A b\":", "`A b` is no header's name");
    one(
        "Authorization:",
        "\"A\\nHost\":",
        "`A\\nHost` is no header's name",
    );
    one(
        "{ Authorization:",
        "{ authorization: x, Authorization:",
        "is there twice",
    );
    one("\"{{ settings.token }}\"", "\"a\\nb\"", "one line");
}

#[test]
fn what_does_not_go_together_is_said() {
    one(
        "method: post",
        "method: PSOT",
        "`PSOT` is not one of GET, HEAD, POST, PUT, PATCH, DELETE (did you mean `POST`?)",
    );
    // Without a method it is a GET.
    let found = changed("method: post\n", "\n");
    let expected = "`enable` changes something, so its request says with which method";
    assert!(found[0].contains(expected), "{found:#?}");
    assert!(found[1].contains("a GET has no body"), "{found:#?}");
    one("method: post", "method: GET", "a GET has no body");
    one(
        "redirects: same_host",
        "form: { a: b }",
        "one of json, form and body",
    );
    one(
        "redirects: same_host",
        "redirects: all",
        "`all` is not one of none, same_host",
    );
    one(
        "redirects: same_host",
        "redirect: same_host",
        "did you mean `redirects`?",
    );
    one(
        "redirects: same_host",
        "validate_certs: false",
        "certificates are always checked",
    );
    one(
        "redirects: same_host",
        "ok: status == 200",
        "write it beside `http:`",
    );
    one(
        "redirects: same_host",
        "timeout: 5s",
        "the contract's action and the step have a `timeout:`",
    );
    one(
        "    ok: status",
        "    env: { A: b }\n    ok: status",
        "an adapter's action has no key `env`",
    );
    assert_eq!(
        changed(
            "method: post",
            "method: PSOT\n      redirec: x\n      params: {}"
        )
        .len(),
        3
    );
    let found = changed("    ok: status", "    command: [x]\n    ok: status");
    assert!(
        found
            .iter()
            .any(|text| text.contains("an action has one of")),
        "{found:#?}"
    );
}

/// The examples of the page about adapters.
#[test]
fn the_examples_of_the_page_are_right() {
    let page = include_str!("../../../docs/adapters.md");
    let contract = |tool: &str| {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("adapters")
            .join(tool);
        let bytes = std::fs::read(dir.join("contract.yaml")).unwrap();
        contract::read("contract.yaml", &bytes, &mut Diagnostics::new()).unwrap()
    };
    let mut read_ones = Vec::new();
    for block in page.split("```yaml\n").skip(1) {
        let text = block.split("```").next().unwrap();
        let Some(tool) = text
            .lines()
            .find_map(|line| line.strip_prefix("implements: "))
        else {
            continue;
        };
        let contract = contract(&tool.to_lowercase().replace('_', "-"));
        let mut found = Diagnostics::new();
        let adapter = read(
            "docs/adapters.md",
            text.as_bytes(),
            &contract,
            &Shelf,
            &mut found,
        );
        assert!(found.is_empty(), "{}", found.render(false, 100));
        read_ones.push(adapter.unwrap().adapter.to_string());
    }
    assert_eq!(read_ones, ["deployctl", "flag-server"]);
}

#[test]
fn a_secret_may_stand_in_what_is_sent_and_nowhere_else() {
    let secret = GOOD.replace("token: {}", "token: { type: secret }");
    let said = |from: &str, to: &str| {
        assert!(secret.contains(from), "{from}");
        let mut found = Diagnostics::new();
        let text = secret.replace(from, to);
        read(
            "unleash.yaml",
            text.as_bytes(),
            &the_contract(),
            &Shelf,
            &mut found,
        );
        said(&found)
    };
    let token = "{{ settings.token }}";
    for (from, to) in [
        (token, "Bearer {{ settings.token }}"),
        ("{{ args.dry }}", token),
        ("{{ args.flag }}\", dry", "a {{ settings.token }}\", dry"),
        ("features/{{ args.flag }}", "features/{{ settings.token }}"),
    ] {
        assert_eq!(said(from, to), [""; 0], "{to}");
    }
    for (from, to) in [
        (token, "{{ settings.token | upper }}"),
        (token, "{{ settings }}"),
        (token, "x {{ settings | tojson }}"),
        ("/etc/ca.pem", "\"{{ settings.token }}\""),
        ("and body.ok", "and body.token == settings.token"),
        ("enabled: body.enabled", "enabled: settings.token"),
    ] {
        let found = said(from, to);
        assert!(
            found.iter().any(|said| said.contains("secret")),
            "{to}: {found:?}"
        );
    }
}
