//! What is done before anything runs: `tools`, `doctor` and `init`, through the program.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Place, Ran};

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {}", ran.stdout))
}

/// The entry of a list whose `key` is this.
fn entry<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    let all = list.as_array().unwrap();
    let found = all.iter().find(|entry| entry[key] == value);
    found.unwrap_or_else(|| panic!("no {value} in {list:#}"))
}

const CONTRACT: &str = "\
tool: LAMP
title: A lamp
actions:
  look:
    effect: read
    args: { room: { optional: true } }
    output: { on: boolean }
    example: { on: true }
    timeout: 2s
  find:
    effect: read
    args: { room: { positional: 1, help: Which room } }
    output: { on: boolean }
    example: { on: true }
  turn:
    effect: change
    args: { room: { positional: 1 }, level: { type: integer, default: 3 } }
    output: { on: boolean }
    example: { on: true }
    idempotent: true
";

const BY_HTTP: &str = "\
adapter: by-http
implements: LAMP
title: Lamps by HTTP
settings:
  url: { help: Where they are }
  token: { type: secret, optional: true }
actions:
  look:
    http:
      url: \"{{ settings.url }}/look\"
      headers: { Authorization: \"{{ settings.token }}\" }
    output: { on: body.on }
  turn:
    http: { method: POST, url: \"{{ settings.url }}/turn\" }
    output: { on: body.on }
";

/// A team with a tool of its own, and these bindings of it.
fn team(tools: &str) -> Place {
    let place = Place::new();
    place.write("adapters/lamp/contract.yaml", CONTRACT);
    place.write("adapters/lamp/by-http.yaml", BY_HTTP);
    place.write(
        "runbook.yaml",
        &format!("environments:\n  house:\n    tools:\n{tools}"),
    );
    place
}

/// A program in a directory of its own, which becomes the PATH together with the system's.
fn program(place: Place, name: &str, script: &str) -> Place {
    let path = place.write(&format!("bin/{name}"), script);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let bin = path.parent().unwrap().display().to_string();
    place.var("PATH", &format!("{bin}:/usr/bin:/bin"))
}

/// A server that answers each request with 200 and this.
fn lamp_server(body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                head.push(byte[0]);
            }
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

#[test]
fn without_a_file_every_tool_is_simulated() {
    let place = Place::new();
    place
        .run(&["tools"])
        .exits(0)
        .says("nothing real is touched")
        .says("$DATABASE_TOOL Database control simulated by the built-in sandbox")
        .says("failover (destructive, irreversible)");
    let all = json(place.run(&["tools", "--json"]).exits(0));
    assert_eq!(all["version"], 1);
    assert_eq!(all["environment"], "sandbox");
    assert_eq!(all["real"], false);
    let tools = all["tools"].as_array().unwrap();
    assert!(tools.len() > 20);
    assert!(
        tools
            .iter()
            .all(|tool| tool["state"] == "bound" && tool["answers"] == "sandbox")
    );
}

#[test]
fn tools_say_what_bound_them_and_where() {
    let place = team(
        "      LAMP: { adapter: by-http, with: { url: \"http://127.0.0.1:1\" } }\n      \
         LAMP@old: { command: [lampctl, --old] }\n      CHAT_TOOL: manual\n",
    );
    place
        .run(&["tools", "-e", "house"])
        .exits(0)
        .says("REAL house")
        .says("$LAMP A lamp the adapter by-http by runbook.yaml:4")
        .says("find (reads, not with this adapter)")
        .says("$LAMP@old A lamp the command `lampctl --old` by runbook.yaml:5")
        .says("$CHAT_TOOL Chat a person by runbook.yaml:6")
        .says("$DATABASE_TOOL Database control nothing binds it");
    let all = json(place.run(&["tools", "-e", "house", "--json"]).exits(0));
    let lamp = entry(&all["tools"], "tool", "LAMP");
    assert_eq!(
        (&lamp["answers"], &lamp["name"]),
        (&"adapter".into(), &"by-http".into())
    );
    assert_eq!(lamp["by"], "runbook.yaml:4");
    assert_eq!(entry(&lamp["actions"], "name", "find")["available"], false);
    assert_eq!(entry(&lamp["actions"], "name", "turn")["available"], true);
    assert_eq!(
        entry(&all["tools"], "tool", "DATABASE_TOOL")["state"],
        "unbound"
    );
}

#[test]
fn a_variable_that_binds_a_tool_is_named() {
    let place = Place::new();
    place
        .run_with("DATABASE_TOOL", "dbctl --cluster main", &["tools"])
        .exits(0)
        .says("the command `dbctl --cluster main` by the variable DATABASE_TOOL; what uses it is REAL");
}

#[test]
fn a_binding_that_is_wrong_is_shown_and_hides_no_other() {
    let place = team("      LAMP: { adapter: by-htp }\n      CHAT_TOOL: manual\n");
    place
        .run(&["tools", "-e", "house"])
        .exits(0)
        .says("wrong: LAMP has no adapter `by-htp`")
        .says("a person by runbook.yaml:5");
}

#[test]
fn one_tool_shows_its_arguments_and_who_could_answer() {
    let place = team(
        "      LAMP: { adapter: by-http, with: { url: \"http://lamps\", token: { secret: env:LAMP_TOKEN } } }\n",
    )
    .var("LAMP_TOKEN", "s3cret-lamp");
    for written in ["LAMP", "$LAMP", "lamp"] {
        place
            .run(&["tools", written, "-e", "house"])
            .exits(0)
            .says("url: \"http://lamps\"")
            .says("‹secret env:LAMP_TOKEN›")
            .says("ROOM, or --room: string — Which room")
            .says("--level INTEGER, else 3")
            .says("by-http Lamps by HTTP (project)")
            .says("url: string — Where they are")
            .says("does not do find")
            .never_says("s3cret-lamp");
    }
    let one = json(place.run(&["tools", "lamp", "--json"]).exits(0));
    assert_eq!(one["version"], 1);
    let turn = entry(&one["actions"], "name", "turn");
    assert_eq!(entry(&turn["args"], "name", "level")["default"], 3);
    let adapter = entry(&one["adapters"], "name", "by-http");
    assert_eq!(adapter["actions"]["look"], "http");
    assert_eq!(entry(&adapter["settings"], "name", "url")["required"], true);
}

#[test]
fn names_that_are_nearly_right_are_suggested() {
    let place = team("      LAMP: manual\n");
    place
        .run(&["tools", "DATABASE_TOL"])
        .exits(2)
        .says("there is no tool `DATABASE_TOL`")
        .says("did you mean DATABASE_TOOL?");
    for verb in ["tools", "doctor"] {
        place
            .run(&[verb, "-e", "hous"])
            .exits(2)
            .says("there is no environment `hous`")
            .says("did you mean `house`?");
    }
}

#[test]
fn in_the_sandbox_nothing_is_in_the_way() {
    let place = Place::new();
    place
        .run(&["doctor"])
        .exits(0)
        .says("are simulated")
        .says("is made by the first run")
        .says("Nothing is in the way");
    assert!(!place.state().exists(), "who only looks makes nothing");
    let all = json(place.run(&["doctor", "--json"]).exits(0));
    assert_eq!((&all["version"], &all["problems"]), (&1.into(), &0.into()));
    assert_eq!(entry(&all["findings"], "about", "clock")["level"], "ok");
}

#[test]
fn a_tool_that_answers_is_called_once_with_what_only_reads() {
    let place = team("      LAMP: { command: [lampctl, --house] }\n");
    let place = program(
        place,
        "lampctl",
        "#!/bin/sh\necho \"$@\" >>\"$HOME/here/called\"\necho '{\"on\": true}'\n",
    );
    place
        .run(&["doctor", "-e", "house"])
        .exits(0)
        .says("ok LAMP: the command `lampctl --house` by runbook.yaml:4; `look` answered in");
    let called = || std::fs::read_to_string(place.here().join("called")).unwrap();
    assert_eq!(called(), "--house look\n");
    place
        .run(&["doctor", "-e", "house", "--no-calls"])
        .exits(0)
        .says("by runbook.yaml:4; not called");
    assert_eq!(called(), "--house look\n");
}

#[test]
fn what_does_not_answer_is_told_in_seconds_and_hides_nothing() {
    let place = team(&format!(
        "      LAMP: {{ adapter: by-http, with: {{ url: \"{}\" }} }}\n      \
         LAMP@dead: {{ adapter: by-http, with: {{ url: \"http://127.0.0.1:1\" }} }}\n      \
         LAMP@hangs: {{ command: [hang] }}\n      LAMP@hangs-too: {{ command: [hang] }}\n      \
         LAMP@missing: {{ command: [no-such-program] }}\n      \
         LAMP@locked: {{ adapter: by-http, with: {{ url: \"http://127.0.0.1:1\", token: {{ secret: env:NOT_SET }} }} }}\n      \
         LAMP@odd: {{ adapter: by-http, with: {{ url: \"{}\" }} }}\n",
        lamp_server("{\"on\": true}"),
        lamp_server("{\"on\": \"perhaps\"}"),
    ));
    let place = program(place, "hang", "#!/bin/sh\nexec sleep 600\n");
    let begun = Instant::now();
    let ran = place.run(&["doctor", "-e", "house", "--json"]);
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
    let all = json(ran.exits(1));
    assert_eq!(all["problems"], 6);
    let of = |tool: &str, level: &str, says: &str| {
        let found = entry(&all["findings"], "about", tool);
        assert_eq!(found["level"], level, "{found}");
        assert!(found["says"].as_str().unwrap().contains(says), "{found}");
    };
    of("LAMP", "ok", "`look` answered in");
    of("LAMP@dead", "problem", "connection refused");
    of("LAMP@hangs", "problem", "`look` did not answer in 2");
    of("LAMP@hangs-too", "problem", "`look` did not answer in 2");
    of(
        "LAMP@missing",
        "problem",
        "the program `no-such-program` was not found",
    );
    of("LAMP@locked", "problem", "the secret env:NOT_SET");
    of("LAMP@odd", "problem", "`look` failed");
    of("clock", "ok", "UTC");
}

#[test]
fn a_secret_is_looked_up_and_never_shown() {
    let place = team(&format!(
        "      LAMP: {{ adapter: by-http, with: {{ url: \"{}\", token: {{ secret: {{ command: [keep] }} }} }} }}\n",
        lamp_server("{\"on\": \"s3cret-lamp\"}"),
    ));
    let place = program(
        place,
        "keep",
        "#!/bin/sh\necho asked >>\"$HOME/here/asked\"\necho s3cret-lamp\n",
    );
    place
        .run(&["doctor", "-e", "house"])
        .exits(1)
        .says("`look` failed")
        .never_says("s3cret-lamp");
    let asked = place.here().join("asked");
    assert!(asked.exists());
    std::fs::remove_file(&asked).unwrap();
    place.run(&["doctor", "-e", "house", "--no-calls"]).exits(0);
    assert!(!asked.exists(), "no program is asked with --no-calls");
}

#[test]
fn the_state_directory_is_looked_at() {
    let place = Place::new();
    // In the sandbox the clock runs ahead, which says nothing about ours.
    place.write(
        "runbooks/wait.yaml",
        "name: wait\ntitle: Wait\nsteps:\n  - pause: 30d\n",
    );
    place.run(&["run", "wait", "--yes"]).exits(0);
    place
        .run(&["doctor"])
        .exits(0)
        .says("ok clock")
        .says("(mode 0700)");
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(place.state(), open).unwrap();
    place
        .run(&["doctor"])
        .exits(0)
        .says("warning state directory")
        .says("is open to others (mode 0755)")
        .says("chmod 700");
}

#[test]
fn locks_and_parked_runs_are_named() {
    let place = Place::new();
    place.write(
        "runbooks/fail.yaml",
        "name: fail\ntitle: Fail\nlock: the-house\nsteps:\n  - run: [sh, -c, kill -9 $PPID]\n    effect: read\n",
    );
    // The run's process is killed by its own step: nobody drives it any more.
    let ran = place.run(&["run", "fail", "--yes"]);
    assert_ne!(ran.code, Some(0), "{ran:?}");
    place
        .run(&["doctor"])
        .exits(0)
        .says("warning locks: sandbox/the-house is held by fail-")
        .says("warning runs: fail-")
        .says("runbook resume fail-");
}

fn keygen(path: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "ana", "-f"])
        .arg(path)
        .status()
        .unwrap();
    assert!(made.success());
}

#[test]
fn who_could_sign_is_told() {
    let place = team("      CHAT_TOOL: manual\n    policy: { allowed_signers: allowed_signers }\n");
    let key = place.here().join("key");
    keygen(&key);
    let public = std::fs::read_to_string(place.here().join("key.pub")).unwrap();
    place.write("allowed_signers", "# nobody yet\n");
    let place = place.var("RUNBOOK_SSH_KEY", key.to_str().unwrap());
    let doctor = ["doctor", "-e", "house"];
    place
        .run(&doctor)
        .exits(0)
        .says("warning signatures")
        .says("is not in");
    place.write("allowed_signers", &format!("ana@example.org {public}"));
    place
        .run(&doctor)
        .exits(0)
        .says("ok signatures")
        .says("signs as ana@example.org");
    place
        .run_with("RUNBOOK_SSH_KEY", "/nowhere", &doctor)
        .exits(0)
        .says("there is no key /nowhere");
}

#[test]
fn what_init_writes_passes_check() {
    let place = Place::new();
    place
        .run(&["init", "--runbooks", "--adapters"])
        .exits(0)
        .says("runbook check");
    place.run(&["check"]).exits(0).says("0 errors");
    place
        .run(&["tools", "-e", "staging"])
        .exits(0)
        .says("a person by runbook.yaml");
    for (path, bytes) in runbook::workspace::embedded_files() {
        assert_eq!(
            std::fs::read(place.here().join(&path)).unwrap(),
            bytes,
            "{path}"
        );
    }
    // What was written is what is used.
    let found = json(place.run(&["list", "--json"]).exits(0));
    let all = found["runbooks"].as_array().unwrap();
    assert!(
        all.iter().all(|runbook| runbook["from"] == "project"),
        "{found:#}"
    );
}

#[test]
fn init_overwrites_nothing_and_writes_nothing_by_halves() {
    let place = Place::new();
    place.write("runbooks/db-failover.yaml", "mine");
    let before = |place: &Place| {
        let mut names: Vec<_> = std::fs::read_dir(place.here())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    place
        .run(&["init", "--runbooks"])
        .exits(2)
        .says("nothing was written")
        .says("runbooks/db-failover.yaml");
    assert_eq!(before(&place), ["runbooks"]);
    place.run(&["init"]).exits(0);
    place.run(&["init"]).exits(2).says("runbook.yaml");
    assert_eq!(before(&place), ["runbook.yaml", "runbooks"]);
    let mine = std::fs::read_to_string(place.here().join("runbooks/db-failover.yaml"));
    assert_eq!(mine.unwrap(), "mine");
}

#[test]
fn init_takes_back_what_it_wrote_where_it_cannot_go_on() {
    let place = Place::new();
    // A file where a directory should be: it is in nobody's way until something goes into it.
    place.write("runbooks", "a file");
    place
        .run(&["init", "--runbooks", "--adapters"])
        .exits(2)
        .says("nothing was");
    let left: Vec<_> = std::fs::read_dir(place.here()).unwrap().collect();
    assert_eq!(left.len(), 1);
}
