//! What a call left behind: its streams, kept as blobs, and its structured output.

use serde::{Deserialize, Serialize};

use super::{Digest, Value};

/// Bytes that are kept beside the journal, named by their digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRef {
    /// What the file is called and holds.
    pub sha256: Digest,
    /// How many bytes are kept.
    pub bytes: u64,
    /// How many bytes in the middle were left out because the cap was reached.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cut: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// The raw output of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streams {
    /// Standard output, where there was any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout: Option<BlobRef>,
    /// Standard error, where there was any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<BlobRef>,
}

impl Streams {
    /// Whether nothing was printed.
    pub fn is_empty(&self) -> bool {
        self.stdout.is_none() && self.stderr.is_none()
    }

    /// The blobs that must be there for the record to be whole.
    pub fn blobs(&self) -> impl Iterator<Item = &BlobRef> {
        self.stdout.iter().chain(self.stderr.iter())
    }
}

/// The largest structured output that is written into the record itself; a larger one is a blob.
pub const MAX_INLINE: usize = 16 * 1024;

/// The largest structured output that a later step may read.
pub const MAX_OUTPUT: usize = 1024 * 1024;

/// A structured output: in the record, or beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stored {
    /// In the record.
    Inline(Value),
    /// Beside the journal. Who reads the journal fills in `value`.
    Blob {
        /// The file.
        blob: BlobRef,
        /// The loaded value; never written into the record.
        #[serde(skip)]
        value: Option<Value>,
    },
}

impl Stored {
    /// The value, where it is known.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Inline(value) => Some(value),
            Self::Blob { value, .. } => value.as_ref(),
        }
    }

    /// The blob that must be there for the record to be whole.
    pub fn blob(&self) -> Option<&BlobRef> {
        match self {
            Self::Inline(_) => None,
            Self::Blob { blob, .. } => Some(blob),
        }
    }
}
