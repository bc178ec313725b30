//! One request on one connection, and all of its answer, without the run's secrets: an answer may
//! quote what was sent, and whoever shortens it for a message must not halve a secret.

use std::borrow::Cow;
use std::sync::Arc;

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
use crate::call::capture::{DEFAULT_CAP, Taken};
use crate::call::redact::Redactor;
use crate::call::secrets::Secrets;
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

impl Answer {
    /// The same without secrets in its headers; the body came in without them.
    pub(super) fn without_secrets(mut self, redactor: &Redactor) -> Self {
        for value in self.headers.values_mut() {
            // What stands for a secret holds nothing that a header may not.
            if let Cow::Owned(clean) = redactor.bytes(value.as_bytes())
                && let Ok(clean) = HeaderValue::from_bytes(&clean)
            {
                *value = clean;
            }
        }
        self
    }
}

/// Sends, and reads to the end. An error says why there is no whole answer. Of the body secrets are
/// taken out as it comes, so that none lies across the place where a long one is cut.
pub(super) async fn exchange(
    connection: Connection,
    request: Request<Full<Bytes>>,
    secrets: &Arc<Secrets>,
) -> Result<Answer, String> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(connection.stream))
        .await
        .map_err(|e| why(&e))?;
    // It moves the bytes until the answer was read; its errors come out there.
    tokio::spawn(connection);
    let response: Response<Incoming> = sender.send_request(request).await.map_err(|e| why(&e))?;
    let (head, mut body) = response.into_parts();
    let mut taken = Taken::new(DEFAULT_CAP, Some(secrets));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| why(&e))?;
        if let Some(bytes) = frame.data_ref() {
            taken.push(bytes, |_| ());
        }
    }
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body: taken.finish(|_| ()),
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
