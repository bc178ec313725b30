//! Which key signs, and signing.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use super::keygen::{Answer, Keygen, KeygenError, Talk};
use super::signers::public_key;
use super::sshsig::{NotASignature, Signature};
use crate::model::approval::Ballot;
use crate::model::text::escape_controls;

/// The usual names of keys in `~/.ssh`, the one that is taken first first.
const USUAL: &[&str] = &[
    "id_ed25519_sk",
    "id_ed25519",
    "id_ecdsa_sk",
    "id_ecdsa",
    "id_rsa",
];

/// Where a key is looked for, in this order.
#[derive(Clone, Copy, Debug, Default)]
pub struct WantedKey<'a> {
    /// The file that was named on the command line.
    pub given: Option<&'a Path>,
    /// What `RUNBOOK_SSH_KEY` says.
    pub variable: Option<&'a OsStr>,
    /// The person's home directory, in which `.ssh` has the usual ones.
    pub home: Option<&'a Path>,
}

/// A key to sign with: a private key's file, or a public key's whose other half an agent has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(PathBuf);

impl Key {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The key's public half as signatures hold it, where it is beside the file and can be read.
    pub fn public_half(&self) -> Option<Vec<u8>> {
        let public = match self.0.extension() {
            Some(extension) if extension == "pub" => self.0.clone(),
            _ => {
                let mut public = self.0.as_os_str().to_owned();
                public.push(".pub");
                PathBuf::from(public)
            }
        };
        let line = std::fs::read_to_string(public).ok()?;
        public_key(&line)
    }
}

/// A text's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The signature, armored.
    pub signature: String,
    /// The key, as `ssh-keygen -l` names it.
    pub key: String,
}

/// Why nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSealed {
    /// The file that was named is not there.
    NoSuchKey(PathBuf),
    /// Nothing was named, and none of the usual files is there.
    NoKey,
    /// `ssh-keygen` did not sign; it told the person why.
    Refused(PathBuf),
    /// `ssh-keygen` could not be asked.
    NotAsked(KeygenError),
    /// It gave something that is no signature.
    Form(NotASignature),
}

impl NotSealed {
    /// What to do.
    pub fn hint(&self) -> String {
        match self {
            Self::NoSuchKey(_) | Self::NoKey => "name the key with --key FILE or RUNBOOK_SSH_KEY, \
                or make one: ssh-keygen -t ed25519"
                .to_owned(),
            Self::Refused(_) => "if the key is held by an agent, see `ssh-add -l`; \
                to sign by hand, add --text"
                .to_owned(),
            Self::NotAsked(error) => error.hint().to_owned(),
            Self::Form(_) => KeygenError::Missing.hint().to_owned(),
        }
    }
}

impl fmt::Display for NotSealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |path: &Path| escape_controls(&path.display().to_string()).into_owned();
        match self {
            Self::NoSuchKey(path) => write!(f, "there is no key {}", shown(path)),
            Self::NoKey => write!(
                f,
                "there is no SSH key to sign with: ~/.ssh has none of {}",
                USUAL.join(", ")
            ),
            Self::Refused(path) => {
                write!(f, "ssh-keygen did not sign with {}", shown(path))
            }
            Self::NotAsked(error) => error.fmt(f),
            Self::Form(error) => write!(f, "what ssh-keygen made cannot be read: {error}"),
        }
    }
}

impl std::error::Error for NotSealed {}

impl From<KeygenError> for NotSealed {
    fn from(error: KeygenError) -> Self {
        Self::NotAsked(error)
    }
}

/// The key to sign with.
///
/// # Errors
/// The one that was named is not there, or there is none.
pub fn find_key(wanted: &WantedKey<'_>) -> Result<Key, NotSealed> {
    let variable = wanted.variable.filter(|name| !name.is_empty());
    if let Some(named) = wanted.given.or(variable.map(Path::new)) {
        let missing = || NotSealed::NoSuchKey(named.to_owned());
        return either_half(named).ok_or_else(missing);
    }
    let ssh = wanted.home.map(|home| home.join(".ssh"));
    ssh.iter()
        .flat_map(|ssh| USUAL.iter().map(|name| ssh.join(name)))
        .find_map(|path| either_half(&path))
        .ok_or(NotSealed::NoKey)
}

/// The private key where it is there, else the public one: an agent may have its other half.
fn either_half(path: &Path) -> Option<Key> {
    let mut public = path.as_os_str().to_owned();
    public.push(".pub");
    [path.to_owned(), PathBuf::from(public)]
        .into_iter()
        .find(|path| path.is_file())
        .map(Key)
}

impl Keygen {
    /// Signs a ballot's text. `ssh-keygen` may ask the person for a passphrase or a touch.
    ///
    /// # Errors
    /// It could not be asked, or did not sign.
    pub fn sign(&self, text: &str, key: &Key) -> Result<Sealed, NotSealed> {
        let signature = self.signed(text, key)?;
        match signature {
            None => Err(NotSealed::Refused(key.0.clone())),
            Some(signature) => {
                let read = Signature::read(&signature).map_err(NotSealed::Form)?;
                Ok(Sealed {
                    key: read.fingerprint(),
                    signature,
                })
            }
        }
    }

    fn signed(&self, text: &str, key: &Key) -> Result<Option<String>, KeygenError> {
        // A file and not its standard input, which it needs to ask for a passphrase.
        let dir = tempfile::Builder::new().prefix("runbook-keys").tempdir()?;
        let path = dir.path().join("ballot");
        std::fs::write(&path, text)?;
        let mut words: Vec<OsString> = ["-q", "-Y", "sign", "-n", Ballot::NAMESPACE, "-f"]
            .map(OsString::from)
            .to_vec();
        words.extend([key.0.clone().into(), path.clone().into()]);
        match self.run(&words, &Talk::Person)? {
            Answer::No(_) => Ok(None),
            Answer::Yes(_) => Ok(Some(std::fs::read_to_string(path.with_extension("sig"))?)),
        }
    }
}
