//! Answers that quote a secret that was sent: it is whole nowhere, and no part of it either, wherever
//! a message or an output is cut.

use super::http::{acting, adapter, expression, send, spec, templates};
use super::server::{Server, answer};
use crate::call::TEXT_CAP;
use crate::model::call::Reply;
use crate::model::http::Method;

const TOKEN: &str = "s3cret-t0ken";

/// The reply to a request that sends the secret, answered with this.
fn reply(answer: String, ok: Option<&str>) -> Reply {
    let server = Server::saying(&answer);
    let mut spec = spec(Method::Post, "/x");
    spec.request.headers = templates(&[("Authorization", "Bearer {{ settings.token }}")]);
    spec.reading.ok = ok.and_then(expression);
    send(&adapter(&server.url(), spec), &acting(&[]))
}

#[track_caller]
fn holds_nothing_of_it(reply: &Reply, at: usize) {
    let all = format!(
        "{:?} {:?} {}",
        reply.ended,
        reply.notes,
        String::from_utf8_lossy(&reply.stdout.bytes)
    );
    for part in ["s3c", "ken"] {
        assert!(!all.contains(part), "{part} at {at} in {all}");
    }
}

#[test]
fn threat_31_a_refusal_that_quotes_a_secret_shows_no_part_of_it_wherever_it_is_cut() {
    // Messages are cut at 200 characters of 1000 bytes, values in them at 80, outputs at 16 KiB.
    let ends = [80, 200, 1000, TEXT_CAP];
    for at in ends.into_iter().flat_map(|end| end - TOKEN.len() - 1..=end) {
        let body = format!("{}{TOKEN} is not known here", "x".repeat(at));
        let refused = answer("403 Forbidden", "text/plain", &body);
        holds_nothing_of_it(&reply(refused.clone(), None), at);
        holds_nothing_of_it(&reply(refused, Some("status == 200 and body == 'x'")), at);
        let accepted = answer("200 OK", "text/plain", &body);
        holds_nothing_of_it(&reply(accepted.clone(), Some("body == 'x'")), at);
        holds_nothing_of_it(&reply(accepted, None), at);
    }
}

#[test]
fn threat_31_a_header_that_quotes_a_secret_shows_no_part_of_it_wherever_it_is_cut() {
    for at in 80 - TOKEN.len() - 1..=80 {
        let said = format!("{}{TOKEN}", "x".repeat(at));
        let answer = format!("HTTP/1.1 200 OK\r\nx-said: {said}\r\ncontent-length: 0\r\n\r\n");
        let reply = reply(answer, Some("headers.x_said == 'x'"));
        assert!(format!("{:?}", reply.ended).contains("headers.x_said is"));
        holds_nothing_of_it(&reply, at);
    }
}
