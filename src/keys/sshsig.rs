//! An armored SSH signature, taken apart: whose key made it, and for what. Pure.
//!
//! The form is that of OpenSSH's PROTOCOL.sshsig and PROTOCOL.certkeys. Nothing here says whether a
//! signature is right: that is for `ssh-keygen` to find out.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use crate::model::Digest;

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";

/// The most that an armored signature may be, in bytes: one by the largest RSA key has a quarter.
const MAX_ARMORED: usize = 16 * 1024;

/// What a signature says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The key that made it, or its certificate, in SSH's own form.
    public_key: Vec<u8>,
    /// What it was made for.
    namespace: String,
}

/// A text that is not an armored SSH signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotASignature {
    /// It does not begin as one.
    Begin,
    /// It does not end as one: a part was lost.
    End,
    /// What is between is not base64.
    Base64,
    /// What is encoded there has another form, or lacks its end.
    Form,
    /// It is far larger than a signature.
    TooLong,
}

impl fmt::Display for NotASignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin => write!(f, "the signature does not begin with `{BEGIN}`"),
            Self::End => write!(
                f,
                "the signature does not end with `{END}` and a line's end: a part of it is missing"
            ),
            Self::Base64 => f.write_str("the signature has characters that do not belong there"),
            Self::Form => f.write_str("the signature is not whole, or is none of SSH's"),
            Self::TooLong => f.write_str("the signature is far too long for one"),
        }
    }
}

impl std::error::Error for NotASignature {}

impl Signature {
    /// Reads what `ssh-keygen -Y sign` writes.
    ///
    /// # Errors
    /// It is something else, or not whole.
    pub fn read(armored: &str) -> Result<Self, NotASignature> {
        if armored.len() > MAX_ARMORED {
            return Err(NotASignature::TooLong);
        }
        let rest = armored.strip_prefix(BEGIN).ok_or(NotASignature::Begin)?;
        let rest = rest.strip_prefix('\n').ok_or(NotASignature::Begin)?;
        let rest = rest.strip_suffix('\n').ok_or(NotASignature::End)?;
        let body = rest.strip_suffix(END).ok_or(NotASignature::End)?;
        let blob = STANDARD
            .decode(body.replace('\n', ""))
            .map_err(|_| NotASignature::Base64)?;
        Self::of_blob(&blob).ok_or(NotASignature::Form)
    }

    fn of_blob(blob: &[u8]) -> Option<Self> {
        let rest = blob.strip_prefix(b"SSHSIG")?;
        let rest = rest.strip_prefix(&1_u32.to_be_bytes())?;
        let mut rest = Fields(rest);
        let (public_key, namespace) = (rest.next()?, rest.next()?);
        let (_reserved, _hash, _signature) = (rest.next()?, rest.next()?, rest.next()?);
        if !rest.0.is_empty() || fingerprint(public_key).is_none() {
            return None;
        }
        Some(Self {
            public_key: public_key.to_vec(),
            namespace: String::from_utf8(namespace.to_vec()).ok()?,
        })
    }

    /// What it was made for: `approve@runbook`, `git`, `file`.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The key that made it, in SSH's own form; a certificate where it was made by one.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// Whether a certificate made it, which names its people itself.
    pub fn is_certified(&self) -> bool {
        kind(&self.public_key).is_some_and(|kind| kind.ends_with(CERTIFIED))
    }

    /// The key as `ssh-keygen -l` names it: `SHA256:…`. A certificate is named by its key.
    pub fn fingerprint(&self) -> String {
        // Reading has found that there is one.
        fingerprint(&self.public_key).unwrap_or_default()
    }
}

/// The end of a certificate's type.
const CERTIFIED: &str = "-cert-v01@openssh.com";

/// The fields of SSH's own form: each has its length before it.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (field, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(field)
    }
}

/// What kind of key it is: `ssh-ed25519`. None where the bytes are no key.
pub(super) fn kind(public_key: &[u8]) -> Option<&str> {
    std::str::from_utf8(Fields(public_key).next()?).ok()
}

fn fingerprint(public_key: &[u8]) -> Option<String> {
    let digest = match kind(public_key)?.strip_suffix(CERTIFIED) {
        None => Digest::of(public_key),
        Some(plain) => Digest::of(&key_of_certificate(plain, public_key)?),
    };
    Some(format!("SHA256:{}", STANDARD_NO_PAD.encode(digest.bytes())))
}

/// The types of keys that `ssh-keygen` takes, with how many fields each has behind its type.
const KINDS: &[(&str, usize)] = &[
    ("ssh-ed25519", 1),
    ("ssh-rsa", 2),
    ("ecdsa-sha2-nistp256", 2),
    ("ecdsa-sha2-nistp384", 2),
    ("ecdsa-sha2-nistp521", 2),
    ("sk-ssh-ed25519@openssh.com", 2),
    ("sk-ecdsa-sha2-nistp256@openssh.com", 3),
];

/// Whether keys of this type can sign.
pub(super) fn is_kind(kind: &str) -> bool {
    KINDS.iter().any(|(name, _)| *name == kind)
}

/// Whether a key is not cut off.
pub(super) fn is_whole(public_key: &[u8]) -> bool {
    let fields = kind(public_key).and_then(|kind| KINDS.iter().find(|(name, _)| *name == kind));
    let mut rest = Fields(public_key);
    fields.is_some_and(|(_, fields)| {
        (0..=*fields).all(|_| rest.next().is_some()) && rest.0.is_empty()
    })
}

/// The key that a certificate is for: its own fields stand behind the type and a nonce.
fn key_of_certificate(plain: &str, certificate: &[u8]) -> Option<Vec<u8>> {
    let (kind, fields) = KINDS
        .iter()
        .find(|(name, _)| name.strip_suffix("@openssh.com").unwrap_or(name) == plain)?;
    let mut rest = Fields(certificate);
    let (_kind, _nonce) = (rest.next()?, rest.next()?);
    let mut key = Vec::new();
    let mut push = |field: &[u8]| -> Option<()> {
        key.extend(u32::try_from(field.len()).ok()?.to_be_bytes());
        key.extend(field);
        Some(())
    };
    push(kind.as_bytes())?;
    for _ in 0..*fields {
        push(rest.next()?)?;
    }
    Some(key)
}
