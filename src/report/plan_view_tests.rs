//! A plan as people read it, at several widths.

use super::*;
use crate::report::plan_json;
use crate::report::testing;

#[test]
fn a_plan_at_80_columns() {
    insta::assert_snapshot!(plan(&testing::plan(false), &Look::plain(80)));
}

#[test]
fn a_plan_at_200_columns() {
    insta::assert_snapshot!(plan(&testing::plan(true), &Look::plain(200)));
}

#[test]
fn a_plan_in_colour_says_the_same() {
    let plain = plan(&testing::plan(true), &Look::plain(80));
    let colored = plan(&testing::plan(true), &Look::plain(80).colored());
    assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
    insta::assert_snapshot!(format!("{:?}", colored.lines().take(4).collect::<Vec<_>>()));
}

#[test]
fn the_head_of_a_run_is_a_few_lines() {
    let sandbox = brief(&testing::plan(false), &Look::plain(80));
    let real = brief(&testing::plan(true), &Look::plain(80));
    insta::assert_snapshot!(format!("{sandbox}\n{real}"));
}

#[test]
fn a_plan_as_json() {
    let json = plan_json(&testing::plan(false));
    assert_eq!(json["version"], 1);
    insta::assert_snapshot!(serde_json::to_string_pretty(&json["steps"][3]).unwrap());
    assert_eq!(json["steps"].as_array().unwrap().len(), 8);
}

#[test]
fn nothing_that_an_author_wrote_moves_the_cursor() {
    let mut evil = testing::plan(false);
    evil.title = "down\x1b[2J".to_owned();
    evil.description = Some("a\r\u{202e}b\u{9b}31m".to_owned());
    let text = plan(&evil, &Look::plain(80));
    assert!(
        text.chars()
            .all(|c| c == '\n' || !crate::model::text::is_unsafe(c))
    );
}
