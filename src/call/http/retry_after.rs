//! How long a server that is too busy asks to be left alone (RFC 9110, section 10.2.3).

use hyper::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use jiff::fmt::rfc2822::DateTimeParser;

use crate::model::{Duration, Timestamp};

/// The time from now on, whether it is said in seconds or as a moment. A moment is one of the
/// server's clock, so it is held against the `Date` of the same answer where there is one.
pub(super) fn left_alone(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = text(headers, &RETRY_AFTER)?;
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_std(std::time::Duration::from_secs(seconds)));
    }
    let until = moment(text)?;
    let now = self::text(headers, &DATE).and_then(moment).unwrap_or(now);
    Some(Duration::between(now, until))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn moment(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(headers: &[(HeaderName, &str)]) -> Option<String> {
        let pairs = headers.iter().cloned();
        let headers = pairs.map(|(name, value)| (name, value.parse().unwrap()));
        let now = "2026-11-20T10:00:00Z".parse().unwrap();
        left_alone(&headers.collect(), now).map(|wait| wait.to_string())
    }

    #[test]
    fn a_busy_server_says_seconds_or_a_moment() {
        for (text, expected) in [
            ("120", Some("2m")),
            (" 7 ", Some("7s")),
            ("0", Some("0s")),
            ("Fri, 20 Nov 2026 10:00:30 GMT", Some("30s")),
            ("Fri, 20 Nov 2026 09:00:00 GMT", Some("0s")),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(wait(&[(RETRY_AFTER, text)]).as_deref(), expected, "{text}");
        }
        assert_eq!(wait(&[]), None);
        // More than any number is as long as anything may be.
        let ages = wait(&[(RETRY_AFTER, "99999999999999999999999")]).unwrap();
        assert_eq!(wait(&[(RETRY_AFTER, "9999999999")]).unwrap(), ages);
    }

    #[test]
    fn a_moment_is_one_of_the_servers_clock() {
        let date = (DATE, "Fri, 20 Nov 2026 12:00:00 GMT");
        let until = (RETRY_AFTER, "Fri, 20 Nov 2026 12:00:30 GMT");
        assert_eq!(wait(&[date, until.clone()]).as_deref(), Some("30s"));
        let broken = (DATE, "noon");
        assert_eq!(wait(&[broken, until]).as_deref(), Some("2h 30s"));
    }
}
