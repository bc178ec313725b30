//! The forms in which a secret is printed by programs that mean no harm: as it is, and as it is
//! written inside base64, hex, URLs, JSON, shells, HTML.

use std::collections::BTreeSet;
use std::fmt::Write;

/// A secret longer than this is looked for in its usual forms only: each form of one byte by
/// another is several times as long, and all of them are held in memory.
const LONG: usize = 4 << 10;

/// The shortest form that is looked for. What is shorter is found where it is no secret.
pub(super) const SHORTEST: usize = 8;

/// A line of a secret is looked for by itself from this length on: keys are printed indented, or
/// a line at a time.
const LINE: usize = 16;

/// Every form of a secret, without the bytes in it that are passed over where it is looked for.
pub(super) fn forms(secret: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::new();
    every_form(secret, &mut forms);
    let trimmed = secret.trim_ascii();
    if trimmed.len() < secret.len() {
        every_form(trimmed, &mut forms);
    }
    if secret.contains(&b'\n') {
        let lines = secret.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        // A key's first and last line are the same for all keys.
        let own = lines.filter(|line| line.len() >= LINE && !line.starts_with(b"-----"));
        forms.extend(own.map(<[u8]>::to_vec));
    }
    let mut forms: BTreeSet<Vec<u8>> = forms.iter().map(|form| letters(form).collect()).collect();
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

/// Whether a byte breaks a line: `base64`, `fold` and mail put such bytes into long words.
pub(super) const fn is_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Whether a byte is passed over, in a secret as in what is printed: line breaks, and backslashes,
/// which each program puts before other characters, and documents in documents put there twice.
pub(super) const fn is_passed_over(byte: u8) -> bool {
    is_break(byte) || byte == b'\\'
}

/// The bytes that count.
pub(super) fn letters(bytes: &[u8]) -> impl Iterator<Item = u8> + '_ {
    bytes.iter().copied().filter(|byte| !is_passed_over(*byte))
}

fn every_form(secret: &[u8], forms: &mut BTreeSet<Vec<u8>>) {
    if secret.is_empty() {
        return;
    }
    let rare = secret.len() <= LONG;
    let mut base64 = Vec::new();
    for alphabet in [STANDARD, URL_SAFE] {
        for before in 0..3 {
            base64_inside(secret, before, alphabet, &mut base64);
        }
    }
    for form in &base64 {
        forms.extend(percent(form, rare));
    }
    forms.extend(base64);
    forms.extend(hex(secret, rare));
    forms.extend(percent(secret, rare));
    forms.extend(shell(secret, rare));
    if let Ok(text) = std::str::from_utf8(secret) {
        forms.extend(json(text, rare).into_iter().map(String::into_bytes));
        forms.extend(html(text, rare).into_iter().map(String::into_bytes));
    }
    forms.insert(secret.to_vec());
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The digits of a base64 text that follow from the secret alone, which has `before` bytes of
/// something else in front of it, modulo 3; and the same where the text ends with the secret.
fn base64_inside(secret: &[u8], before: usize, alphabet: &[u8; 64], out: &mut Vec<Vec<u8>>) {
    let mut bytes = vec![0; before];
    bytes.extend_from_slice(secret);
    let bits = bytes.len() * 8;
    // One more byte, so that the last digit has the bits that an end gives it: zeros.
    bytes.push(0);
    let digit = |index: usize| {
        let bit = index * 6;
        let low = bytes.get(bit / 8 + 1).copied().unwrap_or(0);
        let pair = u16::from(bytes[bit / 8]) << 8 | u16::from(low);
        alphabet[usize::from(pair >> (10 - bit % 8) & 63)]
    };
    let first = (before * 8).div_ceil(6);
    let inside: Vec<u8> = (first..bits / 6).map(digit).collect();
    if !bits.is_multiple_of(6) {
        let mut end = inside.clone();
        end.push(digit(bits / 6));
        let mut padded = end.clone();
        padded.extend(std::iter::repeat_n(b'=', 3 - (bits / 8) % 3));
        out.extend([end, padded]);
    }
    out.push(inside);
}

fn hex(secret: &[u8], rare: bool) -> Vec<Vec<u8>> {
    let separators: &[&str] = if rare { &["", " ", ":"] } else { &[""] };
    let mut forms = Vec::new();
    for separator in separators {
        let lower: Vec<String> = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let lower = lower.join(separator);
        forms.push(lower.to_ascii_uppercase().into_bytes());
        forms.push(lower.into_bytes());
    }
    forms
}

/// What stays as it is in a URL, beside letters and digits, by the habits of different programs.
const LEFT_IN_URLS: [&[u8]; 6] = [
    b"-._~",
    b"-._~/",
    b"-._",
    b"-._*",
    b"-._~!'()*",
    b"-._~!'()*;,/?:@&=+$#",
];

fn percent(secret: &[u8], rare: bool) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    let mut add = |left: &dyn Fn(u8) -> bool, space: &str| {
        let mut upper = Vec::with_capacity(secret.len());
        let mut lower = Vec::with_capacity(secret.len());
        for byte in secret {
            match byte {
                b' ' => {
                    [&mut upper, &mut lower].map(|form| form.extend_from_slice(space.as_bytes()))
                }
                byte if left(*byte) => [&mut upper, &mut lower].map(|form| form.push(*byte)),
                byte => {
                    upper.extend_from_slice(format!("%{byte:02X}").as_bytes());
                    lower.extend_from_slice(format!("%{byte:02x}").as_bytes());
                    [(), ()]
                }
            };
        }
        forms.extend([upper, lower]);
    };
    for left in LEFT_IN_URLS {
        let left = |byte: u8| byte.is_ascii_alphanumeric() || left.contains(&byte);
        add(&left, "%20");
        add(&left, "+");
    }
    if rare {
        add(&|_| false, "%20");
    }
    forms
}

fn json(text: &str, rare: bool) -> Vec<String> {
    const SETS: [&str; 5] = ["", "<>&", "<>&'", "<>&'\"", "<>&'\"+`"];
    let mut forms = Vec::new();
    for only_ascii in [false, true] {
        for unicode in SETS {
            for upper in [false, true] {
                forms.push(json_form(text, only_ascii, unicode, upper));
            }
        }
    }
    if rare {
        for upper in [false, true] {
            let mut all = String::new();
            text.chars()
                .for_each(|c| unicode_escape(&mut all, c, upper));
            forms.push(all);
        }
    }
    forms
}

fn json_form(text: &str, only_ascii: bool, unicode: &str, upper: bool) -> String {
    let mut form = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => form.push_str("\\n"),
            '\r' => form.push_str("\\r"),
            '\t' => form.push_str("\\t"),
            '\u{8}' => form.push_str("\\b"),
            '\u{c}' => form.push_str("\\f"),
            c if c.is_ascii_control() || unicode.contains(c) => unicode_escape(&mut form, c, upper),
            c if only_ascii && !c.is_ascii() => unicode_escape(&mut form, c, upper),
            c => form.push(c),
        }
    }
    form
}

fn unicode_escape(form: &mut String, c: char, upper: bool) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing into a string cannot fail.
        let _ = match upper {
            true => write!(form, "\\u{unit:04X}"),
            false => write!(form, "\\u{unit:04x}"),
        };
    }
}

fn shell(secret: &[u8], rare: bool) -> Vec<Vec<u8>> {
    let mut forms = vec![
        // The first is `'\''`: its backslash is passed over.
        replaced(secret, b"'", b"'\\''"),
        replaced(secret, b"'", b"'\"'\"'"),
    ];
    for octal in [false, true] {
        for others in [false, true] {
            forms.push(ansi_c(secret, octal, others));
        }
    }
    if rare {
        let each = |form: &dyn Fn(&u8) -> String| secret.iter().map(form).collect::<String>();
        forms.push(each(&|byte| format!("\\x{byte:02x}")).into_bytes());
        forms.push(each(&|byte| format!("\\x{byte:02X}")).into_bytes());
        forms.push(each(&|byte| format!("\\{byte:03o}")).into_bytes());
    }
    forms
}

/// `$'…'`, and what C and Python write between quotes.
fn ansi_c(secret: &[u8], octal: bool, others: bool) -> Vec<u8> {
    let mut form = Vec::with_capacity(secret.len());
    for byte in secret {
        let named = match byte {
            b'\n' => Some(b'n'),
            b'\r' => Some(b'r'),
            b'\t' => Some(b't'),
            _ => None,
        };
        match named {
            Some(letter) => form.extend([b'\\', letter]),
            None if byte.is_ascii_control() || (others && !byte.is_ascii()) => {
                let escape = match octal {
                    true => format!("\\{byte:03o}"),
                    false => format!("\\x{byte:02x}"),
                };
                form.extend_from_slice(escape.as_bytes());
            }
            None => form.push(*byte),
        }
    }
    form
}

fn html(text: &str, rare: bool) -> Vec<String> {
    let mut forms = Vec::new();
    for double in ["&quot;", "&#34;", "\""] {
        for single in ["&#39;", "&apos;", "&#x27;", "&#039;", "'"] {
            let mut form = String::with_capacity(text.len());
            for c in text.chars() {
                match c {
                    '&' => form.push_str("&amp;"),
                    '<' => form.push_str("&lt;"),
                    '>' => form.push_str("&gt;"),
                    '"' => form.push_str(double),
                    '\'' => form.push_str(single),
                    c => form.push(c),
                }
            }
            forms.push(form);
        }
    }
    if rare {
        let each = |form: &dyn Fn(u32) -> String| {
            let codes = text.chars().map(|c| form(u32::from(c)));
            codes.collect::<String>()
        };
        forms.push(each(&|code| format!("&#{code};")));
        forms.push(each(&|code| format!("&#x{code:x};")));
        forms.push(each(&|code| format!("&#x{code:X};")));
    }
    forms
}

fn replaced(text: &[u8], what: &[u8], by: &[u8]) -> Vec<u8> {
    let mut form = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(byte) = rest.first() {
        match rest.strip_prefix(what) {
            Some(after) => {
                form.extend_from_slice(by);
                rest = after;
            }
            None => {
                form.push(*byte);
                rest = &rest[1..];
            }
        }
    }
    form
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(secret: &str, form: &str) {
        let forms = forms(secret.as_bytes());
        let form: Vec<u8> = letters(form.as_bytes()).collect();
        assert!(forms.contains(&form), "{}", String::from_utf8_lossy(&form));
    }

    #[test]
    fn a_secret_is_known_in_the_forms_that_programs_print() {
        // What `printf %s … | base64`, `xxd -p`, `jq -R`, `jq -R @uri`, `printf %q` and Python's
        // shlex, json, urllib and html print.
        has("hunter2hunter2", "aHVudGVyMmh1bnRlcjI=");
        has("hunter2hunter2", "aHVudGVyMmh1bnRlcjI");
        has("hunter2hunter2", "68756e7465723268756e74657232");
        has(
            "hunter2hunter2",
            "68 75 6E 74 65 72 32 68 75 6E 74 65 72 32",
        );
        has("p\"a\\s/s wörd", "p\\\"a\\\\s/s wörd");
        has("p\"a\\s/s wörd", "p\\\\\\\"a\\\\\\\\s/s wörd");
        has("p\"a\\s/s wörd", "p\\\"a\\\\s\\/s w\\u00f6rd");
        has("p\"a\\s/s wörd", "p%22a%5Cs%2Fs%20w%C3%B6rd");
        has("p\"a\\s/s wörd", "p%22a%5cs/s+w%c3%b6rd");
        has("p\"a\\s/s wörd", "p\\\"a\\\\s/s\\ wörd");
        has("it's a 'secret'", "it'\\''s a '\\''secret'\\''");
        has("it's a 'secret'", "it'\"'\"'s a '\"'\"'secret'\"'\"'");
        has("it's a 'secret'", "it&#x27;s a &#x27;secret&#x27;");
        has("a<b>&\"$HOME`", "a\\u003cb\\u003e\\u0026\\\"$HOME`");
        has("a<b>&\"$HOME`", "a<b>&\\\"\\$HOME\\`");
        has("a<b>&\"$HOME`", "a&lt;b&gt;&amp;&quot;$HOME`");
        has("tab\tand\\more", "tab\\tand\\\\more");
        has(
            "12345678",
            "\\u0031\\u0032\\u0033\\u0034\\u0035\\u0036\\u0037\\u0038",
        );
        has("12345678", "%31%32%33%34%35%36%37%38");
        has("12345678", "\\061\\062\\063\\064\\065\\066\\067\\070");
    }

    #[test]
    fn inside_a_longer_base64_text_each_alignment_is_known() {
        // What `printf 'XXsecret-tokenYYY' | base64` prints, for no, one and two X.
        for whole in [
            "c2VjcmV0LXRva2VuWVlZ",
            "WHNlY3JldC10b2tlbllZWQ==",
            "WFhzZWNyZXQtdG9rZW5ZWVk=",
        ] {
            let forms = forms(b"secret-token");
            let longest = forms
                .iter()
                .filter_map(|form| std::str::from_utf8(form).ok())
                .filter(|form| whole.contains(form))
                .map(str::len)
                .max();
            assert!(longest >= Some(15), "{whole}: {longest:?}");
        }
    }

    #[test]
    fn a_key_is_known_by_its_lines_and_without_its_breaks() {
        let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----\n";
        let forms = forms(key.as_bytes());
        assert!(forms.contains(&b"AQEFAASCBKcwggSjAgEAAoIB"[..]));
        assert!(!forms.contains(&b"-----BEGIN KEY-----"[..]));
        assert!(forms.iter().flatten().all(|byte| !is_passed_over(*byte)));
    }

    #[test]
    fn no_form_is_so_short_that_it_is_found_everywhere() {
        for secret in ["12345678", "ab\ncdefgh", "  1234  ", "\\\\\\\\\\\\\\\\1"] {
            let short = forms(secret.as_bytes());
            assert!(short.iter().all(|form| form.len() >= SHORTEST), "{short:?}");
        }
    }
}
