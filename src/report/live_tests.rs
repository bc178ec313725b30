//! The live view on a terminal that is only remembered.

use super::*;
use std::sync::{Arc, Mutex};

use indicatif::{InMemoryTerm, TermLike};
use proptest::prelude::*;

use crate::model::call::Stream;
use crate::model::text::is_unsafe;
use crate::report::testing::{self, Story};

fn live(term: &InMemoryTerm, width: usize) -> Live {
    with_look(term, Look::plain(width))
}

fn with_look(term: &InMemoryTerm, look: Look) -> Live {
    let term = term.clone();
    let target = move || ProgressDrawTarget::term_like_with_hz(Box::new(term.clone()), 255);
    Live::on(target, look, testing::zone(), move || look.width)
}

/// A terminal that keeps all text that it is sent.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<String>>);

impl TermLike for Kept {
    fn width(&self) -> u16 {
        80
    }
    fn height(&self) -> u16 {
        24
    }
    fn move_cursor_up(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_down(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }
    fn write_line(&self, text: &str) -> std::io::Result<()> {
        self.write_str(text)
    }
    fn write_str(&self, text: &str) -> std::io::Result<()> {
        self.0.lock().unwrap().push_str(text);
        Ok(())
    }
    fn clear_line(&self) -> std::io::Result<()> {
        Ok(())
    }
    fn flush(&self) -> std::io::Result<()> {
        Ok(())
    }
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

#[test]
fn colour_adds_nothing_but_colour() {
    let story = Story::new(true).play();
    let screens = [Look::plain(80), Look::plain(80).colored()].map(|look| {
        let term = InMemoryTerm::new(60, 80);
        let mut live = with_look(&term, look);
        testing::report(&story, &mut live);
        live.finish(&story.run);
        term.contents()
    });
    assert_eq!(screens[0], screens[1]);
}

#[test]
fn more_steps_than_lines_are_counted_on_the_last_line() {
    let term = InMemoryTerm::new(24, 80);
    let mut live = live(&term, 80);
    let story = Story::new(false).play();
    testing::report(&story, &mut live);
    live.unseen.push(StepKey::from_text("failover"));
    live.redraw_status(&story.run);
    assert!(
        term.contents().contains("1 more running"),
        "{}",
        term.contents()
    );
}

#[test]
fn a_spinner_ticks_and_the_end_stops_it() {
    let story = Story::new(true).play();
    let term = InMemoryTerm::new(60, 80);
    let look = Look {
        motion: true,
        ..Look::plain(80)
    };
    let mut live = with_look(&term, look);
    testing::report(&story, &mut live);
    live.finish(&story.run);
    let text = term.contents();
    assert!(text.ends_with("prove the record"), "{text}");
    assert!(!text.contains("Ctrl-C stops"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_byte_of_an_output_line_reaches_the_terminal_as_a_control(
        bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0x1b), Just(b'['), Just(0x9b)], 0..300),
    ) {
        let story = Story::new(false).play();
        let kept = Kept::default();
        let term = kept.clone();
        let target = move || ProgressDrawTarget::term_like_with_hz(Box::new(term.clone()), 255);
        let mut live = Live::on(target, Look::plain(80), testing::zone(), || 80);
        let mut run = Run::new(story.run.id().clone(), story.run.plan().clone());
        for event in &story.events {
            run.apply(event).unwrap();
            live.notice(Notice::Recorded { event, json: b"", run: &run });
            if let (Happened::StepStarted(_), Some(step)) = (&event.what, &event.step) {
                live.notice(Notice::Line { step, stream: Stream::Stdout, line: &bytes });
                live.all_bars().for_each(ProgressBar::force_draw);
            }
        }
        live.finish(&run);
        let text = kept.0.lock().unwrap();
        prop_assert!(text.contains("│"));
        // indicatif itself ends and begins lines.
        prop_assert!(text.chars().all(|c| matches!(c, '\n' | '\r') || !is_unsafe(c)));
        let message = face::message(&Look::plain(80), "Promote db-2", Some(&bytes));
        prop_assert!(message.chars().all(|c| !is_unsafe(c)), "{:?}", message);
    }
}
