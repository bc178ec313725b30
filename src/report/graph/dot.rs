//! For Graphviz.

use super::flow::{Dot, Flow, Kind};
use crate::model::Effect;
use crate::plan::Plan;

pub(super) fn dot(plan: &Plan, flow: &Flow) -> String {
    let mut out = format!("digraph \"{}\" {{\n", escape(plan.runbook.as_str()));
    let title = format!("{} — {}", flow.frames[0].title, plan.environment);
    out.push_str(&format!("  label=\"{}\"; labelloc=t;\n", escape(&title)));
    out.push_str("  node [shape=box, fontname=\"sans-serif\", fontsize=10];\n");
    out.push_str("  edge [fontname=\"sans-serif\", fontsize=9];\n");
    frame(flow, 0, 1, &mut out);
    for edge in &flow.edges {
        let mut with = Vec::new();
        if let Some(label) = &edge.label {
            with.push(format!("label=\"{}\"", escape(label)));
        }
        if edge.around {
            with.push("style=dashed".to_owned());
        }
        let with = match with.is_empty() {
            true => String::new(),
            false => format!(" [{}]", with.join(", ")),
        };
        out.push_str(&format!("  n{} -> n{}{with};\n", edge.from, edge.to));
    }
    out.push_str("}\n");
    out
}

fn frame(flow: &Flow, at: usize, depth: usize, out: &mut String) {
    let margin = "  ".repeat(depth);
    let dots = flow.dots.iter().enumerate();
    for (n, dot) in dots.filter(|(_, dot)| dot.frame == at) {
        out.push_str(&format!("{margin}n{n} [{}];\n", shape(dot)));
    }
    for inner in flow.inside(at) {
        let title = escape(&flow.frames[inner].title);
        out.push_str(&format!("{margin}subgraph cluster_{inner} {{\n"));
        out.push_str(&format!("{margin}  label=\"{title}\"; style=rounded;\n"));
        frame(flow, inner, depth + 1, out);
        out.push_str(&format!("{margin}}}\n"));
    }
}

fn shape(dot: &Dot) -> String {
    let lines: Vec<String> = dot.lines.iter().map(|line| escape(line)).collect();
    let label = format!("label=\"{}\"", lines.join("\\n"));
    match dot.kind {
        Kind::End => format!("{label}, shape=oval"),
        Kind::Point => "shape=point, width=0.08".to_owned(),
        Kind::Gate => format!("{label}, shape=diamond, color=\"#b58900\""),
        Kind::Person => format!("{label}, shape=note, color=\"#1d4ed8\""),
        Kind::Step(Effect::Read) => label,
        Kind::Step(Effect::Change) => {
            format!("{label}, style=filled, fillcolor=\"#fff3cd\", color=\"#b58900\"")
        }
        Kind::Step(Effect::Destructive) => {
            format!("{label}, style=filled, fillcolor=\"#f8d7da\", color=\"#b02a37\", penwidth=2")
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
