//! The servers of a case: HTTP on loopback, and a line protocol on a Unix socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::case::{Exchange, HttpAnswer};
use super::stage::{Seen, Stage};

/// How long somebody may take to say what they want: longer than any call.
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves a stage's requests for as long as the process lives.
pub fn http(stage: &Stage) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let stage = stage.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.set_read_timeout(Some(PATIENCE));
            let Some(seen) = request(&mut stream) else {
                continue;
            };
            let head_only = matches!(&seen, Seen::Http { method, .. } if method == "HEAD");
            let answer = match stage.enter(seen) {
                Some(Exchange::Http(http)) if http.answer.cut => continue,
                Some(Exchange::Http(http)) => bytes(&http.answer, head_only),
                _ => b"HTTP/1.1 500 the case has no request here\r\ncontent-length: 0\r\n\
                       connection: close\r\n\r\n"
                    .to_vec(),
            };
            let _ = stream.write_all(&answer);
        }
    });
    address
}

fn request(stream: &mut impl Read) -> Option<Seen> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.trim_end().split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let value = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    };
    let body = match value("transfer-encoding") {
        Some(coding) if coding.eq_ignore_ascii_case("chunked") => chunks(stream)?,
        _ => {
            let length = value("content-length").map_or(Some(0), |length| length.parse().ok())?;
            let mut body = vec![0; length];
            stream.read_exact(&mut body).ok()?;
            body
        }
    };
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (target, None),
    };
    Some(Seen::Http {
        method,
        path,
        query,
        headers,
        body,
    })
}

fn chunks(stream: &mut impl Read) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\r\n") {
            stream.read_exact(&mut byte).ok()?;
            line.push(byte[0]);
        }
        let size = std::str::from_utf8(&line).ok()?.trim().split(';').next()?;
        let size = usize::from_str_radix(size, 16).ok()?;
        let mut chunk = vec![0; size + 2];
        stream.read_exact(&mut chunk).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend(&chunk[..size]);
    }
}

fn bytes(answer: &HttpAnswer, head_only: bool) -> Vec<u8> {
    let (kind, body) = match (&answer.json, &answer.body) {
        (Some(json), _) => ("application/json", json.to_string()),
        (None, Some(body)) => ("text/plain; charset=utf-8", body.clone()),
        (None, None) => ("text/plain", String::new()),
    };
    let mut head = format!("HTTP/1.1 {} said\r\n", answer.status);
    let mut header = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
    if !answer.headers.contains_key("content-type") {
        header("content-type", kind);
    }
    for (name, value) in &answer.headers {
        header(name, value);
    }
    if !matches!(answer.status, 204 | 304) {
        header("content-length", &body.len().to_string());
    }
    header("connection", "close");
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    if !head_only && !matches!(answer.status, 204 | 304) {
        bytes.extend(body.into_bytes());
    }
    bytes
}

/// Answers lines on a Unix socket for as long as the process lives.
pub fn lines(stage: &Stage, path: &Path) {
    let listener = UnixListener::bind(path).unwrap();
    let stage = stage.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.set_read_timeout(Some(PATIENCE));
            let mut sent = Vec::new();
            let mut byte = [0];
            while !sent.ends_with(b"\n") && matches!(stream.read(&mut byte), Ok(1)) {
                sent.push(byte[0]);
            }
            if sent.is_empty() {
                // Somebody only looked whether we are there.
                continue;
            }
            let seen = Seen::Line(String::from_utf8_lossy(&sent).into_owned());
            if let Some(Exchange::Line(line)) = stage.enter(seen)
                && !line.answer.cut
            {
                let _ = stream.write_all(line.answer.text.as_bytes());
            }
        }
    });
}
