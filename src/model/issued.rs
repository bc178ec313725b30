//! Secrets that a tool of the run gave out: what they are called among the run's own.

use std::fmt;
use std::str::FromStr;

use super::Digest;
use super::call::{Purpose, Request};

/// The name of a secret that a tool gave out. It is the name of a file too, so it leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IssuedName(String);

/// A text that names nothing that a tool gave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoIssuedName;

/// How much of a field's name is kept, in characters.
const KEPT: usize = 60;

impl IssuedName {
    /// What a field of the answer to a request is called: each attempt's own, so that none takes
    /// another's place. The same request's is the same, however often it is asked.
    ///
    /// # Errors
    /// The request cannot be written down.
    pub fn new(request: &Request, field: &str) -> Result<Self, serde_json::Error> {
        let purpose = match request.purpose {
            Purpose::Act => "act",
            Purpose::Before => "before",
            Purpose::Verify => "verify",
        };
        let of = Digest::of_json(&(&request.step, request.attempt, purpose, field))?;
        let plain = |c: char| match c {
            c if c.is_ascii_alphanumeric() || c == '_' => c,
            _ => '_',
        };
        let field: String = field.chars().take(KEPT).map(plain).collect();
        let tail: String = of.bytes()[..8].iter().map(|b| format!("{b:02x}")).collect();
        Ok(Self(format!("{field}-{tail}")))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IssuedName {
    type Err = NoIssuedName;

    fn from_str(text: &str) -> Result<Self, NoIssuedName> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        match (1..=KEPT + 17).contains(&text.len()) && text.bytes().all(plain) {
            true => Ok(Self(text.to_owned())),
            false => Err(NoIssuedName),
        }
    }
}

impl fmt::Display for IssuedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere() {
        for text in ["", ".", "..", "a/b", "a b", "ü", "a\0", "a.b"] {
            assert_eq!(text.parse::<IssuedName>(), Err(NoIssuedName), "{text}");
        }
        assert!("x".repeat(78).parse::<IssuedName>().is_err());
        let name = "password-3f9ac1d2e4b5a697";
        assert_eq!(name.parse::<IssuedName>().unwrap().as_str(), name);
    }
}
