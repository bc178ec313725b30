//! A picture that needs nothing else: no script, no font, no style sheet from elsewhere.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::flow::Kind;
use super::svg_layout::{Cell, GAP, GATE, Inside, LINE, PAD, STEP_WIDTH, rows, size};
use super::writer::label;
use crate::model::Effect;
use crate::plan::{NodeIx, Plan};
use crate::report::describe::Describer;

const STYLE: &str = "text{font:12px ui-sans-serif,system-ui,sans-serif;fill:#111}\
.t{font-weight:600}.q{fill:#555}.c{fill:#1d4ed8;font-style:italic}\
.b{fill:none;stroke:#999;stroke-dasharray:4 3}\
.s{fill:#f6f8fa;stroke:#57606a}.change{fill:#fff3cd;stroke:#b58900}\
.destructive{fill:#f8d7da;stroke:#b02a37;stroke-width:2.5}\
.person{fill:#dbeafe;stroke:#1d4ed8}.g{fill:#fff;stroke:#b58900;stroke-width:2}\
.e{fill:none;stroke:#57606a;marker-end:url(#a)}";

pub(super) fn svg(plan: &Plan) -> String {
    let describer = Describer::of(plan);
    let steps = rows(plan, &describer, plan.steps);
    let last = rows(plan, &describer, plan.finally);
    let (steps_size, last_size) = (size(&steps), size(&last));
    let width = steps_size.0.max(last_size.0).max(STEP_WIDTH) + 2 * GAP;
    let head = 3 * LINE + PAD;
    let tail = if last.is_empty() {
        0
    } else {
        last_size.1 + LINE + PAD
    };
    let height = head + steps_size.1 + tail + GAP;
    let mut pen = Pen {
        out: String::new(),
        places: HashMap::new(),
        plan,
    };
    let title = format!("{}: {}", plan.runbook, plan.title);
    let _ = write!(
        pen.out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\">\n<title>{}</title>\n\
         <style>{STYLE}</style>\n<defs><marker id=\"a\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" \
         markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" \
         fill=\"#57606a\"/></marker></defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        escape(&title)
    );
    pen.text(GAP, 2 * LINE, "t", &label(&title, 100));
    let real = if plan.real { "REAL" } else { "SANDBOX" };
    pen.text(
        GAP,
        3 * LINE,
        "q",
        &format!("{real} · {}", plan.environment),
    );
    let below = pen.column(&steps, GAP, head, width - 2 * GAP);
    if !last.is_empty() {
        pen.text(GAP, below + LINE + PAD, "t", "However the run ends");
        pen.column(&last, GAP, below + LINE + PAD, width - 2 * GAP);
    }
    pen.out.push_str("</svg>\n");
    pen.out
}

/// Across and down.
type Point = (u32, u32);

struct Pen<'a> {
    out: String,
    /// Where the way into a step begins, and where the way out of it ends.
    places: HashMap<NodeIx, (Point, Point)>,
    plan: &'a Plan,
}

impl Pen<'_> {
    /// Rows of one box each, with a way from each to the next; where the last one ends.
    fn column(&mut self, rows: &[Vec<Cell>], x: u32, y: u32, width: u32) -> u32 {
        let middle = x + width / 2;
        let mut at = y + GAP;
        let mut from = None;
        for cell in rows.iter().flatten() {
            self.cell(cell, middle - cell.width.min(width) / 2, at);
            if let Some(from) = from {
                self.arrow(from, (middle, at));
            }
            at += cell.height;
            from = Some((middle, at));
            at += GAP;
        }
        at
    }

    /// Rows side by side: ways from the top to what needs nothing, and from each need.
    fn parallel(&mut self, rows: &[Vec<Cell>], x: u32, y: u32, width: u32) {
        let top = (x + width / 2, y);
        let mut at = y + GAP;
        for row in rows {
            let gaps = GAP * u32::try_from(row.len().saturating_sub(1)).unwrap_or(0);
            let wide: u32 = row.iter().map(|cell| cell.width).sum::<u32>() + gaps;
            let mut left = x + width.saturating_sub(wide) / 2;
            for cell in row {
                self.cell(cell, left, at);
                left += cell.width + GAP;
            }
            at += row.iter().map(|cell| cell.height).max().unwrap_or(0) + GAP;
        }
        for cell in rows.iter().flatten() {
            let Some((into, _)) = self.places.get(&cell.ix).copied() else {
                continue;
            };
            let needs = &self.plan.node(cell.ix).needs;
            let needs: Vec<_> = needs.iter().filter_map(|n| self.places.get(n)).collect();
            let ways: Vec<Point> = match needs.is_empty() {
                true => vec![top],
                false => needs.into_iter().map(|(_, out)| *out).collect(),
            };
            for from in ways {
                self.arrow(from, into);
            }
        }
    }

    fn cell(&mut self, cell: &Cell, x: u32, y: u32) {
        let middle = x + cell.width / 2;
        let mut top = y;
        if let Some(condition) = &cell.condition {
            self.middle(middle, top + LINE - 3, "c", condition, 52);
            top += LINE + 4;
        }
        if !cell.gate.is_empty() {
            self.gate(&cell.gate, middle, top);
            self.arrow((middle, top + GATE), (middle, top + GATE + GAP));
            top += GATE + GAP;
        }
        let height = cell.height - cell.head();
        match &cell.inside {
            Inside::Step { kind, lines } => {
                let class = match kind {
                    Kind::Person => "person",
                    Kind::Step(Effect::Change) => "change",
                    Kind::Step(Effect::Destructive) => "destructive",
                    _ => "s",
                };
                self.rect(class, x, top, cell.width, height);
                let mut at = top + LINE;
                for (i, line) in lines.iter().enumerate() {
                    let class = if i == 0 { "t" } else { "q" };
                    self.clipped(x + 8, at, class, line, 50);
                    at += LINE;
                }
            }
            Inside::Block {
                title,
                rows,
                parallel,
            } => {
                self.rect("b", x, top, cell.width, height);
                self.clipped(x + 8, top + LINE, "t", title, 60);
                let inner = (x + PAD, top + LINE, cell.width - 2 * PAD);
                match parallel {
                    true => self.parallel(rows, inner.0, inner.1, inner.2),
                    false => {
                        self.column(rows, inner.0, inner.1, inner.2);
                    }
                }
            }
        }
        let ends = ((middle, y), (middle, y + cell.height));
        self.places.insert(cell.ix, ends);
    }

    fn gate(&mut self, lines: &[String], middle: u32, top: u32) {
        let (left, right) = (middle - STEP_WIDTH / 2, middle + STEP_WIDTH / 2);
        let _ = writeln!(
            self.out,
            "<path class=\"g\" d=\"M{middle} {top}L{right} {half}L{middle} {bottom}L{left} {half}z\"/>",
            half = top + GATE / 2,
            bottom = top + GATE,
        );
        let mut at = top + GATE / 2 + 4;
        if lines.len() > 1 {
            at -= LINE / 2;
        }
        for line in lines.iter().take(2) {
            self.middle(middle, at, "", line, 34);
            at += LINE;
        }
    }

    fn rect(&mut self, class: &str, x: u32, y: u32, width: u32, height: u32) {
        let _ = writeln!(
            self.out,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>"
        );
    }

    fn arrow(&mut self, from: Point, to: Point) {
        let ((x, y), (to_x, to_y)) = (from, to);
        let half = y + to_y.saturating_sub(y) / 2;
        let _ = writeln!(
            self.out,
            "<path class=\"e\" d=\"M{x} {y}V{half}H{to_x}V{to_y}\"/>"
        );
    }

    fn text(&mut self, x: u32, y: u32, class: &str, text: &str) {
        self.clipped(x, y, class, text, 120);
    }

    /// A text as long as its room; the whole of it appears when it is pointed at.
    fn clipped(&mut self, x: u32, y: u32, class: &str, text: &str, chars: usize) {
        let _ = writeln!(
            self.out,
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}{}</text>",
            hover(text, chars),
            escape(&label(text, chars)),
        );
    }

    fn middle(&mut self, x: u32, y: u32, class: &str, text: &str, chars: usize) {
        let _ = writeln!(
            self.out,
            "<text class=\"{class}\" text-anchor=\"middle\" x=\"{x}\" y=\"{y}\">{}{}</text>",
            hover(text, chars),
            escape(&label(text, chars)),
        );
    }
}

fn hover(text: &str, chars: usize) -> String {
    match text.chars().count() > chars {
        true => format!("<title>{}</title>", escape(text)),
        false => String::new(),
    }
}

/// Text in XML; what XML cannot hold at all is shown replaced.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in crate::model::text::escape_controls(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
