//! Adapters that send several requests for one action.

use super::tests::{Shelf, said};
use super::*;
use crate::spec::Diagnostics;
use crate::spec::contract::{self, Contract};

const CONTRACT: &str = r#"
tool: FEATURE_FLAG_TOOL
title: Feature flags
actions:
  enable:
    effect: change
    args: { names: { positional: 1, many: true }, dry: { type: boolean, default: false } }
    output: { changed: { type: list, of: string }, seen: boolean }
  status:
    effect: read
"#;

const GOOD: &str = r#"
adapter: unleash
implements: FEATURE_FLAG_TOOL
title: Unleash
settings:
  url: { help: Where it is }
actions:
  enable:
    requests:
      - id: now
        url: "{{ settings.url }}/features"
        ok: status == 200
      - id: turn_on
        for_each: args.names | reject('in', now.body.enabled) | list
        as: name
        if: not args.dry
        method: POST
        url: "{{ settings.url }}/features/{{ name }}/on"
        json: { name: "{{ name }}", was: "{{ now.status }}" }
        ok: status in [200, 204] and body.ok
        unknown: status == 500
      - id: after
        if: turn_on | length > 0
        url: "{{ settings.url }}/features"
    output:
      changed: turn_on | map(attribute='item') | list
      seen: after is not none and after.status == 200
  status:
    http: { url: "{{ settings.url }}/status" }
    unknown: status == 500
"#;

fn the_contract() -> Contract {
    let mut found = Diagnostics::new();
    contract::read("contract.yaml", CONTRACT.as_bytes(), &mut found).unwrap()
}

fn adapter(text: &str) -> (Option<Adapter>, Vec<String>) {
    let mut found = Diagnostics::new();
    let adapter = read(
        "unleash.yaml",
        text.as_bytes(),
        &the_contract(),
        &Shelf,
        &mut found,
    );
    assert_eq!(adapter.is_none(), found.has_errors());
    (adapter, said(&found))
}

#[track_caller]
fn one(from: &str, to: &str, expected: &str) {
    assert!(GOOD.contains(from), "{from}");
    let (_, found) = adapter(&GOOD.replacen(from, to, 1));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains(expected), "{}", found[0]);
}

/// The same where a mistake leads to others.
#[track_caller]
fn among(from: &str, to: &str, expected: &str) {
    assert!(GOOD.contains(from), "{from}");
    let (_, found) = adapter(&GOOD.replacen(from, to, 1));
    assert!(
        found.iter().any(|said| said.contains(expected)),
        "{found:#?}"
    );
}

#[test]
fn several_requests_are_read_and_survive_a_plan() {
    let (adapter, found) = adapter(GOOD);
    assert_eq!(found, [""; 0]);
    let adapter = adapter.unwrap();
    let AdapterAction::Requests(enable) = &adapter.actions["enable"] else {
        panic!("not several requests");
    };
    let ids: Vec<_> = enable.list.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["now", "turn_on", "after"]);
    assert!(enable.list[1].each.is_some() && enable.list[2].condition.is_some());
    let json = serde_json::to_string(&adapter).unwrap();
    let back: Adapter = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), json);
}

#[test]
fn a_request_sees_the_answers_before_it_and_no_others() {
    let over = "now.body.enabled";
    one(
        over,
        "after.body.enabled",
        "`after` comes later, so it has no answer yet",
    );
    one(
        over,
        "turn_on.body",
        "`turn_on` is this request, which has no answer yet",
    );
    one(over, "nov.body.enabled", "did you mean `now`?");
    one(
        "{{ now.status }}",
        "{{ now.state }}",
        "`now` has no field `state`",
    );
    one(
        "{{ now.status }}",
        "{{ turn_on }}",
        "`turn_on` is this request",
    );
    one(
        "if: not args.dry",
        "if: not args.dri",
        "did you mean `dry`?",
    );
    one("{{ name }}/on", "{{ nam }}/on", "did you mean `name`?");
    one(
        "after.status == 200",
        "after.staus == 200",
        "did you mean `status`?",
    );
    one(
        "map(attribute='item')",
        "map(attribute='itme')",
        "did you mean `item`?",
    );
    // The name of an item ends with its request.
    one(
        "seen: after is not none",
        "seen: name is not none",
        "there is no `name` here",
    );
    one(
        "url: \"{{ settings.url }}/features\"\n        ok",
        "url: \"{{ now.body }}\"\n        ok",
        "only settings may",
    );
}

#[test]
fn names_of_requests_are_their_own() {
    among("id: after", "id: now", "`now` is there twice");
    among(
        "id: after",
        "id: args",
        "`args` is a name of its own already",
    );
    among(
        "id: after",
        "id: body",
        "`body` is a name of its own already",
    );
    among("as: name\n", "as: now\n", "`now` is there twice");
    among("as: name\n", "as: turn_on\n", "`turn_on` is there twice");
    among("id: after", "id: After-1", "After-1");
    among("as: name\n", "\n", "needs the key `as`");
    among(
        "if: turn_on | length > 0\n",
        "as: x\n",
        "it names the items of a `for_each:`",
    );
}

#[test]
fn what_is_said_of_one_request_stands_in_it() {
    one(
        "    output:\n",
        "    ok: true\n    output:\n",
        "each request has its own",
    );
    among(
        "    output:\n",
        "    output: json\n    plan:\n",
        "expected a mapping of fields, over the answers by their ids",
    );
    one(
        "if: turn_on | length > 0\n",
        "output: { seen: true }\n",
        "write it beside `requests:`",
    );
    one(
        "for_each: args.names | reject('in', now.body.enabled) | list",
        "for_each: args.dry",
        "`for_each` goes through a list, not a boolean",
    );
    among(
        "method: POST\n        url",
        "method: GET\n        url",
        "a GET has no body",
    );
    one(
        "unknown: status == 500\n      -",
        "unknown: status\n      -",
        "expected true or false",
    );
    one(
        "unknown: status == 500\n",
        "unknown: stats == 500\n",
        "did you mean `status`?",
    );
    let found = adapter(
        &GOOD
            .replace("method: POST", "method: HEAD")
            .replace("        json: {", "        query: {"),
    )
    .1;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].contains("all of its requests only look"),
        "{}",
        found[0]
    );
    let found = adapter(&GOOD.replace(
        "    http: { url: \"{{ settings.url }}/status\" }\n    unknown: status == 500",
        "    requests: []",
    ))
    .1;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("at least one request"), "{}", found[0]);
}
