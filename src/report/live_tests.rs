use super::*;
use indicatif::InMemoryTerm;
use proptest::prelude::*;

use crate::model::call::Stream;
use crate::model::text::is_unsafe;
use crate::report::testing::{self, Story};

fn live(term: &InMemoryTerm, width: usize) -> Live {
    let term = term.clone();
    let target = move || ProgressDrawTarget::term_like_with_hz(Box::new(term.clone()), 255);
    Live::on(target, Look::plain(width), testing::zone(), move || width)
}

/// What is on the screen when a step has started and has printed something.
fn during(step: &str, columns: u16, real: bool, output: &[u8]) -> String {
    let story = Story::new(real).play();
    let term = InMemoryTerm::new(24, columns);
    let mut live = live(&term, usize::from(columns));
    let mut run = Run::new(story.run.id().clone(), story.run.plan().clone());
    for event in &story.events {
        run.apply(event).unwrap();
        live.notice(Notice::Recorded {
            event,
            json: b"",
            run: &run,
        });
        let here = event.step.as_ref().is_some_and(|key| key.as_str() == step);
        let seen = matches!(
            event.what,
            Happened::PollSeen { .. } | Happened::PauseBegun { .. }
        );
        let started = matches!(event.what, Happened::StepStarted(_));
        let polled = run
            .step(&StepKey::from_text(step))
            .is_some_and(|s| s.node().how.poll.is_some());
        if here && (seen || started && !polled) {
            if !output.is_empty() {
                let key = StepKey::from_text(step);
                live.notice(Notice::Line {
                    step: &key,
                    stream: Stream::Stdout,
                    line: output,
                });
            }
            // Output lines are drawn at indicatif's own rate.
            live.all_bars().for_each(ProgressBar::force_draw);
            return term.contents();
        }
    }
    panic!("step {step} never started");
}

#[test]
fn a_step_that_acts() {
    insta::assert_snapshot!(during(
        "failover",
        80,
        false,
        b"promoting db-2 \x1b[2J\r..."
    ));
    insta::assert_snapshot!(during("failover", 200, false, b"promoting db-2"));
}

#[test]
fn a_poll_and_a_pause_count_down() {
    insta::assert_snapshot!(during("healthy", 80, false, b""));
    insta::assert_snapshot!(during("settle", 80, false, b""));
}

#[test]
fn a_narrow_terminal_still_says_where_it_acts() {
    let text = during("failover", 30, true, b"promoting");
    let last = text.lines().last().unwrap();
    assert!(last.starts_with(" REAL production "), "{text}");
}

#[test]
fn the_end_leaves_the_lines_and_the_summary() {
    for columns in [80, 200] {
        let story = Story::new(false).play();
        let term = InMemoryTerm::new(60, columns);
        let mut live = live(&term, usize::from(columns));
        testing::report(&story, &mut live);
        live.finish(&story.run);
        insta::assert_snapshot!(term.contents());
    }
}

#[test]
fn a_question_has_the_terminal_for_itself() {
    let story = Story::new(false).play();
    let term = InMemoryTerm::new(24, 80);
    let mut live = live(&term, 80);
    let mut run = Run::new(story.run.id().clone(), story.run.plan().clone());
    let (before, after) = story.events.split_at(9);
    for event in before {
        run.apply(event).unwrap();
        live.notice(Notice::Recorded {
            event,
            json: b"",
            run: &run,
        });
    }
    let drawn = term.contents();
    assert!(drawn.contains("SANDBOX"), "{drawn}");
    live.suspend();
    let suspended = term.contents();
    assert!(!suspended.contains("SANDBOX"), "{suspended}");
    for event in &after[..6] {
        run.apply(event).unwrap();
        live.notice(Notice::Recorded {
            event,
            json: b"",
            run: &run,
        });
    }
    assert_eq!(term.contents(), suspended);
    live.resume();
    let resumed = term.contents();
    assert!(resumed.starts_with(&suspended), "{resumed}");
    assert!(
        resumed.contains("SANDBOX") && resumed.contains("approved"),
        "{resumed}"
    );
}

#[test]
fn a_terminal_that_is_gone_changes_nothing() {
    let story = Story::new(false).play();
    let target = ProgressDrawTarget::hidden;
    let mut live = Live::on(target, Look::plain(80), testing::zone(), || 80);
    testing::report(&story, &mut live);
    live.suspend();
    live.resume();
    live.finish(&story.run);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_byte_of_an_output_line_reaches_the_message_as_a_control(
        bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0x1b), Just(b'['), Just(0x9b)], 0..300),
    ) {
        let look = Look::plain(80);
        let message = face::message(&look, "Promote db-2", Some(&bytes));
        prop_assert!(message.chars().all(|c| !is_unsafe(c)), "{:?}", message);
    }
}
