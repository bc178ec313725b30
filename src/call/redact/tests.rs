//! Secrets in every form, cut into chunks at every byte, among texts that hold none.

use proptest::prelude::*;

use super::*;
use crate::call::encodings::{SHORTEST, letters};
use crate::model::Map;

const TOKEN: &str = "s3cr\"t/T0ken's $(x) wörd+<9>";

fn known(secrets: &[&str]) -> Arc<Redactor> {
    let pairs: Vec<(SecretRef, Secret)> = secrets
        .iter()
        .enumerate()
        .map(|(i, secret)| {
            let reference = SecretRef::Env(format!("S{i}"));
            let secret = Secret::found(secret.as_bytes().to_vec(), &reference).unwrap();
            (reference, secret)
        })
        .collect();
    Arc::new(Redactor::of(
        pairs.iter().map(|(place, secret)| (place, secret)),
    ))
}

fn through(redactor: &Arc<Redactor>, chunks: &[&[u8]]) -> Vec<u8> {
    let mut stream = Redacting::new(Arc::clone(redactor));
    let mut out = Vec::new();
    for chunk in chunks {
        stream.push(chunk, &mut out);
    }
    stream.finish(&mut out);
    out
}

fn shown(redactor: &Arc<Redactor>, chunks: &[&[u8]]) -> String {
    String::from_utf8(through(redactor, chunks)).unwrap()
}

#[test]
fn threat_31_every_form_is_found_wherever_it_is_cut() {
    for secret in [TOKEN, "hunter2hunter2", "12345678"] {
        let redactor = known(&[secret]);
        for form in forms(secret.as_bytes()) {
            let text = [b"before ", form.as_slice(), b" after\n"].concat();
            let whole = shown(&redactor, &[&text]);
            assert!(whole.starts_with("before "), "{whole}");
            assert!(whole.contains("‹redacted env:S0›"), "{whole}");
            for at in 0..=text.len() {
                let (a, b) = text.split_at(at);
                assert_eq!(shown(&redactor, &[a, b]), whole, "cut at {at}");
            }
            let bytes: Vec<&[u8]> = text.chunks(1).collect();
            assert_eq!(shown(&redactor, &bytes), whole);
            assert_eq!(redactor.bytes(&text), whole.as_bytes());
        }
    }
}

#[test]
fn threat_31_in_base64_no_alignment_leaves_more_than_a_digit() {
    let redactor = known(&["secret-token"]);
    // What base64 prints of `user:secret-token`, `Xsecret-tokenYYY` and `XXsecret-tokenYYY`.
    for (text, left) in [
        ("dXNlcjpzZWNyZXQtdG9rZW4=", "dXNlcjp‹redacted env:S0›"),
        ("WHNlY3JldC10b2tlbllZWQ==", "WH‹redacted env:S0›llZWQ=="),
        ("WFhzZWNyZXQtdG9rZW5ZWVk=", "WFh‹redacted env:S0›5ZWVk="),
    ] {
        assert_eq!(redactor.text(text), left);
    }
}

#[test]
fn a_line_break_hides_no_secret() {
    let long = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let redactor = known(&[long]);
    let (a, b) = long.split_at(40);
    let text = format!("{a}\r\n{b}\nnext\n");
    assert_eq!(
        shown(&redactor, &[text.as_bytes()]),
        "‹redacted env:S0›\nnext\n"
    );
}

#[test]
fn what_stands_for_a_secret_does_not_tell_its_length() {
    let short = shown(&known(&["12345678"]), &[b"12345678"]);
    let long = shown(
        &known(&[&"x1y2".repeat(200)]),
        &["x1y2".repeat(200).as_bytes()],
    );
    assert_eq!(short, long);
}

#[test]
fn of_secrets_that_overlap_nothing_is_left() {
    let redactor = known(&["abcdefgh", "efghijkl"]);
    assert_eq!(
        shown(&redactor, &[b"-abcdef", b"ghijkl-"]),
        "-‹redacted env:S0›-"
    );
    let redactor = known(&["aaaaaaaa"]);
    let many = [b'a'; 1000];
    assert_eq!(shown(&redactor, &[&many[..]]), "‹redacted env:S0›");
    let chunks: Vec<&[u8]> = many.chunks(3).collect();
    let mut stream = Redacting::new(Arc::clone(&redactor));
    let mut out = Vec::new();
    for chunk in chunks {
        stream.push(chunk, &mut out);
        assert!(stream.held.0.len() < 2048, "{}", stream.held.0.len());
    }
}

#[test]
fn a_line_that_holds_no_secret_does_not_wait() {
    let redactor = known(&["hunter2hunter2"]);
    let mut stream = Redacting::new(redactor);
    let mut out = Vec::new();
    stream.push(b"ends with h\n", &mut out);
    assert_eq!(out, b"ends with h\n");
    stream.push(b"ends with hunter2h", &mut out);
    assert_eq!(out, b"ends with h\nends with ");
    stream.push(b"at", &mut out);
    assert_eq!(out, b"ends with h\nends with hunter2hat");
}

/// What comes out where each line is there before the next, as a person sees it, and what a switch
/// to a redactor that knows more leaves of it.
fn line_by_line(lines: &[String], switch: bool) -> String {
    let all = [
        known(&["hunter2hunt"]),
        known(&["hunter2hunt", "another-one"]),
    ];
    let mut stream = Redacting::new(Arc::clone(&all[0]));
    let mut out = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        stream.push(line.as_bytes(), &mut out);
        if switch && at % 2 == 0 {
            stream.switch(&all[1]);
        }
    }
    stream.finish(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn threat_31_a_secret_that_is_printed_in_lines_comes_out_in_no_split() {
    let secret = "hunter2hunt";
    // A bit for each place between two letters: whether a line ends there.
    for split in 0..1u32 << (secret.len() - 1) {
        let mut lines = vec![String::new()];
        for (at, letter) in secret.char_indices() {
            lines.last_mut().unwrap().push(letter);
            if at + 1 < secret.len() && split >> at & 1 == 1 {
                lines.last_mut().unwrap().push('\n');
                lines.push(String::new());
            }
        }
        lines.last_mut().unwrap().push_str("\nnext\n");
        for switch in [false, true] {
            let out = line_by_line(&lines, switch);
            let (before, after) = out.split_once("‹redacted env:S0›").unwrap();
            let letters: String = before.chars().filter(|c| *c != '\n').collect();
            assert!(letters.len() <= GLIMPSE, "{lines:?} became {out:?}");
            assert!(secret.starts_with(&letters), "{lines:?} became {out:?}");
            assert_eq!(after, "\nnext\n", "{lines:?}");
        }
    }
}

#[test]
fn lines_that_only_begin_like_a_secret_come_out_as_they_are() {
    let redactor = known(&["hunter2hunter2"]);
    for text in [
        "hun\nter\n2hu\nhat\n",
        "h\nh\nhu\n\nhunt\n",
        "hunter2hunter\n\nhu\n",
    ] {
        let lines: Vec<&[u8]> = text.as_bytes().split_inclusive(|b| *b == b'\n').collect();
        assert_eq!(through(&redactor, &lines), text.as_bytes());
    }
}

#[test]
fn what_is_held_back_is_bounded() {
    let mut stream = Redacting::new(known(&["hunter2hunter2"]));
    let mut out = Vec::new();
    stream.push(b"hunter2hunter", &mut out);
    for _ in 0..100 {
        stream.push(&[b'\n'; 1000], &mut out);
        assert!(stream.held.0.len() < 4096);
    }
}

#[test]
fn a_secret_that_becomes_known_on_the_way_is_found_from_there_on() {
    let mut stream = Redacting::new(Arc::new(Redactor::none()));
    let mut out = Vec::new();
    stream.push(b"hunter2hunter2 ", &mut out);
    stream.switch(&known(&["hunter2hunter2"]));
    stream.push(b"hunter2", &mut out);
    stream.switch(&known(&["hunter2hunter2", "another-one"]));
    stream.push(b"hunter2 another-one", &mut out);
    stream.finish(&mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "hunter2hunter2 ‹redacted env:S0› ‹redacted env:S1›"
    );
}

#[test]
fn values_are_redacted_to_their_last_corner() {
    let redactor = known(&["hunter2hunter2", "1234567890"]);
    let mut map = Map::new();
    map.insert("hunter2hunter2".into(), Value::Int(1_234_567_890));
    map.insert("n".into(), Value::Int(7));
    let value = redactor.value(Value::List(vec!["a hunter2hunter2".into(), map.into()]));
    assert_eq!(
        value.to_string(),
        r#"["a ‹redacted env:S0›",{"‹redacted env:S0›":"‹redacted env:S1›","n":7}]"#
    );
}

#[test]
fn threat_34_what_a_panic_prints_of_these_types_holds_no_secret() {
    let reference = SecretRef::Env("S".into());
    let secret = Secret::found(b"hunter2hunter2".to_vec(), &reference).unwrap();
    let redactor = known(&["hunter2hunter2"]);
    let mut stream = Redacting::new(Arc::clone(&redactor));
    stream.push(b"hunter2hunter", &mut Vec::new());
    let all = format!("{secret:?} {redactor:?} {stream:?} {stream:#?}");
    for part in ["hunter2", "104, 117"] {
        assert!(!all.contains(part), "{all}");
    }
}

fn a_secret() -> impl Strategy<Value = String> {
    let any = prop_oneof![
        "[a-zA-Z0-9]{8,40}",
        "[ -~]{8,60}",
        "[a-zäöü€\"'\\\\/&<>$ ]{8,20}",
    ];
    any.prop_filter("long enough", |text| {
        letters(text.trim().as_bytes()).count() >= SHORTEST
    })
}

proptest! {
    #[test]
    fn threat_31_no_secret_passes_in_any_form_and_chunking(
        secret in a_secret(),
        which in any::<prop::sample::Index>(),
        before in "[A-Z\n ]{0,20}",
        after in "[A-Z\n ]{0,20}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let redactor = known(&[&secret]);
        let all: Vec<Vec<u8>> = forms(secret.as_bytes()).into_iter().collect();
        let form = which.get(&all);
        let text = [before.as_bytes(), form, after.as_bytes()].concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        let out = through(&redactor, &chunks);
        for form in &all {
            prop_assert!(!out.windows(form.len()).any(|window| window == form.as_slice()));
        }
        let out = String::from_utf8_lossy(&out);
        prop_assert!(out.contains("‹redacted env:S0›"));
    }

    #[test]
    fn what_holds_no_secret_passes_as_it_is(
        secret in "[a-z0-9]{12,40}",
        text in "[A-F\r\n .%=/]{0,300}",
        at in any::<prop::sample::Index>(),
    ) {
        let redactor = known(&[&secret]);
        let (a, b) = text.as_bytes().split_at(at.index(text.len() + 1));
        prop_assert_eq!(through(&redactor, &[a, b]), text.as_bytes());
        prop_assert_eq!(redactor.text(&text), text.as_str());
    }
}
