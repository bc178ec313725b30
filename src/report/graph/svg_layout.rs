//! Where everything of the picture goes: boxes in boxes, from the inside out.
//!
//! A list is a column, what runs at once a row; steps of a row that need others stand below them.

use std::collections::HashMap;

use super::flow::{Kind, gate_lines, kind, lines, title};
use super::writer::label;
use crate::plan::{NodeDoes, NodeIx, Order, Plan};
use crate::report::describe::Describer;

pub(super) const STEP_WIDTH: u32 = 340;
pub(super) const LINE: u32 = 16;
pub(super) const GAP: u32 = 28;
pub(super) const PAD: u32 = 14;
pub(super) const GATE: u32 = 76;

/// A box with what is in it. Its size counts the condition and the gate above it.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) ix: NodeIx,
    pub(super) width: u32,
    pub(super) height: u32,
    /// The way in says so.
    pub(super) condition: Option<String>,
    pub(super) gate: Vec<String>,
    pub(super) inside: Inside,
}

/// What a box is.
#[derive(Clone, Debug)]
pub(super) enum Inside {
    /// A step: its lines.
    Step { kind: Kind, lines: Vec<String> },
    /// A block: rows of boxes, one below the other.
    Block {
        title: String,
        rows: Vec<Vec<Cell>>,
        /// Whether what is in a row starts at once.
        parallel: bool,
    },
}

impl Cell {
    /// What stands above the box itself.
    pub(super) fn head(&self) -> u32 {
        let condition = if self.condition.is_some() {
            LINE + 4
        } else {
            0
        };
        let gate = if self.gate.is_empty() { 0 } else { GATE + GAP };
        condition + gate
    }
}

/// The children of a root as rows.
pub(super) fn rows(plan: &Plan, describer: &Describer<'_>, root: NodeIx) -> Vec<Vec<Cell>> {
    let children = plan.node(root).does.children();
    children
        .iter()
        .map(|ix| vec![cell(plan, describer, *ix)])
        .collect()
}

/// How much room rows take.
pub(super) fn size(rows: &[Vec<Cell>]) -> (u32, u32) {
    let width = |row: &Vec<Cell>| {
        let gaps = GAP * u32::try_from(row.len().saturating_sub(1)).unwrap_or(0);
        row.iter().map(|cell| cell.width).sum::<u32>() + gaps
    };
    let height = |row: &Vec<Cell>| row.iter().map(|cell| cell.height).max().unwrap_or(0) + GAP;
    let widest = rows.iter().map(width).max().unwrap_or(STEP_WIDTH);
    (widest, rows.iter().map(height).sum::<u32>() + GAP)
}

fn cell(plan: &Plan, describer: &Describer<'_>, ix: NodeIx) -> Cell {
    let step = describer.step(ix);
    let (inside, width, height) = match &plan.node(ix).does {
        NodeDoes::Block { order, children } => {
            let parallel = *order == Order::Parallel;
            block(plan, describer, title(&step), children, parallel)
        }
        NodeDoes::Include { children, .. } => block(plan, describer, title(&step), children, false),
        _ => {
            let lines = lines(&step);
            let height = LINE * u32::try_from(lines.len()).unwrap_or(1) + PAD;
            let kind = kind(&step);
            (Inside::Step { kind, lines }, STEP_WIDTH, height)
        }
    };
    let mut cell = Cell {
        ix,
        width,
        height,
        condition: step
            .only_if
            .as_ref()
            .map(|e| label(&format!("if {e}"), 200)),
        gate: gate_lines(&step),
        inside,
    };
    cell.height += cell.head();
    cell
}

fn block(
    plan: &Plan,
    describer: &Describer<'_>,
    title: String,
    children: &[NodeIx],
    parallel: bool,
) -> (Inside, u32, u32) {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut level: HashMap<NodeIx, usize> = HashMap::new();
    for (i, ix) in by_need(plan, children).into_iter().enumerate() {
        let needs = plan.node(ix).needs.iter();
        let below = needs.filter_map(|need| level.get(need)).max();
        let row = match parallel {
            true => below.map_or(0, |below| below + 1),
            false => i,
        };
        level.insert(ix, row);
        while rows.len() <= row {
            rows.push(Vec::new());
        }
        rows[row].push(cell(plan, describer, ix));
    }
    let (width, height) = size(&rows);
    let inside = Inside::Block {
        title: label(&title, 80),
        rows,
        parallel,
    };
    let title_width = 8 * 40;
    (
        inside,
        width.max(title_width) + 2 * PAD,
        height + LINE + PAD,
    )
}

/// What is needed before what needs it, else as written.
fn by_need(plan: &Plan, children: &[NodeIx]) -> Vec<NodeIx> {
    let mut waiting = children.to_vec();
    let mut out: Vec<NodeIx> = Vec::new();
    while !waiting.is_empty() {
        let ready = waiting
            .iter()
            .position(|ix| plan.node(*ix).needs.iter().all(|need| out.contains(need)));
        out.push(waiting.remove(ready.unwrap_or(0)));
    }
    out
}
