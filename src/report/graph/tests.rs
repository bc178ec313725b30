//! Graphs of a small plan in all formats.

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

#[test]
fn what_needs_another_step_stands_below_it() {
    let mut plan = testing::plan(false);
    plan.nodes[3].needs = vec![crate::plan::NodeIx(2)];
    let dot = graph(&plan, Format::Dot);
    assert!(
        dot.contains("n1 -> n2;") && dot.contains("n2 -> n3;"),
        "{dot}"
    );
    assert!(
        !dot.contains("n1 -> n3;") && !dot.contains("n2 -> n4;"),
        "{dot}"
    );
    assert!(graph(&plan, Format::Text).contains("Check the replicas  [read]  after status"));
}

/// The boxes of a picture: left, top, right, bottom.
fn boxes(svg: &str) -> Vec<[u32; 4]> {
    let number = |tag: &str, name: &str| -> u32 {
        let rest = tag.split_once(&format!(" {name}=\"")).unwrap().1;
        rest.split('"').next().unwrap().parse().unwrap()
    };
    let tags = svg.split('<').filter(|tag| tag.starts_with("rect class"));
    tags.map(|tag| {
        let (x, y) = (number(tag, "x"), number(tag, "y"));
        [x, y, x + number(tag, "width"), y + number(tag, "height")]
    })
    .collect()
}

#[test]
fn boxes_stand_beside_or_inside_each_other() {
    let mut plan = testing::plan(false);
    for needs in [vec![], vec![crate::plan::NodeIx(2)]] {
        plan.nodes[3].needs = needs;
        let boxes = boxes(&graph(&plan, Format::Svg));
        assert!(boxes.len() > 10);
        for (i, a) in boxes.iter().enumerate() {
            for b in &boxes[i + 1..] {
                let beside = a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
                let holds = |a: &[u32; 4], b: &[u32; 4]| {
                    a[0] <= b[0] && a[1] <= b[1] && a[2] >= b[2] && a[3] >= b[3]
                };
                assert!(beside || holds(a, b) || holds(b, a), "{a:?} {b:?}");
            }
        }
    }
}
