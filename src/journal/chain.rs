//! The hash chain: each record's hash covers the record and the hash before it.
//!
//! Pure. `h_n = SHA-256("runbook/journal/v1\0" ‖ h_{n-1} ‖ u64be(len) ‖ body)`, `body` being the
//! exact bytes of the line before `,"h":"`, and `h_{-1}` 32 zero bytes. Nothing but `sha256sum` is
//! needed to do it again; for the first record of a journal:
//!
//! ```sh
//! body=$(head -n 1 journal.jsonl | sed 's/,"h":"[0-9a-f]*"}$//')
//! { printf 'runbook/journal/v1\0'
//!   printf '%064d' 0 | xxd -r -p
//!   printf '%016x' "$(printf %s "$body" | wc -c)" | xxd -r -p
//!   printf %s "$body"
//! } | sha256sum
//! ```
//!
//! For a later record the 64 zeros are the `h` of the line before.

use crate::model::Digest;

/// What every hash of a chain begins with, so that no other use of SHA-256 gives the same.
pub const DOMAIN: &[u8] = b"runbook/journal/v1\0";

/// The hash of a record, from the hash before it and the bytes of its line before `,"h":"`.
pub fn link(previous: &Digest, body: &[u8]) -> Digest {
    let length = (body.len() as u64).to_be_bytes();
    Digest::of_pieces(&[DOMAIN, previous.bytes(), &length, body])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_one_that_other_tools_compute() {
        // From python3: hashlib.sha256(b"runbook/journal/v1\0" + bytes(32) + (2).to_bytes(8, "big") + b"{}").
        let first = link(&Digest::ZERO, b"{}");
        assert_eq!(
            first.to_string(),
            "6d53bf4955f4285e795115792d9301009a075624c5af9614e0bf18633e945c09"
        );
        assert_eq!(
            link(&first, b"{\"a\":1}").to_string(),
            "9a8e52a3a2349642f1ddd631ccedcfcec7bad3945499b342674f769ed610ebf0"
        );
    }
}
