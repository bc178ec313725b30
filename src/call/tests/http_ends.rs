//! How a request ends that has no whole answer.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use super::http::{acting, adapter, expression, failed, reading, send, spec, succeeded};
use super::server::{Server, answer, nobody};
use super::support::Ear;
use crate::call::DEFAULT_CAP;
use crate::model::Duration;
use crate::model::call::{Adapter, Cancel, Ended, FailureKind, Request};
use crate::model::http::Method;

fn within(millis: u64, request: Request) -> Request {
    Request {
        timeout: Duration::from_millis(millis),
        ..request
    }
}

#[test]
fn who_is_not_there_was_asked_nothing() {
    let adapter = adapter(&format!("http://{}", nobody()), spec(Method::Post, "/"));
    let failure = failed(&send(&adapter, &acting(&[])));
    assert_eq!(failure.kind, FailureKind::NotStarted);
    assert!(
        failure
            .message
            .contains("connection refused: nobody listens there"),
        "{failure}"
    );
}

#[test]
fn a_name_that_nobody_knows_was_asked_nothing() {
    let adapter = adapter("http://flags.invalid", spec(Method::Post, "/"));
    let network = crate::call::Network::new(&Default::default(), Default::default());
    let network = network.resolving(std::sync::Arc::new(|host, _| {
        assert_eq!(host, "flags.invalid");
        Err(std::io::Error::other("Name or service not known"))
    }));
    let adapter = crate::call::HttpAdapter {
        network: network.into(),
        ..adapter
    };
    let failure = failed(&send(&adapter, &acting(&[])));
    assert_eq!(failure.kind, FailureKind::NotStarted);
    assert!(
        failure
            .message
            .contains("flags.invalid cannot be found: Name or service"),
        "{failure}"
    );
}

#[test]
fn a_lookup_without_end_ends_with_the_time_and_nothing_was_sent() {
    let (release, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let network = crate::call::Network::new(&Default::default(), Default::default());
    let network = network.resolving(std::sync::Arc::new(move |_, _| {
        let _ = wait.lock().unwrap().recv();
        Ok(Vec::new())
    }));
    let adapter = crate::call::HttpAdapter {
        network: network.into(),
        ..adapter("http://flags.invalid", spec(Method::Post, "/"))
    };
    let failure = failed(&send(&adapter, &within(100, acting(&[]))));
    assert_eq!(failure.kind, FailureKind::NotStarted);
    assert!(
        failure
            .message
            .contains("no connection to http://flags.invalid within"),
        "{failure}"
    );
    drop(release);
}

#[test]
fn threat_44_a_time_out_after_a_post_was_sent_is_a_doubt() {
    let server = Server::silent();
    let adapter = adapter(&server.url(), spec(Method::Post, "/"));
    let reply = send(&adapter, &within(200, acting(&[])));
    assert_eq!(reply.ended, Ended::TimedOut);
    assert_eq!(server.requests().len(), 1, "it was never sent again");
}

#[test]
fn threat_44_an_answer_that_breaks_off_is_a_doubt() {
    for half in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"ok\":",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ] {
        let server = Server::saying(half);
        let mut spec = spec(Method::Post, "/x");
        spec.reading.ok = expression("true");
        let reply = send(&adapter(&server.url(), spec), &acting(&[]));
        let Ended::Unknown(why) = &reply.ended else {
            panic!("{half:?}: {reply:?}");
        };
        assert!(
            why.contains("/x was sent, and has no whole answer: "),
            "{why}"
        );
        assert_eq!(server.requests().len(), 1);
    }
    let server = Server::saying("SSH-2.0-OpenSSH_9.9\r\n");
    let reply = send(
        &adapter(&server.url(), spec(Method::Post, "/")),
        &acting(&[]),
    );
    assert!(
        matches!(&reply.ended, Ended::Unknown(why) if why.ends_with("no HTTP answer")),
        "{reply:?}"
    );
}

#[test]
fn threat_44_a_reset_after_the_request_is_a_doubt() {
    // What closes with bytes unread resets the connection.
    let server = Server::raw(|stream| {
        let mut one = [0];
        stream.peek(&mut one).unwrap_or_default();
        drop(stream);
    });
    let reply = send(
        &adapter(&server.url(), spec(Method::Post, "/")),
        &acting(&[]),
    );
    assert!(matches!(reply.ended, Ended::Unknown(_)), "{reply:?}");
}

#[test]
fn threat_44_a_gateway_that_gave_up_is_a_doubt_for_what_acts() {
    for status in ["502 Bad Gateway", "504 Gateway Timeout"] {
        let server = Server::saying(&answer(status, "text/html", "<html>"));
        let post = adapter(&server.url(), spec(Method::Post, "/"));
        let reply = send(&post, &acting(&[]));
        assert!(
            matches!(&reply.ended, Ended::Unknown(why) if why.contains("which may have acted")),
            "{reply:?}"
        );
        let get = adapter(&server.url(), spec(Method::Get, "/"));
        assert_eq!(failed(&send(&get, &reading(&[]))).kind, FailureKind::Answer);
    }
}

#[test]
fn threat_48_a_huge_body_is_cut_and_said() {
    let length = DEFAULT_CAP + 1000;
    let server = Server::new(move |_, line| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n[");
        let _ = line.write_all(head.as_bytes());
        let _ = line.write_all(&vec![b' '; length - 2]);
        let _ = line.write_all(b"]");
    });
    let reply = send(
        &adapter(&server.url(), spec(Method::Get, "/")),
        &reading(&[]),
    );
    assert!(succeeded(&reply).contains("\"status\":200"));
    assert_eq!(reply.stdout.bytes.len(), DEFAULT_CAP);
    assert_eq!(reply.stdout.cut.unwrap().bytes, 1000);
    assert!(
        reply.notes[0].contains("the output's body is only the first"),
        "{:?}",
        reply.notes
    );
    let told = String::from_utf8(reply.stderr.bytes).unwrap();
    assert!(told.contains("1000 B of it left out"), "{told}");
    // Half an answer decides nothing.
    let mut spec = spec(Method::Get, "/");
    spec.reading.ok = expression("body == []");
    let failure = failed(&send(&adapter(&server.url(), spec), &reading(&[])));
    assert!(
        failure
            .message
            .contains("longer than what is kept: 1000 B are missing"),
        "{failure}"
    );
}

#[test]
fn threat_48_an_endless_body_ends_with_the_time() {
    let server = Server::new(|_, line| {
        let _ = line.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        while line.write_all(b"3\r\nabc\r\n").is_ok() {}
    });
    let reply = send(
        &adapter(&server.url(), spec(Method::Get, "/")),
        &within(300, reading(&[])),
    );
    assert_eq!(reply.ended, Ended::TimedOut);
}

#[test]
fn threat_48_endless_headers_are_no_answer() {
    let server = Server::new(|_, line| {
        let _ = line.write_all(b"HTTP/1.1 200 OK\r\n");
        while line.write_all(b"a: b\r\n").is_ok() {}
    });
    let reply = send(
        &adapter(&server.url(), spec(Method::Get, "/")),
        &reading(&[]),
    );
    assert!(matches!(reply.ended, Ended::Unknown(_)), "{reply:?}");
}

#[test]
fn a_body_that_drips_ends_with_the_time() {
    let (release, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let server = Server::new(move |_, line| {
        let _ = line.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\na");
        let _ = line.flush();
        let _ = wait.lock().unwrap().recv();
    });
    let reply = send(
        &adapter(&server.url(), spec(Method::Post, "/")),
        &within(200, acting(&[])),
    );
    assert_eq!(reply.ended, Ended::TimedOut);
    drop(release);
}

/// Wants to stop as soon as a server was asked.
struct Once<'a>(&'a Server);

impl Cancel for Once<'_> {
    fn is_cancelled(&self) -> bool {
        !self.0.requests().is_empty()
    }
}

#[test]
fn what_is_under_way_ends_on_request() {
    let server = Server::silent();
    let adapter = adapter(&server.url(), spec(Method::Post, "/"));
    let ear = Ear::default();
    let reply = adapter.call(&acting(&[]), &ear, &Once(&server));
    assert_eq!(reply.ended, Ended::Cancelled);
}

#[test]
fn what_is_ended_before_it_was_sent_did_nothing() {
    let server = Server::ok("{}");
    let adapter = adapter(&server.url(), spec(Method::Post, "/"));
    let ear = Ear::stopped();
    let reply = adapter.call(&acting(&[]), &ear, &ear);
    assert_eq!(failed(&reply).kind, FailureKind::NotStarted);
    let reply = adapter.call(&reading(&[]), &ear, &ear);
    assert_eq!(reply.ended, Ended::Cancelled);
    assert_eq!(server.requests().len(), 0);
}
