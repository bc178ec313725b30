//! One request on one connection, and all of its answer.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{
    ACCEPT, CONNECTION, HOST, HeaderMap, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT,
};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use super::connect::{Connection, Form};
use super::request::Filled;
use crate::call::capture::{DEFAULT_CAP, Keep};
use crate::model::call::Captured;
use crate::model::text::escape_controls;

/// Who we say we are.
const AGENT: &str = concat!("runbook/", env!("CARGO_PKG_VERSION"));

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The body, the head and the tail of it where it was larger than what is kept.
    pub(super) body: Captured,
}

/// A request that cannot be written: nothing of it was sent.
pub(super) fn written(
    filled: &Filled,
    form: &Form,
) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let origin = &filled.url.origin;
    let target = match form {
        Form::Path => filled.url.path.clone(),
        Form::Absolute(_) => format!("{origin}{}", filled.url.path),
    };
    let mut request = Request::builder()
        .method(Method::from_bytes(filled.method.word().as_bytes())?)
        .uri(target)
        .body(Full::new(filled.body.clone()))?;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_str(&origin.authority())?);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(
        ACCEPT,
        HeaderValue::from_static("application/json, */*;q=0.5"),
    );
    if let Form::Absolute(Some(authorization)) = form {
        headers.insert(PROXY_AUTHORIZATION, authorization.clone());
    }
    for (name, value) in &filled.headers {
        headers.insert(name.clone(), value.clone());
    }
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(request)
}

/// Sends, and reads to the end. An error says why there is no whole answer.
pub(super) async fn exchange(
    connection: Connection,
    request: Request<Full<Bytes>>,
) -> Result<Answer, String> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(connection.stream))
        .await
        .map_err(|e| why(&e))?;
    // It moves the bytes until the answer was read; its errors come out there.
    tokio::spawn(connection);
    let response: Response<Incoming> = sender.send_request(request).await.map_err(|e| why(&e))?;
    let (head, mut body) = response.into_parts();
    let mut keep = Keep::new(DEFAULT_CAP);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| why(&e))?;
        if let Some(bytes) = frame.data_ref() {
            keep.push(bytes);
        }
    }
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body: keep.finish(),
    })
}

/// Why, in words, with the cause that lies below.
fn why(error: &hyper::Error) -> String {
    if error.is_incomplete_message() {
        return "the connection ended in the middle".to_owned();
    }
    if error.is_parse() {
        return "what came back is no HTTP answer".to_owned();
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause {
        let deeper_text = match deeper.downcast_ref::<std::io::Error>() {
            Some(error) => super::connect::reason(error),
            None => deeper.to_string(),
        };
        if !text.contains(&deeper_text) {
            text.push_str(&format!(": {deeper_text}"));
        }
        cause = deeper.source();
    }
    escape_controls(&text).into_owned()
}
