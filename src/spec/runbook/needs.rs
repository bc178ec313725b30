//! `needs`: what the steps of a parallel block wait for among themselves.

use std::collections::{HashMap, HashSet};

use crate::model::suggest::nearest;
use crate::model::text::{clip, escape_controls};
use crate::spec::decode::Decoder;
use crate::spec::limits::MAX_NEAR;
use crate::spec::step::Step;
use crate::spec::yaml::Node;

/// Holds the `needs` of a parallel block's steps against each other. `items` are what was
/// written, so that a step that could not be read is still known by its id.
pub(super) fn check(decoder: &Decoder, items: &[Node], steps: &[Option<Step>]) {
    let id = |item: &Node| item.get("id").and_then(Node::text).map(str::to_owned);
    let ids: Vec<String> = items.iter().filter_map(id).collect();
    let known: HashSet<&str> = ids.iter().map(String::as_str).collect();
    let by_id: HashMap<&str, usize> = steps
        .iter()
        .enumerate()
        .filter_map(|(i, step)| Some((step.as_ref()?, i)))
        .filter(|(step, _)| step.named)
        .map(|(step, i)| (step.id.as_str(), i))
        .collect();
    let mut edges: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (i, step) in steps.iter().enumerate() {
        if decoder.is_full() {
            return;
        }
        let mut seen = HashSet::new();
        for need in step.iter().flat_map(|step| &step.how.needs) {
            if !seen.insert(need.as_str()) {
                let message = format!("`{need}` is needed twice");
                decoder.report(decoder.error(need.span, message).code("needs"));
            } else if !known.contains(need.as_str()) {
                let shown = escape_controls(&clip(need.as_str(), 60)).into_owned();
                let message = format!("no step beside this one is called `{shown}`");
                let near = nearest(need.as_str(), ids.iter().take(MAX_NEAR).map(String::as_str));
                decoder.report(
                    decoder
                        .error(need.span, message)
                        .code("needs")
                        .maybe_help(near.map(|near| format!("did you mean `{near}`?")))
                        .help("`needs` names steps of the same parallel block"),
                );
            } else if let Some(at) = by_id.get(need.as_str()) {
                edges[i].push(*at);
            }
        }
    }
    if let Some(circle) = circle(&edges) {
        report(decoder, steps, &circle);
    }
}

fn report(decoder: &Decoder, steps: &[Option<Step>], circle: &[usize]) {
    let name = |i: &usize| steps[*i].as_ref().map_or("", |step| step.id.as_str());
    let mut path: Vec<&str> = circle.iter().map(name).collect();
    path.extend(circle.first().map(name));
    let span = circle.first().and_then(|first| {
        let step = steps[*first].as_ref()?;
        let next = path.get(1)?;
        let need = step.how.needs.iter().find(|need| need.as_str() == *next)?;
        Some(need.span)
    });
    let shown = match path.as_slice() {
        [first @ .., _] if first.len() > 12 => {
            format!("{} → … → {}", first[..12].join(" → "), path[0])
        }
        path => path.join(" → "),
    };
    if let Some(span) = span {
        let message = format!("these steps wait for each other: {shown}");
        decoder.report(decoder.error(span, message).code("needs-cycle"));
    }
}

/// The first circle, each step needing the next one.
fn circle(edges: &[Vec<usize>]) -> Option<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; edges.len()];
    for root in 0..edges.len() {
        if marks[root] != Mark::New {
            continue;
        }
        marks[root] = Mark::Open;
        // The way from the root, with how many edges of each step were followed.
        let mut way = vec![(root, 0)];
        while let Some((at, followed)) = way.last_mut() {
            match edges[*at].get(*followed) {
                None => {
                    marks[*at] = Mark::Done;
                    way.pop();
                }
                Some(next) => {
                    *followed += 1;
                    match marks[*next] {
                        Mark::Done => {}
                        Mark::Open => {
                            let start = way.iter().position(|(step, _)| step == next)?;
                            return Some(way[start..].iter().map(|(step, _)| *step).collect());
                        }
                        Mark::New => {
                            marks[*next] = Mark::Open;
                            way.push((*next, 0));
                        }
                    }
                }
            }
        }
    }
    None
}
