//! Where an answer sends, and whether that is followed.

use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CONTENT_LANGUAGE, CONTENT_TYPE, LOCATION};

use super::exchange::Answer;
use super::request::Filled;
use crate::model::http::{Method, Redirects};
use crate::model::url::{Origin, check_path, scheme};

/// How often one request is sent on.
pub(super) const AT_MOST: usize = 5;

/// Where an answer sends.
pub(super) enum Sent {
    /// Nowhere: it is an answer like any other.
    Nowhere,
    /// To another path of the same origin.
    Same(String),
    /// To somebody else, named without a query: that may hold a secret.
    Elsewhere(String),
    /// To something that is no place to ask.
    Unclear,
}

/// Where an answer to a request for this path sends.
pub(super) fn sends(answer: &Answer, origin: &Origin, path: &str) -> Sent {
    let follows = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(location) = answer.headers.get(LOCATION).filter(|_| follows) else {
        return Sent::Nowhere;
    };
    let Ok(location) = location.to_str() else {
        return Sent::Unclear;
    };
    // A fragment is for whoever shows a page.
    let location = location.split('#').next().unwrap_or_default();
    let whole = if location.starts_with("//") {
        format!("{}:{location}", origin.scheme.word())
    } else if scheme(location).is_some() {
        location.to_owned()
    } else if location.starts_with('/') {
        format!("{origin}{location}")
    } else if location
        .split(['/', '?'])
        .next()
        .is_some_and(|first| first.contains(':'))
    {
        // Another scheme: `ftp:`, `file:`.
        return Sent::Unclear;
    } else {
        let path = path.split('?').next().unwrap_or_default();
        let directory = match location.starts_with('?') {
            true => path,
            false => &path[..path.rfind('/').map_or(0, |at| at + 1)],
        };
        format!("{origin}{directory}{location}")
    };
    let Ok((target, rest)) = Origin::parse(&whole) else {
        return Sent::Unclear;
    };
    if check_path(rest).is_err() {
        return Sent::Unclear;
    }
    if target != *origin {
        let path = rest.split('?').next().unwrap_or_default();
        return Sent::Elsewhere(format!("{target}{path}"));
    }
    Sent::Same(match rest.starts_with('/') {
        true => rest.to_owned(),
        false => format!("/{rest}"),
    })
}

impl Filled {
    /// The same request for another path of the same origin. What was done with the first one is
    /// only looked at where the answer says so (RFC 9110, section 15.4).
    pub(super) fn sent_on(&mut self, status: StatusCode, path: String) {
        let looks = match status.as_u16() {
            303 => !self.method.looks(),
            301 | 302 => self.method == Method::Post,
            _ => false,
        };
        if looks {
            self.method = Method::Get;
            self.body = Bytes::new();
            self.headers
                .retain(|(name, _)| *name != CONTENT_TYPE && *name != CONTENT_LANGUAGE);
        }
        let shown = path.split('?').next().unwrap_or_default();
        self.url.shown = format!("{}{shown}", self.url.shown_origin);
        self.url.path = path;
    }
}

/// What to do about an answer that sends elsewhere.
pub(super) fn hint(sent: &Sent, redirects: Redirects) -> Option<String> {
    match (sent, redirects) {
        (Sent::Nowhere, _) => None,
        (Sent::Same(_), Redirects::None) => Some(
            "it sends to another path; ask for that, or follow it with `redirects: same_host`"
                .to_owned(),
        ),
        (Sent::Same(_), Redirects::SameHost) => Some(format!(
            "it was followed {AT_MOST} times, which is all that is followed"
        )),
        (Sent::Elsewhere(place), _) => Some(format!(
            "it sends to {place}, which was not followed: nothing that is meant for one host goes \
             to another"
        )),
        (Sent::Unclear, _) => Some("it sends to something that is no URL to ask".to_owned()),
    }
}
