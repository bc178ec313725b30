//! SSH signatures: who may sign, what is signed, and whether a signature holds.
//!
//! A person who cannot reach the machine of a run says yes or no by signing a ballot with their SSH
//! key. Cryptography is left to `ssh-keygen`, which people know and can run by hand; here is what
//! it is given, and what may be believed of what it says.
//!
//! Architecture invariant: no signature is ever judged by code of our own. What is read here of
//! keys and signatures names them for people, and refuses early what `ssh-keygen` would refuse.
//!
//! ```text
//! sshsig      an armored signature taken apart: whose key, for what (pure)
//! signers     OpenSSH's allowed_signers, read (pure)
//! request     a gate as it is sent to an approver: a file, or a code of one line (pure)
//! ballot      the answer that is sent back: a ballot and its signature (pure)
//! subject     what a ballot must be about, to count at a gate (pure)
//! keygen      the one place that starts `ssh-keygen`
//! verify      whether a signed ballot holds, and whose it is
//! sign        which key signs, and signing
//! ```

mod ballot;
mod keygen;
mod request;
mod sign;
mod signers;
mod sshsig;
mod subject;
mod verify;

#[cfg(test)]
mod tests;

pub use ballot::{NotAnAnswer, answer_text, read_answer};
pub use keygen::{Keygen, KeygenError};
pub use request::{ApprovalRequest, MAX_REQUEST, NotARequest};
pub use sign::{Key, NotSealed, Sealed, WantedKey, find_key};
pub use signers::{AllowedSigners, BadSigners, Signer};
pub use sshsig::{NotASignature, Signature};
pub use subject::{OtherSubject, Subject};
pub use verify::{NotSigned, Trusted, Which};
