//! A planned step in words, as far as they are known before the run: what plan, graph and JSON
//! have in common. Nothing here is escaped.

use super::known::{InScope, Known};
use super::others::ApprovalsSaid;
use super::words;
use crate::expr::{Expression, Scope};
use crate::model::gate::Expires;
use crate::model::{Duration, Effect, Map, Value};
use crate::plan::{
    Challenge, GateBy, Node, NodeDoes, NodeIx, Order, Plan, PlannedGate, PlannedUndo,
};
use crate::spec::source::Spanned;
use crate::spec::step::{
    Argument, ForEach, OnFailure, Pause, Poll, Repeat, ResolvedCall, Retry, RunCommand, UndoWhen,
};

/// Steps by their place in the plan's tree, in the order in which a person reads them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) ix: NodeIx,
    /// How many blocks are around it.
    pub(super) depth: usize,
    /// `4.2`: its place in the list, and in the list around it.
    pub(super) number: String,
}

/// The steps below a root, each block before what is in it.
pub(super) fn below(plan: &Plan, root: NodeIx) -> Vec<Place> {
    let mut out = Vec::new();
    let mut stack: Vec<Place> = Vec::new();
    let push = |stack: &mut Vec<Place>, ix: NodeIx, depth: usize, number: &str| {
        let children = plan.node(ix).does.children();
        for (i, child) in children.iter().enumerate().rev() {
            let dot = if number.is_empty() { "" } else { "." };
            stack.push(Place {
                ix: *child,
                depth,
                number: format!("{number}{dot}{}", i + 1),
            });
        }
    };
    push(&mut stack, root, 0, "");
    while let Some(place) = stack.pop() {
        push(&mut stack, place.ix, place.depth + 1, &place.number);
        out.push(place);
    }
    out
}

/// A step in words.
#[derive(Clone, Debug)]
pub(super) struct Described {
    pub(super) kind: &'static str,
    pub(super) title: String,
    /// Whether a person gave it a title.
    pub(super) titled: bool,
    pub(super) why: Option<String>,
    /// What is typed, asked or told.
    pub(super) does: Vec<String>,
    /// Who answers: an adapter, a program, a person.
    pub(super) answers: Option<String>,
    /// Whether it touches something real.
    pub(super) real: bool,
    pub(super) effect: Effect,
    pub(super) order: Option<Order>,
    pub(super) only_if: Option<String>,
    /// Where the condition is decided by the parameters alone.
    pub(super) decided: Option<bool>,
    pub(super) require: Option<String>,
    pub(super) expect: Option<String>,
    pub(super) each: Option<String>,
    pub(super) needs: Vec<String>,
    pub(super) gate: Option<GateSaid>,
    pub(super) undo: Option<String>,
    pub(super) timeout: Option<Duration>,
    pub(super) retry: Option<String>,
    pub(super) until: Option<String>,
    pub(super) on_failure: Option<&'static str>,
    pub(super) by: Option<String>,
    pub(super) choices: Vec<(String, String)>,
    pub(super) suggest: Option<String>,
}

/// A gate in words.
#[derive(Clone, Debug)]
pub(super) struct GateSaid {
    pub(super) by: &'static str,
    pub(super) question: Option<String>,
    pub(super) challenge: Option<String>,
    pub(super) only_if: Option<String>,
    /// What remains where the condition is false.
    pub(super) keep: bool,
    pub(super) once: bool,
    pub(super) shows: Vec<String>,
    /// What others must say.
    pub(super) approvals: Option<ApprovalsSaid>,
    /// How long it waits, and how long a decision holds.
    pub(super) expires: Expires,
}

/// Describes the steps of one plan.
pub(super) struct Describer<'a> {
    plan: &'a Plan,
    known: Known<'a>,
}

impl<'a> Describer<'a> {
    pub(super) fn of(plan: &'a Plan) -> Self {
        Self {
            plan,
            known: Known::of(plan),
        }
    }

    /// One step.
    pub(super) fn step(&self, ix: NodeIx) -> Described {
        let node = self.plan.node(ix);
        let names = self.known.names(node.scope);
        let how = &node.how;
        let source =
            |e: &Option<Spanned<Expression>>| e.as_ref().map(|e| one_line(e.value.source()));
        let (kind, does) = self.does(node, &names);
        let (answers, real) = self.answers(node);
        let title = how.title.as_ref().map(|t| t.value.render_known(&names));
        Described {
            kind,
            titled: title.is_some(),
            title: title.unwrap_or_else(|| node.path.clone()),
            why: how.why.as_ref().map(|why| why.value.render_known(&names)),
            does,
            answers,
            real,
            effect: node.effect,
            order: match node.does {
                NodeDoes::Block { order, .. } => Some(order),
                NodeDoes::Include { .. } => Some(Order::Listed),
                _ => None,
            },
            only_if: source(&how.condition),
            decided: how.condition.as_ref().and_then(|e| names.decided(&e.value)),
            require: source(&how.require),
            expect: source(&how.expect),
            each: how.for_each.as_ref().map(each),
            needs: node
                .needs
                .iter()
                .map(|need| self.plan.node(*need).path.clone())
                .collect(),
            gate: node.gate.as_ref().map(|g| self.gate(node, g, &names)),
            undo: self.undo(node),
            timeout: node.timeout,
            retry: how.retry.as_ref().map(retry),
            until: how
                .poll
                .as_ref()
                .map(poll)
                .or(how.repeat.as_ref().map(repeat)),
            on_failure: how.on_failure.map(on_failure),
            by: match &node.does {
                NodeDoes::Manual(manual) => manual.by.clone(),
                _ => None,
            },
            choices: match &node.does {
                NodeDoes::Ask(ask) => ask.choices.clone().into_iter().collect(),
                _ => Vec::new(),
            },
            suggest: match &node.does {
                NodeDoes::Ask(ask) => source(&ask.suggest),
                _ => None,
            },
        }
    }

    /// The gates that may ask others, undos included, each with its step.
    pub(super) fn asks_others(&self) -> Vec<(String, ApprovalsSaid)> {
        let asks = self.plan.nodes.iter().filter_map(|node| {
            let asked = node.gate.as_ref()?.approvals.as_ref()?;
            let names = self.known.names(node.scope);
            let said = ApprovalsSaid::of(self.plan, asked, &names);
            (!said.is_dropped()).then(|| (node.path.clone(), said))
        });
        asks.collect()
    }

    fn does(&self, node: &Node, names: &InScope<'_>) -> (&'static str, Vec<String>) {
        match &node.does {
            NodeDoes::Block { .. } => ("block", Vec::new()),
            NodeDoes::Include { scope, with, .. } => {
                let name = &self.plan.scope(*scope).runbook;
                let with = with
                    .iter()
                    .map(|(name, literal)| format!("{name}={}", names.shown(literal)));
                let with = words::planned_words(with);
                (
                    "include",
                    vec![format!("runbook {name} {with}").trim_end().to_owned()],
                )
            }
            NodeDoes::Call(call) => ("call", vec![self.call(call, names)]),
            NodeDoes::Run(run) => {
                let text = match &run.command {
                    RunCommand::Argv(argv) => {
                        words::planned_words(argv.iter().map(|word| word.render_known(names)))
                    }
                    RunCommand::Script { text, .. } => words::script(text),
                };
                ("run", vec![text])
            }
            NodeDoes::Manual(manual) => {
                let items = manual.items.iter().map(|i| i.value.render_known(names));
                let reveal = manual.reveal.iter();
                let reveal = reveal
                    .map(|secret| format!("shows {} to that person alone", secret.value.source()));
                ("manual", items.chain(reveal).collect())
            }
            NodeDoes::Ask(ask) => ("ask", vec![ask.question.value.render_known(names)]),
            NodeDoes::Pause(Pause::For(time)) => ("pause", vec![format!("wait for {time}")]),
            NodeDoes::Pause(Pause::Until { time, zone }) => (
                "pause",
                vec![format!("wait until {} {zone}", time.strftime("%H:%M"))],
            ),
            NodeDoes::Inverse { action, with } => {
                let with = with
                    .iter()
                    .map(|(name, value)| format!("--{name}={}", value.render_known(names)));
                (
                    "inverse",
                    vec![
                        format!("{action} {}", words::planned_words(with))
                            .trim_end()
                            .to_owned(),
                    ],
                )
            }
        }
    }

    fn call(&self, call: &ResolvedCall, names: &InScope<'_>) -> String {
        let mut all: Vec<String> = call.words.iter().map(|w| w.render_known(names)).collect();
        for name in &call.mapped {
            match call.args.get(name) {
                Some(Argument::One(literal)) => {
                    all.push(format!("--{name}={}", names.shown(literal)))
                }
                Some(Argument::Many(many)) => {
                    all.extend(many.iter().map(|l| format!("--{name}={}", names.shown(l))));
                }
                Some(Argument::Flag) => all.push(format!("--{name}")),
                None => {}
            }
        }
        format!("${} {}", call.tool, words::planned_words(all))
            .trim_end()
            .to_owned()
    }

    fn answers(&self, node: &Node) -> (Option<String>, bool) {
        match &node.does {
            NodeDoes::Call(call) => match self.plan.binding(&call.tool) {
                Some(binding) => (Some(binding.answers.name()), binding.answers.is_real()),
                None => (Some("nothing".to_owned()), false),
            },
            NodeDoes::Run(_) => (Some("this machine".to_owned()), true),
            NodeDoes::Manual(manual) => {
                let by = manual.by.clone();
                (Some(by.unwrap_or_else(|| "a person".to_owned())), false)
            }
            NodeDoes::Ask(_) => (Some("a person".to_owned()), false),
            _ => (None, false),
        }
    }

    fn gate(&self, node: &Node, gate: &PlannedGate, names: &InScope<'_>) -> GateSaid {
        let target = || {
            let NodeDoes::Call(call) = &node.does else {
                return self.plan.environment.to_string();
            };
            let action = self.plan.action(&call.tool.tool, &call.action);
            let target = action.and_then(|action| Some(action.target()?.0.clone()));
            match target.and_then(|name| call.args.get(&name)) {
                Some(Argument::One(literal)) => names.shown(literal),
                _ => self.plan.environment.to_string(),
            }
        };
        GateSaid {
            by: match gate.by {
                GateBy::Runbook => "the runbook",
                GateBy::Policy => "the environment's policy",
            },
            question: gate.confirm.as_ref().map(|t| t.render_known(names)),
            challenge: gate.challenge.as_ref().map(|challenge| match challenge {
                Challenge::Text(text) => text.render_known(names),
                Challenge::Target => target(),
            }),
            only_if: gate.condition.as_ref().map(|e| one_line(e.source())),
            keep: gate.keep,
            once: gate.once,
            shows: gate.show.iter().map(|e| one_line(e.source())).collect(),
            approvals: gate
                .approvals
                .as_ref()
                .map(|asked| ApprovalsSaid::of(self.plan, asked, names)),
            expires: gate.expires.clone(),
        }
    }

    /// How a step is taken back; nothing for what only looks.
    fn undo(&self, node: &Node) -> Option<String> {
        match &node.undo {
            PlannedUndo::None => {
                let acts = node.effect.acts() && !node.does.is_block();
                acts.then(|| match self.irreversible(node) {
                    true => "irreversible".to_owned(),
                    false => "no automatic undo".to_owned(),
                })
            }
            PlannedUndo::Barrier => Some(
                "irreversible: a point of no return, nothing before it is undone automatically"
                    .to_owned(),
            ),
            PlannedUndo::Node { node: ix, when, .. } => {
                let undo = self.plan.node(*ix);
                let mut steps: Vec<NodeIx> = below(self.plan, *ix).iter().map(|p| p.ix).collect();
                if !undo.does.is_block() {
                    steps.push(*ix);
                }
                let texts: Vec<String> = steps
                    .into_iter()
                    .map(|ix| self.plan.node(ix))
                    .filter(|node| !node.does.is_block())
                    .flat_map(|node| self.does(node, &self.known.names(node.scope)).1)
                    .collect();
                let when = match when {
                    UndoWhen::Failure => "",
                    UndoWhen::End => " (also after success)",
                    UndoWhen::Later => " (later, by a person's decision)",
                };
                Some(format!("{}{when}", texts.join("; ")))
            }
        }
    }

    fn irreversible(&self, node: &Node) -> bool {
        let NodeDoes::Call(call) = &node.does else {
            return false;
        };
        let action = self.plan.action(&call.tool.tool, &call.action);
        action.is_some_and(|action| action.irreversible)
    }
}

/// An expression that was folded over several lines, in one.
pub(super) fn one_line(source: &str) -> String {
    source.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn each(each: &ForEach) -> String {
    let list = one_line(each.list.value.source());
    let at_once = match each.max_parallel {
        0 | 1 => "one after another".to_owned(),
        n => format!("{n} at once"),
    };
    let failures = match each.max_failures {
        0 => String::new(),
        n => format!(", {n} may fail"),
    };
    format!("{} of {list}, {at_once}{failures}", each.name)
}

fn retry(retry: &Retry) -> String {
    let mut text = format!("{} attempts, {} apart", retry.attempts, retry.delay);
    if retry.backoff > 1.0 {
        text.push_str(&format!(
            ", each {} times longer up to {}",
            retry.backoff, retry.max_delay
        ));
    }
    if let Some(condition) = &retry.condition {
        text.push_str(&format!(", only if {}", one_line(condition.value.source())));
    }
    text
}

fn poll(poll: &Poll) -> String {
    let until = one_line(poll.until.value.source());
    let mut text = format!("{until}, at most {}", poll.within);
    if poll.hold > Duration::ZERO {
        text.push_str(&format!(", must hold {}", poll.hold));
    }
    text.push_str(&format!(" (every {})", poll.every));
    text
}

fn repeat(repeat: &Repeat) -> String {
    let until = one_line(repeat.until.value.source());
    format!("{until}, again and again, at most {} times", repeat.at_most)
}

fn on_failure(on_failure: OnFailure) -> &'static str {
    match on_failure {
        OnFailure::Ask => "the operator decides",
        OnFailure::Stop => "the run stops",
        OnFailure::Continue => "the run goes on",
        OnFailure::Undo => "what was done is taken back",
    }
}

/// How a step is taken back, in words for a gate; escaped for the screen. `args` are those that
/// the step would be called with.
pub fn undo_words(plan: &Plan, ix: NodeIx, args: Option<&Map>) -> String {
    let by_contract = match (&plan.node(ix).undo, args) {
        (
            PlannedUndo::Node {
                node,
                from_contract: true,
                ..
            },
            Some(args),
        ) => inverse_words(plan, *node, args),
        _ => None,
    };
    let node = plan.node(ix);
    let undo = by_contract.or_else(|| match &node.undo {
        PlannedUndo::None => None,
        _ => Describer::of(plan).step(ix).undo,
    });
    let undo = undo.unwrap_or_else(|| match node.effect.acts() {
        false => "nothing to take back: it changes nothing".to_owned(),
        true if node.does.is_block() => undo_inside(plan, ix),
        true if is_irreversible(plan, ix) => "cannot be undone: it is irreversible".to_owned(),
        true => "cannot be undone: no undo is given for it".to_owned(),
    });
    crate::model::text::escape_controls(&undo).into_owned()
}

/// How much of a block can be taken back.
fn undo_inside(plan: &Plan, block: NodeIx) -> String {
    let inside = below(plan, block).into_iter();
    let changes: Vec<&Node> = inside
        .map(|place| plan.node(place.ix))
        .filter(|node| node.effect.acts() && !node.does.is_block())
        .collect();
    let back = |node: &&&Node| matches!(node.undo, PlannedUndo::Node { .. });
    match (changes.iter().filter(back).count(), changes.len()) {
        (0, _) => "cannot be undone: no undo is given for anything in it".to_owned(),
        (back, all) if back == all => "each step in it has its own undo".to_owned(),
        (back, all) => format!(
            "{back} of the {all} steps in it that change something; the rest cannot be undone"
        ),
    }
}

/// What a gate on a block lets through, as far as it is known: a line for each step in it that
/// changes something, and how many only look. Escaped for the screen.
pub fn inside_words(plan: &Plan, ix: NodeIx) -> Vec<String> {
    let describer = Describer::of(plan);
    let mut out = Vec::new();
    let mut looks = 0;
    let top = plan.node(ix).how.for_each.as_ref().map(each);
    out.extend(top.map(|each| format!("for each {each}:")));
    for place in below(plan, ix) {
        let node = plan.node(place.ix);
        let step = describer.step(place.ix);
        let only_if = step
            .only_if
            .map_or_else(String::new, |c| format!(", only if {c}"));
        match (node.does.is_block(), node.effect.acts()) {
            (true, true) => out.extend(step.each.map(|each| format!("for each {each}{only_if}:"))),
            (true, false) => {}
            (false, true) => {
                let (_, effect) = super::style::effect(node.effect);
                out.push(format!("{effect}  {}{only_if}", step.does.join("; ")));
            }
            (false, false) => looks += 1,
        }
    }
    if looks > 0 && plan.node(ix).effect.acts() {
        out.push(format!("and {looks} that change nothing"));
    }
    let escaped = |text: String| crate::model::text::escape_controls(&text).into_owned();
    out.into_iter().map(escaped).collect()
}

fn is_irreversible(plan: &Plan, ix: NodeIx) -> bool {
    let NodeDoes::Call(call) = &plan.node(ix).does else {
        return false;
    };
    let action = plan.action(&call.tool.tool, &call.action);
    action.is_some_and(|action| action.irreversible)
}

/// The contract's inverse with the arguments that are known already.
fn inverse_words(plan: &Plan, inverse: NodeIx, args: &Map) -> Option<String> {
    let NodeDoes::Inverse { action, with } = &plan.node(inverse).does else {
        return None;
    };
    let known = Value::Map(args.clone());
    let names = Scope::new().with("args", &known);
    let words = with.iter().filter_map(|(name, template)| {
        // An argument that was not given is not given back either.
        let left_out = template.lone().is_some_and(|lone| {
            lone.references().iter().all(|reference| {
                matches!(reference.path.as_slice(), [root, arg] if root == "args" && !args.contains_key(arg))
            })
        });
        (!left_out).then(|| format!("--{name}={}", template.render_known(&names)))
    });
    let words = words.collect::<Vec<_>>();
    Some(format!("{action} {}", words::planned_words(words)))
}
