//! An adapter that speaks HTTP, through the whole program: the one that `docs/adapters.md` shows, and
//! a flag server on loopback.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::Place;

/// What is known of flags, and how the server behaves.
#[derive(Default)]
struct Flags {
    enabled: Vec<String>,
    /// What was asked, line by line.
    asked: Vec<String>,
    keys: Vec<String>,
    /// How many requests are carried out and never answered.
    mute: u32,
    /// Whether it hangs up on who looks, once it has acted.
    deaf: bool,
    held: Vec<TcpStream>,
    /// Hears of each act.
    acted: Option<Sender<()>>,
}

struct FlagServer {
    address: SocketAddr,
    flags: Arc<Mutex<Flags>>,
}

impl FlagServer {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let flags = Arc::new(Mutex::new(Flags::default()));
        let shared = Arc::clone(&flags);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                shared.lock().unwrap().serve(stream);
            }
        });
        Self { address, flags }
    }

    fn with<T>(&self, look: impl FnOnce(&mut Flags) -> T) -> T {
        look(&mut self.flags.lock().unwrap())
    }
}

impl Flags {
    fn serve(&mut self, mut stream: TcpStream) {
        let Some((line, head, body)) = request(&mut stream) else {
            return;
        };
        self.asked.push(line.clone());
        if self.deaf && !self.keys.is_empty() && line.starts_with("GET") {
            return;
        }
        let key = head
            .lines()
            .find_map(|line| line.strip_prefix("idempotency-key: "))
            .unwrap_or_default()
            .to_owned();
        let answer = if line.starts_with("POST /api/environments/bench/enable ") {
            let names: Vec<String> = serde_json::from_value(body["names"].clone()).unwrap();
            // The same key is the same act.
            if !self.keys.contains(&key) {
                self.enabled.extend(names.clone());
            }
            self.keys.push(key);
            json!({ "ok": true, "changed": names, "unchanged": [] })
        } else {
            let (on, off): (Vec<_>, Vec<_>) = ["dark-mode", "search"]
                .into_iter()
                .filter(|name| line.contains(&format!("name={name}")))
                .partition(|name| self.enabled.iter().any(|enabled| enabled == name));
            json!({ "enabled": on, "disabled": off, "flags": [] })
        };
        if line.starts_with("POST")
            && let Some(acted) = &self.acted
        {
            let _ = acted.send(());
        }
        if line.starts_with("POST") && self.mute > 0 {
            self.mute -= 1;
            self.held.push(stream);
            return;
        }
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        let _ = stream.write_all((head + &answer).as_bytes());
    }
}

fn request(stream: &mut TcpStream) -> Option<(String, String, Value)> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    let line = head.lines().next().unwrap().to_owned();
    Some((
        line,
        head,
        serde_json::from_slice(&body).unwrap_or_default(),
    ))
}

const RUNBOOK: &str = "\
name: flag
title: Turn a flag on
steps:
  - id: before
    call: $FEATURE_FLAG_TOOL status dark-mode
  - id: enable
    call: $FEATURE_FLAG_TOOL enable dark-mode
    timeout: 1s
  - id: after
    call: $FEATURE_FLAG_TOOL status dark-mode search
    expect: output.enabled == ['dark-mode']
";

/// A team's directory, with the adapter of the page.
fn team(server: &FlagServer) -> Place {
    let page = include_str!("../docs/adapters.md");
    let adapter = page
        .split("```yaml\n")
        .find(|block| block.starts_with("adapter: flag-server"))
        .and_then(|block| block.split("```").next())
        .unwrap();
    let place = Place::new();
    place.write("adapters/feature-flag-tool/flag-server.yaml", adapter);
    let contract = include_str!("../adapters/feature-flag-tool/contract.yaml");
    place.write("adapters/feature-flag-tool/contract.yaml", contract);
    place.write("runbooks/flag.yaml", RUNBOOK);
    place.write(
        "runbook.yaml",
        &format!(
            "environments:\n  bench:\n    tools:\n      FEATURE_FLAG_TOOL: {{ adapter: flag-server, \
             with: {{ url: \"http://{}/\" }} }}\n    policy:\n      unattended: allow\n      gates: \
             {{ change: none }}\n",
            server.address
        ),
    );
    place
}

const RUN: [&str; 4] = ["run", "flag", "--environment", "bench"];

#[test]
fn a_flag_is_turned_on_by_http() {
    let server = FlagServer::new();
    let place = team(&server);
    place.run(&["check"]).exits(0);
    place.run(&RUN).exits(0).says("flag succeeded").says("REAL");
    server.with(|flags| {
        assert_eq!(flags.enabled, ["dark-mode"]);
        assert_eq!(
            flags.asked.last().unwrap(),
            "GET /api/flags?name=dark-mode&name=search HTTP/1.1"
        );
        assert_eq!(flags.keys.len(), 1, "only what acts has a key");
    });
    place
        .run(&["audit", "verify", "last"])
        .exits(0)
        .says("proven");
}

/// The team, with a contract after which nothing may be done twice: only looking can tell.
fn careful_team(server: &FlagServer) -> Place {
    let place = team(server);
    let contract = include_str!("../adapters/feature-flag-tool/contract.yaml");
    let contract = contract.replace("idempotent: true", "idempotent: false");
    place.write("adapters/feature-flag-tool/contract.yaml", &contract);
    place
}

fn acted_once(server: &FlagServer) {
    server.with(|flags| {
        assert_eq!(flags.keys.len(), 1, "{:?}", flags.asked);
        assert_eq!(flags.enabled, ["dark-mode"]);
    });
}

#[test]
fn threat_44_a_time_out_after_the_request_is_a_doubt_that_looking_settles() {
    let server = FlagServer::new();
    let place = careful_team(&server);
    server.with(|flags| flags.mute = 1);
    place.run(&RUN).exits(0).says("flag succeeded");
    let kinds = place.kinds();
    assert!(kinds.contains(&"step_unknown".to_owned()), "{kinds:?}");
    assert!(kinds.contains(&"step_resolved".to_owned()), "{kinds:?}");
    acted_once(&server);
    place
        .run(&["audit", "verify", "last"])
        .exits(0)
        .says("proven");
}

#[test]
fn threat_44_where_nobody_can_tell_it_stays_in_doubt_and_nothing_is_done_twice() {
    let server = FlagServer::new();
    let place = careful_team(&server);
    server.with(|flags| (flags.mute, flags.deaf) = (1, true));
    place.run(&RUN).exits(75).says("enable").says("in doubt");
    acted_once(&server);
}

#[test]
fn threat_44_killed_in_the_middle_of_a_request_resume_settles_it_by_looking() {
    let server = FlagServer::new();
    let place = careful_team(&server);
    let (acted, heard) = channel();
    server.with(|flags| (flags.mute, flags.acted) = (1, Some(acted)));
    // Long enough that only the kill ends it.
    place.write(
        "runbooks/flag.yaml",
        &RUNBOOK.replace("timeout: 1s", "timeout: 10m"),
    );
    let mut run = place.command(&RUN);
    run.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = run.spawn().unwrap();
    heard.recv().unwrap();
    let pid = Pid::from_raw(place.held_by().parse().unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    child.wait().unwrap();
    place
        .run(&["resume", "last"])
        .exits(0)
        .says("flag succeeded");
    acted_once(&server);
}

#[test]
fn threat_44_what_may_be_repeated_is_repeated_with_the_same_key() {
    let server = FlagServer::new();
    let place = team(&server);
    server.with(|flags| flags.mute = 1);
    place.run(&RUN).exits(0).says("flag succeeded");
    server.with(|flags| {
        assert_eq!(flags.keys.len(), 2, "{:?}", flags.asked);
        assert_eq!(flags.keys[0], flags.keys[1]);
        assert_eq!(flags.enabled, ["dark-mode"], "it was done once");
    });
}
