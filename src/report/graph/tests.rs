use super::*;
use crate::model::text::is_unsafe;
use crate::report::testing;

#[test]
fn each_format_shows_blocks_gates_and_conditions() {
    let plan = testing::plan(false);
    insta::assert_snapshot!("text", graph(&plan, Format::Text));
    insta::assert_snapshot!("mermaid", graph(&plan, Format::Mermaid));
    insta::assert_snapshot!("dot", graph(&plan, Format::Dot));
    insta::assert_snapshot!("svg", graph(&plan, Format::Svg));
}

#[test]
fn what_an_author_wrote_stays_text() {
    let mut plan = testing::plan(false);
    plan.title = "a\"]; click n1 \"javascript:alert(1)\" <script>&\x1b[2J\u{202e}\\".to_owned();
    for ix in [1, 4] {
        let title = crate::expr::Template::parse(&plan.title).unwrap();
        let span = crate::spec::source::Span::default();
        plan.nodes[ix].how.title = Some(crate::spec::source::Spanned::new(title, span));
    }
    for (_, format) in Format::ALL {
        let text = graph(&plan, format);
        assert!(
            text.chars().all(|c| c == '\n' || !is_unsafe(c)),
            "{format:?}"
        );
    }
    assert!(!graph(&plan, Format::Svg).contains("<script"));
    assert!(!graph(&plan, Format::Mermaid).contains("\"javascript"));
    assert!(graph(&plan, Format::Dot).contains("\\\"javascript"));
}

#[test]
fn the_picture_is_well_formed() {
    let svg = graph(&testing::plan(true), Format::Svg);
    let mut open: Vec<String> = Vec::new();
    for tag in svg
        .split('<')
        .skip(1)
        .map(|rest| rest.split('>').next().unwrap())
    {
        let name = tag
            .trim_start_matches('/')
            .split([' ', '/'])
            .next()
            .unwrap()
            .to_owned();
        match (tag.starts_with('/'), tag.ends_with('/')) {
            (true, _) => assert_eq!(open.pop(), Some(name)),
            (false, true) => {}
            (false, false) => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}
