//! Whatever comes in at the socket, and where the socket is.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Place;
use crate::support::pty::Pty;

const ONE: &str = "name: x\ntitle: X\nsteps:\n  - id: fail_over\n    call: $DATABASE_TOOL failover --cluster main\n    gate: Go?\n";

/// A run of our own that waits at its gate, and its socket.
fn at_gate(place: &Place, state: &Path) -> (Pty, PathBuf) {
    place.write("x.yaml", ONE);
    let mut command = Command::new(env!("CARGO_BIN_EXE_runbook"));
    command
        .args(["run", "./x.yaml"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", place.here())
        .env("TERM", "xterm")
        .env("RUNBOOK_STATE_DIR", state)
        .current_dir(place.here());
    let mut session = Pty::of(&command);
    session.expect("Go?");
    session.expect("> ");
    let mut runs = std::fs::read_dir(state.join("runs")).unwrap();
    let run = runs.next().unwrap().unwrap().path();
    (session, run.join("control"))
}

/// What the socket says to bytes that are sent to it.
fn sent(socket: &Path, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    // It may have heard enough before all of it was said.
    let _ = stream.write_all(bytes);
    let mut line = String::new();
    let _ = BufReader::new(stream).read_line(&mut line);
    line
}

#[test]
fn threat_49_whatever_a_peer_sends_harms_nobody_but_itself() {
    let place = Place::new();
    let (mut session, socket) = at_gate(&place, &place.state());
    let mode = std::fs::symlink_metadata(&socket)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    for (bytes, word) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "no line of this program"),
        (b"\xff\xfe\x00\n", "no line of this program"),
        (b"{\"v\":7,\"body\":\"status\"}\n", "version 7"),
        (b"{\"v\":1,\"body\":{\"approve\":true}}\n", "not understood"),
        (
            b"{\"v\":1,\"body\":{\"ballot\":{\"answer\":\"x\"}}}\n",
            "refused",
        ),
    ] {
        let answer = sent(&socket, bytes);
        assert!(answer.contains(word), "{word}: {answer}");
    }
    // More than a line can be, without an end.
    let answer = sent(&socket, &vec![b'a'; 512 * 1024]);
    assert!(answer.is_empty() || answer.contains("longer"), "{answer}");
    // A nest of lists takes no more than its bytes.
    let mut deep = b"{\"v\":1,\"body\":".to_vec();
    deep.extend(vec![b'['; 100_000]);
    deep.push(b'\n');
    assert!(sent(&socket, &deep).contains("no line of this program"));
    // Who connects and says nothing, or not all, is let go after a while; the others wait for
    // nobody, and neither does the run.
    let mut idle: Vec<UnixStream> = Vec::new();
    for _ in 0..64 {
        let mut stream = UnixStream::connect(&socket).unwrap();
        let _ = stream.write_all(b"{\"v\":1,");
        idle.push(stream);
    }
    let mut said = String::new();
    for stream in &mut idle {
        let _ = stream.read_to_string(&mut said);
    }
    assert!(said.contains("too many are connected"), "{said}");
    assert!(said.contains("nothing was asked in time"), "{said}");
    let status = sent(&socket, b"{\"v\":1,\"body\":\"status\"}\n");
    assert!(status.contains("\"gates\":[\"fail_over\"]"), "{status}");
    session.line("y");
    session.expect("audit verify");
    session.exits(0);
    assert_eq!(place.world().log().len(), 1);
}

#[test]
fn a_prompt_stands_while_peers_are_served() {
    let place = Place::new();
    let (mut session, socket) = at_gate(&place, &place.state());
    // What a peer asks, or is refused, is no reason to ask the operator anew.
    let note = b"{\"v\":1,\"body\":{\"note\":{\"text\":\"the replica lags\"}}}\n";
    assert!(sent(&socket, note).contains("not understood"));
    session.send("y");
    let status = b"{\"v\":1,\"body\":\"status\"}\n";
    for _ in 0..20 {
        assert!(sent(&socket, status).contains("fail_over"));
    }
    session.line("");
    session.exits(0);
    assert!(!session.shown().contains("the replica lags"));
    let asked = session.shown().matches("A decision is needed").count();
    assert_eq!(asked, 1, "{}", session.shown());
    assert_eq!(place.world().log().len(), 1);
}

#[test]
fn a_socket_deeper_than_an_address_can_say_is_reached() {
    let place = Place::new();
    let mut state = place.here();
    for _ in 0..4 {
        state.push("a-directory-that-lies-deeper-than-the-address-of-a-socket");
    }
    std::fs::create_dir_all(&state).unwrap();
    let state = state.join("state");
    let (mut session, socket) = at_gate(&place, &state);
    assert!(socket.as_os_str().len() > 108);
    let shown = state.display().to_string();
    place
        .run(&[
            "cancel",
            "last",
            "--reason",
            "enough of this",
            "--state-dir",
            &shown,
        ])
        .exits(0)
        .says("the run ends");
    session.expect("enough of this");
    session.exits(130);
}

#[test]
fn what_stands_in_a_sockets_place_is_left_alone() {
    let place = Place::new();
    let (mut session, socket) = at_gate(&place, &place.state());
    session.line("p");
    session.exits(75);
    std::fs::write(&socket, "not a socket").unwrap();
    // The run goes on without it.
    place
        .run(&["resume", "last", "--yes"])
        .exits(0)
        .says("nobody else can reach this run");
    assert_eq!(std::fs::read_to_string(&socket).unwrap(), "not a socket");
}

#[test]
fn a_parked_run_that_has_nothing_left_to_do_is_closed_by_who_cancels_it() {
    let place = Place::new();
    let (mut session, _) = at_gate(&place, &place.state());
    session.line("p");
    session.exits(75);
    place
        .run(&["cancel", "last", "--reason", "not needed"])
        .exits(0);
    assert_eq!(place.kinds().last().unwrap(), "run_closed");
    place.run(&["audit", "verify"]).exits(0);
    place
        .run(&["cancel", "last", "--reason", "again"])
        .exits(77)
        .says("the run is closed");
    place.run(&["resume", "last"]).exits(130);
}
