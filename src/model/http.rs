//! The words of an HTTP request that an adapter's file and its answerer share.

use serde::{Deserialize, Serialize};

/// The method of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Looks.
    #[default]
    Get,
    /// Looks at the headers only.
    Head,
    /// Does something.
    Post,
    /// Puts something in place.
    Put,
    /// Changes a part.
    Patch,
    /// Takes something away.
    Delete,
}

impl Method {
    /// All methods with their words.
    pub const ALL: [(&'static str, Self); 6] = [
        ("GET", Self::Get),
        ("HEAD", Self::Head),
        ("POST", Self::Post),
        ("PUT", Self::Put),
        ("PATCH", Self::Patch),
        ("DELETE", Self::Delete),
    ];

    /// The word of the request line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether it only looks, by what all servers agree on (RFC 9110, section 9.2.1).
    pub fn looks(self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }
}

/// What becomes of an answer that sends elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redirects {
    /// It is the answer.
    #[default]
    None,
    /// It is followed where it leads to the same scheme, host and port.
    SameHost,
}

impl Redirects {
    /// All of them with the words used in files.
    pub const ALL: [(&'static str, Self); 2] =
        [("none", Self::None), ("same_host", Self::SameHost)];
}
