//! OpenSSH's `allowed_signers`, read: see ssh-keygen(1), ALLOWED SIGNERS. Pure.
//!
//! `ssh-keygen` leaves out a line that it cannot read, and an approver finds in the middle of a night
//! that they are nobody. Here a broken file is found before a run begins, and said with its line.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::sshsig::{is_kind, is_whole, kind};
use crate::model::Timestamp;
use crate::model::approval::Principal;
use crate::model::text::escape_controls;

/// The people whose keys are known, line by line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedSigners {
    /// The lines that name somebody, in order.
    pub signers: Vec<Signer>,
}

/// One key, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Which line of the file, counted from 1.
    pub line: usize,
    /// Whose: names, or patterns as in ssh_config(5).
    pub principals: Vec<String>,
    /// Whether the key does not sign itself, but certifies keys that do.
    pub certifies: bool,
    /// What it may sign, as patterns; anything where it does not say.
    pub namespaces: Option<Vec<String>>,
    /// From when it counts.
    pub valid_after: Option<Timestamp>,
    /// Until when it counts.
    pub valid_before: Option<Timestamp>,
    /// The key, in SSH's own form.
    pub key: Vec<u8>,
}

/// A line that is not as ssh-keygen(1) says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSigners {
    /// Which line, counted from 1.
    pub line: usize,
    /// What is wrong with it, and what to do.
    pub why: String,
}

impl fmt::Display for BadSigners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, escape_controls(&self.why))
    }
}

impl std::error::Error for BadSigners {}

/// The form of a line, for messages.
const FORM: &str = "write the name of a person, options if any, the type of the key and the key: \
                    `ana@example.org namespaces=\"approve@runbook\" ssh-ed25519 AAAA…`";

impl AllowedSigners {
    /// Reads a file's text.
    ///
    /// # Errors
    /// A line of it is not as ssh-keygen(1) says.
    pub fn read(text: &str) -> Result<Self, BadSigners> {
        let mut signers = Vec::new();
        for (number, line) in (1..).zip(text.split('\n')) {
            let line = line.trim_matches([' ', '\t']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let signer = read_line(number, line).map_err(|why| BadSigners { line: number, why })?;
            signers.push(signer);
        }
        Ok(Self { signers })
    }

    /// Everybody who is named, in order. A pattern like `*@example.org` names nobody.
    pub fn names(&self) -> impl Iterator<Item = Principal> {
        self.signers.iter().flat_map(Signer::names)
    }

    /// The lines of one key that signs itself.
    pub fn of_key<'a>(&'a self, key: &'a [u8]) -> impl Iterator<Item = &'a Signer> {
        self.signers
            .iter()
            .filter(move |signer| !signer.certifies && signer.key == key)
    }
}

impl Signer {
    /// The people whom the line names. A pattern names nobody.
    pub fn names(&self) -> impl Iterator<Item = Principal> {
        self.principals.iter().filter_map(|name| name.parse().ok())
    }
}

fn read_line(number: usize, line: &str) -> Result<Signer, String> {
    if line.contains('\r') {
        return Err("the line ends as on Windows: save the file with plain line ends".to_owned());
    }
    let (principals, rest) = first_word(line)?;
    if is_kind(principals) {
        return Err("the line begins with the key: write before it whose it is".to_owned());
    }
    let principals = list(
        principals
            .strip_prefix('"')
            .map_or(principals, |inner| inner.strip_suffix('"').unwrap_or(inner)),
    )
    .ok_or("an empty name stands in the list of people")?;
    let mut signer = Signer {
        line: number,
        principals,
        certifies: false,
        namespaces: None,
        valid_after: None,
        valid_before: None,
        key: Vec::new(),
    };
    let (word, mut rest) = first_word(rest)?;
    let kind = if word.is_empty() || is_kind(word) {
        word
    } else {
        for option in options(word) {
            signer.take(option)?;
        }
        let (kind, behind) = first_word(rest)?;
        rest = behind;
        kind
    };
    if !is_kind(kind) {
        return Err(match kind {
            "" => format!("the key is missing; {FORM}"),
            kind => format!("`{kind}` is no type of key that can sign; {FORM}"),
        });
    }
    let (encoded, _comment) = first_word(rest)?;
    signer.key = read_key(kind, encoded)?;
    if let (Some(after), Some(before)) = (signer.valid_after, signer.valid_before)
        && before <= after
    {
        return Err("valid-before is not later than valid-after: the key never counts".to_owned());
    }
    Ok(signer)
}

/// The key of a public key's file: its type, the key, and what it is called.
pub(super) fn public_key(line: &str) -> Option<Vec<u8>> {
    let mut words = line.split_whitespace();
    let (kind, encoded) = (words.next()?, words.next()?);
    read_key(kind, encoded).ok()
}

fn read_key(kind_said: &str, encoded: &str) -> Result<Vec<u8>, String> {
    let broken = || {
        format!(
            "the {kind_said} key is not whole: copy it from the person's .pub file, in one line"
        )
    };
    let key = STANDARD.decode(encoded).map_err(|_| broken())?;
    match kind(&key) {
        Some(kind) if kind == kind_said && is_whole(&key) => Ok(key),
        Some(kind) if kind != kind_said && is_kind(kind) => Err(format!(
            "the key is of type {kind}, and the line says {kind_said}"
        )),
        _ => Err(broken()),
    }
}

impl Signer {
    fn take(&mut self, (name, value): (&str, Option<&str>)) -> Result<(), String> {
        let lower = name.to_ascii_lowercase();
        let twice = || format!("`{lower}` stands twice");
        let valued = |value: Option<&'_ str>| {
            value
                .map(str::to_owned)
                .ok_or_else(|| format!("write {lower}=\"…\", with the quotation marks"))
        };
        match lower.as_str() {
            "cert-authority" if value.is_none() => {
                self.certifies = true;
                Ok(())
            }
            "namespaces" => {
                let names = list(&valued(value)?).ok_or("an empty name stands in namespaces")?;
                set(&mut self.namespaces, names).ok_or_else(twice)
            }
            "valid-after" => set(&mut self.valid_after, moment(&valued(value)?)?).ok_or_else(twice),
            "valid-before" => {
                set(&mut self.valid_before, moment(&valued(value)?)?).ok_or_else(twice)
            }
            _ => Err(format!(
                "`{name}` is no option: cert-authority, namespaces, valid-after and valid-before are; {FORM}"
            )),
        }
    }
}

fn set<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

/// The names of a list with commas between; none where one is empty.
fn list(text: &str) -> Option<Vec<String>> {
    let names: Vec<String> = text.split(',').map(str::to_owned).collect();
    (!names.iter().any(String::is_empty)).then_some(names)
}

/// A word, which may have spaces within quotation marks, and what stands behind it.
fn first_word(text: &str) -> Result<(&str, &str), String> {
    let mut quoted = false;
    let end = text.find(|c| {
        quoted ^= c == '"';
        !quoted && (c == ' ' || c == '\t')
    });
    if quoted && end.is_none() {
        return Err("a quotation mark is not closed".to_owned());
    }
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    Ok((word, rest.trim_start_matches([' ', '\t'])))
}

/// Options with commas between, as a name and what stands in quotation marks behind `=`.
fn options(word: &str) -> Vec<(&str, Option<&str>)> {
    let mut quoted = false;
    let split = word.split(|c| {
        quoted ^= c == '"';
        !quoted && c == ','
    });
    split
        .map(|option| match option.split_once('=') {
            None => (option, None),
            Some((name, value)) => {
                let inner = value
                    .strip_prefix('"')
                    .and_then(|value| value.strip_suffix('"'))
                    .filter(|value| !value.contains('"'));
                (name, inner)
            }
        })
        .collect()
}

/// `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`. In UTC, with and without a `Z`: what a file
/// says must not depend on the machine that reads it.
fn moment(text: &str) -> Result<Timestamp, String> {
    let digits = text.strip_suffix('Z').unwrap_or(text);
    let part = |range: std::ops::Range<usize>| -> Option<i16> {
        match digits.get(range) {
            None => Some(0),
            Some(part) => part.parse().ok(),
        }
    };
    let read = || {
        let plain = digits.bytes().all(|b| b.is_ascii_digit());
        if !plain || ![8, 12, 14].contains(&digits.len()) {
            return None;
        }
        let small = |range| i8::try_from(part(range)?).ok();
        jiff::civil::DateTime::new(
            part(0..4)?,
            small(4..6)?,
            small(6..8)?,
            small(8..10)?,
            small(10..12)?,
            small(12..14)?,
            0,
        )
        .ok()?
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
    };
    read().ok_or_else(|| format!("`{text}` is no time: write YYYYMMDD or YYYYMMDDHHMMSS, and Z"))
}
