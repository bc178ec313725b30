//! Where an HTTP request goes: only as much of a URL as a request line needs.
//!
//! What is written here is strict, because what a URL means must not depend on who reads it: there
//! is no user or password in one, no fragment, no backslash, and no `..` that somebody on the way
//! would resolve.

// Of `core`, which knows addresses and no sockets.
use core::net::Ipv6Addr;
use std::fmt;

/// How a host is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// The word before `://`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port where a URL names none.
    pub fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Scheme, host and port: who gets a request. Two that are equal are the same to the web (RFC 6454).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// How.
    pub scheme: Scheme,
    /// The host's name in lower case, or an address; that of IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Why a text is no URL to ask, as a fragment. It quotes nothing: a URL may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidUrl(pub &'static str);

impl fmt::Display for InvalidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidUrl {}

/// Whether a text begins like a URL to ask, and how long that beginning is.
pub fn scheme(text: &str) -> Option<(Scheme, usize)> {
    [Scheme::Http, Scheme::Https]
        .into_iter()
        .find_map(|scheme| {
            let length = scheme.word().len() + "://".len();
            let begin = text.get(..length)?;
            let (word, rest) = begin.split_at(scheme.word().len());
            (word.eq_ignore_ascii_case(scheme.word()) && rest == "://").then_some((scheme, length))
        })
}

impl Origin {
    /// The origin of a URL, and what follows it: path and query, which may be empty.
    ///
    /// # Errors
    ///
    /// What is not `http://` or `https://`, and what could be read as another host than it seems.
    pub fn parse(url: &str) -> Result<(Self, &str), InvalidUrl> {
        let (scheme, length) =
            scheme(url).ok_or(InvalidUrl("it begins with https:// or http://"))?;
        let rest = &url[length..];
        let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(InvalidUrl(
                "it holds no user and password: those are sent in a header",
            ));
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(inside) => {
                let (host, port) = inside
                    .split_once(']')
                    .ok_or(InvalidUrl("its `[` is not closed"))?;
                let address: Ipv6Addr = host
                    .parse()
                    .map_err(|_| InvalidUrl("between `[` and `]` stands an IPv6 address"))?;
                (address.to_string(), port)
            }
            None => {
                let (host, port) =
                    authority.split_at(authority.find(':').unwrap_or(authority.len()));
                (name(host)?, port)
            }
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => scheme.port(),
            Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                match digits.parse() {
                    Ok(port) if port > 0 => port,
                    _ => return Err(InvalidUrl("its port is a number from 1 to 65535")),
                }
            }
            _ => return Err(InvalidUrl("its port is a number from 1 to 65535")),
        };
        Ok((Self { scheme, host, port }, rest))
    }

    /// Host and port as the `Host` header has them: the port only where it is not the usual one.
    pub fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match self.port == self.scheme.port() {
            true => host,
            false => format!("{host}:{}", self.port),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.word(), self.authority())
    }
}

/// A host's name, as it is compared: in lower case, without the dot of the root.
fn name(host: &str) -> Result<String, InvalidUrl> {
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.is_empty() {
        return Err(InvalidUrl("it names no host"));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if host.len() > 253 || !host.bytes().all(plain) {
        return Err(InvalidUrl(
            "its host has only letters, digits, `.`, `-` and `_`; others are written in punycode (xn--…)",
        ));
    }
    Ok(host.to_ascii_lowercase())
}

/// Whether this may stand behind an origin: empty, or a path, or a query, or both.
///
/// # Errors
///
/// A fragment, characters that a URL writes with `%`, and segments that are `.` or `..`.
pub fn check_path(text: &str) -> Result<(), InvalidUrl> {
    if !text.is_empty() && !text.starts_with(['/', '?']) {
        return Err(InvalidUrl("its path begins with `/`"));
    }
    if text.contains('#') {
        return Err(InvalidUrl(
            "it has no fragment (`#…`): a server never sees one",
        ));
    }
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        if !byte.is_ascii_graphic() || br#""<>\^`{|}"#.contains(byte) {
            return Err(InvalidUrl(
                "spaces, `\\`, quotes, brackets and letters beyond ASCII are written with `%` (%20)",
            ));
        }
        let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
        if *byte == b'%' && !(hex(at + 1) && hex(at + 2)) {
            return Err(InvalidUrl("a `%` is followed by two hexadecimal digits"));
        }
    }
    let path = text.split('?').next().unwrap_or_default();
    if path.split('/').any(is_dots) {
        return Err(InvalidUrl("a segment of its path is `.` or `..`"));
    }
    Ok(())
}

/// `.` or `..`, with the dots as they are or written with `%`.
fn is_dots(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Result<String, &'static str> {
        match Origin::parse(url) {
            Ok((origin, rest)) => Ok(format!("{origin} {} {} {rest}", origin.host, origin.port)),
            Err(error) => Err(error.0),
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (url, expected) in [
            (
                "https://A.example.org",
                "https://a.example.org a.example.org 443 ",
            ),
            ("HTTP://a:8080/x?y", "http://a:8080 a 8080 /x?y"),
            ("https://a:443?y", "https://a a 443 ?y"),
            ("http://[::1]:80/", "http://[::1] ::1 80 /"),
            ("https://a./", "https://a a 443 /"),
            ("http://127.1/", "http://127.1 127.1 80 /"),
        ] {
            assert_eq!(origin(url).as_deref(), Ok(expected), "{url}");
        }
    }

    #[test]
    fn threat_46_what_could_be_read_as_another_host_is_no_url() {
        for url in [
            "ftp://a",
            "//a",
            "a.example.org",
            "https:/a",
            "https://",
            "https:///x",
            "https://good@evil/",
            "https://good:80@evil/",
            "https://good\\@evil/",
            "https://good%2eevil/",
            "https://go od/",
            "https://g\r\nHost: x/",
            "https://gü/",
            "https://a:0/",
            "https://a:99999/",
            "https://a:+80/",
            "https://a:/",
            "https://a:80:80/",
            "https://[::1/",
            "https://[::1]x/",
            "https://[good]/",
            "https://::1/",
        ] {
            assert!(origin(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_path_means_what_it_says() {
        for path in [
            "",
            "/",
            "/a/b?c=d&e=/../x",
            "?a",
            "/a%20b",
            "/a/...",
            "/a:b@c;d=1,2",
        ] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
        for path in [
            "a",
            "/a b",
            "/a#b",
            "/ü",
            "/a\\b",
            "/%",
            "/%2",
            "/%zz",
            "/..",
            "/a/../b",
            "/a/.",
            "/%2e%2E/b",
            "/.%2e",
            "/a\r\nb",
            "/{x}",
        ] {
            assert!(check_path(path).is_err(), "{path}");
        }
    }
}
