//! For pages that draw Mermaid. Labels are quoted, and what could end the quotes is an entity.

use super::flow::{Dot, Flow, Kind};
use crate::model::Effect;
use crate::plan::Plan;

pub(super) fn mermaid(plan: &Plan, flow: &Flow) -> String {
    let mut out = format!(
        "%% {} in {}\nflowchart TD\n",
        plan.runbook, plan.environment
    );
    frame(flow, 0, 1, &mut out);
    for edge in &flow.edges {
        let arrow = if edge.around { "-.->" } else { "-->" };
        let label = edge.label.as_ref();
        let label = label.map_or_else(String::new, |text| format!("|\"{}\"|", escape(text)));
        out.push_str(&format!("  n{} {arrow}{label} n{}\n", edge.from, edge.to));
    }
    out.push_str("  classDef change fill:#fff3cd,stroke:#b58900,color:#000\n");
    out.push_str(
        "  classDef destructive fill:#f8d7da,stroke:#b02a37,color:#000,stroke-width:3px\n",
    );
    out.push_str("  classDef gate fill:#fff,stroke:#b58900,color:#000,stroke-width:2px\n");
    out.push_str("  classDef person fill:#dbeafe,stroke:#1d4ed8,color:#000\n");
    out
}

fn frame(flow: &Flow, at: usize, depth: usize, out: &mut String) {
    let margin = "  ".repeat(depth);
    let dots = flow.dots.iter().enumerate();
    for (n, dot) in dots.filter(|(_, dot)| dot.frame == at) {
        out.push_str(&format!("{margin}n{n}{}\n", shape(dot)));
    }
    for inner in flow.inside(at) {
        let title = escape(&flow.frames[inner].title);
        out.push_str(&format!("{margin}subgraph f{inner} [\"{title}\"]\n"));
        frame(flow, inner, depth + 1, out);
        out.push_str(&format!("{margin}end\n"));
    }
}

fn shape(dot: &Dot) -> String {
    let lines: Vec<String> = dot.lines.iter().map(|line| escape(line)).collect();
    let text = lines.join("<br/>");
    match dot.kind {
        Kind::End => format!("([\"{text}\"])"),
        Kind::Point => "(( ))".to_owned(),
        Kind::Gate => format!("{{\"{text}\"}}:::gate"),
        Kind::Person => format!("[/\"{text}\"/]:::person"),
        Kind::Step(Effect::Read) => format!("[\"{text}\"]"),
        Kind::Step(effect) => format!("[\"{text}\"]:::{}", effect.word()),
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '#' | '&' | '<' | '>' | '`' | '\\' | ';' | '|' => {
                out.push_str(&format!("#{};", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}
