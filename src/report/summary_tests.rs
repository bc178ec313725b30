//! What is said at the end of a run, by how it ended.

use super::*;
use crate::model::call::{Ended, Failure};
use crate::model::event::Decision;
use crate::report::testing::Story;

fn at(width: usize, story: &Story) -> String {
    summary(&story.run, &Look::plain(width))
}

#[test]
fn a_run_that_succeeded() {
    let story = Story::new(false).play();
    insta::assert_snapshot!(at(80, &story));
    insta::assert_snapshot!(at(200, &story));
    assert!(at(80, &story).lines().count() <= 40);
}

#[test]
fn a_run_in_which_a_step_failed_and_the_run_went_on() {
    let mut story = Story::new(true);
    story.restart_safe = "yes";
    let story = story.play();
    insta::assert_snapshot!(at(80, &story));
}

#[test]
fn a_run_that_was_declined() {
    let mut story = Story::new(true);
    story.decision = Decision::Decline;
    let story = story.play();
    insta::assert_snapshot!(at(80, &story));
}

#[test]
fn a_run_that_is_in_doubt() {
    let unknown = Ended::Unknown("the connection was lost after the request was sent".to_owned());
    let story = Story::new(true).answer("failover", [unknown]).play();
    insta::assert_snapshot!(at(80, &story));
}

#[test]
fn a_run_that_waits() {
    let mut story = Story::new(true);
    story.open();
    while story.run.steps().all(|step| step.gate().is_none()) {
        assert!(story.turn());
    }
    insta::assert_snapshot!(at(80, &story));
}

#[test]
fn colour_adds_nothing_but_colour_and_nothing_moves_the_cursor() {
    let evil = Failure::new(FailureKind::Exit, "\x1b]0;owned\x07\r\nApproved ✓\u{202e}");
    let story = Story::new(true);
    let story = story.answer("failover", [Ended::Failed(evil, None)]).play();
    let colored = summary(&story.run, &Look::plain(80).colored());
    let plain = at(80, &story);
    assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
    let safe = |c: char| c == '\n' || !crate::model::text::is_unsafe(c);
    assert!(plain.chars().all(safe), "{plain:?}");
}
