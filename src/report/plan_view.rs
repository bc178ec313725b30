//! What a run will do, for people: the whole plan, and a few lines of it for the head of a run.

use super::describe::{Described, Describer, GateSaid, Place, below};
use super::line::Line;
use super::others::{ApprovalsSaid, Others, expires};
use super::style::{Look, Tone, effect};

use crate::model::Effect;
use crate::plan::{NodeDoes, NodeIx, Order, Plan};

/// The whole plan: banner, parameters, tools, then each step.
pub fn plan(plan: &Plan, look: &Look) -> String {
    let mut out = head(plan, look);
    if let Some(description) = &plan.description {
        out.push_str(&Line::new().text(description).wrap(look, 0));
        out.push('\n');
    }
    parameters(plan, look, &mut out);
    tools(plan, look, &mut out);
    let describer = Describer::of(plan);
    let others = others(plan, &describer);
    if !others.is_empty() {
        heading("Approvals by others", look, &mut out);
    }
    said(others, "  ", look, &mut out);
    let mut view = View { look, out };
    view.heading("Steps, one after another");
    for place in below(plan, plan.steps) {
        view.step(&place, &describer.step(place.ix));
    }
    let last = below(plan, plan.finally);
    if !last.is_empty() {
        view.heading("However the run ends");
    }
    for place in last {
        view.step(&place, &describer.step(place.ix));
    }
    view.out
}

/// What, where, how many steps, and where a person is asked: the head of a run.
pub fn brief(plan: &Plan, look: &Look) -> String {
    let mut out = head(plan, look);
    let leaves = leaves(plan);
    let acting = |least: Effect| {
        let of = leaves.iter().filter(|ix| plan.node(**ix).effect >= least);
        of.count()
    };
    let mut steps = Line::new().text(&counted(leaves.len(), "step"));
    steps = match acting(Effect::Change) {
        0 => steps.text(", none of which changes anything"),
        n => steps.tone(Tone::Warn, &format!(", {n} of them CHANGE something")),
    };
    steps = match acting(Effect::Destructive) {
        0 => steps,
        n => steps.tone(Tone::Bad, &format!(", {n} DESTRUCTIVE")),
    };
    out.push_str(&steps.wrap(look, 2));
    out.push('\n');
    let programs = leaves.iter().map(|ix| &plan.node(*ix).does);
    let programs = programs
        .filter(|does| matches!(does, NodeDoes::Run(_)))
        .count();
    if programs > 0 && !plan.real {
        let said = format!(
            "programs that are started on this machine, for real: {programs}. The runbook says that \
             they only look",
        );
        out.push_str(&Line::new().tone(Tone::Warn, &said).wrap(look, 2));
        out.push('\n');
    }
    let gates = plan.nodes.iter().filter(|node| node.gate.is_some()).count();
    let people = leaves.iter().map(|ix| &plan.node(*ix).does);
    let people = people
        .filter(|does| matches!(does, NodeDoes::Ask(_) | NodeDoes::Manual(_)))
        .count();
    let said = format!(
        "{} before acting, {} for a person to answer or do",
        counted(gates, "gate"),
        counted(people, "step"),
    );
    out.push_str(&Line::new().text(&said).wrap(look, 2));
    out.push('\n');
    self::said(others(plan, &Describer::of(plan)), "", look, &mut out);
    let params = params(plan);
    if !params.is_empty() {
        let said: Vec<String> = params.iter().map(|(n, v)| format!("{n}={v}")).collect();
        out.push_str(
            &Line::new()
                .tone(Tone::Quiet, &said.join("  "))
                .wrap(look, 2),
        );
        out.push('\n');
    }
    out
}

/// Whom the run may have to wait for beside its operator.
fn others(plan: &Plan, describer: &Describer<'_>) -> Vec<(Tone, String)> {
    let others = Others::of(plan, &describer.asks_others());
    let all = [
        (Tone::Plain, others.asked),
        (Tone::Bad, others.stuck),
        (Tone::Plain, others.afterwards),
        (Tone::Plain, others.glass),
    ];
    let there = all.into_iter();
    there
        .filter_map(|(tone, said)| Some((tone, said?)))
        .collect()
}

fn said(lines: Vec<(Tone, String)>, margin: &str, look: &Look, out: &mut String) {
    for (tone, text) in lines {
        let line = Line::new().text(margin).tone(tone, &text);
        out.push_str(&line.wrap(look, margin.len() + 2));
        out.push('\n');
    }
}

/// What does something itself, blocks and undos left out.
pub(super) fn leaves(plan: &Plan) -> Vec<NodeIx> {
    let roots = [plan.steps, plan.finally].into_iter();
    roots
        .flat_map(|root| below(plan, root))
        .map(|place| place.ix)
        .filter(|ix| !plan.node(*ix).does.is_block())
        .collect()
}

fn counted(n: usize, what: &str) -> String {
    match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

fn head(plan: &Plan, look: &Look) -> String {
    let mut out = look.banner(&plan.environment, plan.real);
    out.push('\n');
    let mut line = Line::new()
        .tone(Tone::Strong, plan.runbook.as_str())
        .text("  ")
        .text(&plan.title);
    if let Some(severity) = plan.severity {
        line = line.tone(Tone::Warn, &format!("  {severity}"));
    }
    out.push_str(&line.wrap(look, 2));
    out.push('\n');
    if let Some(lock) = &plan.lock {
        let line = Line::new()
            .tone(Tone::Quiet, "holds the lock ")
            .text(lock)
            .tone(Tone::Quiet, ": one run at a time");
        out.push_str(&line.wrap(look, 2));
        out.push('\n');
    }
    out
}

pub(super) fn params(plan: &Plan) -> Vec<(String, String)> {
    let scope = plan.scopes.first();
    let params = scope.into_iter().flat_map(|scope| &scope.params);
    params.map(|(n, v)| (n.clone(), v.to_string())).collect()
}

fn parameters(plan: &Plan, look: &Look, out: &mut String) {
    let rows: Vec<Vec<String>> = params(plan).into_iter().map(|(n, v)| vec![n, v]).collect();
    if !rows.is_empty() {
        heading("Parameters", look, out);
        table(&rows, look, out);
    }
}

fn tools(plan: &Plan, look: &Look, out: &mut String) {
    let mut rows: Vec<Vec<String>> = plan
        .tools()
        .into_iter()
        .map(|tool| {
            let (who, by) = match plan.binding(tool) {
                Some(binding) => (binding.answers.name(), binding.by.to_string()),
                None => ("nothing".to_owned(), "nothing".to_owned()),
            };
            vec![
                format!("${tool}"),
                format!("→ {who}"),
                format!("bound by {by}"),
            ]
        })
        .collect();
    let runs = plan
        .nodes
        .iter()
        .filter(|n| matches!(n.does, NodeDoes::Run(_)));
    match runs.count() {
        0 => {}
        n => rows.push(vec![
            "run:".to_owned(),
            "→ this machine".to_owned(),
            format!("{}, always real", counted(n, "step")),
        ]),
    }
    if !rows.is_empty() {
        heading("Tools", look, out);
        table(&rows, look, out);
    }
}

/// Columns as wide as their widest cell, within reason; the last one takes what is left.
fn table(rows: &[Vec<String>], look: &Look, out: &mut String) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| Line::new().text(cell).width()).max();
        widest.unwrap_or(0).min(look.columns() / 2)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let mut line = Line::new().text("  ");
        let mut at = 2;
        for (i, cell) in row.iter().enumerate() {
            let tone = if i == 0 { Tone::Plain } else { Tone::Quiet };
            line = line.tone(tone, cell);
            at += widths[i] + 2;
            if i + 1 < row.len() {
                line = line.column(at);
            }
        }
        out.push_str(&line.wrap(look, 6));
        out.push('\n');
    }
}

fn heading(text: &str, look: &Look, out: &mut String) {
    out.push('\n');
    out.push_str(&Line::new().tone(Tone::Strong, text).cut(look));
    out.push('\n');
}

struct View<'a> {
    look: &'a Look,
    out: String,
}

impl View<'_> {
    fn heading(&mut self, text: &str) {
        heading(text, self.look, &mut self.out);
    }

    fn push(&mut self, line: Line, indent: usize) {
        self.out.push_str(&line.wrap(self.look, indent));
        self.out.push('\n');
    }

    fn step(&mut self, place: &Place, step: &Described) {
        // Deep nesting must not push the words off a narrow screen.
        let margin = 2 * place.depth.min(6);
        let number = format!("{:margin$}{}", "", place.number);
        let mut line = Line::new().tone(Tone::Quiet, &number).column(margin + 6);
        line = line.tone(Tone::Strong, &step.title);
        match step.order {
            Some(Order::Parallel) => line = line.tone(Tone::Busy, "  ┬ at once:"),
            Some(_) => line = line.tone(Tone::Quiet, "  in this order:"),
            None => {}
        }
        self.push(line, margin + 8);
        let at = margin + 6;
        for text in &step.does {
            let line = Line::new().column(at);
            let line = match step.kind {
                "manual" => line.text("• ").text(text),
                "ask" => line.text("asks: ").text(text),
                _ => line.text(&shortened(text)),
            };
            self.push(line, at + 4);
        }
        for (choice, meaning) in &step.choices {
            let line = Line::new().column(at + 2).text(choice);
            self.push(line.tone(Tone::Quiet, &format!("  {meaning}")), at + 6);
        }
        self.facts(step, at);
        self.more(step, at);
    }

    /// Effect, who answers, and how long it may take, on one line.
    fn facts(&mut self, step: &Described, at: usize) {
        let mut line = Line::new().column(at);
        let mut any = false;
        let mut add = |line: Line, tone: Tone, text: &str| {
            let line = if any {
                line.tone(Tone::Quiet, " · ")
            } else {
                line
            };
            any = true;
            line.tone(tone, text)
        };
        if matches!(step.kind, "call" | "run" | "inverse") {
            let (tone, word) = effect(step.effect);
            line = add(line, tone, word);
        }
        if let Some(answers) = &step.answers {
            let tone = if step.real { Tone::Warn } else { Tone::Quiet };
            line = add(line, tone, &format!("by {answers}"));
            if step.real {
                line = add(line, tone, "REAL");
            }
        }
        if let Some(timeout) = step.timeout {
            line = add(line, Tone::Quiet, &format!("at most {timeout}"));
        }
        if any {
            self.push(line, at + 4);
        }
    }

    fn more(&mut self, step: &Described, at: usize) {
        let decided = match step.decided {
            Some(true) => "  (holds)",
            Some(false) => "  (does not hold: it will be skipped)",
            None => "",
        };
        let only_if = step.only_if.as_ref().map(|e| format!("{e}{decided}"));
        self.fact(at, Tone::Busy, "only if", only_if.as_deref());
        self.fact(at, Tone::Quiet, "needs", some(&step.needs.join(", ")));
        self.fact(at, Tone::Quiet, "for each", step.each.as_deref());
        self.fact(at, Tone::Quiet, "requires", step.require.as_deref());
        if let Some(gate) = &step.gate {
            self.gate(gate, at);
        }
        self.fact(at, Tone::Quiet, "until", step.until.as_deref());
        self.fact(at, Tone::Quiet, "expects", step.expect.as_deref());
        self.fact(at, Tone::Quiet, "retry", step.retry.as_deref());
        self.fact(at, Tone::Quiet, "undo", step.undo.as_deref());
        self.fact(at, Tone::Quiet, "if it fails", step.on_failure);
    }

    fn gate(&mut self, gate: &GateSaid, at: usize) {
        let mut text = format!("{} asks", gate.by);
        if let Some(question) = &gate.question {
            text.push_str(&format!(": {question}"));
        }
        self.fact(at, Tone::Warn, "◇ gate", Some(&text));
        let challenge = gate
            .challenge
            .as_ref()
            .map(|c| format!("type `{c}` to go on"));
        self.fact(at, Tone::Warn, "", challenge.as_deref());
        let only_if = gate.only_if.as_ref().map(|e| match gate.keep {
            true => format!("the typed challenge only if {e}"),
            false => format!("only if {e}"),
        });
        self.fact(at, Tone::Quiet, "", only_if.as_deref());
        let shows = gate.shows.join(", ");
        let shows = some(&shows).map(|shows| format!("shows {shows}"));
        self.fact(at, Tone::Quiet, "", shows.as_deref());
        let once = gate.once.then_some("once for all items");
        self.fact(at, Tone::Quiet, "", once);
        if let Some(approvals) = &gate.approvals {
            self.approvals(approvals, at);
        }
        for said in expires(&gate.expires) {
            self.fact(at, Tone::Quiet, "", Some(&said));
        }
    }

    fn approvals(&mut self, approvals: &ApprovalsSaid, at: usize) {
        self.fact(at, Tone::Warn, "◇ others", Some(&approvals.whom()));
        let decided = match approvals.decided {
            Some(true) => "  (holds)",
            Some(false) => "  (does not hold: nobody else is asked)",
            None => "",
        };
        let only_if = approvals.only_if.as_ref();
        let only_if = only_if.map(|e| format!("only if {e}{decided}"));
        self.fact(at, Tone::Quiet, "", only_if.as_deref());
        let too_few = "too few people: nobody gets past this";
        let too_few = (approvals.too_few && !approvals.is_dropped()).then_some(too_few);
        self.fact(at, Tone::Quiet, "", too_few);
        let later = "may come up to 24 hours after it has acted";
        self.fact(at, Tone::Quiet, "", approvals.afterwards.then_some(later));
    }

    fn fact(&mut self, at: usize, tone: Tone, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            let line = Line::new().column(at).tone(tone, name).column(at + 12);
            self.push(line.text(text), at + 12);
        }
    }
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// A call with a long text in it, such as a chat message, in a readable length.
fn shortened(text: &str) -> String {
    crate::model::text::clip(text, 240).into_owned()
}

#[cfg(test)]
#[path = "plan_view_tests.rs"]
mod tests;
