//! Shipped adapters on the real programs that they speak to: Supervisor and git. Where one of them
//! is not installed its test says so and is skipped, except in CI.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

mod support;

use std::io::{self, Write as _};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use support::Place;

/// A place with these programs and Python on its PATH; nothing where one is not installed.
fn place_with(programs: &[&str]) -> Option<Place> {
    let path = std::env::var("PATH").unwrap_or_default();
    let found = |program: &str| std::env::split_paths(&path).any(|dir| dir.join(program).exists());
    for program in programs.iter().chain(&["python3"]) {
        if found(program) {
            continue;
        }
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "{program} is not installed; in CI this test may not be skipped"
        );
        let _ = writeln!(io::stderr(), "skipped: {program} is not installed");
        return None;
    }
    let place = Place::new();
    // The one on the PATH may be a wrapper that needs variables to find the real one.
    let asked = Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output()
        .unwrap();
    let bin = place.here().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let python = PathBuf::from(String::from_utf8(asked.stdout).unwrap().trim());
    symlink(python, bin.join("python3")).unwrap();
    Some(place.var("PATH", &format!("{}:{path}", bin.display())))
}

/// Binds one tool, on a bench where nobody is asked.
fn bind(place: &Place, tool: &str, binding: &str) {
    place.write(
        "runbook.yaml",
        &format!(
            "default_environment: bench\nenvironments:\n  bench:\n    tools:\n      {tool}: {binding}\n    \
             policy: {{ unattended: allow, gates: {{ change: none, destructive: none }} }}\n"
        ),
    );
}

/// A server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // Supervisor ends its own processes when it is asked to, not when it is killed.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

const SUPERVISED: &str = "\
[unix_http_server]
file=HERE/supervisor.sock
username=ops
password=s3cr3t-word
[supervisord]
nodaemon=true
logfile=HERE/supervisord.log
pidfile=HERE/supervisord.pid
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[program:api]
command=sleep 600
process_name=api-%(process_num)02d
numprocs=3
startsecs=1
";

const INSTANCES: &str = "\
name: instances
title: Scale, and restart
steps:
  - id: up
    call: $ORCHESTRATOR status
    until: output.ready == 3
    within: 30s
    every: 500ms
  - { id: fewer, call: $ORCHESTRATOR scale --replicas 2, expect: output.previous == 3 and output.ready == 2 }
  - { id: more, call: $ORCHESTRATOR scale --replicas 3, expect: output.previous == 2 and output.ready == 3 }
  - { id: fresh, call: $ORCHESTRATOR restart, expect: output.ready == 3 }
  - id: after
    call: $ORCHESTRATOR status
    expect: >-
      output.generation > steps.up.output.generation and output.replicas == 3 and output.max_replicas == 3
      and output.crashes == 0
  - { id: too_many, call: $ORCHESTRATOR scale --replicas 4 }
";

#[test]
fn instances_under_supervisor_are_scaled_and_restarted() {
    let Some(place) = place_with(&["supervisord", "sleep"]) else {
        return;
    };
    let here = place.here();
    let conf = SUPERVISED.replace("HERE", &here.display().to_string());
    let conf = place.write("supervisord.conf", &conf);
    let mut server = Command::new("supervisord");
    place.surround(&mut server);
    server.arg("-c").arg(conf).stdout(Stdio::null());
    let _server = Server(server.spawn().unwrap());
    let server = here.join("supervisor.sock");
    bind(
        &place,
        "ORCHESTRATOR",
        &format!(
            "{{ adapter: supervisor, with: {{ server: {}, service: api, user: ops, password: {{ secret: env:OPS }} }} }}",
            server.display()
        ),
    );
    place.write("runbooks/instances.yaml", INSTANCES);
    place
        .run_with("OPS", "s3cr3t-word", &["run", "instances", "--yes"])
        .exits(1)
        .says("api has 3 processes (numprocs), so 4 cannot run")
        .says("5 done, 1 went wrong")
        .never_says("s3cr3t-word");
}

fn git(place: &Place, dir: &str, words: &[&str]) -> Output {
    let mut git = Command::new("git");
    place.surround(&mut git);
    let done = git
        .current_dir(place.here().join(dir))
        .args(["-c", "user.name=ana", "-c", "user.email=ana@example.org"])
        .args(words)
        .output()
        .unwrap();
    assert!(done.status.success(), "git {words:?}: {done:?}");
    done
}

const HOTFIX: &str = r#"
name: hotfix
title: Fix and publish
steps:
  - { id: branch, call: $VCS_TOOL checkout -b hotfix, undo: none }
  - id: edit
    run: [cp, "{{ vars.shop }}/fixed", "{{ vars.shop }}/pool"]
    effect: change
    undo: none
  - { id: commit, call: $VCS_TOOL commit -m "Fix the pool size", expect: output.files == 1, undo: none }
  - { id: push, call: $VCS_TOOL push origin hotfix }
  - { id: same, call: $VCS_TOOL remote-status origin hotfix, expect: output.same }
  - { id: back, call: "$VCS_TOOL uncommit --to={{ steps.commit.output.previous }}", undo: none }
vars: { shop: SHOP }
"#;

#[test]
fn a_hotfix_is_published_by_git_and_then_not_taken_back() {
    let Some(place) = place_with(&["git", "cp"]) else {
        return;
    };
    let here = place.here();
    std::fs::create_dir(here.join("shop")).unwrap();
    git(&place, ".", &["init", "-q", "--bare", "origin.git"]);
    git(&place, "shop", &["init", "-q", "-b", "main"]);
    for (name, text) in [("pool", "size: 5\n"), ("fixed", "size: 50\n")] {
        place.write(&format!("shop/{name}"), text);
    }
    git(&place, "shop", &["add", "pool"]);
    git(&place, "shop", &["commit", "-q", "-m", "Begin"]);
    git(
        &place,
        "shop",
        &["remote", "add", "origin", "../origin.git"],
    );
    let shop = here.join("shop").display().to_string();
    bind(
        &place,
        "VCS_TOOL",
        &format!("{{ adapter: git, with: {{ dir: {shop}, name: ana, email: ana@example.org }} }}"),
    );
    place.write("runbooks/hotfix.yaml", &HOTFIX.replace("SHOP", &shop));
    place
        .run(&["run", "hotfix", "--yes"])
        .exits(1)
        .says("is published (origin/hotfix): others may build on it, so `revert` it");
    let there = git(&place, "origin.git", &["show", "--stat", "hotfix"]);
    let there = String::from_utf8(there.stdout).unwrap();
    assert!(there.contains("Fix the pool size"), "{there}");
    // What merely lies there was not committed.
    assert!(there.contains("1 file changed"), "{there}");
}
