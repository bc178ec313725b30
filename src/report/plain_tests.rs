//! A run told in plain lines.

use super::*;
use proptest::prelude::*;

use crate::model::call::Stream;
use crate::model::text::is_unsafe;
use crate::report::testing::{self, Story};

fn told(story: &Story, look: Look) -> String {
    let mut out = Vec::new();
    let mut plain = Plain::new(&mut out, look, testing::zone());
    testing::report(story, &mut plain);
    plain.finish(&story.run);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_run_at_80_columns() {
    insta::assert_snapshot!(told(&Story::new(false).play(), Look::plain(80)));
}

#[test]
fn a_run_at_200_columns_in_which_a_step_fails() {
    let mut story = Story::new(true);
    story.restart_safe = "yes";
    insta::assert_snapshot!(told(&story.play(), Look::plain(200)));
}

#[test]
fn colour_adds_nothing_but_colour() {
    let story = Story::new(true).play();
    let colored = told(&story, Look::plain(80).colored());
    let stripped = anstream::adapter::strip_str(&colored).to_string();
    assert_eq!(stripped, told(&story, Look::plain(80)));
    assert_ne!(stripped, colored);
}

#[test]
fn without_unicode_the_symbols_have_a_likeness() {
    let look = Look {
        unicode: false,
        ..Look::plain(80)
    };
    let text = told(&Story::new(false).play(), look);
    assert!(text.is_ascii(), "{text}");
}

fn line(bytes: &[u8], look: Look) -> String {
    let mut out = Vec::new();
    let step = StepKey::from_text("failover");
    let notice = Notice::Line {
        step: &step,
        stream: Stream::Stdout,
        line: bytes,
    };
    Plain::new(&mut out, look, testing::zone()).notice(notice);
    String::from_utf8(out).unwrap()
}

#[test]
fn what_a_step_prints_stands_in_its_margin_and_cannot_pass_for_ours() {
    insta::assert_snapshot!(
        line("Approved ✓\r19:53:59  ✓ gate approved".as_bytes(), Look::plain(80)),
        @r"          failover │ Approved ✓\r19:53:59  ✓ gate approved"
    );
    insta::assert_snapshot!(
        line(b"\x1b]52;c;aGVsbG8=\x07 \x1b[2J \x9b1m \xc2\x9b31m \xff\xfe ok", Look::plain(80)),
        @r"          failover │ \u{1b}]52;c;aGVsbG8=\u{7} \u{1b}[2J �1m \u{9b}31m �� ok"
    );
}

#[test]
fn nothing_is_written_while_the_terminal_is_used_for_a_question() {
    let mut plain = Plain::new(Vec::new(), Look::plain(80), testing::zone());
    plain.suspend();
    let step = StepKey::from_text("failover");
    plain.notice(Notice::Line {
        step: &step,
        stream: Stream::Stdout,
        line: b"late",
    });
    assert!(plain.out.is_empty());
    plain.resume();
    assert!(String::from_utf8_lossy(&plain.out).contains("failover │ late"));
}

/// A terminal that is gone.
struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn a_terminal_that_is_gone_changes_nothing() {
    let story = Story::new(false).play();
    let mut plain = Plain::new(Gone, Look::plain(80), testing::zone());
    testing::report(&story, &mut plain);
    plain.finish(&story.run);
}

proptest! {
    #[test]
    fn no_byte_of_an_output_line_reaches_the_screen_as_a_control(
        bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0x1b), Just(b'['), Just(0x9b)], 0..400),
        width in 40usize..200,
    ) {
        let text = line(&bytes, Look::plain(width));
        let text = text.strip_suffix('\n').unwrap();
        prop_assert!(text.chars().all(|c| !is_unsafe(c)));
        prop_assert!(text.starts_with("          failover │"));
    }
}
