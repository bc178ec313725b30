//! What a person alone may see: on a screen of its own, which is gone with the next key.

use crate::call::Secret;
use crate::model::text::escape_controls;

/// Ends the screen that a secret was shown on, with nothing of it left.
pub(super) const GONE: &str = "\x1b[2J\x1b[H\x1b[?1049l";

/// The screen. What could move the cursor is shown as an escape.
pub(super) fn shown(secret: &Secret) -> String {
    let text = String::from_utf8_lossy(secret.expose());
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| escape_controls(line).into_owned())
        .collect();
    format!(
        "\x1b[?1049h\x1b[2J\x1b[HFor your eyes, once. It is in no record.\n\n{}\n\nAny key takes it away.\n",
        lines.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SecretRef;

    #[test]
    fn a_secret_cannot_leave_its_screen() {
        let place = SecretRef::Env("A".to_owned());
        let secret = Secret::found(b"first line\nsecond\x1b[?1049l".to_vec(), &place).unwrap();
        let text = shown(&secret);
        assert!(text.contains("\n\nfirst line\nsecond"), "{text}");
        assert_eq!(text.matches("\x1b[?1049").count(), 1);
        assert!(text.starts_with("\x1b[?1049h"));
    }
}
