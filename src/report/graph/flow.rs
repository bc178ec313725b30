//! What leads to what, as nodes, edges and frames: what Mermaid and Graphviz are told.
//!
//! Everything has one way in and one way out, joined by points where several ways meet: so a long
//! list of conditional steps has as many edges as steps, not their square.

use super::writer::label;
use crate::model::Effect;
use crate::plan::{NodeDoes, NodeIx, Order, Plan};
use crate::report::describe::{Described, Describer};

/// What a node of the picture stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Where it begins or ends.
    End,
    /// A step that a machine does.
    Step(Effect),
    /// A step that a person does.
    Person,
    /// A gate.
    Gate,
    /// Where ways meet or part.
    Point,
}

/// A node of the picture.
#[derive(Clone, Debug)]
pub(super) struct Dot {
    pub(super) kind: Kind,
    pub(super) lines: Vec<String>,
    pub(super) frame: usize,
}

/// A way from one node to another.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) label: Option<String>,
    /// A way around something.
    pub(super) around: bool,
}

/// A block: a frame around what is in it. The first one is the whole picture.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) inside: usize,
}

/// The picture.
#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    pub(super) dots: Vec<Dot>,
    pub(super) edges: Vec<Edge>,
    pub(super) frames: Vec<Frame>,
}

impl Flow {
    /// The frames directly inside one.
    pub(super) fn inside(&self, frame: usize) -> impl Iterator<Item = usize> + '_ {
        (1..self.frames.len()).filter(move |f| self.frames[*f].inside == frame)
    }
}

/// The picture of a plan.
pub(super) fn flow(plan: &Plan) -> Flow {
    let mut maker = Maker {
        plan,
        describer: Describer::of(plan),
        flow: Flow::default(),
    };
    maker.frame(plan.title.clone(), 0);
    let start = maker.dot(Kind::End, vec!["start".to_owned()], 0);
    let steps = plan.node(plan.steps).does.children();
    let mut last = maker.chain(steps, start, None, 0);
    let finally = plan.node(plan.finally).does.children();
    if !finally.is_empty() {
        let frame = maker.frame("However the run ends".to_owned(), 0);
        last = maker.chain(finally, last, Some("always".to_owned()), frame);
    }
    let end = maker.dot(Kind::End, vec!["end".to_owned()], 0);
    maker.edge(last, end, None);
    maker.flow
}

/// What a picture says of a step: title, what is done, and in which way.
pub(super) fn lines(step: &Described) -> Vec<String> {
    let mut lines = vec![label(&step.title, 60)];
    if let Some(does) = step.does.first() {
        let more = match step.does.len() {
            0 | 1 => String::new(),
            n => format!(" (+{} more)", n - 1),
        };
        lines.push(format!("{}{more}", label(does, 60)));
    }
    let mut facts = Vec::new();
    if matches!(step.kind, "call" | "run") {
        facts.push(crate::report::style::effect(step.effect).1.to_owned());
    }
    if let Some(answers) = &step.answers {
        let real = if step.real { " REAL" } else { "" };
        facts.push(format!("by {answers}{real}"));
    }
    if !facts.is_empty() {
        lines.push(label(&facts.join(" · "), 60));
    }
    for (word, text) in [
        ("for each", &step.each),
        ("until", &step.until),
        ("undo:", &step.undo),
    ] {
        if let Some(text) = text {
            lines.push(label(&format!("{word} {text}"), 60));
        }
    }
    lines
}

/// What a gate asks, and what must be typed.
pub(super) fn gate_lines(step: &Described) -> Vec<String> {
    let Some(gate) = &step.gate else {
        return Vec::new();
    };
    let question = gate.question.as_deref().unwrap_or("go on?");
    let mut lines = vec![label(question, 60)];
    if let Some(challenge) = &gate.challenge {
        lines.push(label(&format!("type {challenge}"), 40));
    }
    lines
}

pub(super) fn kind(step: &Described) -> Kind {
    match step.kind {
        "manual" | "ask" => Kind::Person,
        _ => Kind::Step(step.effect),
    }
}

struct Maker<'a> {
    plan: &'a Plan,
    describer: Describer<'a>,
    flow: Flow,
}

impl Maker<'_> {
    fn frame(&mut self, title: String, inside: usize) -> usize {
        let title = label(&title, 80);
        self.flow.frames.push(Frame { title, inside });
        self.flow.frames.len() - 1
    }

    fn dot(&mut self, kind: Kind, lines: Vec<String>, frame: usize) -> usize {
        self.flow.dots.push(Dot { kind, lines, frame });
        self.flow.dots.len() - 1
    }

    fn edge(&mut self, from: usize, to: usize, label: Option<String>) {
        let around = false;
        self.flow.edges.push(Edge {
            from,
            to,
            label,
            around,
        });
    }

    fn chain(
        &mut self,
        steps: &[NodeIx],
        from: usize,
        mut label: Option<String>,
        frame: usize,
    ) -> usize {
        let mut last = from;
        for ix in steps {
            last = self.step(*ix, last, label.take(), frame);
        }
        last
    }

    /// A step with what stands before it; the node that it is left by.
    fn step(&mut self, ix: NodeIx, from: usize, on: Option<String>, frame: usize) -> usize {
        let step = self.describer.step(ix);
        let condition = step.only_if.as_ref().map(|e| label(&format!("if {e}"), 80));
        let mut on = condition.clone().or(on);
        let mut last = from;
        if step.gate.is_some() {
            let gate = self.dot(Kind::Gate, gate_lines(&step), frame);
            self.edge(last, gate, on.take());
            (last, on) = (gate, Some("approved".to_owned()));
        }
        last = match &self.plan.node(ix).does {
            NodeDoes::Block { order, children } => {
                let inner = self.frame(title(&step), frame);
                match order {
                    Order::Parallel => self.parallel(children, last, on, inner),
                    _ => self.chain(children, last, on, inner),
                }
            }
            NodeDoes::Include { children, .. } => {
                let inner = self.frame(title(&step), frame);
                self.chain(children, last, on, inner)
            }
            _ => {
                let dot = self.dot(kind(&step), lines(&step), frame);
                self.edge(last, dot, on);
                dot
            }
        };
        if condition.is_some() {
            let meet = self.dot(Kind::Point, Vec::new(), frame);
            self.edge(last, meet, None);
            self.flow.edges.push(Edge {
                from,
                to: meet,
                label: Some("else".to_owned()),
                around: true,
            });
            last = meet;
        }
        last
    }

    fn parallel(
        &mut self,
        children: &[NodeIx],
        from: usize,
        on: Option<String>,
        frame: usize,
    ) -> usize {
        let fork = self.dot(Kind::Point, Vec::new(), frame);
        self.edge(from, fork, on);
        let mut left: std::collections::HashMap<NodeIx, usize> = std::collections::HashMap::new();
        // What is needed comes first, however the file has it; a cycle did not pass `check`.
        let mut waiting: Vec<NodeIx> = children.to_vec();
        while !waiting.is_empty() {
            let ready = waiting.iter().position(|ix| {
                let needs = &self.plan.node(*ix).needs;
                needs.iter().all(|need| left.contains_key(need))
            });
            let ix = waiting.remove(ready.unwrap_or(0));
            let needs = &self.plan.node(ix).needs;
            let needs: Vec<usize> = needs.iter().filter_map(|n| left.get(n).copied()).collect();
            let before = match needs.as_slice() {
                [] => fork,
                [one] => *one,
                many => {
                    let meet = self.dot(Kind::Point, Vec::new(), frame);
                    for need in many {
                        self.edge(*need, meet, None);
                    }
                    meet
                }
            };
            let exit = self.step(ix, before, None, frame);
            left.insert(ix, exit);
        }
        let join = self.dot(Kind::Point, Vec::new(), frame);
        for ix in children {
            let needed = children
                .iter()
                .any(|other| self.plan.node(*other).needs.contains(ix));
            if let (false, Some(exit)) = (needed, left.get(ix)) {
                self.edge(*exit, join, None);
            }
        }
        join
    }
}

/// A frame's title: the block's, and its order where that is not the usual one.
pub(super) fn title(step: &Described) -> String {
    let mut title = step.title.clone();
    if step.order == Some(Order::Parallel) {
        title.push_str(" — at once");
    }
    if let Some(each) = &step.each {
        title.push_str(&format!(" — for each {each}"));
    }
    title
}
