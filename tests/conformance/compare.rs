//! What was asked against what the case says, told so that one sees the difference.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::Value as Json;

use super::case::{ANY, Exchange, Http, pairs, word};
use super::stage::Seen;

/// What is wrong with the exchange as a whole.
pub fn exchange(expected: &[Exchange], seen: &[Seen]) -> Vec<String> {
    let mut problems = Vec::new();
    for (n, expected) in (1..).zip(expected) {
        match seen.get(n - 1) {
            None => problems.push(format!("exchange {n} never came: {}", wanted(expected))),
            Some(seen) => one(n, expected, seen, &mut problems),
        }
    }
    for (n, extra) in (1..).zip(seen).skip(expected.len()) {
        problems.push(format!("the case has no exchange {n}: {}", asked(extra)));
    }
    problems
}

fn one(n: usize, expected: &Exchange, seen: &Seen, problems: &mut Vec<String>) {
    let mut differs = |what: &str, expected: &str, seen: &str| {
        if expected != seen {
            problems.push(format!(
                "exchange {n}, {what}:\n    expected {expected}\n    asked    {seen}"
            ));
        }
    };
    match (expected, seen) {
        (
            Exchange::Http(http),
            Seen::Http {
                method,
                path,
                query,
                headers,
                body,
            },
        ) => {
            let (wanted, raw_query) = match http.request.split_once('?') {
                Some((line, query)) => (line, Some(query)),
                None => (http.request.as_str(), None),
            };
            differs("request", wanted, &format!("{method} {path}"));
            match &http.query {
                Some(map) => {
                    let seen = decoded(query);
                    differs(
                        "query",
                        &sorted(any_pairs(pairs(map), &seen)),
                        &sorted(seen),
                    );
                }
                None => differs(
                    "query",
                    raw_query.unwrap_or_default(),
                    query.as_deref().unwrap_or_default(),
                ),
            }
            for (name, value) in &http.headers {
                let found: Vec<&str> = headers
                    .iter()
                    .filter(|(seen, _)| seen == name)
                    .map(|(_, value)| value.as_str())
                    .collect();
                let found = found.join(", ");
                if value != ANY || found.is_empty() {
                    differs(&format!("header `{name}`"), value, &found);
                }
            }
            self::body(http, body, &mut differs);
        }
        (
            Exchange::Program(program),
            Seen::Program {
                argv,
                environ,
                stdin,
            },
        ) => {
            let mut wanted: Vec<String> = program.argv.iter().map(word).collect();
            for (wanted, seen) in wanted.iter_mut().zip(argv) {
                if wanted == ANY {
                    wanted.clone_from(seen);
                }
            }
            differs("argv", &format!("{wanted:?}"), &format!("{argv:?}"));
            if let Some(wanted) = &program.stdin {
                let stdin = String::from_utf8_lossy(stdin);
                differs("stdin", &format!("{wanted:?}"), &format!("{stdin:?}"));
            }
            for (name, value) in &program.env {
                let seen = environ.get(name).map_or("(not set)", String::as_str);
                differs(&format!("variable `{name}`"), value, seen);
            }
        }
        (Exchange::Line(line), Seen::Line(sent)) => {
            differs("line", &format!("{:?}", line.sends), &format!("{sent:?}"));
        }
        (expected, seen) => differs("its kind", &wanted(expected), &asked(seen)),
    }
}

fn body(http: &Http, body: &[u8], differs: &mut impl FnMut(&str, &str, &str)) {
    let text = String::from_utf8_lossy(body);
    if let Some(json) = &http.json {
        match serde_json::from_str::<Json>(&text) {
            Ok(sent) if same(&any(json, &sent), &sent) => {}
            Ok(sent) => differs("json", &json.to_string(), &sent.to_string()),
            Err(_) => differs("json", &json.to_string(), &text),
        }
    } else if let Some(form) = &http.form {
        let sent = decoded(&Some(text.into_owned()));
        differs(
            "form",
            &sorted(any_pairs(pairs(form), &sent)),
            &sorted(sent),
        );
    } else {
        differs("body", http.body.as_deref().unwrap_or_default(), &text);
    }
}

fn decoded(query: &Option<String>) -> Vec<(String, String)> {
    let decode = |part: &str| {
        let part = part.replace('+', " ");
        percent_decode_str(&part).decode_utf8_lossy().into_owned()
    };
    query
        .as_deref()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// The expected pairs, with what was found where any value will do.
fn any_pairs(mut pairs: Vec<(String, String)>, seen: &[(String, String)]) -> Vec<(String, String)> {
    for (name, value) in pairs.iter_mut().filter(|(_, value)| value == ANY) {
        if let Some((_, found)) = seen.iter().find(|(seen, _)| seen == name) {
            value.clone_from(found);
        }
    }
    pairs
}

/// The expected value, with what was found where any will do: nothing is not any value.
pub fn any(expected: &Json, found: &Json) -> Json {
    match (expected, found) {
        (Json::String(text), found) if text == ANY && !found.is_null() => found.clone(),
        (Json::Array(e), Json::Array(f)) if e.len() == f.len() => {
            e.iter().zip(f).map(|(e, f)| any(e, f)).collect()
        }
        (Json::Object(e), Json::Object(f)) => {
            let fields = e.iter().map(|(name, e)| {
                let value = f.get(name).map_or_else(|| e.clone(), |f| any(e, f));
                (name.clone(), value)
            });
            Json::Object(fields.collect())
        }
        (e, _) => e.clone(),
    }
}

/// The pairs by name; those of one name stay in their order.
fn sorted(mut pairs: Vec<(String, String)>) -> String {
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    format!("{pairs:?}")
}

fn wanted(exchange: &Exchange) -> String {
    match exchange {
        Exchange::Http(http) => http.request.clone(),
        Exchange::Program(program) => {
            format!("{:?}", program.argv.iter().map(word).collect::<Vec<_>>())
        }
        Exchange::Line(line) => format!("the line {:?}", line.sends),
    }
}

fn asked(seen: &Seen) -> String {
    match seen {
        Seen::Http {
            method,
            path,
            query,
            body,
            ..
        } => {
            let query = query.as_ref().map_or(String::new(), |q| format!("?{q}"));
            let body = String::from_utf8_lossy(body);
            format!("{method} {path}{query} {body}")
                .trim_end()
                .to_owned()
        }
        Seen::Program { argv, .. } => format!("{argv:?}"),
        Seen::Line(line) => format!("the line {line:?}"),
    }
}

/// Whether two values are one: 1 is 1.0, and a field that is null is one that is not there.
pub fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            let names: BTreeMap<&String, ()> = a.keys().chain(b.keys()).map(|n| (n, ())).collect();
            let of = |map: &serde_json::Map<String, Json>, name: &String| {
                map.get(name).cloned().unwrap_or(Json::Null)
            };
            names.keys().all(|name| same(&of(a, name), &of(b, name)))
        }
        (a, b) => a == b,
    }
}

/// Where two values differ, one line each.
pub fn differences(expected: &Json, found: &Json) -> Vec<String> {
    let mut lines = Vec::new();
    walk("output", expected, found, &mut lines);
    lines
}

fn walk(path: &str, expected: &Json, found: &Json, lines: &mut Vec<String>) {
    match (expected, found) {
        (e, f) if same(e, f) => {}
        (Json::Object(e), Json::Object(f)) => {
            let null = Json::Null;
            for name in e
                .keys()
                .chain(f.keys().filter(|name| !e.contains_key(*name)))
            {
                let of = |map: &serde_json::Map<String, Json>| {
                    map.get(name).cloned().unwrap_or(null.clone())
                };
                walk(&format!("{path}.{name}"), &of(e), &of(f), lines);
            }
        }
        (Json::Array(e), Json::Array(f)) if e.len() == f.len() => {
            for (at, (e, f)) in e.iter().zip(f).enumerate() {
                walk(&format!("{path}[{at}]"), e, f, lines);
            }
        }
        (e, f) => lines.push(format!("{path}:\n    expected {e}\n    is       {f}")),
    }
}
