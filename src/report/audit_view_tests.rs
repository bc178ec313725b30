//! A journal as people read it, at several widths.

use super::*;
use crate::model::event::{
    Decision, FailureChoice, ParkReason, Resolution, ResolvedBy, UndoReason,
};
use crate::model::ids::{Attempt, StepKey};
use crate::model::output::{BlobRef, Streams};
use crate::model::people::{Actor, Way};
use crate::model::text::is_unsafe;
use crate::model::{Digest, Map};
use crate::report::testing::{self, Story};

fn log(look: &Look) -> String {
    let story = Story::new(false).play();
    let lines = story
        .events
        .iter()
        .map(|e| record_line(e, look, &testing::zone()));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_run_at_80_columns() {
    insta::assert_snapshot!(log(&Look::plain(80)));
}

#[test]
fn a_run_at_200_columns() {
    insta::assert_snapshot!(log(&Look::plain(200)));
}

#[test]
fn colour_adds_nothing_but_colour() {
    let colored = log(&Look::plain(80).colored());
    assert_eq!(
        anstream::adapter::strip_str(&colored).to_string(),
        log(&Look::plain(80))
    );
}

/// The kinds that the story above has none of.
fn rare() -> Vec<Happened> {
    let evil = || "a\x1b]52;c;aGk=\x07\r\nb\u{9b}2J\u{202e}".to_owned();
    let blob = |cut| BlobRef {
        sha256: Digest::of(b"x"),
        bytes: 12,
        cut,
    };
    vec![
        Happened::RunResumed {
            operator: testing::person(),
            version: evil(),
        },
        Happened::RunParked {
            reason: ParkReason::Signal(evil()),
        },
        Happened::VarsSet {
            vars: Map::from_iter([("a".to_owned(), evil().into())]),
        },
        Happened::StepUnknown {
            reason: evil(),
            streams: Streams {
                stdout: Some(blob(0)),
                stderr: Some(blob(7)),
            },
        },
        Happened::StepResolved {
            resolution: Resolution::Happened,
            by: ResolvedBy::Person,
            reason: evil(),
            output: None,
        },
        Happened::GateDecided {
            digest: Digest::of(b"gate"),
            decision: Decision::Decline,
            way: Way::Terminal,
            reason: Some(evil()),
        },
        Happened::FailureDecided {
            choice: FailureChoice::Retry,
            way: Way::Terminal,
            reason: Some(evil()),
        },
        Happened::PauseEnded { cut: Some(evil()) },
        Happened::UndoBegun {
            scope: Some(StepKey::from_text("gentle")),
            steps: vec![StepKey::from_text("restart"), StepKey::from_text("fence")],
            why: UndoReason::Failure,
        },
        Happened::NoteAdded { text: evil() },
        Happened::CancelRequested { reason: evil() },
        Happened::Recovered {
            offset: 812,
            length: 40,
            sha256: Digest::of(b"torn"),
        },
    ]
}

#[test]
fn every_kind_has_words_and_nothing_in_them_moves_the_cursor() {
    let lines: Vec<String> = rare()
        .into_iter()
        .map(|what| {
            let event = Event {
                at: "2026-11-20T19:53:59Z".parse().unwrap(),
                step: Some(StepKey::from_text("restart")),
                attempt: Some(Attempt(2)),
                actor: Actor::Person(testing::person()),
                what,
            };
            record_line(&event, &Look::plain(120), &testing::zone())
        })
        .collect();
    let text = lines.join("\n");
    assert!(text.chars().all(|c| c == '\n' || !is_unsafe(c)));
    insta::assert_snapshot!(text);
}
