//! A tree for a terminal: one line a step, what runs at once on a double line.

use super::writer::label;
use crate::plan::{NodeIx, Order, Plan};
use crate::report::describe::Describer;
use crate::report::style::effect;

pub(super) fn text(plan: &Plan) -> String {
    let describer = Describer::of(plan);
    let mut out = format!("{}  {}\n", plan.runbook, label(&plan.title, 200));
    branch(plan, &describer, plan.steps, "", Order::Listed, &mut out);
    if !plan.node(plan.finally).does.children().is_empty() {
        out.push_str("however the run ends\n");
        branch(plan, &describer, plan.finally, "", Order::Listed, &mut out);
    }
    out
}

fn branch(
    plan: &Plan,
    describer: &Describer<'_>,
    ix: NodeIx,
    margin: &str,
    order: Order,
    out: &mut String,
) {
    let children = plan.node(ix).does.children();
    for (i, child) in children.iter().enumerate() {
        let last = i + 1 == children.len();
        let (turn, rest) = match (order, last) {
            (Order::Parallel, false) => ("╟─", "║ "),
            (Order::Parallel, true) => ("╙─", "  "),
            (_, false) => ("├─", "│ "),
            (_, true) => ("└─", "  "),
        };
        let step = describer.step(*child);
        let mut line = format!("{margin}{turn}");
        if step.gate.is_some() {
            line.push_str("◇ ");
        } else {
            line.push(' ');
        }
        line.push_str(&label(&step.title, 100));
        if step.order == Some(Order::Parallel) {
            line.push_str("  ┬ at once:");
        }
        if matches!(step.kind, "call" | "run") {
            line.push_str(&format!("  [{}]", effect(step.effect).1));
        }
        if matches!(step.kind, "ask" | "manual") {
            let by = step.answers.as_deref().unwrap_or("a person");
            line.push_str(&format!("  [{}]", label(by, 40)));
        }
        if !step.needs.is_empty() {
            line.push_str(&format!("  after {}", label(&step.needs.join(", "), 100)));
        }
        for (word, text) in [("if", &step.only_if), ("for each", &step.each)] {
            if let Some(text) = text {
                line.push_str(&format!("  {word} {}", label(text, 100)));
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
        let inner = step.order.unwrap_or(Order::Listed);
        let margin = format!("{margin}{rest}");
        branch(plan, describer, *child, &margin, inner, out);
    }
}
